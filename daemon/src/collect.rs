//! Where readings come from: collectors, and the scheduler that asks them.
//!
//! A [`Collector`] gives one reading at a tick. The [`scheduler`] is the edge that runs each on a
//! thread of its own and hands what comes to the engine; [`schedule`] is the arithmetic of its
//! ticks.

pub mod daemon;
mod kept;
pub mod prometheus;
pub mod schedule;
pub mod scheduler;
pub mod self_metrics;
mod series;
pub mod status;
pub mod system;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Interval, Name, Reading, SourceSpec, Timestamp};

pub use scheduler::Scheduler;
pub use self_metrics::SelfMetrics;
pub use status::SourceStatus;

/// When a reading is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The tick that the reading stands for.
    pub at: Timestamp,
    /// Time since a fixed moment, for rates; unlike `at` it never jumps.
    pub elapsed: Duration,
}

/// Why a source gave no reading: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// Something the reading cannot do without could not be read.
    #[error("{what} cannot be read ({cause}); {remedy}")]
    Unreadable {
        /// What was to be read.
        what: String,
        /// What the system answered.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The reading took longer than it may.
    #[error("no answer within {0}; raise the source's timeout, or see why this system is so slow")]
    Timeout(Interval),
    /// The collector's thread ended.
    #[error("the reader ended unexpectedly and is started anew; the daemon's log tells more")]
    Ended,
    /// The collector's thread could not be started.
    #[error("no thread could be started for the reader ({0}); raise the limit on tasks")]
    NoThread(String),
}

impl CollectError {
    /// The error as it may be shown.
    pub fn to_safe_text(&self) -> SafeText {
        SafeText::from(self.to_string())
    }
}

/// Gives readings of one source. It runs on a thread of its own and may block.
pub trait Collector: Send {
    /// Remembers counters, so that a reading soon after can tell rates.
    fn prime(&mut self, elapsed: Duration);

    /// One reading.
    fn read(&mut self, moment: Moment) -> Result<Reading, CollectError>;
}

/// Makes the collector of a source.
pub type Factory = Arc<dyn Fn(&Name, &SourceSpec) -> Box<dyn Collector> + Send + Sync>;

/// The collectors of all source types.
pub fn collectors(metrics: Arc<SelfMetrics>) -> Factory {
    Arc::new(move |name, spec| match spec.source_type {
        SourceType::System => {
            system::collector(name.clone(), spec.system.clone().unwrap_or_default())
        }
        SourceType::Daemon => {
            Box::new(daemon::DaemonCollector::new(name.clone(), Arc::clone(&metrics)))
        }
    })
}
