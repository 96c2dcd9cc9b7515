//! One daemon per data directory.
//!
//! The lock belongs to the open file, so the kernel drops it with the process, however that ends.
//! The file stays, and holds the owner's process id for whoever finds it locked.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

const NAME: &str = "lock";

/// Always so many bytes, so that writing the id needs no new room on a full disk.
const PID_BYTES: usize = 20;

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by another ccmd{}; stop that one or choose another directory", directory.display(), owner(*pid))]
    Held {
        /// The data directory.
        directory: PathBuf,
        /// The other process, if it said who it is.
        pid: Option<u32>,
    },
    /// The file could not be opened or locked.
    #[error("cannot lock {}: {source}; make it writable for the daemon's user", file.display())]
    Io {
        /// The lock's file.
        file: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// Holds a data directory for this process until it is dropped.
#[derive(Debug)]
pub struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock of a directory, or says at once who has it.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join(NAME);
        let failed = |source| LockError::Io { file: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default())
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let (directory, pid) = (directory.to_owned(), read_pid(&file));
                return Err(LockError::Held { directory, pid });
            }
            Err(error) => return Err(failed(error.into())),
        }
        let pid = format!("{:<PID_BYTES$}", std::process::id());
        // The lock is what counts; on a full disk its owner stays unnamed.
        if let Err(error) = file.write_all_at(pid.as_bytes(), 0) {
            tracing::debug!(%error, "the owner of the data directory is not written down");
        }
        Ok(Self { _file: file })
    }
}

fn read_pid(file: &File) -> Option<u32> {
    let mut bytes = [0; PID_BYTES];
    let count = file.read_at(&mut bytes, 0).ok()?;
    std::str::from_utf8(bytes.get(..count)?).ok()?.trim().parse().ok()
}
