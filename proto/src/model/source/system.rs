//! Options of a `system` source.

use serde::{Deserialize, Serialize};

use crate::model::Interval;

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
