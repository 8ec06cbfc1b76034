//! Whatever is thrown at the reader, the expressions and the templates: an answer, in bounded time, without a panic.
//! The budget is small, so that every run of the tests can afford it; `PROPTEST_CASES=100000` makes it a night's work.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "helpers of tests may do what tests may")]

use std::time::{Duration, Instant};

use glidepath_arm::expression::{Call, Eval, EvalError, Host, evaluate, parse};
use glidepath_arm::template::{Context, NoLinks, Parameters, expand, lint};
use glidepath_arm::{Value, terraform};
use glidepath_source::{Text, json};
use proptest::prelude::*;

/// Longer than anything small may take, on a busy machine in a debug build.
const LONGEST: Duration = Duration::from_secs(20);

struct Nothing;

impl Host for Nothing {
    fn call(&self, _: &Call, _: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        None
    }
}

/// Expressions that parse more often than not: nested calls of real functions with arguments of all kinds.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("-7".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("'a'".to_owned()),
        Just("''".to_owned()),
        Just("'10.0.0.0/8'".to_owned()),
        Just("'2024-02-29T00:00:00Z'".to_owned()),
        Just("'P1Y'".to_owned()),
        Just("'{0:D9}{1}'".to_owned()),
        Just("'é😀'".to_owned()),
        Just("null()".to_owned()),
        Just("true()".to_owned()),
        Just("parameters('p')".to_owned()),
        Just("variables('v')".to_owned()),
        Just("copyIndex()".to_owned()),
        Just("resourceGroup().location".to_owned()),
        Just("reference('r').a".to_owned()),
        Just("deployment().name".to_owned()),
    ];
    let names = prop::sample::select(vec![
        "concat",
        "createArray",
        "createObject",
        "union",
        "intersection",
        "range",
        "take",
        "skip",
        "substring",
        "split",
        "join",
        "replace",
        "padLeft",
        "format",
        "if",
        "and",
        "or",
        "not",
        "equals",
        "coalesce",
        "contains",
        "empty",
        "length",
        "first",
        "last",
        "indexOf",
        "lastIndexOf",
        "min",
        "max",
        "add",
        "sub",
        "mul",
        "div",
        "mod",
        "int",
        "string",
        "json",
        "base64",
        "base64ToString",
        "base64ToJson",
        "dataUri",
        "dataUriToString",
        "uri",
        "uriComponent",
        "uriComponentToString",
        "uniqueString",
        "guid",
        "dateTimeAdd",
        "dateTimeToEpoch",
        "dateTimeFromEpoch",
        "parseCidr",
        "cidrSubnet",
        "cidrHost",
        "parseUri",
        "buildUri",
        "items",
        "objectKeys",
        "shallowMerge",
        "tryGet",
        "tryIndexFromEnd",
        "map",
        "filter",
        "sort",
        "reduce",
        "toObject",
        "groupBy",
        "mapValues",
        "lambda",
        "lambdaVariables",
        "flatten",
        "bool",
        "float",
        "trim",
        "toLower",
        "toUpper",
        "resourceId",
        "extensionResourceId",
        "subscriptionResourceId",
        "reference",
        "variables",
        "parameters",
        "pickZones",
        "less",
        "greater",
        "array",
        "newGuid",
        "utcNow",
        "listKeys",
        "environment",
        "toLogicalZone",
    ]);
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            4 => (names.clone(), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, args)| format!("{name}({})", args.join(", "))),
            1 => (inner.clone(), "[a-z]{1,4}").prop_map(|(target, name)| format!("{target}.{name}")),
            1 => (inner.clone(), inner).prop_map(|(target, index)| format!("{target}[{index}]")),
        ]
    })
}

/// JSON of any shape, with the words that mean something in templates.
fn document() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        3 => expression().prop_map(|e| format!("[{e}]")),
        1 => ".{0,12}",
        1 => prop::sample::select(vec!["string", "object", "Microsoft.Resources/deployments", "A.B/c", "inner", "x", "serial"])
            .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(serde_json::Value::from),
        1 => any::<i64>().prop_map(serde_json::Value::from),
        1 => (0_i64..900).prop_map(serde_json::Value::from),
        1 => any::<bool>().prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
    ];
    let keys = prop::sample::select(vec![
        "name",
        "type",
        "apiVersion",
        "copy",
        "count",
        "input",
        "condition",
        "dependsOn",
        "properties",
        "template",
        "templateLink",
        "uri",
        "parameters",
        "p",
        "variables",
        "v",
        "value",
        "defaultValue",
        "outputs",
        "resources",
        "scope",
        "expressionEvaluationOptions",
        "mode",
        "existing",
        "tags",
        "location",
        "batchSize",
        "metadata",
        "$ref",
        "definitions",
        "items",
        "functions",
        "members",
        "namespace",
        "allowedValues",
        "r",
    ]);
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            3 => prop::collection::vec((keys.clone(), inner), 0..7).prop_map(|members| {
                members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<serde_json::Map<_, _>>().into()
            }),
        ]
    })
}

#[track_caller]
fn in_time<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    assert!(start.elapsed() < LONGEST, "{:?} for {what}", start.elapsed());
    result
}

proptest! {
    #[test]
    fn the_reader_takes_anything(text in "[\\[\\]{}\",:/* \\\\a-c0-9u\n.+-]{0,80}|.{0,60}") {
        let text = Text::new("t.json", text);
        if let Ok((node, told)) = in_time(text.as_str(), || json::parse_telling(&text)) {
            prop_assert!(node.span.end as usize <= text.as_str().len());
            prop_assert!(told.iter().all(|f| f.place.is_some()));
        }
    }

    #[test]
    fn the_parser_takes_anything(text in "[a-c'(),.\\[\\]?0-9 -]{0,60}|.{0,60}") {
        let _ = in_time(&text, || parse(&text));
    }

    #[test]
    fn expressions_end(text in expression()) {
        if let Ok(expr) = parse(&text) {
            let _ = in_time(&text, || evaluate(&expr, &Nothing));
        }
    }

    #[test]
    fn templates_end(resources in document(), rest in document(), p in document(), v in document()) {
        let mut template = serde_json::json!({
            "parameters": {"p": {"type": "object", "defaultValue": p}},
            "variables": {"v": v},
            "resources": [resources],
            "outputs": {"o": {"type": "object", "value": rest.clone()}},
        });
        if let (Some(template), serde_json::Value::Object(rest)) = (template.as_object_mut(), rest) {
            template.extend(rest);
        }
        let text = Text::new("t.json", template.to_string());
        let expansion =
            in_time(text.as_str(), || expand(&text, &Parameters::new(), &Context::default(), &NoLinks));
        prop_assert!(expansion.findings.len() <= 1_001);
        in_time(text.as_str(), || lint(&text, &Parameters::new(), &Context::default(), &NoLinks));
    }

    #[test]
    fn plans_end(changes in prop::collection::vec(document(), 0..4), configuration in document()) {
        let plan = serde_json::json!({
            "format_version": "1.2", "resource_changes": changes.iter().map(|after| serde_json::json!({
                "address": "module.a[0].azurerm_subnet.b[\"x\"]", "mode": "managed", "type": "azurerm_subnet",
                "change": {"actions": ["create"], "after": after, "after_unknown": after}
            })).collect::<Vec<_>>(), "configuration": {"root_module": configuration},
        });
        let text = Text::new("plan.json", plan.to_string());
        let root = json::parse(&text).unwrap();
        in_time(text.as_str(), || terraform::resources(&text, &root, &Context::default()));
    }
}
