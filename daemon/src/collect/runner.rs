//! A collector as its source's task asks it.

use std::sync::Arc;

use ccm_proto::model::{Interval, Name, Reading, Timestamp};

use super::schedule::{PRIMING, Schedule};
use super::worker::{Answer, Worker};
use super::{CollectError, Collector, Fetch, Follow, Moment, ReadFactory};
use crate::clock::Clock;

/// The first reading of a source that needs no priming is of this very second.
const FIRST_STEP: Interval = Interval::from_secs(1);

/// What a task asks.
pub(super) enum Runner {
    /// On a thread of its own. Those who have none are many, and this is large.
    Reader(Box<Reader>),
    /// Within the task.
    Fetcher(Box<dyn Fetch>),
    /// Within the task, without ticks.
    Follower(Box<dyn Follow>),
}

/// A collector that blocks, and its thread.
pub(super) struct Reader {
    name: Name,
    factory: ReadFactory,
    worker: Option<Worker>,
    /// The answer to a reading that was given up; no other is asked for before it has come.
    outstanding: Option<Answer>,
}

impl Runner {
    /// Starts nothing yet.
    pub(super) fn new(name: &Name, collector: Collector) -> Self {
        match collector {
            Collector::Read(factory) => {
                let name = name.clone();
                let reader = Reader { name, factory, worker: None, outstanding: None };
                Self::Reader(Box::new(reader))
            }
            Collector::Fetch(fetcher) => Self::Fetcher(fetcher),
            Collector::Follow(follower) => Self::Follower(follower),
        }
    }

    /// Whether it needs no ticks.
    pub(super) fn speaks_by_itself(&self) -> bool {
        matches!(self, Self::Follower(_))
    }

    /// Asks for a reading of `tick`, or of a moment near now. The moment is written to `last` before
    /// the answer has come.
    pub(super) async fn ask(
        &mut self,
        schedule: &Schedule,
        tick: Option<Timestamp>,
        last: &mut Option<Timestamp>,
        clock: &Clock,
    ) -> Result<Reading, CollectError> {
        match self {
            Self::Reader(reader) => reader.ask(schedule, tick, last, clock).await,
            Self::Fetcher(fetcher) => {
                let step = FIRST_STEP.min(schedule.interval());
                let at = tick.unwrap_or_else(|| clock.now().floor(step));
                *last = Some(at);
                fetcher.fetch(Moment { at, elapsed: clock.elapsed() }).await
            }
            Self::Follower(follower) => follower.next(clock).await,
        }
    }

    /// Forgets a thread that ended.
    pub(super) fn begin_anew(&mut self) {
        if let Self::Reader(reader) = self {
            reader.worker = None;
            reader.outstanding = None;
        }
    }
}

impl Reader {
    async fn ask(
        &mut self,
        schedule: &Schedule,
        tick: Option<Timestamp>,
        last: &mut Option<Timestamp>,
        clock: &Clock,
    ) -> Result<Reading, CollectError> {
        if let Some(late) = &mut self.outstanding {
            // What comes late stands for a tick that is past: it only frees the reader.
            let _ = late.await;
            self.outstanding = None;
        }
        let fresh = self.worker.is_none();
        if fresh {
            self.prime(schedule.interval(), clock).await?;
        }
        let at = tick.filter(|_| !fresh).unwrap_or_else(|| schedule.first(clock.now()));
        *last = Some(at);
        let worker = self.worker.as_ref().ok_or(CollectError::Ended)?;
        let moment = Moment { at, elapsed: clock.elapsed() };
        let answer = self.outstanding.insert(worker.read(moment)?).await;
        self.outstanding = None;
        answer.map_err(|_| CollectError::Ended)?
    }

    /// Starts the reader and has it remember its counters.
    async fn prime(&mut self, interval: Interval, clock: &Clock) -> Result<(), CollectError> {
        let factory = Arc::clone(&self.factory);
        let worker = Worker::start(self.name.as_str(), move || factory())?;
        let primed = worker.prime(clock.elapsed())?;
        self.worker = Some(worker);
        primed.await.map_err(|_| CollectError::Ended)?;
        let half = interval.as_duration() / 2;
        tokio::time::sleep(PRIMING.as_duration().min(half)).await;
        Ok(())
    }
}
