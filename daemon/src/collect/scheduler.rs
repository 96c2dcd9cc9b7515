//! The edge that asks sources: one task for each.
//!
//! A source that hangs holds up nobody else: its task gives up waiting after the timeout and says
//! so, and does not ask again before the outstanding answer has come. When the engine is slower
//! than the sources, their tasks wait for room in its queue and leave ticks out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Interval, Name, Quality, Reading, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::runner::Runner;
use super::schedule::{self, Schedule, Slot};
use super::status::SourceStatus;
use super::{CollectError, Factory, Retry, SelfMetrics};
use crate::clock::Clock;
use crate::engine::event::{Assignment, Event, Failure};

/// Attempts that a source which holds makes before it waits to be asked.
const HOLD_ATTEMPTS: u32 = 3;

/// Runs the sources that [`Scheduler::configure`] names; clones are the same scheduler.
#[derive(Clone)]
pub struct Scheduler {
    parts: Arc<Parts>,
    sources: Arc<Mutex<BTreeMap<Name, Source>>>,
}

/// What every source's task works with.
struct Parts {
    clock: Clock,
    factory: Factory,
    events: mpsc::Sender<Event>,
    metrics: Arc<SelfMetrics>,
}

/// A running source.
struct Source {
    assignment: Assignment,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What a source's task shares with those who ask about it.
struct Shared {
    refresh: Notify,
    status: Mutex<SourceStatus>,
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
        Self { parts: Arc::new(parts), sources: Arc::default() }
    }

    /// From now on exactly these sources run, those switched off left out. One that is as it was is
    /// left alone; a changed one starts anew. To be called within a tokio runtime.
    pub fn configure(&self, wanted: &BTreeMap<Name, Assignment>) {
        let mut sources = locked(&self.sources);
        sources.retain(|name, source| {
            wanted.get(name).is_some_and(|it| it.spec.enabled && *it == source.assignment)
        });
        for (name, assignment) in wanted {
            if assignment.spec.enabled && !sources.contains_key(name) {
                sources.insert(name.clone(), start(&self.parts, name, assignment));
            }
        }
        self.parts.metrics.sources.set(sources.len() as u64);
    }

    /// Reads the named sources now, unless they have been read within the second; unknown names
    /// are passed over.
    pub fn refresh<'a>(&self, names: impl IntoIterator<Item = &'a Name>) {
        let sources = locked(&self.sources);
        for source in names.into_iter().filter_map(|name| sources.get(name)) {
            source.shared.refresh.notify_one();
        }
    }

    /// What every running source is doing, by name.
    pub fn status(&self) -> Vec<SourceStatus> {
        locked(&self.sources).values().map(|source| locked(&source.shared.status).clone()).collect()
    }

    /// Stops all sources; a thread that hangs in a reading is left behind.
    pub fn stop(&self) {
        locked(&self.sources).clear();
        self.parts.metrics.sources.set(0);
    }
}

fn start(parts: &Arc<Parts>, name: &Name, assignment: &Assignment) -> Source {
    let spec = &assignment.spec;
    let interval = spec.effective_interval();
    let status = SourceStatus::new(name.clone(), spec.source_type, interval);
    let shared = Arc::new(Shared { refresh: Notify::new(), status: Mutex::new(status) });
    let task = Box::new(Task {
        runner: Runner::new(name, (parts.factory)(name, assignment)),
        parts: Arc::clone(parts),
        name: name.clone(),
        timeout: spec.effective_timeout(),
        schedule: match spec.source_type {
            SourceType::System | SourceType::Daemon => Schedule::new(name, interval),
            _ => Schedule::spread(name, interval),
        },
        shared: Arc::clone(&shared),
        last: None,
    });
    let task = tokio::spawn(task.run());
    Source { assignment: assignment.clone(), shared, task }
}

/// The task of one source.
struct Task {
    runner: Runner,
    parts: Arc<Parts>,
    name: Name,
    timeout: Interval,
    schedule: Schedule,
    shared: Arc<Shared>,
    last: Option<Timestamp>,
}

impl Task {
    /// What is needed for an attempt only is on the heap for as long: of many sources most wait.
    async fn run(mut self: Box<Self>) {
        let mut tick = None;
        while let Ok(next) = Box::pin(self.attempt_and_tell(tick)).await {
            tick = None;
            while tick.is_none() && !self.follows() {
                let asked = self.shared.refresh.notified();
                tick = if let Some(slot) = next {
                    match tokio::time::timeout(self.until(slot), asked).await {
                        Ok(()) => self.asked_for(),
                        Err(_) => Some(slot.tick),
                    }
                } else {
                    asked.await;
                    self.asked_for()
                };
            }
        }
    }

    /// One attempt, told to the engine; says when the next one is. An error means that nobody
    /// listens any more.
    async fn attempt_and_tell(&mut self, tick: Option<Timestamp>) -> Result<Option<Slot>, ()> {
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
                next_at: next.map(|slot| slot.start),
            }),
        };
        self.parts.events.send(event).await.map_err(drop)?;
        Ok(next)
    }

    /// One attempt at a reading for `tick`; the first one chooses its tick itself.
    async fn attempt(&mut self, tick: Option<Timestamp>) -> Result<Reading, CollectError> {
        let Self { runner, parts, schedule, last, .. } = self;
        let clock = &parts.clock;
        if let Runner::Follower(follower) = runner {
            let reading = follower.next(clock).await;
            *last = Some(clock.now());
            return reading;
        }
        let asked = runner.ask(schedule, tick, last, clock);
        let attempt = tokio::time::timeout(self.timeout.as_duration(), asked).await;
        let result = attempt.unwrap_or(Err(CollectError::Timeout(self.timeout)));
        if matches!(result, Err(CollectError::Ended)) {
            runner.begin_anew();
        }
        result
    }

    /// Writes down how an attempt ended, and says when the next one is; none when someone has to
    /// ask for it.
    fn conclude(&self, result: &Result<Reading, CollectError>, spent_ms: f64) -> Option<Slot> {
        let now = self.parts.clock.now();
        let last = self.last.unwrap_or_else(|| now.floor(self.schedule.interval()));
        let mut next = Some(self.schedule.next(last, now));
        let mut status = locked(&self.shared.status);
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
                next = self.later(next, error.retry(), status.failures_in_row, now);
            }
        }
        status.next_at = next.map(|slot| slot.start);
        next
    }

    /// When to try again after `failures` in a row, at the earliest at `next`.
    fn later(
        &self,
        next: Option<Slot>,
        retry: Retry,
        failures: u32,
        now: Timestamp,
    ) -> Option<Slot> {
        if retry == Retry::Hold && failures >= HOLD_ATTEMPTS {
            return None;
        }
        let random = rand::random::<f64>();
        let backoff = schedule::backoff(self.schedule.interval(), failures, random);
        let wait = match retry {
            // Those who were told the same do not come back together.
            Retry::After(asked) => {
                Interval::from_millis(asked.as_millis() + backoff.min(asked).as_millis())
            }
            Retry::Backoff | Retry::Hold => backoff,
        };
        let later = self.schedule.at_or_after(now + wait);
        next.map(|next| if later.tick > next.tick { later } else { next })
    }

    /// Whether it is asked again at once, as it speaks when it has something to say.
    fn follows(&self) -> bool {
        self.runner.speaks_by_itself() && locked(&self.shared.status).failures_in_row == 0
    }

    /// How long it is until a slot begins.
    fn until(&self, slot: Slot) -> Duration {
        slot.start.since(self.parts.clock.now()).as_duration()
    }

    /// The tick to read when somebody asks now; none when that was read already.
    fn asked_for(&self) -> Option<Timestamp> {
        // A failed attempt left its tick without a reading: that is no reason to wait.
        let failed = locked(&self.shared.status).failures_in_row > 0;
        self.schedule.on_demand(self.last.filter(|_| !failed), self.parts.clock.now())
    }
}

/// A poisoned lock guards plain data that is whole after every statement.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
