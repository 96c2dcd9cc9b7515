//! How far what a widget shows can be trusted, at this moment.

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Quality, Timestamp, ViewStatus};

use crate::format;

/// Missed readings after which data counts as stale: one may be late, two are an exception.
const MISSED_MAX: u64 = 3;

/// Age and quality of a widget's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing has been read yet.
    Loading,
    /// As fresh as its source promised.
    Live {
        /// Since the reading was taken.
        age: Interval,
    },
    /// Older than its source promised, or the daemon is out of reach.
    Stale {
        /// Since the reading was taken.
        age: Interval,
    },
    /// The newest attempt failed; what is shown is the last good value.
    Error {
        /// Why it failed.
        cause: SafeText,
        /// Since the last good reading was taken; none when there was none.
        age: Option<Interval>,
        /// Until the next attempt.
        next_in: Option<Interval>,
    },
    /// There is no such thing here.
    Absent {
        /// Why there is not.
        cause: Option<SafeText>,
    },
}

impl Condition {
    /// What a view's status means now. Live data becomes stale when three readings are missing, or
    /// when the daemon cannot be reached.
    pub fn of(status: &ViewStatus, now: Timestamp, link_lost_since: Option<Timestamp>) -> Self {
        let age = status.sampled_at.map(|at| now.since(at));
        let lost = link_lost_since.is_some();
        match (status.quality, age) {
            (Quality::Loading, _) => Self::Loading,
            (Quality::Absent, _) => Self::Absent { cause: status.cause.clone() },
            (Quality::Error, age) => Self::Error {
                cause: status.cause.clone().unwrap_or_else(|| SafeText::new("no cause was given")),
                age,
                next_in: status.next_at.filter(|at| !lost && *at > now).map(|at| at.since(now)),
            },
            (Quality::Stale, age) => Self::Stale { age: age.unwrap_or_default() },
            (Quality::Live, age) => {
                let age = age.unwrap_or_default();
                let overdue = !status.interval.is_zero() && age > status.interval.times(MISSED_MAX);
                if lost || overdue { Self::Stale { age } } else { Self::Live { age } }
            }
        }
    }

    /// Whether the values are not the present ones.
    pub const fn is_old(&self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Error { .. })
    }

    /// What the title says of it: `stale 12 s`, `error`, `loading`, `absent`; none when live.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Live { .. } => None,
            Self::Loading => Some("loading".to_owned()),
            Self::Stale { age } => Some(format!("stale {}", format::age(*age))),
            Self::Error { age: Some(age), .. } => Some(format!("error {}", format::age(*age))),
            Self::Error { age: None, .. } => Some("error".to_owned()),
            Self::Absent { .. } => Some("absent".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(100_000);

    fn status(quality: Quality, age_millis: i64) -> ViewStatus {
        ViewStatus {
            quality,
            sampled_at: Some(Timestamp::from_millis(100_000 - age_millis)),
            interval: Interval::from_secs(1),
            next_at: Some(Timestamp::from_millis(104_000)),
            cause: Some(SafeText::new("connection refused")),
            backfilling: false,
        }
    }

    #[test]
    fn live_data_becomes_stale_after_three_missing_readings() {
        let condition = |age| Condition::of(&status(Quality::Live, age), NOW, None);
        assert_eq!(condition(3_000), Condition::Live { age: Interval::from_secs(3) });
        assert_eq!(condition(3_001), Condition::Stale { age: Interval::from_millis(3_001) });
    }

    #[test]
    fn a_lost_link_makes_live_data_stale_at_once() {
        let condition = Condition::of(&status(Quality::Live, 400), NOW, Some(NOW));
        assert_eq!(condition.words().as_deref(), Some("stale 0.4s"));
    }

    #[test]
    fn data_without_an_interval_does_not_age() {
        let status = ViewStatus { interval: Interval::ZERO, ..status(Quality::Live, 90_000) };
        assert!(!Condition::of(&status, NOW, None).is_old());
    }

    #[test]
    fn an_error_tells_cause_age_and_next_attempt() {
        let condition = Condition::of(&status(Quality::Error, 12_000), NOW, None);
        let Condition::Error { cause, age, next_in } = condition else { panic!("{condition:?}") };
        assert_eq!(cause, "connection refused");
        assert_eq!((age, next_in), (Some(Interval::from_secs(12)), Some(Interval::from_secs(4))));
    }
}
