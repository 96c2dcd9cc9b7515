//! The `prometheus` source: targets that are scraped, and servers that answer queries.
//!
//! [`exposition`] takes a target's answer apart, [`scrape`] makes readings of it, [`answer`] reads
//! what a server says to a query. All of these are pure; [`target`] and [`server`] fetch.

pub mod answer;
pub mod exposition;
pub mod get;
mod histogram;
mod labels;
mod layout;
pub mod outgoing;
pub mod results;
mod rules;
pub mod scrape;
pub mod server;
mod table;
pub mod target;

use std::sync::Arc;

use ccm_proto::model::source::prometheus::PrometheusConfig;
use ccm_proto::model::{Interval, Name};

pub use get::{Answered, Get, Page};
pub use outgoing::{Attach, Outgoing};
pub use scrape::{Scrape, ScrapeError, Scraper};

use super::http::Gateway;
use super::{Collector, Fetch};

/// The collector of a source whose reading may take `timeout`.
pub fn collector(
    source: Name,
    config: PrometheusConfig,
    timeout: Interval,
    gateway: Gateway,
    attach: Attach,
) -> Collector {
    let outgoing = Outgoing::new(gateway, source.clone(), &config, timeout, attach);
    Collector::Fetch(fetcher(source, config, Arc::new(outgoing)))
}

/// What fetches the readings of a source, by way of `get`.
pub fn fetcher(source: Name, config: PrometheusConfig, get: Arc<dyn Get>) -> Box<dyn Fetch> {
    let config = Arc::new(config);
    if config.query.is_some() {
        Box::new(server::ServerFetcher::new(source, config, get))
    } else {
        Box::new(target::TargetFetcher::new(source, config, get))
    }
}

#[cfg(test)]
mod tests;
