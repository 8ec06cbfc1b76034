//! Real templates expand to the known numbers (`reference/arm-templates.md`, sections 1.5 and 2.4). The corpora lie
//! beside the workspace; where they do not, the tests say so and pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glidepath_arm::template::{Context, Expansion, Links, Parameters, ResourceGroup, expand};
use glidepath_arm::{Object, Scope, Value};
use glidepath_source::Text;

const PORTAL: &str =
    "https://raw.githubusercontent.com/Azure/AI-Landing-Zones/refs/heads/portalbicepalignment/portal/";
const ESLZ: &str = "https://example.org/eslzArm/";

struct Folder {
    prefix: &'static str,
    root: PathBuf,
}

#[allow(clippy::disallowed_methods, reason = "tests read files")]
fn read(path: &Path) -> Option<Text> {
    std::fs::read_to_string(path).ok().map(|text| Text::new(path.display().to_string(), text))
}

impl Links for Folder {
    fn fetch(&self, uri: &str) -> Option<Text> {
        read(&self.root.join(uri.strip_prefix(self.prefix)?.split('?').next()?))
    }
}

fn corpora(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora").join(folder);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: {} is not here", root.display());
    None
}

fn context() -> Context {
    Context {
        tenant_id: Some("11111111-1111-1111-1111-111111111111".into()),
        subscription_id: Some("22222222-2222-2222-2222-222222222222".into()),
        subscription_name: Some("ai-prod".into()),
        resource_group: Some(ResourceGroup {
            name: "rg-ai".into(),
            location: Some("swedencentral".into()),
            tags: Object::new(),
        }),
        location: Some("swedencentral".into()),
        deployment_name: Some("ai-landing-zone".into()),
        ..Context::default()
    }
}

fn portal(set: &[(&str, Value)]) -> Option<Expansion> {
    let root = corpora("ai-landing-zone/portal")?;
    let template = read(&root.join("template.json")).unwrap();
    let mut parameters = Parameters::new();
    parameters.set("vmPassword", "not-a-real-one".into());
    for (name, value) in set {
        parameters.set(name, value.clone());
    }
    Some(expand(&template, &parameters, &context(), &Folder { prefix: PORTAL, root }))
}

fn show(expansion: &Expansion) {
    for finding in &expansion.findings {
        println!("{finding} {:?} {:?}", finding.help, finding.chain);
    }
}

fn errors(expansion: &Expansion) -> usize {
    expansion.findings.iter().filter(|f| f.is_error()).count()
}

#[track_caller]
fn counts(expansion: &Expansion, resources: usize, deployments: usize, dropped: usize, existing: usize) {
    let found = (expansion.resources.len(), expansion.deployments, expansion.dropped.len(), expansion.existing);
    if found != (resources, deployments, dropped, existing) {
        show(expansion);
    }
    assert_eq!(found, (resources, deployments, dropped, existing), "resources, deployments, dropped, existing");
}

#[test]
fn portal_defaults() {
    let Some(expansion) = portal(&[]) else { return };
    let mut types: BTreeMap<String, usize> = BTreeMap::new();
    let mut leaves = 0;
    let mut with_unknown = 0;
    for resource in &expansion.resources {
        *types.entry(resource.resource_type.as_str().to_ascii_lowercase()).or_default() += 1;
        let before = leaves;
        resource.body.for_each_unknown(&mut |_, _| leaves += 1);
        resource.id.for_each_unknown(&mut |_, _| leaves += 1);
        with_unknown += usize::from(leaves > before);
    }
    for r in &expansion.resources { println!("R {} {:?} {:?}", r.resource_type, r.name, r.deployment); }
    println!("{types:#?} {leaves} unknown leaves in {with_unknown} resources");
    show(&expansion);
    counts(&expansion, 224, 235, 139, 57);
    assert_eq!(types.len(), 44);
    assert_eq!(errors(&expansion), 0);
}

#[test]
fn eslz_terraform_sync() {
    let Some(expansion) = eslz("eslzArm.terraform-sync.param.json") else { return };
    show(&expansion);
    assert_eq!((expansion.resources.len(), expansion.deployments), (778, 264));
    assert_eq!(errors(&expansion), 0);
}

fn eslz(file: &str) -> Option<Expansion> {
    let root = corpora("enterprise-scale/eslzArm")?;
    let template = read(&root.join("eslzArm.json")).unwrap();
    let mut parameters = Parameters::new();
    parameters.add_file(&read(&root.join(file)).unwrap());
    let context = Context {
        template_uri: Some(format!("{ESLZ}eslzArm.json")),
        scope: Some(Scope::Tenant),
        resource_group: None,
        subscription_id: None,
        subscription_name: None,
        deployment_name: Some("eslz".into()),
        ..context()
    };
    Some(expand(&template, &parameters, &context, &Folder { prefix: ESLZ, root }))
}

#[allow(dead_code, reason = "used when looking into a single value")]
fn unused(_: Arc<str>) {}
