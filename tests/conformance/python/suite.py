"""The Python SDKs, unmodified, against a sandbox. `cargo xtask conformance` starts one and runs this.

Environment: GLIDEPATH_ENDPOINT, GLIDEPATH_CA, GLIDEPATH_TENANT. Every case is one function; a case that fails does not
stop the others. The last line is the count, the exit code is 1 when any failed.
"""

import os
import sys
import time
import traceback

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.managementgroups import ManagementGroupsMgmtClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.policyinsights import PolicyInsightsClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.policy import PolicyClient
from azure.mgmt.subscription import SubscriptionClient

ENDPOINT = os.environ["GLIDEPATH_ENDPOINT"]
CA = os.environ["GLIDEPATH_CA"]
TENANT = os.environ["GLIDEPATH_TENANT"]
os.environ["REQUESTS_CA_BUNDLE"] = CA

credential = ClientSecretCredential(
    TENANT,
    "00000000-0000-0000-0000-0000000000aa",
    "secret",
    authority=ENDPOINT,
    disable_instance_discovery=True,
    connection_verify=CA,
)
COMMON = {
    "base_url": ENDPOINT,
    "credential_scopes": [ENDPOINT + "/.default"],
    "connection_verify": CA,
}
GROUPS = "/providers/Microsoft.Management/managementGroups/"

CASES = []
world = {}


def case(function):
    CASES.append(function)
    return function


def client(kind, *arguments):
    return kind(credential, *arguments, **COMMON)


def refused(call, code):
    """Runs what must fail with an ARM error code."""
    try:
        call()
    except HttpResponseError as error:
        assert error.error is not None and error.error.code == code, f"{error.error and error.error.code}: {error}"
        return error
    raise AssertionError(f"wanted {code}, but it worked")


@case
def management_groups():
    groups = client(ManagementGroupsMgmtClient).management_groups
    made = groups.begin_create_or_update("pycorp", {"properties": {"displayName": "Py corp"}}).result()
    assert made.name == "pycorp"
    assert groups.get("pycorp").properties.display_name == "Py corp"
    assert "pycorp" in [g.name for g in groups.list()]
    assert groups.get("pycorp", expand="children", recurse=True).name == "pycorp"


@case
def subscription_alias():
    subscriptions = client(SubscriptionClient)
    made = subscriptions.alias.begin_create(
        "pysub", {"properties": {"displayName": "Py sub", "additionalProperties": {"managementGroupId": GROUPS + "pycorp"}}}
    ).result()
    world["sub"] = made.properties.subscription_id
    assert world["sub"] in [s.subscription_id for s in subscriptions.subscriptions.list()]
    assert [t.tenant_id for t in subscriptions.tenants.list()] == [TENANT]
    assert list(subscriptions.subscriptions.list_locations(world["sub"]))


@case
def descendants():
    found = list(client(ManagementGroupsMgmtClient).management_groups.get_descendants("pycorp"))
    assert [d.display_name for d in found] == ["Py sub"], found


@case
def entities():
    names = [e.name for e in client(ManagementGroupsMgmtClient).entities.list()]
    assert "pycorp" in names and world["sub"] in names, names


@case
def resource_groups():
    resources = client(ResourceManagementClient, world["sub"])
    assert resources.resource_groups.check_existence("rg") is False
    made = resources.resource_groups.create_or_update("rg", {"location": "westeurope", "tags": {"a": "b"}})
    assert made.location == "westeurope"
    assert resources.resource_groups.check_existence("rg") is True
    assert [g.name for g in resources.resource_groups.list()] == ["rg"]
    patched = resources.resource_groups.update("rg", {"tags": {"c": "d"}})
    assert patched.tags == {"c": "d"}, patched.tags


@case
def providers():
    resources = client(ResourceManagementClient, world["sub"])
    assert resources.providers.register("Microsoft.CognitiveServices").registration_state == "Registered"
    assert resources.providers.get("Microsoft.Network").resource_types
    assert list(resources.providers.list())


@case
def networks():
    networks = client(NetworkManagementClient, world["sub"])
    body = {
        "location": "westeurope",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}]},
    }
    made = networks.virtual_networks.begin_create_or_update("rg", "v", body).result()
    assert made.provisioning_state == "Succeeded" and made.subnets[0].name == "a"
    networks.subnets.begin_create_or_update("rg", "v", "b", {"properties": {"addressPrefix": "10.0.1.0/24"}}).result()
    assert [s.name for s in networks.subnets.list("rg", "v")] == ["a", "b"]
    networks.subnets.begin_delete("rg", "v", "b").result()
    assert [s.name for s in networks.virtual_networks.get("rg", "v").subnets] == ["a"]
    assert [n.name for n in networks.virtual_networks.list_all()] == ["v"]


@case
def generic_resources():
    resources = client(ResourceManagementClient, world["sub"]).resources
    id = f"/subscriptions/{world['sub']}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/generic"
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    made = resources.begin_create_or_update_by_id(id, body, api_version="2024-01-01").result()
    assert made.id == id
    assert resources.check_existence_by_id(id, api_version="2024-01-01") is True
    assert resources.get_by_id(id, api_version="2024-01-01").name == "generic"
    found = [r.name for r in resources.list(filter="resourceType eq 'Microsoft.Storage/storageAccounts'")]
    assert found == ["generic"], found
    resources.begin_delete_by_id(id, api_version="2024-01-01").result()
    assert resources.check_existence_by_id(id, api_version="2024-01-01") is False


@case
def policy_assets():
    policy = client(PolicyClient, world["sub"])
    rule = {
        "if": {"allOf": [
            {"field": "type", "equals": "Microsoft.CognitiveServices/accounts"},
            {"field": "Microsoft.CognitiveServices/accounts/publicNetworkAccess", "notEquals": "Disabled"},
        ]},
        "then": {"effect": "deny"},
    }
    made = policy.policy_definitions.create_or_update_at_management_group(
        "pycorp", "no-public", {"properties": {"mode": "All", "displayName": "No public", "policyRule": rule}}
    )
    world["definition"] = made.id
    assert policy.policy_definitions.get_at_management_group("pycorp", "no-public").policy_type == "Custom"
    made = policy.policy_set_definitions.create_or_update_at_management_group(
        "pycorp", "set", {"properties": {"policyDefinitions": [{"policyDefinitionId": made.id, "policyDefinitionReferenceId": "r"}]}}
    )
    assert len(made.policy_definitions) == 1
    assigned = policy.policy_assignments.create(GROUPS.strip("/") + "/pycorp", "guard", {"properties": {"policyDefinitionId": world["definition"]}})
    world["assignment"] = assigned.id
    assert [a.name for a in policy.policy_assignments.list_for_management_group("pycorp", filter="atExactScope()")] == ["guard"]
    assert [a.name for a in policy.policy_assignments.list()] == ["guard"]


@case
def denial():
    accounts = client(CognitiveServicesManagementClient, world["sub"]).accounts
    open_account = {"location": "westeurope", "kind": "AIServices", "sku": {"name": "S0"}, "properties": {"publicNetworkAccess": "Enabled"}}
    error = refused(lambda: accounts.begin_create("rg", "open", open_account).result(), "RequestDisallowedByPolicy")
    assert "guard" in error.message, error.message
    closed = dict(open_account, properties={"publicNetworkAccess": "Disabled"})
    assert accounts.begin_create("rg", "closed", closed).result().properties.provisioning_state == "Succeeded"
    assert accounts.list_keys("rg", "closed").key1


@case
def model_deployment():
    deployments = client(CognitiveServicesManagementClient, world["sub"]).deployments
    body = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-08-06"}}}
    made = deployments.begin_create_or_update("rg", "closed", "chat", body).result()
    assert made.properties.model.name == "gpt-4o"
    assert [d.name for d in deployments.list("rg", "closed")] == ["chat"]


@case
def compliance():
    insights = client(PolicyInsightsClient, world["sub"])
    insights.policy_states.begin_trigger_subscription_evaluation(world["sub"]).result()
    found = list(insights.policy_states.list_query_results_for_subscription("latest", world["sub"]))
    assert any(s.compliance_state == "Compliant" for s in found), found
    summary = insights.policy_states.summarize_for_subscription("latest", world["sub"])
    assert summary.value[0].results.non_compliant_resources == 0


@case
def exemption_lets_pass():
    resources = client(ResourceManagementClient, world["sub"]).resources
    id = f"/subscriptions/{world['sub']}/resourceGroups/rg/providers/Microsoft.Authorization/policyExemptions/ex"
    body = {"properties": {"policyAssignmentId": world["assignment"], "exemptionCategory": "Waiver"}}
    resources.begin_create_or_update_by_id(id, body, api_version="2022-07-01-preview").result()
    accounts = client(CognitiveServicesManagementClient, world["sub"]).accounts
    open_account = {"location": "westeurope", "kind": "AIServices", "sku": {"name": "S0"}, "properties": {"publicNetworkAccess": "Enabled"}}
    accounts.begin_create("rg", "exempt", open_account).result()
    resources.begin_delete_by_id(id, api_version="2022-07-01-preview").result()


@case
def roles():
    authorization = client(AuthorizationManagementClient, world["sub"])
    scope = f"subscriptions/{world['sub']}"
    found = list(authorization.role_definitions.list(scope, filter="roleName eq 'Reader'"))
    assert [d.role_name for d in found] == ["Reader"], found
    body = {"role_definition_id": found[0].id, "principal_id": "00000000-0000-0000-0000-0000000000bb", "principal_type": "ServicePrincipal"}
    made = authorization.role_assignments.create(scope, "00000000-0000-0000-0000-00000000a001", body)
    assert made.principal_id == "00000000-0000-0000-0000-0000000000bb"
    assert made.name in [a.name for a in authorization.role_assignments.list_for_scope(scope)]


def template(account_access):
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": "Microsoft.CognitiveServices/accounts",
                "apiVersion": "2025-06-01",
                "name": "templated",
                "location": "[resourceGroup().location]",
                "kind": "AIServices",
                "sku": {"name": "S0"},
                "properties": {"publicNetworkAccess": account_access},
            }
        ],
        "outputs": {"endpoint": {"type": "string", "value": "[reference('templated').endpoint]"}},
    }


@case
def deployment():
    deployments = client(DeploymentsMgmtClient, world["sub"]).deployments
    body = {"properties": {"mode": "Incremental", "template": template("Disabled")}}
    assert deployments.begin_validate("rg", "d", body).result().error is None
    made = deployments.begin_create_or_update("rg", "d", body).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.outputs["endpoint"]["value"] == "https://templated.cognitiveservices.azure.com/"
    assert deployments.check_existence("rg", "d")
    assert "d" in [d.name for d in deployments.list_by_resource_group("rg")]
    assert deployments.export_template("rg", "d").template["resources"]


@case
def what_if():
    deployments = client(DeploymentsMgmtClient, world["sub"]).deployments
    body = {"properties": {"mode": "Incremental", "template": template("Disabled")}}
    result = deployments.begin_what_if("rg", "w", body).result()
    changes = {c.resource_id.split("/")[-1]: c.change_type for c in result.properties.changes}
    assert changes["templated"] == "NoChange" and changes["v"] == "Ignore", changes


@case
def denied_deployment():
    deployments = client(DeploymentsMgmtClient, world["sub"]).deployments
    body = {"properties": {"mode": "Incremental", "template": template("Enabled")}}
    error = refused(lambda: deployments.begin_create_or_update("rg", "denied", body).result(), "InvalidTemplateDeployment")
    assert error.error.details[0].code == "RequestDisallowedByPolicy"


@case
def failed_deployment():
    deployments = client(DeploymentsMgmtClient, world["sub"]).deployments
    child = {"type": "Microsoft.Network/virtualNetworks/subnets", "apiVersion": "2024-05-01", "name": "none/s", "properties": {}}
    body = {"properties": {"mode": "Incremental", "template": {"contentVersion": "1.0.0.0", "resources": [child]}}}
    error = refused(lambda: deployments.begin_create_or_update("rg", "fails", body).result(), "DeploymentFailed")
    assert "ParentResourceNotFound" in str(error), error


@case
def tags_api():
    tags = client(ResourceManagementClient, world["sub"]).tags
    scope = f"subscriptions/{world['sub']}/resourceGroups/rg"
    tags.begin_create_or_update_at_scope(scope, {"properties": {"tags": {"one": "1"}}}).result()
    tags.begin_update_at_scope(scope, {"operation": "Merge", "properties": {"tags": {"two": "2"}}}).result()
    assert tags.get_at_scope(scope).properties.tags == {"one": "1", "two": "2"}


@case
def missing_things():
    resources = client(ResourceManagementClient, world["sub"])
    try:
        resources.resource_groups.get("none")
        raise AssertionError("there is no such group")
    except ResourceNotFoundError as error:
        assert error.error.code == "ResourceGroupNotFound"


@case
def group_delete():
    resources = client(ResourceManagementClient, world["sub"])
    resources.resource_groups.begin_delete("rg").result()
    assert resources.resource_groups.check_existence("rg") is False


def main():
    failed = 0
    started = time.monotonic()
    for function in CASES:
        try:
            function()
            print(f"ok    {function.__name__}")
        except Exception as error:
            failed += 1
            print(f"FAIL  {function.__name__}: {type(error).__name__}: {str(error)[:600]}")
            if os.environ.get("GLIDEPATH_TRACE"):
                traceback.print_exc()
    print(f"{len(CASES) - failed} of {len(CASES)} python cases pass ({time.monotonic() - started:.1f} s)")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
