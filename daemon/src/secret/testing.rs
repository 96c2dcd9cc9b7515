//! Credentials for tests.

use ccm_proto::model::{Name, Timestamp};

use super::credential::parse_scope;
use super::{Credential, CredentialId, Material, PinnedOrigin, Secret};

/// A token that was set once.
pub(crate) fn credential(secret: &str, origin: &str) -> Credential {
    Credential {
        material: Material::Token(Secret::from(secret)),
        pins: origin.parse::<PinnedOrigin>().unwrap().into(),
        version: 1,
        created: Timestamp::from_millis(1_000),
        rotated: Timestamp::from_millis(1_000),
    }
}

/// A credential's place, its scope as it is shown.
pub(crate) fn id(scope: &str, name: &str) -> CredentialId {
    CredentialId::new(parse_scope(scope).unwrap(), Name::new(name).unwrap())
}
