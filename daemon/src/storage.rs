//! What the daemon keeps on disk: logs that must not be lost, and an index that can be rebuilt
//! from them.
//!
//! A data directory belongs to one process. It holds `ledger/` and `history/<name>/` (logs),
//! `index/` (rebuildable), `lock` and `ballast`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub mod disk;
mod gate;
pub mod index;
pub mod key;
pub mod lock;
pub mod log;
pub mod scrub;

#[cfg(test)]
mod tests;

use self::disk::{Disk, RealDisk};
use self::gate::{Claim, Gate, Pass};
use self::index::{Index, IndexState};
use self::lock::{LockError, OwnerLock};
use self::log::{Fault, Log, LogError, LogOptions, LogReader};
use self::scrub::Scrub;

/// Enough for thousands of changes of documents on an otherwise full disk.
const BALLAST_BYTES: u64 = 8 * 1024 * 1024;

/// How a store is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageOptions {
    /// Size of the reserve for when the disk is full; zero for none.
    pub ballast_bytes: u64,
    /// How each log is kept.
    pub log: LogOptions,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self { ballast_bytes: BALLAST_BYTES, log: LogOptions::default() }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The directory is in use, or cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The directory cannot be created.
    #[error("{0}")]
    Directory(Fault),
}

/// Whether the store takes records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// All logs take records, or would with the next one.
    ReadWrite,
    /// At least one log takes none. Everything can be read.
    ReadOnly {
        /// One sentence with a remedy.
        reason: String,
    },
}

/// An open data directory. The parts can be moved to their owners; the keeper stays with the
/// composition root for as long as any of them is in use.
#[derive(Debug)]
pub struct Storage {
    /// Every change of a document.
    pub ledger: Log,
    /// The rebuildable index.
    pub index: Index,
    /// How the index was found: unless it is `Whole`, it is empty and its owner refills it.
    pub index_state: IndexState,
    /// What opening found and did, one sentence each, for operators.
    pub recovery: Vec<String>,
    /// Holds the lock and watches the logs.
    pub keeper: Keeper,
}

impl Storage {
    /// Opens a data directory with the usual options.
    pub fn open(directory: &Path) -> Result<Self, StorageError> {
        Self::open_with(directory, StorageOptions::default())
    }

    /// Opens a data directory, which is created if need be. Damage and a full disk do not prevent
    /// that; they are told in `recovery`.
    pub fn open_with(directory: &Path, options: StorageOptions) -> Result<Self, StorageError> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        disk.create_directory(directory)
            .map_err(|error| StorageError::Directory(Fault::new("create", directory, &error)))?;
        let lock = OwnerLock::take(directory)?;
        let keeper = Keeper::new(disk, directory, options, Some(lock));
        let (index, index_state) = Index::open(&directory.join("index"));
        keeper.assemble(index, index_state)
    }

    /// Puts a ledger of these records alone in the place of the present one, which is kept beside
    /// it; says where. The two change places in one call, so that one of them is always there. For
    /// a store that was opened on the real file system.
    pub fn replace_ledger(self, records: &[Vec<u8>]) -> Result<PathBuf, StorageError> {
        let Self { ledger, index, keeper, .. } = self;
        drop((ledger, index));
        keeper.replace("ledger", records)
    }

    /// See [`Keeper::probe`].
    pub fn probe(&self) -> StoreState {
        self.keeper.probe()
    }
}

/// Holds a data directory for this process and watches over its room.
#[derive(Debug)]
pub struct Keeper {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    options: StorageOptions,
    gate: Arc<Gate>,
    logs: Mutex<Vec<(LogReader, Pass)>>,
    _lock: Option<OwnerLock>,
}

impl Keeper {
    fn new(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: StorageOptions,
        lock: Option<OwnerLock>,
    ) -> Self {
        let gate = Arc::new(Gate::new(Arc::clone(&disk), directory, options.ballast_bytes));
        let (directory, logs) = (directory.to_owned(), Mutex::default());
        Self { disk, directory, options, gate, logs, _lock: lock }
    }

    /// A keeper of logs on a disk of a test.
    #[cfg(test)]
    pub(crate) fn on_disk(
        disk: &disk::faulty::FaultyDisk,
        directory: &Path,
        options: StorageOptions,
    ) -> Self {
        Self::new(Arc::new(disk.clone()), directory, options, None)
    }

    fn assemble(self, index: Index, index_state: IndexState) -> Result<Storage, StorageError> {
        let ledger = self.directory.join("ledger");
        let (ledger, mut recovery) = self.log(&ledger, self.options.log, Claim::Reserve)?;
        recovery.extend(index_state.sentence());
        self.probe();
        Ok(Storage { ledger, index, index_state, recovery, keeper: self })
    }

    fn log(
        &self,
        directory: &Path,
        options: LogOptions,
        claim: Claim,
    ) -> Result<(Log, Vec<String>), LogError> {
        let (mut log, recovery) = Log::open_on(Arc::clone(&self.disk), directory, options)?;
        let pass = Pass::new(&self.gate, claim);
        log.guard(pass.clone());
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push((log.reader(), pass));
        Ok((log, recovery.sentences()))
    }

    /// A log of history, and what opening it found and did. To be opened once. `name` is a plain
    /// name of a directory.
    pub fn history(&self, name: &str, options: LogOptions) -> Result<(Log, Vec<String>), LogError> {
        self.log(&self.directory.join("history").join(name), options, Claim::Room)
    }

    fn replace(&self, name: &str, records: &[Vec<u8>]) -> Result<PathBuf, StorageError> {
        let failed = |operation: &'static str, path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| StorageError::Directory(Fault::new(operation, &path, &error))
        };
        let (present, next) =
            (self.directory.join(name), self.directory.join(format!("{name}.new")));
        // What an interrupted attempt left; that there is none is the ordinary case.
        let _ = std::fs::remove_dir_all(&next);
        let (mut log, _) = Log::open_on(Arc::clone(&self.disk), &next, self.options.log)?;
        for record in records {
            log.append(record)?;
        }
        log.sync()?;
        drop(log);
        rustix::fs::renameat_with(
            rustix::fs::CWD,
            &next,
            rustix::fs::CWD,
            &present,
            rustix::fs::RenameFlags::EXCHANGE,
        )
        .map_err(io::Error::from)
        .map_err(failed("exchange", &present))?;
        let numbers = 1..=u32::MAX;
        let mut names = numbers.map(|n| self.directory.join(format!("{name}.damaged-{n}")));
        let kept = names.find(|path| !path.exists()).unwrap_or_else(|| next.clone());
        std::fs::rename(&next, &kept).map_err(failed("rename", &next))?;
        self.disk.sync_directory(&self.directory).map_err(failed("sync", &self.directory))?;
        Ok(kept)
    }

    /// A look for damage in all logs that are open by now.
    pub fn scrub(&self) -> Scrub {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        Scrub::new(logs.iter().map(|(log, _)| log.clone()).collect())
    }

    /// Looks for room on the disk and tells whether records are taken. To be called each second:
    /// a log that stopped on a full disk goes on with the first record after a probe that found
    /// room. (Writers therefore try; they do not wait for the state to change.)
    pub fn probe(&self) -> StoreState {
        self.gate.probe();
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = logs
            .iter()
            .find_map(|(log, pass)| log.stopped().filter(|fault| !pass.would_go_on(fault)));
        stopped.map_or(StoreState::ReadWrite, |fault| StoreState::ReadOnly {
            reason: fault.to_string(),
        })
    }
}
