//! Going through the records of one segment, past damage, without ever trusting what is read.

use std::io;
use std::sync::Arc;

use super::frame::{FRAME_BYTES, Frame};
use crate::storage::disk::DiskFile;

/// How much is read ahead. Large enough that a scan is bound by the disk, small enough for many
/// readers at once.
const WINDOW_BYTES: usize = 256 * 1024;

/// What is found at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A whole record.
    Record { offset: u64, synced: u64, payload: Vec<u8> },
    /// Bytes that are no record, up to the next record or the end.
    Damage { offset: u64, until: u64 },
    /// There is no more.
    End,
}

/// A walk through the bytes `at..end` of a segment.
#[derive(Debug)]
pub(super) struct Walk {
    window: Window,
    segment: u64,
    at: u64,
    end: u64,
}

impl Walk {
    /// `end` is at most the length of the file.
    pub(super) fn new(file: Arc<dyn DiskFile>, segment: u64, at: u64, end: u64) -> Self {
        let window = Window { file, start: 0, end, bytes: Vec::new() };
        Self { window, segment, at, end }
    }

    /// The next step. Always moves on, so that a walk ends whatever the file holds.
    pub(super) fn step(&mut self) -> io::Result<Step> {
        let offset = self.at;
        if offset >= self.end {
            return Ok(Step::End);
        }
        let Some(frame) = self.frame_at(offset)? else {
            self.at = self.next_record(offset + 1)?;
            return Ok(Step::Damage { offset, until: self.at });
        };
        self.at = frame.end(offset).min(self.end);
        match self.payload_of(frame, offset)? {
            Some(payload) => Ok(Step::Record { offset, synced: frame.synced.into(), payload }),
            None => Ok(Step::Damage { offset, until: self.at }),
        }
    }

    fn frame_at(&mut self, offset: u64) -> io::Result<Option<Frame>> {
        if offset + FRAME_BYTES > self.end {
            return Ok(None);
        }
        let bytes = self.window.get(offset, FRAME_BYTES as usize)?;
        Ok(Frame::decode(self.segment, offset, bytes))
    }

    fn payload_of(&mut self, frame: Frame, offset: u64) -> io::Result<Option<Vec<u8>>> {
        if frame.end(offset) > self.end {
            return Ok(None);
        }
        let segment = self.segment;
        let bytes = self.window.get(offset + FRAME_BYTES, frame.payload_bytes as usize)?;
        Ok(frame.proves(segment, offset, bytes).then(|| bytes.to_vec()))
    }

    /// The next place that proves to be a record's. A header's checksum covers its place, so what
    /// merely looks like a record (a log kept inside a record) is not taken for one.
    fn next_record(&mut self, from: u64) -> io::Result<u64> {
        let mut at = from;
        while at + FRAME_BYTES <= self.end {
            if self.frame_at(at)?.is_some_and(|frame| frame.end(at) <= self.end) {
                return Ok(at);
            }
            at += 1;
        }
        Ok(self.end)
    }
}

/// A piece of the file in memory.
#[derive(Debug)]
struct Window {
    file: Arc<dyn DiskFile>,
    start: u64,
    /// Nothing behind this is read ahead.
    end: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes from `offset`; fewer when the file ends.
    fn get(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let have = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + count as u64 > have {
            let ahead = self.end.saturating_sub(offset).min(WINDOW_BYTES as u64) as usize;
            self.bytes.resize(count.max(ahead), 0);
            self.start = offset;
            let filled = self.file.read_at(&mut self.bytes, offset).inspect_err(|_| {
                self.bytes.clear();
            })?;
            self.bytes.truncate(filled);
        }
        let from = (offset - self.start) as usize;
        let until = (from + count).min(self.bytes.len());
        Ok(self.bytes.get(from..until).unwrap_or_default())
    }
}
