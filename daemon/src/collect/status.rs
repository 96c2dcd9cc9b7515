//! What a source is doing, for those who ask.

use ccm_proto::SafeText;
use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Interval, Name, Quality, Timestamp};

/// A source's state at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceStatus {
    /// The source document's name.
    pub name: Name,
    /// What gives the readings.
    pub source_type: SourceType,
    /// How far its newest values can be trusted.
    pub quality: Quality,
    /// How often it is read.
    pub interval: Interval,
    /// When it last answered.
    pub last_success: Option<Timestamp>,
    /// When it was last tried.
    pub last_attempt: Option<Timestamp>,
    /// When it is read next.
    pub next_at: Option<Timestamp>,
    /// Why the newest attempt failed.
    pub cause: Option<SafeText>,
    /// Good answers since the source was started.
    pub readings: u64,
    /// Failed attempts since the source was started.
    pub failures: u64,
    /// Failed attempts since the newest good answer.
    pub failures_in_row: u32,
    /// Series in the newest reading.
    pub series: u64,
    /// How long the newest attempt took, in milliseconds.
    pub last_duration_ms: f64,
}

impl SourceStatus {
    /// The state of a source that has not been read yet.
    pub fn new(name: Name, source_type: SourceType, interval: Interval) -> Self {
        Self {
            name,
            source_type,
            quality: Quality::Loading,
            interval,
            last_success: None,
            last_attempt: None,
            next_at: None,
            cause: None,
            readings: 0,
            failures: 0,
            failures_in_row: 0,
            series: 0,
            last_duration_ms: 0.0,
        }
    }
}
