//! How long to wait before the next attempt: full jitter, so that a thousand clients of a daemon
//! that comes back do not come back at the same moment.

use ccm_proto::model::Interval;

use super::RETRY_MAX;

/// The first wait is at most this.
const BASE: Interval = Interval::from_millis(250);

/// Waits that grow with every attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
    succeeded: bool,
}

impl Backoff {
    /// The next wait: a share from 0 to 1 of a bound that doubles up to [`RETRY_MAX`].
    pub(super) fn next(&mut self, share: f64) -> Interval {
        let bound = BASE.times(1 << self.attempts.min(16)).min(RETRY_MAX);
        self.attempts = self.attempts.saturating_add(1);
        Interval::from_millis((bound.as_millis() as f64 * share.clamp(0.0, 1.0)) as u64)
    }

    /// Something good happened.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
        self.succeeded = true;
    }

    /// Whether something good ever happened.
    pub(super) fn is_resuming(self) -> bool {
        self.succeeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_begin_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
        backoff.reset();
        assert_eq!(backoff.next(0.5).as_millis(), 125);
    }

    #[test]
    fn many_attempts_stay_in_bounds() {
        let mut backoff = Backoff { attempts: u32::MAX, ..Backoff::default() };
        assert_eq!(backoff.next(1.0), RETRY_MAX);
    }
}
