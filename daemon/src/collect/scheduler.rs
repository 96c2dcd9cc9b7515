//! The edge that asks sources: one task and one reading thread for each.
//!
//! A source that hangs holds up nobody else: its task gives up waiting after the timeout and says
//! so, and does not ask again before the outstanding answer has come. When the engine is slower
//! than the sources, their tasks wait for room in its queue and leave ticks out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ccm_proto::model::{Name, Quality, Reading, SourceSpec, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::schedule::{self, PRIMING, Schedule, Slot};
use super::status::SourceStatus;
use super::worker::{Answer, Worker};
use super::{CollectError, Factory, Moment, SelfMetrics};
use crate::clock::Clock;
use crate::engine::event::{Event, Failure};

/// Runs the sources that [`Scheduler::configure`] names; clones are the same scheduler.
#[derive(Clone)]
pub struct Scheduler {
    parts: Parts,
    sources: Arc<Mutex<BTreeMap<Name, Source>>>,
}

/// What every source's task works with.
#[derive(Clone)]
struct Parts {
    clock: Clock,
    factory: Factory,
    events: mpsc::Sender<Event>,
    metrics: Arc<SelfMetrics>,
}

/// A running source.
struct Source {
    spec: Arc<SourceSpec>,
    refresh: Arc<Notify>,
    status: Arc<Mutex<SourceStatus>>,
    task: JoinHandle<()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scheduler {
    /// Runs nothing yet. Readings and failures go to `events`.
    pub fn new(
        clock: Clock,
        factory: Factory,
        events: mpsc::Sender<Event>,
        metrics: Arc<SelfMetrics>,
    ) -> Self {
        let parts = Parts { clock, factory, events, metrics };
        Self { parts, sources: Arc::default() }
    }

    /// From now on exactly these sources run. One whose definition is unchanged is left alone;
    /// a changed one starts anew; a disabled one stops. To be called within a tokio runtime.
    pub fn configure(&self, wanted: &BTreeMap<Name, Arc<SourceSpec>>) {
        let mut sources = locked(&self.sources);
        sources.retain(|name, source| {
            wanted.get(name).is_some_and(|spec| spec.enabled && *spec == source.spec)
        });
        for (name, spec) in wanted {
            if spec.enabled && !sources.contains_key(name) {
                sources.insert(name.clone(), self.parts.start(name, spec));
            }
        }
        self.parts.metrics.sources.set(sources.len() as u64);
    }

    /// Reads the named sources now, unless they have been read within the second; unknown names
    /// are passed over.
    pub fn refresh<'a>(&self, names: impl IntoIterator<Item = &'a Name>) {
        let sources = locked(&self.sources);
        for source in names.into_iter().filter_map(|name| sources.get(name)) {
            source.refresh.notify_one();
        }
    }

    /// What every running source is doing, by name.
    pub fn status(&self) -> Vec<SourceStatus> {
        locked(&self.sources).values().map(|source| locked(&source.status).clone()).collect()
    }

    /// Stops all sources; a thread that hangs in a reading is left behind.
    pub fn stop(&self) {
        locked(&self.sources).clear();
        self.parts.metrics.sources.set(0);
    }
}

impl Parts {
    fn start(&self, name: &Name, spec: &Arc<SourceSpec>) -> Source {
        let refresh = Arc::new(Notify::new());
        let status = SourceStatus::new(name.clone(), spec.source_type, spec.interval);
        let status = Arc::new(Mutex::new(status));
        let task = Task {
            parts: self.clone(),
            name: name.clone(),
            spec: Arc::clone(spec),
            schedule: Schedule::new(name, spec.interval),
            refresh: Arc::clone(&refresh),
            status: Arc::clone(&status),
            worker: None,
            outstanding: None,
            last: None,
        };
        let task = tokio::spawn(task.run());
        Source { spec: Arc::clone(spec), refresh, status, task }
    }
}

/// The task of one source.
struct Task {
    parts: Parts,
    name: Name,
    spec: Arc<SourceSpec>,
    schedule: Schedule,
    refresh: Arc<Notify>,
    status: Arc<Mutex<SourceStatus>>,
    worker: Option<Worker>,
    /// The answer to a reading that was given up; no other is asked for before it has come.
    outstanding: Option<Answer>,
    last: Option<Timestamp>,
}

impl Task {
    async fn run(mut self) {
        let mut tick = None;
        loop {
            let begun = self.parts.clock.elapsed();
            let result = self.attempt(tick).await;
            let spent = self.parts.clock.elapsed().saturating_sub(begun);
            let next = self.conclude(&result, spent.as_secs_f64() * 1_000.0);
            let event = match result {
                Ok(reading) => Event::Read(reading),
                Err(error) => Event::Failed(Failure {
                    source: self.name.clone(),
                    at: self.parts.clock.now(),
                    cause: error.to_safe_text(),
                    next_at: Some(next.start),
                }),
            };
            if self.parts.events.send(event).await.is_err() {
                return;
            }
            tick = Some(self.wait(next).await);
        }
    }

    /// One attempt at a reading for `tick`; the first one chooses its tick itself.
    async fn attempt(&mut self, tick: Option<Timestamp>) -> Result<Reading, CollectError> {
        let timeout = self.spec.effective_timeout();
        let attempt = tokio::time::timeout(timeout.as_duration(), self.ask(tick)).await;
        let result = attempt.unwrap_or(Err(CollectError::Timeout(timeout)));
        if matches!(result, Err(CollectError::Ended)) {
            self.worker = None;
            self.outstanding = None;
        }
        result
    }

    async fn ask(&mut self, tick: Option<Timestamp>) -> Result<Reading, CollectError> {
        if let Some(late) = &mut self.outstanding {
            // What comes late stands for a tick that is past: it only frees the reader.
            let _ = late.await;
            self.outstanding = None;
        }
        let fresh = self.worker.is_none();
        if fresh {
            self.prime().await?;
        }
        let now = self.parts.clock.now();
        let at = tick.filter(|_| !fresh).unwrap_or_else(|| self.schedule.first(now));
        self.last = Some(at);
        let moment = Moment { at, elapsed: self.parts.clock.elapsed() };
        let worker = self.worker.as_ref().ok_or(CollectError::Ended)?;
        let answer = self.outstanding.insert(worker.read(moment)?).await;
        self.outstanding = None;
        answer.map_err(|_| CollectError::Ended)?
    }

    /// Starts the reader and has it remember its counters.
    async fn prime(&mut self) -> Result<(), CollectError> {
        let (factory, name, spec) =
            (Arc::clone(&self.parts.factory), self.name.clone(), Arc::clone(&self.spec));
        let worker = Worker::start(self.name.as_str(), move || factory(&name, &spec))?;
        let primed = worker.prime(self.parts.clock.elapsed())?;
        self.worker = Some(worker);
        primed.await.map_err(|_| CollectError::Ended)?;
        let half = self.spec.interval.as_duration() / 2;
        tokio::time::sleep(PRIMING.as_duration().min(half)).await;
        Ok(())
    }

    /// Writes down how an attempt ended, and says when the next one is.
    fn conclude(&self, result: &Result<Reading, CollectError>, spent_ms: f64) -> Slot {
        let now = self.parts.clock.now();
        let last = self.last.unwrap_or_else(|| now.floor(self.spec.interval));
        let mut next = self.schedule.next(last, now);
        let mut status = locked(&self.status);
        status.last_attempt = Some(now);
        status.last_duration_ms = spent_ms;
        match result {
            Ok(reading) => {
                let series = reading.samples.keys.len() as u64;
                self.parts.metrics.readings.add(1);
                self.parts.metrics.samples.add(series);
                if status.failures_in_row > 0 {
                    let failures = status.failures_in_row;
                    tracing::info!(source = %self.name, failures, "the source answers again");
                }
                status.quality = Quality::Live;
                status.last_success = Some(reading.at);
                status.cause = None;
                status.readings += 1;
                status.failures_in_row = 0;
                status.series = series;
            }
            Err(error) => {
                let cause = error.to_safe_text();
                if status.failures_in_row == 0 {
                    tracing::warn!(source = %self.name, %cause, "the source gave no reading");
                }
                self.parts.metrics.failures.add(1);
                status.quality = Quality::Error;
                status.cause = Some(cause);
                status.failures += 1;
                status.failures_in_row = status.failures_in_row.saturating_add(1);
                let random = rand::random::<f64>();
                let wait = schedule::backoff(self.spec.interval, status.failures_in_row, random);
                let later = self.schedule.at_or_after(now + wait);
                if later.tick > next.tick {
                    next = later;
                }
            }
        }
        status.next_at = Some(next.start);
        next
    }

    /// Waits for a slot, or for a request that comes before it.
    async fn wait(&self, slot: Slot) -> Timestamp {
        loop {
            let remaining = slot.start.since(self.parts.clock.now());
            tokio::select! {
                biased;
                () = tokio::time::sleep(remaining.as_duration()) => return slot.tick,
                () = self.refresh.notified() => {
                    let now = self.parts.clock.now();
                    if let Some(tick) = self.schedule.on_demand(self.last, now) {
                        return tick;
                    }
                }
            }
        }
    }
}

/// A poisoned lock guards plain data that is whole after every statement.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
