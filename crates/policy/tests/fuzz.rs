//! Definitions, expressions and resources nobody would write: the engine answers or tells, it never panics, and never hangs.
//! Bounded: some hundred cases of each kind a run.

#![allow(clippy::unwrap_used, reason = "a test stops at what is wrong")]

use glidepath_arm::{Object, Value};
use glidepath_policy::{Aliases, Facts, Policy, Semantics};
use proptest::prelude::*;

/// Any JSON value, small.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[a-zA-Z0-9 .:\\-\\[\\]'*/é]{0,12}".prop_map(Into::into),
        "\\[[a-zA-Z(),'.\\[\\]0-9 ]{0,24}\\]".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::vec(("[a-cA-C*\\[\\].]{1,3}", inner), 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn field() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        prop_oneof![
            Just("type"),
            Just("name"),
            Just("kind"),
            Just("location"),
            Just("tags.a"),
            Just("tags['a']"),
            Just("a[*]"),
            Just("a.b"),
            Just("properties.a[*].b[*]"),
            Just("M.A/b/a[*].c"),
            Just("[concat('tags[', 'a', ']')]"),
        ]
        .prop_map(Into::into),
        json(),
    ]
}

/// A condition, or something like one.
fn condition() -> impl Strategy<Value = serde_json::Value> {
    let operator = prop_oneof![
        Just("equals"),
        Just("notEquals"),
        Just("like"),
        Just("match"),
        Just("contains"),
        Just("in"),
        Just("notIn"),
        Just("containsKey"),
        Just("less"),
        Just("greaterOrEquals"),
        Just("exists"),
        Just("sounds"),
    ];
    let left = prop_oneof![Just("field"), Just("value"), Just("count")];
    let test = (left, field(), operator, json()).prop_map(|(left, field, operator, right)| {
        let field = if left == "count" { serde_json::json!({"field": field}) } else { field };
        serde_json::json!({left: field, operator: right})
    });
    test.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|parts| serde_json::json!({"allOf": parts})),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|parts| serde_json::json!({"anyOf": parts})),
            inner.clone().prop_map(|part| serde_json::json!({"not": part})),
            (field(), inner).prop_map(|(field, part)| {
                serde_json::json!({"count": {"field": field, "where": part}, "greater": 0})
            }),
        ]
    })
}

fn judge(policy: &serde_json::Value, resource: &serde_json::Value, raw: bool) {
    let (policy, resource) = (Value::from(policy.clone()), Value::from(resource.clone()));
    let parameters = Object::new();
    let (Some(policy), _) = Policy::compile(&policy, &parameters) else { return };
    let aliases = Aliases::from_csv("alias,path\nM.A/b/a[*].c,properties.a[*].properties.c\n");
    let single = policy.judge(&Facts {
        resource: &resource,
        api_version: "2025-01-01",
        aliases: &aliases,
        raw,
        parameters: &parameters,
        subscription: &Value::Null,
        resource_group: &Value::Null,
        identity: &Value::Null,
        policy: &Value::Null,
        related: &[],
        now: 0,
        semantics: Semantics::default(),
    });
    // What it says can be written down.
    let _ = serde_json::to_string(&single.trace).unwrap();
    let _ = single.details.to_json();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn definitions(condition in condition(), details in json(), resource in json(), raw in any::<bool>()) {
        for effect in ["deny", "modify", "append", "deployIfNotExists"] {
            let then = serde_json::json!({"effect": effect, "details": details});
            judge(&serde_json::json!({"if": condition, "then": then}), &resource, raw);
        }
    }

    #[test]
    fn resources(resource in json(), condition in condition()) {
        let typed = serde_json::json!({"type": "M.A/b", "name": "n", "tags": resource, "properties": resource});
        judge(&serde_json::json!({"if": condition, "then": {"effect": "audit"}}), &typed, false);
    }

    #[test]
    fn expressions(text in "\\[[a-zA-Z]{1,10}\\([a-zA-Z0-9',.()\\[\\]\\- ]{0,40}\\]", resource in json()) {
        let rule = serde_json::json!({"if": {"value": text, "equals": text}, "then": {"effect": text}});
        judge(&rule, &resource, false);
    }

    #[test]
    fn calls(
        name in prop_oneof![
            Just("concat"), Just("substring"), Just("split"), Just("replace"), Just("padLeft"), Just("format"), Just("int"),
            Just("json"), Just("base64ToString"), Just("addDays"), Just("utcNow"), Just("ipRangeContains"), Just("field"),
            Just("current"), Just("range"), Just("intersection"), Just("union"), Just("tryGet"), Just("first"), Just("skip"),
        ],
        args in proptest::collection::vec(prop_oneof![
            Just("''".to_owned()), Just("'a'".to_owned()), Just("'%'".to_owned()), Just("'{0}'".to_owned()), Just("-1".to_owned()),
            Just("9223372036854775807".to_owned()), Just("createArray()".to_owned()), Just("null()".to_owned()),
            Just("createObject('a', 1)".to_owned()), Just("'2025-01-01T00:00:00Z'".to_owned()), Just("field('a[*]')".to_owned()),
        ], 0..4),
    ) {
        let text = format!("[{name}({})]", args.join(", "));
        judge(&serde_json::json!({"if": {"value": text, "equals": 1}, "then": {"effect": "audit"}}), &serde_json::json!({}), false);
    }
}
