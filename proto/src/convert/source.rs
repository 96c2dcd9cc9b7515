//! The state of sources and of the daemon.

use super::{optional_text, optional_time, value};
use crate::SafeText;
use crate::model::{Interval, Notice, Quality, Timestamp};
use crate::wire;

/// What a source is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceState {
    /// The source document's name.
    pub name: SafeText,
    /// What gives the readings.
    pub source_type: SafeText,
    /// How far its values can be trusted.
    pub quality: Quality,
    /// How often it is read.
    pub interval: Interval,
    /// When it last answered.
    pub last_success: Option<Timestamp>,
    /// When it is read next.
    pub next_at: Option<Timestamp>,
    /// Why the newest attempt failed.
    pub cause: Option<SafeText>,
    /// Good answers since the start.
    pub readings: u64,
    /// Failed attempts since the start.
    pub failures: u64,
    /// Series kept from it.
    pub series: u64,
    /// How long the newest attempt took, in milliseconds.
    pub last_duration_ms: f64,
}

impl From<wire::SourceStatus> for SourceState {
    fn from(status: wire::SourceStatus) -> Self {
        Self {
            name: SafeText::new(&status.name),
            source_type: SafeText::new(&status.r#type),
            quality: value::quality(status.quality),
            interval: super::long(status.interval_ms),
            last_success: optional_time(status.last_success_ms),
            next_at: optional_time(status.next_at_ms),
            cause: optional_text(&status.cause),
            readings: status.readings,
            failures: status.failures,
            series: status.series,
            last_duration_ms: status.last_duration_ms,
        }
    }
}

/// What the daemon says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct DaemonState {
    /// The message's plain numbers and texts; texts become safe where they are shown.
    pub plain: wire::DaemonStatus,
    /// The sources.
    pub sources: Vec<SourceState>,
    /// What an operator should know.
    pub notices: Vec<Notice>,
}

impl From<wire::DaemonStatus> for DaemonState {
    fn from(mut status: wire::DaemonStatus) -> Self {
        let sources = std::mem::take(&mut status.sources).into_iter().map(Into::into).collect();
        let notices = std::mem::take(&mut status.notices).into_iter().map(Into::into).collect();
        Self { plain: status, sources, notices }
    }
}
