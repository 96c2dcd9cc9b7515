//! Following changes of the configuration directory.
//!
//! Everything that leads to a document is watched without its subdirectories: the directory, its
//! folders, and where symbolic links lead on the way, since a change behind a link is no event in
//! front of it. What does not exist yet is awaited in the nearest directory above it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ccm_proto::model::Kind;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::scan::FILES_MAX;

/// The most links that are followed one after the other, as the system does.
const LINKS_MAX: usize = 40;

/// Wakes someone when anything near a document changes.
pub(super) struct Watcher {
    inner: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Watcher {
    pub(super) fn new(changed: Arc<Notify>) -> Self {
        let wake = move |event: notify::Result<Event>| {
            // An error may mean that events were lost.
            if event.is_ok_and(|event| !matters(event.kind)) {
                return;
            }
            changed.notify_one();
        };
        let inner = notify::recommended_watcher(wake)
            .inspect_err(|error| tracing::warn!(%error, "files cannot be watched, only looked at"))
            .ok();
        Self { inner, watched: BTreeSet::new() }
    }

    /// Watches what leads to documents now, and nothing else any more.
    pub(super) fn follow(&mut self, directory: &Path) {
        let Some(watcher) = &mut self.inner else { return };
        let wanted = places(directory);
        for gone in self.watched.difference(&wanted) {
            // The system forgets what was removed by itself; then this fails.
            let _ = watcher.unwatch(gone);
        }
        let mut watched = BTreeSet::new();
        for place in wanted {
            // A directory that was replaced has the same name and is another one: watch it anew,
            // which costs nothing when it is the same.
            match watcher.watch(&place, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(place);
                }
                Err(error) => tracing::debug!(%error, place = %place.display(), "not watched"),
            }
        }
        self.watched = watched;
    }
}

/// Whether an event can mean a change. Reading makes events too: taking those for changes would
/// never end.
fn matters(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// The directories that have to be watched.
fn places(directory: &Path) -> BTreeSet<PathBuf> {
    let mut places = BTreeSet::new();
    add(directory, &mut places);
    for kind in Kind::ALL {
        let folder = directory.join(kind.directory());
        add(&folder, &mut places);
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten().take(FILES_MAX) {
            if entry.file_type().is_ok_and(|file_type| file_type.is_symlink()) {
                links(&entry.path(), &mut places);
            }
        }
    }
    places
}

/// A directory, where it is a link to, and the nearest directory above while it does not exist.
fn add(directory: &Path, places: &mut BTreeSet<PathBuf>) {
    links(directory, places);
    let existing = directory.ancestors().find(|place| place.is_dir());
    places.extend(existing.map(Path::to_path_buf));
    // The directory itself may be replaced.
    places.extend(directory.parent().filter(|parent| parent.is_dir()).map(Path::to_path_buf));
}

/// The directories in which the links on the way to a path's target stand.
fn links(path: &Path, places: &mut BTreeSet<PathBuf>) {
    let mut at = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        // A link may also be one of the directories on the way, as in `..data/host.toml`.
        let link = at.ancestors().find(|place| place.is_symlink()).map(Path::to_path_buf);
        let Some(link) = link else { break };
        let Ok(target) = std::fs::read_link(&link) else { break };
        let Some(parent) = link.parent() else { break };
        let rest = at.strip_prefix(&link).map(Path::to_path_buf).unwrap_or_default();
        at = parent.join(target).join(rest);
        places.extend(Some(parent).filter(|parent| parent.is_dir()).map(Path::to_path_buf));
        places.extend(at.parent().filter(|parent| parent.is_dir()).map(Path::to_path_buf));
    }
}
