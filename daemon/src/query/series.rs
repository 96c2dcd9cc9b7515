//! From windows of series to a value of a reading.

use ccm_proto::model::source::query::{Anomaly, Combine, Forecast, Function, SeriesQuery};
use ccm_proto::model::{Interval, Timestamp, Value};

use super::compare::compare;
use super::expr::Lack;
use super::window::{Window, evaluate};
use super::{anomaly, forecast};

/// The most steps of a window: fine enough for any picture of it, and a bound on memory. Each takes
/// some 80 bytes in each series.
pub const POINTS_MAX: u32 = 360;

/// How many standard deviations wide a forecast's band is when nothing is said: 95 of 100.
const FORECAST_DEVIATIONS: f64 = 2.0;

/// How many standard deviations from the middle a value is unusual when nothing is said.
const ANOMALY_DEVIATIONS: f64 = 3.0;

/// The farthest step of a forecast; beyond it nothing is known anyway.
const HORIZON_STEPS_MAX: u64 = 4_096;

/// Computes what a document asks for. `live` are windows of the series that it means, and
/// `earlier` those of the window that it compares with.
pub fn compute<'a>(
    spec: &SeriesQuery,
    live: impl Iterator<Item = &'a Window> + Clone,
    earlier: impl Iterator<Item = &'a Window> + Clone,
    now: Timestamp,
) -> Result<Value, Lack> {
    let window = spec.effective_window();
    let value = if let Some(kind) = spec.forecast {
        continued(spec, kind, live, now)
    } else if let Some(kind) = spec.anomaly {
        banded(spec, kind, live, now)
    } else {
        let begun = live.clone().any(|own| own.last(window, now).next().is_some());
        let value = of_windows(spec, live, window, now)
            .ok_or_else(|| if begun { one(spec) } else { lack(spec, "in the last", window) })?;
        let Some(against) = spec.compare else { return Ok(Value::from(value)) };
        let shift = against.shift(window);
        let before = of_windows(spec, earlier, window, now - shift)
            .ok_or_else(|| lack(spec, "in the window to compare with,", shift))?;
        compare(value, before).map(super::compare::Comparison::to_value)
    };
    value.ok_or_else(|| lack(spec, "enough in the last", window))
}

/// What only two values can tell is not known after the first.
fn one(spec: &SeriesQuery) -> Lack {
    Lack::Absent(format!("{} has one value so far; how it changes is known with the next", spec.of))
}

fn lack(spec: &SeriesQuery, when: &str, span: Interval) -> Lack {
    Lack::Absent(format!("there are no values of {} {when} {span}", spec.of))
}

/// A function of each series, combined.
fn of_windows<'a>(
    spec: &SeriesQuery,
    windows: impl Iterator<Item = &'a Window>,
    window: Interval,
    end: Timestamp,
) -> Option<f64> {
    let q = spec.q.unwrap_or(0.5);
    let function: Function = spec.effective_function();
    combine(spec.combine, windows.filter_map(|own| evaluate(function, q, own.last(window, end))))
}

fn combine(how: Combine, values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut count, mut sum) = (0.0, 0.0);
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite()) {
        count += 1.0;
        sum += value;
        min = min.min(value);
        max = max.max(value);
    }
    (count > 0.0).then_some(match how {
        Combine::Sum => sum,
        Combine::Avg => sum / count,
        Combine::Min => min,
        Combine::Max => max,
    })
}

/// The means of all series on one grid, and where its last step begins.
fn grid<'a>(
    spec: &SeriesQuery,
    windows: impl Iterator<Item = &'a Window> + Clone,
    now: Timestamp,
) -> Option<(Vec<f64>, Timestamp, Interval)> {
    let step = windows.clone().next()?.step();
    // The step that holds the present has seldom been read yet, so that the newest one counts.
    let newest = windows.clone().filter_map(|own| own.bins().next_back()).map(|bin| bin.start);
    let newest = newest.max()?.min(now);
    let points = spec.effective_window().as_millis().div_ceil(step.as_millis());
    let points = usize::try_from(points).ok()?.min(POINTS_MAX as usize);
    let each: Vec<Vec<f64>> = windows.map(|own| own.means(points, newest)).collect();
    let at = |index: usize| each.iter().filter_map(move |means| means.get(index).copied());
    let means = (0..points).map(|index| combine(spec.combine, at(index)).unwrap_or(f64::NAN));
    Some((means.collect(), newest.floor(step), step))
}

fn continued<'a>(
    spec: &SeriesQuery,
    kind: Forecast,
    windows: impl Iterator<Item = &'a Window> + Clone,
    now: Timestamp,
) -> Option<Value> {
    let (means, newest, step) = grid(spec, windows, now)?;
    let horizon = spec.effective_horizon().as_millis().div_ceil(step.as_millis());
    let horizon = usize::try_from(horizon.min(HORIZON_STEPS_MAX)).ok()?;
    let ahead = forecast::steps(horizon);
    let deviations = spec.sensitivity.unwrap_or(FORECAST_DEVIATIONS);
    let expected = match kind {
        Forecast::Linear => forecast::linear(&means, &ahead, deviations),
        Forecast::HoltWinters => {
            forecast::holt_winters(&means, season(spec, step), &ahead, deviations)
        }
    };
    expected.map(|expected| forecast::to_value(&expected, newest, step))
}

fn banded<'a>(
    spec: &SeriesQuery,
    kind: Anomaly,
    windows: impl Iterator<Item = &'a Window> + Clone,
    now: Timestamp,
) -> Option<Value> {
    let (means, _, step) = grid(spec, windows, now)?;
    let deviations = spec.sensitivity.unwrap_or(ANOMALY_DEVIATIONS);
    let band = match kind {
        Anomaly::Robust => {
            let (newest, others) = means.split_last()?;
            anomaly::robust(*newest, others, deviations)
        }
        Anomaly::Seasonal => anomaly::seasonal(&means, season(spec, step), deviations),
    };
    band.map(anomaly::Band::to_value)
}

/// How many steps a season has.
fn season(spec: &SeriesQuery, step: Interval) -> usize {
    let steps = spec.effective_season().as_millis() / step.as_millis().max(1);
    usize::try_from(steps).unwrap_or(usize::MAX)
}

/// The numbers of a result that are kept as series, by the path within it; `""` is the result
/// itself.
pub fn kept(spec: &SeriesQuery) -> &'static [&'static str] {
    if spec.forecast.is_some() {
        &["value", "lower", "upper"]
    } else if spec.anomaly.is_some() {
        &["value", "lower", "upper", "score"]
    } else if spec.compare.is_some() {
        &["value", "before", "change", "percentage"]
    } else {
        &[""]
    }
}

#[cfg(test)]
mod tests;
