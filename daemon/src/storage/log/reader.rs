//! Reading a log, also from other threads while it is written.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::error::{Damage, DamageKind, Fault, LogError, io_error};
use super::frame::{FRAME_BYTES, Frame};
use super::segment::{self, HEADER_BYTES};
use super::walk::{Step, Walk};
use super::{Position, SegmentInfo};
use crate::storage::disk::{Disk, DiskFile};

/// What the writer and the readers of a log have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: PathBuf,
    extent: RwLock<Extent>,
}

/// What can be read.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// End of the records of each segment.
    pub(super) ends: BTreeMap<u64, u64>,
    /// What opening found missing; no walk through the files would show it.
    pub(super) missing: Vec<Damage>,
    /// Why the log takes no records.
    pub(super) stopped: Option<Fault>,
}

impl Shared {
    pub(super) fn new(disk: Arc<dyn Disk>, directory: &Path) -> Self {
        Self { disk, directory: directory.to_owned(), extent: RwLock::default() }
    }

    pub(super) fn extent(&self) -> RwLockReadGuard<'_, Extent> {
        self.extent.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn extent_mut(&self) -> RwLockWriteGuard<'_, Extent> {
        self.extent.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self, segment: u64) -> PathBuf {
        segment::path(&self.directory, segment)
    }

    fn open(&self, segment: u64) -> Result<Arc<dyn DiskFile>, LogError> {
        let path = self.path(segment);
        self.disk.open(&path).map_err(io_error("open", &path))
    }
}

/// Reads a log. Clones read the same log; all of it is also possible while the log is written.
#[derive(Clone, Debug)]
pub struct LogReader {
    pub(super) shared: Arc<Shared>,
}

impl LogReader {
    /// The record at a position that [`super::Log::append`] or a scan gave.
    pub fn read(&self, position: Position) -> Result<Vec<u8>, LogError> {
        let Position { segment, offset } = position;
        let end = self.shared.extent().ends.get(&segment).copied();
        let begins_inside = |end: &u64| offset >= HEADER_BYTES && offset < *end;
        let end = end.filter(begins_inside).ok_or(LogError::NotFound(position))?;
        let path = self.shared.path(segment);
        let file = self.shared.open(segment)?;
        let mut header = [0; FRAME_BYTES as usize];
        file.read_at(&mut header, offset).map_err(io_error("read", &path))?;
        let damaged = |until: u64| {
            let (file, kind) = (path.clone(), DamageKind::Records);
            LogError::Damaged(Damage { file, segment, offset, bytes: until - offset, kind })
        };
        let frame = Frame::decode(segment, offset, &header)
            .filter(|frame| frame.end(offset) <= end)
            .ok_or_else(|| damaged(end.min(offset + FRAME_BYTES)))?;
        let mut payload = vec![0; frame.payload_bytes as usize];
        let count =
            file.read_at(&mut payload, offset + FRAME_BYTES).map_err(io_error("read", &path))?;
        payload.truncate(count);
        let proven = frame.proves(segment, offset, &payload);
        proven.then_some(payload).ok_or_else(|| damaged(frame.end(offset)))
    }

    /// All records from a position on, or from the oldest.
    ///
    /// An error is not the end: what is damaged is reported and the records behind it follow. A
    /// position before the oldest segment stands for the oldest. The scan ends where the log ends
    /// when it gets there.
    pub fn scan(&self, from: Option<Position>) -> Scan {
        let told = from.and_then(|from| from.segment.checked_sub(1));
        let from = from.unwrap_or_default();
        Scan { shared: Arc::clone(&self.shared), next: from, told, walk: None }
    }

    /// Reads everything and says what cannot be read.
    pub fn verify(&self) -> Vec<LogError> {
        self.scan(None).filter_map(Result::err).collect()
    }

    /// The segments from the oldest to the newest.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let extent = self.shared.extent();
        extent.ends.iter().map(|(&number, &bytes)| SegmentInfo { number, bytes }).collect()
    }

    /// Where the next record will be, or would be.
    pub fn end(&self) -> Position {
        let extent = self.shared.extent();
        let last = extent.ends.last_key_value();
        last.map_or(Position::default(), |(&segment, &offset)| Position { segment, offset })
    }

    /// Whether a position is at or before the log's end. An index that was applied further than
    /// that has seen records that are lost.
    pub fn covers(&self, position: Position) -> bool {
        position <= self.end()
    }

    /// Why the log takes no records, if it does not.
    pub fn stopped(&self) -> Option<Fault> {
        self.shared.extent().stopped.clone()
    }
}

/// The records of a log, in order.
#[derive(Debug)]
pub struct Scan {
    shared: Arc<Shared>,
    next: Position,
    /// What is missing up to this segment has been reported.
    told: Option<u64>,
    walk: Option<Walk>,
}

impl Scan {
    /// Goes to the segment of `next`, or to the first one after it.
    fn enter(&mut self) -> Option<Result<(), LogError>> {
        let found = self.shared.extent().ends.range(self.next.segment..).next().map(as_pair);
        if let Some(damage) = self.missing(found.map(|(segment, _)| segment)) {
            self.told = Some(damage.segment);
            return Some(Err(LogError::Damaged(damage)));
        }
        let (segment, end) = found?;
        let first = if segment == self.next.segment { self.next.offset } else { 0 };
        self.next = Position { segment, offset: first.max(HEADER_BYTES) };
        match self.shared.open(segment) {
            Ok(file) => {
                self.walk = Some(Walk::new(file, segment, self.next.offset, end));
                Some(Ok(()))
            }
            Err(error) => {
                self.leave();
                let removed = !self.shared.extent().ends.contains_key(&segment);
                Some(if removed { Ok(()) } else { Err(error) })
            }
        }
    }

    /// What is missing up to a segment, or up to the end, and was not reported yet.
    fn missing(&self, until: Option<u64>) -> Option<Damage> {
        let extent = self.shared.extent();
        let until = until.unwrap_or(u64::MAX);
        let due = |damage: &&Damage| Some(damage.segment) > self.told && damage.segment <= until;
        extent.missing.iter().filter(due).min_by_key(|damage| damage.segment).cloned()
    }

    fn leave(&mut self) {
        self.walk = None;
        self.next = Position { segment: self.next.segment.saturating_add(1), offset: 0 };
    }

    fn failed(&mut self, error: io::Error) -> LogError {
        let path = self.shared.path(self.next.segment);
        self.leave();
        io_error("read", &path)(error)
    }
}

fn as_pair((number, end): (&u64, &u64)) -> (u64, u64) {
    (*number, *end)
}

impl Iterator for Scan {
    type Item = Result<(Position, Vec<u8>), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let segment = self.next.segment;
            let Some(walk) = &mut self.walk else {
                match self.enter()? {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            match walk.step() {
                Ok(Step::Record { offset, payload, .. }) => {
                    return Some(Ok((Position { segment, offset }, payload)));
                }
                Ok(Step::Damage { offset, until }) => {
                    let (file, kind) = (self.shared.path(segment), DamageKind::Records);
                    let damage = Damage { file, segment, offset, bytes: until - offset, kind };
                    return Some(Err(LogError::Damaged(damage)));
                }
                Ok(Step::End) => self.leave(),
                Err(error) => return Some(Err(self.failed(error))),
            }
        }
    }
}
