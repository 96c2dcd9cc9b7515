//! Which certificates are trusted.

use std::fmt;
use std::sync::{Arc, OnceLock};

use ccm_proto::SafeText;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// The largest file of further certificates: a whole root store is smaller.
pub const PEM_MAX: usize = 1 << 20;

/// Certificates that are trusted beside those of the system, such as a company's own.
pub struct Trust {
    id: [u8; 16],
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trust").field(&self.id).finish()
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Trust {}

impl std::hash::Hash for Trust {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// Why certificates cannot be used: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Larger than [`PEM_MAX`].
    #[error("the file of certificates is larger than {PEM_MAX} bytes; keep only those needed")]
    TooLarge,
    /// Nothing that can be used in it.
    #[error(
        "the file holds no usable certificate; it begins with `-----BEGIN CERTIFICATE-----` (PEM)"
    )]
    Empty,
    /// It cannot be read.
    #[error("the file of certificates {0} cannot be read ({1}); see ca_file")]
    File(SafeText, SafeText),
    /// The library refuses.
    #[error("TLS cannot be set up ({0}); report this")]
    Setup(SafeText),
}

impl Trust {
    /// Trusts the certificates of a PEM text beside the system's.
    pub fn new(pem: &[u8]) -> Result<Self, TrustError> {
        if pem.len() > PEM_MAX {
            return Err(TrustError::TooLarge);
        }
        let mut roots = system_roots().clone();
        let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(TrustError::Empty);
        }
        let hash = blake3::hash(pem);
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_bytes()[..16]);
        Ok(Self { id, config: config(roots)? })
    }

    /// Trusts the certificates of a file beside the system's.
    pub fn read(file: &str) -> Result<Self, TrustError> {
        use std::io::Read as _;
        let unread = |error: std::io::Error| {
            TrustError::File(SafeText::new(file), SafeText::from(error.to_string()))
        };
        let mut pem = Vec::new();
        let file = std::fs::File::open(file).map_err(unread)?;
        file.take(PEM_MAX as u64 + 1).read_to_end(&mut pem).map_err(unread)?;
        Self::new(&pem)
    }

    /// Tells trust apart: equal certificates have equal ids.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }
}

/// The system's roots, or those of Mozilla where it has none. Read once: they change with a
/// system's updates, after which services are started anew.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots
    })
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Setup(SafeText::from(error.to_string())))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The configuration for a request with or without further trust. The first call reads files.
pub fn client_config(trust: Option<&Trust>) -> Result<Arc<ClientConfig>, TrustError> {
    static DEFAULT: OnceLock<Result<Arc<ClientConfig>, TrustError>> = OnceLock::new();
    match trust {
        Some(trust) => Ok(Arc::clone(&trust.config)),
        None => DEFAULT.get_or_init(|| config(system_roots().clone())).clone(),
    }
}

/// What went wrong with TLS, in words of ours: what the other side sent is not repeated.
pub fn cause(error: &std::io::Error) -> &'static str {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
    else {
        return "the connection ended during the handshake";
    };
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet"
            }
            CertificateError::UnknownIssuer => "its certificate is from an unknown issuer",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            CertificateError::Revoked => "its certificate is revoked",
            _ => "its certificate is not valid",
        },
        rustls::Error::AlertReceived(_) => "it refused the handshake",
        rustls::Error::PeerIncompatible(_) => "it speaks no version of TLS that is safe",
        _ => "it does not speak TLS properly",
    }
}

#[cfg(test)]
mod tests;
