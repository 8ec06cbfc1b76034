//! What a query means: a source and the operators after it.

use serde_json::Value as Json;

#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) source: Source,
    pub(crate) operators: Vec<Operator>,
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A table by its name.
    Table { name: String, at: usize },
    /// A query in parentheses.
    Query(Box<Pipeline>),
    /// `union a, (b | …)` as the beginning.
    Union(Vec<Pipeline>),
}

/// An expression and the name its column gets.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// As given, or made up from the expression as Kusto does; empty where only the operator can tell.
    pub(crate) name: String,
    pub(crate) given: bool,
    pub(crate) expression: Expression,
}

#[derive(Debug, Clone)]
pub(crate) enum Operator {
    Where(Expression),
    Extend(Vec<Named>),
    Project(Vec<Named>),
    /// Columns by pattern (`*` at the end): taken away or kept.
    Away(Vec<String>),
    Keep(Vec<String>),
    Rename(Vec<Named>),
    Distinct(Vec<Named>),
    /// All columns.
    DistinctAll,
    Expand(Vec<Named>),
    Join {
        kind: JoinKind,
        right: Pipeline,
        on: Vec<(Expression, Expression, bool)>,
    },
    Summarize {
        aggregates: Vec<Named>,
        by: Vec<Named>,
    },
    Union(Vec<Pipeline>),
    Sort(Vec<(Expression, bool)>),
    Top(Vec<(Expression, bool)>, usize),
    Take(usize),
    Count,
    /// `parse x with …`
    Parse {
        from: Expression,
        pattern: Vec<Piece>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    LeftAnti,
    LeftSemi,
    RightAnti,
    RightSemi,
}

/// A part of a `parse` pattern.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Anything,
    Column { name: String, number: bool },
}

#[derive(Debug, Clone)]
pub(crate) struct Expression {
    pub(crate) what: What,
    pub(crate) at: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Literal(Json),
    Column(String),
    /// `a.b`, `a['b']`
    Member(Box<Expression>, String),
    /// `a[0]`
    Index(Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    /// Operators by their name in lower case: `==`, `has`, `+`, …
    Binary(String, Box<Expression>, Box<Expression>),
    /// `in`, `!in~`, `has_any`, `has_all`
    Any(String, Box<Expression>, Vec<Expression>),
    Between {
        value: Box<Expression>,
        low: Box<Expression>,
        high: Box<Expression>,
        negated: bool,
    },
}

impl Expression {
    /// The name of an unnamed column.
    pub(crate) fn own_name(&self) -> String {
        match &self.what {
            What::Column(name) => name.clone(),
            What::Member(of, name) => format!("{}_{name}", of.own_name()),
            What::Index(of, at) => match &at.what {
                What::Literal(Json::Number(n)) => format!("{}_{n}", of.own_name()),
                What::Literal(Json::String(s)) => format!("{}_{s}", of.own_name()),
                _ => of.own_name(),
            },
            // A conversion keeps the name of what it converts; an aggregate puts its own in front (see `aggregate`).
            What::Call(function, arguments) => match (function.as_str(), arguments.first()) {
                (
                    "tostring" | "toint" | "tolong" | "todouble" | "toreal" | "tobool" | "todynamic" | "todatetime"
                    | "parse_json" | "tolower" | "toupper",
                    Some(argument),
                ) => argument.own_name(),
                _ => String::new(),
            },
            _ => String::new(),
        }
    }
}
