//! The sandbox of a design: started here, or found running.

use std::net::SocketAddr;
use std::path::Path;

use glidepath_sandbox::{Options, Running, StartError};
use glidepath_source::Finding;
use glidepath_store::StoreError;

use super::session::{sandbox_folder, start_failure};
use crate::failure::Failure;

/// The file in the sandbox's folder in which `glidepath sandbox` says where it listens.
const ENDPOINT: &str = "endpoint";

/// Who serves the design's sandbox.
pub(crate) enum Host {
    /// This process.
    Own(Box<Running>),
    /// `glidepath sandbox`, in another one.
    Other { endpoint: String, ca_pem: Vec<u8> },
}

impl Host {
    /// Starts the sandbox, or joins the `glidepath sandbox` that holds its folder.
    pub(crate) async fn open(design: &Path, tenant: &str, port: u16) -> Result<Self, Failure> {
        let folder = sandbox_folder(design);
        let mut options = Options::new(folder.clone(), tenant);
        // What a subscription may use is agreed with Azure, and no concern of a rehearsal; `sandbox` serves with limits.
        options.quota = false;
        options.address = SocketAddr::from(([127, 0, 0, 1], port));
        match glidepath_sandbox::start(options).await {
            Ok(running) => {
                withdraw(&folder);
                Ok(Self::Own(Box::new(running)))
            }
            Err(StartError::State(StoreError::Locked { .. })) if port == 0 && folder.join(ENDPOINT).exists() => {
                join(&folder)
            }
            Err(error) => Err(start_failure(&error)),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        match self {
            Self::Own(running) => running.endpoint(),
            Self::Other { endpoint, .. } => endpoint.clone(),
        }
    }

    pub(crate) fn ca_pem(&self) -> Vec<u8> {
        match self {
            Self::Own(running) => running.ca_pem().as_bytes().to_vec(),
            Self::Other { ca_pem, .. } => ca_pem.clone(),
        }
    }

    /// Where it runs, when that is another process.
    pub(crate) fn elsewhere(&self) -> Option<&str> {
        match self {
            Self::Own(_) => None,
            Self::Other { endpoint, .. } => Some(endpoint),
        }
    }

    pub(crate) async fn shutdown(self) {
        if let Self::Own(running) = self {
            running.shutdown().await;
        }
    }
}

fn join(folder: &Path) -> Result<Host, Failure> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|e| {
            Failure::target(
                Finding::error("sandbox/held", format!("another process holds the sandbox in `{}`", folder.display()))
                    .why(format!("`{}` cannot be read, so that it cannot be joined: {e}", path.display()))
                    .help("stop the `glidepath sandbox` that serves this design, and run the command again"),
            )
        })
    };
    let endpoint = read(ENDPOINT)?.trim().to_owned();
    Ok(Host::Other { endpoint, ca_pem: read("ca.pem")?.into_bytes() })
}

/// Tells the commands that come while the sandbox is served where it listens. Without the file they are only told that
/// the folder is held, so that a file that cannot be written is no reason to stop.
pub(crate) fn announce(folder: &Path, endpoint: &str) {
    let _ = std::fs::write(folder.join(ENDPOINT), endpoint);
}

/// Takes it back.
pub(crate) fn withdraw(folder: &Path) {
    let _ = std::fs::remove_file(folder.join(ENDPOINT));
}
