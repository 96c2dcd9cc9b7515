//! What a provider keeps under a name.

use std::fmt;

use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::{Name, Scope, Timestamp};

use super::bytes::assert_hidden;
use super::{PinnedOrigin, Secret};

/// What is sent.
pub enum Material {
    /// A bearer token or an API key.
    Token(Secret),
    /// For HTTP basic authentication.
    Basic {
        /// The user name, which is no secret.
        user: String,
        /// The password.
        password: Secret,
    },
    /// For OAuth2 client credentials.
    OAuth2 {
        /// The client's id, which is no secret.
        client_id: String,
        /// The client's secret.
        client_secret: Secret,
    },
}

impl Material {
    /// Of a kind: `account` is the user name or the client id, and means nothing for a token.
    pub fn new(kind: CredentialKind, account: String, secret: Secret) -> Self {
        match kind {
            CredentialKind::Token => Self::Token(secret),
            CredentialKind::Basic => Self::Basic { user: account, password: secret },
            CredentialKind::Oauth2 => Self::OAuth2 { client_id: account, client_secret: secret },
        }
    }

    /// Which fields there are.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Token(_) => CredentialKind::Token,
            Self::Basic { .. } => CredentialKind::Basic,
            Self::OAuth2 { .. } => CredentialKind::Oauth2,
        }
    }

    /// The user name or the client id; empty for a token.
    pub fn account(&self) -> &str {
        match self {
            Self::Token(_) => "",
            Self::Basic { user, .. } => user,
            Self::OAuth2 { client_id, .. } => client_id,
        }
    }

    /// The part that nobody may see.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Token(secret)
            | Self::Basic { password: secret, .. }
            | Self::OAuth2 { client_secret: secret, .. } => secret,
        }
    }
}

/// Where a credential may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// The only origin that the secret is sent to.
    pub origin: PinnedOrigin,
    /// Where tokens that were got with the secret may go too; for an OAuth2 client only.
    pub api_origin: Option<PinnedOrigin>,
}

impl From<PinnedOrigin> for Pins {
    /// One origin for everything.
    fn from(origin: PinnedOrigin) -> Self {
        Self { origin, api_origin: None }
    }
}

impl fmt::Display for Pins {
    /// The origin, and behind it the one that tokens go to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.api_origin {
            None => write!(f, "{}", self.origin),
            Some(api) => write!(f, "{} and {api}", self.origin),
        }
    }
}

/// A secret, where it may be sent, and its age.
pub struct Credential {
    /// What is sent.
    pub material: Material,
    /// Where it may be sent.
    pub pins: Pins,
    /// 1 when it was set, one more with each rotation.
    pub version: u32,
    /// When it was set.
    pub created: Timestamp,
    /// When its secret was last replaced; the same as `created` before the first rotation.
    pub rotated: Timestamp,
}

assert_hidden!(Material, Credential);

/// A credential's place: the scope that owns it, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId {
    scope: Scope,
    name: Name,
}

impl CredentialId {
    /// The place of a name in a scope. A user's credentials are the same in every team.
    pub fn new(scope: Scope, name: Name) -> Self {
        let scope = match scope {
            Scope::User { tenant, team: _, user } => Scope::User { tenant, team: None, user },
            other => other,
        };
        Self { scope, name }
    }

    /// Who owns it.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

/// The scope that a text names as it shows itself: `platform`, `tenant:T`, `team:T/G`, `user:T/U`.
pub fn parse_scope(text: &str) -> Option<Scope> {
    let name = |text: &str| Name::new(text).ok();
    let pair = |text: &str| text.split_once('/').and_then(|(a, b)| Some((name(a)?, name(b)?)));
    match text.split_once(':') {
        None => (text == "platform").then_some(Scope::Platform),
        Some(("tenant", rest)) => Some(Scope::Tenant(name(rest)?)),
        Some(("team", rest)) => pair(rest).map(|(tenant, team)| Scope::Team(tenant, team)),
        Some(("user", rest)) => {
            pair(rest).map(|(tenant, user)| Scope::User { tenant, team: None, user })
        }
        Some(_) => None,
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.scope)
    }
}

/// What may be told of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialInfo {
    /// Its place.
    pub id: CredentialId,
    /// Which fields it has.
    pub kind: CredentialKind,
    /// The user name or the client id; empty for a token.
    pub account: String,
    /// Where it may be sent.
    pub pins: Pins,
    /// 1 when it was set, one more with each rotation.
    pub version: u32,
    /// When it was set.
    pub created: Timestamp,
    /// When its secret was last replaced.
    pub rotated: Timestamp,
}

impl Credential {
    /// What may be told of it.
    pub fn info(&self, id: CredentialId) -> CredentialInfo {
        CredentialInfo {
            id,
            kind: self.material.kind(),
            account: self.material.account().to_owned(),
            pins: self.pins.clone(),
            version: self.version,
            created: self.created,
            rotated: self.rotated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_shown() {
        for text in ["platform", "tenant:acme", "team:acme/ops", "user:acme/bob"] {
            assert_eq!(parse_scope(text).unwrap().to_string(), text);
        }
        for text in ["", "acme", "tenant:", "team:acme", "user:acme/", "group:acme", "tenant:A"] {
            assert_eq!(parse_scope(text), None, "{text}");
        }
    }

    #[test]
    fn a_users_credentials_are_the_same_in_every_team() {
        let name = |text: &str| Name::new(text).unwrap();
        let at = |team: Option<&str>| Scope::User {
            tenant: name("acme"),
            team: team.map(name),
            user: name("bob"),
        };
        let id = |team| CredentialId::new(at(team), name("stripe"));
        assert_eq!(id(Some("ops")), id(None));
    }
}
