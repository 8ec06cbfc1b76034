//! Symbolic and real subscription ids.
//!
//! A design is compiled before its subscriptions exist, so that the desired estate names them by symbolic GUIDs. The alias
//! that vends a subscription tells its real id; from then on every symbol is written as the real id on the way out and
//! every real id as its symbol on the way in. GUIDs are unique, so that they are replaced wherever they stand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use glidepath_arm::{Object, ResourceId, Value};

use crate::ClientError;

/// Which symbol stands for which subscription.
#[derive(Debug, Default)]
pub struct Bindings {
    /// Alias name, in lower case → symbol.
    symbols: BTreeMap<String, String>,
    /// Symbol, in lower case → alias name, as written.
    aliases: BTreeMap<String, String>,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    real: BTreeMap<String, String>,
    symbol: BTreeMap<String, String>,
}

impl Bindings {
    /// Alias names with the symbols they stand for; none is bound yet.
    pub fn new<A: Into<String>, S: Into<String>>(symbols: impl IntoIterator<Item = (A, S)>) -> Self {
        let mut bindings = Self::default();
        for (alias, symbol) in symbols {
            let (alias, symbol) = (alias.into(), symbol.into());
            bindings.aliases.insert(symbol.to_ascii_lowercase(), alias.clone());
            bindings.symbols.insert(alias.to_ascii_lowercase(), symbol);
        }
        bindings
    }

    /// Learns the real id behind an alias; an alias that stands for no symbol is of no interest.
    pub fn bind(&self, alias: &str, real: &str) {
        let Some(symbol) = self.symbols.get(&alias.to_ascii_lowercase()) else { return };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.real.insert(symbol.to_ascii_lowercase(), real.to_owned());
        known.symbol.insert(real.to_ascii_lowercase(), symbol.clone());
    }

    /// Learns from the answer to a GET or PUT of `id`, if that is an alias.
    pub fn learn(&self, id: &ResourceId, body: &Value) {
        if id.resource_type().is_some_and(|kind| kind.is("Microsoft.Subscription/aliases"))
            && let Some(real) = body.at(&["properties", "subscriptionId"]).and_then(Value::as_str)
        {
            self.bind(id.name(), real);
        }
    }

    /// Symbol and real id of every subscription bound, in the order of the symbols.
    pub fn bound(&self) -> Vec<(String, String)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.real.iter().map(|(symbol, real)| (symbol.clone(), real.clone())).collect()
    }

    /// A text as the target understands it.
    ///
    /// # Errors
    /// [`ClientError::Unbound`] for a symbol whose subscription does not exist yet.
    pub fn outgoing_text<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, ClientError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut unbound = None;
        let text = rewrite(
            text,
            &|guid| match known.real.get(guid) {
                Some(real) => Found::New(real.clone()),
                None => self.aliases.get(guid).map_or(Found::Same, |alias| Found::Missing(alias.clone())),
            },
            &mut unbound,
        );
        unbound.map_or(Ok(text), |alias| Err(ClientError::Unbound(alias)))
    }

    /// A text of the target as the design knows it.
    pub fn incoming_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let find = |guid: &str| known.symbol.get(guid).map_or(Found::Same, |symbol| Found::New(symbol.clone()));
        rewrite(text, &find, &mut None)
    }

    /// A body as the target understands it.
    ///
    /// # Errors
    /// As [`Bindings::outgoing_text`].
    pub fn outgoing(&self, body: &Value) -> Result<Value, ClientError> {
        map_texts(body, &|text| self.outgoing_text(text))
    }

    /// A body of the target as the design knows it.
    pub fn incoming(&self, body: &Value) -> Value {
        let never = |text| Ok::<_, std::convert::Infallible>(self.incoming_text(text));
        match map_texts(body, &never) {
            Ok(body) => body,
            Err(never) => match never {},
        }
    }
}

enum Found {
    Same,
    New(String),
    Missing(String),
}

const GUID: usize = 36;

fn rewrite<'a>(text: &'a str, find: &dyn Fn(&str) -> Found, missing: &mut Option<String>) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(window) = bytes.get(at..at + GUID) {
        if !is_guid(window) {
            at += 1;
            continue;
        }
        // A GUID is ASCII, so these are character boundaries.
        let guid = text.get(at..at + GUID).unwrap_or_default().to_ascii_lowercase();
        match find(&guid) {
            Found::Same => {}
            Found::Missing(name) => *missing = missing.take().or(Some(name)),
            Found::New(new) => {
                out.push_str(text.get(copied..at).unwrap_or_default());
                out.push_str(&new);
                copied = at + GUID;
            }
        }
        at += GUID;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

fn is_guid(window: &[u8]) -> bool {
    window.iter().enumerate().all(|(i, byte)| match i {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// Rewrites every string and key; keys too, for `userAssignedIdentities` has ids as keys. Parts in which nothing changes
/// are shared, not copied.
fn map_texts<'a, E>(value: &'a Value, map: &impl Fn(&'a str) -> Result<Cow<'a, str>, E>) -> Result<Value, E> {
    Ok(changed_texts(value, map)?.unwrap_or_else(|| value.clone()))
}

/// `None`: nothing changes.
fn changed_texts<'a, E>(
    value: &'a Value,
    map: &impl Fn(&'a str) -> Result<Cow<'a, str>, E>,
) -> Result<Option<Value>, E> {
    Ok(match value {
        Value::String(text) => match map(text)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(new) => Some(new.into()),
        },
        Value::Array(items) => {
            let new = items.iter().map(|item| changed_texts(item, map)).collect::<Result<Vec<_>, E>>()?;
            new.iter().any(Option::is_some).then(|| {
                let pairs = items.iter().zip(new);
                pairs.map(|(old, new)| new.unwrap_or_else(|| old.clone())).collect::<Vec<_>>().into()
            })
        }
        Value::Object(object) => {
            let mut members = Vec::with_capacity(object.len());
            for (key, item) in object.iter() {
                members.push((map(key)?, changed_texts(item, map)?));
            }
            let changes = members.iter().any(|(key, item)| matches!(key, Cow::Owned(_)) || item.is_some());
            changes.then(|| {
                let mut new = Object::new();
                for ((key, old), (mapped, item)) in object.iter().zip(members) {
                    let item = item.unwrap_or_else(|| old.clone());
                    match mapped {
                        Cow::Borrowed(_) => new.insert(key.clone(), item),
                        Cow::Owned(renamed) => new.insert(renamed.as_str(), item),
                    }
                }
                new.into()
            })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SYMBOL: &str = "aaaaaaaa-0000-0000-0000-000000000001";
    const REAL: &str = "12345678-9ABC-4def-8123-456789abcdef";

    #[test]
    fn symbols_go_out_as_real_ids_and_come_back() {
        let bindings = Bindings::new([("Team", SYMBOL)]);
        let body = Value::from(json!({
            "scope": format!("/subscriptions/{}", SYMBOL.to_uppercase()),
            "ids": {format!("/subscriptions/{SYMBOL}/resourceGroups/g"): {}},
            "text": format!("é{SYMBOL}{SYMBOL}"),
            "other": "99999999-0000-0000-0000-000000000009"
        }));
        assert_eq!(bindings.outgoing(&body), Err(ClientError::Unbound("Team".into())));
        let alias = ResourceId::new("/providers/Microsoft.Subscription/aliases/team");
        bindings.learn(&alias, &Value::from(json!({"properties": {"subscriptionId": REAL}})));
        let out = bindings.outgoing(&body).unwrap();
        assert_eq!(out.get("scope").unwrap().as_str().unwrap(), format!("/subscriptions/{REAL}"));
        assert_eq!(out.get("text").unwrap().as_str().unwrap(), format!("é{REAL}{REAL}"));
        assert!(out.get("ids").unwrap().get(&format!("/subscriptions/{REAL}/resourceGroups/g")).is_some());
        let back = bindings.incoming(&Value::from(json!({"id": format!("/subscriptions/{}", REAL.to_lowercase())})));
        assert_eq!(back.get("id").unwrap().as_str().unwrap(), format!("/subscriptions/{SYMBOL}"));
        assert_eq!(bindings.incoming(&out).get("text"), body.get("text"));
    }
}
