//! `glidepath.yaml`.

use glidepath_source::Node;

use crate::Design;
use crate::decode::{Decode, Document, Fields};
use crate::model::{AzureTarget, Cloud, Credential, Naming, SandboxTarget, Tags, Targets};

pub(super) fn read(doc: &Document<'_>, node: &Node, design: &mut Design) {
    let Some(fields) = Fields::of(doc, node, "`glidepath.yaml`") else { return };
    design.organization = fields.required("organization").unwrap_or_default();
    design.tenant = fields.optional("tenant");
    design.regions = fields.required("regions").unwrap_or_default();
    design.libraries = fields.or("libraries", vec!["embedded:ai".to_owned()]);
    design.architecture = fields.optional("architecture");
    design.naming = fields.or("naming", Naming::default());
    design.tags = fields.or("tags", Tags { required: default_tags() });
    design.targets = fields.or("targets", Targets { sandbox: Some(SandboxTarget {}), azure: None });
    fields.finish();
}

fn default_tags() -> Vec<String> {
    ["owner", "costCenter", "dataClass", "environment"].map(str::to_owned).to_vec()
}

impl Decode for Naming {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`naming`")?;
        let naming = Naming { pattern: fields.or("pattern", Naming::DEFAULT.to_owned()) };
        fields.finish();
        Some(naming)
    }
}

impl Decode for Tags {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`tags`")?;
        let tags = Tags { required: fields.or("required", default_tags()) };
        fields.finish();
        Some(tags)
    }
}

impl Decode for Targets {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`targets`")?;
        let targets = Targets { sandbox: fields.optional("sandbox"), azure: fields.optional("azure") };
        fields.finish();
        Some(targets)
    }
}

impl Decode for SandboxTarget {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        Fields::of(doc, node, "`sandbox`")?.finish();
        Some(Self {})
    }
}

impl Decode for AzureTarget {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`azure`")?;
        let target = AzureTarget {
            cloud: fields.or("cloud", Cloud::Public),
            credential: fields.or("credential", Credential::Cli),
            billing_scope: fields.optional("billingScope"),
        };
        fields.finish();
        Some(target)
    }
}
