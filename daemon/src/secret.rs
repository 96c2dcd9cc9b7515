//! Secrets of external APIs: where they are kept, and who may be sent them.
//!
//! - [`Secret`]: bytes that cannot be shown, sent or copied by accident.
//! - [`Credential`]: a secret that is pinned to the [`Origin`] of its API.

mod bytes;
mod credential;
mod origin;

pub use bytes::{SECRET_BYTES_MAX, Secret};
pub use credential::{
    Credential, CredentialId, CredentialInfo, CredentialKind, CredentialKindError, Material,
};
pub use origin::{Origin, OriginError};
