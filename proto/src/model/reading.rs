//! Readings: one answer of a source.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Name, SeriesKey, Timestamp, Value};

/// How far a value can be trusted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Nothing has been read yet.
    #[default]
    Loading,
    /// As fresh as its source promised.
    Live,
    /// The source answered that there is no such thing here.
    Absent,
    /// Older than its source promised.
    Stale,
    /// The newest attempt failed; what is shown is the last good value.
    Error,
}

impl Quality {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Live => "live",
            Self::Absent => "absent",
            Self::Stale => "stale",
            Self::Error => "error",
        }
    }
}

/// One answer of a source: a tree for fields and rows, and numbers for series.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The source.
    pub source: Name,
    /// The moment the reading stands for: of a periodic source the tick that caused it, so that
    /// its series lie on a regular grid.
    pub at: Timestamp,
    /// What widgets select fields and rows from.
    pub value: Value,
    /// What is kept as series.
    pub samples: Samples,
}

/// Numbers that arrive together and so share one time.
///
/// A source keeps handing out the same `keys` allocation for as long as the set of its series
/// does not change; the engine and the history look a group up by that.
#[derive(Clone, Debug)]
pub struct Samples {
    /// The series, in a fixed order.
    pub keys: Arc<[SeriesKey]>,
    /// One number a series; not-a-number where there is none this time.
    pub values: Vec<f64>,
}

impl Samples {
    /// No series.
    pub fn none() -> Self {
        Self { keys: Arc::from([]), values: Vec::new() }
    }
}
