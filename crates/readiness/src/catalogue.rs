//! The questions: areas, topics with five levels, stages and controls, read from data.

use glidepath_estate::Phase;
use glidepath_source::{Finding, Node, Text, yaml};
use include_dir::{Dir, include_dir};
use indexmap::IndexMap;
use serde::Serialize;

use crate::answers::Source;
use crate::proof::{self, Proof};
use crate::reader::Reader;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../questions");
const CODE: &str = "readiness/questions";

/// Everything that can be asked.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Version of the questions; an organisation's own file adds `+NAME`.
    pub version: String,
    /// Areas in order.
    pub areas: IndexMap<String, Area>,
    /// Topics in order.
    pub topics: IndexMap<String, Topic>,
    /// Controls that close gaps.
    pub controls: IndexMap<String, Control>,
    /// Stages, lowest first.
    pub stages: Vec<Stage>,
    /// What was changed over the embedded questions, for people.
    pub changes: Vec<String>,
}

/// An area.
#[derive(Debug, Clone, Serialize)]
pub struct Area {
    /// `business`
    pub id: String,
    /// `Business strategy`
    pub title: String,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Topic {
    /// `IN4`
    pub id: String,
    /// Area.
    pub area: String,
    /// A few words.
    pub topic: String,
    /// What is asked.
    pub question: String,
    /// Why it matters.
    pub why: String,
    /// Five levels, lowest first.
    pub levels: Vec<Level>,
    /// What to show.
    pub evidence: String,
    /// Who decides.
    pub decided_by: Source,
    /// Weight within its area.
    pub weight: f64,
    /// What it blocks.
    pub gate: Option<Gate>,
    /// The phase that closes it.
    pub phase: Phase,
    /// The control that closes it.
    pub control: String,
    /// Frameworks, by identifier.
    pub references: Vec<String>,
    /// The level to reach.
    pub target: u8,
}

impl Topic {
    /// The highest level that has proofs all the way up to it; 1 where the estate can tell nothing.
    pub fn ceiling(&self) -> u8 {
        let proven = self.levels.iter().skip(1).take_while(|level| !level.proofs.is_empty()).count();
        proven as u8 + 1
    }
}

/// One level.
#[derive(Debug, Clone)]
pub struct Level {
    /// The observable fact.
    pub anchor: String,
    /// What proves it; none: only people can.
    pub proofs: Vec<Proof>,
}

/// What a topic blocks until it reaches a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// A phase, or `operation`.
    pub before: String,
    /// The level it needs.
    pub level: u8,
}

/// A stage; reached when the gates of its phases and of those before hold.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// `scaling`
    pub name: String,
    /// What it means.
    pub is: String,
    /// The phases whose gates must hold.
    pub opens: Vec<String>,
}

/// What closes gaps.
#[derive(Debug, Clone, Serialize)]
pub struct Control {
    /// `hub-network`
    pub id: String,
    /// What is done.
    pub title: String,
    /// When.
    pub phase: Phase,
    /// Person days, an estimate.
    pub effort: f64,
    /// Controls that come first.
    pub after: Vec<String>,
}

impl Catalogue {
    /// The questions that come with Glidepath.
    pub fn embedded() -> (Self, Vec<Finding>) {
        let texts: Vec<Text> = FILES
            .files()
            .filter(|file| file.path().extension().is_some_and(|e| e == "yaml"))
            .map(|file| {
                Text::new(format!("questions/{}", file.path().display()), file.contents_utf8().unwrap_or_default())
            })
            .collect();
        let mut catalogue = Self::default();
        let mut findings = catalogue.load(&texts);
        findings.extend(catalogue.check());
        // The areas' order is that of the framework, not that of file names.
        let order = ["business", "governance", "data", "experience", "culture", "infrastructure", "models"];
        let rank = |id: &str| order.iter().position(|o| *o == id).unwrap_or(order.len());
        catalogue.areas.sort_by_key(|id, _| rank(id));
        let areas = catalogue.areas.clone();
        catalogue.topics.sort_by_key(|_, topic| areas.get_index_of(&topic.area));
        (catalogue, findings)
    }

    /// Puts an organisation's files over what is there: topics of the same id are replaced, others added, and every change
    /// is noted.
    pub fn overlay(&mut self, texts: &[Text]) -> Vec<Finding> {
        let before = self.topics.clone();
        let mut findings = self.load(texts);
        for (id, topic) in &self.topics {
            match before.get(id) {
                None => self.changes.push(format!("{id} added: {}", topic.topic)),
                Some(old) if old.weight != topic.weight => {
                    self.changes.push(format!("{id} weighs {} instead of {}", topic.weight, old.weight));
                }
                Some(old) if old.target != topic.target => {
                    self.changes.push(format!("{id} aims at level {} instead of {}", topic.target, old.target));
                }
                Some(old) if old.question != topic.question => self.changes.push(format!("{id} is asked differently")),
                Some(_) => {}
            }
        }
        if !self.changes.is_empty() {
            self.version.push_str("+changed");
        }
        findings.extend(self.check());
        findings
    }

    fn load(&mut self, texts: &[Text]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for text in texts {
            let node = match yaml::parse(text) {
                Ok(node) => node,
                Err(finding) => {
                    findings.push(finding);
                    continue;
                }
            };
            let mut reader = Reader::new(text, CODE);
            self.file(&node, &mut reader);
            findings.extend(reader.findings);
        }
        findings
    }

    fn file(&mut self, node: &Node, reader: &mut Reader<'_>) {
        reader.known(node, &["version", "area", "title", "topics", "stages", "controls", "adjust"]);
        if let Some(version) = reader.string(node, "version") {
            self.version = version;
        }
        if node.get("area").is_some()
            && let (Some(id), Some(title)) = (reader.required(node, "area"), reader.required(node, "title"))
        {
            for topic in reader.list(node, "topics") {
                if let Some(topic) = read_topic(topic, &id, reader) {
                    self.topics.insert(topic.id.clone(), topic);
                }
            }
            self.areas.insert(id.clone(), Area { id, title });
        }
        for stage in reader.list(node, "stages") {
            reader.known(stage, &["name", "is", "opens"]);
            if let (Some(name), Some(is)) = (reader.required(stage, "name"), reader.required(stage, "is")) {
                let opens = reader.strings(stage, "opens");
                self.stages.push(Stage { name, is, opens });
            }
        }
        for control in reader.list(node, "controls") {
            if let Some(control) = read_control(control, reader) {
                self.controls.insert(control.id.clone(), control);
            }
        }
        for adjustment in reader.list(node, "adjust") {
            self.adjust(adjustment, reader);
        }
    }

    /// `adjust: [{ id: IN4, weight: 5, target: 4 }]`
    fn adjust(&mut self, node: &Node, reader: &mut Reader<'_>) {
        reader.known(node, &["id", "weight", "target"]);
        let Some(id) = reader.required(node, "id") else { return };
        let (weight, target) = (reader.number(node, "weight", 100.0), reader.whole(node, "target", 1, 5));
        match self.topics.get_mut(&id) {
            Some(topic) => {
                topic.weight = weight.unwrap_or(topic.weight);
                topic.target = target.map_or(topic.target, |t| t as u8);
            }
            None => reader.wrong(node, format!("there is no question `{id}` to adjust"), "correct the id"),
        }
    }

    /// What does not fit together.
    fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for topic in self.topics.values() {
            if !self.controls.contains_key(&topic.control) {
                findings.push(
                    Finding::error(
                        CODE,
                        format!("`{}` names the control `{}`, which is not there", topic.id, topic.control),
                    )
                    .about(topic.id.clone())
                    .help("add the control, or name one that is there"),
                );
            }
        }
        for control in self.controls.values() {
            for before in &control.after {
                match self.controls.get(before) {
                    None => findings.push(
                        Finding::error(CODE, format!("`{}` comes after `{before}`, which is not there", control.id))
                            .about(control.id.clone())
                            .help("correct `after`"),
                    ),
                    Some(other) if other.phase > control.phase => findings.push(
                        Finding::error(CODE, format!("`{}` comes after `{before}` of a later phase", control.id))
                            .about(control.id.clone())
                            .help("correct the phase or `after`"),
                    ),
                    Some(_) => {}
                }
            }
        }
        findings
    }
}

fn read_control(node: &Node, reader: &mut Reader<'_>) -> Option<Control> {
    reader.known(node, &["id", "title", "phase", "effort", "after"]);
    let (id, title) = (reader.required(node, "id")?, reader.required(node, "title")?);
    let phase = read_phase(node, reader)?;
    let effort = reader.number(node, "effort", 1000.0).unwrap_or(1.0);
    Some(Control { id, title, phase, effort, after: reader.strings(node, "after") })
}

fn read_phase(node: &Node, reader: &mut Reader<'_>) -> Option<Phase> {
    let name = reader.required(node, "phase")?;
    let phase = Phase::ALL.into_iter().find(|p| p.name() == name);
    if phase.is_none() {
        let names: Vec<&str> = Phase::ALL.iter().map(|p| p.name()).collect();
        reader.wrong(node, format!("`{name}` is no phase"), format!("use one of {}", names.join(", ")));
    }
    phase
}

fn read_topic(node: &Node, area: &str, reader: &mut Reader<'_>) -> Option<Topic> {
    reader.known(
        node,
        &[
            "id",
            "topic",
            "question",
            "why",
            "levels",
            "evidence",
            "decided-by",
            "weight",
            "gate",
            "phase",
            "control",
            "references",
            "target",
        ],
    );
    let id = reader.required(node, "id")?;
    let mut levels = Vec::new();
    for level in reader.list(node, "levels") {
        if let Some(anchor) = level.as_str() {
            levels.push(Level { anchor: anchor.to_owned(), proofs: Vec::new() });
            continue;
        }
        reader.known(level, &["is", "proof"]);
        let anchor = reader.required(level, "is")?;
        let proofs = reader.list(level, "proof").iter().filter_map(|p| proof::read(p, reader)).collect();
        levels.push(Level { anchor, proofs });
    }
    if levels.len() != 5 {
        reader.wrong(node, format!("`{id}` has {} levels", levels.len()), "give five, the lowest first");
        return None;
    }
    let by = reader.required(node, "decided-by")?;
    let Some(decided_by) = Source::named(&by) else {
        reader.wrong(node, format!("`{by}` is no source"), "use estate, configuration, telemetry or attestation");
        return None;
    };
    let gate = match node.get("gate") {
        None => None,
        Some(gate) => {
            reader.known(gate, &["before", "level"]);
            let before = reader.required(gate, "before")?;
            if before != "operation" && Phase::ALL.iter().all(|p| p.name() != before) {
                reader.wrong(gate, format!("`{before}` is no phase"), "name the phase that the gate blocks");
            }
            Some(Gate { before, level: reader.whole(gate, "level", 1, 5).unwrap_or(3) as u8 })
        }
    };
    Some(Topic {
        area: area.to_owned(),
        topic: reader.required(node, "topic")?,
        question: reader.required(node, "question")?,
        why: reader.required(node, "why")?,
        levels,
        evidence: reader.required(node, "evidence")?,
        decided_by,
        weight: reader.number(node, "weight", 100.0).unwrap_or(1.0),
        target: reader.whole(node, "target", 1, 5).unwrap_or(3).max(gate.as_ref().map_or(1, |g| i64::from(g.level)))
            as u8,
        gate,
        phase: read_phase(node, reader)?,
        control: reader.required(node, "control")?,
        references: reader.strings(node, "references"),
        id,
    })
}
