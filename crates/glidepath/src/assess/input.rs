//! Questions, answers and estate from files.

use std::path::{Path, PathBuf};

use glidepath_arm::Value;
use glidepath_estate::Estate;
use glidepath_readiness::{Answers, Assessment, Catalogue, Evidence, World, assess, decide, read_estate};
use glidepath_source::Finding;
use indexmap::IndexMap;

use super::Input;
use crate::failure::{Failure, stop_on_errors};
use crate::{files, sources};

/// What was asked and what came of it.
pub(crate) struct Asked {
    pub(crate) catalogue: Catalogue,
    pub(crate) assessment: Assessment,
    pub(crate) findings: Vec<Finding>,
    /// What was looked at, for people.
    pub(crate) subject: String,
}

impl Asked {
    pub(crate) fn ask(input: &Input) -> Result<Self, Failure> {
        let mut findings = Vec::new();
        let catalogue = catalogue(&input.questions, &mut findings)?;
        let now = jiff::Timestamp::now();
        let folder = input.dir.clone().or_else(|| design_here(input));
        let compilation = folder.as_deref().map(|dir| sources::design(dir, &mut findings)).transpose()?;
        let observed = match &input.estate {
            None => None,
            Some(path) => {
                let (estate, problems) = read_estate(&files::read(path)?);
                stop_on_errors(problems, &mut findings)?;
                Some(estate)
            }
        };
        let answers = match answers_file(input, folder.as_deref()) {
            None => Answers::default(),
            Some(path) => {
                let (answers, problems) = Answers::read(&files::read(&path)?, &catalogue, now);
                stop_on_errors(problems, &mut findings)?;
                answers
            }
        };
        let workloads: Vec<(String, Value)> = compilation
            .iter()
            .flat_map(|c| &c.design.workloads)
            .filter_map(|(name, w)| Some((name.clone(), Value::from(serde_json::to_value(w).ok()?))))
            .collect();
        let desired = compilation.as_ref().map(|c| &c.compiled.estate);
        let nothing = Estate::new();
        let world = match &observed {
            Some(observed) => World::new(observed, desired, workloads, now.as_second()),
            None => World::new(desired.unwrap_or(&nothing), None, workloads, now.as_second()),
        };
        let mut evidence: IndexMap<String, Evidence> = IndexMap::new();
        for topic in catalogue.topics.values() {
            if let Some(found) = decide(topic, &world) {
                evidence.insert(topic.id.clone(), found);
            }
        }
        let (assessment, conflicts) = assess(&catalogue, &answers, &evidence);
        findings.extend(conflicts);
        let subject = match (&input.estate, &folder) {
            (Some(path), _) => format!("the observed estate of {}", path.display()),
            (None, Some(dir)) => format!("the estate that the design in {} means", dir.display()),
            (None, None) => "answers only; no estate was given".to_owned(),
        };
        Ok(Self { catalogue, assessment, findings, subject })
    }
}

/// The working directory, if it holds a design and no estate is named instead.
fn design_here(input: &Input) -> Option<PathBuf> {
    (input.estate.is_none() && Path::new("glidepath.yaml").is_file()).then(|| PathBuf::from("."))
}

fn answers_file(input: &Input, folder: Option<&Path>) -> Option<PathBuf> {
    let beside = || folder.map(|f| f.join("readiness.yaml")).filter(|p| p.is_file());
    input.answers.clone().or_else(beside)
}

/// The questions, with an organisation's own over them.
pub(crate) fn catalogue(own: &[PathBuf], findings: &mut Vec<Finding>) -> Result<Catalogue, Failure> {
    let (mut catalogue, problems) = Catalogue::embedded();
    stop_on_errors(problems, findings)?;
    for path in own {
        let text = files::read(path)?;
        stop_on_errors(catalogue.overlay(&[text]), findings)?;
    }
    Ok(catalogue)
}
