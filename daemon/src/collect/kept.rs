//! A file that is read again and again.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// The most that is read of one file: `/proc/stat` of 4,096 cores is well below it.
const FILE_MAX: usize = 4 << 20;

/// What the buffer grows by.
const STEP: usize = 4 << 10;

/// A file of procfs or sysfs, kept open: reading it from the start gives its present content.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    file: Option<File>,
    buffer: Vec<u8>,
}

impl Kept {
    /// Nothing is opened yet.
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None, buffer: Vec::new() }
    }

    /// The content; none when there is no such file here.
    pub(super) fn text(&mut self) -> Option<Cow<'_, str>> {
        self.try_text().ok()
    }

    /// The content, or why there is none.
    pub(super) fn try_text(&mut self) -> io::Result<Cow<'_, str>> {
        let read = self.fill();
        if read.is_err() {
            self.file = None;
        }
        let length = read?;
        Ok(String::from_utf8_lossy(self.buffer.get(..length).unwrap_or_default()))
    }

    fn fill(&mut self) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::open(&self.path)?),
        };
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                if length >= FILE_MAX {
                    return Ok(length);
                }
                self.buffer.resize(length + STEP, 0);
            }
            let room = self.buffer.get_mut(length..).unwrap_or_default();
            match file.read_at(room, length as u64) {
                Ok(0) => return Ok(length),
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
