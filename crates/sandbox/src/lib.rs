//! The sandbox: an ARM-compatible control plane on loopback that enforces policy on every write.
//!
//! Clients talk to it as they talk to Azure: HTTPS with a certificate of the sandbox's own authority (`ca.pem` in the state
//! folder), a metadata document, a token endpoint and the Resource Manager paths. There is no other way in, so whoever
//! works against the sandbox works against Azure.
//!
//! A write is acknowledged after its commit to the state file; see `glidepath_store` for what that survives. The whole
//! estate is held in memory beside it.
//!
//! | module | holds |
//! |---|---|
//! | `http`, `tls` | the server; the only place that knows axum, hyper and rustls |
//! | `call`, `answer`, `route` | a request, an answer or ARM error, and which handler serves what |
//! | `identity`, `grants`, `graph` | metadata, OpenID configuration, tokens; the flows to them; a little of Graph |
//! | `world`, `sandbox` | the estate with its hierarchy and policy engine; writing it durably |
//! | `tenant`, `groups`, `subscriptions`, `resource_groups`, `providers`, `resources`, `list` | the surface |
//! | `complete`, `inline` | what providers add to a request; children that also stand inside their parent |
//! | `deployments` | templates: validate, what-if, create |
//! | `operations`, `actions` | long-running operations; POST actions |
//! | `tags`, `locks`, `roles` | the tags API; what may not be changed; built-in roles |
//! | `policy`, `insights` | policy on writes; compliance of what exists |
//! | `remediation`, `attestations`, `restrictions` | what policy deploys afterwards; a person's word; what policy would say |
//! | `rbac`, `etag`, `known`, `models` | who may; conditional requests; types and regions; models and quota |
//! | `activity`, `resource_graph`, `batch` | what was done; queries; many calls in one |
//! | `fault`, `consistency`, `control` | failures on demand; races; the clock and the state as a whole |
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test's helper fails the test"))]

mod actions;
mod activity;
mod answer;
mod attestations;
mod batch;
mod call;
mod complete;
mod consistency;
mod control;
mod deployments;
mod etag;
mod fault;
mod grants;
mod graph;
mod groups;
mod http;
mod identity;
mod inline;
mod insights;
mod known;
mod list;
mod locks;
mod models;
mod operations;
mod options;
mod policy;
mod providers;
mod rbac;
mod remediation;
mod resource_graph;
mod resource_groups;
mod resources;
mod restrictions;
mod roles;
mod route;
mod sandbox;
mod subscriptions;
mod surface;
mod tags;
mod tenant;
mod tls;
mod world;

pub use fault::Fault;
pub use http::{Running, start};
pub use options::{Clock, LinkedTemplates, Options, StartError};
pub use subscriptions::{Subscription, subscription_id};
pub use surface::coverage;
