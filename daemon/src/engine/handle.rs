//! How the rest of the daemon speaks to the engine's loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::series::{Range, SeriesSelector};
use ccm_proto::model::{Bucket, Name, Reading, SeriesKey, SourceSpec, ViewStatus};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::EngineStats;
use super::event::Event;
use crate::collect::SourceStatus;
use crate::history::{HistoryError, HistoryReader, QueryPlan, Stored};

/// Events that wait. A reading of a large host takes about 30 KB, so that this many of them stay
/// in the tens of megabytes; who sends when it is full waits, and sources skip ticks.
const EVENTS_MAX: usize = 1_024;

/// Answers of the store that wait; the store waits when it is full.
const STORED_MAX: usize = 1_024;

/// Requests that wait; who asks when it is full waits.
const REQUESTS_MAX: usize = 256;

/// Range queries that read at the same time: disks gain nothing from more, and each holds its
/// answer in memory.
const QUERIES_MAX: usize = 4;

/// Why a question had no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The loop has ended.
    #[error("the daemon is shutting down; ask again when it is back")]
    Stopped,
    /// The thread that read history did not come back.
    #[error("reading history failed unexpectedly; the daemon's log says why")]
    Failed,
    /// History refused.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// A question that the loop answers between two events.
#[derive(Debug)]
pub(super) enum Request {
    Plan(SeriesSelector, Range, oneshot::Sender<Result<QueryPlan, HistoryError>>),
    List(SeriesSelector, usize, oneshot::Sender<Vec<SeriesKey>>),
    Sources(oneshot::Sender<BTreeMap<Name, ViewStatus>>),
    Derived(oneshot::Sender<Vec<SourceStatus>>),
    Newest(Name, Arc<SourceSpec>, oneshot::Sender<Result<Reading, SafeText>>),
    Stats(oneshot::Sender<EngineStats>),
}

/// Speaks to the engine's loop; clones speak to the same one.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    events: mpsc::Sender<Event>,
    stored: mpsc::Sender<Stored>,
    requests: mpsc::Sender<Request>,
    reader: HistoryReader,
    queries: Arc<Semaphore>,
}

/// What the loop receives from.
#[derive(Debug)]
pub struct Inbox {
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) stored: mpsc::Receiver<Stored>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) reader: HistoryReader,
}

/// The two ends of the way into the engine.
pub fn channel(reader: HistoryReader) -> (EngineHandle, Inbox) {
    let (events, events_in) = mpsc::channel(EVENTS_MAX);
    let (stored, stored_in) = mpsc::channel(STORED_MAX);
    let (requests, requests_in) = mpsc::channel(REQUESTS_MAX);
    let inbox = Inbox {
        events: events_in,
        stored: stored_in,
        requests: requests_in,
        reader: reader.clone(),
    };
    let queries = Arc::new(Semaphore::new(QUERIES_MAX));
    (EngineHandle { events, stored, requests, reader, queries }, inbox)
}

impl EngineHandle {
    /// Where events go; who keeps it decides what to do when it is full.
    pub fn events(&self) -> mpsc::Sender<Event> {
        self.events.clone()
    }

    /// Events that wait.
    pub fn queued(&self) -> usize {
        self.events.max_capacity() - self.events.capacity()
    }

    /// Where the store says what it did. It has a way of its own, so that the store never waits
    /// behind readings.
    pub fn stored(&self) -> mpsc::Sender<Stored> {
        self.stored.clone()
    }

    /// Sends one event, waiting for room.
    pub async fn send(&self, event: Event) -> Result<(), QueryError> {
        self.events.send(event).await.map_err(|_| QueryError::Stopped)
    }

    /// Buckets of every series that the selector means, at most
    /// [`QUERY_SERIES_MAX`](super::QUERY_SERIES_MAX) of them.
    pub async fn query(
        &self,
        selector: SeriesSelector,
        range: Range,
    ) -> Result<Vec<(SeriesKey, Vec<Bucket>)>, QueryError> {
        let permit = Arc::clone(&self.queries).acquire_owned().await;
        let permit = permit.map_err(|_| QueryError::Stopped)?;
        let plan = self.ask(|reply| Request::Plan(selector, range, reply)).await??;
        let reader = self.reader.clone();
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            plan.run(&reader)
        });
        Ok(read.await.map_err(|_| QueryError::Failed)??)
    }

    /// The series that a selector means, in order, at most `limit` of them.
    pub async fn list(
        &self,
        selector: SeriesSelector,
        limit: usize,
    ) -> Result<Vec<SeriesKey>, QueryError> {
        self.ask(|reply| Request::List(selector, limit, reply)).await
    }

    /// The status of every configured source.
    pub async fn sources(&self) -> Result<BTreeMap<Name, ViewStatus>, QueryError> {
        self.ask(Request::Sources).await
    }

    /// What every derived source is doing, by name.
    pub async fn derived(&self) -> Result<Vec<SourceStatus>, QueryError> {
        self.ask(Request::Derived).await
    }

    /// The newest reading of a source that is pushed to or derived, or why there is none. A
    /// derived one whose definition is not the one in effect is computed for this.
    pub async fn newest(
        &self,
        name: &Name,
        spec: &Arc<SourceSpec>,
    ) -> Result<Result<Reading, SafeText>, QueryError> {
        self.ask(|reply| Request::Newest(name.clone(), Arc::clone(spec), reply)).await
    }

    /// Figures about the engine.
    pub async fn stats(&self) -> Result<EngineStats, QueryError> {
        self.ask(Request::Stats).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, QueryError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| QueryError::Stopped)?;
        answer.await.map_err(|_| QueryError::Stopped)
    }
}
