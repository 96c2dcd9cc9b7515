//! How a module says that it is.

use serde::{Deserialize, Serialize};

/// The most checks of one answer: enough for every part of a large program, and one screen of a
/// table.
pub const CHECKS_MAX: usize = 64;

/// The longest sentence about a state, in bytes.
pub const DETAIL_MAX: usize = 1_024;

/// The longest name of a check or version, in bytes.
pub const LABEL_MAX: usize = 96;

/// A module's answer about its health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// One sentence on why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Its version; another one than before has its manifest read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it has looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// How a module, or a part of it, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// As it should be.
    Running,
    /// It works, less well than it should.
    Degraded,
    /// It was told not to work.
    Stopped,
    /// It does not work.
    Error,
}

impl HealthStatus {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
            Self::Error => "error",
        }
    }
}

/// One thing that a module has looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What it is, such as `database`.
    pub name: String,
    /// How it is.
    pub status: HealthStatus,
    /// One sentence on why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long the look took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

impl Health {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut bounded = |path: String, text: Option<&str>, most: usize| {
            if text.is_some_and(|text| text.len() > most) {
                problems.push((path, format!("has at most {most} bytes")));
            }
        };
        bounded("detail".to_owned(), self.detail.as_deref(), DETAIL_MAX);
        bounded("version".to_owned(), self.version.as_deref(), LABEL_MAX);
        for (index, check) in self.checks.iter().enumerate() {
            bounded(format!("checks[{index}].name"), Some(&check.name), LABEL_MAX);
            bounded(format!("checks[{index}].detail"), check.detail.as_deref(), DETAIL_MAX);
        }
        if self.checks.len() > CHECKS_MAX {
            let count = self.checks.len();
            problems.push((
                "checks".to_owned(),
                format!("there are at most {CHECKS_MAX} checks, these are {count}"),
            ));
        }
        problems
    }
}
