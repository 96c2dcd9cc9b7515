//! The arithmetic of ticks: when a source is read, and for which moment.

use ccm_proto::model::{Interval, Name, Timestamp};

/// Between priming and the first reading: long enough for rates that mean something, short
/// enough that a screen opened with the daemon shows them at once.
pub const PRIMING: Interval = Interval::from_millis(100);

/// The longest wait after failures.
pub const BACKOFF_MAX: Interval = Interval::from_secs(60);

/// The largest phase of what is read on this machine: sources of one interval do not start all at
/// once, yet a reading remains close to its tick, and those of one second reach a screen in one
/// picture.
const PHASE_MAX: Interval = Interval::from_millis(5);

/// The largest phase of what is asked over a network: a thousand sources of one service do not ask
/// in the same moment.
const SPREAD_MAX: Interval = Interval::from_secs(15);

/// Which part of its interval the phase of a source may be at most, where it is asked over a
/// network.
const SPREAD_SHARE: u64 = 4;

/// Refreshing on demand is told apart to the second, or to the interval when that is shorter.
const REFRESH_STEP: Interval = Interval::from_secs(1);

/// When to read, and for which tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The tick that the reading stands for.
    pub tick: Timestamp,
    /// When reading starts; in the past when that moment was missed by less than an interval.
    pub start: Timestamp,
}

/// The ticks of one source: the multiples of its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    interval: Interval,
    phase: Interval,
}

impl Schedule {
    /// The schedule of a source. Its phase depends on nothing but name and interval.
    pub fn new(name: &Name, interval: Interval) -> Self {
        let interval = interval.max(Interval::from_millis(1));
        let room = PHASE_MAX.as_millis().min(interval.as_millis() / 10).max(1);
        Self { interval, phase: Interval::from_millis(fnv1a(name.as_str()) % room) }
    }

    /// The schedule of a source that is asked over a network: its phase is spread over a quarter of
    /// its interval.
    pub fn spread(name: &Name, interval: Interval) -> Self {
        let interval = interval.max(Interval::from_millis(1));
        let room = SPREAD_MAX.as_millis().min(interval.as_millis() / SPREAD_SHARE).max(1);
        Self { interval, phase: Interval::from_millis(fnv1a(name.as_str()) % room) }
    }

    /// The interval.
    pub const fn interval(&self) -> Interval {
        self.interval
    }

    /// The tick of the first reading, taken `now`. Just before a tick it stands for that one, so
    /// that the second reading never follows too closely for rates.
    pub fn first(&self, now: Timestamp) -> Timestamp {
        let half = Interval::from_millis(self.interval.as_millis() / 2);
        (now + PRIMING.min(half)).floor(self.interval)
    }

    /// The next slot after the tick `last`. Ticks that have been missed are left out, save the
    /// newest, and a clock that was set back starts anew from where it is.
    pub fn next(&self, last: Timestamp, now: Timestamp) -> Slot {
        let newest = (now - self.phase).floor(self.interval);
        let following = last.floor(self.interval) + self.interval;
        let set_back = following > now + self.interval.times(2);
        let tick = if set_back { newest + self.interval } else { newest.max(following) };
        self.slot(tick)
    }

    /// The first slot at or after `from`.
    pub fn at_or_after(&self, from: Timestamp) -> Slot {
        let floor = from.floor(self.interval);
        self.slot(if floor == from { floor } else { floor + self.interval })
    }

    /// The tick of a reading on demand; none when the newest reading is as young already.
    pub fn on_demand(&self, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let tick = now.floor(self.interval.min(REFRESH_STEP));
        last.is_none_or(|last| last < tick || last > now + self.interval).then_some(tick)
    }

    fn slot(&self, tick: Timestamp) -> Slot {
        Slot { tick, start: tick + self.phase }
    }
}

/// How long to wait after `failures` failed attempts in a row: full jitter, so that sources which
/// failed together do not come back together. `random` is from 0 up to 1.
pub fn backoff(interval: Interval, failures: u32, random: f64) -> Interval {
    let doublings = failures.saturating_sub(1).min(16);
    let ceiling = interval.times(1 << doublings).min(BACKOFF_MAX.max(interval));
    let share = random.clamp(0.0, 1.0);
    Interval::from_millis((ceiling.as_millis() as f64 * share) as u64)
}

/// A hash that is the same on every machine and in every build.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second() -> Schedule {
        Schedule::new(&Name::new("host").unwrap(), Interval::from_secs(1))
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_stall_leaves_a_gap_and_no_burst() {
        let slot = second().next(at(10_000), at(20_300));
        assert_eq!(slot.tick, at(20_000));
        assert_eq!(second().next(slot.tick, at(20_310)).tick, at(21_000));
    }

    #[test]
    fn a_first_reading_close_before_a_tick_stands_for_it() {
        assert_eq!(second().first(at(10_950)), at(11_000));
        assert_eq!(second().first(at(10_850)), at(10_000));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_the_readings() {
        let slot = second().next(at(1_000_000), at(500_200));
        assert!(slot.start.since(at(500_200)) <= Interval::from_secs(1));
    }

    #[test]
    fn what_was_just_read_is_not_read_again_on_demand() {
        assert_eq!(second().on_demand(Some(at(5_000)), at(5_400)), None);
        assert_eq!(second().on_demand(Some(at(5_000)), at(6_400)), Some(at(6_000)));
        let hourly = Schedule::new(&Name::new("rare").unwrap(), Interval::from_secs(3_600));
        assert_eq!(hourly.on_demand(Some(at(0)), at(90_500)), Some(at(90_000)));
    }

    #[test]
    fn the_wait_after_failures_grows_to_a_limit() {
        let second = Interval::from_secs(1);
        let ceilings: Vec<u64> =
            [1, 2, 3, 7, 40].iter().map(|n| backoff(second, *n, 1.0).as_millis()).collect();
        assert_eq!(ceilings, [1_000, 2_000, 4_000, 60_000, 60_000]);
        assert_eq!(backoff(second, 5, 0.0), Interval::ZERO);
        let daily = Interval::from_secs(86_400);
        assert_eq!(backoff(daily, 9, 1.0), daily, "never sooner than the source's own pace");
    }

    #[test]
    fn what_is_asked_over_a_network_is_spread_over_a_quarter_of_the_interval() {
        let minute = Interval::from_secs(60);
        let phases: Vec<u64> = (0..1_000)
            .map(|n| Schedule::spread(&Name::new(&format!("source-{n}")).unwrap(), minute))
            .map(|schedule| schedule.slot(at(0)).start.as_millis().unsigned_abs())
            .collect();
        assert!(phases.iter().all(|phase| *phase < 15_000));
        let in_second =
            |second: u64| phases.iter().filter(|phase| **phase / 1_000 == second).count();
        let most = (0..15).map(in_second).max().unwrap();
        assert!(most < 150, "{most} of 1000 sources ask in one second");
    }

    proptest! {
        #[test]
        fn ticks_are_multiples_that_rise_and_start_within_one_interval(
            interval in 100_u64..100_000,
            last in 0_i64..10_000_000,
            late in 0_i64..1_000_000,
        ) {
            let schedule =
                Schedule::new(&Name::new("a").unwrap(), Interval::from_millis(interval));
            let last = at(last).floor(schedule.interval());
            let now = last + Interval::from_millis(late as u64);
            let slot = schedule.next(last, now);
            prop_assert_eq!(slot.tick.floor(schedule.interval()), slot.tick);
            prop_assert!(slot.tick > last);
            prop_assert!(slot.start <= now + schedule.interval() + PHASE_MAX);
            prop_assert!(now.since(slot.start) < schedule.interval());
        }
    }
}
