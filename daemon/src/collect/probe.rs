//! Probes: whether something answers, how fast, and until when its certificate holds.
//!
//! That a target is down is what a probe is for: it is a reading with `up` 0 and a reason. A
//! document that cannot be followed, and an address that may not be dialled, are errors of the
//! source. What is dialled goes [the way](way::Way) that asks the egress guard.

mod certificate;
mod dns;
mod http;
mod note;
mod outcome;
mod tcp;
mod tls;
pub mod way;

use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::source::ProbeConfig;
use ccm_proto::model::{Interval, Name, Reading, SourceSpec};
use futures_util::future::BoxFuture;

use super::http::Gateway;
use super::tap::Tap;
use super::{CollectError, Collector, Fetch, Moment, Retry};
use crate::clock::Clock;
use outcome::{Outcome, Recorder};
use way::{Blocked, Way};

/// What is left of a source's time for saying that there was no answer in time.
const RESERVE: Duration = Duration::from_millis(100);

/// The largest file of further certificates: a whole root store is smaller.
const CA_FILE_MAX: u64 = 1 << 20;

/// What probes work with.
#[derive(Clone)]
pub struct Surroundings {
    /// The way to targets.
    pub way: Arc<dyn Way>,
    /// Where requests are written down.
    pub gateway: Gateway,
    /// Sees what was asked and found.
    pub tap: Option<Tap>,
    /// The time.
    pub clock: Clock,
}

/// What asks the target of a source.
pub fn collector(name: &Name, spec: &SourceSpec, surroundings: Surroundings) -> Collector {
    let timeout = spec.effective_timeout().as_duration();
    let reserve = RESERVE.min(timeout / 4);
    Collector::Fetch(Box::new(Prober {
        config: spec.probe.as_deref().cloned(),
        limit: timeout.saturating_sub(reserve),
        recorder: Recorder::new(name.clone()),
        name: name.clone(),
        surroundings,
    }))
}

/// See the module.
struct Prober {
    name: Name,
    config: Option<ProbeConfig>,
    limit: Duration,
    recorder: Recorder,
    surroundings: Surroundings,
}

impl Prober {
    /// Writes down what was asked.
    fn note(&self, outcome: &Outcome, spent: Duration, fault: Option<&SafeText>) {
        let Some(config) = &self.config else { return };
        let Surroundings { gateway, tap, clock, .. } = &self.surroundings;
        let ended = note::Ended { at: clock.now(), outcome, spent, fault };
        if let Some(record) = note::record(&self.name, config, &ended) {
            gateway.record(record);
        }
        if let Some(tap) = tap {
            tap.take(note::exchange(config, &ended));
        }
    }
}

/// Why a probe ended without a good answer.
#[derive(Debug)]
enum Failure {
    /// The target is down.
    Down(SafeText),
    /// The probe itself is at fault, and stays so until somebody changes something.
    Fault(SafeText),
}

impl From<Blocked> for Failure {
    fn from(blocked: Blocked) -> Self {
        match blocked {
            Blocked::Refused(cause) => Self::Fault(cause),
            Blocked::Unreachable(cause) => Self::Down(cause),
        }
    }
}

fn down(reason: impl Into<String>) -> Failure {
    Failure::Down(SafeText::from(reason.into()))
}

fn fault(cause: impl Into<String>) -> Failure {
    Failure::Fault(SafeText::from(cause.into()))
}

/// What a probe works with.
struct Tools<'a> {
    way: &'a dyn Way,
    clock: &'a Clock,
    limit: Interval,
}

impl Fetch for Prober {
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        Box::pin(async move {
            let mut outcome = Outcome::default();
            let limit = Interval::from(self.limit);
            let Surroundings { way, clock, .. } = &self.surroundings;
            let tools = Tools { way: &**way, clock, limit };
            let begun = clock.elapsed();
            let probing = probe(self.config.as_ref(), &tools, moment, &mut outcome);
            let result = tokio::time::timeout(self.limit, probing).await;
            let spent = clock.elapsed().saturating_sub(begun);
            match result {
                Ok(Ok(())) => outcome.latency = Some(spent),
                Ok(Err(Failure::Down(reason))) => outcome.reason = Some(reason),
                Ok(Err(Failure::Fault(cause))) => {
                    self.note(&outcome, spent, Some(&cause));
                    return Err(CollectError::Source { cause, retry: Retry::Hold });
                }
                Err(_) => {
                    let reason = format!("no answer within {limit}");
                    outcome.reason = Some(SafeText::from(reason));
                }
            }
            self.note(&outcome, spent, None);
            Ok(self.recorder.reading(moment.at, &outcome))
        })
    }
}

async fn probe(
    config: Option<&ProbeConfig>,
    tools: &Tools<'_>,
    moment: Moment,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    match config {
        None => Err(fault("there is no [probe] section; add one")),
        Some(ProbeConfig::Http { url, method, headers, status, contains, ca_file }) => {
            let wanted = http::Wanted { status, contains: contains.as_deref() };
            let ask = http::Ask { url, method: *method, headers, ca_file: ca_file.as_deref() };
            http::probe(&ask, &wanted, tools, moment, outcome).await
        }
        Some(ProbeConfig::Tcp { host, port, send, expect }) => {
            tcp::probe((host, *port), send.as_deref(), expect.as_deref(), tools, outcome).await
        }
        Some(ProbeConfig::Tls { host, port, server_name, ca_file }) => {
            let name = server_name.as_deref().unwrap_or(host);
            let stream = tools.dial(host, *port, outcome).await?;
            tls::shake(stream, name, ca_file.as_deref(), tools, moment, outcome).await.map(drop)
        }
        Some(ProbeConfig::Dns { name, record, server, expect }) => {
            dns::probe(name, *record, server.as_deref(), expect, tools, outcome).await
        }
    }
}

impl Tools<'_> {
    /// Connects, and notes how long that took.
    async fn dial(
        &self,
        host: &str,
        port: u16,
        outcome: &mut Outcome,
    ) -> Result<tokio::net::TcpStream, Failure> {
        let dialled = self.way.dial(host, port, self.limit).await?;
        outcome.address = Some(dialled.peer.ip());
        outcome.resolve = Some(dialled.resolve);
        outcome.connect = Some(dialled.connect);
        Ok(dialled.stream)
    }
}

/// The text of a file of certificates.
async fn read_ca(path: &str) -> Result<Vec<u8>, Failure> {
    let unusable = |why: &str| {
        fault(format!("the file of certificates {path} cannot be used ({why}); correct ca_file"))
    };
    let facts = tokio::fs::metadata(path).await.map_err(|error| unusable(&error.to_string()))?;
    if !facts.is_file() || facts.len() > CA_FILE_MAX {
        return Err(unusable("it is no file of at most 1 MiB"));
    }
    tokio::fs::read(path).await.map_err(|error| unusable(&error.to_string()))
}

#[cfg(test)]
mod tests;
