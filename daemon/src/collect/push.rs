//! Values that others report.
//!
//! A [`Desk`] takes [`Report`]s and keeps the newest value under each name. What was told goes to
//! the engine as readings: at once after a pause, and otherwise all that came within
//! [`GAP`] together, so that ten thousand reports a second cost no more than ten. [`told`] is the
//! pure part.

mod told;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Name, Quality, Reading, SourceSpec, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{SelfMetrics, SourceStatus};
use crate::clock::Clock;
use crate::engine::event::{Configuration, Event};
use told::Told;

pub use told::{Report, ReportError, Taken};

/// Between two batches of readings.
const GAP: Duration = Duration::from_millis(100);

/// How often values are looked at for their age.
const TICK: Duration = Duration::from_secs(1);

/// Takes reports; clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    clock: Clock,
    events: mpsc::Sender<Event>,
    metrics: Arc<SelfMetrics>,
    sources: Arc<Mutex<BTreeMap<Name, Told>>>,
    /// Something was told.
    news: Arc<Notify>,
    /// Held while readings are sent, so that they arrive in order.
    sending: Arc<tokio::sync::Mutex<()>>,
}

impl Desk {
    /// A desk without sources. Readings go to `events`.
    pub fn new(clock: Clock, events: mpsc::Sender<Event>, metrics: Arc<SelfMetrics>) -> Self {
        Self {
            clock,
            events,
            metrics,
            sources: Arc::default(),
            news: Arc::default(),
            sending: Arc::default(),
        }
    }

    /// From now on values are taken for exactly the push sources of this configuration. To be
    /// called after the engine was told of it, so that no reading comes before its source.
    pub fn configure(&self, configuration: &Configuration) {
        let wanted = |spec: &SourceSpec| spec.source_type == SourceType::Push && spec.enabled;
        let wanted: BTreeMap<&Name, &Arc<SourceSpec>> =
            configuration.sources.iter().filter(|(_, spec)| wanted(spec)).collect();
        let mut sources = self.sources();
        sources.retain(|name, _| wanted.contains_key(name));
        for (name, spec) in wanted {
            match sources.get_mut(name) {
                Some(told) => told.redefine(spec),
                None => {
                    sources.insert(name.clone(), Told::new(name.clone(), spec));
                }
            }
        }
    }

    /// Takes reports, all of them or none. Waits while the engine is busy with earlier ones.
    pub async fn report(&self, reports: Vec<Report>) -> Result<Taken, ReportError> {
        let (taken, is_full) = {
            let mut sources = self.sources();
            let now = self.clock.now();
            let mut batches: BTreeMap<&Name, Vec<&Report>> = BTreeMap::new();
            for report in &reports {
                batches.entry(&report.source).or_default().push(report);
            }
            for (source, batch) in &batches {
                let told = sources.get(*source);
                told.ok_or_else(|| ReportError::Unknown((*source).clone()))?.check(batch)?;
            }
            let mut taken = Taken::default();
            let mut is_full = false;
            for report in reports {
                if let Some(told) = sources.get_mut(&report.source) {
                    taken += told.take(report, now);
                    is_full |= told.is_full();
                }
            }
            (taken, is_full)
        };
        if is_full {
            self.send().await;
        } else {
            self.news.notify_one();
        }
        Ok(taken)
    }

    /// What every push source is doing, by name.
    pub fn status(&self) -> Vec<SourceStatus> {
        let now = self.clock.now();
        self.sources().values().map(|told| told.status(now)).collect()
    }

    /// Sends readings and looks after ages until `stop` says so.
    pub async fn run(self, stop: CancellationToken) {
        let start = tokio::time::sleep(Duration::ZERO).deadline();
        let (mut tick, mut earliest): (Instant, Instant) = (start + TICK, start);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(tick) => {
                    tick += TICK;
                    self.age();
                }
                () = self.news.notified() => tokio::time::sleep_until(earliest).await,
            }
            self.send().await;
            earliest = tokio::time::sleep(GAP).deadline();
        }
    }

    fn age(&self) {
        let now = self.clock.now();
        self.sources().values_mut().for_each(|told| told.age(now));
    }

    async fn send(&self) {
        let _sending = self.sending.lock().await;
        let readings: Vec<Reading> = {
            let now = self.clock.now();
            self.sources().values_mut().flat_map(|told| told.readings(now)).collect()
        };
        for reading in readings {
            self.metrics.readings.add(1);
            let numbers = reading.samples.values.iter().filter(|value| !value.is_nan());
            self.metrics.samples.add(numbers.count() as u64);
            if self.events.send(Event::Read(reading)).await.is_err() {
                return;
            }
        }
    }

    /// A poisoned lock guards plain data that is whole after every statement.
    fn sources(&self) -> MutexGuard<'_, BTreeMap<Name, Told>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the values of a push source can be trusted, by the moment of the newest.
fn quality(newest: Option<Timestamp>, stale: bool) -> Quality {
    match newest {
        None => Quality::Loading,
        Some(_) if stale => Quality::Stale,
        Some(_) => Quality::Live,
    }
}

#[cfg(test)]
mod tests;
