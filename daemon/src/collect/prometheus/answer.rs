//! What a server with Prometheus' HTTP interface says to a query.

use std::collections::BTreeMap;
use std::fmt;

use ccm_proto::SafeText;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};

use super::exposition::parse_number;

/// The label that a series' name is.
const NAME: &str = "__name__";

/// The most warnings of one answer that are told.
const WARNINGS_MAX: usize = 16;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not what the interface says.
    #[error(
        "it answers something that is no result of a query ({0}); see that url is a server with Prometheus' HTTP interface"
    )]
    Form(SafeText),
    /// The server says no.
    #[error(
        "it refuses the query as {kind} ({message}); correct the query, or see the server's log"
    )]
    Refused {
        /// What the server calls the kind of error.
        kind: SafeText,
        /// What it says.
        message: SafeText,
    },
    /// Native histograms are no numbers.
    #[error(
        "the result is a histogram; make a number of it by histogram_quantile, histogram_count or histogram_sum"
    )]
    Histogram,
}

/// A result and what the server warns of.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The result.
    pub result: QueryResult,
    /// What the server warns of.
    pub warnings: Vec<String>,
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryResult {
    /// A number for each series.
    Vector(Vec<(RawLabels, f64)>),
    /// Numbers over time for each series.
    Matrix(Vec<Track>),
    /// One number.
    Scalar(f64),
    /// One text.
    Text(String),
}

/// Labels without the series' name.
pub type RawLabels = BTreeMap<String, String>;

/// One series over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Its labels.
    pub labels: RawLabels,
    /// Unix milliseconds and number.
    pub points: Vec<(i64, f64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error_type: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Element>),
    Matrix(Vec<Element>),
    Scalar((f64, Number)),
    String((f64, String)),
}

#[derive(Deserialize)]
struct Element {
    #[serde(default)]
    metric: RawLabels,
    #[serde(default)]
    value: Option<(f64, Number)>,
    #[serde(default)]
    values: Vec<(f64, Number)>,
    #[serde(default)]
    histogram: Option<IgnoredAny>,
    #[serde(default)]
    histograms: Option<IgnoredAny>,
}

/// A number, which servers write as text because JSON has no infinity.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                parse_number(text).map(Number).ok_or_else(|| E::custom("a text is no number"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Answer {
    /// Reads an answer, whatever its status was.
    pub fn parse(bytes: &[u8]) -> Result<Self, AnswerError> {
        let body: Body = serde_json::from_slice(bytes)
            .map_err(|error| AnswerError::Form(SafeText::from(error.to_string()).truncate(200)))?;
        if body.status != "success" {
            let shown =
                |text: Option<String>| SafeText::from(text.unwrap_or_default()).truncate(400);
            let (kind, message) = (shown(body.error_type), shown(body.error));
            return Err(AnswerError::Refused { kind, message });
        }
        let result = match body.data {
            None => return Err(AnswerError::Form(SafeText::new("it has no data"))),
            Some(Data::Scalar((_, Number(number)))) => QueryResult::Scalar(number),
            Some(Data::String((_, text))) => QueryResult::Text(text),
            Some(Data::Vector(elements)) => QueryResult::Vector(
                elements.into_iter().map(Element::instant).collect::<Result<_, _>>()?,
            ),
            Some(Data::Matrix(elements)) => QueryResult::Matrix(
                elements.into_iter().map(Element::track).collect::<Result<_, _>>()?,
            ),
        };
        let warnings = body.warnings.unwrap_or_default().into_iter().take(WARNINGS_MAX).collect();
        Ok(Self { result, warnings })
    }
}

impl Element {
    fn labels(&mut self) -> RawLabels {
        let mut labels = std::mem::take(&mut self.metric);
        labels.remove(NAME);
        labels
    }

    fn instant(mut self) -> Result<(RawLabels, f64), AnswerError> {
        match self.value.take() {
            Some((_, Number(value))) => Ok((self.labels(), value)),
            None if self.histogram.is_some() => Err(AnswerError::Histogram),
            None => Err(AnswerError::Form(SafeText::new("a series has no value"))),
        }
    }

    fn track(mut self) -> Result<Track, AnswerError> {
        if self.histograms.is_some() {
            return Err(AnswerError::Histogram);
        }
        let labels = self.labels();
        let point = |(at, Number(value)): (f64, Number)| ((at * 1_000.0).round() as i64, value);
        Ok(Track { labels, points: self.values.into_iter().map(point).collect() })
    }
}

#[cfg(test)]
mod tests;
