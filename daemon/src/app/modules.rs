//! Watches the modules that documents name, and tells those who are concerned what was seen.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::module::Manifest;
use ccm_proto::model::{Name, Notice, Severity};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::contributions;
use crate::collect::Environment;
use crate::collect::module::{News, State, Watchers};
use crate::collect::scheduler::Scheduler;
use crate::notices::NoticeBoard;
use crate::registry::{RegistryHandle, Snapshot};

/// News that wait. Watchers wait with them: a module is looked at again later, nothing is lost.
const NEWS_MAX: usize = 256;

/// What the watchers' news concern.
pub(super) struct Concerned {
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    pub environment: Environment,
    pub scheduler: Scheduler,
    pub registry: RegistryHandle,
    pub notices: NoticeBoard,
}

impl Concerned {
    /// Watches until the daemon ends.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let (sender, mut news) = mpsc::channel(NEWS_MAX);
        let Environment { modules, bridge, .. } = &self.environment;
        let parts = (self.environment.way_to_modules(), modules.clone(), bridge.clone());
        let mut watchers = Watchers::new(parts, self.environment.clock.clone(), sender);
        loop {
            let configuration = Arc::clone(&self.snapshot.borrow_and_update().configuration);
            for gone in watchers.configure(&configuration.modules) {
                self.notices.clear(&state_key(&gone));
                self.notices.clear(&offer_key(&gone));
                contributions::forget(&self.registry, &gone).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = self.snapshot.changed() => if changed.is_err() { return },
                Some(news) = news.recv() => self.tell(news).await,
            }
        }
    }

    async fn tell(&self, news: News) {
        match news {
            News::Refresh(sources) => self.scheduler.refresh(&sources),
            News::Manifest { module, manifest } => self.described(&module, &manifest).await,
            News::State { module, from, to, reason } => {
                tracing::info!(%module, from = from.as_str(), to = to.as_str(), %reason, "module");
                let severity = match to {
                    State::Unknown | State::Running => {
                        return self.notices.clear(&state_key(&module));
                    }
                    State::Degraded | State::Stopped => Severity::Warning,
                    State::Error => Severity::Error,
                };
                let summary = format!("the module {module} is {}: {reason}", to.as_str());
                self.raise(state_key(&module), severity, &summary);
            }
        }
    }

    /// A module says what it offers; its document says whether that is wanted.
    async fn described(&self, module: &Name, manifest: &Manifest) {
        let version = SafeText::new(&manifest.version);
        let configuration = Arc::clone(&self.snapshot.borrow().configuration);
        let Some(spec) = configuration.modules.get(module) else { return };
        if !spec.contribute {
            tracing::info!(%module, %version, "the module is described");
            return contributions::forget(&self.registry, module).await;
        }
        let taken = contributions::take(&self.registry, module, (manifest, &spec.endpoint)).await;
        tracing::info!(%module, %version, documents = taken.held, "the module is described");
        match taken.refused.first() {
            None => self.notices.clear(&offer_key(module)),
            Some(first) => {
                let count = taken.refused.len();
                let summary = format!(
                    "{count} of what the module {module} offers could not be taken over: {first}"
                );
                self.raise(offer_key(module), Severity::Warning, &summary);
            }
        }
    }

    fn raise(&self, key: String, severity: Severity, summary: &str) {
        let (at, summary) = (self.environment.clock.now(), SafeText::new(summary));
        self.notices.raise(Notice { key, severity, summary, at, ..Notice::default() });
    }
}

fn state_key(module: &Name) -> String {
    format!("module:{module}")
}

fn offer_key(module: &Name) -> String {
    format!("module-offer:{module}")
}
