//! What proves an anchor: queries over resources, written as data.

use glidepath_arm::Value;
use glidepath_source::{Kind, Node};

use crate::reader::Reader;

/// One query whose rows prove an anchor, or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// What it shows, for people.
    pub label: String,
    /// The query as it is printed.
    pub query: String,
    /// The query.
    pub kind: ProofKind,
}

/// The kinds of query.
#[derive(Debug, Clone, PartialEq)]
pub enum ProofKind {
    /// At least so many resources fit, or so many distinct values of a path among them.
    Some {
        /// Types.
        types: Vec<String>,
        /// All must hold.
        filter: Vec<Predicate>,
        /// How many.
        least: usize,
        /// Count values of this path instead of resources.
        distinct: Option<String>,
    },
    /// Every resource that fits holds the predicates and is covered.
    Every {
        /// Types.
        types: Vec<String>,
        /// Which resources are meant.
        filter: Vec<Predicate>,
        /// What each must hold.
        holds: Vec<Predicate>,
        /// What must stand beside each.
        covered_by: Option<CoveredBy>,
        /// What it means when there is no such resource.
        when_none: WhenNone,
    },
    /// What policy says of a resource that should not pass, in each subscription with AI.
    Probe {
        /// Type of the resource.
        resource_type: String,
        /// Its body; the text `@region` is replaced by a region that the subscription uses.
        body: Value,
        /// What should come of it.
        expect: Expectation,
    },
    /// A query that is code (over pairs of resources, networks, both estates), by name.
    Check(String),
}

/// When a query finds nothing to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenNone {
    /// The estate cannot tell.
    Undecided,
    /// The claim is empty and holds.
    Holds,
    /// As `Holds`, but only beside other evidence; alone it is undecided.
    Skip,
}

/// A resource beside another.
#[derive(Debug, Clone, PartialEq)]
pub struct CoveredBy {
    /// Its type.
    pub resource_type: String,
    /// Which of them count.
    pub filter: Vec<Predicate>,
    /// How they are beside each other.
    pub relation: Relation,
}

/// How one resource covers another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// Its id lies within the other's.
    Below,
    /// It lies in the same subscription.
    Subscription,
    /// A value at this path is the other's id, or an id within it.
    Names(String),
}

/// What a probe should draw from policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Denied.
    Refused,
    /// Denied, or changed to something harmless.
    Prevented,
    /// Any effect that somebody can see.
    Reported,
    /// As `Reported`, in at least one subscription.
    ReportedSomewhere,
}

/// `path op value`, several joined by `||`. Paths go through bodies; `@name`, `@scope`, `@environment`, `@workload` and
/// `@parent.…` lead out of them; `[*]` means any item in `where`, each item in `holds`. Texts compare without case.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate(pub(crate) Vec<Term>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub(crate) path: String,
    pub(crate) test: Test,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Exists,
    Equal(String),
    Unequal(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Contains(String),
    AtLeast(f64),
}

impl Predicate {
    /// Reads one; the error says what is wrong with it.
    fn parse(text: &str) -> Result<Self, String> {
        let term = |part: &str| -> Result<Term, String> {
            let mut words = part.trim().splitn(3, char::is_whitespace);
            let (path, op, value) = (words.next().unwrap_or(""), words.next().unwrap_or(""), words.next());
            let value = value.map(str::trim).unwrap_or("");
            let items = || value.split(',').map(|s| s.trim().to_ascii_lowercase()).collect();
            let test = match op {
                "exists" => Test::Exists,
                "==" => Test::Equal(value.to_ascii_lowercase()),
                "!=" => Test::Unequal(value.to_ascii_lowercase()),
                "in" => Test::In(items()),
                "!in" => Test::NotIn(items()),
                "contains" => Test::Contains(value.to_ascii_lowercase()),
                ">=" => Test::AtLeast(value.parse().map_err(|_| format!("`{value}` is not a number"))?),
                _ => return Err(format!("`{part}` is not `PATH OPERATOR VALUE`")),
            };
            if path.is_empty() || (value.is_empty() && test != Test::Exists) {
                return Err(format!("`{part}` is not `PATH OPERATOR VALUE`"));
            }
            Ok(Term { path: path.to_owned(), test })
        };
        Ok(Self(text.split("||").map(term).collect::<Result<_, _>>()?))
    }
}

/// The names of the queries that are code.
pub(crate) const CHECKS: [&str; 16] = [
    "subscriptions-placed",
    "platform-apart",
    "environments-apart",
    "some-peering",
    "spokes-peered",
    "subnets-routed",
    "no-overlap",
    "head-room",
    "workloads-two-regions",
    "capacity-covers-peak",
    "capacity-without-a-region",
    "half-in-code",
    "all-in-code",
    "no-drift",
    "deployments-declared",
    "ai-alerts",
];

/// Reads one proof.
pub(crate) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Proof> {
    reader.known(
        node,
        &[
            "some",
            "every",
            "probe",
            "check",
            "label",
            "where",
            "holds",
            "least",
            "distinct",
            "covered-by",
            "when-none",
            "expect",
        ],
    );
    let label = reader.required(node, "label")?;
    let query = reader.text.slice(node.span).to_owned();
    let filter = predicates(node, "where", reader);
    let kind = if node.get("some").is_some() {
        ProofKind::Some {
            types: types(node, "some", reader)?,
            filter,
            least: reader.whole(node, "least", 1, 1000).unwrap_or(1) as usize,
            distinct: reader.string(node, "distinct"),
        }
    } else if node.get("every").is_some() {
        let when_none = match reader.string(node, "when-none").as_deref() {
            None => WhenNone::Undecided,
            Some("holds") => WhenNone::Holds,
            Some("skip") => WhenNone::Skip,
            Some(other) => {
                reader.wrong(node, format!("`{other}` is not `holds` or `skip`"), "correct `when-none`");
                return None;
            }
        };
        let covered_by = match node.get("covered-by") {
            Some(covered) => Some(covered_by(covered, reader)?),
            None => None,
        };
        let holds = predicates(node, "holds", reader);
        ProofKind::Every { types: types(node, "every", reader)?, filter, holds, covered_by, when_none }
    } else if let Some(probe) = node.get("probe") {
        reader.known(probe, &["type", "body"]);
        let expect = match reader.string(node, "expect").as_deref() {
            Some("refused") => Expectation::Refused,
            Some("prevented") => Expectation::Prevented,
            Some("reported") => Expectation::Reported,
            Some("reported-somewhere") => Expectation::ReportedSomewhere,
            _ => {
                reader.wrong(
                    node,
                    "a probe says what it expects",
                    "write `expect: refused`, `prevented`, `reported` or `reported-somewhere`",
                );
                return None;
            }
        };
        let body = probe.get("body").map_or(Value::Null, value);
        ProofKind::Probe { resource_type: reader.required(probe, "type")?, body, expect }
    } else {
        let name = reader.required(node, "check")?;
        if !CHECKS.contains(&name.as_str()) {
            reader.wrong(node, format!("there is no check `{name}`"), format!("use one of {}", CHECKS.join(", ")));
            return None;
        }
        ProofKind::Check(name)
    };
    let query = describe(&kind).unwrap_or(query);
    Some(Proof { label, query, kind })
}

fn types(node: &Node, key: &str, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    Some(reader.required(node, key)?.split(',').map(|t| t.trim().to_owned()).collect())
}

fn covered_by(node: &Node, reader: &mut Reader<'_>) -> Option<CoveredBy> {
    reader.known(node, &["type", "path", "below", "same", "where"]);
    let relation = match reader.string(node, "path") {
        Some(path) => Relation::Names(path),
        None if node.get("same").is_some() => Relation::Subscription,
        None => Relation::Below,
    };
    let filter = predicates(node, "where", reader);
    Some(CoveredBy { resource_type: reader.required(node, "type")?, filter, relation })
}

fn predicates(node: &Node, key: &str, reader: &mut Reader<'_>) -> Vec<Predicate> {
    let mut read = Vec::new();
    for text in reader.strings(node, key) {
        match Predicate::parse(&text) {
            Ok(predicate) => read.push(predicate),
            Err(error) => reader.wrong(node, error, "see `docs/readiness.md`, proofs"),
        }
    }
    read
}

/// A value of a document as a resource would hold it.
pub(crate) fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(b) => Value::from(*b),
        Kind::Int(i) => Value::from(*i),
        Kind::Float(f) => Value::Float(*f),
        Kind::String(s) => Value::from(s.to_string()),
        Kind::Array(items) => Value::array(items.iter().map(value)),
        Kind::Object(members) => Value::object(members.iter().map(|m| (m.key.to_string(), value(&m.value)))),
    }
}

impl std::fmt::Display for Predicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, term) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" or ")?;
            }
            let path = &term.path;
            match &term.test {
                Test::Exists => write!(f, "isnotempty({path})")?,
                Test::Equal(v) => write!(f, "{path} =~ '{v}'")?,
                Test::Unequal(v) => write!(f, "{path} !~ '{v}'")?,
                Test::In(v) => write!(f, "{path} in~ ('{}')", v.join("', '"))?,
                Test::NotIn(v) => write!(f, "{path} !in~ ('{}')", v.join("', '"))?,
                Test::Contains(v) => write!(f, "{path} contains '{v}'")?,
                Test::AtLeast(n) => write!(f, "{path} >= {n}")?,
            }
        }
        Ok(())
    }
}

/// The query as it is printed, close to how Resource Graph writes one.
fn describe(kind: &ProofKind) -> Option<String> {
    let head = |types: &[String], filter: &[Predicate]| {
        let mut text = format!("resources | where type in~ ('{}')", types.join("', '"));
        for predicate in filter {
            text.push_str(&format!(" | where {predicate}"));
        }
        text
    };
    Some(match kind {
        ProofKind::Some { types, filter, least, distinct } => {
            let count = distinct.as_ref().map_or("count()".to_owned(), |path| format!("dcount({path})"));
            format!("{} | summarize n = {count} | where n >= {least}", head(types, filter))
        }
        ProofKind::Every { types, filter, holds, covered_by, .. } => {
            let mut claims: Vec<String> = holds.iter().map(|p| format!("({p})")).collect();
            if let Some(by) = covered_by {
                let how = match &by.relation {
                    Relation::Below => "below it".to_owned(),
                    Relation::Subscription => "in its subscription".to_owned(),
                    Relation::Names(path) => format!("naming it in {path}"),
                };
                let which: Vec<String> = by.filter.iter().map(|p| format!(" with {p}")).collect();
                claims.push(format!("exists({}{} {how})", by.resource_type, which.concat()));
            }
            format!("{} | extend compliant = {}", head(types, filter), claims.join(" and "))
        }
        ProofKind::Probe { resource_type, body, expect } => format!(
            "policy verdict on PUT {resource_type} {} in each subscription with AI, expected {}",
            body.to_json(),
            match expect {
                Expectation::Refused => "refused",
                Expectation::Prevented => "refused or changed",
                Expectation::Reported => "reported",
                Expectation::ReportedSomewhere => "reported in one",
            }
        ),
        ProofKind::Check(name) => format!("check {name}"),
    })
}
