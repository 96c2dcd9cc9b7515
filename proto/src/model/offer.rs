//! Offers: what was found on the daemon's machine, and the documents that would show it.

use super::connector::CredentialKind;
use super::{DocumentId, Name};
use crate::SafeText;

/// Something that was found and can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is called; also the name of its layout.
    pub key: Name,
    /// What to call it.
    pub title: SafeText,
    /// What would be shown.
    pub what: SafeText,
    /// How it was recognised, a fact a line.
    pub evidence: Vec<SafeText>,
    /// The documents that are applied when somebody takes the offer, in the order in which they
    /// need each other.
    pub documents: Vec<(DocumentId, String)>,
    /// What has to be asked for first, where the documents alone will not do.
    pub needs_credential: Option<CredentialNeed>,
    /// All its documents exist already.
    pub taken: bool,
}

/// A credential that documents refer to and nobody has set yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialNeed {
    /// What the documents call it.
    pub name: Name,
    /// Which fields it has.
    pub kind: CredentialKind,
    /// The only origin that it will be sent to, such as `http://127.0.0.1:9090`.
    pub origin: SafeText,
}
