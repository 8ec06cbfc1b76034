//! From files to a [`Design`].

mod glidepath;
mod platform;
mod waiver;
mod workload;

use glidepath_network::SpokeKey;
use glidepath_source::{Finding, Node, Text, yaml};
use indexmap::IndexMap;
use ipnet::IpNet;

use crate::decode::{Decode, Document};
use crate::suggest::nearest;
use crate::{Design, check};
pub(crate) use workload::ENVIRONMENTS;

/// What a file of the folder is.
enum Role<'n> {
    Glidepath,
    Platform,
    Addresses,
    Record,
    Workload,
    Waiver(&'n str),
    Other,
}

/// What a file is, by its path below the design's folder.
fn role<'n>(name: &'n str, root: &str) -> Role<'n> {
    let Some(path) = name.strip_prefix(root) else { return Role::Other };
    let (folder, file) = path.rsplit_once(['/', '\\']).unwrap_or(("", path));
    let Some(stem) = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")) else { return Role::Other };
    match (folder, stem) {
        ("workloads", _) => Role::Workload,
        ("waivers", stem) => Role::Waiver(stem),
        ("", "glidepath") => Role::Glidepath,
        ("", "platform") => Role::Platform,
        ("", "addresses") => Role::Addresses,
        (".glidepath", "addresses") => Role::Record,
        _ => Role::Other,
    }
}

/// The folder of the outermost `glidepath.yaml`, with its separator.
fn root<'n>(names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let folders = names.filter_map(|name| {
        let folder = name.strip_suffix("glidepath.yaml").or_else(|| name.strip_suffix("glidepath.yml"))?;
        (folder.is_empty() || folder.ends_with(['/', '\\'])).then_some(folder)
    });
    folders.min_by_key(|folder| folder.len())
}

impl Design {
    /// Reads a design from its files (names as the user knows them; the paths below the design's folder decide what is
    /// what: `glidepath.yaml`, `platform.yaml`, `addresses.yaml`, `.glidepath/addresses.yaml`, `workloads/*.yaml`, `waivers/*.yaml`; others are left
    /// alone). All findings are collected. The design is there whenever `glidepath.yaml` could be read at all, as far as
    /// it could be read: look at the findings before compiling it.
    pub fn read(files: &[(String, Text)]) -> (Option<Design>, Vec<Finding>) {
        let mut sorted: Vec<(&str, &Text)> = files.iter().map(|(name, text)| (name.as_str(), text)).collect();
        sorted.sort_by_key(|(name, _)| *name);
        let mut findings = Vec::new();
        let mut design = Design::default();

        let root = root(sorted.iter().map(|(name, _)| *name));
        let found =
            root.and_then(|r| Some((r, sorted.iter().find(|(name, _)| matches!(role(name, r), Role::Glidepath))?)));
        let Some((root, (_, text))) = found else {
            findings.push(
                Finding::error("design/missing-file", "there is no `glidepath.yaml`")
                    .about("glidepath.yaml")
                    .help("run `glidepath init`, or go to the folder that holds the design"),
            );
            return (None, findings);
        };
        let Some(node) = parse(text, &mut findings) else { return (None, findings) };
        design.places.record("", text, &node);
        let doc = Document::new(text);
        glidepath::read(&doc, &node, &mut design);
        findings.extend(doc.into_findings());
        platform::defaults(&mut design);

        for (name, text) in &sorted {
            match role(name, root) {
                Role::Glidepath => {}
                Role::Platform => {
                    each(text, "platform", &mut design, &mut findings, |doc, node, design| {
                        platform::read(doc, node, design);
                    });
                }
                Role::Addresses => {
                    each(text, "addresses", &mut design, &mut findings, |doc, node, design| {
                        design.addresses = addresses(doc, node);
                    });
                }
                Role::Record => findings.extend(record(text, &mut design)),
                Role::Workload => {
                    let Some(node) = parse(text, &mut findings) else { continue };
                    let doc = Document::new(text);
                    if let Some(workload) = workload::read(&doc, &node, &design.regions) {
                        workload::add(&doc, &node, workload, &mut design);
                    }
                    findings.extend(doc.into_findings());
                }
                Role::Waiver(stem) => {
                    each(text, &format!("waivers/{stem}"), &mut design, &mut findings, |doc, node, design| {
                        if let Some(waiver) = waiver::read(doc, node) {
                            design.waivers.insert(stem.to_owned(), waiver);
                        }
                    });
                }
                Role::Other => findings.extend(misnamed(name, root, text)),
            }
        }
        design.workloads.sort_keys();
        findings.extend(check::design(&design));
        // In the order of the files and lines, so that a reader goes through each file once.
        findings.sort_by_key(|f| {
            f.place.as_ref().map(|p| {
                let at = sorted.iter().position(|(_, text)| **text == p.text);
                (at, p.span.start)
            })
        });
        (Some(design), findings)
    }
}

fn parse(text: &Text, findings: &mut Vec<Finding>) -> Option<Node> {
    match yaml::parse(text) {
        Ok(node) => Some(node),
        Err(finding) => {
            findings.push(finding);
            None
        }
    }
}

fn each(
    text: &Text,
    root: &str,
    design: &mut Design,
    findings: &mut Vec<Finding>,
    read: impl FnOnce(&Document<'_>, &Node, &mut Design),
) {
    let Some(node) = parse(text, findings) else { return };
    design.places.record(root, text, &node);
    let doc = Document::new(text);
    read(&doc, &node, design);
    findings.extend(doc.into_findings());
}

/// A file beside `glidepath.yaml` whose name is nearly one of ours was meant to be read.
fn misnamed(name: &str, root: &str, text: &Text) -> Option<Finding> {
    let file = name.strip_prefix(root).filter(|file| !file.contains(['/', '\\']))?;
    let near = nearest(file, ["glidepath.yaml", "platform.yaml", "addresses.yaml"])?;
    Some(
        Finding::warning("design/unknown-file", format!("`{file}` is not a file of a design and was not read"))
            .at(text, glidepath_source::Span::default())
            .help(format!("did you mean `{near}`?")),
    )
}

/// The record that rollouts keep. What cannot be read of it is no reason to stop: what stands in the target says the same.
fn record(text: &Text, design: &mut Design) -> Option<Finding> {
    let doc = Document::new(text);
    let node = yaml::parse(text).ok();
    let is_record = node.as_ref().is_some_and(|node| matches!(node.kind_name(), "object" | "null"));
    design.kept = node.filter(|node| node.kind_name() == "object").map(|n| addresses(&doc, &n)).unwrap_or_default();
    (!is_record || !doc.into_findings().is_empty()).then(|| {
        Finding::warning("design/damaged-record", "the record of the spokes' addresses is damaged")
            .about(text.name().to_owned())
            .why("a spoke that is missing in it is asked for in the target, and gets a new block where it is not found")
            .help("restore the file, or let the next rollout write it again")
    })
}

/// `addresses.yaml`: `workload/environment/region: prefix`.
fn addresses(doc: &Document<'_>, node: &Node) -> IndexMap<SpokeKey, IpNet> {
    let mut record = IndexMap::new();
    if node.kind_name() != "object" {
        let _ = IndexMap::<String, IpNet>::decode(doc, node);
    }
    for member in node.members() {
        let parts: Vec<&str> = member.key.split('/').collect();
        let [workload, environment, region] = parts.as_slice() else {
            doc.tell(
                Finding::error("design/bad-value", format!("`{}` does not name a spoke", member.key))
                    .at(doc.text, member.key_span)
                    .help("write it as `workload/environment/region`"),
            );
            continue;
        };
        if let Some(prefix) = IpNet::decode(doc, &member.value) {
            let key = SpokeKey {
                workload: (*workload).to_owned(),
                environment: (*environment).to_owned(),
                region: (*region).to_owned(),
            };
            record.insert(key, prefix);
        }
    }
    record
}
