//! What can go wrong with a log, in words for operators.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Position;

/// Why a call to the file system failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was being done: "write to", "sync".
    pub operation: &'static str,
    /// To which file or directory.
    pub file: PathBuf,
    /// What helps.
    pub kind: FaultKind,
    /// The system's own words.
    pub cause: String,
}

/// What kind of trouble it is, because the remedies differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No space, no inode or no quota left.
    Full,
    /// The file system is read-only or access is denied.
    Refused,
    /// Everything else: the device is suspect.
    Device,
}

impl FaultKind {
    /// Sorts an error of the file system.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Refused,
            _ => Self::Device,
        }
    }
}

impl Fault {
    /// A fault while doing `operation` to `file`.
    pub fn new(operation: &'static str, file: &Path, error: &io::Error) -> Self {
        Self {
            operation,
            file: file.to_owned(),
            kind: FaultKind::of(error),
            cause: error.to_string(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.kind {
            FaultKind::Full => "free some space",
            FaultKind::Refused => "make it writable for the daemon's user",
            FaultKind::Device => "check the disk",
        };
        let file = self.file.display();
        write!(formatter, "cannot {} {file}: {}; {remedy}", self.operation, self.cause)
    }
}

/// Bytes of a log that cannot be read back as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// The segment.
    pub segment: u64,
    /// Where in the file the damage begins.
    pub offset: u64,
    /// How many bytes are lost.
    pub bytes: u64,
    /// What is damaged.
    pub kind: DamageKind,
}

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// One or more records.
    Records,
    /// The segment's header; its records are still read.
    Header,
    /// The file ends before its known end.
    Shortened,
    /// Whole segments are not there, from `segment` to this one.
    Missing {
        /// The last one that is missing.
        through: u64,
    },
    /// The file that says which segments there should be; what it said is found out anew.
    Extent,
    /// A file with the name of one segment and the content of another; it is left alone.
    Misplaced,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        let Self { offset, bytes, segment, .. } = self;
        match self.kind {
            DamageKind::Records => {
                write!(
                    formatter,
                    "{file} is damaged at byte {offset}: {bytes} bytes of records are lost; restore it from a backup"
                )
            }
            DamageKind::Header => {
                write!(formatter, "the header of {file} is damaged; its records are still read")
            }
            DamageKind::Shortened => {
                write!(
                    formatter,
                    "{file} ends at byte {offset}: its last {bytes} bytes are lost; restore it from a backup"
                )
            }
            DamageKind::Missing { through } if through == *segment => {
                write!(formatter, "{file} is missing; restore it from a backup")
            }
            DamageKind::Missing { through } => {
                write!(
                    formatter,
                    "{file} and all after it up to number {through} are missing; restore them from a backup"
                )
            }
            DamageKind::Extent => {
                write!(
                    formatter,
                    "{file} is damaged; missing segments at either end of the log would not be noticed"
                )
            }
            DamageKind::Misplaced => {
                write!(
                    formatter,
                    "{file} holds another segment than its name says and is ignored; move it away"
                )
            }
        }
    }
}

/// Why a log did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The file system failed while reading, or before anything was at stake.
    #[error("{0}")]
    Io(Fault),
    /// A write or a sync failed: the log takes nothing more until it is resumed, and what was not
    /// synced is not part of it.
    #[error("the log takes no records since it could not be written: {0}")]
    Stopped(Fault),
    /// Something that was written cannot be read back.
    #[error("{0}")]
    Damaged(Damage),
    /// The record is larger than any record may be.
    #[error("a record of {bytes} bytes is larger than the limit of {limit}; split it")]
    TooLarge {
        /// The record's size.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
    /// A newer ccmd wrote this.
    #[error("{} has format {found}, this ccmd reads up to {known}; use a newer ccmd", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        known: u32,
    },
    /// There is no record at this position, for example because its segment has been removed.
    #[error("the log has no record at {0}; read from an existing position")]
    NotFound(Position),
}

impl LogError {
    /// Whether the file system has no room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io(fault) | Self::Stopped(fault) if fault.kind == FaultKind::Full)
    }
}

/// Adds to an error of the file system what was being done to which file.
pub(super) fn io_error(operation: &'static str, file: &Path) -> impl FnOnce(io::Error) -> LogError {
    move |error| LogError::Io(Fault::new(operation, file, &error))
}
