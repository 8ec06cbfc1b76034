"""The Azure CLI, unmodified, against a sandbox. `cargo xtask conformance --az` starts one and runs this with the CLI's Python.

Environment: GLIDEPATH_ENDPOINT, GLIDEPATH_CA, GLIDEPATH_TENANT. Every line of the list is a command as one types it, with
what its exit code and answer must be. A command that fails does not stop the others. The last line is the count.
`suite.py WORD…` runs the sign-in and the commands that hold a word.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

ENDPOINT = os.environ["GLIDEPATH_ENDPOINT"]
CA = os.environ["GLIDEPATH_CA"]
TENANT = os.environ["GLIDEPATH_TENANT"]
CLIENT = "00000000-0000-0000-0000-0000000000aa"
WORK = tempfile.mkdtemp(prefix="glidepath-az-")
POLICY = "/providers/Microsoft.Authorization"
NAMES = {"endpoint": ENDPOINT, "tenant": TENANT, "client": CLIENT, "work": WORK}

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith(("AZURE_", "ARM_"))},
    "AZURE_CONFIG_DIR": os.path.join(WORK, "config"),
    "REQUESTS_CA_BUNDLE": CA,
    "AZURE_CORE_INSTANCE_DISCOVERY": "false",
    "AZURE_CORE_COLLECT_TELEMETRY": "no",
    "AZURE_CORE_SURVEY_MESSAGE": "no",
    "AZURE_CORE_NO_COLOR": "yes",
    "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    "AZURE_CORE_ERROR_RECOMMENDATION": "off",
    "AZURE_CORE_ENCRYPT_TOKEN_CACHE": "false",
}


def write(name, content):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))


write("rule.json", {"if": {"allOf": [
    {"field": "type", "equals": "Microsoft.Storage/storageAccounts"},
    {"field": "tags['owner']", "exists": "false"}]}, "then": {"effect": "[parameters('effect')]"}})
write("params.json", {"effect": {"type": "String", "defaultValue": "Deny", "allowedValues": ["Audit", "Deny", "Disabled"]}})
write("modify.json", {"if": {"field": "tags['costCenter']", "exists": "false"}, "then": {"effect": "modify", "details": {
    "roleDefinitionIds": [POLICY + "/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"],
    "operations": [{"operation": "add", "field": "tags['costCenter']", "value": "none"}]}}})
write("role.json", {"Name": "Network Reader", "Description": "reads networks", "Actions": ["Microsoft.Network/*/read"],
                    "AssignableScopes": ["/providers/Microsoft.Management/managementGroups/azroot"]})
# With comments and a newline inside a string, as people write templates and az forwards them.
write("template.json", """{
  // a storage account
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {"name": {"type": "string"}, "tags": {"type": "object", "defaultValue": {"owner": "me"}}},
  "resources": [{
    /* one of them */
    "type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-05-01", "name": "[parameters('name')]",
    "location": "[resourceGroup().location]", "tags": "[parameters('tags')]", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2",
    "properties": {"minimumTlsVersion": "TLS1_2"}
  }],
  "outputs": {"id": {"type": "string", "value": "[resourceId('Microsoft.Storage/storageAccounts', parameters('name'))]"},
    "text": {"type": "string", "value": "[concat('line one
line two', '')]"}}
}
""")
write("sub.json", {
    "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [{"type": "Microsoft.Resources/resourceGroups", "apiVersion": "2024-11-01", "name": "rg-from-sub",
                   "location": "[deployment().location]"}]})
write("mg.json", {
    "$schema": "https://schema.management.azure.com/schemas/2019-08-01/managementGroupDeploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [{"type": "Microsoft.Authorization/policyAssignments", "apiVersion": "2025-03-01", "name": "from-template",
                   "properties": {"policyDefinitionId":
                       "[extensionResourceId(managementGroup().id, 'Microsoft.Authorization/policyDefinitions', 'owner-tag')]",
                       "parameters": {"effect": {"value": "Disabled"}}}}]})
write("tenant.json", {
    "$schema": "https://schema.management.azure.com/schemas/2019-08-01/tenantDeploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [{"type": "Microsoft.Management/managementGroups", "apiVersion": "2023-04-01", "name": "az-from-template",
                   "scope": "/", "properties": {"displayName": "From a template"}}]})
write("pe.json", {"tags": {"env": "test"}})
write("alias.json", {"properties": {"displayName": "az vended", "workload": "DevTest", "billingScope": "/billing/x"}})

MG = "/providers/Microsoft.Management/managementGroups/azroot"
NO = "--no-register"

# (command, exit code, check of the JSON answer or of the error text)
LIST = []


def az(command, check=None, code=0, save=None):
    LIST.append((command, code, check, save))


def has(**wanted):
    def check(answer):
        for key, value in wanted.items():
            found = answer
            for part in key.split("__"):
                found = found[int(part)] if part.isdigit() else found[part]
            assert found == value, f"{key}: wanted {value!r}, found {found!r}"
    return check


def names(*wanted, key="name"):
    def check(answer):
        found = [item[key] for item in answer]
        missing = [name for name in wanted if name not in found]
        assert not missing, f"lacks {missing}, has {found}"
    return check


def says(*parts):
    def check(text):
        missing = [part for part in parts if part not in text]
        assert not missing, f"does not say {missing}: {text}"
    return check


def wanted(truth):
    assert truth, "not as wanted"


# Vending first: nothing else works without a subscription.
az("cloud register -n Glidepath --endpoint-resource-manager {endpoint}")
az("cloud set -n Glidepath")
az("login --service-principal -u {client} -p any --tenant {tenant} --allow-no-subscriptions")
az("rest --method put --url {endpoint}/providers/Microsoft.Subscription/aliases/az-vended?api-version=2021-10-01 --body @{work}/alias.json",
   has(properties__provisioningState="Succeeded"), save=("sub", "properties.subscriptionId"))
az("logout")
az("login --service-principal -u {client} -p any --tenant {tenant}", has(**{"0__name": "az vended"}))
az("account show", has(tenantId=TENANT, state="Enabled"))
az("account list", names("az vended"))
az("account set -s {sub}")
az("account list-locations", names("swedencentral", "westeurope"))
az("account get-access-token", has(tokenType="Bearer", tenant=TENANT))
az("rest --method get --url {endpoint}/tenants?api-version=2022-12-01", has(value__0__tenantId=TENANT))
# Management groups.
az(f"account management-group create -n azroot --display-name Root {NO}", has(name="azroot"))
az(f"account management-group create -n azcorp --parent azroot {NO}", has(name="azcorp"))
az(f"account management-group show -n azroot -e -r {NO}", has(children__0__name="azcorp"))
az(f"account management-group list {NO}", names("azroot", "azcorp"))
az(f"account management-group update -n azcorp --display-name Corp", has(displayName="Corp"))
az(f"account management-group subscription add -n azcorp -s {{sub}}")
az(f"account management-group delete -n azroot {NO}", code=1)
# Resource groups and generic resources.
az("group create -n rg1 -l swedencentral --tags a=b", has(properties__provisioningState="Succeeded", tags__a="b"))
az("group show -n rg1", has(location="swedencentral"))
az("group exists -n rg1", lambda answer: wanted(answer is True))
az("group exists -n nowhere", lambda answer: wanted(answer is False))
az("group list", names("rg1"))
az("group update -n rg1 --set tags.c=d", has(tags__c="d"))
az("group lock create -n keep -g rg1 --lock-type CanNotDelete", has(level="CanNotDelete"))
az("group delete -n rg1 -y", says("ScopeLocked"), code=1)
az("lock list -g rg1", names("keep"))
az("lock delete -n keep -g rg1")
az("resource create -g rg1 -n v0 --resource-type Microsoft.Network/virtualNetworks -l swedencentral --properties "
   "'{\"addressSpace\":{\"addressPrefixes\":[\"10.9.0.0/16\"]}}'", has(name="v0"))
az("resource show -g rg1 -n v0 --resource-type Microsoft.Network/virtualNetworks", has(name="v0"))
az("resource tag -g rg1 -n v0 --resource-type Microsoft.Network/virtualNetworks --tags x=y", has(tags__x="y"))
az("resource list -g rg1", names("v0"))
az("resource update -g rg1 -n v0 --resource-type Microsoft.Network/virtualNetworks --set tags.z=1", has(tags__z="1"))
az("resource delete -g rg1 -n v0 --resource-type Microsoft.Network/virtualNetworks")
az("tag create --resource-id /subscriptions/{sub}/resourceGroups/rg1 --tags env=test", has(properties__tags__env="test"))
az("tag update --resource-id /subscriptions/{sub}/resourceGroups/rg1 --operation Merge --tags more=1", has(properties__tags__env="test"))
az("tag list --resource-id /subscriptions/{sub}/resourceGroups/rg1", has(properties__tags__more="1"))
# Networks.
az("network vnet create -g rg1 -n hub --address-prefixes 10.0.0.0/16 --subnet-name one --subnet-prefixes 10.0.0.0/24",
   has(newVNet__provisioningState="Succeeded"))
az("network vnet create -g rg1 -n spoke -l swedencentral --address-prefixes 10.1.0.0/16")
az("network nsg create -g rg1 -n nsg1")
az("network nsg rule create -g rg1 --nsg-name nsg1 -n web --priority 100 --destination-port-ranges 443 --access Allow", has(name="web"))
az("network vnet subnet create -g rg1 --vnet-name spoke -n app --address-prefixes 10.1.0.0/24 --network-security-group nsg1", has(name="app"))
az("network vnet subnet list -g rg1 --vnet-name spoke", names("app"))
az("network vnet peering create -g rg1 -n to-hub --vnet-name spoke --remote-vnet hub --allow-vnet-access", has(name="to-hub"))
az("network vnet show -g rg1 -n spoke", has(subnets__0__name="app"))
az("network vnet list -g rg1", names("hub", "spoke"))
az("network private-dns zone create -g rg1 -n privatelink.openai.azure.com", has(name="privatelink.openai.azure.com"))
az("network route-table create -g rg1 -n rt1", has(name="rt1"))
# Policy.
az("policy definition create -n owner-tag --management-group azroot --mode Indexed --rules {work}/rule.json --params {work}/params.json",
   has(name="owner-tag", policyType="Custom"))
az("policy definition show -n owner-tag --management-group azroot", has(mode="Indexed"))
az("policy definition list --management-group azroot", names("owner-tag"))
az("policy set-definition create -n tags-set --management-group azroot --definitions "
   "'[{\"policyDefinitionId\":\"" + MG + POLICY + "/policyDefinitions/owner-tag\",\"policyDefinitionReferenceId\":\"owner\"}]'",
   has(name="tags-set"))
az("policy set-definition list --management-group azroot", names("tags-set"))
az(f"policy assignment create -n deny-owner --scope {MG} --policy {MG}{POLICY}/policyDefinitions/owner-tag",
   has(name="deny-owner", enforcementMode="Default"))
az(f"policy assignment list --scope {MG}", names("deny-owner"))
az("policy assignment list --scope /subscriptions/{sub} --disable-scope-strict-match", names("deny-owner"))
az("policy assignment show -n deny-owner --scope " + MG, has(name="deny-owner"))
az("policy definition create -n cost-tag --rules {work}/modify.json --mode Indexed", has(name="cost-tag"))
az("policy assignment create -n add-cost --policy cost-tag --scope /subscriptions/{sub} --mi-system-assigned --location swedencentral",
   has(identity__type="SystemAssigned"))
az("resource create -g rg1 -n azsadenied1 --resource-type Microsoft.Storage/storageAccounts -l swedencentral --api-version 2023-05-01 "
   "--is-full-object --properties '{\"location\":\"swedencentral\",\"sku\":{\"name\":\"Standard_LRS\"},\"kind\":\"StorageV2\"}'",
   says("RequestDisallowedByPolicy", "disallowed by policy", "deny-owner"), code=1)
az("resource create -g rg1 -n azsaallowed1 --resource-type Microsoft.Storage/storageAccounts -l swedencentral --api-version 2023-05-01 "
   "--is-full-object --properties '{\"location\":\"swedencentral\",\"tags\":{\"owner\":\"me\"},\"sku\":{\"name\":\"Standard_LRS\"},\"kind\":\"StorageV2\"}'",
   has(tags__costCenter="none"))
az("policy exemption create -n later --policy-assignment " + MG + POLICY + "/policyAssignments/deny-owner --exemption-category Waiver "
   "--scope /subscriptions/{sub}/resourceGroups/rg1", has(exemptionCategory="Waiver"))
az("policy exemption list --scope /subscriptions/{sub}/resourceGroups/rg1", names("later"))
az("policy exemption delete -n later --scope /subscriptions/{sub}/resourceGroups/rg1")
az("policy state trigger-scan -g rg1")
az("policy state list -g rg1", lambda answer: wanted(any(s["policyAssignmentName"] == "add-cost" for s in answer)))
az("policy state summarize", has(policyAssignments__0__policySetDefinitionId=""))
az("policy event list")
az("policy remediation create -n fix --policy-assignment add-cost", has(name="fix"))
az("policy remediation list", names("fix"))
# Its identity was given no role: the remediation fails, as in Azure.
az("policy remediation show -n fix", has(provisioningState="Failed"))
az("policy metadata list --top 1")
# Deployments.
az("deployment group validate -g rg1 -f {work}/template.json -p name=azdeployed1", has(properties__provisioningState="Succeeded"))
az("deployment group what-if -g rg1 -f {work}/template.json -p name=azdeployed1 --no-pretty-print", has(status="Succeeded"))
az("deployment group what-if -g rg1 -f {work}/template.json -p name=azdeployed1", says("+ Microsoft.Storage/storageAccounts/azdeployed1"))
az("deployment group create -g rg1 -n d1 -f {work}/template.json -p name=azdeployed1",
   has(properties__provisioningState="Succeeded", properties__outputs__text__value="line one\nline two"))
az("deployment group create -g rg1 -n d2 -f {work}/template.json -p name=azdeployed2 tags={}",
   says("InvalidTemplateDeployment", "RequestDisallowedByPolicy"), code=1)
az("deployment group show -g rg1 -n d1", has(name="d1"))
az("deployment group list -g rg1", names("d1"))
az("deployment group export -g rg1 -n d1")
az("deployment operation group list -g rg1 -n d1", has(**{"0__properties__provisioningState": "Succeeded"}))
az("deployment sub create -l swedencentral -n s1 -f {work}/sub.json", has(properties__provisioningState="Succeeded"))
az("deployment mg create -m azroot -l swedencentral -n m1 -f {work}/mg.json", has(properties__provisioningState="Succeeded"))
az("deployment tenant create -l swedencentral -n t1 -f {work}/tenant.json", has(properties__provisioningState="Succeeded"))
# Roles, providers, models.
az("role definition list -n Reader", has(**{"0__roleName": "Reader"}))
az("role definition create --role-definition {work}/role.json", has(roleName="Network Reader"))
az("role assignment create --role Reader --assignee-object-id {client} --assignee-principal-type ServicePrincipal --scope /subscriptions/{sub}",
   has(principalId=CLIENT))
az("role assignment create --role Contributor --assignee {client} --scope /subscriptions/{sub}/resourceGroups/rg1")
az("role assignment list --scope /subscriptions/{sub}", names("Reader", key="roleDefinitionName"))
az("provider show -n Microsoft.Network", has(namespace="Microsoft.Network"))
az("provider register -n Microsoft.CognitiveServices")
az("provider list", names("Microsoft.Network", key="namespace"))
az("cognitiveservices account create -g rg1 -n azai1 --kind AIServices --sku S0 -l swedencentral --yes", has(name="azai1"))
az("cognitiveservices account deployment create -g rg1 -n azai1 --deployment-name chat --model-name gpt-4.1 --model-version 2025-04-14 "
   "--model-format OpenAI --sku-name GlobalStandard --sku-capacity 1", has(name="chat"))
az("cognitiveservices account deployment list -g rg1 -n azai1", names("chat"))
az("cognitiveservices account show -g rg1 -n azai1", has(properties__provisioningState="Succeeded"))
az("cognitiveservices usage list -l swedencentral", lambda answer: wanted(any(
    u["name"]["value"] == "OpenAI.GlobalStandard.gpt-4.1" and u["currentValue"] == 1 for u in answer)))
az("cognitiveservices model list -l swedencentral", lambda answer: wanted(any(m["model"]["name"] == "gpt-4.1" for m in answer)))
az("cognitiveservices account deployment create -g rg1 -n azai1 --deployment-name much --model-name gpt-4.1 --model-version 2025-04-14 "
   "--model-format OpenAI --sku-name GlobalStandard --sku-capacity 99999", says("InsufficientQuota"), code=1)
az("monitor activity-log list -g rg1", lambda answer: wanted(any(e["operationName"]["value"].endswith("/write") for e in answer)))
az("rest --method post --url {endpoint}/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01 --body "
   "'{\"query\":\"resources | where type =~ \\\"microsoft.network/virtualnetworks\\\" | project name | order by name asc\"}'",
   has(totalRecords=2, data__0__name="hub"))
az("rest --method post --url {endpoint}/subscriptions/{sub}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions?api-version=2023-03-01 --body "
   "'{\"resourceDetails\":{\"resourceContent\":{\"type\":\"Microsoft.Storage/storageAccounts\"}}}'",
   has(contentEvaluationResult__policyEvaluations__0__evaluationResult="NonCompliant"))
az("group delete -n rg-from-sub -y")


def run(command, code, check, save):
    for name, value in NAMES.items():
        command = command.replace("{" + name + "}", value)
    arguments = shlex.split(command)
    if "-o" not in arguments and not arguments[:3] == ["deployment", "group", "what-if"]:
        arguments += ["-o", "json"]
    done = subprocess.run([sys.executable, "-m", "azure.cli", *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    text = done.stdout + done.stderr
    assert done.returncode == code, f"exit code {done.returncode}: {text.strip()[-1500:]}"
    answer = None
    if code == 0 and done.stdout.strip():
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = None
    if save:
        found = answer
        for part in save[1].split("."):
            found = found[part]
        NAMES[save[0]] = found
    if check:
        check(text if answer is None or code else answer)


def main():
    words = sys.argv[1:]
    passed = failed = 0
    started = time.monotonic()
    for at, (command, code, check, save) in enumerate(LIST):
        if words and at > 9 and not any(word in command for word in words):
            continue
        begun = time.monotonic()
        try:
            run(command, code, check, save)
            passed += 1
            print(f"ok      {time.monotonic() - begun:4.1f} s  az {command}", flush=True)
        except Exception as error:  # one that fails does not stop the others
            failed += 1
            print(f"FAILED  {time.monotonic() - begun:4.1f} s  az {command}\n        {type(error).__name__}: {error}", flush=True)
    print(f"the az list took {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
