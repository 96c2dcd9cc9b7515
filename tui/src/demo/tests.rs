mod business;
mod contract;
mod example;
mod hosted;
mod http;
mod written;

use ccm_proto::model::Timestamp;
use ccm_proto::model::module::instant;

/// A Thursday afternoon.
fn afternoon() -> Timestamp {
    instant::parse("2026-11-19T14:30:00Z").unwrap()
}
