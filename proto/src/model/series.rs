//! Series: numbers over time, kept from readings.

use std::fmt;
use std::sync::Arc;

use super::{Interval, Name, Timestamp};

/// Label names and values of a series, sorted by name, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<(Box<str>, Box<str>)>);

impl Labels {
    /// Sorts the pairs; of a repeated name the last one counts.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut sorted = std::collections::BTreeMap::new();
        for (name, value) in pairs {
            sorted.insert(name.into(), value.into());
        }
        Self(sorted.into_iter().collect())
    }

    /// No labels.
    pub fn none() -> Self {
        Self::default()
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| &**n == name).map(|(_, value)| &**value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
