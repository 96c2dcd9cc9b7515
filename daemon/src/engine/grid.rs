//! The grid that the tracks of one view share.

use ccm_proto::model::{Interval, Timestamp};

/// Steps that people read easily, in milliseconds. Beyond them, steps are whole days.
const LADDER_MS: [u64; 21] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];

/// The most values of a track: more than any terminal has dots in a line, and a bound on what one
/// feed may cost.
const POINTS_MAX: u32 = 4_096;

/// The longest window: ten years, longer than anything is kept.
const WINDOW_MAX: Interval = Interval::from_secs(10 * 365 * 86_400);

/// Steps of equal width, and how many of them are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// The width of a step, a multiple of the source's interval.
    pub step: Interval,
    /// How many steps the window has.
    pub points: u64,
}

impl Grid {
    /// The finest grid on which `window` has at most `max_points` steps.
    pub(super) fn new(window: Interval, max_points: u32, interval: Interval) -> Self {
        let window = window.clamp(Interval::from_millis(1), WINDOW_MAX).as_millis();
        let max_points = u64::from(max_points.clamp(2, POINTS_MAX));
        let interval = match interval.as_millis() {
            0 => 1_000,
            millis => millis,
        };
        let fits = |step: &u64| window.div_ceil(*step) <= max_points;
        let even = LADDER_MS.into_iter().filter(|step| step.is_multiple_of(interval));
        let step = std::iter::once(interval).chain(even).find(fits).unwrap_or_else(|| {
            let least = window.div_ceil(max_points);
            least.div_ceil(interval).saturating_mul(interval)
        });
        Self { step: Interval::from_millis(step), points: window.div_ceil(step).max(1) }
    }

    /// The first step of the window that ends with the step `newest`.
    pub(super) fn window_start(self, newest: Timestamp) -> Timestamp {
        newest - self.step.times(self.points.saturating_sub(1))
    }

    /// How many steps `at` is after `start`, within the window.
    pub(super) fn index(self, start: Timestamp, at: Timestamp) -> Option<usize> {
        if at < start {
            return None;
        }
        let index = at.since(start).as_millis() / self.step.as_millis().max(1);
        usize::try_from(index).ok().filter(|_| index < self.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(window_s: u64, max_points: u32, interval_ms: u64) -> (u64, u64) {
        let window = Interval::from_secs(window_s);
        let grid = Grid::new(window, max_points, Interval::from_millis(interval_ms));
        (grid.step.as_millis(), grid.points)
    }

    #[test]
    fn the_step_is_the_finest_on_the_ladder_that_fits() {
        assert_eq!(grid(300, 300, 1_000), (1_000, 300));
        assert_eq!(grid(300, 299, 1_000), (2_000, 150));
        assert_eq!(grid(3_600, 300, 1_000), (15_000, 240));
        assert_eq!(grid(86_400, 300, 1_000), (300_000, 288));
        assert_eq!(grid(300, 100, 3_000), (3_000, 100));
        assert_eq!(grid(300, 99, 3_000), (15_000, 20));
        assert_eq!(grid(60, 1_000, 250), (250, 240));
        assert_eq!(grid(60, 100, 7_000), (7_000, 9));
        assert_eq!(grid(700, 10, 7_000), (70_000, 10));
    }

    #[test]
    fn nothing_asked_for_is_too_much() {
        for window in [0, 1, u64::MAX] {
            for points in [0, 1, u32::MAX] {
                for interval in [0, 1, u64::MAX / 4] {
                    let grid = Grid::new(
                        Interval::from_millis(window),
                        points,
                        Interval::from_millis(interval),
                    );
                    assert!(grid.points <= u64::from(POINTS_MAX));
                    assert!(!grid.step.is_zero());
                }
            }
        }
    }
}
