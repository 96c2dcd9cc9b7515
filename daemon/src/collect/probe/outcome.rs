//! What a probe found, and the reading that it makes.

use std::net::IpAddr;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Reading, Timestamp, Value};

use super::certificate::Facts;
use crate::collect::series::{Catalogue, Sampler};

static CATALOGUE: Catalogue = Catalogue {
    numbers: &[
        "up",
        "latency_ms",
        "status",
        "answer_count",
        "ttl_seconds",
        "phases.resolve_ms",
        "phases.connect_ms",
        "phases.tls_ms",
        "phases.answer_ms",
        "certificate.valid",
        "certificate.days_left",
    ],
    lists: &[],
};

/// What was found, as far as the probe came.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Why the target is down.
    pub reason: Option<SafeText>,
    /// How long the whole took, where the target is up.
    pub latency: Option<Duration>,
    pub address: Option<IpAddr>,
    pub resolve: Option<Duration>,
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    /// From the question to the first part of the answer.
    pub answer: Option<Duration>,
    /// HTTP status.
    pub status: Option<u16>,
    pub certificate: Option<Facts>,
    /// Version of TLS.
    pub protocol: Option<&'static str>,
    /// Answers of a name server, and how long they hold.
    pub answers: Option<(Vec<String>, Option<u32>)>,
}

/// Makes readings of one source.
pub(super) struct Recorder {
    source: Name,
    sampler: Sampler,
}

impl Recorder {
    pub(super) fn new(source: Name) -> Self {
        Self { sampler: Sampler::new(source.clone(), &CATALOGUE), source }
    }

    /// The reading of an outcome. Every value has its place in every reading, so that what is not
    /// known this time is a gap in its series.
    pub(super) fn reading(&mut self, at: Timestamp, outcome: &Outcome) -> Reading {
        let value = tree(outcome);
        let samples = self.sampler.samples(&value);
        Reading { source: self.source.clone(), at, value, samples }
    }
}

fn millis(duration: Option<Duration>) -> Value {
    duration.map(|duration| duration.as_secs_f64() * 1_000.0).into()
}

fn tree(outcome: &Outcome) -> Value {
    let phases = Value::map([
        ("resolve_ms", millis(outcome.resolve)),
        ("connect_ms", millis(outcome.connect)),
        ("tls_ms", millis(outcome.tls)),
        ("answer_ms", millis(outcome.answer)),
    ]);
    let (answers, ttl) = match &outcome.answers {
        Some((answers, ttl)) => (Some(answers), *ttl),
        None => (None, None),
    };
    let items = |answers: &Vec<String>| {
        answers.iter().map(|text| Value::map([("value", text.as_str().into())])).collect::<Vec<_>>()
    };
    Value::map([
        ("up", Value::from(i64::from(outcome.reason.is_none()))),
        ("reason", outcome.reason.as_ref().map(SafeText::as_str).into()),
        ("latency_ms", millis(outcome.latency)),
        ("address", outcome.address.map(|address| address.to_string()).into()),
        ("status", outcome.status.map(u32::from).into()),
        ("phases", phases),
        ("certificate", certificate(outcome)),
        ("answer_count", answers.map(|answers| answers.len() as u64).into()),
        ("answers", answers.map(items).unwrap_or_default().into()),
        ("ttl_seconds", ttl.into()),
    ])
}

fn certificate(outcome: &Outcome) -> Value {
    let facts = outcome.certificate.as_ref();
    let text = |get: fn(&Facts) -> &str| Value::from(facts.map(get));
    Value::map([
        ("valid", facts.map(|facts| i64::from(facts.problem.is_none())).into()),
        ("problem", facts.and_then(|facts| facts.problem).into()),
        ("days_left", facts.and_then(|facts| facts.days_left).into()),
        ("not_after", facts.and_then(|facts| facts.not_after).into()),
        ("subject", text(|facts| &facts.subject)),
        ("issuer", text(|facts| &facts.issuer)),
        ("names", text(|facts| &facts.names)),
        ("chain", facts.map(|facts| facts.chain as u64).into()),
        ("protocol", outcome.protocol.into()),
    ])
}
