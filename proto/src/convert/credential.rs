//! What may be told of credentials and of who keeps them.

use super::{ConvertError, optional_text};
use crate::SafeText;
use crate::model::connector::CredentialKind;
use crate::model::{Scope, Timestamp};
use crate::wire;
use crate::wire::credential_provider::State;

/// What may be told of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialState {
    /// Its name.
    pub name: SafeText,
    /// Who owns it.
    pub scope: Scope,
    /// Which fields it has.
    pub kind: CredentialKind,
    /// The user name or the client's id; empty for a token.
    pub account: SafeText,
    /// The only origin that its secret is sent to.
    pub origin: SafeText,
    /// Where tokens that were got with it may go too.
    pub api_origin: Option<SafeText>,
    /// 1 when it was set, one more with each change.
    pub version: u32,
    /// When it was set.
    pub created_at: Timestamp,
    /// When its secret was last replaced.
    pub rotated_at: Timestamp,
    /// Who keeps it.
    pub provider: SafeText,
    /// A provider that is asked earlier has one of the same name and scope.
    pub shadowed: bool,
}

impl TryFrom<wire::CredentialInfo> for CredentialState {
    type Error = ConvertError;

    fn try_from(info: wire::CredentialInfo) -> Result<Self, ConvertError> {
        let kind = CredentialKind::try_from(info.kind()).map_err(|e| e.within("kind"))?;
        let scope = Scope::try_from(info.scope.unwrap_or_default());
        Ok(Self {
            name: SafeText::new(&info.name),
            scope: scope.map_err(|e| e.within("scope"))?,
            kind,
            account: SafeText::new(&info.account),
            origin: SafeText::new(&info.origin),
            api_origin: optional_text(&info.api_origin),
            version: info.version,
            created_at: Timestamp::from_millis(info.created_at_ms),
            rotated_at: Timestamp::from_millis(info.rotated_at_ms),
            provider: SafeText::new(&info.provider),
            shadowed: info.shadowed,
        })
    }
}

impl TryFrom<wire::CredentialKind> for CredentialKind {
    type Error = ConvertError;

    fn try_from(kind: wire::CredentialKind) -> Result<Self, ConvertError> {
        match kind {
            wire::CredentialKind::Unspecified => Err(ConvertError::new("is not a kind")),
            wire::CredentialKind::Token => Ok(Self::Token),
            wire::CredentialKind::Basic => Ok(Self::Basic),
            wire::CredentialKind::Oauth2 => Ok(Self::Oauth2),
        }
    }
}

impl From<CredentialKind> for wire::CredentialKind {
    fn from(kind: CredentialKind) -> Self {
        match kind {
            CredentialKind::Token => Self::Token,
            CredentialKind::Basic => Self::Basic,
            CredentialKind::Oauth2 => Self::Oauth2,
        }
    }
}

/// Who keeps credentials, and how it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderState {
    /// Its name.
    pub name: SafeText,
    /// Where it keeps credentials.
    pub place: SafeText,
    /// `available`, `absent` or `failing`.
    pub state: &'static str,
    /// Why it is not available.
    pub cause: Option<SafeText>,
    /// It can be written.
    pub writable: bool,
    /// New credentials go here when no provider is named.
    pub takes_new: bool,
}

impl From<wire::CredentialProvider> for ProviderState {
    fn from(provider: wire::CredentialProvider) -> Self {
        let state = match provider.state() {
            State::Available => "available",
            State::Absent => "absent",
            // A state that is new is none to rely on.
            State::Failing | State::Unspecified => "failing",
        };
        Self {
            name: SafeText::new(&provider.name),
            place: SafeText::new(&provider.place),
            state,
            cause: optional_text(&provider.cause),
            writable: provider.writable,
            takes_new: provider.takes_new,
        }
    }
}
