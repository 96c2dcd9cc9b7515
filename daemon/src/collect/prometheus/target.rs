//! A target that is scraped at every tick.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::prometheus::{PATH_DEFAULT, PrometheusConfig};
use ccm_proto::model::{Name, Reading};
use futures_util::future::BoxFuture;

use super::exposition::{ACCEPT, Format};
use super::get::{Answered, Get, Page, below, failed};
use super::scrape::Scraper;
use crate::collect::{CollectError, Fetch, Moment};

/// The most bytes of an answer for each series that the source may have; most take 100.
const SERIES_BYTES: u64 = 1_024;

/// What an answer may take however few series the source may have: others may be dropped.
const ANSWER_BYTES_MIN: u64 = 8 << 20;

/// What no answer may exceed.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Scrapes one target.
pub struct TargetFetcher {
    source: Name,
    get: Arc<dyn Get>,
    page: Page,
    scraper: Scraper,
    duplicates: u32,
}

impl TargetFetcher {
    /// For the target of a source.
    pub fn new(source: Name, config: PrometheusConfig, get: Arc<dyn Get>) -> Self {
        let path = config.path.as_deref().unwrap_or(PATH_DEFAULT);
        let bytes = SERIES_BYTES * u64::from(config.limit_series);
        let page = Page {
            url: below(&config.url, path),
            accept: ACCEPT,
            // Undoing it would cost ten times what reading does, and targets are near.
            compressed: false,
            bytes_max: bytes.clamp(ANSWER_BYTES_MIN, ANSWER_BYTES_MAX),
        };
        let scraper = Scraper::new(source.clone(), config);
        Self { source, get, page, scraper, duplicates: 0 }
    }

    async fn scrape(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        let answered = self.get.get(&self.page).await?;
        self.read(&answered, moment)
    }

    fn read(&mut self, answered: &Answered, moment: Moment) -> Result<Reading, CollectError> {
        let url = &self.page.url;
        if !answered.is_success() {
            return Err(answered.refused(url));
        }
        let content_type = answered.content_type.as_deref();
        let Some(format) = Format::of(content_type) else {
            let found = SafeText::new(content_type.unwrap_or_default()).truncate(80);
            let cause = format!("{url} answers {found} and not metrics; correct url or path");
            return Err(failed(cause));
        };
        let scrape = self.scraper.read(&answered.body, format, moment.elapsed);
        let scrape = scrape.map_err(|error| failed(format!("{url} cannot be scraped: {error}")))?;
        if scrape.duplicates != self.duplicates {
            self.duplicates = scrape.duplicates;
            tracing::warn!(
                source = %self.source,
                duplicates = scrape.duplicates,
                "the target says series more than once; the first value counts"
            );
        }
        let (value, samples) = (scrape.value, scrape.samples);
        Ok(Reading { source: self.source.clone(), at: moment.at, value, samples })
    }
}

impl Fetch for TargetFetcher {
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        Box::pin(self.scrape(moment))
    }
}
