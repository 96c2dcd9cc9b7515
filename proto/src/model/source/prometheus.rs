//! Options of a `prometheus` source.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Options of a `prometheus` source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrometheusConfig {}

impl PrometheusConfig {
    /// Finds what the types alone cannot refuse.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
