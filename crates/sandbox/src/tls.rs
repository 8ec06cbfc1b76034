//! The sandbox's own certificate authority and the certificate it serves with.
//!
//! The authority is kept (`ca.pem`, `ca.key` readable by the owner only): clients are told to trust it once. The serving
//! certificate is made anew at every start and its key never leaves memory.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};

use crate::StartError;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the authority lives, and how long before its end it is replaced.
const CA_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
const CA_MARGIN: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// macOS accepts no serving certificate that lives longer than 398 days.
const LEAF_LIFE: Duration = Duration::from_secs(397 * 24 * 60 * 60);
/// Stands before the key in `ca.key`; PEM readers skip text outside the block.
const EXPIRES: &str = "expires ";

/// The authority's certificate and the server's settings.
pub(crate) struct Identity {
    pub(crate) ca_path: PathBuf,
    pub(crate) ca_pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

/// Reads or makes the authority in `folder` and issues a certificate for `localhost` and the address.
pub(crate) fn identity(folder: &Path, address: IpAddr) -> Result<Identity, StartError> {
    let failed = |path: &Path, detail: String| StartError::Certificate { path: path.to_owned(), detail };
    let (ca_path, key_path) = (folder.join("ca.pem"), folder.join("ca.key"));
    let (ca_pem, key) = match existing(&ca_path, &key_path) {
        Some(existing) => existing,
        None => create(folder, &ca_path, &key_path)?,
    };
    let server = serve(&ca_pem, key, address).map_err(|e| failed(&ca_path, e.to_string()))?;
    Ok(Identity { ca_path, ca_pem, server })
}

fn serve(ca_pem: &str, key: KeyPair, address: IpAddr) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error>> {
    let issuer = Issuer::new(ca_params(UNIX_EPOCH), key);
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    for ip in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), address] {
        if !ip.is_unspecified() && !params.subject_alt_names.contains(&SanType::IpAddress(ip)) {
            params.subject_alt_names.push(SanType::IpAddress(ip));
        }
    }
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + LEAF_LIFE).into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Python's strict verification wants it.
    params.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let leaf = params.signed_by(&leaf_key, &issuer)?;
    let chain = vec![leaf.der().clone(), CertificateDer::from_pem_slice(ca_pem.as_bytes())?];
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn ca_params(expires: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Glidepath");
    params.distinguished_name.push(DnType::CommonName, "Glidepath sandbox authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (expires.checked_sub(CA_LIFE + DAY).unwrap_or(UNIX_EPOCH)).into();
    params.not_after = expires.into();
    params
}

/// The authority that is there, if it can be read and has long enough to live.
fn existing(ca_path: &Path, key_path: &Path) -> Option<(String, KeyPair)> {
    let ca_pem = fs::read_to_string(ca_path).ok()?;
    CertificateDer::from_pem_slice(ca_pem.as_bytes()).ok()?;
    let key = fs::read_to_string(key_path).ok()?;
    let expires = key.lines().next()?.strip_prefix(EXPIRES)?.parse().ok()?;
    let expires = UNIX_EPOCH.checked_add(Duration::from_secs(expires))?;
    if expires.duration_since(SystemTime::now()).ok()? < CA_MARGIN {
        return None;
    }
    Some((ca_pem, KeyPair::from_pem(&key).ok()?))
}

fn create(folder: &Path, ca_path: &Path, key_path: &Path) -> Result<(String, KeyPair), StartError> {
    let failed = |path: &Path, detail: &dyn ToString| StartError::Certificate {
        path: path.to_owned(),
        detail: detail.to_string(),
    };
    let expires = SystemTime::now() + CA_LIFE;
    let key = KeyPair::generate().map_err(|e| failed(key_path, &e))?;
    let pem = ca_params(expires).self_signed(&key).map_err(|e| failed(ca_path, &e))?.pem();
    let seconds = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    // The key first: a certificate without its key is replaced at the next start, never served.
    write(key_path, &format!("{EXPIRES}{seconds}\n{}", key.serialize_pem()), 0o600)
        .map_err(|e| failed(key_path, &e))?;
    write(ca_path, &pem, 0o644).map_err(|e| failed(ca_path, &e))?;
    Ok((pem, key))
}

/// Writes a whole file or none of it.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
