//! Watches the modules that documents name, and tells those who are concerned what was seen.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Notice, Severity, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::collect::Environment;
use crate::collect::module::{News, State, Watchers};
use crate::collect::scheduler::Scheduler;
use crate::notices::NoticeBoard;
use crate::registry::Snapshot;

/// News that wait. Watchers wait with them: a module is looked at again later, nothing is lost.
const NEWS_MAX: usize = 256;

/// Watches until the daemon ends.
pub(super) async fn run(
    mut snapshot: watch::Receiver<Arc<Snapshot>>,
    environment: Environment,
    scheduler: Scheduler,
    notices: NoticeBoard,
    stop: CancellationToken,
) {
    let (sender, mut news) = mpsc::channel(NEWS_MAX);
    let clock = environment.clock.clone();
    let parts = (environment.way_to_modules(), environment.modules.clone());
    let mut watchers = Watchers::new(parts, clock.clone(), sender);
    loop {
        let configuration = Arc::clone(&snapshot.borrow_and_update().configuration);
        for gone in watchers.configure(&configuration.modules) {
            notices.clear(&key(&gone));
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = snapshot.changed() => if changed.is_err() { return },
            Some(news) = news.recv() => tell(news, &scheduler, &notices, clock.now()),
        }
    }
}

fn key(module: &Name) -> String {
    format!("module:{module}")
}

fn tell(news: News, scheduler: &Scheduler, notices: &NoticeBoard, at: Timestamp) {
    match news {
        News::Refresh(sources) => scheduler.refresh(&sources),
        News::Manifest { module, manifest } => {
            tracing::info!(%module, version = %SafeText::new(&manifest.version), "described");
        }
        News::State { module, from, to, reason } => {
            tracing::info!(%module, from = from.as_str(), to = to.as_str(), %reason, "module");
            let severity = match to {
                State::Unknown | State::Running => return notices.clear(&key(&module)),
                State::Degraded | State::Stopped => Severity::Warning,
                State::Error => Severity::Error,
            };
            let summary = format!("the module {module} is {}: {reason}", to.as_str());
            notices.raise(Notice {
                key: key(&module),
                severity,
                summary: SafeText::from(summary),
                at,
                ..Notice::default()
            });
        }
    }
}
