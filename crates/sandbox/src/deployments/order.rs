//! What a client orders: template, parameters, mode, scope.

use glidepath_arm::template::{Context, Expansion, Parameters, ResourceGroup, expand};
use glidepath_arm::{Object, ResourceId, Scope, Value};
use glidepath_source::{Finding, Node, Text, json};

use super::lenient::quote_keys;
use super::state::State;
use crate::answer::ArmError;
use crate::call::{Call, Caller};
use crate::sandbox::Sandbox;
use crate::world::World;

/// How much stack an expansion gets: templates nest deeper than a worker's stack is in a debug build.
const STACK: usize = 64 << 20;

/// A deployment as it was ordered.
pub(super) struct Order {
    pub(super) id: ResourceId,
    /// Where it deploys to.
    pub(super) scope: ResourceId,
    pub(super) template: Text,
    pub(super) root: Node,
    pub(super) parameters: Parameters,
    /// The given values by name, without those that come from a key vault.
    pub(super) given: Object,
    pub(super) context: Context,
    pub(super) complete: bool,
    pub(super) tags: Value,
    /// `FullResourcePayloads` or `ResourceIdOnly`, of a what-if.
    pub(super) ids_only: bool,
    pub(super) link: Option<String>,
    /// Who deploys.
    pub(super) caller: Option<Caller>,
}

fn invalid(why: &str) -> ArmError {
    ArmError::bad_request(
        "InvalidRequestContent",
        format!("The request content was invalid and could not be deserialized: '{why}'."),
    )
}

pub(super) fn invalid_template(why: &str) -> ArmError {
    ArmError::bad_request("InvalidTemplate", format!("Deployment template validation failed: '{why}'."))
}

impl Sandbox {
    /// Reads the body of a deployment.
    pub(super) fn ordered(&self, call: &Call, id: &ResourceId) -> Result<Order, ArmError> {
        let scope = id.parent().unwrap_or_else(ResourceId::tenant);
        let text = String::from_utf8_lossy(&call.body);
        let body = Text::new("request", quote_keys(text.trim_start_matches('\u{feff}')));
        let root = json::parse(&body).map_err(|finding| invalid(&finding.to_string()))?;
        let Some(properties) = root.get("properties") else {
            return Err(invalid("the required property 'properties' is missing"));
        };
        let text_of = |name: &str| properties.get(name).and_then(Node::as_str);
        let complete = match text_of("mode") {
            None => false,
            Some(mode) if mode.eq_ignore_ascii_case("Incremental") => false,
            Some(mode) if mode.eq_ignore_ascii_case("Complete") => true,
            Some(mode) => return Err(invalid(&format!("'{mode}' is no deployment mode"))),
        };
        let world = self.world();
        crate::resources::exists_around(&world, id)?;
        if complete && !matches!(scope.scope(), Scope::ResourceGroup { .. }) {
            return Err(ArmError::bad_request(
                "InvalidDeploymentMode",
                "The deployment mode 'Complete' is not supported at this scope; only resource groups have it.",
            ));
        }
        let location = root.get("location").and_then(Node::as_str).map(str::to_owned);
        let location = self.place(&world, id, location)?;
        let mut uri = None;
        let template = match properties.get("template").filter(|t| t.kind != glidepath_source::Kind::Null) {
            Some(template) => Text::new("template", body.slice(template.span)),
            None => {
                let link = properties.get("templateLink");
                let Some(link) = link.and_then(|l| l.get("uri")).and_then(Node::as_str) else {
                    return Err(invalid("one of 'template' and 'templateLink' must be given"));
                };
                uri = Some(link.to_owned());
                self.links.as_ref().and_then(|links| links.fetch(link)).ok_or_else(|| unreachable(link))?
            }
        };
        let mut parameters = Parameters::new();
        let mut given = Object::new();
        for member in properties.get("parameters").map(Node::members).unwrap_or_default() {
            if let Some(value) = member.value.get("value") {
                let value = Value::from(value);
                parameters.set(&member.key, value.clone());
                given.insert(member.key.clone(), value);
            } else if let Some(secret) = member.value.get("reference") {
                parameters.set(&member.key, secret_of(&world, secret)?);
            } else {
                return Err(invalid_template(&format!(
                    "The parameter '{}' has neither 'value' nor 'reference'",
                    member.key
                )));
            }
        }
        let root_template = json::parse(&template).map_err(|finding| invalid_template(&finding.to_string()))?;
        let ids_only = properties
            .get("whatIfSettings")
            .and_then(|s| s.get("resultFormat"))
            .and_then(Node::as_str)
            .is_some_and(|format| format.eq_ignore_ascii_case("ResourceIdOnly"));
        let context = self.context_of(&world, &scope, id.name(), location, uri.clone());
        let tags = root.get("tags").map(Value::from).unwrap_or(Value::Null);
        drop(world);
        Ok(Order {
            id: id.clone(),
            scope,
            template,
            root: root_template,
            parameters,
            given,
            context,
            complete,
            tags,
            ids_only,
            link: uri,
            caller: call.caller.clone(),
        })
    }

    /// The deployment's own location: needed outside of resource groups, and for good.
    fn place(&self, world: &World, id: &ResourceId, location: Option<String>) -> Result<Option<String>, ArmError> {
        if matches!(id.parent().map(|p| p.scope()), Some(Scope::ResourceGroup { .. })) {
            return Ok(None);
        }
        let Some(location) = location.filter(|l| !l.trim().is_empty()) else {
            return Err(ArmError::bad_request(
                "LocationRequired",
                "The location property is required for this definition.",
            ));
        };
        let old = world.estate.get(id).and_then(|r| r.body.get("location")).and_then(Value::as_str);
        match old {
            Some(old) if !old.eq_ignore_ascii_case(&location) => Err(ArmError::new(
                409,
                "InvalidDeploymentLocation",
                format!(
                    "Invalid deployment location '{location}'. The deployment '{}' already exists in location '{old}'.",
                    id.name()
                ),
            )),
            _ => Ok(Some(location)),
        }
    }

    fn context_of(
        &self,
        world: &World,
        scope: &ResourceId,
        name: &str,
        location: Option<String>,
        template_uri: Option<String>,
    ) -> Context {
        let subscription = scope.subscription_id().map(ResourceId::subscription);
        let display_name = subscription
            .as_ref()
            .and_then(|s| world.estate.get(s))
            .and_then(|s| s.body.get("displayName"))
            .and_then(Value::as_str);
        let resource_group = match scope.scope() {
            Scope::ResourceGroup { subscription, name } => {
                world.estate.get(&ResourceId::resource_group(&subscription, &name)).map(|group| ResourceGroup {
                    name: group.id.name().to_owned(),
                    location: group.body.get("location").and_then(Value::as_str).map(str::to_owned),
                    tags: group.body.get("tags").and_then(Value::as_object).cloned().unwrap_or_default(),
                })
            }
            _ => None,
        };
        Context {
            tenant_id: Some(self.tenant.clone()),
            subscription_id: scope.subscription_id().map(str::to_owned),
            subscription_name: display_name.map(str::to_owned),
            resource_group,
            management_group: match scope.scope() {
                Scope::ManagementGroup(name) => Some(name),
                _ => None,
            },
            location,
            deployment_name: Some(name.to_owned()),
            template_uri,
            scope: Some(scope.scope()),
            now: jiff::Timestamp::from_second(self.now()).ok(),
        }
    }

    /// Expands the template against what exists now. `runs` tells whether the deployment is carried out: only then are
    /// secrets used as they are.
    pub(super) fn expansion(&self, order: &Order, seed: &str, runs: bool) -> Result<Expansion, ArmError> {
        let world = self.world();
        let state = State { world: &world, tenant: &self.tenant, links: self.links.as_deref(), seed, reveals: runs };
        let expanded = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, || expand(&order.template, &order.parameters, &order.context, &state))
                .ok()
                .and_then(|thread| thread.join().ok())
        });
        drop(world);
        let expansion = expanded
            .ok_or_else(|| ArmError::new(500, "InternalServerError", "The sandbox failed to read the template."))?;
        if let Some(missing) = expansion.findings.iter().find(|f| f.code == "template/link-not-found") {
            return Err(ArmError::bad_request(
                "InvalidContentLink",
                format!(
                    "Unable to download deployment content: {}. Please make sure the link is accessible.",
                    missing.message
                ),
            ));
        }
        let errors: Vec<String> = expansion.findings.iter().filter(|f| f.is_error()).map(told).collect();
        if !errors.is_empty() {
            return Err(invalid_template(&errors.join("; ")));
        }
        let mut expansion = expansion;
        for resource in &mut expansion.resources {
            if let Some(body) = unescaped(&resource.body) {
                resource.body = body;
            }
        }
        Ok(expansion)
    }
}

/// A body whose texts that came escaped out of `json()` are what they escape: `[[x]` is `[x]`. The landing zones' policies
/// are deployed so (variables of JSON text that holds `[[parameters('effect')]`). `None`: nothing was escaped.
fn unescaped(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.starts_with("[[") && text.ends_with(']') => Some(text.get(1..)?.into()),
        Value::Array(items) => {
            let changed: Vec<Option<Value>> = items.iter().map(unescaped).collect();
            if changed.iter().all(Option::is_none) {
                return None;
            }
            Some(Value::array(items.iter().zip(changed).map(|(old, new)| new.unwrap_or_else(|| old.clone()))))
        }
        Value::Object(members) => {
            let changed: Vec<(std::sync::Arc<str>, Value)> =
                members.iter().filter_map(|(key, value)| Some((key.clone(), unescaped(value)?))).collect();
            if changed.is_empty() {
                return None;
            }
            let mut all = value.clone();
            for (key, new) in changed {
                all.make_object().insert(key, new);
            }
            Some(all)
        }
        _ => None,
    }
}

fn told(finding: &Finding) -> String {
    let mut told = finding.message.clone();
    if let Some(place) = &finding.place {
        let position = place.text.position(place.span.start);
        told.push_str(&format!(" at line '{}' and column '{}'", position.line, position.column));
    }
    if let Some(help) = &finding.help {
        told.push_str(&format!(" ({help})"));
    }
    format!("{told} [{}]", finding.code)
}

fn unreachable(uri: &str) -> ArmError {
    ArmError::bad_request(
        "InvalidContentLink",
        format!(
            "Unable to download deployment content from '{uri}'. The sandbox fetches nothing from the network; give the template inline, or map the beginning of the URI to a folder when the sandbox starts."
        ),
    )
}

/// The value of a secret that is kept as a resource `…/vaults/x/secrets/y`.
fn secret_of(world: &World, reference: &Node) -> Result<Value, ArmError> {
    let vault = reference.get("keyVault").and_then(|v| v.get("id")).and_then(Node::as_str).unwrap_or_default();
    let name = reference.get("secretName").and_then(Node::as_str).unwrap_or_default();
    let secret = world.estate.get(&ResourceId::new(vault).child("secrets", name));
    secret.and_then(|s| s.body.at(&["properties", "value"])).cloned().ok_or_else(|| {
        ArmError::bad_request(
            "KeyVaultParameterReferenceSecretRetrieveFailed",
            format!("The secret '{name}' of the key vault '{vault}' could not be found."),
        )
    })
}
