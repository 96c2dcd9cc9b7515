//! Options of a `module` source.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Options of a `module` source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleConfig {}

impl ModuleConfig {
    /// Finds what the types alone cannot refuse.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
