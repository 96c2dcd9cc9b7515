//! The configuration directory: files that are documents, watched and applied.
//!
//! `layouts/`, `themes/`, `widgets/` and `sources/` hold a document each in a file `NAME.toml`. A
//! file that is written, replaced or removed changes its document through the ordinary write path,
//! with the file as the manager. A file that is not right changes nothing: what it last said holds,
//! and a notice tells what is wrong and where.
//!
//! [`plan`] decides what to do and is pure; [`scan`] and [`watch`] are the edges; this module is the
//! loop.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{DocumentId, Notice, Severity};
use tokio::sync::Notify;
use tokio::time::timeout;

pub mod plan;
pub mod scan;
mod watch;

use crate::access::Identity;
use crate::clock::Clock;
use crate::notices::NoticeBoard;
use crate::registry::diagnostic::Diagnostic;
use crate::registry::{Action, ApplyError, OutcomeResult, RegistryHandle, Request, Text, Write};
use plan::{FileState, Known, Step};
use scan::scan;
use watch::Watcher;

/// How long it must be quiet before files are read: an editor's save is several events.
const QUIET: Duration = Duration::from_millis(150);

/// How long a burst may keep files from being read.
const QUIET_MAX: Duration = Duration::from_secs(1);

/// How often files are looked at without an event: network filesystems and some containers send
/// none, and what was refused for the sake of another document may fit by now.
const RESCAN: Duration = Duration::from_secs(30);

/// What managers of files are called: this and the path within the directory.
const MANAGER: &str = "file:";

/// The notice of a directory that cannot be read.
const DIRECTORY_NOTICE: &str = "files";

/// What the loop works with.
#[derive(Clone, Debug)]
pub struct Files {
    /// The configuration directory; it may appear later.
    pub directory: PathBuf,
    /// Where documents are applied.
    pub registry: RegistryHandle,
    /// Where broken files are told.
    pub notices: NoticeBoard,
    /// The time of notices.
    pub clock: Clock,
}

impl Files {
    /// Applies all files once, so that they are in effect before anyone can ask.
    pub async fn once(&self) {
        let mut known = self.remembered().await;
        let directory = self.directory.clone();
        if let Ok(found) = tokio::task::spawn_blocking(move || scan(&directory)).await {
            self.settle(&mut known, found).await;
        }
    }

    /// Applies all files, then follows their changes until the registry stops. `changed` also has
    /// them looked at. Run as a task of its own, and aborted to end it earlier.
    pub async fn run(self, changed: Arc<Notify>) {
        let mut watcher = Watcher::new(Arc::clone(&changed));
        let mut known = self.remembered().await;
        loop {
            // Watching begins before reading, so that no change falls between the two.
            let directory = self.directory.clone();
            let followed = tokio::task::spawn_blocking(move || {
                watcher.follow(&directory);
                let found = scan(&directory);
                (watcher, found)
            });
            let Ok((returned, found)) = followed.await else { return };
            watcher = returned;
            if !self.settle(&mut known, found).await {
                return;
            }
            // Silence of a whole period is no error, it ends the waiting.
            let _ = timeout(RESCAN, changed.notified()).await;
            let _ = timeout(QUIET_MAX, async {
                while timeout(QUIET, changed.notified()).await.is_ok() {}
            })
            .await;
        }
    }

    /// The files whose statements the registry still holds from an earlier run.
    async fn remembered(&self) -> Known {
        let managers = self.registry.managers(MANAGER).await.unwrap_or_default();
        let file = |(id, manager): (DocumentId, String)| {
            let path = manager.strip_prefix(MANAGER)?.to_owned();
            Some((path, FileState { holds: Some(id), settled: None }))
        };
        managers.into_iter().filter_map(file).collect()
    }

    /// Brings the documents in line with the files. False when the registry has stopped.
    async fn settle(&self, known: &mut Known, found: scan::Found) -> bool {
        match &found.problem {
            Some(problem) => self.raise(DIRECTORY_NOTICE, problem, None),
            None => self.notices.clear(DIRECTORY_NOTICE),
        }
        for step in plan::steps(known, &found) {
            if !self.take(known, step).await {
                return false;
            }
        }
        true
    }

    async fn take(&self, known: &mut Known, step: Step) -> bool {
        match step {
            Step::Apply { path, id, text, hash } => {
                let reason = plan::reason(&text).to_owned();
                let action = Action::Put(Text::Toml(text));
                match self.apply(&path, &id, action, reason).await {
                    Err(ApplyError::Stopped) => return false,
                    Err(error) => {
                        self.tell(&path, &error);
                        known.entry(path).or_default().settled = None;
                    }
                    Ok(_) => {
                        self.notices.clear(&key(&path));
                        known.insert(path, FileState { holds: Some(id), settled: Some(hash) });
                    }
                }
            }
            Step::Remove { path, id } => {
                let reason = "file removed".to_owned();
                match self.apply(&path, &id, Action::Delete, reason).await {
                    Err(ApplyError::Stopped) => return false,
                    Err(error @ (ApplyError::Breaks(_) | ApplyError::ReadOnly(_))) => {
                        self.tell(&path, &error);
                    }
                    // Nothing of the file is left in the registry.
                    Err(_) | Ok(_) => {
                        self.notices.clear(&key(&path));
                        known.remove(&path);
                    }
                }
            }
            Step::Complain { path, problem } => {
                self.raise(&key(&path), &problem, Some(&path));
                known.entry(path).or_default().settled = None;
            }
            Step::Forget { path } => {
                self.notices.clear(&key(&path));
                known.remove(&path);
            }
        }
        true
    }

    async fn apply(
        &self,
        path: &str,
        id: &DocumentId,
        action: Action,
        reason: String,
    ) -> Result<OutcomeResult, ApplyError> {
        let request = Request {
            writes: vec![Write { id: id.clone(), base_revision: None, action }],
            reason,
            manager: format!("{MANAGER}{path}"),
            ..Request::default()
        };
        let applied = self.registry.apply(request, Identity::daemon()).await?;
        let result = applied.outcomes.first().map(|outcome| outcome.result);
        let result = result.unwrap_or(OutcomeResult::Unchanged);
        if result != OutcomeResult::Unchanged {
            tracing::info!(file = %SafeText::new(path), %id, ?result, "a file was applied");
        }
        Ok(result)
    }

    /// Tells why a file was not applied; all problems of it in one notice, the first one in front.
    fn tell(&self, path: &str, error: &ApplyError) {
        let ApplyError::Invalid(problems) = error else {
            let sentence = format!("{path} is not applied: {error}");
            return self.raise(&key(path), &sentence, Some(path));
        };
        let label = self.directory.join(path).display().to_string();
        let Some((first, rest)) = problems.split_first() else { return };
        let named = Diagnostic { label, ..first.clone() };
        let mut notice = named.notice(&key(path), self.clock.now());
        for further in rest {
            let line = format!("{}:{}: {}", further.line, further.column, further.summary());
            notice.detail.push(SafeText::new(""));
            notice.detail.push(SafeText::new(&line));
            let lines = further.excerpt.iter().map(|line| SafeText::new(line));
            notice.detail.extend(lines);
        }
        self.put_up(notice);
    }

    fn raise(&self, key: &str, sentence: &str, path: Option<&str>) {
        let file = path.map(|path| self.directory.join(path).display().to_string());
        self.put_up(Notice {
            key: key.to_owned(),
            severity: Severity::Error,
            summary: SafeText::new(sentence),
            file: file.as_deref().map(SafeText::new),
            at: self.clock.now(),
            ..Notice::default()
        });
    }

    /// A problem that stands already keeps its time, and nobody is told again.
    fn put_up(&self, notice: Notice) {
        let standing = self.notices.subscribe().borrow().get(&notice.key).cloned();
        let told = standing.is_some_and(|old| Notice { at: notice.at, ..old } == notice);
        if !told {
            tracing::warn!(key = notice.key, summary = %notice.summary, "a file is not applied");
            self.notices.raise(notice);
        }
    }
}

fn key(path: &str) -> String {
    format!("{MANAGER}{path}")
}

/// Contents by path within the directory.
pub(crate) type ByPath<T> = BTreeMap<String, T>;

#[cfg(test)]
mod tests;
