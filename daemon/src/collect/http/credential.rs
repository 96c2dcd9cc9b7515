//! Credentials on requests: pinned to their origin, and written into the message only while it is
//! sent.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ccm_proto::SafeText;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use zeroize::Zeroizing;

use super::request::{Origin, Request, Target};

/// The longest secret: tokens of a few KiB exist, more does not fit into headers.
pub const SECRET_MAX: usize = 16 << 10;

/// Something that has the bytes of a secret.
pub trait Expose: Send + Sync {
    /// The bytes, to be copied into nothing that is kept.
    fn expose(&self) -> &[u8];
}

/// Where a secret goes in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// `Authorization: Bearer SECRET`.
    Bearer,
    /// `Authorization: Basic`, of this user name and the secret.
    Basic {
        /// The user name; may be empty.
        user: String,
    },
    /// A header, with what stands before the secret, such as `token `.
    Header {
        /// The header.
        name: HeaderName,
        /// What comes before the secret.
        prefix: String,
    },
    /// A parameter of the query.
    Query {
        /// The parameter's name.
        name: String,
    },
}

/// A credential for a request.
#[derive(Clone)]
pub struct Attached {
    /// What people call it, with its scope where that is not the platform, such as
    /// `tenant:acme/stripe`. No two credentials have the same.
    pub name: Arc<str>,
    /// Grows when the secret is replaced, so that refusals of the former are forgotten.
    pub revision: u64,
    /// The only origin that it is sent to.
    pub origin: Origin,
    /// Where it goes.
    pub placement: Placement,
    /// The secret.
    pub secret: Arc<dyn Expose>,
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

/// Why a credential is not attached: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The request goes elsewhere.
    #[error(
        "the credential {name} belongs to {pinned} and is not sent to {asked}; correct the URL, or store a credential for that origin"
    )]
    Origin {
        /// The credential.
        name: Arc<str>,
        /// Where it belongs.
        pinned: SafeText,
        /// Where the request goes.
        asked: SafeText,
    },
    /// No TLS.
    #[error(
        "the credential {name} is not sent to {asked} without TLS; use https, or let a platform administrator set plaintext_credentials in the egress document"
    )]
    Plaintext {
        /// The credential.
        name: Arc<str>,
        /// Where the request goes.
        asked: SafeText,
    },
    /// Bytes that no header carries.
    #[error(
        "the credential {0} is empty, too long, or holds a line end or another control character; set it again by `ccm cred set`"
    )]
    Bytes(Arc<str>),
}

impl Attached {
    /// Whether the request goes to where the credential belongs.
    pub fn check(&self, request: &Request) -> Result<(), CredentialError> {
        match request.target() {
            Target::Tcp(origin) if *origin == self.origin => Ok(()),
            other => Err(CredentialError::Origin {
                name: Arc::clone(&self.name),
                pinned: SafeText::from(self.origin.to_string()),
                asked: SafeText::from(other.to_string()),
            }),
        }
    }

    /// Writes the secret into a message. What it is copied into is wiped when the message is
    /// dropped.
    pub(super) fn write(
        &self,
        headers: &mut HeaderMap,
        path: &mut PathAndQuery,
    ) -> Result<(), CredentialError> {
        let bad = || CredentialError::Bytes(Arc::clone(&self.name));
        let secret = self.secret.expose();
        if secret.is_empty() || secret.len() > SECRET_MAX {
            return Err(bad());
        }
        match &self.placement {
            Placement::Bearer => {
                headers.insert(header::AUTHORIZATION, value(b"Bearer ", secret).ok_or_else(bad)?);
            }
            Placement::Basic { user } => {
                let mut plain = Zeroizing::new(Vec::with_capacity(user.len() + 1 + secret.len()));
                plain.extend_from_slice(user.as_bytes());
                plain.push(b':');
                plain.extend_from_slice(secret);
                let encoded = Zeroizing::new(STANDARD.encode(&*plain));
                let value = value(b"Basic ", encoded.as_bytes()).ok_or_else(bad)?;
                headers.insert(header::AUTHORIZATION, value);
            }
            Placement::Header { name, prefix } => {
                let value = value(prefix.as_bytes(), secret).ok_or_else(bad)?;
                headers.insert(name.clone(), value);
            }
            Placement::Query { name } => *path = with_query(path, name, secret).ok_or_else(bad)?,
        }
        Ok(())
    }
}

/// Bytes that are wiped when the last that holds them lets go.
fn wiped(bytes: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes))
}

fn value(prefix: &[u8], secret: &[u8]) -> Option<HeaderValue> {
    let mut bytes = Vec::with_capacity(prefix.len() + secret.len());
    bytes.extend_from_slice(prefix);
    bytes.extend_from_slice(secret);
    let mut value = HeaderValue::from_maybe_shared(wiped(bytes)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn with_query(path: &PathAndQuery, name: &str, secret: &[u8]) -> Option<PathAndQuery> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let plain = path.as_str().as_bytes();
    // Three bytes for each of the secret's at most, so that the buffer never moves and leaves a
    // copy behind.
    let mut bytes = Vec::with_capacity(plain.len() + 2 + 3 * (name.len() + secret.len()));
    bytes.extend_from_slice(plain);
    bytes.push(if path.query().is_some() { b'&' } else { b'?' });
    for (index, part) in [name.as_bytes(), secret].into_iter().enumerate() {
        if index == 1 {
            bytes.push(b'=');
        }
        for &byte in part {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                bytes.push(byte);
            } else {
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                bytes.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    PathAndQuery::from_maybe_shared(wiped(bytes)).ok()
}

#[cfg(test)]
mod tests;
