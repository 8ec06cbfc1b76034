//! Hostile templates end with findings: no panic, no stack overflow, no endless work.

#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::fmt::Write as _;

use glidepath_arm::template::{Context, Expansion, NoLinks, Parameters, expand};
use glidepath_source::Text;

fn run(template: &str) -> Expansion {
    expand(&Text::new("t.json", template), &Parameters::new(), &Context::default(), &NoLinks)
}

#[track_caller]
fn told(expansion: &Expansion, code: &str) {
    let codes: Vec<&str> = expansion.findings.iter().map(|f| f.code).collect();
    assert!(codes.contains(&code), "{codes:?}");
}

/// Variables `v0`…, each made from the one before it.
fn chain(length: usize, first: &str, next: &str) -> String {
    let mut template = format!("{{\"resources\": [], \"variables\": {{\"v0\": \"{first}\"");
    for i in 1..=length {
        let before = format!("variables('v{}')", i - 1);
        write!(template, ", \"v{i}\": \"[{}]\"", next.replace('$', &before)).unwrap();
    }
    write!(template, "}}, \"outputs\": {{\"o\": {{\"type\": \"object\", \"value\": \"[variables('v{length}')]\"}}}}}}")
        .unwrap();
    template
}

#[test]
fn as_many_variables_as_azure_allows_may_form_a_chain() {
    let expansion = run(&chain(255, "x", "$"));
    assert!(expansion.findings.is_empty(), "{:?}", expansion.findings);
    assert_eq!(expansion.outputs.get("o").and_then(|o| o.as_str()), Some("x"));
}

#[test]
fn longer_chains_are_too_deep() {
    told(&run(&chain(20_000, "x", "$")), "template/too-deep");
    told(&run(&chain(20_000, "x", "toLower(trim(concat('', $)))")), "template/too-deep");
}

/// The widest frames: every step of the chain goes through objects, loops, functions and parameters.
#[test]
fn chains_of_any_kind_are_bounded() {
    let mut template =
        "{\"resources\": [], \"parameters\": {\"p3001\": {\"type\": \"string\", \"defaultValue\": \"x\"}".to_owned();
    // The last first: parameters are bound in the order of the text, each with what it needs.
    for i in (1..=3_000).rev() {
        write!(template, ", \"p{i}\": {{\"type\": \"object\", \"defaultValue\": {{\"a\": [{{\"copy\": [{{\"name\": \"l\", \"count\": 1, \"input\": \"[map(createArray(parameters('p{}')), lambda('x', lambdaVariables('x')))]\"}}]}}]}}}}", i - 1).unwrap();
    }
    template.push_str(", \"p0\": {\"type\": \"string\", \"defaultValue\": \"x\"}}}");
    told(&run(&template), "template/too-deep");

    // Deployments that hand each other's outputs on.
    let mut template = "{\"resources\": [".to_owned();
    for i in 0..700 {
        let value = if i == 0 { "x".to_owned() } else { format!("[reference('d{}').outputs.o.value]", i - 1) };
        write!(
            template,
            "{}{{\"type\": \"Microsoft.Resources/deployments\", \"apiVersion\": \"1\", \"name\": \"d{i}\", \"properties\": {{
                \"expressionEvaluationOptions\": {{\"scope\": \"inner\"}}, \"parameters\": {{\"p\": {{\"value\": \"{value}\"}}}},
                \"template\": {{\"parameters\": {{\"p\": {{\"type\": \"string\"}}}}, \"resources\": [],
                \"outputs\": {{\"o\": {{\"type\": \"string\", \"value\": \"[parameters('p')]\"}}}}}}}}}}",
            if i == 0 { "" } else { ", " }
        )
        .unwrap();
    }
    template.push_str(
        "], \"outputs\": {\"o\": {\"type\": \"string\", \"value\": \"[reference('d699').outputs.o.value]\"}}}",
    );
    let expansion = run(&template);
    assert!(expansion.findings.iter().all(|f| f.code == "template/too-deep"), "{:?}", expansion.findings.first());
    assert_eq!(expansion.deployments, 700);
}

#[test]
fn what_doubles_is_too_large() {
    told(&run(&chain(60, "x", "createArray($, $)")), "template/too-large");
    told(&run(&chain(60, "x", "concat($, $)")), "expression/too-large");
    told(&run(&chain(60, "x", "createObject('a', $, 'b', $)")), "template/too-large");
}

#[test]
fn what_stays_unknown_does_not_grow() {
    let expansion = run(&chain(200, "[reference('/a/providers/A.B/c/x').y]", "concat($, $)"));
    let shown = expansion.outputs.get("o").unwrap().to_string();
    assert!(shown.len() < 5_000, "{}", shown.len());
    // Neither do the branches of an `if` that hangs on it, of which one would double.
    let next = "if(equals(reference('/subscriptions/s/providers/A.B/c/x').y, 1), $, concat($, $))";
    let expansion = run(&chain(200, "x", next));
    let shown = expansion.outputs.get("o").unwrap().to_string();
    assert!(shown.len() < 5_000, "{}", shown.len());
}

#[test]
fn loops_in_loops_end() {
    let template = r#"{"variables": {"copy": [{"name": "a", "count": 800, "input": {
        "copy": [{"name": "b", "count": 800, "input": {"copy": [{"name": "c", "count": 800, "input": "[copyIndex('c')]"}]}}]}}]},
        "resources": [], "outputs": {"o": {"type": "int", "value": "[length(variables('a'))]"}}}"#;
    told(&run(template), "template/too-large");
}

#[test]
fn deployments_nest_until_they_are_too_deep() {
    let mut template = r#"{"resources": []}"#.to_owned();
    for i in 0..60 {
        template = format!(
            r#"{{"resources": [{{"type": "Microsoft.Resources/deployments", "apiVersion": "1", "name": "d{i}",
                "properties": {{"expressionEvaluationOptions": {{"scope": "inner"}}, "template": {template}}}}}]}}"#
        );
    }
    told(&run(&template), "template/too-deep");
}

#[test]
fn functions_that_call_themselves_are_too_deep() {
    let template = r#"{"functions": [{"namespace": "a", "members": {"f": {"parameters": [],
        "output": {"type": "string", "value": "[a.f()]"}}}}],
        "resources": [], "outputs": {"o": {"type": "string", "value": "[a.f()]"}}}"#;
    told(&run(template), "template/too-deep");
}

#[test]
fn a_linked_template_may_not_link_itself_forever() {
    struct Itself;
    impl glidepath_arm::template::Links for Itself {
        fn fetch(&self, uri: &str) -> Option<Text> {
            Some(Text::new(
                uri,
                r#"{"resources": [{"type": "Microsoft.Resources/deployments", "apiVersion": "1", "name": "d",
                    "properties": {"templateLink": {"uri": "https://x.example/a.json"}}}]}"#,
            ))
        }
    }
    let text = Itself.fetch_root();
    let expansion = expand(&text, &Parameters::new(), &Context::default(), &Itself);
    told(&expansion, "template/too-deep");

    trait Root {
        fn fetch_root(&self) -> Text;
    }
    impl Root for Itself {
        fn fetch_root(&self) -> Text {
            use glidepath_arm::template::Links as _;
            self.fetch("https://x.example/a.json").unwrap()
        }
    }
}

/// Every prefix and many damaged variants of a template give an answer.
#[test]
fn damaged_templates_give_findings() {
    let whole = r#"{"$schema": "x", "parameters": {"a": {"type": "string", "defaultValue": "[concat('x', 1)]"}},
        "variables": {"copy": [{"name": "v", "count": 2, "input": "[copyIndex('v')]"}]},
        "resources": [{"type": "A.B/c", "apiVersion": "1", "name": "[parameters('a')]", "copy": {"name": "l", "count": 2},
        "properties": {"p": "[variables('v')[copyIndex()]]"}, "dependsOn": ["[resourceId('A.B/d', 'é')]"]}],
        "outputs": {"o": {"type": "string", "value": "[reference('x').y]"}}}"#;
    for (at, _) in whole.char_indices() {
        run(&whole[..at]);
        for damage in ["", "[", "\"", "null", "{", "5"] {
            let next = whole[at..].chars().next().map_or(0, char::len_utf8);
            run(&format!("{}{damage}{}", &whole[..at], &whole[at + next..]));
        }
    }
}
