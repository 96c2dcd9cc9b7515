//! Modules: programs that speak the module contract.

use serde::{Deserialize, Serialize};

use super::source::Problem;

/// A document of the kind `module`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSpec {}

impl ModuleSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
