//! A server that answers queries at every tick.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::source::prometheus::{PrometheusConfig, Queries, RangeQuery};
use ccm_proto::model::{Name, Reading, Timestamp};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use url::form_urlencoded::Serializer;

use super::answer::{Answer, AnswerError};
use super::get::{Get, Page, below, failed};
use super::results::Results;
use crate::collect::{CollectError, Fetch, Moment};

/// Queries of one source that are under way at the same time.
const AT_ONCE: usize = 4;

/// The most bytes of an answer: vectors of some 10,000 series.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// The answer to a query, by its name.
type Named = Result<(String, Answer), CollectError>;

/// Asks one server.
pub struct ServerFetcher {
    source: Name,
    config: Arc<PrometheusConfig>,
    get: Arc<dyn Get>,
    results: Results,
}

impl ServerFetcher {
    /// For the queries of a source.
    pub fn new(source: Name, config: Arc<PrometheusConfig>, get: Arc<dyn Get>) -> Self {
        let results = Results::new(source.clone(), Arc::clone(&config));
        Self { source, config, get, results }
    }

    async fn ask(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        let Some(queries) = &self.config.query else {
            return Err(failed("the source names no queries; name some in `query`".to_owned()));
        };
        let asked = self.asked(queries, moment.at);
        let answers: BTreeMap<String, Answer> =
            stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
        let (value, samples) = self.results.read(&answers).map_err(|error| self.failed(&error))?;
        Ok(Reading { source: self.source.clone(), at: moment.at, value, samples })
    }

    /// The answers to all queries, none asked for yet.
    fn asked(&self, queries: &Queries, at: Timestamp) -> Vec<BoxFuture<'_, Named>> {
        let values = queries.values.iter().map(|(name, query)| (name, self.instant(query)));
        let ranges = queries.ranges.iter().map(|(name, range)| (name, self.range(range, at)));
        let pages = values.chain(ranges);
        let answer = |(name, page): (&String, Page)| self.answer(name.clone(), page).boxed();
        pages.map(answer).collect()
    }

    async fn answer(&self, name: String, page: Page) -> Named {
        let answered = self.get.get(&page).await?;
        let is_json = answered.content_type.as_deref().is_some_and(|found| found.contains("json"));
        // The server says in its body what it refuses; something in front of it has no such body.
        if !answered.is_success() && !is_json {
            return Err(answered.refused(&self.config.url));
        }
        match Answer::parse(&answered.body) {
            Ok(answer) => Ok((name, answer)),
            Err(AnswerError::Form(_)) if !answered.is_success() => {
                Err(answered.refused(&self.config.url))
            }
            Err(error) => Err(self.failed(&format_args!("{name}: {error}"))),
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> CollectError {
        failed(format!("{} was asked for {error}", self.config.url))
    }

    /// The server's own clock says when now is.
    fn instant(&self, query: &str) -> Page {
        self.page("query", &[("query", query)])
    }

    fn range(&self, range: &RangeQuery, at: Timestamp) -> Page {
        // The grid stays where it is from tick to tick, so that points keep their values.
        let end = at.floor(range.step);
        let seconds = |at: Timestamp| (at.as_millis() as f64 / 1_000.0).to_string();
        let fields = [
            ("query", range.query.as_str()),
            ("start", &seconds(end - range.window)),
            ("end", &seconds(end)),
            ("step", &range.step.as_secs_f64().to_string()),
        ];
        self.page("query_range", &fields)
    }

    fn page(&self, call: &str, fields: &[(&str, &str)]) -> Page {
        let query = Serializer::new(String::new()).extend_pairs(fields).finish();
        let path = format!("/api/v1/{call}?{query}");
        Page {
            url: below(&self.config.url, &path),
            accept: "application/json",
            compressed: true,
            bytes_max: ANSWER_BYTES_MAX,
        }
    }
}

impl Fetch for ServerFetcher {
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        Box::pin(self.ask(moment))
    }
}
