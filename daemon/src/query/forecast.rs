//! Continuing a series into the future.

use ccm_proto::model::{Interval, Timestamp, Value};

/// The fewest values that a line is drawn through.
const VALUES_MIN: usize = 3;

/// The most points of a forecast that are told one by one.
pub const POINTS_MAX: usize = 64;

/// A value that is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// How many steps after the newest value.
    pub ahead: usize,
    /// The value.
    pub value: f64,
    /// How far it may be off to either side.
    pub margin: f64,
}

/// Continues regular values along the straight line that is nearest to them by least squares;
/// not-a-number is left out. The margin is `deviations` times the standard error of a single
/// prediction, which grows with the distance from the middle of the values (N. R. Draper and
/// H. Smith, "Applied Regression Analysis", chapter 1). None of fewer than 3 values.
pub fn linear(values: &[f64], ahead: &[usize], deviations: f64) -> Option<Vec<Expected>> {
    let points = || values.iter().enumerate().filter(|(_, y)| y.is_finite());
    let count = points().count();
    if count < VALUES_MIN {
        return None;
    }
    let number = count as f64;
    let mean_x = points().map(|(x, _)| x as f64).sum::<f64>() / number;
    let mean_y = points().map(|(_, y)| *y).sum::<f64>() / number;
    let spread = points().map(|(x, _)| (x as f64 - mean_x).powi(2)).sum::<f64>();
    let joint = points().map(|(x, y)| (x as f64 - mean_x) * (y - mean_y)).sum::<f64>();
    let slope = joint / spread;
    let line = |x: f64| mean_y + slope * (x - mean_x);
    let squares = points().map(|(x, y)| (y - line(x as f64)).powi(2)).sum::<f64>();
    let error = (squares / (number - 2.0)).sqrt();
    let newest = values.len() as f64 - 1.0;
    let expect = |ahead: &usize| {
        let x = newest + *ahead as f64;
        let width = (1.0 + 1.0 / number + (x - mean_x).powi(2) / spread).sqrt();
        Expected { ahead: *ahead, value: line(x), margin: deviations * error * width }
    };
    finite(ahead.iter().map(expect).collect())
}

/// How much newer values count, of level, trend and season.
#[derive(Clone, Copy, Debug)]
struct Weights {
    level: f64,
    trend: f64,
    season: f64,
}

/// The weights that are tried; the ones that would have foretold the past best are taken.
const LEVELS: [f64; 4] = [0.1, 0.3, 0.5, 0.8];
const TRENDS: [f64; 3] = [0.0, 0.05, 0.2];
const SEASONS: [f64; 3] = [0.05, 0.2, 0.5];

/// Continues regular values that repeat themselves after `season` steps, by exponential smoothing
/// of level, trend and additive season (C. C. Holt, "Forecasting Seasonals and Trends by
/// Exponentially Weighted Moving Averages", 1957; P. R. Winters, "Forecasting Sales by
/// Exponentially Weighted Moving Averages", Management Science 6, 1960). A missing value is taken
/// for what was expected. The margin is `deviations` times the standard deviation of a prediction,
/// which grows with each step (R. J. Hyndman and others, "Forecasting with Exponential Smoothing",
/// 2008, chapter 6). None of less than two seasons.
pub fn holt_winters(
    values: &[f64],
    season: usize,
    ahead: &[usize],
    deviations: f64,
) -> Option<Vec<Expected>> {
    // What is missing at the beginning is no part of it.
    let first = values.iter().position(|value| value.is_finite())?;
    let values = values.get(first..)?;
    if season < 2 || values.len() < season * 2 {
        return None;
    }
    let start = State::begin(values, season)?;
    let mut best: Option<(f64, Weights, State)> = None;
    for level in LEVELS {
        for trend in TRENDS {
            for season in SEASONS {
                let weights = Weights { level, trend, season };
                let (state, squares) = start.clone().follow(values, weights);
                if squares.is_finite() && best.as_ref().is_none_or(|(least, ..)| squares < *least) {
                    best = Some((squares, weights, state));
                }
            }
        }
    }
    let (squares, weights, state) = best?;
    let told = values.iter().skip(season).filter(|value| value.is_finite()).count();
    let variance = squares / (told.max(2) - 1) as f64;
    let furthest = ahead.iter().copied().max().unwrap_or_default();
    // The share of earlier surprises that a prediction so many steps ahead inherits.
    let mut growth = Vec::with_capacity(furthest + 1);
    let mut sum = 1.0;
    growth.push(sum);
    for step in 1..=furthest {
        growth.push(sum);
        let seasonal = if step.is_multiple_of(season) { weights.season } else { 0.0 };
        let inherited = weights.level * (1.0 + step as f64 * weights.trend) + seasonal;
        sum += inherited * inherited;
    }
    let expect = |ahead: &usize| {
        let width = growth.get(*ahead).copied().unwrap_or(sum);
        let margin = deviations * (variance * width).sqrt();
        Expected { ahead: *ahead, value: state.expect(*ahead), margin }
    };
    finite(ahead.iter().map(expect).collect())
}

fn finite(expected: Vec<Expected>) -> Option<Vec<Expected>> {
    let fine = |expected: &Expected| expected.value.is_finite() && expected.margin.is_finite();
    expected.iter().all(fine).then_some(expected)
}

/// Level, trend and season after some values.
#[derive(Clone, Debug)]
struct State {
    level: f64,
    trend: f64,
    seasons: Vec<f64>,
    /// The phase of the next value.
    phase: usize,
}

impl State {
    /// From the first two seasons.
    fn begin(values: &[f64], season: usize) -> Option<Self> {
        let (first, second) = (values.get(..season)?, values.get(season..season * 2)?);
        let (level, later) = (mean(first)?, mean(second)?);
        let part = |value: &f64| if value.is_finite() { value - level } else { 0.0 };
        let trend = (later - level) / season as f64;
        // The middle of the first season has its mean; its end is half a season further.
        let middle = (season as f64 - 1.0) / 2.0;
        let seasons =
            first.iter().enumerate().map(|(at, value)| part(value) - trend * (at as f64 - middle));
        let seasons = seasons.collect();
        Some(Self { level: level + trend * middle, trend, seasons, phase: 0 })
    }

    /// Goes through what comes after the first season; says the sum of squares by which the
    /// predictions were off.
    fn follow(mut self, values: &[f64], weights: Weights) -> (Self, f64) {
        let mut squares = 0.0;
        for value in values.iter().skip(self.seasons.len()) {
            let expected = self.expect(1);
            let value = if value.is_finite() { *value } else { expected };
            squares += (value - expected).powi(2);
            let Some(seasonal) = self.seasons.get_mut(self.phase) else { continue };
            let level = weights.level * (value - *seasonal)
                + (1.0 - weights.level) * (self.level + self.trend);
            self.trend = weights.trend * (level - self.level) + (1.0 - weights.trend) * self.trend;
            *seasonal = weights.season * (value - level) + (1.0 - weights.season) * *seasonal;
            self.level = level;
            self.phase = (self.phase + 1) % self.seasons.len();
        }
        (self, squares)
    }

    /// The value so many steps after the last one.
    fn expect(&self, ahead: usize) -> f64 {
        let phase = (self.phase + ahead.saturating_sub(1)) % self.seasons.len().max(1);
        let seasonal = self.seasons.get(phase).copied().unwrap_or_default();
        self.level + ahead as f64 * self.trend + seasonal
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    let there = || values.iter().filter(|value| value.is_finite());
    let count = there().count();
    (count > 0).then(|| there().sum::<f64>() / count as f64)
}

/// The steps ahead that are told one by one, of a horizon of so many steps: the last is always
/// among them.
pub fn steps(horizon: usize) -> Vec<usize> {
    let horizon = horizon.max(1);
    let stride = horizon.div_ceil(POINTS_MAX);
    let first = horizon - (horizon - 1) / stride * stride;
    (first..=horizon).step_by(stride).collect()
}

/// As a reading has it: the end of the horizon, and the points on the way.
pub fn to_value(expected: &[Expected], newest: Timestamp, step: Interval) -> Value {
    let point = |expected: &Expected| {
        let at = newest + step.times(expected.ahead as u64);
        [
            ("at", Value::Integer(at.as_millis())),
            ("value", Value::from(expected.value)),
            ("lower", Value::from(expected.value - expected.margin)),
            ("upper", Value::from(expected.value + expected.margin)),
        ]
    };
    let points = Value::List(expected.iter().map(|expected| Value::map(point(expected))).collect());
    match expected.last() {
        Some(last) => Value::map(point(last).into_iter().chain([("points", points)])),
        None => Value::Absent,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_continued_exactly() {
        let line: Vec<f64> = (0..10).map(|x| 3.0 + 2.0 * f64::from(x)).collect();
        let found = linear(&line, &[1, 10], 2.0).unwrap();
        assert!((found[0].value - 23.0).abs() < 1e-9);
        assert!((found[1].value - 41.0).abs() < 1e-9);
        assert!(found[1].margin < 1e-9);
    }

    #[test]
    fn the_margin_grows_with_the_distance_and_the_noise() {
        let noisy: Vec<f64> = (0..20).map(|x| f64::from(x) + f64::from(x % 3)).collect();
        let found = linear(&noisy, &[1, 50], 2.0).unwrap();
        assert!(found[0].margin > 0.0);
        assert!(found[1].margin > found[0].margin);
    }

    #[test]
    fn gaps_are_left_out_of_a_line() {
        let mut line: Vec<f64> = (0..10).map(f64::from).collect();
        line[3] = f64::NAN;
        line[7] = f64::NAN;
        assert!((linear(&line, &[5], 2.0).unwrap()[0].value - 14.0).abs() < 1e-9);
        assert_eq!(linear(&[1.0, f64::NAN, 2.0], &[1], 2.0), None);
        assert_eq!(linear(&[], &[1], 2.0), None);
    }

    #[test]
    fn seasons_on_a_trend_are_continued() {
        let wave = |x: usize| x as f64 * 0.5 + [0.0, 10.0, 5.0, -7.0][x % 4];
        let past: Vec<f64> = (0..40).map(wave).collect();
        let ahead: Vec<usize> = (1..=12).collect();
        for expected in holt_winters(&past, 4, &ahead, 2.0).unwrap() {
            let truth = wave(39 + expected.ahead);
            assert!((expected.value - truth).abs() < 0.5, "{expected:?} {truth}");
        }
    }

    #[test]
    fn a_missing_value_changes_no_season() {
        let wave = |x: usize| [0.0, 10.0, 5.0, -7.0][x % 4];
        let mut past: Vec<f64> = (0..40).map(wave).collect();
        past[21] = f64::NAN;
        past[0] = f64::NAN;
        let found = holt_winters(&past, 4, &[1, 2, 3, 4], 2.0).unwrap();
        for expected in found {
            assert!((expected.value - wave(39 + expected.ahead)).abs() < 0.5, "{expected:?}");
        }
    }

    #[test]
    fn less_than_two_seasons_tell_nothing() {
        assert_eq!(holt_winters(&[1.0; 7], 4, &[1], 2.0), None);
        assert_eq!(holt_winters(&[f64::NAN; 20], 4, &[1], 2.0), None);
        assert_eq!(holt_winters(&[1.0; 9], 1, &[1], 2.0), None);
    }

    #[test]
    fn the_last_step_is_always_told() {
        assert_eq!(steps(0), [1]);
        assert_eq!(steps(3), [1, 2, 3]);
        for horizon in 1..1_000 {
            let steps = steps(horizon);
            assert_eq!(steps.last(), Some(&horizon));
            assert!(steps.len() <= POINTS_MAX && steps[0] >= 1);
        }
    }

    proptest! {
        #[test]
        fn a_line_is_moved_as_its_values_are(
            values in proptest::collection::vec(-1e3..1e3_f64, 3..50),
            shift in -1e3..1e3_f64,
        ) {
            let plain = linear(&values, &[7], 2.0).unwrap()[0];
            let moved: Vec<f64> = values.iter().map(|v| v + shift).collect();
            let moved = linear(&moved, &[7], 2.0).unwrap()[0];
            prop_assert!((plain.value + shift - moved.value).abs() < 1e-6);
            prop_assert!((plain.margin - moved.margin).abs() < 1e-6);
        }

        #[test]
        fn no_past_makes_a_forecast_that_is_no_number(
            values in proptest::collection::vec(
                prop_oneof![Just(f64::NAN), -1e300..1e300, Just(0.0)], 0..60,
            ),
            season in 0..12_usize,
        ) {
            for found in holt_winters(&values, season, &[1, 5, 30], 2.0).into_iter().flatten() {
                prop_assert!(found.value.is_finite() && found.margin >= 0.0);
            }
        }
    }
}
