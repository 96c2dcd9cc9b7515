//! Tracks that are made from the items of a list, each with a time of its own.

use ccm_proto::SafeText;
use ccm_proto::model::widget::{Aggregate, ChartRows, RowSeries, STEPS_MAX};
use ccm_proto::model::{Interval, Timestamp, Track, Value, WidgetSpec};

use super::{numeric, words};

/// The most items that are looked at: a bound on the work that one reading can ask for.
const ITEMS_MAX: usize = 100_000;

/// The tracks of a chart of rows over the `window` that ends with the reading of `at`; none when
/// the widget is not one, or nothing of its list lies in the window. They need no history.
///
/// Spans lie at multiples of their length since 1970 in UTC. Items from after the reading's span
/// are left out: a clock that is ahead moves nothing. Before the oldest item the list says nothing,
/// so there is a gap; from there on a span without items has a sum and a count of 0.
pub fn row_tracks(
    widget: &WidgetSpec,
    value: &Value,
    at: Timestamp,
    window: Interval,
) -> Vec<Track> {
    let Some(rows) = widget.chart.as_ref().and_then(|chart| chart.rows_over_time()) else {
        return Vec::new();
    };
    let Some(items) = value.at(&rows.path).and_then(Value::as_list) else { return Vec::new() };
    let Some(x) = &rows.x else { return Vec::new() };
    let time = |item: &'_ Value| item.at(x).and_then(Timestamp::from_foreign);
    let dated = items.iter().take(ITEMS_MAX);
    let dated: Vec<(Timestamp, &Value)> =
        dated.filter_map(|item| Some((time(item)?, item))).collect();
    let grid = Spans::new(rows.step(window), window, at);
    let known = dated.iter().map(|(time, _)| *time).min().map(|oldest| grid.first_from(oldest));
    let whole = [RowSeries {
        label: rows.y.as_deref().map_or_else(|| "count".to_owned(), words),
        y: None,
        filter: std::collections::BTreeMap::default(),
    }];
    let series = if rows.series.is_empty() { &whole[..] } else { &rows.series };
    let mut tracks = Vec::new();
    for (index, one) in series.iter().enumerate() {
        tracks.push(Track {
            id: format!("rows.{index}"),
            label: SafeText::new(&one.label),
            start: grid.start,
            step: grid.step,
            values: grid.gather(rows, one, &dated, known.unwrap_or(grid.count)),
        });
    }
    let empty = tracks.iter().all(|track| track.values.iter().all(|value| value.is_nan()));
    if empty { Vec::new() } else { tracks }
}

/// The spans of a window.
struct Spans {
    start: Timestamp,
    step: Interval,
    count: usize,
}

impl Spans {
    /// The spans up to and with the one of `at`.
    fn new(step: Interval, window: Interval, at: Timestamp) -> Self {
        let count = window.as_millis().div_ceil(step.as_millis().max(1)).clamp(1, STEPS_MAX);
        let start = at.floor(step) - step.times(count - 1);
        Self { start, step, count: usize::try_from(count).unwrap_or(1) }
    }

    /// The span that a moment lies in.
    fn index(&self, at: Timestamp) -> Option<usize> {
        let offset = at.floor(self.step).as_millis().checked_sub(self.start.as_millis())?;
        let step = i64::try_from(self.step.as_millis()).ok()?.max(1);
        usize::try_from(offset / step).ok().filter(|index| *index < self.count && offset >= 0)
    }

    /// The first span that is not before a moment.
    fn first_from(&self, at: Timestamp) -> usize {
        if at <= self.start { 0 } else { self.index(at).unwrap_or(self.count) }
    }

    /// The values of one track; spans before `known` have none.
    fn gather(
        &self,
        rows: &ChartRows,
        series: &RowSeries,
        dated: &[(Timestamp, &Value)],
        known: usize,
    ) -> Vec<f64> {
        let mut gathered = vec![Gathered::default(); self.count];
        let path = series.y.as_ref().or(rows.y.as_ref());
        for (time, item) in dated {
            let mut filter = series.filter.iter();
            let meant = filter.all(|(path, is)| item.at(path).is_some_and(|value| is.is(value)));
            let Some(index) = self.index(*time).filter(|_| meant) else { continue };
            let value = match rows.function {
                // An item counts whatever it holds.
                Aggregate::Count => Some(1.0),
                _ => path.and_then(|path| item.at(path)).and_then(numeric),
            };
            if let Some((slot, value)) = gathered.get_mut(index).zip(value) {
                slot.add(value);
            }
        }
        let finished = gathered.into_iter().enumerate();
        finished.map(|(index, it)| it.result(rows.function, index >= known)).collect()
    }
}

/// Numbers of one span.
#[derive(Clone, Copy)]
struct Gathered {
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Default for Gathered {
    fn default() -> Self {
        Self { count: 0.0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Gathered {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn result(self, function: Aggregate, known: bool) -> f64 {
        let value = match function {
            Aggregate::Sum | Aggregate::Count if !known => f64::NAN,
            Aggregate::Sum => self.sum,
            Aggregate::Count => self.count,
            _ if self.count < 1.0 => f64::NAN,
            Aggregate::Avg => self.sum / self.count,
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
        };
        if value.is_finite() { value } else { f64::NAN }
    }
}
