//! A watcher for every module document, and none for the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::Name;
use ccm_proto::model::module::ModuleSpec;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bridge::Bridge;
use super::directory::Directory;
use super::watcher::{News, Watcher};
use super::way::Way;
use crate::clock::Clock;

/// All watchers of the daemon.
pub struct Watchers {
    way: Arc<dyn Way>,
    directory: Directory,
    bridge: Bridge,
    clock: Clock,
    news: mpsc::Sender<News>,
    running: BTreeMap<Name, Running>,
}

struct Running {
    spec: Arc<ModuleSpec>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watchers {
    /// None yet. What they see is told through `news`, whose receiver must go on reading.
    pub fn new(
        (way, directory, bridge): (Arc<dyn Way>, Directory, Bridge),
        clock: Clock,
        news: mpsc::Sender<News>,
    ) -> Self {
        Self { way, directory, bridge, clock, news, running: BTreeMap::new() }
    }

    /// Watches these modules from now on; gives those that are gone. A module whose document is the
    /// same is not disturbed.
    pub fn configure(&mut self, modules: &BTreeMap<Name, Arc<ModuleSpec>>) -> Vec<Name> {
        let mut left = Vec::new();
        let gone = |name: &Name, running: &Running| modules.get(name) != Some(&running.spec);
        for (name, running) in self.running.extract_if(.., |name, running| gone(name, running)) {
            running.stop.cancel();
            if !modules.contains_key(&name) {
                self.directory.leave(&name);
                self.bridge.leave(&name);
                left.push(name);
            }
        }
        for (name, spec) in modules {
            if !self.running.contains_key(name) {
                let running = self.start(name, spec);
                self.running.insert(name.clone(), running);
            }
        }
        left
    }

    fn start(&self, name: &Name, spec: &Arc<ModuleSpec>) -> Running {
        let stop = CancellationToken::new();
        let watcher = Watcher::new(
            (name.clone(), Arc::clone(spec)),
            (Arc::clone(&self.way), self.directory.clone(), self.bridge.clone()),
            self.clock.clone(),
            self.news.clone(),
        );
        let task = tokio::spawn(watcher.run(stop.clone()));
        Running { spec: Arc::clone(spec), stop, task }
    }

    /// Ends all of them.
    pub async fn end(mut self) {
        let all = std::mem::take(&mut self.running);
        for running in all.values() {
            running.stop.cancel();
        }
        for running in all.into_values() {
            // A watcher that panicked has ended, too.
            let _ = running.task.await;
        }
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        for running in self.running.values() {
            running.stop.cancel();
        }
    }
}
