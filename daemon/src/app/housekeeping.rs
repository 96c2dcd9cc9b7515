//! What is done once a second.

use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Notice, Severity};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::idle::IdleExit;
use super::usage::UsageWatch;
use crate::collect::Environment;
use crate::notices::NoticeBoard;
use crate::rpc::system::Facts;
use crate::secret::SecretStore;
use crate::storage::{Keeper, StoreState};

/// From one look to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// The notice about a store that takes no writes.
const STORE_NOTICE: &str = "store";

/// What the housekeeper looks after.
pub(super) struct Housekeeper {
    pub facts: Arc<Facts>,
    pub secrets: SecretStore,
    pub environment: Environment,
    pub keeper: Arc<Keeper>,
    pub store_state: watch::Sender<String>,
    pub notices: NoticeBoard,
    pub stop: mpsc::Sender<String>,
}

/// What the last look saw.
#[derive(Default)]
struct Seen {
    /// Calls answered.
    calls: u64,
    /// Of the documents.
    generation: Option<u64>,
}

impl Housekeeper {
    /// Looks after everything until the daemon ends.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut idle = IdleExit::new(self.facts.idle_exit, self.facts.clock.now());
        let mut usage = UsageWatch::default();
        let mut seen = Seen::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let now = self.facts.clock.now();
            self.facts.hub.sweep(now);
            self.gauges(&mut seen).await;
            self.store();
            self.secrets.sweep();
            self.environment.gateway.sweep();
            self.usage(&mut usage);
            // Most calls and some streams are over between two looks.
            let called = self.environment.metrics.calls.get();
            let present = self.facts.hub.session_count() > 0 || called != seen.calls;
            seen.calls = called;
            if idle.is_due(present, now) {
                let _ = self.stop.try_send("nobody has been here for a while".to_owned());
            }
        }
    }

    fn usage(&self, watch: &mut UsageWatch) {
        let (gateway, clock) = (&self.environment.gateway, &self.facts.clock);
        let now = (clock.elapsed(), clock.now());
        watch.look(&gateway.apis(), &gateway.credentials(), now, &self.notices);
    }

    async fn gauges(&self, seen: &mut Seen) {
        self.environment.census.fill(self.facts.source_states().await);
        let metrics = &self.environment.metrics;
        metrics.sessions.set(self.facts.hub.session_count() as u64);
        metrics.feeds.set(self.facts.hub.feed_count() as u64);
        metrics.queued_events.set(self.facts.engine.queued() as u64);
        let generation = {
            let snapshot = self.facts.snapshot.borrow();
            metrics.documents.set(snapshot.documents.len() as u64);
            snapshot.generation
        };
        let before = seen.generation.replace(generation).unwrap_or(generation);
        metrics.changes.add(generation.saturating_sub(before));
        if let Ok(stats) = self.facts.engine.stats().await {
            metrics.series.set(stats.history.series);
            metrics.history_bytes.set(stats.history.head_bytes);
            metrics.log_bytes.set(stats.history.chunk_bytes);
        }
    }

    /// Lets the store try again when it was read-only, and tells when that changes.
    fn store(&self) {
        let state = self.keeper.probe();
        let text = match &state {
            StoreState::ReadWrite => "read-write".to_owned(),
            StoreState::ReadOnly { reason } => format!("read-only: {reason}"),
        };
        let changed = self.store_state.send_if_modified(|former| {
            let changed = *former != text;
            former.clone_from(&text);
            changed
        });
        if !changed {
            return;
        }
        tracing::warn!(state = %text, "the store changed");
        if matches!(state, StoreState::ReadWrite) {
            self.notices.clear(STORE_NOTICE);
        } else {
            self.notices.raise(Notice {
                key: STORE_NOTICE.to_owned(),
                severity: Severity::Error,
                summary: SafeText::new(&format!("nothing can be written: {text}")),
                at: self.facts.clock.now(),
                ..Notice::default()
            });
        }
    }
}
