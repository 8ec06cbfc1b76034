//! What the policies in force say of one resource type, with everything decided that does not hang on the resource.
//!
//! A test that several policies share is one test here, asked at most once a resource; a property that several tests look
//! at is one column.

use std::sync::Arc;

use glidepath_arm::Value;

use super::Hit;
use super::text::{Folded, Texts};
use crate::assignment::Assignment;
use crate::bind::{Bound, Instance};
use crate::definition::NamedEffect;
use crate::operator::Operator;
use crate::path::{Path, Step};
use crate::rule;
use crate::{Contributor, Effect};

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    False,
    True,
    Unknown,
    /// An expression or comparison failed.
    Failed,
}

impl Answer {
    pub(super) fn not(self) -> Self {
        match self {
            Answer::False => Answer::True,
            Answer::True => Answer::False,
            other => other,
        }
    }
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        if value { Answer::True } else { Answer::False }
    }
}

/// The policies for one type, in the order in which verdicts tell them.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) columns: Vec<Column>,
    /// The columns right below the body's root, and below each column (one place later).
    pub(super) below: Vec<Below>,
    pub(super) tests: Vec<Test>,
    pub(super) policies: Vec<Policy>,
    /// The type as policies write it, and in lower case.
    pub(super) kind: Arc<str>,
    pub(super) key: Arc<str>,
    /// Does mode `indexed` look at the type? `None`: the resource tells.
    pub(super) indexed: Option<bool>,
}

impl Program {
    /// What a contributor of the general evaluator is here.
    pub(super) fn hit(&self, contributor: &Contributor) -> Option<Hit> {
        let at = self.policies.iter().position(|p| p.owner.is_behind(contributor))?;
        let policy = u32::try_from(at).ok()?;
        Some(Hit { policy, effect: contributor.effect, outcome: contributor.outcome })
    }
}

/// A property of the body.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Column {
    /// By its way from the root: a tree, so that each object is gone through once for all its members.
    Member { parent: Option<u32>, key: Arc<str> },
    /// The first whose beginning is in the body, of (beginning, property).
    Either(Box<[(u32, u32)]>),
}

/// The columns right below an object, found by their keys.
#[derive(Debug, Default)]
pub(super) struct Below {
    /// Bit n: there is a key of length n (63: or longer). Most members of a resource are asked for by nobody.
    lengths: u64,
    keys: Vec<(Arc<str>, u32)>,
}

impl Below {
    pub(super) fn add(&mut self, key: &Arc<str>, column: u32) {
        self.lengths |= Self::bit(key);
        self.keys.push((Arc::clone(key), column));
    }

    fn bit(key: &str) -> u64 {
        1 << key.len().min(63)
    }

    /// Which column is this member? Keys compare without case.
    pub(super) fn find(&self, key: &str) -> Option<u32> {
        if self.lengths & Self::bit(key) == 0 {
            return None;
        }
        let same = |(own, _): &&(Arc<str>, u32)| own.len() == key.len() && own.eq_ignore_ascii_case(key);
        self.keys.iter().find(same).map(|(_, column)| *column)
    }
}

/// A policy instance, held together with what it is part of.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) assignment: Arc<Assignment>,
    pub(super) bound: Arc<Bound>,
    /// Its place in `bound.instances`.
    pub(super) at: usize,
}

impl Owner {
    pub(super) fn instance(&self) -> Option<&Instance> {
        self.bound.instances.get(self.at)
    }

    /// Is this the policy that a contributor tells of?
    pub(super) fn is_behind(&self, contributor: &Contributor) -> bool {
        self.assignment.named.id == contributor.assignment.id
            && self.instance().is_some_and(|own| {
                own.reference.as_deref() == contributor.reference_id.as_deref()
                    && own.definition.named.id == contributor.definition.id
            })
    }
}

/// One policy instance.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) owner: Owner,
    pub(super) effect: NamedEffect,
    pub(super) condition: Node,
    pub(super) only_indexed: bool,
    pub(super) how: How,
    /// The assignment has exemptions here.
    pub(super) may_be_exempt: bool,
}

impl Policy {
    /// One whose condition nobody asks here.
    pub(super) fn bare(owner: Owner) -> Self {
        let effect = NamedEffect::implied(Effect::Audit);
        let condition = Node::Known(Answer::True);
        Self { owner, effect, condition, only_indexed: false, how: How::General, may_be_exempt: false }
    }
}

/// What follows when the condition is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The effect.
    Effect,
    /// Nobody can tell here: it hangs on related resources, or a resource provider evaluates it.
    Elsewhere,
    /// It changes requests: what comes of it is worked out together with the others that do, unless it is plain: no
    /// other touches its fields, and nothing in its operations hangs on the resource.
    Changes { plain: bool },
    /// The general evaluator judges it, condition and all: its effect or selectors hang on the resource.
    General,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Known(Answer),
    Test(u32),
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Not(Box<Node>),
}

/// One test.
#[derive(Debug, PartialEq)]
pub(super) struct Test {
    pub(super) look: Look,
    pub(super) check: Check,
    /// It looks at a member of a count: its answer is not the resource's.
    pub(super) within_count: bool,
}

/// Where a test looks.
#[derive(Debug, PartialEq)]
pub(super) enum Look {
    Column(u32),
    Name,
    FullName,
    Id,
    /// Every value at the end of steps that begin at a column (or the root) with `[*]`.
    Each(Option<u32>, Arc<[Step]>),
    /// Every value at a path that has to be found by looking.
    Loose(Path),
    /// Below a member of a count: of the outermost count 0, of the one in it 1, …
    Member(usize, Arc<[Step]>, bool),
    /// How many members fit.
    Count(Members, Option<Node>),
    /// The general evaluator tests it.
    General(Box<General>),
}

/// A test that has no form here: expressions that hang on the resource, above all.
#[derive(Debug)]
pub(super) struct General {
    pub(super) test: rule::Test,
    pub(super) owner: Owner,
    /// The parts of the body it looks into; `None`: perhaps any.
    pub(super) parts: Option<Box<[u32]>>,
}

impl PartialEq for General {
    /// Two of them are never shared: their parameters may differ.
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

/// What is counted.
#[derive(Debug, PartialEq)]
pub(super) enum Members {
    Each(Option<u32>, Arc<[Step]>),
    Loose(Path),
    Member(usize, Arc<[Step]>, bool),
}

/// What a value is held against.
#[derive(Debug, PartialEq)]
pub(super) struct Check {
    pub(super) against: Against,
    /// Both sides are locations.
    pub(super) location: bool,
    /// What is missing is `""`, as the function `field()` has it.
    pub(super) empty_if_missing: bool,
}

/// The frequent comparisons with everything worked out, and the general one.
#[derive(Debug, PartialEq)]
pub(super) enum Against {
    Exists(bool),
    /// `equals` or `notEquals` a text.
    Text {
        text: Folded,
        negative: bool,
    },
    /// `in` or `notIn` a list of texts.
    Texts {
        texts: Texts,
        negative: bool,
    },
    /// `like` or `notLike` a pattern.
    Like {
        pattern: Folded,
        negative: bool,
    },
    /// `contains` or `notContains` a text.
    Contains {
        text: Folded,
        negative: bool,
    },
    Other(Operator, Value),
}
