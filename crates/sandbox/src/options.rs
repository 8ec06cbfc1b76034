//! What the sandbox is told when it starts, and why it may not start.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use glidepath_arm::template::Links;
use glidepath_estate::Resource;
use glidepath_policy::Aliases;
use glidepath_store::StoreError;

/// Where the sandbox reads the time, in seconds since 1970.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The machine's time.
    pub fn system() -> Self {
        Self::new(|| {
            let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
        })
    }

    /// A time of one's own.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> i64 {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A source of linked templates.
#[derive(Clone)]
pub struct LinkedTemplates(pub Arc<dyn Links + Send + Sync>);

impl fmt::Debug for LinkedTemplates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkedTemplates")
    }
}

/// How the sandbox is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds `sandbox.db`, `ca.pem` and `ca.key`; made where it is missing.
    pub state_dir: PathBuf,
    /// Where to listen; port 0 takes any free port.
    pub address: SocketAddr,
    /// The tenant's GUID; also the name of its root management group.
    pub tenant_id: String,
    /// The time.
    pub clock: Clock,
    /// Refuse requests without a token. Otherwise a request without an `Authorization` header is accepted (the sandbox
    /// listens on loopback); a token that is presented must be a good one either way.
    pub auth_required: bool,
    /// Built-in definitions and initiatives of the tenant: can be read and assigned, not written.
    pub builtins: Vec<Resource>,
    /// Answer writes and deletes of resources as long-running operations.
    pub lro: bool,
    /// Answer every so-many-th request with 429.
    pub throttle: Option<u64>,
    /// Enforce role assignments on everybody but the owners; every request then needs a token.
    pub rbac: bool,
    /// Object or client ids of those whom roles do not bind.
    pub owners: Vec<String>,
    /// Requests that are to fail.
    pub faults: Vec<crate::Fault>,
    /// Refuse writes in namespaces that were never registered; otherwise the first write registers.
    pub strict_registration: bool,
    /// Take any resource type and location, also those the catalogue does not have.
    pub any_type: bool,
    /// Hold model deployments against the catalogue's limits.
    pub quota: bool,
    /// Show the races of eventual consistency.
    pub eventual: bool,
    /// Where linked templates are found; without, links are refused: the sandbox fetches nothing from the network.
    pub links: Option<LinkedTemplates>,
    /// The alias catalogue for policy; without one, aliases are resolved by looking at the resource.
    pub aliases: Aliases,
}

impl Options {
    /// Any port of 127.0.0.1, the system's clock, no token required, no built-ins.
    pub fn new(state_dir: impl Into<PathBuf>, tenant_id: impl Into<String>) -> Self {
        Self {
            state_dir: state_dir.into(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            tenant_id: tenant_id.into(),
            clock: Clock::system(),
            auth_required: false,
            builtins: Vec::new(),
            lro: false,
            throttle: None,
            rbac: false,
            owners: Vec::new(),
            faults: Vec::new(),
            strict_registration: false,
            any_type: false,
            quota: true,
            eventual: false,
            links: None,
            aliases: Aliases::default(),
        }
    }
}

/// Why the sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Something else listens there.
    #[error("port {port} is in use")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {detail}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        detail: String,
    },
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StoreError),
    /// The state file holds something that the sandbox did not write.
    #[error("the state file `{path}` holds an entry that cannot be read: `{key}`")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The entry.
        key: String,
    },
    /// The state belongs to another tenant.
    #[error("the state in `{path}` belongs to the tenant `{found}`")]
    OtherTenant {
        /// The folder.
        path: PathBuf,
        /// Its tenant.
        found: String,
    },
    /// The tenant's id is no GUID.
    #[error("`{tenant}` is not a GUID")]
    BadTenant {
        /// What was given.
        tenant: String,
    },
    /// The certificate authority or its files could not be made.
    #[error("cannot make the certificate in `{path}`: {detail}")]
    Certificate {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
}

impl StartError {
    /// The stable code for a finding.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PortInUse { .. } => "sandbox/port-in-use",
            Self::Listen { .. } => "sandbox/cannot-listen",
            Self::State(error) => error.code(),
            Self::Unreadable { .. } => "store/corrupt",
            Self::OtherTenant { .. } => "sandbox/other-tenant",
            Self::BadTenant { .. } => "sandbox/bad-tenant",
            Self::Certificate { .. } => "sandbox/certificate",
        }
    }

    /// What the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::PortInUse { .. } => "choose another port, or stop the program that listens there",
            Self::Listen { .. } => "choose an address of this machine, such as 127.0.0.1",
            Self::State(error) => error.help(),
            Self::Unreadable { .. } => "restore the file from a copy, or move it away to start with an empty state",
            Self::OtherTenant { .. } => "use the tenant the state belongs to, or another state folder",
            Self::BadTenant { .. } => "give the tenant as 8-4-4-4-12 hexadecimal digits",
            Self::Certificate { .. } => "check that the folder can be written, or remove `ca.pem` and `ca.key` in it",
        }
    }
}
