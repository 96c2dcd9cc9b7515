//! Options of a `query` source.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Options of a `query` source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryConfig {}

impl QueryConfig {
    /// Finds what the types alone cannot refuse.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
