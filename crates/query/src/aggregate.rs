//! What `summarize` computes of a group of rows.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::compare::{from_number, number, sorting};
use crate::evaluate::Scope;
use crate::syntax::{Expression, Named, What};
use crate::{QueryError, compare};

const NAMES: [&str; 22] = [
    "any",
    "anyif",
    "arg_max",
    "arg_min",
    "avg",
    "avgif",
    "count",
    "countif",
    "dcount",
    "dcountif",
    "make_bag",
    "make_list",
    "make_set",
    "makelist",
    "makeset",
    "max",
    "maxif",
    "min",
    "minif",
    "sum",
    "sumif",
    "take_any",
];

pub(crate) fn is_aggregate(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The column's name where the query gives none: `count_`, `max_compliant`.
pub(crate) fn name(named: &Named) -> String {
    if named.given || !named.name.is_empty() {
        return named.name.clone();
    }
    match &named.expression.what {
        What::Call(function, arguments) => match (function.as_str(), arguments.first()) {
            ("count" | "countif", _) => format!("{function}_"),
            ("make_set" | "makeset", Some(of)) => format!("set_{}", of.own_name()),
            ("make_list" | "makelist", Some(of)) => format!("list_{}", of.own_name()),
            ("take_any" | "any" | "arg_max" | "arg_min", Some(of)) => of.own_name(),
            (_, Some(of)) => format!("{function}_{}", of.own_name()),
            _ => format!("{function}_"),
        },
        _ => String::new(),
    }
}

/// Computes an expression over a group; aggregates may stand anywhere in it.
pub(crate) fn compute(of: &Expression, group: &[Scope<'_>], empty: &Scope<'_>) -> Result<Json, QueryError> {
    let What::Call(name, arguments) = &of.what else {
        return Err(QueryError::new(of.at, "`summarize` needs an aggregate, such as count()"));
    };
    if !is_aggregate(name) {
        // A function of aggregates: compute them first.
        let mut computed = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let value =
                if holds_aggregate(argument) { compute(argument, group, empty)? } else { empty.value(argument)? };
            computed.push(Expression { what: What::Literal(value), at: argument.at });
        }
        return empty.value(&Expression { what: What::Call(name.clone(), computed), at: of.at });
    }
    let argument =
        |n: usize| arguments.get(n).ok_or_else(|| QueryError::new(of.at, format!("`{name}` has too few arguments")));
    let values = |filter: Option<&Expression>| -> Result<Vec<Json>, QueryError> {
        let mut all = Vec::new();
        for scope in group {
            if filter.map_or(Ok(true), |f| scope.holds(f))? {
                all.push(scope.value(argument(0)?)?);
            }
        }
        all.retain(|v| !v.is_null());
        Ok(all)
    };
    let conditional = name.ends_with("if") && name != "countif";
    let filter = if conditional { Some(argument(1)?) } else { None };
    let base = if conditional { name.strip_suffix("if").unwrap_or(name) } else { name };
    Ok(match base {
        "count" => group.len().into(),
        "countif" => {
            let condition = argument(0)?;
            let mut count = 0_u64;
            for scope in group {
                count += u64::from(scope.holds(condition)?);
            }
            count.into()
        }
        "dcount" => values(filter)?.iter().map(Json::to_string).collect::<BTreeSet<_>>().len().into(),
        "sum" => from_number(values(filter)?.iter().filter_map(number).sum()),
        "avg" => {
            let numbers: Vec<f64> = values(filter)?.iter().filter_map(number).collect();
            let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            if count == 0 { Json::Null } else { from_number(numbers.iter().sum::<f64>() / f64::from(count)) }
        }
        "max" => values(filter)?.into_iter().max_by(sorting).unwrap_or_default(),
        "min" => values(filter)?.into_iter().min_by(sorting).unwrap_or_default(),
        "any" | "take_any" => values(filter)?.into_iter().next().unwrap_or_default(),
        "make_list" | "makelist" => values(None)?.into(),
        "make_set" | "makeset" => {
            let mut seen = BTreeSet::new();
            values(None)?.into_iter().filter(|v| seen.insert(v.to_string())).collect::<Vec<_>>().into()
        }
        "make_bag" => {
            let mut bag = serde_json::Map::new();
            for value in values(None)? {
                if let Json::Object(members) = value {
                    bag.extend(members);
                }
            }
            Json::Object(bag)
        }
        // The value at the row where the first argument is extreme.
        "arg_max" | "arg_min" => {
            let mut best: Option<(Json, &Scope<'_>)> = None;
            for scope in group {
                let value = scope.value(argument(0)?)?;
                let better = best.as_ref().is_none_or(|(b, _)| {
                    let order = compare::sorting(&value, b);
                    if base == "arg_max" { order.is_gt() } else { order.is_lt() }
                });
                if !value.is_null() && better {
                    best = Some((value, scope));
                }
            }
            best.map(|(value, _)| value).unwrap_or_default()
        }
        _ => return Err(QueryError::new(of.at, format!("the aggregate `{name}` is not supported here"))),
    })
}

/// The row at which `arg_max`'s first argument is largest (`arg_min`: smallest).
pub(crate) fn extreme(of: &Expression, group: &[Scope<'_>], largest: bool) -> Result<Option<usize>, QueryError> {
    let mut best: Option<(Json, usize)> = None;
    for (at, scope) in group.iter().enumerate() {
        let value = scope.value(of)?;
        let better = best.as_ref().is_none_or(|(b, _)| {
            let order = sorting(&value, b);
            if largest { order.is_gt() } else { order.is_lt() }
        });
        if !value.is_null() && better {
            best = Some((value, at));
        }
    }
    Ok(best.map(|(_, at)| at))
}

fn holds_aggregate(of: &Expression) -> bool {
    match &of.what {
        What::Call(name, arguments) => is_aggregate(name) || arguments.iter().any(holds_aggregate),
        _ => false,
    }
}
