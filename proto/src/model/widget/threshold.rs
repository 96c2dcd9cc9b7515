//! States, and the numbers from which they hold.

use serde::{Deserialize, Serialize};

/// From `value` on a number has this state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The smallest number of the band.
    pub value: f64,
    /// The band's state.
    pub state: State,
    /// What to call the band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warning,
    /// Needs someone now.
    Critical,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Critical];

    /// The word for it in documents and in readings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The state of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The state of `value` under thresholds in any order; none when it is below them all.
pub fn state_of(thresholds: &[Threshold], value: f64) -> Option<&Threshold> {
    thresholds
        .iter()
        .filter(|threshold| value >= threshold.value)
        .max_by(|a, b| a.value.total_cmp(&b.value))
}
