//! The functions that depend on where an expression stands.

use super::evaluate::Env;
use super::scope::{Target, append, known, resource_id};
use crate::expression::{Call, Eval, EvalError, Host, Step, functions, unknown_call};
use crate::{Object, Reason, Value};

impl Host for Env<'_, '_> {
    fn enter(&self) -> Result<(), EvalError> {
        self.session.descend()
    }

    fn leave(&self) {
        self.session.rise();
    }

    fn doubt(&self, begins: bool) {
        self.session.hush(begins);
    }

    fn call_into(&self, call: &Call, path: &[Step], eval: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        if call.namespace.is_none() && &*call.name == "reference" {
            return Some(self.reference(call, path, eval));
        }
        None
    }

    fn call(&self, call: &Call, eval: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        if call.namespace.is_some() {
            return Some(self.site.frame.function(self, call, eval));
        }
        let session = self.session;
        Some(match &*call.name {
            "parameters" => self.named(call, eval, |name| match self.locals {
                Some(locals) => locals.get(name).cloned().ok_or_else(|| {
                    let message = format!("this function has no parameter `{name}`");
                    EvalError::new("template/unknown-parameter", message)
                }),
                None => self.site.frame.parameter(session, name, self.site),
            }),
            "variables" => self.named(call, eval, |name| match self.locals {
                Some(_) => {
                    Err(EvalError::new("expression/function-not-here", "a user-defined function sees no variables"))
                }
                None => self.site.frame.variable(session, name, self.site),
            }),
            "copyIndex" => self.copy_index(call, eval),
            "reference" => self.reference(call, &[], eval),
            "references" => self.references(call, eval),
            "resourceInfo" => self.named(call, eval, |name| match session.lookup(name, self.site) {
                Some(instance) => Ok(Value::object([
                    ("id", instance.id(session)),
                    ("name", instance.name(session)),
                    ("type", instance.kind(session)),
                ])),
                None => {
                    let message = format!("this template declares no resource `{name}`");
                    Err(EvalError::new("template/unknown-resource", message))
                }
            }),
            "resourceId" => self.ids(call, eval, &self.site.frame.target, 2),
            "subscriptionResourceId" => {
                let subscription = self.subscription_id();
                self.ids(call, eval, &Target::Subscription(subscription), 1)
            }
            "tenantResourceId" => self.ids(call, eval, &Target::Tenant, 0),
            "managementGroupResourceId" => {
                let group = match &self.site.frame.target {
                    Target::ManagementGroup(name) => name.clone(),
                    _ => known(session.context.management_group.as_deref(), "managementGroup().name"),
                };
                self.ids(call, eval, &Target::ManagementGroup(group), 1)
            }
            "extensionResourceId" => self.extension_id(call, eval),
            "resourceGroup" => self.resource_group(),
            "subscription" => self.subscription(),
            "managementGroup" => self.management_group(),
            "tenant" => Ok(self.tenant()),
            "deployment" => Ok(self.deployment()),
            "environment" => Ok(environment()),
            "deployer" => Ok(Value::unknown(Reason::Context("deployer()".into()), "deployer()")),
            "newGuid" if self.site.is_default => {
                let place = format!("{}#{}#{}", self.site.chain().join("/"), self.site.text.name(), call.span.start);
                if let Some(guid) = session.links.guid(&place) {
                    return Some(Ok(guid.into()));
                }
                Ok(Value::unknown(Reason::NonDeterministic("newGuid".into()), "newGuid()"))
            }
            "utcNow" if self.site.is_default => self.utc_now(call, eval),
            "newGuid" | "utcNow" => {
                let message = format!("`{}` can be used only in the default value of a parameter", call.name);
                Err(EvalError::new("expression/function-not-here", message))
            }
            "pickZones" | "providers" | "toLogicalZone" | "toLogicalZones" | "toPhysicalZone" | "toPhysicalZones"
            | "roleDefinitions" | "extensions" => self.at_run_time(call, eval),
            "__held" => self.held(call, eval),
            name if name.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("list")) && call.function.is_none() => {
                self.list(call, eval)
            }
            _ => return None,
        })
    }
}

impl Env<'_, '_> {
    fn named(
        &self,
        call: &Call,
        eval: &Eval<'_>,
        get: impl Fn(&str) -> Result<Value, EvalError>,
    ) -> Result<Value, EvalError> {
        let [arg] = call.args.as_slice() else {
            let message = format!("`{}` takes 1 argument, here are {}", call.name, call.args.len());
            return Err(EvalError::new("expression/wrong-argument-count", message));
        };
        match eval(arg)? {
            Value::String(name) => get(&name),
            Value::Unknown(unknown) => Ok(unknown_call(call, &[Value::Unknown(unknown.clone())], &unknown.reason)),
            other => Err(functions::wrong_type(&call.name, 0, "a string", &other)),
        }
    }

    fn copy_index(&self, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let mut name = None;
        let mut offset = 0;
        for arg in &call.args {
            match eval(arg)? {
                Value::String(text) => name = Some(text),
                Value::Int(number) => offset = number,
                other => return Err(functions::wrong_type("copyIndex", 0, "the name of a loop or an integer", &other)),
            }
        }
        let loops = &self.site.loops;
        let found = match &name {
            Some(name) => loops.iter().rev().find(|l| l.name.eq_ignore_ascii_case(name)),
            None => loops.last(),
        };
        match found.map(|l| &l.index) {
            Some(Value::Int(index)) => Ok(Value::Int(index.saturating_add(offset))),
            Some(Value::Unknown(unknown)) => Ok(unknown_call(call, &[], &unknown.reason)),
            Some(other) => Ok(other.clone()),
            None => {
                let message = match name {
                    Some(name) => format!("no copy loop `{name}` is around this"),
                    None => "no copy loop is around this".into(),
                };
                Err(EvalError::new("template/no-loop", message))
            }
        }
    }

    /// The `…ResourceId` family: up to `prefixes` leading arguments name another subscription or group.
    fn ids(&self, call: &Call, eval: &Eval<'_>, target: &Target, prefixes: usize) -> Result<Value, EvalError> {
        let args = call.args.iter().map(eval).collect::<Result<Vec<_>, _>>()?;
        let is_type = |v: &&Value| v.as_str().is_some_and(|s| s.trim_end_matches('/').contains('/'));
        let at = args.iter().take(prefixes + 1).position(|v| is_type(&v));
        let Some(at) = at else {
            if let Some(Value::Unknown(unknown)) = args.iter().find(|a| a.is_unknown()) {
                return Ok(unknown_call(call, &args, &unknown.reason));
            }
            let message = format!("`{}` needs a resource type such as `Microsoft.Network/virtualNetworks`", call.name);
            return Err(EvalError::new("expression/bad-argument", message));
        };
        let given: Vec<&Value> = args.iter().take(at).collect();
        let own_subscription = || self.subscription_id();
        let base = match (target, given.as_slice()) {
            (Target::Subscription(_), [subscription]) => Target::Subscription((*subscription).clone()).id(),
            (Target::ManagementGroup(_), [group]) if prefixes == 1 => Target::ManagementGroup((*group).clone()).id(),
            (_, [subscription, group]) => Target::ResourceGroup((*subscription).clone(), (*group).clone()).id(),
            (Target::ResourceGroup(subscription, _), [group]) => {
                Target::ResourceGroup(subscription.clone(), (*group).clone()).id()
            }
            (_, [group]) => Target::ResourceGroup(own_subscription(), (*group).clone()).id(),
            // At the tenant and in management groups ids begin with `/providers`.
            (Target::ManagementGroup(_), _) if &*call.name == "resourceId" => "/".into(),
            (target, _) => target.id(),
        };
        let kind = args.get(at).and_then(Value::as_str).unwrap_or_default().trim_end_matches('/').to_owned();
        self.joined(call, &args, &base, &kind, args.get(at + 1..).unwrap_or_default())
    }

    fn extension_id(&self, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let args = call.args.iter().map(eval).collect::<Result<Vec<_>, _>>()?;
        let [base, kind, names @ ..] = args.as_slice() else {
            return Err(EvalError::new(
                "expression/wrong-argument-count",
                "`extensionResourceId` takes at least 3 arguments",
            ));
        };
        if let Some(Value::Unknown(unknown)) = args.iter().find(|a| a.is_unknown()) {
            return Ok(unknown_call(call, &args, &unknown.reason));
        }
        let (Value::String(_), Value::String(kind)) = (base, kind) else {
            return Err(functions::wrong_type("extensionResourceId", 0, "a string", base));
        };
        self.joined(call, &args, base, kind.trim_end_matches('/'), names)
    }

    fn joined(
        &self,
        call: &Call,
        args: &[Value],
        base: &Value,
        kind: &str,
        names: &[Value],
    ) -> Result<Value, EvalError> {
        let mut joined = String::new();
        for (i, name) in names.iter().enumerate() {
            match name {
                Value::Unknown(unknown) => return Ok(unknown_call(call, args, &unknown.reason)),
                Value::String(name) => {
                    if i > 0 {
                        joined.push('/');
                    }
                    joined.push_str(name);
                }
                Value::Int(number) => {
                    if i > 0 {
                        joined.push('/');
                    }
                    joined.push_str(&number.to_string());
                }
                other => {
                    return Err(functions::wrong_type(&call.name, args.len() - names.len() + i, "a string", other));
                }
            }
        }
        if let Value::Unknown(unknown) = base {
            return Ok(unknown_call(call, args, &unknown.reason));
        }
        resource_id(base, kind, &joined.as_str().into()).ok_or_else(|| {
            let message = format!(
                "`{}`: the type `{kind}` wants {} names, here are {}",
                call.name,
                kind.split('/').count().saturating_sub(1),
                joined.split('/').filter(|n| !n.is_empty()).count()
            );
            EvalError::new("expression/bad-argument", message)
        })
    }

    fn subscription_id(&self) -> Value {
        match self.site.frame.target.subscription() {
            Some(id) => id.clone(),
            None => known(self.session.context.subscription_id.as_deref(), "subscription().subscriptionId"),
        }
    }

    fn not_in(&self, function: &str) -> EvalError {
        let message = format!("`{function}()` cannot be used in a deployment to {}", self.site.frame.target.words());
        EvalError::new("expression/function-not-here", message)
    }

    /// A scope as it exists.
    fn state_of(&self, id: &Value) -> Option<Value> {
        self.session.links.state(id.as_str()?)
    }

    fn resource_group(&self) -> Result<Value, EvalError> {
        let target = &self.site.frame.target;
        let Target::ResourceGroup(_, name) = target else { return Err(self.not_in("resourceGroup")) };
        if let Some(found) = self.state_of(&target.id()) {
            return Ok(found);
        }
        let context = self.session.context;
        let own = context.resource_group.as_ref().filter(|g| {
            name.as_str().is_some_and(|n| n.eq_ignore_ascii_case(&g.name))
                && target.subscription().and_then(Value::as_str).map(str::to_ascii_lowercase)
                    == context.subscription_id.as_deref().map(str::to_ascii_lowercase)
        });
        // The template itself may make the group.
        let made = || {
            let id = target.id();
            self.session.lookup_everywhere(id.as_str()?)
        };
        let unknown = |what: &str| Value::unknown(Reason::Context(what.into()), what);
        let (location, tags) = match own {
            Some(group) => (known(group.location.as_deref(), "resourceGroup().location"), group.tags.clone().into()),
            None => match made() {
                Some(group) => {
                    let read = |name: &str| self.session.text_of(group.node.get(name), &group.site);
                    (
                        read("location").unwrap_or_else(|| unknown("resourceGroup().location")),
                        read("tags").unwrap_or_else(|| Object::new().into()),
                    )
                }
                None => (unknown("resourceGroup().location"), unknown("resourceGroup().tags")),
            },
        };
        Ok(Value::object([
            ("id", target.id()),
            ("name", name.clone()),
            ("type", "Microsoft.Resources/resourceGroups".into()),
            ("location", location),
            ("tags", tags),
            ("properties", Value::object([("provisioningState", "Succeeded")])),
        ]))
    }

    fn subscription(&self) -> Result<Value, EvalError> {
        let Some(id) = self.site.frame.target.subscription() else { return Err(self.not_in("subscription")) };
        if let Some(found) = self.state_of(&append("/subscriptions/".into(), id)) {
            return Ok(found);
        }
        let context = self.session.context;
        let is_own =
            id.as_str().map(str::to_ascii_lowercase) == context.subscription_id.as_deref().map(str::to_ascii_lowercase);
        let name = context.subscription_name.as_deref().filter(|_| is_own);
        Ok(Value::object([
            ("id", append("/subscriptions/".into(), id)),
            ("subscriptionId", id.clone()),
            ("tenantId", known(context.tenant_id.as_deref(), "subscription().tenantId")),
            ("displayName", known(name, "subscription().displayName")),
            ("tags", Value::unknown(Reason::Context("subscription().tags".into()), "subscription().tags")),
        ]))
    }

    fn management_group(&self) -> Result<Value, EvalError> {
        let target = &self.site.frame.target;
        let Target::ManagementGroup(name) = target else { return Err(self.not_in("managementGroup")) };
        if let Some(found) = self.state_of(&target.id()) {
            return Ok(found);
        }
        let tenant = known(self.session.context.tenant_id.as_deref(), "managementGroup().properties.tenantId");
        let details = "managementGroup().properties.details";
        Ok(Value::object([
            ("id", target.id()),
            ("name", name.clone()),
            ("type", "Microsoft.Management/managementGroups".into()),
            (
                "properties",
                Value::object([
                    ("displayName", known(None, "managementGroup().properties.displayName")),
                    ("tenantId", tenant),
                    ("details", known(None, details)),
                ]),
            ),
        ]))
    }

    fn tenant(&self) -> Value {
        let id = known(self.session.context.tenant_id.as_deref(), "tenant().tenantId");
        Value::object([
            ("id", append("/tenants/".into(), &id)),
            ("tenantId", id),
            ("countryCode", known(None, "tenant().countryCode")),
            ("displayName", known(None, "tenant().displayName")),
        ])
    }

    fn deployment(&self) -> Value {
        let frame = &self.site.frame;
        let mut properties = Object::new();
        if let Some(uri) = &frame.uri {
            properties.insert("templateLink", Value::object([("uri", uri.clone())]));
        }
        let version = frame.template.get("contentVersion").map_or(Value::Null, Value::from);
        properties.insert("template", Value::object([("contentVersion", version)]));
        properties.insert("templateHash", known(None, "deployment().properties.templateHash"));
        properties.insert("parameters", known(None, "deployment().properties.parameters"));
        properties.insert("mode", "Incremental");
        properties.insert("provisioningState", "Accepted");
        let mut deployment = Object::new();
        deployment.insert("name", frame.name.clone());
        if !matches!(frame.target, Target::ResourceGroup(..)) {
            deployment.insert("location", frame.location.clone());
        }
        deployment.insert("properties", properties);
        deployment.into()
    }

    fn utc_now(&self, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let format = match call.args.first() {
            Some(arg) => match eval(arg)? {
                Value::String(format) => format.to_string(),
                other => return Err(functions::wrong_type("utcNow", 0, "a string", &other)),
            },
            None => "yyyyMMddTHHmmssZ".into(),
        };
        match self.session.context.now {
            Some(now) => functions::format_time(now, &format).map(Value::from).ok_or_else(|| {
                EvalError::new("expression/bad-argument", format!("`utcNow`: `{format}` is not a date format"))
            }),
            None => Ok(Value::unknown(Reason::NonDeterministic("utcNow".into()), call.to_string())),
        }
    }

    fn at_run_time(&self, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let args = call.args.iter().map(eval).collect::<Result<Vec<_>, _>>()?;
        Ok(unknown_call(call, &args, &Reason::Runtime(call.name.to_string())))
    }

    fn held(&self, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let at = call.args.first().map(eval).transpose()?.and_then(|v| v.as_int());
        let held = self.session.held.borrow();
        let found = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| held.get(at)).cloned();
        found.ok_or_else(|| EvalError::new("expression/unknown-function", "there is no function `__held`"))
    }
}

/// `environment()` of the public cloud. Source: Microsoft Learn, "Deployment functions for ARM templates".
fn environment() -> Value {
    let suffixes = [
        ("acrLoginServer", ".azurecr.io"),
        ("azureDatalakeAnalyticsCatalogAndJob", "azuredatalakeanalytics.net"),
        ("azureDatalakeStoreFileSystem", "azuredatalakestore.net"),
        ("azureFrontDoorEndpointSuffix", "azurefd.net"),
        ("keyvaultDns", ".vault.azure.net"),
        ("sqlServerHostname", ".database.windows.net"),
        ("storage", "core.windows.net"),
    ];
    let authentication = Value::object([
        ("loginEndpoint", Value::from("https://login.microsoftonline.com/")),
        ("audiences", Value::array(["https://management.core.windows.net/", "https://management.azure.com/"])),
        ("tenant", "common".into()),
        ("identityProvider", "AAD".into()),
    ]);
    Value::object([
        ("name", Value::from("AzureCloud")),
        ("gallery", "https://gallery.azure.com/".into()),
        ("graph", "https://graph.windows.net/".into()),
        ("portal", "https://portal.azure.com".into()),
        ("graphAudience", "https://graph.windows.net/".into()),
        ("activeDirectoryDataLake", "https://datalake.azure.net/".into()),
        ("batch", "https://batch.core.windows.net/".into()),
        ("media", "https://rest.media.azure.net".into()),
        ("sqlManagement", "https://management.core.windows.net:8443/".into()),
        (
            "vmImageAliasDoc",
            "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json"
                .into(),
        ),
        ("resourceManager", "https://management.azure.com/".into()),
        ("authentication", authentication),
        ("suffixes", Value::object(suffixes)),
    ])
}
