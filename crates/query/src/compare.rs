//! Comparisons of values whose types only the data know.

use std::cmp::Ordering;

use serde_json::Value as Json;

/// The text of a value: null is the empty text, arrays and objects are their JSON.
pub(crate) fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Bool(true) => "true".to_owned(),
        Json::Bool(false) => "false".to_owned(),
        other => other.to_string(),
    }
}

/// The number of a value, also where it is written as a text.
pub(crate) fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(n) => n.as_f64(),
        Json::String(s) => s.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        Json::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    }
}

/// A number as JSON: whole where it is.
pub(crate) fn from_number(number: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        let whole = number as i64;
        return whole.into();
    }
    serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number)
}

/// Is the value true? `None` where it is null or nothing that could be.
pub(crate) fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(b) => Some(*b),
        Json::Number(n) => n.as_f64().map(|n| n != 0.0),
        Json::String(s) if s.eq_ignore_ascii_case("true") => Some(true),
        Json::String(s) if s.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Are two values equal? `None` where both are null: Kusto does not know. A null differs from all else.
pub(crate) fn equal(a: &Json, b: &Json) -> Option<bool> {
    match (a, b) {
        (Json::Null, Json::Null) => None,
        // There is no text that is null: a missing one is empty.
        (Json::Null, Json::String(s)) | (Json::String(s), Json::Null) => Some(s.is_empty()),
        (Json::Null, _) | (_, Json::Null) => Some(false),
        (Json::Number(_), Json::Number(_)) => Some(number(a) == number(b)),
        (Json::Bool(_), Json::Bool(_)) | (Json::String(_), Json::String(_)) => Some(a == b),
        (Json::Bool(x), other) | (other, Json::Bool(x)) => Some(truth(other) == Some(*x)),
        (Json::Number(_), Json::String(_)) | (Json::String(_), Json::Number(_)) => Some(match (number(a), number(b)) {
            (Some(x), Some(y)) => x == y,
            _ => false,
        }),
        _ => Some(text(a) == text(b)),
    }
}

/// The order of two values; `None` where one is null or they cannot be compared.
pub(crate) fn order(a: &Json, b: &Json) -> Option<Ordering> {
    if a.is_null() || b.is_null() {
        return None;
    }
    match (a, b) {
        (Json::String(x), Json::String(y)) => match (number(a), number(b)) {
            (Some(x), Some(y)) => x.partial_cmp(&y),
            _ => Some(x.cmp(y)),
        },
        _ => match (number(a), number(b)) {
            (Some(x), Some(y)) => x.partial_cmp(&y),
            _ => None,
        },
    }
}

/// The order that sorting puts values in: nulls first, then numbers, then the rest by its text.
pub(crate) fn sorting(a: &Json, b: &Json) -> Ordering {
    let rank = |v: &Json| match v {
        Json::Null => 0,
        Json::Bool(_) => 1,
        Json::Number(_) => 2,
        _ => 3,
    };
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Json::Number(_), Json::Number(_)) => number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal),
        _ => text(a).cmp(&text(b)),
    })
}

/// Does the text hold the term, bounded by what is no letter or digit?
pub(crate) fn has(text: &str, term: &str, prefix: bool, suffix: bool) -> bool {
    if term.is_empty() {
        return true;
    }
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(term)) {
        let (start, end) = (from + found, from + found + term.len());
        let before = word(text.get(..start).and_then(|t| t.chars().next_back()));
        let after = word(text.get(end..).and_then(|t| t.chars().next()));
        if (!before || suffix) && (!after || prefix) {
            return true;
        }
        from = start + text.get(start..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn null_is_unlike_all_else() {
        assert_eq!(equal(&Json::Null, &Json::Null), None);
        assert_eq!(equal(&Json::Null, &json!(1)), Some(false));
        assert_eq!(equal(&json!([]), &json!("[]")), Some(true));
        assert_eq!(equal(&json!(true), &json!("True")), Some(true));
        assert_eq!(equal(&json!(26), &json!("26")), Some(true));
    }

    #[test]
    fn terms_are_whole() {
        assert!(has("vnet-hub-01", "hub", false, false));
        assert!(!has("github", "hub", false, false));
        assert!(has("github", "hub", false, true));
    }
}
