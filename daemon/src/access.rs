//! Who asks, and what they may do.

use ccm_proto::model::Scope;

/// Who makes a call. The server puts one into every request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name in records, such as `uid:1000`.
    pub name: String,
    /// The Unix user of a local peer.
    pub uid: Option<u32>,
}

impl Identity {
    /// A peer on the local socket, as the kernel tells.
    pub fn local(uid: u32) -> Self {
        Self { name: format!("uid:{uid}"), uid: Some(uid) }
    }

    /// The daemon itself, for what it does without being asked, such as reading its files.
    pub fn daemon() -> Self {
        Self { name: "ccmd".to_owned(), uid: None }
    }

    /// Whether it is the daemon itself.
    pub fn is_daemon(&self) -> bool {
        *self == Self::daemon()
    }
}

/// Why someone may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Nobody can write there yet.
    #[error("documents of {0} cannot be written yet; leave the scope out to write the platform's")]
    Scope(Scope),
    /// The identity owns nothing.
    #[error("{0} may change nothing here; connect through the daemon's local socket")]
    Identity(String),
}

/// Whether an identity may write a scope's documents.
pub fn authorize(identity: &Identity, scope: &Scope) -> Result<(), AccessError> {
    if *scope != Scope::Platform {
        return Err(AccessError::Scope(scope.clone()));
    }
    owns_platform(identity)
}

/// Whether the platform is an identity's, with all that is below it. Local peers own it: the socket
/// itself is only open to the daemon's user.
pub fn owns_platform(identity: &Identity) -> Result<(), AccessError> {
    if identity.uid.is_none() && !identity.is_daemon() {
        return Err(AccessError::Identity(identity.name.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Name;

    use super::*;

    #[test]
    fn local_peers_and_the_daemon_own_the_platform_and_nobody_else_does() {
        assert!(authorize(&Identity::local(1000), &Scope::Platform).is_ok());
        assert!(authorize(&Identity::daemon(), &Scope::Platform).is_ok());
        let stranger = Identity { name: "someone".to_owned(), uid: None };
        assert!(authorize(&stranger, &Scope::Platform).is_err());
        assert!(owns_platform(&stranger).is_err() && owns_platform(&Identity::local(0)).is_ok());
        let tenant = Scope::Tenant(Name::new("acme").unwrap());
        let refused = authorize(&Identity::local(0), &tenant).unwrap_err();
        assert!(refused.to_string().contains("tenant:acme"), "{refused}");
    }
}
