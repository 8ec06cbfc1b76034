//! Resource Graph: `POST /providers/Microsoft.ResourceGraph/resources`.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use glidepath_query::{Limits, QueryError, Table, run};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::list::is_tracked;
use crate::sandbox::Sandbox;
use crate::world::{Kind, World, kind};

/// Rows of an answer at most.
const PAGE: usize = 1000;

const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
    "zones",
    "extendedLocation",
];

/// Tables that Azure has and whose rows the sandbox does not make.
const EMPTY: [&str; 11] = [
    "advisorresources",
    "alertsmanagementresources",
    "computeresources",
    "guestconfigurationresources",
    "healthresources",
    "kubernetesconfigurationresources",
    "maintenanceresources",
    "patchassessmentresources",
    "resourcechanges",
    "securityresources",
    "servicehealthresources",
];

impl Sandbox {
    /// Answers a query over what the caller asks about.
    pub(crate) fn query_graph(&self, call: &Call) -> Reply {
        let body = call.object()?;
        let text = body.get("query").and_then(Value::as_str).unwrap_or_default();
        if text.trim().is_empty() {
            return Err(bad(text, &QueryError { message: "the query is empty".to_owned(), at: 0 }));
        }
        let scopes: Vec<ResourceId> = [("subscriptions", true), ("managementGroups", false)]
            .iter()
            .flat_map(|(name, is_subscription)| {
                let names =
                    body.get(name).and_then(Value::as_array).unwrap_or_default().iter().filter_map(Value::as_str);
                names.map(
                    |n| if *is_subscription { ResourceId::subscription(n) } else { ResourceId::management_group(n) },
                )
            })
            .collect();
        let options = body.get("options").cloned().unwrap_or(Value::Null);
        let option = |name: &str| options.get(name);
        let number = |name: &str| option(name).and_then(Value::as_int).and_then(|n| usize::try_from(n).ok());
        let world = self.world();
        let source = |name: &str| table(&world, name, &scopes, &self.tenant);
        let answer = run(text, &source, self.now(), Limits::default()).map_err(|error| bad(text, &error))?;
        drop(world);
        let total = answer.rows.len();
        let token = option("$skipToken").and_then(Value::as_str).and_then(|t| t.parse::<usize>().ok());
        let start = token.or_else(|| number("$skip")).unwrap_or(0).min(total);
        let end = start.saturating_add(number("$top").unwrap_or(PAGE).clamp(1, PAGE)).min(total);
        let shown =
            Table { columns: answer.columns, rows: answer.rows.into_iter().skip(start).take(end - start).collect() };
        let as_table = option("resultFormat").and_then(Value::as_str).is_some_and(|f| f.eq_ignore_ascii_case("table"));
        let data = if as_table {
            let columns: Vec<Json> = shown
                .columns
                .iter()
                .enumerate()
                .map(|(at, name)| json!({"name": name, "type": type_of(shown.rows.iter().filter_map(|r| r.get(at)))}))
                .collect();
            json!({"columns": columns, "rows": shown.rows})
        } else {
            shown.objects().into()
        };
        let mut body = json!({
            "totalRecords": total, "count": end - start, "data": data, "facets": [],
            "resultTruncated": if end < total { "true" } else { "false" },
        });
        if let (true, Some(object)) = (end < total, body.as_object_mut()) {
            object.insert("$skipToken".to_owned(), end.to_string().into());
        }
        Ok(Answer::ok(body))
    }
}

fn type_of<'a>(mut values: impl Iterator<Item = &'a Json>) -> &'static str {
    match values.find(|v| !v.is_null()) {
        Some(Json::Bool(_)) => "boolean",
        Some(Json::Number(n)) if n.is_i64() => "integer",
        Some(Json::Number(_)) => "number",
        Some(Json::Array(_) | Json::Object(_)) => "object",
        _ => "string",
    }
}

fn bad(text: &str, error: &QueryError) -> ArmError {
    let before = text.get(..error.at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let token = text.get(error.at..).unwrap_or_default().split(char::is_whitespace).next().unwrap_or_default();
    ArmError::whole(
        400,
        json!({"error": {
            "code": "BadRequest",
            "message": format!("Please provide below info when asking for support: {}", error.message),
            "details": [
                {"code": "InvalidQuery", "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."},
                {"code": "ParserFailure", "message": error.message, "line": line, "characterPositionInLine": column, "token": token},
            ],
        }})
        .into(),
    )
}

fn table(world: &World, name: &str, scopes: &[ResourceId], tenant: &str) -> Option<Table> {
    let is_of = |resource: &Resource, namespace: &str| {
        resource.resource_type().is_some_and(|t| t.namespace().eq_ignore_ascii_case(namespace))
    };
    let types =
        |resource: &Resource, wanted: &[&str]| resource.resource_type().is_some_and(|t| wanted.iter().any(|w| t.is(w)));
    let picks: &dyn Fn(&Resource) -> bool = match name {
        "resources" => &|r| is_tracked(r),
        "resourcecontainers" => {
            &|r| matches!(kind(&r.id), Kind::ManagementGroup | Kind::Subscription | Kind::ResourceGroup)
        }
        "authorizationresources" => {
            &|r| types(r, &["Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleDefinitions"])
        }
        "policyresources" => &|r| kind(&r.id) == Kind::PolicyAsset || is_of(r, "Microsoft.PolicyInsights"),
        name if EMPTY.contains(&name) => &|_| false,
        _ => return None,
    };
    let within = |resource: &Resource| {
        // What stands at the tenant belongs to everybody.
        scopes.is_empty()
            || resource.id.parent().is_some_and(|p| p.as_str() == "/") && kind(&resource.id) == Kind::Other
            || world.hierarchy.scopes_of(&resource.id).iter().any(|s| scopes.contains(s))
    };
    let mut made = Table::new(COLUMNS);
    for resource in world.estate.iter().filter(|r| picks(r) && within(r)) {
        made.rows.push(row(world, resource, tenant));
    }
    Some(made)
}

fn row(world: &World, resource: &Resource, tenant: &str) -> Vec<Json> {
    let content = world.content(resource).to_json();
    let place = kind(&resource.id);
    COLUMNS
        .iter()
        .map(|column| match *column {
            "id" => resource.id.as_str().into(),
            "name" if place == Kind::Subscription => content.get("displayName").cloned().unwrap_or_default(),
            "name" => resource.id.name().into(),
            "type" if place == Kind::ResourceGroup => "microsoft.resources/subscriptions/resourcegroups".into(),
            "type" => resource.resource_type().map(|t| t.as_str().to_ascii_lowercase()).unwrap_or_default().into(),
            "tenantId" => tenant.into(),
            "resourceGroup" => resource.id.resource_group_name().unwrap_or_default().to_ascii_lowercase().into(),
            "subscriptionId" => resource.id.subscription_id().unwrap_or_default().into(),
            "properties" if place == Kind::Subscription => {
                let groups = world.hierarchy.scopes_of(&resource.id);
                let chain: Vec<Json> = groups
                    .iter()
                    .rev()
                    .filter(|g| kind(g) == Kind::ManagementGroup)
                    .map(|g| {
                        let shown = world.estate.get(g).and_then(|r| r.body.at(&["properties", "displayName"]));
                        json!({"name": g.name(), "displayName": shown.and_then(Value::as_str)})
                    })
                    .collect();
                json!({
                    "state": content.get("state"), "subscriptionPolicies": content.get("subscriptionPolicies"),
                    "managementGroupAncestorsChain": chain,
                })
            }
            "kind" | "managedBy" => content.get(*column).cloned().unwrap_or_else(|| "".into()),
            other => content.get(other).cloned().unwrap_or_default(),
        })
        .collect()
}
