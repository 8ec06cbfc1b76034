//! ARM's limits on one template. Source: Microsoft Learn, "ARM template best practices", "Template limits".

use std::rc::Rc;

use glidepath_source::{Finding, Node, Span};

use super::nested::Deployment;
use super::session::Session;

/// Bytes of a template, and of a parameter file.
const LARGEST: usize = 4 * 1024 * 1024;
const MOST_PARAMETERS: usize = 256;
const MOST_VARIABLES: usize = 256;
const MOST_OUTPUTS: usize = 64;
const MOST_RESOURCES: usize = 800;

impl<'a> Session<'a> {
    /// Tells where a template is larger than Azure takes.
    pub(super) fn tell_limits(&self, deployment: &Rc<Deployment<'a>>) {
        let size = deployment.text.as_str().len();
        let tell = |message: String, span: Span| {
            let finding = Finding::error("template/limit", message).at(deployment.text, span);
            let finding = finding.why("Azure refuses the deployment").help("split it into several linked templates");
            self.tell(Finding { chain: deployment.chain.clone(), ..finding });
        };
        if size > LARGEST {
            tell(format!("the template has {size} bytes, {LARGEST} are allowed"), Span::default());
        }
        for (section, noun, most) in [
            ("parameters", "parameters", MOST_PARAMETERS),
            ("variables", "variables", MOST_VARIABLES),
            ("outputs", "outputs", MOST_OUTPUTS),
        ] {
            let Some(node) = deployment.template.get(section) else { continue };
            let copies = node.get("copy").filter(|_| section == "variables").map(Node::items).unwrap_or_default();
            let count = node.members().len() - usize::from(!copies.is_empty()) + copies.len();
            if count > most {
                tell(format!("the template has {count} {noun}, {most} are allowed"), node.span);
            }
        }
        let count = self.instances(deployment).iter().filter(|i| !i.is_existing()).count();
        if count > MOST_RESOURCES
            && let Some(node) = deployment.template.get("resources")
        {
            tell(
                format!("the template has {count} resources with its copies, {MOST_RESOURCES} are allowed"),
                node.span,
            );
        }
    }
}
