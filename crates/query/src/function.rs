//! Scalar functions.

use serde_json::{Value as Json, json};

use crate::QueryError;
use crate::compare::{equal, from_number, number, order, text, truth};
use crate::evaluate::Scope;
use crate::syntax::Expression;

/// How many arguments a function takes, at least and at most.
const FUNCTIONS: [(&str, usize, usize); 66] = [
    ("abs", 1, 1),
    ("ago", 1, 1),
    ("array_concat", 1, 20),
    ("array_index_of", 2, 2),
    ("array_length", 1, 1),
    ("bag_keys", 1, 1),
    ("bag_pack", 0, 100),
    ("case", 3, 100),
    ("ceiling", 1, 1),
    ("coalesce", 1, 100),
    ("countof", 2, 3),
    ("datetime_diff", 3, 3),
    ("extract", 3, 3),
    ("floor", 1, 2),
    ("format_datetime", 2, 2),
    ("iff", 3, 3),
    ("iif", 3, 3),
    ("indexof", 2, 3),
    ("isempty", 1, 1),
    ("isnotempty", 1, 1),
    ("isnotnull", 1, 1),
    ("isnull", 1, 1),
    ("max_of", 1, 100),
    ("min_of", 1, 100),
    ("now", 0, 1),
    ("pack", 0, 100),
    ("pack_all", 0, 1),
    ("pack_array", 0, 100),
    ("parse_json", 1, 1),
    ("range", 2, 3),
    ("replace", 3, 3),
    ("replace_regex", 3, 3),
    ("replace_string", 3, 3),
    ("reverse", 1, 1),
    ("round", 1, 2),
    ("set_has_element", 2, 2),
    ("split", 2, 3),
    ("startofday", 1, 1),
    ("strcat", 1, 100),
    ("strcat_array", 2, 2),
    ("strcat_delim", 2, 100),
    ("strcmp", 2, 2),
    ("string_size", 1, 1),
    ("strlen", 1, 1),
    ("substring", 2, 3),
    ("tobool", 1, 1),
    ("toboolean", 1, 1),
    ("todatetime", 1, 1),
    ("todecimal", 1, 1),
    ("todouble", 1, 1),
    ("todynamic", 1, 1),
    ("toint", 1, 1),
    ("tolong", 1, 1),
    ("tolower", 1, 1),
    ("toreal", 1, 1),
    ("tostring", 1, 1),
    ("toupper", 1, 1),
    ("trim", 2, 2),
    ("trim_end", 2, 2),
    ("trim_start", 2, 2),
    ("typeof", 1, 1),
    ("gettype", 1, 1),
    ("url_decode", 1, 1),
    ("bag_has_key", 2, 2),
    ("array_sort_asc", 1, 1),
    ("isnan", 1, 1),
];

pub(crate) fn call(scope: &Scope<'_>, name: &str, arguments: &[Expression], at: usize) -> Result<Json, QueryError> {
    let Some((_, least, most)) = FUNCTIONS.iter().find(|(known, _, _)| *known == name) else {
        return Err(QueryError::new(at, format!("the function `{name}` is not supported here")));
    };
    if arguments.len() < *least || arguments.len() > *most {
        return Err(QueryError::new(at, format!("`{name}` does not take {} arguments", arguments.len())));
    }
    // These evaluate only what they need.
    match name {
        "iff" | "iif" => {
            let holds = arguments.first().map_or(Ok(false), |c| scope.holds(c))?;
            return arguments.get(if holds { 1 } else { 2 }).map_or(Ok(Json::Null), |e| scope.value(e));
        }
        "case" => {
            for pair in arguments.chunks(2) {
                match pair {
                    [condition, value] if scope.holds(condition)? => return scope.value(value),
                    [otherwise] => return scope.value(otherwise),
                    _ => {}
                }
            }
            return Ok(Json::Null);
        }
        _ => {}
    }
    let values = arguments.iter().map(|a| scope.value(a)).collect::<Result<Vec<Json>, QueryError>>()?;
    let value = |n: usize| values.get(n).unwrap_or(&Json::Null);
    let string = |n: usize| text(value(n));
    let integer = |n: usize| number(value(n)).map(f64::trunc);
    Ok(match name {
        "tostring" => string(0).into(),
        "tolower" => string(0).to_lowercase().into(),
        "toupper" => string(0).to_uppercase().into(),
        "toint" | "tolong" => integer(0).map_or(Json::Null, from_number),
        "todouble" | "toreal" | "todecimal" => number(value(0)).map_or(Json::Null, from_number),
        "tobool" | "toboolean" => truth(value(0)).map_or(Json::Null, Json::Bool),
        "todynamic" | "parse_json" => match value(0) {
            Json::String(s) => serde_json::from_str(s).unwrap_or_else(|_| value(0).clone()),
            other => other.clone(),
        },
        "isnull" => value(0).is_null().into(),
        "isnotnull" => (!value(0).is_null()).into(),
        "isempty" => string(0).is_empty().into(),
        "isnotempty" => (!string(0).is_empty()).into(),
        "isnan" => false.into(),
        "coalesce" => values.iter().find(|v| !v.is_null() && v.as_str() != Some("")).cloned().unwrap_or_default(),
        "strcat" => values.iter().map(text).collect::<String>().into(),
        "strcat_delim" => values.iter().skip(1).map(text).collect::<Vec<_>>().join(&string(0)).into(),
        "strcat_array" => match value(0) {
            Json::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(&string(1)).into(),
            other => text(other).into(),
        },
        "strlen" => string(0).chars().count().into(),
        "string_size" => string(0).len().into(),
        "strcmp" => match string(0).cmp(&string(1)) {
            std::cmp::Ordering::Less => (-1).into(),
            std::cmp::Ordering::Equal => 0.into(),
            std::cmp::Ordering::Greater => 1.into(),
        },
        "reverse" => string(0).chars().rev().collect::<String>().into(),
        "substring" => substring(&string(0), integer(1), values.get(2).map(|_| integer(2))),
        "indexof" => indexof(&string(0), &string(1), integer(2)),
        "countof" => string(0).matches(string(1).as_str()).count().into(),
        "split" => {
            let (subject, by) = (string(0), string(1));
            let parts: Vec<Json> =
                if by.is_empty() { vec![subject.into()] } else { subject.split(by.as_str()).map(Json::from).collect() };
            match values.get(2) {
                // One part, still as an array.
                Some(_) => integer(2)
                    .and_then(|n| parts.get(index(n)?).cloned())
                    .map_or_else(|| json!([]), |part| json!([part])),
                None => parts.into(),
            }
        }
        "replace" | "replace_regex" => {
            scope.patterns.with(&string(1), at, |regex| regex.replace_all(&string(0), string(2)).into_owned())?.into()
        }
        "replace_string" if string(1).is_empty() => string(0).into(),
        "replace_string" => string(0).replace(&string(1), &string(2)).into(),
        "extract" => {
            let group = integer(1).and_then(index).unwrap_or(0);
            scope
                .patterns
                .with(&string(0), at, |regex| {
                    regex.captures(&string(2)).and_then(|c| c.get(group)).map(|m| m.as_str().to_owned())
                })?
                .unwrap_or_default()
                .into()
        }
        "trim" | "trim_start" | "trim_end" => {
            let (start, end) = (format!("^(?:{})+", string(0)), format!("(?:{})+$", string(0)));
            let mut subject = string(1);
            if name != "trim_end" {
                subject = scope.patterns.with(&start, at, |r| r.replace(&subject, "").into_owned())?;
            }
            if name != "trim_start" {
                subject = scope.patterns.with(&end, at, |r| r.replace(&subject, "").into_owned())?;
            }
            subject.into()
        }
        "url_decode" => string(0).into(),
        "array_length" => match value(0) {
            Json::Array(items) => items.len().into(),
            _ => Json::Null,
        },
        "array_index_of" => match value(0) {
            Json::Array(items) => {
                items.iter().position(|i| equal(i, value(1)) == Some(true)).map_or_else(|| (-1).into(), Json::from)
            }
            _ => Json::Null,
        },
        "array_concat" => values.iter().filter_map(Json::as_array).flatten().cloned().collect::<Vec<_>>().into(),
        "array_sort_asc" => match value(0) {
            Json::Array(items) => {
                let mut items = items.clone();
                items.sort_by(crate::compare::sorting);
                items.into()
            }
            other => other.clone(),
        },
        "set_has_element" => match value(0) {
            Json::Array(items) => items.iter().any(|i| equal(i, value(1)) == Some(true)).into(),
            _ => Json::Null,
        },
        "bag_keys" => match value(0) {
            Json::Object(members) => members.keys().cloned().collect::<Vec<_>>().into(),
            _ => Json::Null,
        },
        "bag_has_key" => value(0).as_object().is_some_and(|m| m.contains_key(&string(1))).into(),
        "bag_pack" | "pack" => Json::Object(
            values.chunks(2).filter_map(|pair| Some((text(pair.first()?), pair.get(1)?.clone()))).collect(),
        ),
        "pack_array" => values.into(),
        "pack_all" => Json::Object(scope.columns.iter().cloned().zip(scope.row.iter().cloned()).collect()),
        "range" => range(number(value(0)), number(value(1)), values.get(2).map_or(Some(1.0), number)),
        "max_of" | "min_of" => values
            .iter()
            .filter(|v| !v.is_null())
            .reduce(|a, b| {
                let wanted = if name == "max_of" { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
                if order(a, b) == Some(wanted) { b } else { a }
            })
            .cloned()
            .unwrap_or_default(),
        "abs" => number(value(0)).map_or(Json::Null, |n| from_number(n.abs())),
        "floor" => number(value(0)).map_or(Json::Null, |n| {
            let step = number(value(1)).filter(|s| *s > 0.0).unwrap_or(1.0);
            from_number((n / step).floor() * step)
        }),
        "ceiling" => number(value(0)).map_or(Json::Null, |n| from_number(n.ceil())),
        "round" => number(value(0)).map_or(Json::Null, |n| {
            let scale = 10_f64.powf(integer(1).unwrap_or(0.0).clamp(-15.0, 15.0));
            from_number((n * scale).round() / scale)
        }),
        "now" => moment(seconds(scope.now) + number(value(0)).unwrap_or(0.0)),
        "ago" => number(value(0)).map_or(Json::Null, |n| moment(seconds(scope.now) - n)),
        "todatetime" => time(value(0)).map_or(Json::Null, moment),
        "startofday" => time(value(0)).map_or(Json::Null, |t| moment((t / 86_400.0).floor() * 86_400.0)),
        "datetime_diff" => match (time(value(1)), time(value(2))) {
            (Some(a), Some(b)) => {
                let unit = match string(0).to_lowercase().as_str() {
                    "second" => 1.0,
                    "minute" => 60.0,
                    "hour" => 3_600.0,
                    "week" => 604_800.0,
                    _ => 86_400.0,
                };
                from_number((a / unit).floor() - (b / unit).floor())
            }
            _ => Json::Null,
        },
        "format_datetime" => time(value(0)).map_or(Json::Null, |t| match moment(t) {
            Json::String(s) => s.get(..string(1).len().min(19)).unwrap_or(&s).replace('T', " ").into(),
            other => other,
        }),
        "gettype" | "typeof" => match value(0) {
            Json::Null => "null",
            Json::Bool(_) => "bool",
            Json::Number(n) if n.is_i64() => "long",
            Json::Number(_) => "double",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "dictionary",
        }
        .into(),
        _ => return Err(QueryError::new(at, format!("the function `{name}` is not supported here"))),
    })
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact for millions of years")]
fn seconds(now: i64) -> f64 {
    now as f64
}

fn index(number: f64) -> Option<usize> {
    #[expect(clippy::cast_possible_truncation, reason = "checked by the range before")]
    let whole = if (0.0..1e9).contains(&number) { Some(number as i64) } else { None };
    usize::try_from(whole?).ok()
}

fn substring(subject: &str, start: Option<f64>, length: Option<Option<f64>>) -> Json {
    let Some(start) = start else { return "".into() };
    let skip = index(start.max(0.0)).unwrap_or(0);
    let take = match length {
        // A length that is not known or negative takes nothing.
        Some(length) => length.and_then(index).unwrap_or(0),
        None => usize::MAX,
    };
    subject.chars().skip(skip).take(take).collect::<String>().into()
}

fn indexof(subject: &str, wanted: &str, start: Option<f64>) -> Json {
    let skip = start.and_then(index).unwrap_or(0);
    let from = subject.char_indices().nth(skip).map_or(subject.len(), |(at, _)| at);
    let found = subject.get(from..).and_then(|rest| rest.find(wanted));
    found.map_or_else(|| Json::from(-1), |at| subject.get(..from + at).unwrap_or_default().chars().count().into())
}

fn range(start: Option<f64>, end: Option<f64>, step: Option<f64>) -> Json {
    const MOST: usize = 100_000;
    let (Some(start), Some(end), Some(step)) = (start, end, step) else { return Json::Null };
    if step == 0.0 || !step.is_finite() {
        return json!([]);
    }
    let mut all = Vec::new();
    let mut at = start;
    while all.len() < MOST && if step > 0.0 { at <= end } else { at >= end } {
        all.push(from_number(at));
        at += step;
    }
    all.into()
}

/// A time as seconds since 1970.
fn time(value: &Json) -> Option<f64> {
    match value {
        Json::String(text) => {
            let text = text.trim();
            let stamp: Option<jiff::Timestamp> = text.parse().ok();
            let day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
            stamp.or_else(|| day().map(|z| z.timestamp())).map(|t| seconds(t.as_second()))
        }
        other => number(other),
    }
}

fn moment(at: f64) -> Json {
    #[expect(clippy::cast_possible_truncation, reason = "a float too large becomes a time that does not exist")]
    let whole = at as i64;
    jiff::Timestamp::from_second(whole).map_or(Json::Null, |t| t.to_string().into())
}
