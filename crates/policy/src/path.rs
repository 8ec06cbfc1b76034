//! Paths into a resource's body: `properties.networkAcls.ipRules[*].value`.

use std::sync::Arc;

use glidepath_arm::Value;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The member of an object.
    Key(Arc<str>),
    /// Every item of an array, `[*]`.
    Each,
    /// Digits in brackets without quotes: an item of an array, else the member of an object.
    Index(Arc<str>),
}

/// Reads a path; keys may also stand in brackets, in quotes of either kind or without: `a['b.c']`, `a["b"]`, `a[ b ]`, `a[1]`.
/// Never fails: what is no path finds nothing.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("[*]") {
            steps.push(Step::Each);
            rest = inner;
        } else if let Some((key, after)) = bracket(rest) {
            let is_index = is_digits(&key) && rest.trim_start_matches('[').trim_start().starts_with(key.as_str());
            steps.push(if is_index { Step::Index(key.as_str().into()) } else { Step::Key(key.as_str().into()) });
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('.') {
            rest = inner;
        } else {
            // A bracket that nothing closes belongs to the key.
            let end = rest.char_indices().skip(1).find(|(_, c)| matches!(c, '.' | '[')).map_or(rest.len(), |(i, _)| i);
            let (key, after) = rest.split_at(end);
            steps.push(Step::Key(key.into()));
            rest = after;
        }
    }
    steps
}

/// The key in the brackets a text begins with, and what follows them. Blanks around the key or its quotes do not count; a
/// quote without its other half is a part of the key.
pub(crate) fn bracket(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('[')?;
    let trimmed = inner.trim_start();
    if let Some(quote @ ('\'' | '"')) = trimmed.chars().next()
        && let Some((key, after)) = quoted(trimmed.get(1..)?, quote)
    {
        return Some((key, after));
    }
    let (key, after) = inner.split_once(']')?;
    Some((key.trim().to_owned(), after))
}

/// Up to the first quote that `]` follows; a doubled single quote is one.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    for (at, _) in text.match_indices(quote) {
        let (key, after) = text.split_at(at);
        if let Some(after) = after.get(1..)?.trim_start().strip_prefix(']') {
            let key = if quote == '\'' { key.replace("''", "'") } else { key.to_owned() };
            return Some((key, after));
        }
    }
    None
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Where to look: steps from the body's root, exactly as a catalogue says, or as an alias's name suggests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) steps: Vec<Step>,
    /// Not from a catalogue: nested `properties` objects that the steps leave out are looked into.
    pub(crate) structural: bool,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// A path without `[*]`: one value (perhaps unknown) or nothing.
    One(Option<Value>),
    /// A path with `[*]`: one entry for each member of the (innermost) array, in order; a member may lack the rest of the path.
    Many(Arc<[Option<Value>]>),
    /// A path with `[*]` over an array that is not known.
    Untold(Value),
}

impl Path {
    /// Does it have a `[*]`?
    pub(crate) fn has_each(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    /// Looks into a body. The first `[*]`s stand for the given items only.
    pub(crate) fn find(&self, body: &Value, fixed: &[usize]) -> Found {
        let mut walk = Walk { structural: self.structural, found: Vec::new(), untold: None };
        walk.go(Some(self.root(body)), &self.steps, fixed);
        if !self.has_each() {
            return Found::One(walk.found.pop().flatten().cloned());
        }
        match walk.untold {
            Some(unknown) => Found::Untold(unknown.clone()),
            None => Found::Many(walk.found.into_iter().map(Option::<&Value>::cloned).collect()),
        }
    }

    /// The items of the arrays that the path's `[*]`s run over, as index lists, with the members themselves.
    pub(crate) fn members(&self, body: &Value, fixed: &[usize]) -> Result<Vec<(Vec<usize>, Value)>, Value> {
        let mut members = Vec::new();
        enumerate(self.root(body), &self.steps, fixed, self.structural, &mut Vec::new(), &mut members)?;
        Ok(members)
    }

    /// The object the steps start in: for structural paths `properties`, unless the first key is only found at the top.
    fn root<'v>(&self, body: &'v Value) -> &'v Value {
        let Some(properties) = body.get("properties").filter(|_| self.structural) else { return body };
        match self.steps.first() {
            Some(Step::Key(key)) if step_in(properties, key, true).is_none() && body.get(key).is_some() => body,
            _ => properties,
        }
    }

    /// The path in words, `properties.ipRules[*].value`.
    pub(crate) fn display(&self, body: &Value) -> String {
        let mut text = String::new();
        if self.structural {
            let first = match self.steps.first() {
                Some(Step::Key(key)) => body.get(key).is_some(),
                _ => false,
            };
            let inside = body.get("properties").is_some_and(|p| std::ptr::eq(p, self.root(body)));
            if inside || !first {
                text.push_str("properties");
            }
        }
        for step in &self.steps {
            match step {
                Step::Each => text.push_str("[*]"),
                Step::Index(digits) => text.extend(["[", digits, "]"]),
                Step::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(key);
                }
            }
        }
        text
    }
}

/// The member of an object; for structural paths also one of its nested `properties`.
pub(crate) fn step_in<'v>(value: &'v Value, key: &str, structural: bool) -> Option<&'v Value> {
    value.get(key).or_else(|| {
        let inner = value.get("properties").filter(|_| structural)?;
        if inner.is_unknown() { Some(inner) } else { inner.get(key) }
    })
}

/// An item by its place, or the member that is called so.
fn item<'v>(value: &'v Value, digits: &str, structural: bool) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(digits.parse::<usize>().ok()?),
        _ if digits.parse::<u64>().is_ok() => step_in(value, digits, structural),
        _ => None,
    }
}

struct Walk<'v> {
    structural: bool,
    found: Vec<Option<&'v Value>>,
    untold: Option<&'v Value>,
}

impl<'v> Walk<'v> {
    fn go(&mut self, value: Option<&'v Value>, steps: &[Step], fixed: &[usize]) {
        let more_arrays = || steps.contains(&Step::Each);
        match (steps.split_first(), value) {
            (None, value) => self.found.push(value),
            (Some(_), Some(value)) if value.is_unknown() => {
                if more_arrays() {
                    self.untold = Some(value);
                } else {
                    self.found.push(Some(value));
                }
            }
            (Some((Step::Key(key), rest)), value) => {
                match value.and_then(|v| step_in(v, key, self.structural)) {
                    // Nothing below what is missing: no members, or one missing value.
                    None if more_arrays() => {}
                    next => self.go(next, rest, fixed),
                }
            }
            (Some((Step::Index(digits), rest)), value) => match value.and_then(|v| item(v, digits, self.structural)) {
                None if more_arrays() => {}
                next => self.go(next, rest, fixed),
            },
            (Some((Step::Each, rest)), Some(Value::Array(items))) => match fixed.split_first() {
                Some((index, fixed)) => {
                    if let Some(item) = items.get(*index) {
                        self.go(Some(item), rest, fixed);
                    }
                }
                None => items.iter().for_each(|item| self.go(Some(item), rest, &[])),
            },
            (Some((Step::Each, _)), _) => {}
        }
    }
}

fn enumerate(
    value: &Value,
    steps: &[Step],
    fixed: &[usize],
    structural: bool,
    at: &mut Vec<usize>,
    members: &mut Vec<(Vec<usize>, Value)>,
) -> Result<(), Value> {
    match steps.split_first() {
        None => members.push((at.clone(), value.clone())),
        Some(_) if value.is_unknown() => return Err(value.clone()),
        Some((Step::Key(key), rest)) => {
            if let Some(next) = step_in(value, key, structural) {
                enumerate(next, rest, fixed, structural, at, members)?;
            } else if !rest.contains(&Step::Each) && !at.is_empty() {
                members.push((at.clone(), Value::Null));
            }
        }
        Some((Step::Index(digits), rest)) => {
            if let Some(next) = item(value, digits, structural) {
                enumerate(next, rest, fixed, structural, at, members)?;
            }
        }
        Some((Step::Each, rest)) => {
            for (i, item) in value.as_array().unwrap_or_default().iter().enumerate() {
                if fixed.first().is_some_and(|only| *only != i) {
                    continue;
                }
                at.push(i);
                let result = enumerate(item, rest, fixed.get(1..).unwrap_or_default(), structural, at, members);
                at.pop();
                result?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn structural(text: &str) -> Path {
        Path { steps: parse(text), structural: true }
    }

    #[test]
    fn structure_is_found_by_looking() {
        let body = Value::from(json!({"sku": {"name": "S0"}, "properties": {
            "rules": [{"name": "a", "properties": {"port": 1}}, {"port": 2}, {}], "empty": []}}));
        assert_eq!(structural("sku.name").find(&body, &[]), Found::One(Some("S0".into())));
        assert_eq!(structural("sku.name").display(&body), "sku.name");
        let ports = structural("rules[*].port");
        assert_eq!(ports.display(&body), "properties.rules[*].port");
        assert_eq!(ports.find(&body, &[]), Found::Many([Some(Value::Int(1)), Some(Value::Int(2)), None].into()));
        assert_eq!(ports.find(&body, &[1]), Found::Many([Some(Value::Int(2))].into()));
        assert_eq!(structural("empty[*]").find(&body, &[]), Found::Many([].into()));
        assert_eq!(structural("none[*].x").find(&body, &[]), Found::Many([].into()));
        assert_eq!(structural("none.x").find(&body, &[]), Found::One(None));
        assert_eq!(structural("none.x").display(&body), "properties.none.x");
        assert_eq!(structural("rules[*]").members(&body, &[]).unwrap().len(), 3);
    }

    #[test]
    fn quoted_keys_are_one_step() {
        assert_eq!(parse("a['b.c[*]'].d[*]").len(), 4);
        let name = |step| match step {
            Step::Key(key) => key.to_string(),
            Step::Each => "[*]".to_owned(),
            Step::Index(digits) => format!("[{digits}]"),
        };
        let keys = |text: &str| parse(text).into_iter().map(name).collect::<Vec<_>>();
        assert_eq!(keys("a[0].b"), ["a", "[0]", "b"]);
        assert_eq!(keys("m[\"a[*]\"].b[ * ]"), ["m", "a[*]", "b", "*"]);
        assert_eq!(keys("m[ 'it''s' ].n"), ["m", "it's", "n"]);
        assert_eq!(keys("m['a].n"), ["m", "'a", "n"]);
        assert_eq!(keys("m[\"'1'\"]"), ["m", "'1'"]);
        assert_eq!(keys("m['1']"), ["m", "1"]);
        assert_eq!(keys("m[open.x"), ["m", "[open", "x"]);
        assert_eq!(parse(""), []);
    }
}
