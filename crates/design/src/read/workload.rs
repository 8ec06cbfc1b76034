//! `workloads/*.yaml`.

use glidepath_network::Size;
use glidepath_source::{Finding, Node};
use indexmap::IndexMap;

use super::waiver::is_date;
use crate::Design;
use crate::decode::{Decode, Document, Fields, OneOrMany, word};
use crate::model::{
    Budget, ContentFilter, DataClass, Drill, Evaluation, Exposure, Model, NetworkNeed, Owner, Upgrade, Validation,
    Workload,
};

/// Environments, in the order in which a workload goes through them.
pub(crate) const ENVIRONMENTS: [&str; 4] = ["development", "test", "staging", "production"];

pub(super) fn read(doc: &Document<'_>, node: &Node, regions: &[String]) -> Option<Workload> {
    let fields = Fields::of(doc, node, "a workload")?;
    let name = fields.required("name");
    let exposure = fields.or("exposure", Exposure::default());
    let owner = fields.required("owner").unwrap_or_default();
    let data_class = fields.or("dataClass", DataClass::default());
    let residency = fields.optional("residency");
    let availability = fields.optional("availability");
    let environments: Vec<Environment> =
        fields.or("environments", vec![Environment("development"), Environment("production")]);
    let regions = fields.or("regions", regions.to_vec());
    let network = fields.or("network", NetworkNeed::default());
    let services = fields.or("services", Vec::new());
    let models = fields.or("models", Vec::new());
    let budget = fields.optional("budget");
    let (validation, approvals) = match fields.node("validation") {
        Some(node) => validation(doc, node),
        None => (Validation::default(), Vec::new()),
    };
    fields.finish();
    let mut environments: Vec<String> = environments.iter().map(|e| e.0.to_owned()).collect();
    environments.sort_by_key(|e| ENVIRONMENTS.iter().position(|known| known == e));
    Some(Workload {
        name: name?,
        exposure,
        owner,
        data_class,
        residency,
        availability,
        environments,
        regions,
        network,
        services,
        models,
        budget,
        validation,
        approvals,
    })
}

/// Adds a workload and its places; the second of a name is told and left out.
pub(super) fn add(doc: &Document<'_>, node: &Node, workload: Workload, design: &mut Design) {
    let root = format!("workloads/{}", workload.name);
    if design.workloads.contains_key(&workload.name) {
        let span = node.get("name").map_or(node.span, |n| n.span);
        let first = design.places.value(&format!("{root}/name")).map(|p| p.to_string()).unwrap_or_default();
        doc.tell(
            Finding::error(
                "design/duplicate-workload",
                format!("there is another workload `{}`, at {first}", workload.name),
            )
            .at(doc.text, span)
            .help("rename one of the two"),
        );
        return;
    }
    design.places.record(&root, doc.text, node);
    design.workloads.insert(workload.name.clone(), workload);
}

#[derive(Clone, Copy)]
struct Environment(&'static str);

impl Decode for Environment {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        word(doc, node, "environment", &ENVIRONMENTS.map(|e| (e, e))).map(Environment)
    }
}

impl Decode for Owner {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`owner`")?;
        let team: String = fields.required("team").unwrap_or_default();
        let owner = Owner {
            group: fields.optional("group"),
            contact: fields.optional("contact"),
            cost_center: fields.or("costCenter", team.clone()),
            team,
        };
        fields.finish();
        Some(owner)
    }
}

impl Decode for Size {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let text = String::decode(doc, node)?;
        let size = text.parse().ok();
        if size.is_none() {
            doc.bad_value(
                node,
                format!("`{text}` is no size of a network"),
                "allowed: `S` (/24), `M` (/22), `L` (/21), `/16` … `/24`",
            );
        }
        size
    }
}

impl Decode for NetworkNeed {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`network`")?;
        let need = NetworkNeed { size: fields.optional("size"), prefix: fields.optional("prefix") };
        fields.finish();
        Some(need)
    }
}

impl Decode for Model {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "a model")?;
        let (name, version, sku) = (fields.required("name"), fields.required("version"), fields.required("sku"));
        let peak = fields.required("peakTokensPerMinute");
        let upgrade = fields.or("upgrade", Upgrade::default());
        let content_filter = fields.or("contentFilter", ContentFilter::default());
        let format = fields.or("format", "OpenAI".to_owned());
        fields.finish();
        Some(Model {
            name: name?,
            version: version?,
            sku: sku?,
            peak_tokens_per_minute: peak?,
            upgrade,
            content_filter,
            format,
        })
    }
}

impl Decode for Budget {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`budget`")?;
        let monthly = fields.required("monthly");
        let currency = fields.or("currency", "EUR".to_owned());
        let alert_at = fields.or("alertAt", vec![50, 80, 100]);
        let start: Option<String> = fields.optional("start");
        fields.finish();
        if let (Some(date), Some(node)) = (&start, node.get("start"))
            && !(is_date(date) && date.ends_with("-01"))
        {
            doc.bad_value(node, format!("`{date}` is not the first day of a month"), "write it as `2027-03-01`");
        }
        Some(Budget { monthly: monthly?, currency, alert_at, start })
    }
}

impl Decode for Evaluation {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`evaluation`")?;
        let dataset = fields.required("dataset");
        let minimum = fields.or("minimum", IndexMap::new());
        fields.finish();
        Some(Evaluation { dataset: dataset?, minimum })
    }
}

fn validation(doc: &Document<'_>, node: &Node) -> (Validation, Vec<String>) {
    let Some(fields) = Fields::of(doc, node, "`validation`") else { return (Validation::default(), Vec::new()) };
    let drill: Option<OneOrMany<Drill>> = fields.optional("drill");
    let validation = Validation {
        evaluation: fields.optional("evaluation"),
        drill: drill.map(|d| d.0).unwrap_or_default(),
        distinct_approvers: fields.or("distinctApprovers", true),
    };
    let approvals = fields.or("approvals", Vec::new());
    fields.finish();
    (validation, approvals)
}
