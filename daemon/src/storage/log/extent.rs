//! What a log should consist of, so that a lost file at either end of it is noticed.
//!
//! Two slots are written in turn and in place: a torn write costs the older of two truths, and
//! retention works on a full disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{LogError, io_error};
use super::frame::{u32_at, u64_at};
use super::segment;
use crate::storage::disk::{Disk, DiskFile};

const MAGIC: [u8; 8] = *b"ccm.ext\n";

/// Each slot has a sector of its own, which is what a disk writes whole.
const SLOT_BYTES: u64 = 4096;
const NAME: &str = "extent";
const UNFINISHED: &str = "extent.new";

/// The ends of a log as of some time; the log may have grown since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    sequence: u64,
    /// The oldest segment.
    pub(super) oldest: u64,
    /// The newest segment.
    pub(super) newest: u64,
    /// How much of the newest segment was on disk.
    pub(super) synced: u64,
}

/// The file.
#[derive(Debug, Default)]
pub(super) struct ExtentFile {
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    last: Extent,
}

impl ExtentFile {
    /// Reads the newer whole slot. Nothing is known when there is no file or no whole slot.
    pub(super) fn open(
        disk: &dyn Disk,
        directory: &Path,
    ) -> Result<(Self, Option<Extent>), LogError> {
        let path = directory.join(NAME);
        let file = match disk.open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_error("open", &path)(error)),
        };
        let mut known: Option<Extent> = None;
        for slot in [0, SLOT_BYTES] {
            let Some(file) = &file else { break };
            let mut bytes = [0; 44];
            file.read_at(&mut bytes, slot).map_err(io_error("read", &path))?;
            known = known.into_iter().chain(decode(&bytes)).max_by_key(|extent| extent.sequence);
        }
        let last = known.unwrap_or_default();
        Ok((Self { path, file, last }, known))
    }

    /// Whether there is such a file yet.
    pub(super) fn exists(&self) -> bool {
        self.file.is_some()
    }

    /// Writes down the ends of the log.
    pub(super) fn store(
        &mut self,
        disk: &dyn Disk,
        oldest: u64,
        newest: u64,
        synced: u64,
    ) -> Result<(), LogError> {
        let next =
            Extent { sequence: self.last.sequence.saturating_add(1), oldest, newest, synced };
        let same = Extent { sequence: self.last.sequence, ..next } == self.last;
        if same && self.file.is_some() {
            return Ok(());
        }
        match &self.file {
            Some(file) => {
                let slot = (next.sequence % 2) * SLOT_BYTES;
                file.write_at(&encode(next), slot).map_err(io_error("write to", &self.path))?;
                file.sync().map_err(io_error("sync", &self.path))?;
            }
            None => self.file = Some(self.create(disk, next)?),
        }
        self.last = next;
        Ok(())
    }

    /// Both slots are filled from the start, so that later writes need no new room.
    fn create(&self, disk: &dyn Disk, extent: Extent) -> Result<Arc<dyn DiskFile>, LogError> {
        let directory = self.path.parent().unwrap_or(&self.path);
        let unfinished = directory.join(UNFINISHED);
        // What a former attempt left; that there is none is the ordinary case.
        let _ = disk.remove(&unfinished);
        let file = disk.create(&unfinished).map_err(io_error("create", &unfinished))?;
        for slot in [0, SLOT_BYTES] {
            file.write_at(&encode(extent), slot).map_err(io_error("write to", &unfinished))?;
        }
        file.sync().map_err(io_error("sync", &unfinished))?;
        disk.rename(&unfinished, &self.path).map_err(io_error("rename", &unfinished))?;
        disk.sync_directory(directory).map_err(io_error("sync", directory))?;
        Ok(file)
    }
}

/// Whether a file in a log's directory is what an interrupted creation left.
pub(super) fn is_unfinished(name: &str) -> bool {
    name == UNFINISHED || segment::is_unfinished(name)
}

fn encode(extent: Extent) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for number in [extent.sequence, extent.oldest, extent.newest, extent.synced] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Extent> {
    let covered = bytes.get(..40)?;
    let whole = covered.starts_with(&MAGIC) && crc32c::crc32c(covered) == u32_at(bytes, 40)?;
    if !whole {
        return None;
    }
    Some(Extent {
        sequence: u64_at(bytes, 8)?,
        oldest: u64_at(bytes, 16)?,
        newest: u64_at(bytes, 24)?,
        synced: u64_at(bytes, 32)?,
    })
}
