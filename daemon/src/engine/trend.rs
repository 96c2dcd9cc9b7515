//! The earlier number that a feed compares its own with.

use ccm_proto::model::widget::Compare;
use ccm_proto::model::{Interval, Labels, Timestamp, WidgetSpec};

use super::event::TrackId;
use super::past::{Past, Wish};
use super::source::Source;

/// How long before the moment that is meant an earlier number may lie, unless the source answers
/// more rarely.
const NEAR: Interval = Interval::from_secs(600);

/// Readings of a source within which the one before is found.
const READINGS: u64 = 10;

/// What a feed compares its number with.
#[derive(Debug)]
pub(super) struct Trend {
    /// What is meant.
    pub compare: Compare,
    /// What is needed of the past.
    pub wish: Wish,
    /// Where that is kept.
    pub track: TrackId,
    /// How much earlier than the number the other one is.
    back: Interval,
}

/// What a widget of this source needs to compare its number, and how much earlier the other is.
pub(super) fn needs(widget: &WidgetSpec, source: &Source) -> Option<(Compare, Wish, Interval)> {
    let stat = widget.stat.as_ref()?;
    let compare = stat.trend()?.compare?;
    let interval = source.spec.effective_interval();
    let readings = interval.times(READINGS);
    let days = |days: u64| Interval::from_secs(days * 86_400);
    let back = match compare {
        // The reading before is the newest one that is earlier at all.
        Compare::Previous => stat.window.unwrap_or(Interval::from_millis(1)),
        Compare::Yesterday => days(1),
        Compare::LastWeek => days(7),
        Compare::LastMonth => days(30),
    };
    let (window, shift) = match compare {
        Compare::Previous => (back.times(2).max(readings), Interval::ZERO),
        _ => (readings.max(NEAR), back),
    };
    let wish = Wish {
        source: widget.source.clone(),
        metric: stat.primary.value.as_str().into(),
        labels: Labels::none(),
        window,
        shift,
        counter: false,
        interval,
    };
    Some((compare, wish, back))
}

impl Trend {
    /// Begins to keep what is needed.
    pub(super) fn begin(compare: Compare, wish: Wish, back: Interval, past: &mut Past) -> Self {
        let track = past.want(wish.clone());
        Self { compare, wish, track, back }
    }

    /// The number that one of the moment `at` is compared with.
    pub(super) fn before(&self, past: &Past, at: Timestamp) -> Option<f64> {
        past.newest(self.track, at - self.back)
    }
}
