//! What one expansion shares: documents, parsed expressions, the budget, findings.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use glidepath_source::{Finding, Node, Place, Span, Text};
use rustc_hash::FxHashMap;

use super::nested::Deployment;
use super::resources::Instance;
use super::{Context, Links};
use crate::expression::{self, EvalError, Expr, SyntaxError};
use crate::{Reason, Value};

/// How many documents an expansion may read or make: ARM allows 500 nested templates in what-if.
const MOST_DOCUMENTS: usize = 4_096;
/// How many values and calls may be evaluated. The AI Landing Zone template takes 29,000, Enterprise-Scale 47,000.
const MOST_STEPS: u64 = 2_000_000;
/// How many calls, variables, parameters and deployments may be open at once: what bounds the stack.
const DEEPEST: u32 = 280;
/// How many findings are kept: a mistake in a loop should not bury the rest.
const MOST_FINDINGS: usize = 1_000;

/// A read document.
pub(super) struct Document {
    pub(super) text: Text,
    pub(super) root: Node,
}

/// Holds documents, so that everything else can point into them.
pub(super) struct Arena {
    slots: Vec<OnceCell<Document>>,
    used: Cell<usize>,
}

impl Arena {
    pub(super) fn new() -> Self {
        let mut slots = Vec::new();
        slots.resize_with(MOST_DOCUMENTS, OnceCell::new);
        Self { slots, used: Cell::new(0) }
    }

    /// Keeps a document; `None` when there are too many.
    pub(super) fn add(&self, text: Text, root: Node) -> Option<&Document> {
        let slot = self.slots.get(self.used.get())?;
        self.used.set(self.used.get() + 1);
        Some(slot.get_or_init(|| Document { text, root }))
    }
}

/// A memoised value.
#[derive(Clone)]
pub(super) enum State {
    /// Its evaluation has begun and not ended: to need it now is a cycle.
    Busy,
    Done(Value),
}

/// Resources by lower-case type.
pub(super) type Index<'a> = FxHashMap<String, Vec<Rc<Instance<'a>>>>;

type Parsed = Rc<Result<Expr, SyntaxError>>;

pub(super) struct Session<'a> {
    pub(super) arena: &'a Arena,
    pub(super) context: &'a Context,
    pub(super) links: &'a dyn Links,
    /// Values that an outer pass computed inside a template that is read only later (`__held(n)`).
    pub(super) held: RefCell<Vec<Value>>,
    /// Linked templates by URI.
    pub(super) linked: RefCell<FxHashMap<String, Option<&'a Document>>>,
    pub(super) root: OnceCell<Rc<Deployment<'a>>>,
    /// All resources by lower-case type, once someone looks beyond its own deployment; busy while it is made.
    pub(super) index: RefCell<Option<Rc<Index<'a>>>>,
    pub(super) indexing: Cell<bool>,
    expressions: RefCell<FxHashMap<Arc<str>, Parsed>>,
    steps: Cell<u64>,
    depth: Cell<u32>,
    /// How many evaluations are going on whose failures must not be told.
    quiet: Cell<u32>,
    /// How many failures were not told.
    untold: Cell<u64>,
    findings: RefCell<Vec<Finding>>,
    told: RefCell<BTreeSet<(&'static str, String, u32, String)>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(arena: &'a Arena, context: &'a Context, links: &'a dyn Links, findings: Vec<Finding>) -> Self {
        Self {
            arena,
            context,
            links,
            held: RefCell::default(),
            linked: RefCell::default(),
            root: OnceCell::new(),
            index: RefCell::default(),
            indexing: Cell::new(false),
            expressions: RefCell::default(),
            steps: Cell::new(0),
            depth: Cell::new(0),
            quiet: Cell::new(0),
            untold: Cell::new(0),
            findings: RefCell::new(findings),
            told: RefCell::default(),
        }
    }

    /// The expression in a string (with its brackets), parsed once however often it stands in templates.
    pub(super) fn expression(&self, text: &Arc<str>, inner: &str) -> Parsed {
        if let Some(parsed) = self.expressions.borrow().get(text) {
            return parsed.clone();
        }
        let parsed = Rc::new(expression::parse(inner));
        self.expressions.borrow_mut().insert(text.clone(), parsed.clone());
        parsed
    }

    /// Evaluates what may not be needed at all: its failures are not told. What they touched is not remembered either
    /// (see [`Session::remembers`]), so that they are told when it is needed after all.
    pub(super) fn quietly<T>(&self, compute: impl FnOnce() -> T) -> T {
        self.hush(true);
        let result = compute();
        self.hush(false);
        result
    }

    pub(super) fn hush(&self, begins: bool) {
        let quiet = self.quiet.get();
        self.quiet.set(if begins { quiet + 1 } else { quiet.saturating_sub(1) });
    }

    /// How many failures went untold so far; to be given to [`Session::remembers`].
    pub(super) fn untold(&self) -> u64 {
        self.untold.get()
    }

    /// May a value computed since then be memoised? Not if a failure on the way to it went untold.
    pub(super) fn remembers(&self, since: u64) -> bool {
        self.untold.get() == since
    }

    /// Evaluates what fails only because of where it is asked from; `None` where it does. The failure is forgotten: what is
    /// made of the answer may be memoised.
    pub(super) fn attempt<T>(&self, compute: impl FnOnce() -> Option<T>) -> Option<T> {
        let since = self.untold.get();
        let result = self.quietly(compute);
        if self.remembers(since) {
            return result;
        }
        self.untold.set(since);
        None
    }

    /// Tells a finding, once.
    pub(super) fn tell(&self, finding: Finding) {
        if self.quiet.get() > 0 {
            self.untold.set(self.untold.get() + 1);
            return;
        }
        let key = (
            finding.code,
            finding.place.as_ref().map(|p| p.text.name().to_owned()).unwrap_or_default(),
            finding.place.as_ref().map_or(0, |p| p.span.start),
            finding.message.clone(),
        );
        let mut findings = self.findings.borrow_mut();
        if findings.len() < MOST_FINDINGS && self.told.borrow_mut().insert(key) {
            findings.push(finding);
        }
    }

    /// Tells why an expression failed, and gives the value that stands for it.
    pub(super) fn failed(&self, error: &EvalError, place: Place, chain: &[String]) -> Value {
        let reason = Reason::Failed(error.message.clone());
        let source = place.text.slice(place.span).trim_matches('"').to_owned();
        let expression = source.strip_prefix('[').and_then(|s| s.strip_suffix(']')).unwrap_or(&source).to_owned();
        let place = match error.span {
            Some(span) => Place::new(&place.text, narrowed(&place, span)),
            None => place,
        };
        let mut finding = Finding::error(error.code, error.message.clone()).at_place(Some(place));
        finding.help = error.help.clone();
        finding.chain = chain.to_vec();
        self.tell(finding);
        Value::unknown(reason, expression)
    }

    pub(super) fn take_findings(&self) -> Vec<Finding> {
        std::mem::take(&mut self.findings.borrow_mut())
    }

    /// Counts one step of work.
    pub(super) fn step(&self) -> Result<(), EvalError> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MOST_STEPS {
            return Err(EvalError::new(
                "template/too-large",
                format!("the template takes more than {MOST_STEPS} steps"),
            )
            .help("look for copy loops inside copy loops, or variables that double one another"));
        }
        Ok(())
    }

    /// Is the budget spent?
    pub(super) fn is_spent(&self) -> bool {
        self.steps.get() > MOST_STEPS
    }

    /// Goes one level deeper; [`Session::rise`] ends it.
    pub(super) fn descend(&self) -> Result<(), EvalError> {
        self.step()?;
        if self.depth.get() >= DEEPEST {
            return Err(EvalError::new(
                "template/too-deep",
                format!("more than {DEEPEST} evaluations are open at once"),
            )
            .help("look for variables or deployments that lead to one another in a long chain"));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(())
    }

    pub(super) fn rise(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }
}

/// The part of a JSON string that a part of its expression takes.
pub(super) fn narrowed(place: &Place, span: Span) -> Span {
    let raw = place.text.slice(place.span);
    if !raw.starts_with("\"[") {
        return place.span;
    }
    let start = raw_offset(raw, span.start as usize + 1);
    let end = raw_offset(raw, span.end as usize + 1);
    let base = place.span.start as usize;
    Span::new(base + start, base + end)
}

/// Where in a raw JSON string (with its quote) the byte `wanted` of its value stands.
fn raw_offset(raw: &str, wanted: usize) -> usize {
    let mut value = 0;
    let mut chars = raw.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if value >= wanted {
            return at;
        }
        if c == '\\' {
            let escape = chars.next().map(|(_, c)| c);
            let skipped = if escape == Some('u') {
                chars.by_ref().take(4).map(|(_, c)| c).collect::<String>()
            } else {
                String::new()
            };
            let code = u32::from_str_radix(&skipped, 16).ok().and_then(char::from_u32);
            value += code.map_or(1, char::len_utf8);
        } else {
            value += c.len_utf8();
        }
    }
    raw.len()
}
