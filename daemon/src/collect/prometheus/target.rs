//! A target that is scraped at every tick.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::prometheus::{PATH_DEFAULT, PrometheusConfig};
use ccm_proto::model::{Name, Reading};
use futures_util::future::BoxFuture;

use super::exposition::{ACCEPT, Format};
use super::get::{Answered, Get, Page, below, failed};
use super::scrape::{Scrape, Scraper};
use crate::collect::{CollectError, Fetch, Moment};

/// The most bytes of an answer for each series that the source may have; most take 100.
const SERIES_BYTES: u64 = 1_024;

/// What an answer may take however few series the source may have: others may be dropped.
const ANSWER_BYTES_MIN: u64 = 8 << 20;

/// What no answer may exceed.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// The most bytes of an answer that is read at once; a longer one is read on a thread of its own, so
/// that it delays nobody. The first reading of so much takes about 2 ms.
const INLINE_BYTES_MAX: usize = 256 << 10;

/// Scrapes one target.
pub struct TargetFetcher {
    source: Name,
    get: Arc<dyn Get>,
    page: Page,
    config: Arc<PrometheusConfig>,
    /// The address without its query, which may hold what is not to be shown.
    shown: String,
    /// None while an answer is read elsewhere, and after that was given up.
    scraper: Option<Scraper>,
    duplicates: u32,
}

impl TargetFetcher {
    /// For the target of a source.
    pub fn new(source: Name, config: Arc<PrometheusConfig>, get: Arc<dyn Get>) -> Self {
        let path = config.path.as_deref().unwrap_or(PATH_DEFAULT);
        let bytes = SERIES_BYTES * u64::from(config.limit_series);
        let page = Page {
            url: below(&config.url, path),
            accept: ACCEPT,
            // Undoing it would cost ten times what reading does, and targets are near.
            compressed: false,
            bytes_max: bytes.clamp(ANSWER_BYTES_MIN, ANSWER_BYTES_MAX),
        };
        let shown = page.url.split('?').next().unwrap_or_default().to_owned();
        Self { source, get, page, config, shown, scraper: None, duplicates: 0 }
    }

    async fn scrape(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        let answered = self.get.get(&self.page).await?;
        let format = self.format_of(&answered)?;
        let mut scraper = self.scraper.take().unwrap_or_else(|| self.scraper());
        let read = if answered.body.len() <= INLINE_BYTES_MAX {
            let read = scraper.read(&answered.body, format, moment.elapsed);
            self.scraper = Some(scraper);
            read
        } else {
            let reading = tokio::task::spawn_blocking(move || {
                let read = scraper.read(&answered.body, format, moment.elapsed);
                (scraper, read)
            });
            let (scraper, read) = reading.await.map_err(|_| CollectError::Ended)?;
            self.scraper = Some(scraper);
            read
        };
        let url = &self.shown;
        let scrape = read.map_err(|error| failed(format!("{url} cannot be scraped: {error}")))?;
        Ok(self.reading(scrape, moment))
    }

    fn scraper(&self) -> Scraper {
        Scraper::new(self.source.clone(), Arc::clone(&self.config))
    }

    /// How the answer is written, if it is one.
    fn format_of(&self, answered: &Answered) -> Result<Format, CollectError> {
        let url = &self.shown;
        if !answered.is_success() {
            return Err(answered.refused(url));
        }
        let content_type = answered.content_type.as_deref();
        Format::of(content_type).ok_or_else(|| {
            let found = SafeText::new(content_type.unwrap_or_default()).truncate(80);
            failed(format!("{url} answers {found} and not metrics; correct url or path"))
        })
    }

    fn reading(&mut self, scrape: Scrape, moment: Moment) -> Reading {
        if scrape.duplicates != self.duplicates {
            self.duplicates = scrape.duplicates;
            tracing::warn!(
                source = %self.source,
                duplicates = scrape.duplicates,
                "the target says series more than once; the first value counts"
            );
        }
        let (value, samples) = (scrape.value, scrape.samples);
        Reading { source: self.source.clone(), at: moment.at, value, samples }
    }
}

impl Fetch for TargetFetcher {
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        Box::pin(self.scrape(moment))
    }
}
