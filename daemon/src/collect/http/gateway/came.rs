//! What came back for a call: as the record has it, and as a trial shows it.

use std::sync::Arc;
use std::time::Duration;

use ccm_proto::model::Timestamp;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::super::calls::{CallRecord, Hit};
use super::super::response::{Response, Timing};
use super::{Call, FetchError};
use crate::collect::tap::Exchange;

/// What came back for a call.
pub(super) struct Came<'a> {
    pub(super) status: Option<u16>,
    pub(super) latency: Duration,
    pub(super) bytes: u64,
    pub(super) hit: Hit,
    pub(super) error: Option<&'a FetchError>,
    /// The answer itself, where it is at hand.
    pub(super) answer: Option<&'a Response>,
}

impl<'a> Came<'a> {
    /// Nothing yet.
    pub(super) const fn nothing(hit: Hit, latency: Duration) -> Self {
        Self { status: None, latency, bytes: 0, hit, error: None, answer: None }
    }

    /// The call failed.
    pub(super) const fn failure(hit: Hit, latency: Duration, error: &'a FetchError) -> Self {
        Self { error: Some(error), ..Self::nothing(hit, latency) }
    }

    /// The call, written down.
    pub(super) fn record(&self, call: &Call, at: Timestamp) -> CallRecord {
        CallRecord {
            at,
            source: call.source.clone(),
            owner: Arc::clone(&call.owner),
            api: Arc::clone(&call.api),
            credential: call.credential.as_ref().map(|attached| Arc::clone(&attached.name)),
            method: call.request.method().clone(),
            url: Arc::clone(call.request.shown()),
            status: self.status,
            latency_ms: millis(self.latency),
            bytes: self.bytes,
            hit: self.hit,
            error: self.error.map(FetchError::to_safe_text),
        }
    }

    /// The call as a trial shows it.
    pub(super) fn exchange(&self, call: &Call) -> Exchange {
        let request = &call.request;
        let mut exchange = Exchange {
            asked: format!("{} {}{}", request.method(), request.target(), request.path()),
            request_headers: lines(request.headers()),
            request_body: request.body().clone(),
            credential: call.credential.as_ref().map(|attached| attached.name.to_string()),
            hit: self.hit.as_str(),
            status: self.status,
            answer_bytes: self.bytes,
            phases: vec![("total", millis(self.latency))],
            error: self.error.map(FetchError::to_safe_text),
            ..Exchange::default()
        };
        if let Some(answer) = self.answer {
            exchange.answer_headers = lines(&answer.headers);
            exchange.answer = answer.body.clone();
            // The timing of an answer that was kept or shared is that of another call.
            if self.hit == Hit::Miss {
                exchange.phases = phases(&answer.timing);
            }
        }
        if let Some(attached) = &call.credential {
            exchange.mask(attached.secret.expose());
        }
        exchange
    }
}

fn millis(latency: Duration) -> f64 {
    latency.as_secs_f64() * 1_000.0
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    headers.iter().map(line).collect()
}

fn phases(timing: &Timing) -> Vec<(&'static str, f64)> {
    let all = [
        ("dns", timing.dns_ms),
        ("connect", timing.connect_ms),
        ("tls", timing.tls_ms),
        ("first byte", timing.first_byte_ms),
        ("total", timing.total_ms),
    ];
    // A connection that was there has no beginning.
    all.into_iter().filter(|(name, ms)| *ms > 0.0 || *name == "total").collect()
}
