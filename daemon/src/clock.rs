//! The only place that reads clocks. Everything else is given the time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ccm_proto::model::Timestamp;

/// Where the time comes from: the machine, or a test.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::set`] moves it.
    pub fn manual(at: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(at.as_millis()))))
    }

    /// Unix time.
    #[expect(clippy::disallowed_methods, reason = "this module is where the clock is read")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::Acquire)),
        }
    }

    /// Time since a fixed moment. Unlike [`Clock::now`] it never jumps when somebody sets the
    /// machine's clock, so it is what rates and durations are measured by.
    #[expect(clippy::disallowed_methods, reason = "this module is where the clock is read")]
    pub fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            Source::System => Instant::now().saturating_duration_since(*START),
            Source::Manual(millis) => {
                let millis = millis.load(Ordering::Acquire);
                Duration::from_millis(u64::try_from(millis).unwrap_or_default())
            }
        }
    }

    /// Moves a manual clock; the machine's clock is left alone.
    pub fn set(&self, at: Timestamp) {
        if let Source::Manual(millis) = &self.0 {
            millis.store(at.as_millis(), Ordering::Release);
        }
    }
}
