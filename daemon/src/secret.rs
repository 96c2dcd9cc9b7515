//! Secrets of external APIs: where they are kept, and who may be sent them.
//!
//! - [`Secret`]: bytes that cannot be shown, sent or copied by accident.
//! - [`Credential`]: a secret that is pinned to the [`PinnedOrigin`] of its API.
//! - [`SecretStore`]: a chain of providers that keep credentials: the session's keyring, what
//!   systemd gives, a sealed file, Vault.
//!
//! Nothing here is ever written in the clear, also not when every provider fails.

mod bytes;
mod credential;
mod keyring;
mod origin;
mod private;
mod probe;
mod process;
mod provider;
mod record;
mod sealed;
mod store;
mod systemd;
#[cfg(test)]
mod testing;
mod vault;

pub use bytes::{SECRET_BYTES_MAX, Secret};
pub use ccm_proto::model::connector::{CredentialKind, CredentialKindError};
pub use credential::{Credential, CredentialId, CredentialInfo, Material, Pins, parse_scope};
pub use origin::{OriginError, PinnedOrigin};
pub use probe::{CredentialProbe, Probed};
pub use process::protect;
pub use provider::{ProviderKind, ProviderKindError, ProviderState};
pub use store::{
    ACCOUNT_BYTES_MAX, Found, Listed, Listing, ProviderReport, SecretError, SecretStore, Stored,
    Surroundings,
};
pub use vault::{VaultHttp, VaultMethod, VaultRequest, VaultResponse};
