//! Making a log writable: at opening, and again after it stopped.

use std::sync::Arc;

use super::error::{Damage, DamageKind, LogError, io_error};
use super::recovery::{self, Found, LogRecovery, Tail};
use super::segment::HEADER_BYTES;
use super::{Active, FaultKind, Log, Stopped};
use crate::storage::disk::DiskFile;
use crate::storage::gate::Pass;

/// A device that keeps failing is tried at most once in so many attempts of the gate, as each try
/// begins a segment.
const BACKOFF_MAX: u64 = 64;

/// How much of a tail is held in memory while it is written again.
const REWRITE_BYTES: u64 = 256 * 1024;

impl Log {
    /// Takes up a stopped log again, in a new segment, after reading back what is on disk. What
    /// was not synced when it stopped is gone, and its writer must have been told so. A log that is
    /// not stopped is left as it is.
    pub fn resume(&mut self) -> Result<LogRecovery, LogError> {
        if self.stopped.is_none() {
            return Ok(LogRecovery::default());
        }
        let recovery = if let Some(active) = &self.active {
            let (number, synced) = (active.number, active.synced);
            let damages = self.read_back(number, synced)?;
            self.begin(number + 1, synced)?;
            LogRecovery { damages, ..LogRecovery::default() }
        } else {
            let disk = Arc::clone(&self.shared.disk);
            let mut found = recovery::find(disk.as_ref(), &self.shared.directory)?;
            self.extent = std::mem::take(&mut found.extent);
            self.settle(&mut found)?;
            found.recovery
        };
        self.stopped = None;
        self.shared.extent_mut().stopped = None;
        Ok(recovery)
    }

    /// Resumes when the gate has had reason to hope and no writer waits for dropped records.
    pub(super) fn resume_if_it_may_help(&mut self) {
        let Some(attempts) = self.gate.as_ref().map(Pass::attempts) else { return };
        let Some(stopped) = self.stopped.as_ref().filter(|stopped| !stopped.group_open) else {
            return;
        };
        if attempts < stopped.next_attempt {
            return;
        }
        match self.resume() {
            Ok(recovery) => {
                for sentence in recovery.sentences() {
                    tracing::warn!(sentence, "a log resumes");
                }
            }
            Err(error) => self.still_stopped(&error, attempts),
        }
    }

    fn still_stopped(&mut self, error: &LogError, attempts: u64) {
        tracing::warn!(%error, "a log stays stopped");
        let Some(stopped) = &mut self.stopped else { return };
        stopped.failures = stopped.failures.saturating_add(1);
        let wait = if stopped.fault.kind == FaultKind::Full {
            1
        } else {
            1_u64.checked_shl(stopped.failures).unwrap_or(BACKOFF_MAX).min(BACKOFF_MAX)
        };
        stopped.next_attempt = attempts + wait;
    }

    /// What of the synced part of a segment cannot be read.
    fn read_back(&self, number: u64, synced: u64) -> Result<Vec<Damage>, LogError> {
        let file = self.shared.path(number);
        let handle = self.shared.disk.open(&file).map_err(io_error("open", &file))?;
        let length = handle.length().map_err(io_error("measure", &file))?.min(synced);
        let seen = recovery::inspect(handle, number, length).map_err(io_error("read", &file))?;
        let damage = |(offset, until), kind| Damage {
            file: file.clone(),
            segment: number,
            offset,
            bytes: until - offset,
            kind,
        };
        let mut damages: Vec<_> = seen
            .damages
            .into_iter()
            .map(|range: (u64, u64)| damage(range, DamageKind::Records))
            .collect();
        if length < synced {
            damages.push(damage((length, synced), DamageKind::Shortened));
        }
        Ok(damages)
    }

    /// Takes over what was found at opening, and stops if it cannot be written.
    pub(super) fn adopt(&mut self, mut found: Found) -> LogRecovery {
        let settled = self.settle(&mut found);
        let mut recovery = found.recovery;
        match settled {
            Ok(()) => {}
            Err(LogError::Io(fault)) => {
                recovery.stopped = Some(fault.clone());
                self.shared.extent_mut().stopped = Some(fault.clone());
                let (group_open, failures, next_attempt) = (false, 0, 0);
                self.stopped = Some(Stopped { fault, group_open, failures, next_attempt });
            }
            // Nothing else comes from the file system.
            Err(error) => tracing::error!(%error, "a log could not be opened for writing"),
        }
        recovery
    }

    /// Makes what was found readable, then durable, then continues it.
    fn settle(&mut self, found: &mut Found) -> Result<(), LogError> {
        self.oldest = found.oldest;
        self.newest = found.newest;
        {
            let mut extent = self.shared.extent_mut();
            extent.ends.clone_from(&found.ends);
            let missing = found.recovery.damages.iter().filter(|damage| {
                matches!(damage.kind, DamageKind::Missing { .. } | DamageKind::Shortened)
            });
            extent.missing = missing.cloned().collect();
        }
        let disk = Arc::clone(&self.shared.disk);
        let directory = self.shared.directory.clone();
        if found.ends.is_empty() {
            disk.create_directory(&directory).map_err(io_error("create", &directory))?;
            if let Some(parent) = directory.parent() {
                disk.sync_directory(parent).map_err(io_error("sync", parent))?;
            }
        }
        recovery::tidy(disk.as_ref(), &directory, found.oldest);
        if !self.extent.exists() {
            // Before the first segment, so that a segment without it is known to have lost it.
            self.extent.store(disk.as_ref(), found.oldest, found.newest, 0)?;
        }
        if let Some(tail) = found.active.take() {
            return self.continue_in(tail);
        }
        // What comes after a lost segment does not follow on the one before it.
        let last = found.ends.last_key_value().filter(|(number, _)| **number == found.newest);
        self.begin(found.newest + 1, last.map_or(0, |(_, end)| *end))
    }

    /// Cuts what is torn, and writes once more what may be in memory only: after a failed sync
    /// the kernel holds it for clean, and would not write it by itself.
    fn continue_in(&mut self, tail: Tail) -> Result<(), LogError> {
        let Tail { file, number, end, synced, length } = tail;
        let path = self.shared.path(number);
        if end < length {
            file.truncate(end).map_err(io_error("cut", &path))?;
        }
        let from = synced.max(HEADER_BYTES);
        if from < end {
            rewrite(file.as_ref(), from, end).map_err(io_error("write to", &path))?;
        }
        file.sync().map_err(io_error("sync", &path))?;
        self.active = Some(Active { number, file, written: end, synced: end });
        self.remember();
        Ok(())
    }
}

fn rewrite(file: &dyn DiskFile, from: u64, end: u64) -> std::io::Result<()> {
    let mut piece = vec![0; (end - from).min(REWRITE_BYTES) as usize];
    let mut at = from;
    while at < end {
        let count = (end - at).min(piece.len() as u64) as usize;
        let Some(bytes) = piece.get_mut(..count) else { break };
        let filled = file.read_at(bytes, at)?;
        let Some(bytes) = bytes.get(..filled).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_at(bytes, at)?;
        at += filled as u64;
    }
    Ok(())
}
