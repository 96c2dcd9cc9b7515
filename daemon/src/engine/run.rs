//! The loop around [`Engine`]: the only place where it meets channels, threads and time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::model::{Bucket, Name, SeriesKey};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::event::{Asker, Assignment, Event, Output, Publication};
use super::handle::{Inbox, Request};
use crate::clock::Clock;
use crate::history::{HistoryError, HistoryOutput, HistoryReader, QueryPlan};

/// How often staleness, sealing and retention are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Events that are taken in before anything else gets a turn.
const BATCH_MAX: usize = 64;

/// Backfills that read at the same time, of all feeds together.
const BACKFILLS_MAX: usize = 4;

/// Where the loop's outputs go. None of them waits: each has a queue of its own behind it, or
/// keeps the newest alone.
#[derive(Debug)]
pub struct Outlets<P, C, K> {
    /// Takes new versions of feeds, all of one event together.
    pub publish: P,
    /// Takes the sources that should be running from now on.
    pub collect: C,
    /// Takes what history wants kept, in order.
    pub keep: K,
}

/// Runs the engine until `stop` says so or nobody can send any more; then takes in what has
/// arrived.
pub async fn run<P, C, K>(
    engine: Engine,
    mut inbox: Inbox,
    clock: Clock,
    outlets: Outlets<P, C, K>,
    stop: CancellationToken,
) -> Engine
where
    P: FnMut(Vec<Publication>) + Send,
    C: FnMut(BTreeMap<Name, Assignment>) + Send,
    K: FnMut(Vec<HistoryOutput>) + Send,
{
    let mut work = Work::new(engine, clock, outlets, inbox.reader.clone());
    // A sleep of no time tells the present to the timer without reading a clock here.
    let start = tokio::time::sleep(Duration::ZERO).deadline() + TICK;
    let mut tick = tokio::time::interval_at(start, TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(stored) = inbox.stored.recv() => work.step(Event::Stored(stored)),
            Some(request) = inbox.requests.recv() => work.answer(request),
            Some(done) = work.backfills.join_next_with_id() => work.backfilled(done),
            _ = tick.tick() => work.step(Event::Tick),
            taken = inbox.events.recv_many(&mut batch, BATCH_MAX) => {
                if taken == 0 {
                    break;
                }
                batch.drain(..).for_each(|event| work.step(event));
            }
        }
        work.keep();
    }
    inbox.events.close();
    while let Ok(event) = inbox.events.try_recv() {
        work.step(event);
    }
    work.keep();
    work.engine
}

type Backfill = Result<Vec<(SeriesKey, Vec<Bucket>)>, HistoryError>;

struct Work<P, C, K> {
    engine: Engine,
    clock: Clock,
    outlets: Outlets<P, C, K>,
    reader: HistoryReader,
    /// Kept for its memory.
    out: Vec<Output>,
    /// New versions of the event at hand.
    published: Vec<Publication>,
    /// What history wants kept, not handed over yet.
    unkept: Vec<HistoryOutput>,
    backfills: JoinSet<Backfill>,
    /// For whom and for which request each of them reads.
    asked: HashMap<task::Id, (Asker, u64)>,
    /// Backfills that wait, the newest of each asker.
    waiting: VecDeque<(Asker, u64, Arc<QueryPlan>)>,
}

impl<P, C, K> Work<P, C, K>
where
    P: FnMut(Vec<Publication>) + Send,
    C: FnMut(BTreeMap<Name, Assignment>) + Send,
    K: FnMut(Vec<HistoryOutput>) + Send,
{
    fn new(engine: Engine, clock: Clock, outlets: Outlets<P, C, K>, reader: HistoryReader) -> Self {
        let (out, unkept, waiting) = (Vec::new(), Vec::new(), VecDeque::new());
        let backfills = JoinSet::new();
        Self {
            engine,
            clock,
            outlets,
            reader,
            out,
            published: Vec::new(),
            unkept,
            backfills,
            asked: HashMap::new(),
            waiting,
        }
    }

    fn step(&mut self, event: Event) {
        let mut out = std::mem::take(&mut self.out);
        self.engine.step(event, self.clock.now(), &mut out);
        for output in out.drain(..) {
            self.dispatch(output);
        }
        self.out = out;
        if !self.published.is_empty() {
            (self.outlets.publish)(std::mem::take(&mut self.published));
        }
    }

    fn dispatch(&mut self, output: Output) {
        match output {
            Output::Publish(publication) => self.published.push(publication),
            Output::Collect(sources) => (self.outlets.collect)(sources),
            Output::History(kept) => self.unkept.push(kept),
            Output::Backfill { asker, request, range: _, plan } => {
                self.waiting.retain(|(other, ..)| *other != asker);
                self.waiting.push_back((asker, request, plan));
                self.start_backfills();
            }
        }
    }

    fn start_backfills(&mut self) {
        while self.backfills.len() < BACKFILLS_MAX
            && let Some((asker, request, plan)) = self.waiting.pop_front()
        {
            let reader = self.reader.clone();
            let task = self.backfills.spawn_blocking(move || plan.run(&reader));
            self.asked.insert(task.id(), (asker, request));
        }
    }

    /// A backfill that failed leaves who asked with what arrives live.
    fn backfilled(&mut self, done: Result<(task::Id, Backfill), JoinError>) {
        self.start_backfills();
        let (id, series) = match done {
            Ok((id, series)) => (id, series.map_err(|error| error.to_string())),
            Err(error) => (error.id(), Err(error.to_string())),
        };
        let Some((asker, request)) = self.asked.remove(&id) else { return };
        let series = series.unwrap_or_else(|error| {
            tracing::error!(?asker, %error, "the past could not be read");
            Vec::new()
        });
        self.step(Event::Backfilled { asker, request, series });
    }

    /// Hands what history wants kept over, all of a batch at once.
    fn keep(&mut self) {
        if !self.unkept.is_empty() {
            (self.outlets.keep)(std::mem::take(&mut self.unkept));
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
            Request::Derived(reply) => drop(reply.send(self.engine.derived())),
            Request::Newest(name, spec, reply) => {
                drop(reply.send(self.engine.newest(&name, &spec, self.clock.now())));
            }
            Request::Stats(reply) => drop(reply.send(self.engine.stats())),
        }
    }
}

#[cfg(test)]
mod tests;
