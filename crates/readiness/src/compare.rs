//! What changed between two assessments.

use serde::{Deserialize, Serialize};

use crate::score::Assessment;

/// As much of an assessment as comparing needs; reads from the JSON answer of `glidepath assess`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Snapshot {
    stage: Named,
    topics: Vec<TopicLevel>,
    gates: Vec<GateOpen>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct TopicLevel {
    id: String,
    level: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct GateOpen {
    topic: String,
    open: bool,
}

impl From<&Assessment> for Snapshot {
    fn from(a: &Assessment) -> Self {
        Self {
            stage: Named { name: a.stage.name.clone() },
            topics: a.topics.iter().map(|t| TopicLevel { id: t.id.clone(), level: t.level }).collect(),
            gates: a.gates.iter().map(|g| GateOpen { topic: g.topic.clone(), open: g.open }).collect(),
        }
    }
}

/// The difference of two assessments.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Stage before and after.
    pub stage: (String, String),
    /// Topics whose level changed, in the order of the questions.
    pub changes: Vec<Change>,
    /// Gates that opened and that closed, by topic.
    pub opened: Vec<String>,
    /// Gates that closed.
    pub closed: Vec<String>,
}

/// One topic that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The topic.
    pub topic: String,
    /// Level before; none: not applicable, or not asked.
    pub before: Option<u8>,
    /// Level after.
    pub after: Option<u8>,
}

/// Compares an earlier assessment with a later one.
pub fn compare(before: &Snapshot, after: &Snapshot) -> Comparison {
    let level = |a: &Snapshot, id: &str| a.topics.iter().find(|t| t.id == id).and_then(|t| t.level);
    let open = |a: &Snapshot, id: &str| a.gates.iter().find(|g| g.topic == id).is_some_and(|g| g.open);
    let mut ids: Vec<&str> = after.topics.iter().map(|t| t.id.as_str()).collect();
    ids.extend(before.topics.iter().map(|t| t.id.as_str()).filter(|id| !after.topics.iter().any(|t| t.id == *id)));
    let changes = ids
        .iter()
        .map(|id| Change { topic: (*id).to_owned(), before: level(before, id), after: level(after, id) })
        .filter(|c| c.before != c.after)
        .collect();
    let gated: Vec<&str> = after.gates.iter().map(|g| g.topic.as_str()).collect();
    let pick = |was: bool| -> Vec<String> {
        gated.iter().filter(|id| open(before, id) == was && open(after, id) != was).map(|id| (*id).to_owned()).collect()
    };
    Comparison {
        stage: (before.stage.name.clone(), after.stage.name.clone()),
        changes,
        opened: pick(false),
        closed: pick(true),
    }
}
