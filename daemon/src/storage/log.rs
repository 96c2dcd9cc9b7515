//! The one primitive for what must not be lost: an append-only log in segments.
//!
//! A record counts as kept once [`Log::sync`] has returned. The first write or sync that fails
//! stops the log: the kernel may have dropped what it could not write, so nothing after it could be
//! believed. What was not synced by then is no longer part of the log. [`Log::resume`] looks at
//! what is on disk through a new handle and goes on in a new segment.
//!
//! A segment ends only where a sync ended, so that a group of records that is synced together is
//! kept together or dropped together.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use self::error::io_error;
use self::extent::ExtentFile;
use self::reader::Shared;
use self::segment::{HEADER_BYTES, Header};
use super::disk::{Disk, DiskFile, RealDisk};
use super::gate::Pass;

mod error;
mod extent;
mod frame;
mod reader;
mod recovery;
mod resume;
mod segment;
mod walk;

#[cfg(test)]
mod tests;

pub use self::error::{Damage, DamageKind, Fault, FaultKind, LogError};
pub use self::frame::{FRAME_BYTES, RECORD_BYTES_MAX};
pub use self::reader::{LogReader, Scan};
pub use self::recovery::{Cut, LogRecovery};

/// Smaller segments would be mostly file system overhead.
const SEGMENT_BYTES_MIN: u64 = 4 * 1024;
/// Keeps every offset within 32 bits, together with the room a group may overrun.
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How far one group may grow a segment beyond its size before it is refused.
const GROUP_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// A segment that has reached this size is followed by a new one. Clamped to 4 KiB..=1 GiB.
    pub segment_bytes: u64,
}

impl Default for LogOptions {
    /// 8 MiB: opening reads one segment, retention frees one.
    fn default() -> Self {
        Self { segment_bytes: 8 * 1024 * 1024 }
    }
}

/// The place of a record. Later records have larger positions; a position is never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment's number, from 1.
    pub segment: u64,
    /// The first byte of the record in the segment's file.
    pub offset: u64,
}

impl Position {
    /// The position right behind a record of this many bytes, from where a scan goes on.
    pub fn after(self, record_bytes: usize) -> Self {
        Self { offset: self.offset + FRAME_BYTES + record_bytes as u64, ..self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.segment, self.offset)
    }
}

/// A segment and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number.
    pub number: u64,
    /// Bytes that belong to the log.
    pub bytes: u64,
}

/// The writer of a log. There is one; it makes any number of readers.
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    options: LogOptions,
    extent: ExtentFile,
    oldest: u64,
    newest: u64,
    active: Option<Active>,
    stopped: Option<Stopped>,
    gate: Option<Pass>,
    frame: Vec<u8>,
}

/// The segment that is written.
#[derive(Debug)]
struct Active {
    number: u64,
    file: Arc<dyn DiskFile>,
    written: u64,
    synced: u64,
}

/// Why and how the log stopped.
#[derive(Debug)]
struct Stopped {
    fault: Fault,
    /// Records of an unfinished group were dropped and their writer has not yet been told by a
    /// failing sync. Going on before would let that sync succeed without them.
    group_open: bool,
    failures: u32,
    next_attempt: u64,
}

impl Log {
    /// Opens the log in a directory, which is created if need be.
    ///
    /// Damage never prevents opening, it is reported. Where nothing can be written (a full disk),
    /// the log opens for reading and `LogRecovery::stopped` says why. An error means that the
    /// directory cannot be read, or that a newer version wrote it.
    pub fn open(directory: &Path, options: LogOptions) -> Result<(Self, LogRecovery), LogError> {
        Self::open_on(Arc::new(RealDisk), directory, options)
    }

    /// As [`Log::open`], on a given disk.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: LogOptions,
    ) -> Result<(Self, LogRecovery), LogError> {
        let mut found = recovery::find(disk.as_ref(), directory)?;
        let segment_bytes = options.segment_bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let mut log = Self {
            shared: Arc::new(Shared::new(disk, directory)),
            options: LogOptions { segment_bytes },
            extent: std::mem::take(&mut found.extent),
            oldest: found.oldest,
            newest: found.newest,
            active: None,
            stopped: None,
            gate: None,
            frame: Vec::new(),
        };
        let recovery = log.adopt(found);
        Ok((log, recovery))
    }

    /// Lets the gate know of a full disk, and goes on when the gate says that it may help.
    pub(super) fn guard(&mut self, gate: Pass) {
        if self.stopped().is_some_and(|fault| fault.kind == FaultKind::Full) {
            gate.disk_is_full();
        }
        self.gate = Some(gate);
    }

    /// Puts a record at the end of the log. Other threads can read it at once and it outlasts a
    /// kill of this process, but not yet a power loss.
    pub fn append(&mut self, record: &[u8]) -> Result<Position, LogError> {
        if record.len() > RECORD_BYTES_MAX {
            let (bytes, limit) = (record.len(), RECORD_BYTES_MAX);
            return Err(LogError::TooLarge { bytes, limit });
        }
        self.resume_if_it_may_help();
        self.refuse_if_stopped()?;
        self.rotate_if_full()?;
        let Some(active) = &mut self.active else { return Err(self.missing()) };
        let position = Position { segment: active.number, offset: active.written };
        if active.written + record.len() as u64 > SEGMENT_BYTES_MAX + GROUP_BYTES_MAX {
            let bytes = usize::try_from(active.written - active.synced).unwrap_or(usize::MAX);
            return Err(LogError::TooLarge { bytes, limit: GROUP_BYTES_MAX as usize });
        }
        self.frame.clear();
        frame::encode(active.number, active.written, active.synced, record, &mut self.frame);
        if let Err(error) = active.file.write_at(&self.frame, active.written) {
            let path = self.shared.path(position.segment);
            return Err(self.stop(Fault::new("write to", &path, &error)));
        }
        active.written += self.frame.len() as u64;
        self.shared.extent_mut().ends.insert(active.number, active.written);
        Ok(position)
    }

    /// Makes everything appended so far outlast a power loss.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if let Some(stopped) = &mut self.stopped {
            stopped.group_open = false;
            return Err(LogError::Stopped(stopped.fault.clone()));
        }
        let Some(active) = &mut self.active else { return Err(self.missing()) };
        if active.synced == active.written {
            return Ok(());
        }
        if let Err(error) = active.file.sync() {
            let path = self.shared.path(active.number);
            let error = self.stop(Fault::new("sync", &path, &error));
            if let Some(stopped) = &mut self.stopped {
                stopped.group_open = false;
            }
            return Err(error);
        }
        active.synced = active.written;
        Ok(())
    }

    /// Syncs, and begins a new segment unless the present one is empty.
    pub fn rotate(&mut self) -> Result<(), LogError> {
        self.sync()?;
        let Some(active) = &self.active else { return Err(self.missing()) };
        if active.synced <= HEADER_BYTES {
            return Ok(());
        }
        let previous_end = active.synced;
        match self.begin(active.number + 1, previous_end) {
            Ok(()) => Ok(()),
            Err(LogError::Io(fault)) => Err(self.stop(fault)),
            Err(error) => Err(error),
        }
    }

    /// Removes all segments before this one, but never the one that is written. Says how many
    /// bytes that freed.
    pub fn remove_before(&mut self, segment: u64) -> Result<u64, LogError> {
        let last = self.shared.extent().ends.last_key_value().map(|(number, _)| *number);
        let oldest = segment.min(last.unwrap_or(0)).max(self.oldest);
        if oldest == self.oldest {
            return Ok(0);
        }
        let (newest, synced) = self.known_end();
        self.extent.store(self.shared.disk.as_ref(), oldest, newest, synced)?;
        self.oldest = oldest;
        let retired = {
            let mut extent = self.shared.extent_mut();
            extent.missing.retain(|damage| damage.segment >= oldest);
            let kept = extent.ends.split_off(&oldest);
            std::mem::replace(&mut extent.ends, kept)
        };
        let mut freed = 0;
        for (number, bytes) in retired {
            let path = self.shared.path(number);
            self.shared.disk.remove(&path).map_err(io_error("remove", &path))?;
            freed += bytes;
        }
        let directory = &self.shared.directory;
        self.shared.disk.sync_directory(directory).map_err(io_error("sync", directory))?;
        Ok(freed)
    }

    /// The record at a position; see [`LogReader::read`].
    pub fn read(&self, position: Position) -> Result<Vec<u8>, LogError> {
        self.reader().read(position)
    }

    /// All records from a position on; see [`LogReader::scan`].
    pub fn scan(&self, from: Option<Position>) -> Scan {
        self.reader().scan(from)
    }

    /// The segments from the oldest to the newest.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.reader().segments()
    }

    /// Where the next record will be, or would be.
    pub fn end(&self) -> Position {
        self.reader().end()
    }

    /// A reader for other threads.
    pub fn reader(&self) -> LogReader {
        LogReader { shared: Arc::clone(&self.shared) }
    }

    /// Why the log takes no records, if it does not.
    pub fn stopped(&self) -> Option<&Fault> {
        self.stopped.as_ref().map(|stopped| &stopped.fault)
    }

    fn refuse_if_stopped(&self) -> Result<(), LogError> {
        self.stopped().map_or(Ok(()), |fault| Err(LogError::Stopped(fault.clone())))
    }

    /// A group is never spread over two segments.
    fn rotate_if_full(&mut self) -> Result<(), LogError> {
        let full = self.active.as_ref().is_some_and(|active| {
            active.synced == active.written && active.written >= self.options.segment_bytes
        });
        if full { self.rotate() } else { Ok(()) }
    }

    /// Goes on in a new segment.
    fn begin(&mut self, number: u64, previous_end: u64) -> Result<(), LogError> {
        let header = Header { number, oldest: self.oldest, previous_end };
        let disk = Arc::clone(&self.shared.disk);
        let file = segment::create(disk.as_ref(), &self.shared.directory, header)?;
        let (written, synced) = (HEADER_BYTES, HEADER_BYTES);
        self.active = Some(Active { number, file, written, synced });
        self.newest = number;
        self.shared.extent_mut().ends.insert(number, HEADER_BYTES);
        self.remember();
        Ok(())
    }

    /// Writes down the ends of the log. Failing only means that a segment that is lost later may
    /// go unnoticed, so the log goes on.
    fn remember(&mut self) {
        let (newest, synced) = self.known_end();
        let disk = Arc::clone(&self.shared.disk);
        if let Err(error) = self.extent.store(disk.as_ref(), self.oldest, newest, synced) {
            tracing::warn!(%error, "the extent of a log could not be stored");
        }
    }

    fn known_end(&self) -> (u64, u64) {
        let active = self.active.as_ref();
        active.map_or((self.newest, 0), |active| (active.number, active.synced))
    }

    /// Takes nothing more, and gives up what was not synced.
    fn stop(&mut self, fault: Fault) -> LogError {
        tracing::error!(%fault, "a log stops");
        let full = fault.kind == FaultKind::Full;
        let mut group_open = false;
        if let Some(active) = &mut self.active {
            group_open = active.written > active.synced;
            active.written = active.synced;
            self.shared.extent_mut().ends.insert(active.number, active.synced);
        }
        self.shared.extent_mut().stopped = Some(fault.clone());
        let next_attempt = self.gate.as_ref().map_or(0, |gate| gate.attempts() + 1);
        if let Some(gate) = self.gate.as_ref().filter(|_| full) {
            gate.disk_is_full();
        }
        let error = LogError::Stopped(fault.clone());
        self.stopped = Some(Stopped { fault, group_open, failures: 0, next_attempt });
        error
    }

    /// The state of a log whose directory could never be written.
    fn missing(&self) -> LogError {
        LogError::NotFound(self.end())
    }
}

impl Drop for Log {
    /// Notes where the log ends, so that a later loss of its end is noticed.
    fn drop(&mut self) {
        if self.stopped.is_none() && self.sync().is_ok() {
            self.remember();
        }
    }
}
