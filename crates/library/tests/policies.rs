//! Runs `library/pairs`: what the embedded library's definitions say of resources, placed and assigned as
//! the architecture `ai` does it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test reads its cases from files and fails loudly"
)]

use std::path::Path;

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_estate::{Estate, Hierarchy, Phase, Resource};
use glidepath_library::{Library, Placed, Placement};
use glidepath_policy::{Engine, EstateRelated, Operation, Outcome, Request, Verdict};
use glidepath_source::{Node, Text, yaml};

datatest_stable::harness! {
    { test = policies, root = "../../library/pairs", pattern = r".*\.yaml$" },
}

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

fn world() -> (Placed, Engine) {
    let (library, _) = Library::embedded_ai();
    let defaults = [
        ("allowed_locations", Value::array(["swedencentral", "francecentral"])),
        ("log_analytics_workspace_id", Value::from("/subscriptions/s/workspace")),
    ];
    let defaults = defaults.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let (placed, findings) =
        library.place(&Placement { location: "swedencentral".into(), defaults, ..Placement::default() });
    assert_eq!(findings, []);
    let mut engine = Engine::new();
    for resource in placed.estate.iter().filter(|r| r.phase == Some(Phase::Policy)) {
        let kind = resource.resource_type().unwrap();
        if kind.as_str().starts_with("Microsoft.Authorization/policy") {
            assert_eq!(engine.upsert(&resource.id, &resource.body), [], "{}", resource.id);
        }
    }
    assert_eq!(engine.dangling(), []);
    (placed, engine)
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

/// The body: all but what the case says about the resource.
fn body(resource: &Node) -> Value {
    let about = ["type", "name", "api", "related", "groupTags", "changed"];
    let members = resource.members().iter().filter(|m| !about.contains(&m.key.as_ref()));
    Value::from(members.map(|m| (m.key.clone(), &m.value)).collect::<Object>())
}

fn judge(placed: &Placed, engine: &Engine, case: &Node, resource: &Node) -> Verdict {
    let mut hierarchy = Hierarchy::of(&placed.estate);
    let group = placed.management_groups.get(text(case, "at").expect("`at`")).expect("a group of the architecture");
    hierarchy.place(ResourceId::subscription(SUBSCRIPTION), group.clone());
    let scope = ResourceId::resource_group(SUBSCRIPTION, "g");
    let kind = text(resource, "type").expect("`type`");
    let id = match kind {
        "Microsoft.Resources/resourceGroups" => scope.clone(),
        _ => scope.provider_child(kind, text(resource, "name").unwrap_or("x")).expect("name and type pair up"),
    };
    let mut estate = Estate::new();
    for properties in resource.get("related").map(Node::items).unwrap_or_default() {
        let setting = id.provider_child("Microsoft.Insights/diagnosticSettings", "d").unwrap();
        estate.insert(Resource::new(
            setting,
            "2021-05-01-preview",
            Value::object([("properties", Value::from(properties))]),
        ));
    }
    let tags = resource.get("groupTags").map_or_else(|| Value::from(Object::new()), Value::from);
    engine.evaluate(&Request {
        id: &id,
        body: &body(resource),
        api_version: text(resource, "api").expect("`api`"),
        operation: match text(case, "operation") {
            Some("delete") => Operation::Delete,
            Some("scan") => Operation::Scan,
            _ => Operation::Write,
        },
        hierarchy: &hierarchy,
        subscription: Value::object([("subscriptionId", SUBSCRIPTION)]),
        resource_group: Value::object([
            ("id", Value::from(scope.as_str())),
            ("name", Value::from("g")),
            ("location", Value::from("swedencentral")),
            ("tags", tags),
        ]),
        related: &EstateRelated(&estate),
        now: 1_790_000_000,
        list_compliant: false,
    })
}

fn policies(path: &Path) -> datatest_stable::Result<()> {
    let source = Text::new(path.to_string_lossy(), std::fs::read_to_string(path).unwrap());
    let root = yaml::parse(&source).unwrap_or_else(|finding| panic!("{finding}"));
    let (placed, engine) = world();
    let mut failures = Vec::new();
    for case in root.get("cases").expect("`cases`").items() {
        let definition = text(case, "definition").expect("`definition`");
        for (key, wanted) in [("violates", text(case, "effect")), ("complies", None)] {
            for member in case.get(key).expect("both halves of the pair").members() {
                let verdict = judge(&placed, &engine, case, &member.value);
                let said = verdict.contributors.iter().find(|c| c.definition.name == definition);
                let effect = said.filter(|c| c.outcome == Outcome::Triggered).map(|c| c.effect.name());
                let changed = match (member.value.get("changed"), &verdict.changed) {
                    (Some(wanted), Some(body)) => body.get("tags") == Some(&Value::from(wanted)),
                    (wanted, _) => wanted.is_none(),
                };
                let undecided = said.is_some_and(|c| c.outcome != Outcome::Triggered);
                if effect != wanted || undecided || !changed || !verdict.findings.is_empty() {
                    let why = format!("{:?} {:?} {:?}", said, verdict.changed, verdict.findings);
                    failures
                        .push(format!("{definition}, {key} `{}`: {effect:?}, wanted {wanted:?}; {why}", member.key));
                }
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}
