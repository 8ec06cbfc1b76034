//! The design files: schema, validation, and compilation to the desired estate.

pub mod catalogue;
mod check;
mod compile;
mod decode;
mod model;
mod naming;
mod places;
mod read;
mod suggest;

pub use compile::{Compiled, addresses_yaml};
pub use model::*;
pub use naming::symbolic_subscription;
pub use places::Places;

impl Design {
    /// The platform's parts and their subscriptions, `(management, contoso-management)`, in the order of the files. The
    /// part's name is also the id of its management group in the architecture.
    pub fn platform_subscriptions(&self) -> [(&'static str, &str); 4] {
        let platform = &self.platform;
        [
            ("management", &platform.management.subscription),
            ("identity", &platform.identity.subscription),
            ("security", &platform.security.subscription),
            ("connectivity", &platform.connectivity.subscription),
        ]
    }
}
