//! Series, selectors and buckets.

use std::sync::Arc;

use super::ConvertError;
use crate::model::series::SeriesSelector;
use crate::model::{Bucket, Labels, Name, SeriesKey, Timestamp};
use crate::wire;

fn name(field: &str, text: &str) -> Result<Name, ConvertError> {
    Name::new(text).map_err(|error| ConvertError::new(error.to_string()).within(field))
}

fn labels(pairs: Vec<wire::Label>) -> Labels {
    Labels::new(pairs.into_iter().map(|label| (label.name, label.value)))
}

fn wire_labels(labels: &Labels) -> Vec<wire::Label> {
    let label = |(name, value): (&str, &str)| wire::Label {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    labels.iter().map(label).collect()
}

impl TryFrom<wire::SeriesKey> for SeriesKey {
    type Error = ConvertError;

    fn try_from(key: wire::SeriesKey) -> Result<Self, ConvertError> {
        if key.metric.is_empty() {
            return Err(ConvertError::missing("metric"));
        }
        Ok(Self {
            source: name("source", &key.source)?,
            metric: Arc::from(key.metric),
            labels: labels(key.labels),
        })
    }
}

impl From<&SeriesKey> for wire::SeriesKey {
    fn from(key: &SeriesKey) -> Self {
        Self {
            source: key.source.to_string(),
            metric: key.metric.to_string(),
            labels: wire_labels(&key.labels),
        }
    }
}

impl TryFrom<wire::SeriesSelector> for SeriesSelector {
    type Error = ConvertError;

    fn try_from(selector: wire::SeriesSelector) -> Result<Self, ConvertError> {
        let source = (!selector.source.is_empty()).then(|| name("source", &selector.source));
        Ok(Self {
            source: source.transpose()?,
            metric: (!selector.metric.is_empty()).then(|| Arc::from(selector.metric)),
            labels: labels(selector.labels),
        })
    }
}

impl From<&SeriesSelector> for wire::SeriesSelector {
    fn from(selector: &SeriesSelector) -> Self {
        Self {
            source: selector.source.as_ref().map(ToString::to_string).unwrap_or_default(),
            metric: selector.metric.as_deref().unwrap_or_default().to_owned(),
            labels: wire_labels(&selector.labels),
        }
    }
}

impl From<wire::Bucket> for Bucket {
    fn from(bucket: wire::Bucket) -> Self {
        Self {
            start: Timestamp::from_millis(bucket.start_ms),
            min: bucket.min,
            max: bucket.max,
            mean: bucket.mean,
            count: bucket.count,
        }
    }
}

impl From<&Bucket> for wire::Bucket {
    fn from(bucket: &Bucket) -> Self {
        Self {
            start_ms: bucket.start.as_millis(),
            min: bucket.min,
            max: bucket.max,
            mean: bucket.mean,
            count: bucket.count,
        }
    }
}
