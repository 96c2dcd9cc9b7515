//! Options of a `push` source.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::model::Interval;

/// The most values that one source may be told.
pub const VALUES_MAX: u32 = 10_000;

/// Values that others report. Each value is kept until it is older than `max_age`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushConfig {
    /// How old a value may get before it counts as absent; the source as a whole is stale then.
    pub max_age: Interval,
    /// The most values with names of their own; more are refused.
    pub max_values: u32,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self { max_age: Interval::from_secs(300), max_values: 1_000 }
    }
}

impl PushConfig {
    /// Finds what the types alone cannot refuse.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.max_age < Interval::from_secs(1) {
            problems.push(("max_age".to_owned(), "an age limit is at least 1s".to_owned()));
        }
        if !(1..=VALUES_MAX).contains(&self.max_values) {
            let sentence = format!("a source is told from 1 to {VALUES_MAX} values");
            problems.push(("max_values".to_owned(), sentence));
        }
        problems
    }
}
