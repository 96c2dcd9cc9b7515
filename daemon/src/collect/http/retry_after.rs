//! `Retry-After`: when a server wants to be asked again. Pure.

use std::time::UNIX_EPOCH;

use ccm_proto::model::{Interval, Timestamp};
use hyper::header::{self, HeaderMap, HeaderValue};

/// The longest wait that is believed. A longer one is a mistake, or is renewed when asked again.
pub const WAIT_MAX: Interval = Interval::from_secs(3_600);

/// How long to wait, at most [`WAIT_MAX`]. A date is taken relative to the server's own `Date`,
/// so that a clock set wrongly there does not matter; one in the past is no wait.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Interval> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that no number holds are a very long wait.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Interval::from_secs(seconds).min(WAIT_MAX));
    }
    let until = timestamp(text)?;
    let now = headers.get(header::DATE).and_then(http_date).unwrap_or(now);
    Some(until.since(now).min(WAIT_MAX))
}

/// A header's date.
pub(super) fn http_date(value: &HeaderValue) -> Option<Timestamp> {
    timestamp(value.to_str().ok()?)
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests;
