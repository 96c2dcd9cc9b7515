//! The loop around [`Engine`]: the only place where it meets channels, threads and time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::model::{Bucket, Name, SeriesKey, SourceSpec};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::event::{Event, FeedId, Output, Publication};
use super::handle::{Inbox, Request};
use crate::clock::Clock;
use crate::history::{HistoryError, HistoryOutput, HistoryReader, QueryPlan};

/// How often staleness, sealing and retention are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Events that are taken in before anything else gets a turn.
const BATCH_MAX: usize = 64;

/// Backfills that read at the same time, of all feeds together.
const BACKFILLS_MAX: usize = 4;

/// What history wants kept and the store has no room for yet; beyond it no event is taken in, so
/// that a slow disk slows the sources down instead of filling memory.
const UNKEPT_MAX: usize = 1_024;

/// Where the loop's outputs go.
#[derive(Debug)]
pub struct Outlets<P, C> {
    /// Takes new versions of feeds; does not wait.
    pub publish: P,
    /// Takes the sources that should be running from now on; does not wait.
    pub collect: C,
    /// Takes what history wants kept, in order.
    pub store: mpsc::Sender<HistoryOutput>,
}

/// Runs the engine until `stop` says so or nobody can send any more; then hands everything that
/// arrived to the store.
pub async fn run<P, C>(
    engine: Engine,
    mut inbox: Inbox,
    clock: Clock,
    outlets: Outlets<P, C>,
    stop: CancellationToken,
) -> Engine
where
    P: FnMut(Publication) + Send,
    C: FnMut(BTreeMap<Name, Arc<SourceSpec>>) + Send,
{
    let mut work = Work::new(engine, clock, outlets, inbox.reader.clone());
    // A sleep of no time tells the present to the timer without reading a clock here.
    let start = tokio::time::sleep(Duration::ZERO).deadline() + TICK;
    let mut tick = tokio::time::interval_at(start, TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        let store = work.outlets.store.clone();
        tokio::select! {
            () = stop.cancelled() => break,
            permit = store.reserve(), if !work.unkept.is_empty() => work.keep(permit.ok()),
            Some(stored) = inbox.stored.recv() => work.step(Event::Stored(stored)),
            Some(request) = inbox.requests.recv() => work.answer(request),
            Some(done) = work.backfills.join_next() => work.backfilled(done),
            _ = tick.tick() => work.step(Event::Tick),
            taken = inbox.events.recv_many(&mut batch, BATCH_MAX),
                if work.unkept.len() < UNKEPT_MAX =>
            {
                if taken == 0 {
                    break;
                }
                batch.drain(..).for_each(|event| work.step(event));
            }
        }
    }
    work.finish(inbox).await
}

type Backfill = (FeedId, u64, Result<Vec<(SeriesKey, Vec<Bucket>)>, HistoryError>);

struct Work<P, C> {
    engine: Engine,
    clock: Clock,
    outlets: Outlets<P, C>,
    reader: HistoryReader,
    /// Kept for its memory.
    out: Vec<Output>,
    /// What the store had no room for.
    unkept: VecDeque<HistoryOutput>,
    backfills: JoinSet<Backfill>,
    /// Backfills that wait, the newest of each feed.
    waiting: VecDeque<(FeedId, u64, QueryPlan)>,
}

impl<P, C> Work<P, C>
where
    P: FnMut(Publication) + Send,
    C: FnMut(BTreeMap<Name, Arc<SourceSpec>>) + Send,
{
    fn new(engine: Engine, clock: Clock, outlets: Outlets<P, C>, reader: HistoryReader) -> Self {
        let (out, unkept, waiting) = (Vec::new(), VecDeque::new(), VecDeque::new());
        let backfills = JoinSet::new();
        Self { engine, clock, outlets, reader, out, unkept, backfills, waiting }
    }

    fn step(&mut self, event: Event) {
        let mut out = std::mem::take(&mut self.out);
        self.engine.step(event, self.clock.now(), &mut out);
        for output in out.drain(..) {
            self.dispatch(output);
        }
        self.out = out;
    }

    fn dispatch(&mut self, output: Output) {
        match output {
            Output::Publish(publication) => (self.outlets.publish)(publication),
            Output::Collect(sources) => (self.outlets.collect)(sources),
            Output::History(kept) => self.unkept.push_back(kept),
            Output::Backfill { feed, request, range: _, plan } => {
                self.waiting.retain(|(other, ..)| *other != feed);
                self.waiting.push_back((feed, request, plan));
                self.start_backfills();
            }
        }
    }

    fn start_backfills(&mut self) {
        while self.backfills.len() < BACKFILLS_MAX
            && let Some((feed, request, plan)) = self.waiting.pop_front()
        {
            let reader = self.reader.clone();
            self.backfills.spawn_blocking(move || (feed, request, plan.run(&reader)));
        }
    }

    /// A backfill that failed leaves the feed with what arrives live.
    fn backfilled(&mut self, done: Result<Backfill, JoinError>) {
        self.start_backfills();
        let (feed, request, series) = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "reading the past of a feed broke off");
                return;
            }
        };
        let series = series.unwrap_or_else(|error| {
            tracing::warn!(feed = feed.0, %error, "the past of a feed could not be read");
            Vec::new()
        });
        self.step(Event::Backfilled { feed, request, series });
    }

    /// Hands as much to the store as it has room for; without a store nothing is kept.
    fn keep(&mut self, permit: Option<mpsc::Permit<'_, HistoryOutput>>) {
        let Some(permit) = permit else {
            self.unkept.clear();
            return;
        };
        if let Some(first) = self.unkept.pop_front() {
            permit.send(first);
        }
        while let Some(next) = self.unkept.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(next)) = self.outlets.store.try_send(next) {
                self.unkept.push_front(next);
                return;
            }
        }
    }

    /// A reply that nobody waits for any more is dropped.
    fn answer(&self, request: Request) {
        match request {
            Request::Plan(selector, range, reply) => {
                drop(reply.send(self.engine.plan(&selector, range)));
            }
            Request::List(selector, limit, reply) => {
                drop(reply.send(self.engine.list(&selector, limit)));
            }
            Request::Sources(reply) => drop(reply.send(self.engine.sources())),
            Request::Stats(reply) => drop(reply.send(self.engine.stats())),
        }
    }

    /// Takes in what has arrived and waits until the store has it all.
    async fn finish(mut self, mut inbox: Inbox) -> Engine {
        inbox.events.close();
        while let Ok(event) = inbox.events.try_recv() {
            self.step(event);
        }
        let store = self.outlets.store.clone();
        while !self.unkept.is_empty() {
            tokio::select! {
                permit = store.reserve() => self.keep(permit.ok()),
                Some(stored) = inbox.stored.recv() => self.step(Event::Stored(stored)),
            }
        }
        self.engine
    }
}

#[cfg(test)]
mod tests;
