//! Placing an assignment: scope, location, references, default values.

use glidepath_arm::{Object, ResourceId, Value};

use super::{ASSIGNMENT_API, Placing};
use crate::asset::{Asset, key};

impl Placing<'_> {
    pub(super) fn place_assignment(&mut self, asset: &Asset, at: usize, scope: &ResourceId) {
        let kind = "Microsoft.Authorization/policyAssignments";
        let Some(id) = scope.provider_child(kind, &asset.name.name) else { return };
        let mut properties = self.properties(asset, scope);
        let mut depends_on = Vec::new();
        self.rewrite_reference(asset, at, None, &mut properties, &mut depends_on);
        properties.make_object().insert("scope", scope.as_str());
        self.fill_defaults(asset, &mut properties);

        let mut body = Object::new();
        if let Some(location) = self.location(asset) {
            body.insert("location", location);
        }
        if let Some(identity) = asset.body.get("identity").filter(|i| !i.is_null()) {
            body.insert("identity", self.fill(identity, scope));
        }
        body.insert("properties", properties.clone());
        self.insert(asset, id.clone(), ASSIGNMENT_API, Value::from(body), depends_on);
        self.place_roles_of(asset, &id, &properties, scope);
    }

    /// The caller's location wins over the one written; an assignment that writes none needs none.
    fn location(&self, asset: &Asset) -> Option<String> {
        let written = asset.body.get("location").and_then(Value::as_str)?;
        let given = &self.placement.location;
        let location = if given.is_empty() { written.to_owned() } else { given.clone() };
        (!location.contains("${")).then_some(location)
    }

    fn fill_defaults(&self, asset: &Asset, properties: &mut Value) {
        let name = key(&asset.name.name);
        for (default, value) in &self.placement.defaults {
            let Some(default) = self.library.defaults.get(&key(default)) else { continue };
            for target in default.targets.iter().filter(|t| key(&t.assignment.name) == name) {
                for parameter in &target.parameters {
                    let properties = properties.make_object();
                    if properties.get("parameters").is_none() {
                        properties.insert("parameters", Object::new());
                    }
                    if let Some(parameters) = properties.get_mut("parameters") {
                        parameters.make_object().insert(parameter.name.clone(), Value::object([("value", value)]));
                    }
                }
            }
        }
    }
}
