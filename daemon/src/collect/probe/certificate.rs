//! What a server's certificate says, and whether it may be believed.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ccm_proto::model::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// The most names of a certificate that are shown.
const NAMES_MAX: usize = 32;

/// The longest text that is taken out of a certificate, in characters.
const TEXT_MAX: usize = 400;

/// What a certificate says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// Why it is not to be believed.
    pub problem: Option<&'static str>,
    /// Days until it ends, with fractions; negative when it has ended.
    pub days_left: Option<f64>,
    /// When it ends, in seconds since 1970.
    pub not_after: Option<i64>,
    pub subject: String,
    pub issuer: String,
    /// The names that it is for, with commas between.
    pub names: String,
    /// How many certificates the server sent.
    pub chain: usize,
}

/// What was presented in a handshake.
#[derive(Clone, Debug)]
struct Presented {
    der: Vec<u8>,
    chain: usize,
    problem: Option<&'static str>,
}

/// Judges a certificate as every client should, and lets the handshake go on whatever the
/// judgement is, so that there is something to tell. Nothing may be sent after a bad one.
#[derive(Debug)]
pub(super) struct Witness {
    judge: Arc<WebPkiServerVerifier>,
    presented: Mutex<Option<Presented>>,
}

impl Witness {
    pub(super) fn new(judge: Arc<WebPkiServerVerifier>) -> Self {
        Self { judge, presented: Mutex::new(None) }
    }

    /// What was seen at a time.
    pub(super) fn facts(&self, at: Timestamp) -> Option<Facts> {
        let presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
        presented.as_ref().map(|presented| facts(presented, at))
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.judge.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        *self.presented.lock().unwrap_or_else(PoisonError::into_inner) = Some(Presented {
            der: end_entity.to_vec(),
            chain: intermediates.len() + 1,
            problem: judged.err().map(|error| problem(&error)),
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// What is wrong with a certificate, in words of ours.
fn problem(error: &Error) -> &'static str {
    let Error::InvalidCertificate(error) = error else {
        return "its certificate cannot be checked";
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::UnknownIssuer => {
            "its certificate is from an unknown issuer, or signed by itself"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::Revoked => "its certificate is revoked",
        CertificateError::BadEncoding => "its certificate is malformed",
        _ => "its certificate is not valid",
    }
}

fn facts(presented: &Presented, at: Timestamp) -> Facts {
    let bare = Facts { problem: presented.problem, chain: presented.chain, ..Facts::default() };
    let Ok((_, certificate)) = X509Certificate::from_der(&presented.der) else { return bare };
    let not_after = certificate.validity().not_after.timestamp();
    let now = at.as_millis() as f64 / 1_000.0;
    Facts {
        days_left: Some((not_after as f64 - now) / 86_400.0),
        not_after: Some(not_after),
        subject: cut(&certificate.subject().to_string()),
        issuer: cut(&certificate.issuer().to_string()),
        names: cut(&names(&certificate).join(", ")),
        ..bare
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).take(NAMES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_reading_a_certificate_panic(der in prop::collection::vec(any::<u8>(), 0..300)) {
            let presented = Presented { der, chain: 1, problem: None };
            facts(&presented, Timestamp::EPOCH);
        }
    }
}
