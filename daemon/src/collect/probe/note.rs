//! Writes down what probes ask: requests in the record of calls, and everything for a trial.

use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::source::ProbeConfig;
use ccm_proto::model::source::external_api::Method as Word;
use ccm_proto::model::{Name, Timestamp};
use hyper::Method;

use super::outcome::Outcome;
use crate::collect::http::{CallRecord, Hit, Request};
use crate::collect::tap::Exchange;

/// How a probe ended.
pub(super) struct Ended<'a> {
    /// When.
    pub at: Timestamp,
    /// What was found.
    pub outcome: &'a Outcome,
    /// How long it took.
    pub spent: Duration,
    /// Why nothing could be asked.
    pub fault: Option<&'a SafeText>,
}

impl Ended<'_> {
    fn error(&self) -> Option<SafeText> {
        self.fault.or(self.outcome.reason.as_ref()).cloned()
    }

    fn spent_ms(&self) -> f64 {
        self.spent.as_secs_f64() * 1_000.0
    }

    const fn hit(&self) -> Hit {
        if self.fault.is_some() { Hit::Unsent } else { Hit::Miss }
    }
}

/// The record of a request. None of a probe that speaks something else, and of a URL that is none.
pub(super) fn record(source: &Name, config: &ProbeConfig, ended: &Ended<'_>) -> Option<CallRecord> {
    let ProbeConfig::Http { url, method, .. } = config else { return None };
    let request = Request::get(url).ok()?;
    Some(CallRecord {
        at: ended.at,
        source: source.clone(),
        owner: "platform".into(),
        api: request.target().to_string().into(),
        credential: None,
        method: match method {
            Word::Get => Method::GET,
            Word::Head => Method::HEAD,
            Word::Post => Method::POST,
        },
        url: request.shown().as_ref().into(),
        status: ended.outcome.status,
        latency_ms: ended.spent_ms(),
        bytes: 0,
        hit: ended.hit(),
        error: ended.error(),
    })
}

/// A probe as a trial shows it.
pub(super) fn exchange(config: &ProbeConfig, ended: &Ended<'_>) -> Exchange {
    let (asked, headers) = match config {
        ProbeConfig::Http { url, method, headers, .. } => {
            let line = |(name, value): (&String, &String)| format!("{name}: {value}");
            (format!("{} {url}", method.as_str()), headers.iter().map(line).collect())
        }
        ProbeConfig::Tcp { host, port, .. } => (format!("tcp {host}:{port}"), Vec::new()),
        ProbeConfig::Tls { host, port, .. } => (format!("tls {host}:{port}"), Vec::new()),
        ProbeConfig::Dns { name, .. } => (format!("dns {name}"), Vec::new()),
    };
    let outcome = ended.outcome;
    let phases = [
        ("dns", outcome.resolve),
        ("connect", outcome.connect),
        ("tls", outcome.tls),
        ("first byte", outcome.answer),
        ("total", Some(ended.spent)),
    ];
    let ms = |(name, time): (&'static str, Option<Duration>)| {
        time.map(|time| (name, time.as_secs_f64() * 1_000.0))
    };
    Exchange {
        asked,
        request_headers: headers,
        hit: ended.hit().as_str(),
        status: outcome.status,
        phases: phases.into_iter().filter_map(ms).collect(),
        error: ended.error(),
        ..Exchange::default()
    }
}
