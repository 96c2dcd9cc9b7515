//! The daemon's own state and end.

use std::path::PathBuf;
use std::sync::Arc;

use ccm_proto::PROTOCOL_VERSION;
use ccm_proto::model::{Interval, Timestamp};
use ccm_proto::wire::system_service_server::SystemService;
use ccm_proto::wire::{
    DaemonStatus, GetStatusRequest, Quality, SourceStatus, StopRequest, StopResponse,
};
use tokio::sync::{mpsc, watch};
use tonic::{Request, Response, Status};

use crate::clock::Clock;
use crate::collect;
use crate::collect::daemon::ProcessReader;
use crate::collect::push::Desk;
use crate::collect::scheduler::Scheduler;
use crate::engine::handle::EngineHandle;
use crate::hub::Hub;
use crate::hub::session::Greeting;
use crate::notices::Notices;
use crate::registry::Snapshot;
use crate::settings::Paths;

/// What the daemon knows of itself.
pub struct Facts {
    /// Name, epoch, start.
    pub greeting: Greeting,
    /// Where things are.
    pub paths: Paths,
    /// Ends by itself after this long without clients.
    pub idle_exit: Option<Interval>,
    /// What recovery found at the start.
    pub recovery: Vec<String>,
    /// Whether the store takes writes.
    pub store_state: watch::Receiver<String>,
    /// Feeds and streams.
    pub hub: Hub,
    /// Series.
    pub engine: EngineHandle,
    /// Sources.
    pub scheduler: Scheduler,
    /// Values that others report.
    pub desk: Desk,
    /// Documents.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Notices.
    pub notices: watch::Receiver<Notices>,
    /// The time.
    pub clock: Clock,
    /// Taken as a request to end, with the reason.
    pub stop: mpsc::Sender<String>,
}

impl Facts {
    /// The state of every source.
    pub async fn sources(&self) -> Vec<SourceStatus> {
        self.source_states().await.iter().map(source_status).collect()
    }

    /// What every source is doing, by name: those that are asked, those that are told, and those
    /// that are derived, which an engine that has ended does not tell.
    pub async fn source_states(&self) -> Vec<collect::SourceStatus> {
        let mut sources = self.scheduler.status();
        sources.extend(self.desk.status());
        sources.extend(self.engine.derived().await.unwrap_or_default());
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        sources
    }

    async fn status(&self) -> DaemonStatus {
        let (stats, sources) = (self.engine.stats().await, self.sources().await);
        let history = stats.map(|stats| stats.history).unwrap_or_default();
        let text = |path: &PathBuf| path.display().to_string();
        DaemonStatus {
            version: self.greeting.daemon.clone(),
            protocol: PROTOCOL_VERSION,
            pid: std::process::id(),
            hostname: self.greeting.hostname.clone(),
            started_at_ms: self.greeting.started_at.as_millis(),
            now_ms: self.clock.now().as_millis(),
            epoch: self.greeting.epoch,
            data_directory: text(&self.paths.data),
            config_directory: text(&self.paths.config),
            socket: text(&self.paths.socket),
            resident_bytes: ProcessReader::default().read().resident_bytes.unwrap_or(0),
            series: history.series,
            samples: history.samples,
            history_bytes: history.chunk_bytes.saturating_add(history.head_bytes),
            sessions: u32::try_from(self.hub.session_count()).unwrap_or(u32::MAX),
            feeds: u32::try_from(self.hub.feed_count()).unwrap_or(u32::MAX),
            generation: self.snapshot.borrow().generation,
            store_state: self.store_state.borrow().clone(),
            recovery: self.recovery.clone(),
            sources,
            notices: self.notices.borrow().values().map(Into::into).collect(),
            idle_exit_ms: self.idle_exit.map_or(0, Interval::as_millis),
        }
    }

    /// How long the daemon has been up.
    pub fn uptime(&self, now: Timestamp) -> Interval {
        now.since(self.greeting.started_at)
    }
}

fn source_status(source: &collect::SourceStatus) -> SourceStatus {
    let millis = |time: Option<Timestamp>| time.map_or(0, Timestamp::as_millis);
    SourceStatus {
        name: source.name.to_string(),
        r#type: source.source_type.as_str().to_owned(),
        quality: Quality::from(source.quality).into(),
        interval_ms: u32::try_from(source.interval.as_millis()).unwrap_or(u32::MAX),
        last_success_ms: millis(source.last_success),
        last_attempt_ms: millis(source.last_attempt),
        next_at_ms: millis(source.next_at),
        cause: source.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
        readings: source.readings,
        failures: source.failures,
        series: source.series,
        last_duration_ms: source.last_duration_ms,
    }
}

/// Serves the daemon's own state.
#[derive(Clone)]
pub struct System {
    facts: Arc<Facts>,
}

impl System {
    /// The state of this daemon.
    pub fn new(facts: Arc<Facts>) -> Self {
        Self { facts }
    }
}

#[tonic::async_trait]
impl SystemService for System {
    async fn get_status(
        &self,
        _request: Request<GetStatusRequest>,
    ) -> Result<Response<DaemonStatus>, Status> {
        Ok(Response::new(self.facts.status().await))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopResponse>, Status> {
        let reason = ccm_proto::SafeText::new(&request.into_inner().reason).to_string();
        // A full channel means that someone else asked already.
        let _ = self.facts.stop.try_send(reason);
        Ok(Response::new(StopResponse { pid: std::process::id() }))
    }
}
