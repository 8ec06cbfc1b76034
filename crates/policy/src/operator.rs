//! The operators of a condition on one value.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/definition-structure-policy-rule, "Conditions". Strings compare
//! without case except in `match`; numbers and booleans compare with the strings that spell them; what is missing is
//! `null`, which equals `""` and meets every negative operator.

use glidepath_arm::{Reason, Value};
use jiff::Timestamp;

/// Yes, no, or it depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    pub(crate) fn not(self) -> Self {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }

    /// Azure's spelling.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Truth::True => "True",
            Truth::False => "False",
            Truth::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::True } else { Truth::False }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equals,
    NotEquals,
    Like,
    NotLike,
    Match,
    NotMatch,
    MatchInsensitively,
    NotMatchInsensitively,
    Contains,
    NotContains,
    In,
    NotIn,
    ContainsKey,
    NotContainsKey,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
    Exists,
}

const NAMES: [(Operator, &str); 19] = [
    (Operator::Equals, "Equals"),
    (Operator::NotEquals, "NotEquals"),
    (Operator::Like, "Like"),
    (Operator::NotLike, "NotLike"),
    (Operator::Match, "Match"),
    (Operator::NotMatch, "NotMatch"),
    (Operator::MatchInsensitively, "MatchInsensitively"),
    (Operator::NotMatchInsensitively, "NotMatchInsensitively"),
    (Operator::Contains, "Contains"),
    (Operator::NotContains, "NotContains"),
    (Operator::In, "In"),
    (Operator::NotIn, "NotIn"),
    (Operator::ContainsKey, "ContainsKey"),
    (Operator::NotContainsKey, "NotContainsKey"),
    (Operator::Less, "Less"),
    (Operator::LessOrEquals, "LessOrEquals"),
    (Operator::Greater, "Greater"),
    (Operator::GreaterOrEquals, "GreaterOrEquals"),
    (Operator::Exists, "Exists"),
];

impl Operator {
    /// Reads a key, whatever its casing.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(key)).map(|(operator, _)| *operator)
    }

    /// Is it met by what is missing?
    pub(crate) fn is_negative(self) -> bool {
        matches!(
            self,
            Operator::NotEquals
                | Operator::NotLike
                | Operator::NotMatch
                | Operator::NotMatchInsensitively
                | Operator::NotContains
                | Operator::NotIn
                | Operator::NotContainsKey
        )
    }

    /// `less`, `greater` and their kin.
    pub(crate) fn is_order(self) -> bool {
        matches!(self, Operator::Less | Operator::LessOrEquals | Operator::Greater | Operator::GreaterOrEquals)
    }

    /// Azure's casing in `evaluatedExpressions`.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(operator, _)| *operator == self).map_or("", |(_, name)| name)
    }

    /// Tests one value against the value wanted.
    ///
    /// # Errors
    /// Where the two cannot be compared: `less` on a string and a number, `in` without a list, `exists` without a boolean.
    pub(crate) fn test(self, left: Option<&Value>, right: &Value) -> Result<Truth, String> {
        let left = left.filter(|v| !v.is_null());
        if self == Operator::Exists {
            return exists(left, right);
        }
        if let Some(truth) = hangs_on_unknown(self, left, right) {
            return Ok(truth);
        }
        Ok(Truth::from(match self {
            Operator::Equals => equal(left, right),
            Operator::NotEquals => !equal(left, right),
            Operator::Like => like(left, right),
            Operator::NotLike => !like(left, right),
            Operator::Match => matches(left, right, true),
            Operator::NotMatch => !matches(left, right, true),
            Operator::MatchInsensitively => matches(left, right, false),
            Operator::NotMatchInsensitively => !matches(left, right, false),
            Operator::Contains => contains(left, right),
            Operator::NotContains => !contains(left, right),
            Operator::In => is_in(left, right)?,
            Operator::NotIn => !is_in(left, right)?,
            Operator::ContainsKey => contains_key(left, right),
            Operator::NotContainsKey => !contains_key(left, right),
            Operator::Less => order(left, right)?.is_some_and(std::cmp::Ordering::is_lt),
            Operator::LessOrEquals => order(left, right)?.is_some_and(std::cmp::Ordering::is_le),
            Operator::Greater => order(left, right)?.is_some_and(std::cmp::Ordering::is_gt),
            Operator::GreaterOrEquals => order(left, right)?.is_some_and(std::cmp::Ordering::is_ge),
            Operator::Exists => false,
        }))
    }
}

/// A property that is written down exists, even if only Azure knows its value; one that may turn out `null` may not.
fn exists(left: Option<&Value>, right: &Value) -> Result<Truth, String> {
    let wanted = match right {
        Value::Bool(wanted) => *wanted,
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => true,
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => false,
        Value::Unknown(_) => return Ok(Truth::Unknown),
        other => return Err(format!("`exists` takes true or false, not `{other}`")),
    };
    let found = match left {
        Some(Value::Unknown(unknown)) => match unknown.reason {
            Reason::Runtime(_) | Reason::List(_) | Reason::Secret(_) | Reason::NonDeterministic(_) => Truth::True,
            _ => Truth::Unknown,
        },
        left => Truth::from(left.is_some()),
    };
    Ok(if wanted { found } else { found.not() })
}

/// `Some` where an unknown decides: nearly always [`Truth::Unknown`]; membership and keys can be known all the same.
fn hangs_on_unknown(operator: Operator, left: Option<&Value>, right: &Value) -> Option<Truth> {
    if matches!(left, Some(Value::Unknown(_))) || right.is_unknown() {
        return Some(Truth::Unknown);
    }
    if matches!(operator, Operator::ContainsKey | Operator::NotContainsKey) {
        return None;
    }
    let deep = left.is_some_and(Value::has_unknown) || right.has_unknown();
    if !deep {
        return None;
    }
    // One member that is known to fit is enough for `in` and for `contains` on a list.
    let (list, wanted) = match operator {
        Operator::In | Operator::NotIn => (right.as_array(), left),
        Operator::Contains | Operator::NotContains => (left.and_then(Value::as_array), Some(right)),
        _ => return Some(Truth::Unknown),
    };
    let hit =
        list.unwrap_or_default().iter().filter(|i| !i.has_unknown()).any(|i| wanted.is_some() && equal(wanted, i));
    Some(match (hit, operator) {
        (true, Operator::In | Operator::Contains) => Truth::True,
        (true, _) => Truth::False,
        (false, _) => Truth::Unknown,
    })
}

fn equal(left: Option<&Value>, right: &Value) -> bool {
    match (left, right) {
        (None, Value::Null) => true,
        (None, Value::String(text)) => text.is_empty(),
        (None, _) => false,
        (Some(left), right) => same(left, right),
    }
}

/// Equality of values as rules see it.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(a), Value::String(b)) => same_text(a, b) || same_instant(a, b),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Bool(flag), Value::String(text)) | (Value::String(text), Value::Bool(flag)) => {
            text.eq_ignore_ascii_case(if *flag { "true" } else { "false" })
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::Null, Value::Null) => true,
        (a, b) => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
            _ => false,
        },
    }
}

/// Two spellings of one moment: `…00Z`, `…00.0000000Z` (which `utcNow()` and `addDays()` write), `…10:00+10:00`.
fn same_instant(a: &str, b: &str) -> bool {
    let has_time = |text: &str| text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T');
    has_time(a) && has_time(b) && instant(a).is_some_and(|a| instant(b) == Some(a))
}

/// InvariantCultureIgnoreCase, as far as case goes.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    fold(a) == fold(b)
}

fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(i) => Some(*i as f64),
        Value::Float(f) => Some(*f),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|n| n.is_finite()),
        _ => None,
    }
}

/// What string operators see of a value.
fn text(value: Option<&Value>) -> Option<std::borrow::Cow<'_, str>> {
    match value? {
        Value::String(text) => Some(text.as_ref().into()),
        Value::Int(i) => Some(i.to_string().into()),
        Value::Float(f) => Some(f.to_string().into()),
        Value::Bool(flag) => Some(if *flag { "True" } else { "False" }.into()),
        _ => None,
    }
}

fn like(left: Option<&Value>, right: &Value) -> bool {
    match (text(left), text(Some(right))) {
        (Some(value), Some(pattern)) => wildcard(&fold(&value), &fold(&pattern)),
        _ => false,
    }
}

/// `*` stands for any text. Both in the same case.
pub(crate) fn wildcard(value: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return value == pattern };
    let Some(mut value) = value.strip_prefix(head) else { return false };
    let Some((middle, tail)) = rest.rsplit_once('*') else { return value.len() >= rest.len() && value.ends_with(rest) };
    for part in middle.split('*').filter(|p| !p.is_empty()) {
        match value.find(part) {
            Some(at) => value = value.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    value.ends_with(tail)
}

/// `#` a digit, `?` a letter, `.` any character, the rest itself.
fn matches(left: Option<&Value>, right: &Value, with_case: bool) -> bool {
    let (Some(value), Some(pattern)) = (text(left), text(Some(right))) else { return false };
    let mut value = value.chars();
    for wanted in pattern.chars() {
        let Some(found) = value.next() else { return false };
        let fits = match wanted {
            '#' => found.is_ascii_digit(),
            '?' => found.is_alphabetic(),
            '.' => true,
            _ if with_case => wanted == found,
            _ => wanted == found || wanted.to_lowercase().eq(found.to_lowercase()),
        };
        if !fits {
            return false;
        }
    }
    value.next().is_none()
}

fn contains(left: Option<&Value>, right: &Value) -> bool {
    match left {
        Some(Value::Array(items)) => items.iter().any(|item| same(item, right)),
        Some(Value::Object(_)) | None => false,
        some => match (text(some), text(Some(right))) {
            (Some(value), Some(part)) => fold(&value).contains(&fold(&part)),
            _ => false,
        },
    }
}

fn contains_key(left: Option<&Value>, right: &Value) -> bool {
    match (left, text(Some(right))) {
        (Some(Value::Object(object)), Some(key)) => object.get(&key).is_some(),
        _ => false,
    }
}

fn is_in(left: Option<&Value>, right: &Value) -> Result<bool, String> {
    let Some(list) = right.as_array() else { return Err(format!("`in` takes a list, not `{right}`")) };
    Ok(left.is_some_and(|left| list.iter().any(|item| same(left, item))))
}

/// Dates, numbers and strings have an order. What is missing has none; what is of different kinds is an error.
fn order(left: Option<&Value>, right: &Value) -> Result<Option<std::cmp::Ordering>, String> {
    let Some(left) = left else { return Ok(None) };
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        return Ok(Some(a.cmp(b)));
    }
    if let (Value::String(a), Value::String(b)) = (left, right) {
        return Ok(Some(match (instant(a), instant(b), number(left), number(right)) {
            (Some(a), Some(b), ..) => a.cmp(&b),
            (_, _, Some(a), Some(b)) => a.total_cmp(&b),
            _ => fold(a).cmp(&fold(b)),
        }));
    }
    match (number(left), number(right)) {
        (Some(a), Some(b)) => Ok(Some(a.total_cmp(&b))),
        _ => Err(format!("`{left}` and `{right}` cannot be put in an order: one is not of the other's type")),
    }
}

/// A date with or without time, in any offset; without one it is UTC.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let looks_like_date =
        text.len() >= 10 && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
    if !looks_like_date {
        return None;
    }
    let text = text.trim();
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.trim_end_matches('Z').parse::<jiff::civil::DateTime>().ok()?;
        jiff::tz::Offset::UTC.to_timestamp(civil).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn test(operator: &str, left: serde_json::Value, right: serde_json::Value) -> Truth {
        let left = Value::from(left);
        Operator::parse(operator).unwrap().test(Some(&left), &Value::from(right)).unwrap()
    }

    #[test]
    fn wildcards() {
        for (value, pattern, fits) in [
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "*b*", true),
            ("abc", "a?c", false),
            ("ab", "a*b*b", false),
            ("", "*", true),
            ("aba", "ab*ba", false),
        ] {
            assert_eq!(wildcard(value, pattern), fits, "{value} {pattern}");
        }
    }

    #[test]
    fn dates_with_offsets_are_instants() {
        assert_eq!(test("less", json!("2025-01-01T09:00:00+10:00"), json!("2025-01-01T00:00:00Z")), Truth::True);
        assert_eq!(test("greaterOrEquals", json!("2025-01-02"), json!("2025-01-01T23:59:59.1234567Z")), Truth::True);
        assert_eq!(test("less", json!("TLS1_1"), json!("TLS1_2")), Truth::True);
        assert_eq!(test("equals", json!("2025-01-02T00:00:00.0000000Z"), json!("2025-01-02T00:00:00Z")), Truth::True);
        assert_eq!(test("equals", json!("2025-01-02T00:00:00Z"), json!("2025-01-02T00:00:01Z")), Truth::False);
    }

    #[test]
    fn different_kinds_have_no_order() {
        assert!(Operator::Less.test(Some(&"abc".into()), &Value::Int(3)).is_err());
        assert_eq!(Operator::Less.test(None, &Value::Int(3)), Ok(Truth::False));
        assert_eq!(test("Greater", json!("35"), json!(4)), Truth::True);
    }
}
