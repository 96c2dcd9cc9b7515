//! The `prometheus` source: targets that are scraped, and servers that answer queries.
//!
//! [`exposition`] takes a target's answer apart, [`scrape`] makes readings of it, [`answer`] reads
//! what a server says to a query. All of these are pure.

pub mod exposition;
mod histogram;
mod layout;
mod rules;
pub mod scrape;
mod table;

pub use scrape::{Scrape, ScrapeError, Scraper};
