//! What a store does about a full disk: a reserve that is given up for what matters most, and the
//! news that trying again may help.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::Disk;
use super::log::{Fault, FaultKind};

const BALLAST: &str = "ballast";

/// With less room than this a stopped log is not tried again: a segment and some records must fit.
const ROOM_BYTES_MIN: u64 = 64 * 1024;

/// What a log may do when the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Takes the reserve: small records that people wait for.
    Reserve,
    /// Leaves the reserve alone and waits until there is room besides it: what measuring brings,
    /// which would use up any reserve.
    Room,
}

/// Shared by the logs of a store.
#[derive(Debug)]
pub(super) struct Gate {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    ballast_bytes: u64,
    /// Whether the reserve is there.
    ballast: Mutex<bool>,
    room: AtomicBool,
    attempts: AtomicU64,
    attempts_with_reserve: AtomicU64,
}

/// A log's way to the gate.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    claim: Claim,
}

impl Pass {
    pub(super) fn new(gate: &Arc<Gate>, claim: Claim) -> Self {
        Self { gate: Arc::clone(gate), claim }
    }

    /// Rises whenever trying again may help.
    pub(super) fn attempts(&self) -> u64 {
        match self.claim {
            Claim::Reserve => self.gate.attempts.load(Ordering::Acquire),
            Claim::Room => self.gate.attempts_with_reserve.load(Ordering::Acquire),
        }
    }

    /// Gives up the reserve, if this log may.
    pub(super) fn disk_is_full(&self) {
        if self.claim == Claim::Reserve {
            self.gate.relieve();
        }
    }

    /// Whether a log that stopped for this reason would go on with its next record.
    pub(super) fn would_go_on(&self, fault: &Fault) -> bool {
        let room = self.gate.room.load(Ordering::Acquire)
            && (self.claim == Claim::Reserve || self.gate.has_reserve());
        fault.kind == FaultKind::Full && room
    }
}

impl Gate {
    /// A gate for the store in this directory, with a reserve of so many bytes (none for zero).
    pub(super) fn new(disk: Arc<dyn Disk>, directory: &Path, ballast_bytes: u64) -> Self {
        let kept = disk.open(&directory.join(BALLAST)).and_then(|file| file.length());
        Self {
            disk,
            directory: directory.to_owned(),
            ballast_bytes,
            ballast: Mutex::new(kept.is_ok_and(|length| length >= ballast_bytes)),
            room: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            attempts_with_reserve: AtomicU64::new(0),
        }
    }

    /// Looks for room: puts the reserve back if there is enough, and lets stopped logs try again
    /// if there is some.
    pub(super) fn probe(&self) {
        let available = self.disk.available(&self.directory).unwrap_or(u64::MAX);
        let room = available >= ROOM_BYTES_MIN;
        self.room.store(room, Ordering::Release);
        if room {
            self.attempts.fetch_add(1, Ordering::AcqRel);
        }
        // Twice, so that the reserve does not itself fill the disk.
        if available >= self.ballast_bytes.saturating_mul(2) {
            self.reserve();
        }
        if room && self.has_reserve() {
            self.attempts_with_reserve.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether the reserve is there, or none is wanted.
    fn has_reserve(&self) -> bool {
        self.ballast_bytes == 0 || *self.ballast.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relieve(&self) {
        let mut ballast = self.ballast.lock().unwrap_or_else(PoisonError::into_inner);
        *ballast = false;
        if self.disk.remove(&self.directory.join(BALLAST)).is_ok() {
            tracing::warn!("the disk is full: the reserve is given up");
            self.attempts.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn reserve(&self) {
        let mut ballast = self.ballast.lock().unwrap_or_else(PoisonError::into_inner);
        if *ballast || self.ballast_bytes == 0 {
            return;
        }
        let path = self.directory.join(BALLAST);
        match self.allocate(&path) {
            Ok(()) => *ballast = true,
            Err(error) => {
                tracing::debug!(%error, "no reserve");
                let _ = self.disk.remove(&path);
            }
        }
    }

    fn allocate(&self, path: &Path) -> io::Result<()> {
        let file = match self.disk.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open(path)?,
            other => other?,
        };
        file.allocate(self.ballast_bytes)?;
        file.sync()
    }
}
