//! What the members of the chain have in common.

use std::fmt;
use std::str::FromStr;

use ccm_proto::SafeText;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Deserializer};

use super::{Credential, CredentialId, CredentialInfo};

/// Which provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderKind {
    /// The keyring of the user's session.
    Keyring,
    /// Files that systemd gives to the service.
    Systemd,
    /// The sealed file in the data directory.
    Sealed,
    /// The key-value store of HashiCorp Vault.
    Vault,
}

impl ProviderKind {
    /// All of them, in the order in which they are asked when nothing else is set.
    pub const ALL: [Self; 4] = [Self::Keyring, Self::Systemd, Self::Sealed, Self::Vault];

    /// `keyring`, `systemd`, `sealed` or `vault`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::Systemd => "systemd",
            Self::Sealed => "sealed",
            Self::Vault => "vault",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no [`ProviderKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider of credentials is keyring, systemd, sealed or vault")]
pub struct ProviderKindError;

impl FromStr for ProviderKind {
    type Err = ProviderKindError;

    fn from_str(text: &str) -> Result<Self, ProviderKindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(ProviderKindError)
    }
}

impl<'de> Deserialize<'de> for ProviderKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How a provider does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// It answers.
    Available,
    /// It is not there, so that nothing is kept in it.
    Absent(SafeText),
    /// It is there and does not answer, or what it keeps cannot be trusted.
    Failing(SafeText),
}

impl ProviderState {
    /// `available`, `absent` or `failing`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Absent(_) => "absent",
            Self::Failing(_) => "failing",
        }
    }

    /// Why it is not available.
    pub fn cause(&self) -> Option<&SafeText> {
        match self {
            Self::Available => None,
            Self::Absent(cause) | Self::Failing(cause) => Some(cause),
        }
    }
}

impl From<ProviderError> for ProviderState {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Absent(cause) => Self::Absent(cause),
            ProviderError::Failing(cause) | ProviderError::Refused(cause) => Self::Failing(cause),
        }
    }
}

/// Why a provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It is not there, so that nothing is kept in it.
    #[error("{0}")]
    Absent(SafeText),
    /// It is there and does not answer, or what it keeps cannot be trusted.
    #[error("{0}")]
    Failing(SafeText),
    /// It answers, and does not do this.
    #[error("{0}")]
    Refused(SafeText),
}

impl ProviderError {
    /// It is there and does not answer, or what it keeps cannot be trusted.
    pub(super) fn failing(cause: impl fmt::Display) -> Self {
        Self::Failing(SafeText::new(&cause.to_string()))
    }

    /// It is not there.
    pub(super) fn absent(cause: impl fmt::Display) -> Self {
        Self::Absent(SafeText::new(&cause.to_string()))
    }

    /// It does not do this.
    pub(super) fn refused(cause: impl fmt::Display) -> Self {
        Self::Refused(SafeText::new(&cause.to_string()))
    }
}

/// A future answer of a provider.
pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, ProviderError>>;

/// A place where credentials are kept.
pub(super) trait Provider: Send + Sync {
    /// Which it is.
    fn kind(&self) -> ProviderKind;
    /// Where it keeps them, for people.
    fn place(&self) -> String;
    /// Whether it takes new credentials.
    fn writable(&self) -> bool;
    /// How it does.
    fn state(&self) -> BoxFuture<'_, ProviderState>;
    /// The credential, when it is here.
    fn get<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, Option<Credential>>;
    /// Keeps a credential in place of what was there.
    fn set<'a>(&'a self, id: &'a CredentialId, credential: &'a Credential) -> Answer<'a, ()>;
    /// Forgets a credential; says whether it was here.
    fn delete<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, bool>;
    /// What is here.
    fn list(&self) -> Answer<'_, Vec<CredentialInfo>>;
}
