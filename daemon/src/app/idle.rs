//! Ending after a time without clients.

use ccm_proto::model::{Interval, Timestamp};

/// Watches how long nobody has been there.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdleExit {
    after: Option<Interval>,
    since: Timestamp,
}

impl IdleExit {
    /// Ends after this long; never when there is no time given.
    pub(super) fn new(after: Option<Interval>, now: Timestamp) -> Self {
        Self { after, since: now }
    }

    /// Whether it is time, given whether somebody is there or was since the last look.
    pub(super) fn is_due(&mut self, present: bool, now: Timestamp) -> bool {
        if present {
            self.since = now;
        }
        self.after.is_some_and(|after| now.since(self.since) >= after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH + Interval::from_secs(seconds)
    }

    #[test]
    fn the_time_counts_from_the_last_client() {
        let mut idle = IdleExit::new(Some(Interval::from_secs(60)), at(0));
        assert!(!idle.is_due(false, at(59)));
        assert!(!idle.is_due(true, at(59)));
        assert!(!idle.is_due(false, at(118)));
        assert!(idle.is_due(false, at(119)));
    }

    #[test]
    fn without_a_time_it_never_ends() {
        let mut idle = IdleExit::new(None, at(0));
        assert!(!idle.is_due(false, at(1_000_000)));
    }
}
