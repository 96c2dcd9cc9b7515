//! A segment file: its name, its header, its creation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{LogError, io_error};
use super::frame::{u32_at, u64_at};
use crate::storage::disk::{Disk, DiskFile};

const MAGIC: [u8; 8] = *b"ccm.log\n";

/// The format this module writes, and the newest that it reads.
pub(super) const VERSION: u32 = 1;

/// Magic, version, number, oldest, previous end, checksum.
pub(super) const HEADER_BYTES: u64 = 40;

/// A segment's name before its header is on disk.
const UNFINISHED: &str = ".new";

const NAME_DIGITS: usize = 16;

/// What stands in front of a segment's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    /// The oldest segment that the log had when this one was created.
    pub(super) oldest: u64,
    /// Where the records of the segment before this one end. Whatever follows there was never
    /// acknowledged.
    pub(super) previous_end: u64,
}

/// What a file that should be a segment begins with.
pub(super) enum HeaderRead {
    Whole(Header),
    Damaged,
    Newer(u32),
}

impl Header {
    fn encode(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        for number in [self.number, self.oldest, self.previous_end] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> HeaderRead {
        let read = || -> Option<HeaderRead> {
            let covered = bytes.get(..36)?;
            if !covered.starts_with(&MAGIC) || crc32c::crc32c(covered) != u32_at(bytes, 36)? {
                return None;
            }
            let version = u32_at(bytes, 8)?;
            if version > VERSION {
                return Some(HeaderRead::Newer(version));
            }
            Some(HeaderRead::Whole(Self {
                number: u64_at(bytes, 12)?,
                oldest: u64_at(bytes, 20)?,
                previous_end: u64_at(bytes, 28)?,
            }))
        };
        read().unwrap_or(HeaderRead::Damaged)
    }
}

/// The file of a segment.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:0NAME_DIGITS$}.log"))
}

/// The number in the name of a segment's file; nothing for any other name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let plain = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number > 0)
}

/// Whether a file is what an interrupted creation left.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED).and_then(number_of).is_some()
}

/// Creates a segment so that it is there with a whole header, or not at all.
pub(super) fn create(
    disk: &dyn Disk,
    directory: &Path,
    header: Header,
) -> Result<Arc<dyn DiskFile>, LogError> {
    let path = path(directory, header.number);
    let mut unfinished = path.clone().into_os_string();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    // What a former attempt left; that there is none is the ordinary case.
    let _ = disk.remove(&unfinished);
    let file = disk.create(&unfinished).map_err(io_error("create", &unfinished))?;
    file.write_at(&header.encode(), 0).map_err(io_error("write to", &unfinished))?;
    file.sync().map_err(io_error("sync", &unfinished))?;
    disk.rename(&unfinished, &path).map_err(io_error("rename", &unfinished))?;
    disk.sync_directory(directory).map_err(io_error("sync", directory))?;
    Ok(file)
}
