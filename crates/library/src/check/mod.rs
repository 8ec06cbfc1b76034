//! What does not fit together in a merged library.

mod parameters;
mod references;

use glidepath_source::Finding;

use crate::Library;
use crate::place::architecture_findings;

impl Library {
    /// All that is wrong with the libraries taken together: references that lead nowhere, architectures that are no
    /// tree, parameters that do not fit. Findings of single files are told by [`Library::load`].
    ///
    /// With built-ins known ([`Library::know_builtins`]) references to them and their parameters are checked too.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.check_dependencies(&mut findings);
        self.check_archetypes(&mut findings);
        for architecture in self.architectures.values() {
            findings.extend(architecture_findings(architecture));
            self.check_archetypes_of(architecture, &mut findings);
        }
        self.check_references(&mut findings);
        self.check_initiatives(&mut findings);
        self.check_assignments(&mut findings);
        self.check_defaults(&mut findings);
        findings
    }
}
