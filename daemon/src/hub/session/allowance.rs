//! How often a stream gets frames: on average once an interval, and a few in a row after a pause,
//! so that the readings of one second, which arrive one shortly after the other, do not wait for
//! each other. A token bucket.

use ccm_proto::model::{Interval, Timestamp};

/// The most frames that are saved up.
const BURST: u64 = 3;

/// Frames of a burst are apart by this part of the interval.
const SPACING: u64 = 5;

/// What a stream may be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    last: Timestamp,
    /// Saved up when the last frame was sent, in milliseconds; a frame costs an interval.
    saved_ms: u64,
}

impl Allowance {
    /// As after a long pause.
    pub(super) const fn full() -> Self {
        Self { last: Timestamp::EPOCH, saved_ms: u64::MAX }
    }

    fn saved_ms(&self, interval: Interval, now: Timestamp) -> u64 {
        let most = interval.as_millis().saturating_mul(BURST);
        self.saved_ms.saturating_add(now.since(self.last).as_millis()).min(most)
    }

    /// How long a frame has to wait.
    pub(super) fn wait(&self, interval: Interval, now: Timestamp) -> Interval {
        let missing = interval.as_millis().saturating_sub(self.saved_ms(interval, now));
        let apart = interval.as_millis() / SPACING;
        let apart = apart.saturating_sub(now.since(self.last).as_millis());
        // A clock that was set back must not silence the stream.
        Interval::from_millis(missing.max(apart).min(interval.as_millis()))
    }

    /// A frame is sent.
    pub(super) fn spend(&mut self, interval: Interval, now: Timestamp) {
        self.saved_ms = self.saved_ms(interval, now).saturating_sub(interval.as_millis());
        self.last = now;
    }

    /// When the last frame was sent.
    pub(super) const fn last(&self) -> Timestamp {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Interval = Interval::from_millis(100);

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[test]
    fn readings_of_one_second_do_not_wait_for_each_other() {
        let mut allowance = Allowance::full();
        for second in 0..5 {
            for offset in [16, 40, 65] {
                let now = at(second * 1_000 + offset);
                assert_eq!(allowance.wait(INTERVAL, now), Interval::ZERO, "{second} {offset}");
                allowance.spend(INTERVAL, now);
            }
        }
    }

    #[test]
    fn a_stream_without_an_interval_never_waits() {
        let mut allowance = Allowance::full();
        for _ in 0..10 {
            assert_eq!(allowance.wait(Interval::ZERO, at(0)), Interval::ZERO);
            allowance.spend(Interval::ZERO, at(0));
        }
    }

    proptest! {
        #[test]
        fn however_much_is_new_frames_stay_apart_and_few(
            wanted in prop::collection::vec(0_i64..60, 1..200),
        ) {
            let mut allowance = Allowance::full();
            let mut now = at(0);
            let mut sent = Vec::new();
            for pause in wanted {
                now = now + Interval::from_millis(pause as u64);
                now = now + allowance.wait(INTERVAL, now);
                allowance.spend(INTERVAL, now);
                sent.push(now);
            }
            for pair in sent.windows(2) {
                prop_assert!(pair[1].since(pair[0]).as_millis() >= INTERVAL.as_millis() / SPACING);
            }
            let span = sent[sent.len() - 1].since(sent[0]).as_millis();
            prop_assert!(sent.len() as u64 <= span / INTERVAL.as_millis() + BURST);
        }

        #[test]
        fn a_clock_that_jumps_silences_nothing(jumps in prop::collection::vec(any::<i32>(), 1..20)) {
            let mut allowance = Allowance::full();
            for jump in jumps {
                let now = at(i64::from(jump));
                prop_assert!(allowance.wait(INTERVAL, now) <= INTERVAL);
                allowance.spend(INTERVAL, now);
            }
        }
    }
}
