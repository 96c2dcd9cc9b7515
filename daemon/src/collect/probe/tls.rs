//! TLS handshakes.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::Witness;
use super::outcome::Outcome;
use super::{Failure, Tools, down, fault, read_ca};
use crate::collect::Moment;

/// Shakes hands. Where the certificate is not to be believed, what it says is noted and the
/// target is down.
pub(super) async fn shake(
    stream: TcpStream,
    name: &str,
    ca_file: Option<&str>,
    tools: &Tools<'_>,
    moment: Moment,
    outcome: &mut Outcome,
) -> Result<TlsStream<TcpStream>, Failure> {
    let witness = Arc::new(Witness::new(judge(ca_file).await?));
    let config = config(&witness)?;
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let server_name = ServerName::try_from(bare.to_owned())
        .map_err(|_| fault(format!("{bare:?} is no name that certificates have; correct it")))?;
    let begun = tools.clock.elapsed();
    let shaken = TlsConnector::from(config).connect(server_name, stream).await;
    outcome.tls = Some(tools.clock.elapsed().saturating_sub(begun));
    outcome.certificate = witness.facts(moment.at);
    let stream = shaken.map_err(|error| down(cause(&error)))?;
    outcome.protocol = stream.get_ref().1.protocol_version().map(word);
    match outcome.certificate.as_ref().and_then(|facts| facts.problem) {
        Some(problem) => Err(down(problem)),
        None => Ok(stream),
    }
}

const fn word(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        _ => "another version of TLS",
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// A configuration of its own for each handshake: without memory of earlier ones, the server
/// always presents its certificate.
fn config(witness: &Arc<Witness>) -> Result<Arc<ClientConfig>, Failure> {
    let verifier: Arc<dyn rustls::client::danger::ServerCertVerifier> =
        Arc::<Witness>::clone(witness);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(format!("TLS cannot be set up ({error}); report this")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Who judges certificates: by the system's roots, and by those of the file when there is one.
async fn judge(ca_file: Option<&str>) -> Result<Arc<WebPkiServerVerifier>, Failure> {
    static JUDGE: OnceLock<Arc<WebPkiServerVerifier>> = OnceLock::new();
    if let (None, Some(judge)) = (ca_file, JUDGE.get()) {
        return Ok(Arc::clone(judge));
    }
    let pem = match ca_file {
        Some(path) => Some(read_ca(path).await?),
        None => None,
    };
    // Roots are files, of which there may be many.
    let judge = tokio::task::spawn_blocking(move || made(pem.as_deref())).await;
    let judge = judge.map_err(|error| fault(format!("the roots cannot be read ({error})")))??;
    if ca_file.is_none() {
        return Ok(Arc::clone(JUDGE.get_or_init(|| judge)));
    }
    Ok(judge)
}

fn made(pem: Option<&[u8]>) -> Result<Arc<WebPkiServerVerifier>, Failure> {
    let mut roots = system_roots().clone();
    if let Some(pem) = pem {
        let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(fault(
                "the file of certificates holds none; it begins with `-----BEGIN CERTIFICATE-----`",
            ));
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| fault(format!("certificates cannot be judged ({error}); report this")))
}

/// The system's roots, or those of Mozilla where it has none. They change with a system's updates,
/// after which services are started anew.
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

/// Why there was no handshake, in words of ours.
fn cause(error: &io::Error) -> &'static str {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(_)) => "it refused the handshake",
        Some(rustls::Error::PeerIncompatible(_)) => "it speaks no version of TLS that is safe",
        Some(rustls::Error::InvalidCertificate(_)) => "its certificate does not go with its key",
        Some(_) => "it does not speak TLS properly",
        None => "it ended the connection during the handshake",
    }
}
