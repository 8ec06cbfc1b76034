//! Faults on demand: `PUT */virtualNetworks/*=503x2` answers the next two such requests with 503.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::answer::ArmError;
use crate::rbac::fits;

/// A kind of request and the status it is answered with.
#[derive(Debug, Clone)]
pub struct Fault {
    /// `PUT`; empty: any.
    verb: String,
    /// The path, with `*` for anything.
    path: String,
    status: u16,
    left: Arc<AtomicU32>,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pattern, status) =
            text.rsplit_once('=').ok_or("write it as PATTERN=STATUS, such as `PUT */subnets/*=503`")?;
        let (status, times) = match status.split_once('x') {
            Some((status, times)) => (status, times.parse().map_err(|_| format!("`{times}` is no number of times"))?),
            None => (status, u32::MAX),
        };
        let status: u16 = status.parse().map_err(|_| format!("`{status}` is no HTTP status"))?;
        if !(400..600).contains(&status) {
            return Err(format!("`{status}` is no error status; take one from 400 to 599"));
        }
        let (verb, path) = pattern.trim().split_once(' ').unwrap_or(("", pattern.trim()));
        if path.is_empty() {
            return Err("the pattern is empty; `*` means every path".to_owned());
        }
        let left = Arc::new(AtomicU32::new(times));
        Ok(Self { verb: verb.to_owned(), path: path.to_owned(), status, left })
    }
}

impl Fault {
    /// The error, where the request is one that is to fail.
    pub(crate) fn strike(&self, verb: &str, path: &str) -> Option<ArmError> {
        if !(self.verb.is_empty() || self.verb.eq_ignore_ascii_case(verb)) || !fits(path, &self.path) {
            return None;
        }
        let counted = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| match left {
            0 => None,
            u32::MAX => Some(u32::MAX),
            left => Some(left - 1),
        });
        counted.ok()?;
        let code = match self.status {
            401 => "AuthenticationFailed",
            403 => "AuthorizationFailed",
            404 => "ResourceNotFound",
            408 | 504 => "GatewayTimeout",
            409 => "Conflict",
            412 => "PreconditionFailed",
            429 => "TooManyRequests",
            503 => "ServerBusy",
            _ if self.status < 500 => "BadRequest",
            _ => "InternalServerError",
        };
        let error = ArmError::new(self.status, code, "The sandbox was told to answer this request with an error.");
        Some(if matches!(self.status, 429 | 503) { error.with("retry-after", "1") } else { error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_counted() {
        let fault: Fault = "PUT */virtualNetworks/*=503x2".parse().unwrap();
        let path = "/subscriptions/s/providers/Microsoft.Network/virtualnetworks/v";
        assert!(fault.strike("GET", path).is_none());
        assert!(fault.strike("PUT", path).is_some());
        assert!(fault.strike("PUT", path).is_some());
        assert!(fault.strike("PUT", path).is_none());
        for bad in ["x", "x=1", "x=200", "x=503xy", "=500"] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }
}
