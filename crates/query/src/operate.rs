//! Tabular operators.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::evaluate::{Patterns, Scope, unknown};
use crate::syntax::{Expression, JoinKind, Named, Operator, Piece, Pipeline, Source, What};
use crate::{Limits, QueryError, Table, aggregate, compare};

pub(crate) struct Run<'a> {
    pub(crate) source: &'a dyn crate::Source,
    pub(crate) now: i64,
    pub(crate) limits: Limits,
}

type Made<T> = Result<T, QueryError>;

impl Run<'_> {
    pub(crate) fn pipeline(&self, pipeline: &Pipeline) -> Made<Table> {
        let mut table = match &pipeline.source {
            Source::Table { name, at } => {
                self.source.table(name).ok_or_else(|| QueryError::new(*at, format!("there is no table `{name}`")))?
            }
            Source::Query(inner) => self.pipeline(inner)?,
            Source::Union(all) => self.union(Table::default(), all)?,
        };
        for operator in &pipeline.operators {
            table = self.operate(table, operator)?;
            if table.rows.len().saturating_mul(table.columns.len().max(1)) > self.limits.cells {
                return Err(QueryError::new(
                    0,
                    "the query makes more than is allowed; filter before joins and expansions",
                ));
            }
        }
        Ok(table)
    }

    fn operate(&self, table: Table, operator: &Operator) -> Made<Table> {
        let patterns = Patterns::default();
        match operator {
            Operator::Where(condition) => {
                let Table { columns, rows } = table;
                let mut kept = Vec::new();
                for row in rows {
                    if self.scope(&columns, &row, &patterns).holds(condition)? {
                        kept.push(row);
                    }
                }
                self.check(condition, &columns, kept.is_empty())?;
                Ok(Table { columns, rows: kept })
            }
            Operator::Extend(all) => self.extend(table, all, &patterns),
            Operator::Project(all) => self.project(&table, all, &patterns),
            Operator::Away(gone) => Ok(columns(&table, |name| !gone.iter().any(|p| fits(p, name)))),
            Operator::Keep(kept) => Ok(keep(&table, kept)),
            Operator::Rename(all) => rename(table, all),
            Operator::Distinct(all) => {
                let table = self.project(&table, all, &patterns)?;
                Ok(distinct(table))
            }
            Operator::DistinctAll => Ok(distinct(table)),
            Operator::Expand(all) => all.iter().try_fold(table, |table, named| self.expand(table, named, &patterns)),
            Operator::Join { kind, right, on } => {
                let right = self.pipeline(right)?;
                self.join(table, right, *kind, on, &patterns)
            }
            Operator::Summarize { aggregates, by } => self.summarize(&table, aggregates, by, &patterns),
            Operator::Union(all) => self.union(table, all),
            Operator::Sort(by) => self.sort(table, by, &patterns),
            Operator::Top(by, count) => {
                let mut table = self.sort(table, by, &patterns)?;
                table.rows.truncate(*count);
                Ok(table)
            }
            Operator::Take(count) => {
                let mut table = table;
                table.rows.truncate(*count);
                Ok(table)
            }
            Operator::Count => Ok(Table { columns: vec!["Count".into()], rows: vec![vec![table.rows.len().into()]] }),
            Operator::Parse { from, pattern } => self.parse(table, from, pattern, &patterns),
        }
    }

    fn scope<'s>(&self, columns: &'s [String], row: &'s [Json], patterns: &'s Patterns) -> Scope<'s> {
        Scope { columns, row, now: self.now, patterns }
    }

    /// A condition on no rows is still looked at: a wrong name is wrong on an empty estate too.
    fn check(&self, of: &Expression, columns: &[String], empty: bool) -> Made<()> {
        if empty {
            let row = vec![Json::Null; columns.len()];
            self.scope(columns, &row, &Patterns::default()).value(of)?;
        }
        Ok(())
    }

    fn extend(&self, table: Table, all: &[Named], patterns: &Patterns) -> Made<Table> {
        let Table { mut columns, mut rows } = table;
        for named in all {
            let name = self.named(named, &columns);
            self.check(&named.expression, &columns, rows.is_empty())?;
            let place = columns.iter().position(|c| *c == name);
            for row in &mut rows {
                let value = self.scope(&columns, row, patterns).value(&named.expression)?;
                match place.and_then(|place| row.get_mut(place)) {
                    Some(cell) => *cell = value,
                    None => row.push(value),
                }
            }
            if place.is_none() {
                columns.push(name);
            }
        }
        Ok(Table { columns, rows })
    }

    fn named(&self, named: &Named, taken: &[String]) -> String {
        if !named.name.is_empty() {
            return named.name.clone();
        }
        let number = (1..).find(|n| !taken.contains(&format!("Column{n}"))).unwrap_or(1);
        format!("Column{number}")
    }

    fn project(&self, table: &Table, all: &[Named], patterns: &Patterns) -> Made<Table> {
        let mut names: Vec<String> = Vec::new();
        for named in all {
            let mut name = self.named(named, &names);
            let mut number = 1;
            while names.contains(&name) {
                name = format!("{}{number}", named.name);
                number += 1;
            }
            names.push(name);
            self.check(&named.expression, &table.columns, table.rows.is_empty())?;
        }
        let mut rows = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let scope = self.scope(&table.columns, row, patterns);
            rows.push(all.iter().map(|named| scope.value(&named.expression)).collect::<Made<Vec<Json>>>()?);
        }
        Ok(Table { columns: names, rows })
    }

    /// A row for every item of an array, or member of an object; a row without items goes.
    fn expand(&self, table: Table, named: &Named, patterns: &Patterns) -> Made<Table> {
        let Table { mut columns, rows } = table;
        self.check(&named.expression, &columns, rows.is_empty())?;
        let name = self.named(named, &columns);
        let place = columns.iter().position(|c| *c == name);
        let mut expanded = Vec::new();
        for row in rows {
            let value = self.scope(&columns, &row, patterns).value(&named.expression)?;
            let items = match value {
                Json::Array(items) => items,
                Json::Object(members) => {
                    members.into_iter().map(|(key, value)| Json::Object([(key, value)].into_iter().collect())).collect()
                }
                other => vec![other],
            };
            for item in items {
                let mut copy = row.clone();
                match place.and_then(|place| copy.get_mut(place)) {
                    Some(cell) => *cell = item,
                    None => copy.push(item),
                }
                expanded.push(copy);
            }
            if expanded.len().saturating_mul(columns.len() + 1) > self.limits.cells {
                return Err(QueryError::new(named.expression.at, "the expansion makes more than is allowed"));
            }
        }
        if place.is_none() {
            columns.push(name);
        }
        Ok(Table { columns, rows: expanded })
    }

    fn keys(&self, table: &Table, on: &[&Expression], patterns: &Patterns) -> Made<Vec<Option<String>>> {
        for of in on {
            self.check(of, &table.columns, table.rows.is_empty())?;
        }
        let mut keys = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let scope = self.scope(&table.columns, row, patterns);
            let mut key = Some(String::new());
            for of in on {
                let value = scope.value(of)?;
                // Null equals nothing, not even null.
                match (&mut key, &value) {
                    (Some(_), Json::Null) => key = None,
                    (Some(key), value) => {
                        key.push_str(&compare::text(value));
                        key.push('\u{1f}');
                    }
                    (None, _) => {}
                }
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn join(
        &self,
        left: Table,
        right: Table,
        kind: JoinKind,
        on: &[(Expression, Expression, bool)],
        patterns: &Patterns,
    ) -> Made<Table> {
        let left_keys = self.keys(&left, &on.iter().map(|(l, _, _)| l).collect::<Vec<_>>(), patterns)?;
        let right_keys = self.keys(&right, &on.iter().map(|(_, r, _)| r).collect::<Vec<_>>(), patterns)?;
        let mut index: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, key) in right_keys.iter().enumerate() {
            if let Some(key) = key {
                index.entry(key).or_default().push(at);
            }
        }
        let left_set: BTreeSet<&str> = left_keys.iter().flatten().map(String::as_str).collect();
        let one_sided = |table: Table, keep: &dyn Fn(usize) -> bool| {
            let rows = table.rows.into_iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, row)| row).collect();
            Table { columns: table.columns, rows }
        };
        let meets = |at: usize| left_keys.get(at).and_then(Option::as_deref).is_some_and(|k| index.contains_key(k));
        let met = |at: usize| right_keys.get(at).and_then(Option::as_deref).is_some_and(|k| left_set.contains(k));
        match kind {
            JoinKind::LeftSemi => return Ok(one_sided(left, &meets)),
            JoinKind::LeftAnti => return Ok(one_sided(left, &|at| !meets(at))),
            JoinKind::RightSemi => return Ok(one_sided(right.clone(), &met)),
            JoinKind::RightAnti => return Ok(one_sided(right.clone(), &|at| !met(at))),
            _ => {}
        }
        let mut columns = left.columns.clone();
        for name in &right.columns {
            let mut free = name.clone();
            let mut number = 1;
            while columns.contains(&free) {
                free = format!("{name}{number}");
                number += 1;
            }
            columns.push(free);
        }
        let mut rows = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let nothing = |count: usize| std::iter::repeat_n(Json::Null, count);
        for (row, key) in left.rows.iter().zip(&left_keys) {
            let partners = key.as_deref().and_then(|key| index.get(key));
            // The default flavour takes one left row of each key.
            if kind == JoinKind::InnerUnique
                && let Some(key) = key
                && !seen.insert(key)
            {
                continue;
            }
            match partners {
                Some(partners) => {
                    for partner in partners.iter().filter_map(|at| right.rows.get(*at)) {
                        rows.push(row.iter().chain(partner).cloned().collect());
                    }
                }
                None if matches!(kind, JoinKind::LeftOuter | JoinKind::FullOuter) => {
                    rows.push(row.iter().cloned().chain(nothing(right.columns.len())).collect());
                }
                None => {}
            }
            if rows.len().saturating_mul(columns.len()) > self.limits.cells {
                return Err(QueryError::new(0, "the join makes more than is allowed"));
            }
        }
        if matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter) {
            for (at, row) in right.rows.iter().enumerate() {
                if !met(at) {
                    rows.push(nothing(left.columns.len()).chain(row.iter().cloned()).collect());
                }
            }
        }
        Ok(Table { columns, rows })
    }

    fn summarize(&self, table: &Table, aggregates: &[Named], by: &[Named], patterns: &Patterns) -> Made<Table> {
        let mut groups: BTreeMap<String, (usize, Vec<Json>, Vec<usize>)> = BTreeMap::new();
        for named in by {
            self.check(&named.expression, &table.columns, table.rows.is_empty())?;
        }
        for (at, row) in table.rows.iter().enumerate() {
            let scope = self.scope(&table.columns, row, patterns);
            let key = by.iter().map(|named| scope.value(&named.expression)).collect::<Made<Vec<Json>>>()?;
            let text = Json::from(key.clone()).to_string();
            let first = groups.len();
            groups.entry(text).or_insert_with(|| (first, key, Vec::new())).2.push(at);
        }
        if by.is_empty() && groups.is_empty() {
            groups.insert(String::new(), (0, Vec::new(), Vec::new()));
        }
        let mut columns: Vec<String> = Vec::new();
        for named in by {
            columns.push(self.named(named, &columns));
        }
        // `arg_max(x, *)` shows whole rows.
        let mut shown: Vec<(&Named, Vec<String>)> = Vec::new();
        for named in aggregates {
            let mut names = vec![aggregate::name(named)];
            if let What::Call(function, arguments) = &named.expression.what
                && matches!(function.as_str(), "arg_max" | "arg_min")
            {
                for argument in arguments.iter().skip(1) {
                    match &argument.what {
                        What::Column(all) if all == "*" => names.extend(table.columns.iter().cloned()),
                        _ => names.push(argument.own_name()),
                    }
                }
            }
            let mut fresh = Vec::new();
            for name in names {
                if !columns.contains(&name) && !fresh.contains(&name) {
                    fresh.push(name);
                }
            }
            columns.extend(fresh.iter().cloned());
            shown.push((named, fresh));
        }
        let empty_row = vec![Json::Null; table.columns.len()];
        let empty = self.scope(&table.columns, &empty_row, patterns);
        let mut ordered: Vec<_> = groups.into_values().collect();
        ordered.sort_by_key(|(first, _, _)| *first);
        let mut rows = Vec::with_capacity(ordered.len());
        for (_, mut row, members) in ordered {
            let group: Vec<Scope<'_>> = members
                .iter()
                .filter_map(|at| table.rows.get(*at))
                .map(|row| self.scope(&table.columns, row, patterns))
                .collect();
            for (named, names) in &shown {
                let first = aggregate::compute(&named.expression, &group, &empty)?;
                let best = match &named.expression.what {
                    What::Call(function, arguments) if matches!(function.as_str(), "arg_max" | "arg_min") => {
                        let of = arguments.first().map(|of| aggregate::extreme(of, &group, function == "arg_max"));
                        of.transpose()?.flatten()
                    }
                    _ => None,
                };
                for (number, name) in names.iter().enumerate() {
                    let from_row = || {
                        let scope = group.get(best?)?;
                        scope.row.get(table.column(name)?).cloned()
                    };
                    row.push(if number == 0 { first.clone() } else { from_row().unwrap_or_default() });
                }
            }
            rows.push(row);
        }
        Ok(Table { columns, rows })
    }

    fn union(&self, table: Table, others: &[Pipeline]) -> Made<Table> {
        let mut tables = vec![table];
        for other in others {
            tables.push(self.pipeline(other)?);
        }
        let mut columns: Vec<String> = Vec::new();
        for name in tables.iter().flat_map(|t| &t.columns) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let mut rows = Vec::new();
        for table in tables {
            let places: Vec<Option<usize>> = columns.iter().map(|name| table.column(name)).collect();
            for row in table.rows {
                rows.push(places.iter().map(|p| p.and_then(|p| row.get(p)).cloned().unwrap_or_default()).collect());
            }
        }
        Ok(Table { columns, rows })
    }

    fn sort(&self, table: Table, by: &[(Expression, bool)], patterns: &Patterns) -> Made<Table> {
        let Table { columns, rows } = table;
        for (of, _) in by {
            self.check(of, &columns, rows.is_empty())?;
        }
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let scope = self.scope(&columns, &row, patterns);
            let keys = by.iter().map(|(of, _)| scope.value(of)).collect::<Made<Vec<Json>>>()?;
            keyed.push((keys, row));
        }
        keyed.sort_by(|(a, _), (b, _)| {
            let orders = a.iter().zip(b).zip(by).map(|((a, b), (_, ascending))| {
                let order = compare::sorting(a, b);
                if *ascending { order } else { order.reverse() }
            });
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        Ok(Table { columns, rows: keyed.into_iter().map(|(_, row)| row).collect() })
    }

    fn parse(&self, table: Table, from: &Expression, pattern: &[Piece], patterns: &Patterns) -> Made<Table> {
        let Table { mut columns, mut rows } = table;
        self.check(from, &columns, rows.is_empty())?;
        let parsed: Vec<String> = pattern
            .iter()
            .filter_map(|piece| match piece {
                Piece::Column { name, .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        let before = columns.clone();
        for name in &parsed {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        for row in &mut rows {
            let subject = compare::text(&self.scope(&before, row, patterns).value(from)?);
            let found = cut(&subject, pattern);
            row.resize(columns.len(), Json::Null);
            for (name, value) in parsed.iter().zip(found) {
                if let Some(cell) = columns.iter().position(|c| c == name).and_then(|at| row.get_mut(at)) {
                    *cell = value;
                }
            }
        }
        Ok(Table { columns, rows })
    }
}

/// The values of a pattern's columns in a text; all null where the text does not fit.
fn cut(subject: &str, pattern: &[Piece]) -> Vec<Json> {
    let count = pattern.iter().filter(|p| matches!(p, Piece::Column { .. })).count();
    let fitted = || -> Option<Vec<Json>> {
        let mut found = Vec::new();
        let mut rest = subject;
        let mut open: Option<&Piece> = None;
        let close = |open: Option<&Piece>, text: &str, found: &mut Vec<Json>| {
            if let Some(Piece::Column { number, .. }) = open {
                found.push(match (number, text.trim().parse::<f64>()) {
                    (true, Ok(n)) => compare::from_number(n),
                    (true, Err(_)) => Json::Null,
                    (false, _) => text.into(),
                });
            }
        };
        for piece in pattern {
            match piece {
                Piece::Text(text) => {
                    let at = rest.find(text.as_str()).filter(|at| open.is_some() || *at == 0)?;
                    close(open.take(), rest.get(..at)?, &mut found);
                    rest = rest.get(at + text.len()..)?;
                }
                other => open = Some(other),
            }
        }
        if open.is_some() {
            close(open, rest, &mut found);
        }
        Some(found)
    };
    fitted().unwrap_or_else(|| vec![Json::Null; count])
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

fn columns(table: &Table, keep: impl Fn(&str) -> bool) -> Table {
    let places: Vec<usize> =
        table.columns.iter().enumerate().filter(|(_, name)| keep(name)).map(|(at, _)| at).collect();
    at(table, &places)
}

fn keep(table: &Table, patterns: &[String]) -> Table {
    let mut places: Vec<usize> = Vec::new();
    for pattern in patterns {
        for (place, name) in table.columns.iter().enumerate() {
            if fits(pattern, name) && !places.contains(&place) {
                places.push(place);
            }
        }
    }
    at(table, &places)
}

fn at(table: &Table, places: &[usize]) -> Table {
    let pick = |row: &Vec<Json>| places.iter().filter_map(|p| row.get(*p).cloned()).collect();
    Table {
        columns: places.iter().filter_map(|p| table.columns.get(*p).cloned()).collect(),
        rows: table.rows.iter().map(pick).collect(),
    }
}

fn rename(table: Table, all: &[Named]) -> Made<Table> {
    let Table { mut columns, rows } = table;
    for named in all {
        let What::Column(old) = &named.expression.what else {
            return Err(QueryError::new(named.expression.at, "only a column can be renamed"));
        };
        let known = columns.clone();
        match columns.iter_mut().find(|c| *c == old) {
            Some(column) => column.clone_from(&named.name),
            None => return Err(unknown(old, &known, named.expression.at)),
        }
    }
    Ok(Table { columns, rows })
}

fn distinct(table: Table) -> Table {
    let mut seen = BTreeSet::new();
    let rows = table.rows.into_iter().filter(|row| seen.insert(Json::from(row.clone()).to_string())).collect();
    Table { columns: table.columns, rows }
}
