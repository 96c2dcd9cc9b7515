//! How a source's document is asked and read: parameters into a query, JSON into a reading.

use std::collections::BTreeMap;

use ccm_proto::SafeText;
use ccm_proto::model::source::external_api::TimeFormat;
use ccm_proto::model::source::prometheus::{LIMIT_SERIES_DEFAULT, PrometheusConfig};
use ccm_proto::model::source::{Extract, Param};
use ccm_proto::model::{Name, Reading};

use super::collector::{Digest, Fill};
use crate::collect::extract::{ExtractError, Extractor};
use crate::collect::json;
use crate::collect::prometheus::Scraper;
use crate::collect::prometheus::exposition::Format;
use crate::collect::template::{Scene, zone};
use crate::collect::{CollectError, Retry};

/// The most pairs of a query: lists and tables are written out.
const PAIRS_MAX: usize = 256;

/// Resolves templates by the source's variables. Moments are written as RFC 3339 in UTC.
pub fn fill(variables: BTreeMap<String, Param>) -> Fill {
    Box::new(move |params, now| {
        let refused = |cause: String| CollectError::Source {
            cause: SafeText::from(cause),
            retry: Retry::Hold,
        };
        let utc = zone(None).map_err(|error| refused(error.to_string()))?;
        let scene = Scene { now, zone: utc, format: TimeFormat::Rfc3339, variables: &variables };
        let mut pairs = Vec::new();
        for (name, param) in params {
            let param = scene.resolve(param).map_err(|error| refused(error.to_string()))?;
            write(name, &param, &mut pairs);
        }
        if pairs.len() > PAIRS_MAX {
            return Err(refused(format!("a request has at most {PAIRS_MAX} parameters")));
        }
        Ok(pairs)
    })
}

/// A list repeats the name, a table writes `name[key]`.
fn write(name: &str, param: &Param, pairs: &mut Vec<(String, String)>) {
    match param {
        Param::List(items) => items.iter().for_each(|item| write(name, item, pairs)),
        Param::Table(entries) => {
            for (key, item) in entries {
                write(&format!("{name}[{key}]"), item, pairs);
            }
        }
        plain => pairs.push((name.to_owned(), plain.to_string())),
    }
}

/// Makes readings of JSON objects, by what the document takes out of them.
pub fn digest(source: &Name, extract: Option<&Extract>) -> Result<Digest, ExtractError> {
    let mut extractor = Extractor::new(source, extract)?;
    Ok(Box::new(move |answer, moment| {
        let refused = |cause: String| CollectError::Source {
            cause: SafeText::from(cause),
            retry: Retry::Backoff,
        };
        let body = json::parse(&answer.body).map_err(|error| refused(error.to_string()))?;
        if !body.is_object() {
            let cause = "the answer is no JSON object, which the module contract asks for";
            return Err(refused(cause.to_owned()));
        }
        Ok(extractor.reading(moment.at, body))
    }))
}

/// Everything that a target gives, within the bounds of any target.
fn everything() -> PrometheusConfig {
    PrometheusConfig {
        url: String::new(),
        path: None,
        credential: None,
        auth: None,
        headers: BTreeMap::new(),
        ca_file: None,
        keep: Vec::new(),
        drop: Vec::new(),
        labels: BTreeMap::new(),
        limit_series: LIMIT_SERIES_DEFAULT,
        rows: Vec::new(),
        rates: Vec::new(),
        quantiles: Vec::new(),
        query: None,
    }
}

/// Makes readings of a module's metrics, as of a target that is scraped.
pub fn metrics(source: &Name) -> Digest {
    let source = source.clone();
    let mut scraper = Scraper::new(source.clone(), everything());
    Box::new(move |answer, moment| {
        let refused = |cause: String| CollectError::Source {
            cause: SafeText::from(cause),
            retry: Retry::Backoff,
        };
        let media = Some(answer.content_type.as_str()).filter(|media| !media.is_empty());
        let format = Format::of(media).ok_or_else(|| {
            refused(format!("the module answers {} and not metrics", answer.content_type))
        })?;
        let scrape = scraper.read(&answer.body, format, moment.elapsed);
        let scrape = scrape.map_err(|error| refused(format!("its metrics: {error}")))?;
        let (value, samples) = (scrape.value, scrape.samples);
        Ok(Reading { source: source.clone(), at: moment.at, value, samples })
    })
}
