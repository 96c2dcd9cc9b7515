//! Windows of a series, and what is computed of them.
//!
//! A window holds one [`Bin`] a step, and none for a step without values: nothing is made up for
//! what is missing. As long as a step is no longer than the source's interval a bin is one value,
//! and everything here is exact; in a longer window a step takes several values together, and
//! [`Function::Stddev`] and [`Function::Quantile`] speak of the steps' means.

use std::collections::VecDeque;

use ccm_proto::model::source::query::Function;
use ccm_proto::model::{Bucket, Interval, Timestamp};

/// What one step of a series held; never empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// When the step begins.
    pub start: Timestamp,
    /// When the first value was read.
    pub first_at: Timestamp,
    /// When the last value was read.
    pub last_at: Timestamp,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The sum of the values.
    pub sum: f64,
    /// How many values there were.
    pub count: f64,
    /// How much a counter rose from the first to the last value.
    pub rise: f64,
}

impl Bin {
    fn new(start: Timestamp, at: Timestamp, value: f64) -> Self {
        Self {
            start,
            first_at: at,
            last_at: at,
            first: value,
            last: value,
            min: value,
            max: value,
            sum: value,
            count: 1.0,
            rise: 0.0,
        }
    }

    /// What history knows of a step; none of an empty one. The order of the values within is not
    /// known: a counter is taken to have risen from the smallest to the largest, and anything else
    /// to have stood at its mean.
    pub fn of_bucket(bucket: &Bucket, step: Interval, counter: bool) -> Option<Self> {
        if bucket.count == 0 || !bucket.mean.is_finite() {
            return None;
        }
        let count = bucket.count as f64;
        let (first, last) =
            if counter { (bucket.min, bucket.max) } else { (bucket.mean, bucket.mean) };
        let span = step.as_millis() - step.as_millis() / bucket.count.max(1);
        Some(Self {
            start: bucket.start,
            first_at: bucket.start,
            last_at: bucket.start + Interval::from_millis(span),
            first,
            last,
            min: bucket.min,
            max: bucket.max,
            sum: bucket.mean * count,
            count,
            rise: last - first,
        })
    }

    /// The mean of the values.
    pub fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// Takes over what came later in the same step.
    fn join(&mut self, later: &Self) {
        self.rise += risen(self.last, later.first) + later.rise;
        self.last_at = later.last_at;
        self.last = later.last;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.sum += later.sum;
        self.count += later.count;
    }
}

/// How much a counter rose between two values. A counter that fell began anew from zero.
fn risen(before: f64, after: f64) -> f64 {
    if after >= before { after - before } else { after }
}

/// The newest steps of one series.
#[derive(Clone, Debug)]
pub struct Window {
    step: Interval,
    points: usize,
    bins: VecDeque<Bin>,
}

impl Window {
    /// An empty window of at most `points` steps.
    pub fn new(step: Interval, points: usize) -> Self {
        let step = step.max(Interval::from_millis(1));
        Self { step, points: points.max(1), bins: VecDeque::new() }
    }

    /// The width of a step.
    pub fn step(&self) -> Interval {
        self.step
    }

    /// The bins in order.
    pub fn bins(&self) -> impl DoubleEndedIterator<Item = &Bin> + Clone {
        self.bins.iter()
    }

    /// Takes one value in. One that is not newer than the last is ignored, as in history; one from
    /// before the whole window means that the clock was set back, and the window begins anew.
    pub fn push(&mut self, at: Timestamp, value: f64) {
        if !value.is_finite() {
            return;
        }
        let bin = Bin::new(at.floor(self.step), at, value);
        match self.bins.back_mut() {
            Some(last) if at <= last.last_at => {
                let reach = self.step.times(self.points as u64);
                if bin.start + reach <= last.start {
                    self.bins.clear();
                    self.bins.push_back(bin);
                }
            }
            Some(last) if last.start == bin.start => last.join(&bin),
            _ => {
                self.bins.push_back(bin);
                self.trim();
            }
        }
    }

    /// Puts what was read before everything here under it. Steps in which both have values hold
    /// those of both.
    pub fn fill(&mut self, earlier: impl IntoIterator<Item = Bin>) {
        let live = std::mem::take(&mut self.bins);
        self.bins.extend(earlier);
        for bin in live {
            match self.bins.back_mut() {
                Some(last) if last.start == bin.start => last.join(&bin),
                // The clock was set back in between.
                Some(last) if last.start > bin.start => {}
                _ => self.bins.push_back(bin),
            }
        }
        self.trim();
    }

    fn trim(&mut self) {
        let Some(newest) = self.bins.back().map(|bin| bin.start) else { return };
        let oldest = newest - self.step.times(self.points as u64 - 1);
        while self.bins.front().is_some_and(|bin| bin.start < oldest) {
            self.bins.pop_front();
        }
    }

    /// The bins that begin after `span` before `end` and not after `end`.
    pub fn last(&self, span: Interval, end: Timestamp) -> impl Iterator<Item = &Bin> + Clone {
        let from = end - span;
        self.bins.iter().filter(move |bin| bin.start > from && bin.start <= end)
    }

    /// The mean of each of the `count` steps of which the last holds `end`; not-a-number where
    /// there is none.
    pub fn means(&self, count: usize, end: Timestamp) -> Vec<f64> {
        let mut means = vec![f64::NAN; count];
        let newest = end.floor(self.step);
        for bin in &self.bins {
            if bin.start > newest {
                continue;
            }
            let back = newest.since(bin.start).as_millis() / self.step.as_millis();
            let index = usize::try_from(back).ok().and_then(|back| count.checked_sub(back + 1));
            if let Some(mean) = index.and_then(|index| means.get_mut(index)) {
                *mean = bin.mean();
            }
        }
        means
    }
}

/// Computes a function of some bins in order; none when there are too few of them. `q` is the
/// share of a quantile.
pub fn evaluate<'a>(
    function: Function,
    q: f64,
    bins: impl Iterator<Item = &'a Bin> + Clone,
) -> Option<f64> {
    let first = bins.clone().next()?;
    let last = bins.clone().last()?;
    let sum = || bins.clone().map(|bin| bin.sum).sum::<f64>();
    let count = || bins.clone().map(|bin| bin.count).sum::<f64>();
    let result = match function {
        Function::Rate => {
            let seconds = last.last_at.since(first.first_at).as_secs_f64();
            if seconds <= 0.0 {
                return None;
            }
            increase(bins) / seconds
        }
        Function::Increase if last.last_at <= first.first_at => return None,
        Function::Increase => increase(bins),
        Function::Delta if last.last_at <= first.first_at => return None,
        Function::Delta => last.last - first.first,
        Function::Avg => sum() / count(),
        Function::Sum => sum(),
        Function::Count => count(),
        Function::Min => bins.map(|bin| bin.min).fold(f64::INFINITY, f64::min),
        Function::Max => bins.map(|bin| bin.max).fold(f64::NEG_INFINITY, f64::max),
        Function::Last => last.last,
        Function::Stddev => {
            let (mean, all) = (sum() / count(), count());
            let square = |bin: &Bin| bin.count * (bin.mean() - mean).powi(2);
            (bins.map(square).sum::<f64>() / all).sqrt()
        }
        Function::Quantile => quantile(&mut bins.map(Bin::mean).collect::<Vec<_>>(), q)?,
    };
    result.is_finite().then_some(result)
}

fn increase<'a>(bins: impl Iterator<Item = &'a Bin>) -> f64 {
    let mut total = 0.0;
    let mut before: Option<f64> = None;
    for bin in bins {
        total += bin.rise + before.map_or(0.0, |before| risen(before, bin.first));
        before = Some(bin.last);
    }
    total
}

/// The value below which a share `q` of the values lies, between the two nearest in proportion to
/// their distance. Not-a-number is left out; none when nothing is left. Reorders the values.
pub fn quantile(values: &mut Vec<f64>, q: f64) -> Option<f64> {
    values.retain(|value| !value.is_nan());
    let last = values.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = (place.floor() as usize).min(last);
    let (_, lower, rest) = values.select_nth_unstable_by(below, f64::total_cmp);
    let lower = *lower;
    let upper = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(lower);
    let share = place - below as f64;
    Some(if share > 0.0 { lower + (upper - lower) * share } else { lower })
}

#[cfg(test)]
mod tests;
