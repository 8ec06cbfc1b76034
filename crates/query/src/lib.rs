//! Resource Graph's query language: the part of Kusto (KQL) that inventory queries and review checklists use.
//!
//! A query reads tables that the caller gives (`resources`, `resourcecontainers`, …) and answers with a table. Values are
//! JSON; a cell that holds nothing is null, and string functions read null as the empty text, as Kusto does.
//!
//! | module | holds |
//! |---|---|
//! | `token`, `syntax`, `parse` | text → tokens → pipeline |
//! | `operate` | tabular operators: where, extend, project, mv-expand, join, summarize, union, … |
//! | `evaluate`, `function`, `compare` | scalar expressions |
//! | `aggregate` | what `summarize` computes |
//!
//! Source of the semantics: Microsoft Learn, "Kusto Query Language" (null values, string operators, join flavours, mv-expand)
//! and "Understanding the Azure Resource Graph query language".

mod aggregate;
mod compare;
mod evaluate;
mod function;
mod operate;
mod parse;
mod syntax;
mod token;

use serde_json::Value as Json;

/// Rows under named columns. Every row has as many cells as there are columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Column names, in order; compared with case.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Json>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Where a column stands.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// The rows as objects.
    pub fn objects(&self) -> Vec<Json> {
        self.rows
            .iter()
            .map(|row| Json::Object(self.columns.iter().cloned().zip(row.iter().cloned()).collect()))
            .collect()
    }
}

/// Why a query gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// What is wrong.
    pub message: String,
    /// Where in the query, as a byte offset; 0 where no one place is to blame.
    pub at: usize,
}

impl QueryError {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }
}

/// Where the tables are. Names come in lower case.
pub trait Source {
    /// The table of this name, if there is one.
    fn table(&self, name: &str) -> Option<Table>;
}

impl<F: Fn(&str) -> Option<Table>> Source for F {
    fn table(&self, name: &str) -> Option<Table> {
        self(name)
    }
}

/// How much a query may make, so that one of a stranger ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Cells of any table on the way.
    pub cells: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cells: 20_000_000 }
    }
}

/// Runs a query. `now` is the time in seconds since 1970.
///
/// # Errors
/// When the text is no query, names an unknown table, column or function, or would make more than the limits allow.
pub fn run(query: &str, source: &dyn Source, now: i64, limits: Limits) -> Result<Table, QueryError> {
    let pipeline = parse::pipeline(query)?;
    operate::Run { source, now, limits }.pipeline(&pipeline)
}
