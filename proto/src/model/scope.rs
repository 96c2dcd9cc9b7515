//! Scopes: platform > tenant > team > user.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Name;

/// Where a layer of a document belongs. Deeper scopes are more specific.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everyone.
    #[default]
    Platform,
    /// One tenant.
    Tenant(Name),
    /// One team of a tenant.
    Team(Name, Name),
    /// One user of a tenant, with the team that the user belongs to, if any.
    User {
        /// The tenant.
        tenant: Name,
        /// The team.
        team: Option<Name>,
        /// The user.
        user: Name,
    },
}

impl Scope {
    /// The scopes that have a say for a subject at this scope, root first.
    pub fn chain(&self) -> Vec<Self> {
        match self {
            Self::Platform => vec![Self::Platform],
            Self::Tenant(tenant) => vec![Self::Platform, Self::Tenant(tenant.clone())],
            Self::Team(tenant, team) => vec![
                Self::Platform,
                Self::Tenant(tenant.clone()),
                Self::Team(tenant.clone(), team.clone()),
            ],
            Self::User { tenant, team, .. } => {
                let mut chain = vec![Self::Platform, Self::Tenant(tenant.clone())];
                if let Some(team) = team {
                    chain.push(Self::Team(tenant.clone(), team.clone()));
                }
                chain.push(self.clone());
                chain
            }
        }
    }

    /// 0 for the platform up to 3 for a user.
    pub fn depth(&self) -> usize {
        match self {
            Self::Platform => 0,
            Self::Tenant(_) => 1,
            Self::Team(..) => 2,
            Self::User { .. } => 3,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Tenant(tenant) => write!(f, "tenant:{tenant}"),
            Self::Team(tenant, team) => write!(f, "team:{tenant}/{team}"),
            Self::User { tenant, user, .. } => write!(f, "user:{tenant}/{user}"),
        }
    }
}
