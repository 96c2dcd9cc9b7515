//! Series: numbers over time, kept from readings.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Interval, Name, Timestamp};

/// Label names and values of a series, sorted by name, each name once.
///
/// There are as many as there are series, so all of them are one piece of memory, which clones
/// share: each name and value with its length before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels(Option<Arc<str>>);

impl Labels {
    /// Sorts the pairs; of a repeated name the last one counts.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut sorted: BTreeMap<Box<str>, Box<str>> = BTreeMap::new();
        for (name, value) in pairs {
            sorted.insert(name.into(), value.into());
        }
        if sorted.is_empty() {
            return Self::none();
        }
        let mut packed = String::new();
        for text in sorted.iter().flat_map(|(name, value)| [name, value]) {
            packed.push_str(&format!("{}:{text}", text.len()));
        }
        Self(Some(packed.into()))
    }

    /// No labels.
    pub fn none() -> Self {
        Self::default()
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.0.as_deref().unwrap_or_default();
        std::iter::from_fn(move || Some((next(&mut rest)?, next(&mut rest)?)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// The next text of packed labels.
fn next<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (length, texts) = rest.split_once(':')?;
    let (text, after) = texts.split_at_checked(length.parse().ok()?)?;
    *rest = after;
    Some(text)
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Names one series within a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The source whose readings it is kept from.
    pub source: Name,
    /// The value's path in the reading, such as `cpu.usage`.
    pub metric: Arc<str>,
    /// What tells series of one metric apart.
    pub labels: Labels,
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.metric)?;
        if self.labels.is_empty() {
            return Ok(());
        }
        for (index, (name, value)) in self.labels.iter().enumerate() {
            let open = if index == 0 { "{" } else { "," };
            write!(f, "{open}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

/// Which series a query means. Every set part must match; labels must be equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesSelector {
    /// The source.
    pub source: Option<Name>,
    /// The whole metric.
    pub metric: Option<Arc<str>>,
    /// Labels that must be there with these values.
    pub labels: Labels,
}

impl SeriesSelector {
    /// Whether a series is meant.
    pub fn matches(&self, key: &SeriesKey) -> bool {
        self.source.as_ref().is_none_or(|source| *source == key.source)
            && self.metric.as_ref().is_none_or(|metric| *metric == key.metric)
            && self.labels.iter().all(|(name, value)| key.labels.get(name) == Some(value))
    }
}

/// What one step of a series held. A count of zero is a gap, whose other numbers mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// When the step begins.
    pub start: Timestamp,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The mean of the values.
    pub mean: f64,
    /// How many values there were.
    pub count: u64,
}

/// A range query: buckets of `step` from `start` up to but without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after.
    pub end: Timestamp,
    /// The width of a bucket; buckets begin at its multiples.
    pub step: Interval,
}

#[cfg(test)]
mod tests;
