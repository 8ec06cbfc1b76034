//! One file a subject; every case is a small template with what it comes to.
//!
//! `template:` is YAML, or JSON as a block of text when places matter; `parameters:`, `links:` (URI → template) and
//! `context:` are optional (default: resource group `rg` of subscription `sub` in `westeurope`). Expected are
//! `resources:` (id → body, `~` for any body; unknowns as `[expression]`; in order, complete), `outputs:`, `dropped:`
//! (names as written), `existing:`, `deployments:`, `depends:` (id → ids) and `findings:` (`code line:column`; complete,
//! none if left out).

use std::collections::BTreeMap;
use std::path::Path;

use glidepath_arm::template::{Context, Expansion, Links, Parameters, ResourceGroup, expand};
use glidepath_arm::{Object, Scope, Value};
use glidepath_source::{Kind, Node, Text, yaml};

struct Map(BTreeMap<String, Text>);

impl Links for Map {
    fn fetch(&self, uri: &str) -> Option<Text> {
        self.0.get(uri).cloned()
    }
}

fn text(name: &str, node: &Node) -> Text {
    match &node.kind {
        Kind::String(text) => Text::new(name, text.as_ref()),
        _ => Text::new(name, Value::from(node).to_string()),
    }
}

fn context(node: Option<&Node>) -> Context {
    let get = |key: &str| node.and_then(|n| n.get(key)).and_then(Node::as_str).map(str::to_owned);
    let or = |key: &str, default: &str| match node.and_then(|n| n.get(key)).map(|n| &n.kind) {
        Some(Kind::Null) => None,
        _ => Some(get(key).unwrap_or_else(|| default.to_owned())),
    };
    let scope = get("scope").map(|s| match s.as_str() {
        "tenant" => Scope::Tenant,
        "managementGroup" => Scope::ManagementGroup("mg".into()),
        "subscription" => Scope::Subscription("sub".into()),
        _ => Scope::ResourceGroup { subscription: "sub".into(), name: "rg".into() },
    });
    Context {
        tenant_id: or("tenantId", "ten"),
        subscription_id: or("subscriptionId", "sub"),
        subscription_name: or("subscriptionName", "Production"),
        resource_group: Some(ResourceGroup {
            name: "rg".into(),
            location: or("location", "westeurope"),
            tags: Object::new(),
        }),
        management_group: or("managementGroup", "mg"),
        location: or("location", "westeurope"),
        deployment_name: or("deploymentName", "main"),
        template_uri: get("templateUri"),
        scope,
        now: get("now").map(|n| n.parse().expect("a time")),
    }
}

pub(crate) fn run(path: &Path, content: String) -> datatest_stable::Result<()> {
    let file = Text::new(path.display().to_string(), content);
    let root = yaml::parse(&file).map_err(|f| f.to_string())?;
    let mut failures = Vec::new();
    for case in root.get("cases").ok_or("no `cases`")?.members() {
        let mut links = BTreeMap::new();
        for link in case.value.get("links").map(Node::members).unwrap_or_default() {
            links.insert(link.key.to_string(), text("linked.json", &link.value));
        }
        let mut parameters = Parameters::new();
        for given in case.value.get("parameters").map(Node::members).unwrap_or_default() {
            parameters.set(&given.key, Value::from(&given.value));
        }
        if let Some(file) = case.value.get("parameterFile") {
            parameters.add_file(&text("parameters.json", file));
        }
        for given in case.value.get("set").map(Node::members).unwrap_or_default() {
            parameters.set_text(&given.key, given.value.as_str().unwrap_or_default());
        }
        let template = text("t.json", case.value.get("template").ok_or("no `template`")?);
        let expansion = expand(&template, &parameters, &context(case.value.get("context")), &Map(links));
        let wrong = compare(&case.value, &expansion);
        if !wrong.is_empty() {
            let place = file.position(case.key_span.start);
            failures.push(format!("{}:{place} {}\n    {}", file.name(), case.key, wrong.join("\n    ")));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Unknown(unknown) => format!("[{}]", unknown.expression),
        other => other.to_string(),
    }
}

fn compare(case: &Node, expansion: &Expansion) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, wanted: String, found: String| {
        if wanted != found {
            wrong.push(format!("{what}: wanted {wanted}\n    {what}: found  {found}"));
        }
    };
    if let Some(wanted) = case.get("resources") {
        let ids: Vec<String> = wanted.members().iter().map(|m| m.key.to_string()).collect();
        let found: Vec<String> = expansion.resources.iter().map(|r| shown(&r.id)).collect();
        differ("ids", format!("{ids:#?}"), format!("{found:#?}"));
        for (member, resource) in wanted.members().iter().zip(&expansion.resources) {
            if member.value.kind != Kind::Null {
                differ(&member.key, Value::from(&member.value).to_string(), resource.body.to_string());
            }
        }
    }
    if let Some(outputs) = case.get("outputs") {
        differ("outputs", Value::from(outputs).to_string(), Value::from(expansion.outputs.clone()).to_string());
    }
    if let Some(dropped) = case.get("dropped") {
        let names: Vec<&str> = dropped.items().iter().filter_map(Node::as_str).collect();
        let found: Vec<&str> = expansion.dropped.iter().map(|d| d.name.as_str()).collect();
        differ("dropped", format!("{names:?}"), format!("{found:?}"));
    }
    for (key, found) in [("existing", expansion.existing), ("deployments", expansion.deployments)] {
        if let Some(wanted) = case.get(key) {
            differ(key, Value::from(wanted).to_string(), found.to_string());
        }
    }
    for member in case.get("depends").map(Node::members).unwrap_or_default() {
        let wanted: Vec<&str> = member.value.items().iter().filter_map(Node::as_str).collect();
        let resource = expansion.resources.iter().find(|r| shown(&r.id) == *member.key);
        let found = resource.map(|r| r.depends_on.clone()).unwrap_or_default();
        differ(&member.key, format!("{wanted:?}"), format!("{found:?}"));
    }
    let wanted: Vec<String> = case
        .get("findings")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|f| f.as_str().map(str::to_owned))
        .collect();
    let found: Vec<String> = expansion
        .findings
        .iter()
        .enumerate()
        .map(|(i, f)| {
            // A place is compared where the case gives one.
            let place = f.place.as_ref().map(|p| p.position().to_string()).unwrap_or_default();
            let with_place = wanted.get(i).is_some_and(|w| w.contains(' '));
            if with_place { format!("{} {place}", f.code) } else { f.code.to_owned() }
        })
        .collect();
    if wanted != found {
        let messages: Vec<String> = expansion.findings.iter().map(ToString::to_string).collect();
        differ("findings", format!("{wanted:?}"), format!("{found:?} {messages:#?}"));
    }
    wrong
}
