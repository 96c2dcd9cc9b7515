//! Choices that outlive the client.

use ccm_proto::model::Name;
use serde::{Deserialize, Serialize};

/// What the next client should know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The theme that was chosen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Name>,
    /// The user was told that something was found on the daemon's machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offered: bool,
}
