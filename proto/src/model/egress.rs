//! Egress: which addresses that are not public may be called.

use serde::{Deserialize, Serialize};

use super::source::Problem;

/// A document of the kind `egress`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressSpec {}

impl EgressSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
