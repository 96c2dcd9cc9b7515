//! Sources: where readings come from, as people write it in documents.

use serde::{Deserialize, Serialize};

use super::Interval;

/// The shortest interval of a source.
pub const INTERVAL_MIN: Interval = Interval::from_millis(100);

/// A source's definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// What gives the readings.
    #[serde(rename = "type")]
    pub source_type: SourceType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How often it is read.
    #[serde(default = "one_second")]
    pub interval: Interval,
    /// How long one reading may take; the interval, but at least 1s, when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
    /// False keeps the document and stops the readings.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Options of a `system` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemConfig>,
}

fn one_second() -> Interval {
    Interval::from_secs(1)
}

fn yes() -> bool {
    true
}

/// What gives the readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceType {
    /// The machine that the daemon runs on.
    System,
    /// The daemon itself.
    Daemon,
}

impl SourceType {
    /// The word for it in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Daemon => "daemon",
        }
    }
}

/// Options of a `system` source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemConfig {
    /// How often processes are read; walking them costs far more than the rest.
    pub processes_interval: Interval,
    /// How often filesystems are asked for their sizes.
    pub filesystems_interval: Interval,
    /// Filesystem types that are left out.
    pub ignore_filesystems: Vec<String>,
    /// Network interfaces that are left out; a trailing `*` stands for any ending.
    pub ignore_interfaces: Vec<String>,
}

impl Default for SystemConfig {
    fn default() -> Self {
        Self {
            processes_interval: Interval::from_secs(3),
            filesystems_interval: Interval::from_secs(10),
            ignore_filesystems: Vec::new(),
            ignore_interfaces: vec!["lo".to_owned()],
        }
    }
}

impl SourceSpec {
    /// How long one reading may take.
    pub fn effective_timeout(&self) -> Interval {
        self.timeout.unwrap_or_else(|| self.interval.max(Interval::from_secs(1)))
    }

    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.interval < INTERVAL_MIN {
            problems
                .push(("interval".to_owned(), format!("an interval is at least {INTERVAL_MIN}")));
        }
        if self.timeout.is_some_and(Interval::is_zero) {
            problems.push(("timeout".to_owned(), "a timeout is more than no time".to_owned()));
        }
        if self.system.is_some() && self.source_type != SourceType::System {
            let own = self.source_type.as_str();
            problems.push(("system".to_owned(), format!("a {own} source has no [system] section")));
        }
        problems
    }
}

#[cfg(test)]
mod tests;
