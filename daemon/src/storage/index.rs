//! An ordered index over the logs, which is never the only copy of anything.
//!
//! It is kept in sled, whose files may be damaged by a kill, by a full disk or by the disk in ways
//! that make it refuse, panic or hang. So every entry carries a checksum, all entries together
//! have a tally, a clean end seals the files, and opening happens under guard. Whatever is doubtful is
//! put aside, and the index starts empty; its owner then refills it from the logs. How far a log
//! has been applied is written together with the entries, so an index can only ever lag behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use self::store::Store;
pub use self::store::{Batch, Entry, IndexError};
use super::key::Key;
use super::log::Position;

mod files;
mod guard;
mod store;

#[cfg(test)]
mod tests;

/// How long opening or closing may take. A larger index is quicker rebuilt than waited for, and
/// the start of the daemon must not hang.
const DEADLINE: Duration = Duration::from_secs(4);

/// How the index was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// As it was left.
    Whole,
    /// There was none; it is empty.
    New,
    /// It could not be trusted; it is empty, and the former one is put aside.
    Rebuilt {
        /// Why.
        reason: String,
    },
    /// It cannot be kept on disk; it is empty and lives in memory until the next start.
    Absent {
        /// Why.
        reason: String,
    },
}

impl IndexState {
    /// What an operator should know of it.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Whole | Self::New => None,
            Self::Rebuilt { reason } => {
                Some(format!("the index is rebuilt from the logs: {reason}"))
            }
            Self::Absent { reason } => {
                Some(format!("the index is kept in memory until the next start: {reason}"))
            }
        }
    }
}

/// The index. All its calls are brief, but they may wait for the disk.
#[derive(Debug)]
pub struct Index {
    store: Option<Store>,
    files: Option<files::Files>,
    deadline: Duration,
    /// Taken for the length of a change.
    tally: Mutex<store::Tally>,
}

impl Index {
    /// Opens the index in a directory; whatever is there, an index comes back.
    pub fn open(directory: &Path) -> (Self, IndexState) {
        Self::open_within(directory, DEADLINE)
    }

    /// As [`Index::open`], with a limit to how long sled is waited for.
    pub fn open_within(directory: &Path, deadline: Duration) -> (Self, IndexState) {
        guard::open(directory, deadline, store::open)
    }

    /// An index that lives in memory.
    pub fn in_memory() -> Self {
        Self::with(Store::memory(), None, store::Tally::default(), DEADLINE)
    }

    fn with(
        store: Store,
        files: Option<files::Files>,
        tally: store::Tally,
        deadline: Duration,
    ) -> Self {
        Self { store: Some(store), files, deadline, tally: Mutex::new(tally) }
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, IndexError> {
        self.store()?.get(&store::entry_key(key.as_bytes()))
    }

    /// Keys and values below a prefix, in order, behind a key if one is given, and no more than
    /// `limit`.
    pub fn range(
        &self,
        prefix: &Key,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Entry>, IndexError> {
        let after = after.map(store::entry_key);
        self.store()?.range(&store::entry_key(prefix.as_bytes()), after.as_deref(), limit)
    }

    /// How far a log has been applied: the position of the first record that is not in the index.
    /// Nothing for a log that has yet to be applied from its beginning.
    pub fn mark(&self, log: &str) -> Result<Option<Position>, IndexError> {
        let stored = self.store()?.get(&store::mark_key(log))?;
        Ok(stored.as_deref().and_then(store::decode_position))
    }

    /// Makes all changes of a batch, and its marks, or none.
    pub fn apply(&self, batch: Batch) -> Result<(), IndexError> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, next) = self.store()?.prepare(batch, *tally)?;
        self.store()?.write(changes)?;
        *tally = next;
        Ok(())
    }

    /// Removes everything, so that the index can be refilled.
    pub fn clear(&self) -> Result<(), IndexError> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        self.store()?.clear()?;
        *tally = store::Tally::default();
        Ok(())
    }

    /// Hands what was applied to the system, so that it outlasts a kill. (An index that lost its
    /// last changes is behind, not wrong.)
    pub fn flush(&self) -> Result<(), IndexError> {
        self.store()?.flush()
    }

    /// All entries, for comparison with what the logs say.
    pub fn entries(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, IndexError> {
        let all = self.store()?.range(&store::entry_key(&[]), None, usize::MAX)?;
        Ok(all.into_iter().collect())
    }

    fn store(&self) -> Result<&Store, IndexError> {
        self.store.as_ref().ok_or_else(IndexError::closed)
    }
}

impl Drop for Index {
    /// Flushes, and seals the files if that worked in time.
    fn drop(&mut self) {
        if let (Some(store), Some(files)) = (self.store.take(), self.files.take()) {
            guard::close(store, files, self.deadline);
        }
    }
}
