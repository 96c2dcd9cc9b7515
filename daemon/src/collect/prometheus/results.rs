//! From the answers of a server to a reading.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::source::prometheus::{POINTS_MAX, PrometheusConfig, WARNINGS};
use ccm_proto::model::{Labels, Name, Samples, SeriesKey, Value};
use compact_str::CompactString;

use super::answer::{Answer, QueryResult, RawLabels, Track};
use super::labels::{is_bare, item, merged};
use super::layout::VALUE;

/// What the item of a range calls its moment, in seconds since 1970.
const TIME: &str = "time";

/// Why an answer cannot be part of a reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResultError {
    /// More points than a reading has.
    #[error(
        "{0}: the result has more than {POINTS_MAX} points; widen its step, or sum over labels"
    )]
    TooManyPoints(String),
    /// More series than the source may have.
    #[error("the results have more than {0} series; sum over labels, or raise `limit_series`")]
    TooManySeries(u32),
    /// A range where a number belongs.
    #[error("{0}: the result has a range of time; name the query in `ranges`")]
    Range(String),
}

/// Makes readings of answers.
#[derive(Debug)]
pub struct Results {
    source: Name,
    config: Arc<PrometheusConfig>,
    keys: Arc<[SeriesKey]>,
}

impl Results {
    /// For the queries of a source.
    pub fn new(source: Name, config: Arc<PrometheusConfig>) -> Self {
        Self { source, config, keys: Arc::from([]) }
    }

    /// The tree, and what is kept. The keys are the same allocation for as long as they are the
    /// same.
    pub fn read(
        &mut self,
        answers: &BTreeMap<String, Answer>,
    ) -> Result<(Value, Samples), ResultError> {
        let mut tree: BTreeMap<CompactString, Value> = BTreeMap::new();
        let mut kept: Vec<(SeriesKey, f64)> = Vec::new();
        let mut warnings = Vec::new();
        for (name, answer) in answers {
            let warned = |warning: &String| Value::from(format!("{name}: {warning}"));
            warnings.extend(answer.warnings.iter().map(warned));
            let is_range =
                self.config.query.as_ref().is_some_and(|query| query.ranges.contains_key(name));
            let value = match &answer.result {
                QueryResult::Matrix(tracks) if is_range => self.points(name, tracks)?,
                QueryResult::Matrix(_) => return Err(ResultError::Range(name.clone())),
                QueryResult::Scalar(number) => {
                    self.vector(name, &[(RawLabels::new(), *number)], &mut kept)
                }
                QueryResult::Vector(elements) => self.vector(name, elements, &mut kept),
                QueryResult::Text(text) => text.as_str().into(),
            };
            tree.insert(name.as_str().into(), value);
        }
        if !warnings.is_empty() {
            tree.insert(WARNINGS.into(), Value::List(warnings));
        }
        if kept.len() > self.config.limit_series as usize {
            return Err(ResultError::TooManySeries(self.config.limit_series));
        }
        // Servers give series in any order.
        kept.sort_by(|(a, _), (b, _)| a.cmp(b));
        kept.dedup_by(|(a, _), (b, _)| a == b);
        if !kept.iter().map(|(key, _)| key).eq(self.keys.iter()) {
            self.keys = kept.iter().map(|(key, _)| key.clone()).collect();
        }
        let values = kept.into_iter().map(|(_, value)| value).collect();
        Ok((Value::Map(tree), Samples { keys: Arc::clone(&self.keys), values }))
    }

    /// One number without labels is a number, all else is a list.
    fn vector(
        &self,
        name: &str,
        elements: &[(RawLabels, f64)],
        kept: &mut Vec<(SeriesKey, f64)>,
    ) -> Value {
        let metric: Arc<str> = name.into();
        let mut list = Vec::with_capacity(elements.len());
        for (labels, number) in elements {
            let labels = self.labels(labels);
            let bare = is_bare(&labels, &self.config.labels);
            let mut row = item(&labels);
            let key =
                SeriesKey { source: self.source.clone(), metric: Arc::clone(&metric), labels };
            kept.push((key, *number));
            if bare && elements.len() == 1 {
                return (*number).into();
            }
            row.insert(VALUE.into(), (*number).into());
            list.push(Value::Map(row));
        }
        if list.is_empty() { Value::Absent } else { Value::List(list) }
    }

    fn points(&self, name: &str, tracks: &[Track]) -> Result<Value, ResultError> {
        let count: usize = tracks.iter().map(|track| track.points.len()).sum();
        // The first and the last moment are both told.
        if count as u64 > POINTS_MAX + 1 {
            return Err(ResultError::TooManyPoints(name.to_owned()));
        }
        let mut list = Vec::with_capacity(count);
        for track in tracks {
            let labels = self.labels(&track.labels);
            let row =
                if is_bare(&labels, &self.config.labels) { BTreeMap::new() } else { item(&labels) };
            list.extend(track.points.iter().map(|(at, value)| {
                let mut row = row.clone();
                row.insert(TIME.into(), (*at as f64 / 1_000.0).into());
                row.insert(VALUE.into(), (*value).into());
                Value::Map(row)
            }));
        }
        Ok(Value::List(list))
    }

    fn labels(&self, raw: &RawLabels) -> Labels {
        let own = raw.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str())));
        merged(own, &self.config.labels)
    }
}

#[cfg(test)]
mod tests;
