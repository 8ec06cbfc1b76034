//! regorus 0.14 as a peer: compiled definitions, normalised resources, one machine that is used again and again.

use std::sync::Arc;

use regorus::languages::azure_policy::aliases::{AliasRegistry, normalizer};
use regorus::languages::azure_policy::{compiler, parser};
use regorus::rvm::RegoVM;
use regorus::rvm::program::Program;
use regorus::{Rc, Source, Value};

const EXISTENCE: &str = "azure.policy.existence_check";

/// regorus with an alias table.
pub struct Peer {
    aliases: Rc<AliasRegistry>,
    machine: RegoVM,
}

/// A compiled rule or definition.
#[derive(Clone)]
pub struct Compiled(Arc<Program>);

/// A resource as regorus looks at it.
#[derive(Clone)]
pub struct Normalised(Value);

/// The input and the context of an evaluation: built once, used for many policies.
#[derive(Clone)]
pub struct Given {
    input: Value,
    context: Value,
}

/// What regorus says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The effect as written; `None`: Undefined, the rule is not met.
    pub effect: Option<String>,
    /// `details`, `Null` where there are none.
    pub details: serde_json::Value,
}

impl Peer {
    /// regorus with an alias table in its own form (see [`alias_json`]); `None`: without aliases.
    ///
    /// # Errors
    /// What regorus says of the table.
    pub fn new(aliases: Option<&str>) -> Result<Self, String> {
        let mut registry = AliasRegistry::new();
        if let Some(json) = aliases {
            registry.load_from_json(json).map_err(|e| e.to_string())?;
        }
        Ok(Self { aliases: Rc::new(registry), machine: RegoVM::new() })
    }

    /// Compiles the JSON text of a definition (wrapped in `properties` or not).
    ///
    /// # Errors
    /// What regorus says of it.
    pub fn compile(&self, name: &str, definition: &str) -> Result<Compiled, String> {
        let source = Source::from_contents(name.to_owned(), definition.to_owned()).map_err(|e| e.to_string())?;
        let parsed = parser::parse_policy_definition(&source).map_err(|e| e.to_string())?;
        compiler::compile_policy_definition_with_aliases_opts(&parsed, self.aliases.clone(), true)
            .map(Compiled)
            .map_err(|e| e.to_string())
    }

    /// Compiles the JSON text of a rule, `{if, then}`, without aliases.
    ///
    /// # Errors
    /// What regorus says of it.
    pub fn compile_rule(&self, name: &str, rule: &str) -> Result<Compiled, String> {
        let source = Source::from_contents(name.to_owned(), rule.to_owned()).map_err(|e| e.to_string())?;
        let parsed = parser::parse_policy_rule(&source).map_err(|e| e.to_string())?;
        compiler::compile_policy_rule(&parsed).map(Compiled).map_err(|e| e.to_string())
    }

    /// Reads and normalises a resource in ARM's form.
    ///
    /// # Errors
    /// Where the text is no JSON.
    pub fn normalise(&self, resource: &str, api_version: &str) -> Result<Normalised, String> {
        let value = Value::from_json_str(resource).map_err(|e| e.to_string())?;
        Ok(Normalised(normalizer::normalize(&value, Some(&self.aliases), Some(api_version))))
    }

    /// What evaluations of a resource see; `parameters` and `context` are JSON texts.
    ///
    /// # Errors
    /// Where a text is no JSON.
    pub fn given(resource: &Normalised, parameters: &str, context: &str) -> Result<Given, String> {
        let parameters = Value::from_json_str(parameters).map_err(|e| e.to_string())?;
        let context = Value::from_json_str(context).map_err(|e| e.to_string())?;
        let input = normalizer::build_input_envelope(resource.0.clone(), Some(context.clone()), Some(parameters));
        Ok(Given { input, context })
    }

    /// Evaluates one policy. Nothing related exists.
    ///
    /// # Errors
    /// What its machine says.
    pub fn evaluate(&mut self, policy: &Compiled, given: &Given) -> Result<Answer, String> {
        let outcome = self.run(policy, given)?;
        let json = outcome.to_json_str().map_err(|e| e.to_string())?;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap_or(serde_json::Value::Null);
        let effect = json.get("effect").and_then(|e| e.as_str()).map(str::to_owned);
        Ok(Answer { effect, details: json.get("details").cloned().unwrap_or_default() })
    }

    /// Evaluates one policy without looking at the answer: what a benchmark times.
    ///
    /// # Errors
    /// What its machine says.
    pub fn run(&mut self, policy: &Compiled, given: &Given) -> Result<Value, String> {
        self.machine.load_program(policy.0.clone());
        self.machine.set_input(given.input.clone());
        self.machine.set_context(given.context.clone());
        self.machine.set_host_await_responses([(Value::from(EXISTENCE), vec![Value::Null])]);
        self.machine.execute_entry_point_by_name("main").map_err(|e| e.to_string())
    }
}

/// The alias table `alias,path` (CSV with a header) in the form regorus reads; every alias may be modified.
pub fn alias_json(csv: &str) -> String {
    let mut types: std::collections::BTreeMap<(&str, &str), Vec<serde_json::Value>> = std::collections::BTreeMap::new();
    for line in csv.lines().skip(1) {
        let Some((name, path)) = line.trim_end().split_once(',') else { continue };
        // `Microsoft.X/a/b/alias`: the type is all but the last segment; a name of two segments is of the namespace alone.
        let Some((kind, _)) = name.rsplit_once('/') else { continue };
        let Some((namespace, kind)) = kind.split_once('/').or(Some((kind, ""))) else { continue };
        types.entry((namespace, kind)).or_default().push(serde_json::json!({
            "name": name, "defaultPath": path, "paths": [],
            "defaultMetadata": {"type": "NotSpecified", "attributes": "Modifiable"}
        }));
    }
    let namespaces = types.into_iter().map(|((namespace, kind), aliases)| {
        serde_json::json!({"namespace": namespace, "resourceTypes": [{"resourceType": kind, "aliases": aliases}]})
    });
    serde_json::Value::Array(namespaces.collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_met_or_not() {
        let table = alias_json("alias,path\r\nM.A/b/open,properties.open\r\n");
        let mut peer = Peer::new(Some(&table)).unwrap();
        let definition = r#"{"properties": {"mode": "All", "parameters": {"effect": {"type": "String", "defaultValue": "Deny"}},
            "policyRule": {"if": {"allOf": [{"field": "type", "equals": "M.A/b"}, {"field": "M.A/b/open", "equals": true}]},
            "then": {"effect": "[parameters('effect')]"}}}}"#;
        let policy = peer.compile("d", definition).unwrap();
        for (open, effect) in [(true, Some("Deny".to_owned())), (false, None)] {
            let body = format!(r#"{{"type": "M.A/b", "name": "n", "properties": {{"open": {open}}}}}"#);
            let resource = peer.normalise(&body, "2025-01-01").unwrap();
            let given = Peer::given(&resource, "{}", "{}").unwrap();
            assert_eq!(peer.evaluate(&policy, &given).unwrap().effect, effect);
        }
    }
}
