//! The registry's loop: one thread that owns the core, the ledger and the index.
//!
//! A change is planned, appended to the ledger and synced, and only then committed, answered and
//! published. When the ledger refuses, everything stays as it was, and the change is refused. When
//! the ledger is damaged, the registry is read-only.
//!
//! The daemon's composition root opens the store and calls [`spawn`] with its ledger and its index,
//! which returns when the documents are restored; the handle is what everyone else gets:
//!
//! ```ignore
//! let registry = registry::actor::spawn(Parts {
//!     ledger: Box::new(storage.ledger),
//!     index: storage.index,
//!     clock: clock.clone(),
//!     notices: notices.clone(),
//!     shipped: packs::DOCUMENTS.to_vec(),
//! })?;
//! tokio::spawn(Files { directory, registry: registry.clone(), notices, clock }.run());
//! let documents = rpc::documents::Documents::new(registry.clone(), clock);
//! let configuration = registry.snapshot(); // a watch of what the engine works by
//! // When draining, before the store's keeper goes:
//! registry.stop().await;
//! ```

use std::io;
use std::sync::Arc;
use std::thread;

use ccm_proto::SafeText;
use ccm_proto::model::{Document, DocumentId, Kind, Name, Notice, Scope, Severity};
use tokio::sync::{mpsc, oneshot, watch};

use super::diagnostic::Diagnostic;
use super::index::LayerIndex;
use super::record::{Chain, Record, encode};
use super::request::Revisions;
use super::{Applied, ApplyError, Layer, Registry, Request, Shipped, Snapshot};
use crate::access::Identity;
use crate::clock::Clock;
use crate::notices::NoticeBoard;
use crate::storage::index::Index;

mod ledger;
mod replay;

pub use replay::{Examined, examine, proven};

use replay::{head, replay};

/// Waiting requests; whoever asks while it is full waits.
const QUEUE: usize = 64;

/// The most revisions that one answer holds.
pub const HISTORY_MAX: usize = 200;

/// The notice of a ledger that cannot be trusted.
const LEDGER_NOTICE: &str = "registry:ledger";

/// The notice of a ledger that cannot be written.
const WRITE_NOTICE: &str = "registry:write";

/// The notice of an index that does not keep up.
const INDEX_NOTICE: &str = "registry:index";

/// Where changes are kept for good.
pub trait Ledger: Send {
    /// All records from the beginning. An error ends the iteration.
    fn records(&self) -> Box<dyn Iterator<Item = Result<Vec<u8>, LedgerError>> + '_>;
    /// Appends a record; it is on disk when this returns. After an error the ledger itself decides
    /// whether a later call may succeed, as when a full disk has room again.
    fn append(&mut self, record: &[u8]) -> Result<(), LedgerError>;
}

/// Why the ledger cannot be read or written: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LedgerError(pub String);

/// What the loop works with.
pub struct Parts {
    /// Where changes are kept.
    pub ledger: Box<dyn Ledger>,
    /// Where history is looked up.
    pub index: Index,
    /// The time of changes.
    pub clock: Clock,
    /// Where problems are told.
    pub notices: NoticeBoard,
    /// The documents that come with the program.
    pub shipped: Vec<Shipped>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// A document with the layer that was asked for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What is in effect.
    pub document: Arc<Document>,
    /// The asked scope's layer, when it has one.
    pub layer: Option<Arc<Layer>>,
}

/// Which documents are asked for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// All kinds when not given.
    pub kind: Option<Kind>,
    /// All names when not given.
    pub name: Option<Name>,
    /// Also this scope's layers as they were written.
    pub scope: Option<Scope>,
}

/// Some revisions of a layer, the newest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The revisions.
    pub revisions: Vec<Arc<Layer>>,
    /// There are older ones.
    pub more: bool,
}

enum Command {
    Apply(Request, Identity, oneshot::Sender<Result<Applied, ApplyError>>),
    Get(Query, oneshot::Sender<Result<(Vec<Entry>, u64), ApplyError>>),
    History(HistoryQuery, oneshot::Sender<Result<History, ApplyError>>),
    Managers(String, oneshot::Sender<Vec<(DocumentId, String)>>),
    Stop(oneshot::Sender<()>),
}

struct HistoryQuery {
    id: DocumentId,
    scope: Scope,
    before: u64,
    limit: usize,
}

/// The way to the registry; clones lead to the same one. The loop ends when all are gone, or by
/// [`RegistryHandle::stop`].
#[derive(Clone, Debug)]
pub struct RegistryHandle {
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl RegistryHandle {
    /// Writes documents; on disk when this returns.
    pub async fn apply(&self, request: Request, identity: Identity) -> Result<Applied, ApplyError> {
        self.ask(|reply| Command::Apply(request, identity, reply)).await?
    }

    /// Reads effective documents and the generation that they belong to.
    pub async fn get(&self, query: Query) -> Result<(Vec<Entry>, u64), ApplyError> {
        self.ask(|reply| Command::Get(query, reply)).await?
    }

    /// Reads revisions of a layer before one (0: from the newest on), at most [`HISTORY_MAX`].
    /// What is shipped comes last, as revision 0.
    pub async fn history(
        &self,
        id: DocumentId,
        scope: Scope,
        before: u64,
        limit: usize,
    ) -> Result<History, ApplyError> {
        let query = HistoryQuery { id, scope, before, limit };
        self.ask(|reply| Command::History(query, reply)).await?
    }

    /// The documents that managers whose name begins like this own parts of.
    pub async fn managers(&self, prefix: &str) -> Result<Vec<(DocumentId, String)>, ApplyError> {
        let prefix = prefix.to_owned();
        self.ask(|reply| Command::Managers(prefix, reply)).await
    }

    /// What is in effect, now and whenever it changes.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Ends the loop and closes the ledger and the index; returns when that is done.
    pub async fn stop(&self) {
        // An error means that the loop has ended already.
        let _ = self.ask(Command::Stop).await;
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, ApplyError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| ApplyError::Stopped)?;
        answer.await.map_err(|_| ApplyError::Stopped)
    }
}

/// Restores the documents from the ledger and starts the loop. Fails only when no thread can be
/// started; damage is told by a notice and makes the registry read-only.
pub fn spawn(parts: Parts) -> io::Result<RegistryHandle> {
    let (commands, inbox) = mpsc::channel(QUEUE);
    let actor = Actor::restore(parts);
    let (publisher, snapshots) = watch::channel(Arc::clone(actor.registry.snapshot()));
    thread::Builder::new()
        .name("registry".to_owned())
        .spawn(move || actor.run(inbox, &publisher))?;
    Ok(RegistryHandle { commands, snapshots })
}

struct Actor {
    registry: Registry,
    ledger: Box<dyn Ledger>,
    index: LayerIndex,
    chain: Chain,
    clock: Clock,
    notices: NoticeBoard,
    /// Why nothing can be written.
    read_only: Option<SafeText>,
    /// Revisions are missing in the index until it is rebuilt at the next start.
    index_behind: bool,
}

/// Reads earlier revisions for the core.
struct Past<'a> {
    index: &'a LayerIndex,
    registry: &'a Registry,
}

impl Revisions for Past<'_> {
    fn revision(&self, id: &DocumentId, scope: &Scope, revision: u64) -> Option<Arc<Layer>> {
        let newest = self.registry.layer(id, scope).filter(|layer| layer.revision == revision);
        if let Some(newest) = newest {
            return Some(Arc::clone(newest));
        }
        self.index.revision(id, scope, revision).unwrap_or_else(|error| {
            tracing::warn!(%id, revision, %error, "an earlier revision cannot be read");
            None
        })
    }
}

impl Actor {
    fn restore(parts: Parts) -> Self {
        let Parts { ledger, index, clock, notices, shipped } = parts;
        let (mut registry, broken) = Registry::new(&shipped);
        for diagnostic in broken {
            tracing::error!(%diagnostic, "a shipped document is not valid and is left out");
        }
        let past = replay(ledger.as_ref(), index);
        let problems = registry.restore(past.newest.into_values(), past.generation);
        let mut actor = Self {
            registry,
            ledger,
            index: past.index,
            chain: past.chain,
            clock,
            notices,
            read_only: None,
            index_behind: false,
        };
        if let Some(cause) = past.damage {
            actor.refuse(&format!(
                "the ledger of changes is damaged after change {0}: {cause}; documents cannot be \
                 changed until it is restored from a backup; or end the daemon and let `ccmd doctor \
                 --repair` keep the changes up to {0}",
                past.generation
            ));
        }
        if let Some(cause) = past.index_problem {
            actor.index_fails(&cause);
        }
        actor.tell_fallbacks(&problems);
        actor
    }

    fn run(mut self, mut inbox: mpsc::Receiver<Command>, publisher: &watch::Sender<Arc<Snapshot>>) {
        // Whoever asked may be gone by the time of the answer; the change holds all the same.
        while let Some(command) = inbox.blocking_recv() {
            match command {
                Command::Apply(request, identity, reply) => {
                    let applied = self.apply(&request, &identity);
                    publisher.send_if_modified(|published| {
                        let newest = self.registry.snapshot();
                        let newer = !Arc::ptr_eq(published, newest);
                        *published = Arc::clone(newest);
                        newer
                    });
                    let _ = reply.send(applied);
                }
                Command::Get(query, reply) => drop(reply.send(self.get(&query))),
                Command::History(query, reply) => drop(reply.send(self.history(&query))),
                Command::Managers(prefix, reply) => drop(reply.send(self.managers(&prefix))),
                Command::Stop(reply) => {
                    drop(self);
                    let _ = reply.send(());
                    return;
                }
            }
        }
    }

    fn apply(&mut self, request: &Request, identity: &Identity) -> Result<Applied, ApplyError> {
        let past = Past { index: &self.index, registry: &self.registry };
        let plan = self.registry.plan(request, identity, self.clock.now(), &past)?;
        if request.dry_run || plan.layers.is_empty() {
            return Ok(plan.applied);
        }
        if let Some(cause) = &self.read_only {
            return Err(ApplyError::ReadOnly(cause.clone()));
        }
        let record = Record { generation: plan.applied.generation, layers: plan.layers.clone() };
        let written = encode(&record, self.chain)
            .map_err(|error| LedgerError(error.to_string()))
            .and_then(|(bytes, chain)| self.ledger.append(&bytes).map(|()| chain));
        match written {
            Ok(chain) => {
                self.chain = chain;
                self.notices.clear(WRITE_NOTICE);
            }
            Err(error) => {
                let cause = SafeText::new(&format!(
                    "changes of documents cannot be written: {error}; everything stays as it is \
                     until the disk is in order"
                ));
                tracing::error!(%cause, "the ledger refuses");
                self.raise(WRITE_NOTICE, Severity::Error, cause.clone());
                return Err(ApplyError::ReadOnly(cause));
            }
        }
        if !self.index_behind
            && let Err(error) = self.index.add(&record.layers, &head(record.generation, self.chain))
        {
            self.index_fails(&error.to_string());
        }
        self.clear_fallbacks(&record.layers);
        let generation = record.generation;
        self.registry.commit(plan).map_err(|stale| {
            // Nothing else changes the registry, so this would be a defect; the ledger has the
            // change, and a restart applies it.
            self.refuse(&format!("change {generation} is written and not in effect: {stale}"));
            ApplyError::Stopped
        })
    }

    fn get(&self, query: &Query) -> Result<(Vec<Entry>, u64), ApplyError> {
        let snapshot = self.registry.snapshot();
        let wanted = |id: &DocumentId| {
            query.kind.is_none_or(|kind| kind == id.kind)
                && query.name.as_ref().is_none_or(|name| *name == id.name)
        };
        let documents = snapshot.documents.iter().filter(|(id, _)| wanted(id));
        let entries: Vec<Entry> = documents
            .map(|(id, document)| Entry {
                document: Arc::clone(document),
                layer: query.scope.as_ref().and_then(|scope| self.written(id, scope)).cloned(),
            })
            .collect();
        if let (true, Some(kind), Some(name)) = (entries.is_empty(), query.kind, &query.name) {
            let id = DocumentId::new(kind, name.clone());
            let nearest = self.registry.nearest(&id);
            return Err(ApplyError::Unknown { id, nearest });
        }
        Ok((entries, snapshot.generation))
    }

    /// A scope's layer; where nobody wrote the platform's, what is shipped stands for it.
    fn written(&self, id: &DocumentId, scope: &Scope) -> Option<&Arc<Layer>> {
        let shipped = || self.registry.builtin(id).filter(|_| *scope == Scope::Platform);
        self.registry.layer(id, scope).or_else(shipped)
    }

    fn history(&self, query: &HistoryQuery) -> Result<History, ApplyError> {
        let HistoryQuery { id, scope, before, limit } = query;
        let limit = (*limit).clamp(1, HISTORY_MAX);
        let before = if *before == 0 { u64::MAX } else { *before };
        let builtin = self.registry.builtin(id).filter(|_| *scope == Scope::Platform);
        let mut revisions = self.index.history(id, scope, before, limit + 1).map_err(|error| {
            ApplyError::ReadOnly(SafeText::new(&format!("history cannot be read: {error}")))
        })?;
        let known = self.registry.layers().any(|layer| layer.id == *id && layer.scope == *scope);
        if !known && builtin.is_none() {
            let nearest = self.registry.nearest(id);
            return Err(ApplyError::Unknown { id: id.clone(), nearest });
        }
        revisions.extend(builtin.map(Arc::clone));
        let more = revisions.len() > limit;
        revisions.truncate(limit);
        Ok(History { revisions, more })
    }

    fn managers(&self, prefix: &str) -> Vec<(DocumentId, String)> {
        let mut found = Vec::new();
        for layer in self.registry.layers() {
            let owners = layer.managed.keys().filter(|owner| owner.starts_with(prefix));
            found.extend(owners.map(|owner| (layer.id.clone(), owner.clone())));
        }
        found
    }

    /// Goes read-only for the reason given.
    fn refuse(&mut self, cause: &str) {
        let cause = SafeText::new(cause);
        tracing::error!(%cause, "the registry is read-only");
        self.raise(LEDGER_NOTICE, Severity::Error, cause.clone());
        self.read_only = Some(cause);
    }

    fn index_fails(&mut self, cause: &str) {
        self.index_behind = true;
        let summary = format!(
            "the history of documents is incomplete until the daemon is restarted: {cause}"
        );
        tracing::warn!(cause, "the index of documents fails");
        self.raise(INDEX_NOTICE, Severity::Warning, SafeText::new(&summary));
    }

    fn tell_fallbacks(&self, problems: &[Diagnostic]) {
        for problem in problems {
            tracing::warn!(%problem, "a document is not valid any more");
            self.notices.raise(problem.notice(&fallback_key(&problem.label), self.clock.now()));
        }
    }

    /// A layer that was written anew is valid.
    fn clear_fallbacks(&self, layers: &[Arc<Layer>]) {
        for layer in layers {
            self.notices.clear(&fallback_key(&layer.id.to_string()));
        }
    }

    fn raise(&self, key: &str, severity: Severity, summary: SafeText) {
        let at = self.clock.now();
        let key = key.to_owned();
        self.notices.raise(Notice { key, severity, summary, at, ..Notice::default() });
    }
}

fn fallback_key(label: &str) -> String {
    format!("document:{label}")
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
