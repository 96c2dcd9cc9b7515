//! Finding out, at opening, what a directory holds of a log, whatever it holds.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Damage, DamageKind, Fault, LogError, io_error};
use super::extent::{self, Extent, ExtentFile};
use super::segment::{self, HEADER_BYTES, Header, HeaderRead, VERSION};
use super::walk::{Step, Walk};
use crate::storage::disk::{Disk, DiskFile};

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRecovery {
    /// The unfinished end of an interrupted write, which was cut. None of it was acknowledged,
    /// as far as the log can know.
    pub cut: Option<Cut>,
    /// What was lost. The log goes on without it.
    pub damages: Vec<Damage>,
    /// Why the log takes no records yet, though it can be read.
    pub stopped: Option<Fault>,
}

/// A torn tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The file.
    pub file: PathBuf,
    /// Its new end.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

impl LogRecovery {
    /// One sentence for each thing that an operator should know.
    pub fn sentences(&self) -> Vec<String> {
        let cut = self.cut.iter().map(Cut::to_string);
        let damages = self.damages.iter().map(Damage::to_string);
        cut.chain(damages).chain(self.stopped.iter().map(Fault::to_string)).collect()
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, bytes } = self;
        let file = file.display();
        write!(
            formatter,
            "{file} ended in an unfinished write: {bytes} bytes from byte {offset} were cut"
        )
    }
}

/// What is there.
#[derive(Debug)]
pub(super) struct Found {
    /// End of the records of each segment by number, from the oldest.
    pub(super) ends: BTreeMap<u64, u64>,
    pub(super) oldest: u64,
    /// No segment so far has a larger number.
    pub(super) newest: u64,
    /// The last segment, when records can be appended to it.
    pub(super) active: Option<Tail>,
    pub(super) extent: ExtentFile,
    pub(super) recovery: LogRecovery,
}

/// The last segment's end.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) number: u64,
    /// All records before this are whole.
    pub(super) end: u64,
    /// Records before this were known to be on disk.
    pub(super) synced: u64,
    /// Length of the file, which is more than `end` when there is something to cut.
    pub(super) length: u64,
}

/// Looks through a log's directory and changes nothing in it.
pub(super) fn find(disk: &dyn Disk, directory: &Path) -> Result<Found, LogError> {
    let names = match disk.list(directory) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(io_error("list", directory)(error)),
    };
    let (extent, known) = ExtentFile::open(disk, directory)?;
    let mut recovery = LogRecovery::default();
    let files = headers(disk, directory, &names, &mut recovery)?;
    if known.is_none() && !files.is_empty() {
        let path = directory.join("extent");
        recovery.damages.push(damage(path, 0, 0, 0, DamageKind::Extent));
    }
    let known = known.unwrap_or_default();
    let oldest = oldest(&files, known);
    let newest = files.keys().next_back().copied().unwrap_or(0).max(known.newest);
    let mut survey = Survey { disk, directory, known, recovery };
    let files: BTreeMap<_, _> = files.into_iter().filter(|(at, _)| *at >= oldest).collect();
    survey.gaps(&files, oldest, newest);
    let ends = survey.ends(&files);
    let (ends, active) = survey.tail(ends, newest)?;
    Ok(Found { ends, oldest, newest, active, extent, recovery: survey.recovery })
}

/// Removes what interrupted creations and removals left. Nothing depends on it, so a failure is
/// left for the next time.
pub(super) fn tidy(disk: &dyn Disk, directory: &Path, oldest: u64) {
    for name in disk.list(directory).unwrap_or_default() {
        let retired = segment::number_of(&name).is_some_and(|number| number < oldest);
        if retired || extent::is_unfinished(&name) {
            let _ = disk.remove(&directory.join(name));
        }
    }
}

/// A segment file, and its header if that is whole.
#[derive(Debug)]
struct SegmentFile {
    length: u64,
    header: Option<Header>,
}

fn headers(
    disk: &dyn Disk,
    directory: &Path,
    names: &[String],
    recovery: &mut LogRecovery,
) -> Result<BTreeMap<u64, SegmentFile>, LogError> {
    let mut files = BTreeMap::new();
    for number in names.iter().filter_map(|name| segment::number_of(name)) {
        let path = segment::path(directory, number);
        let file = disk.open(&path).map_err(io_error("open", &path))?;
        let length = file.length().map_err(io_error("measure", &path))?;
        let mut bytes = [0; HEADER_BYTES as usize];
        file.read_at(&mut bytes, 0).map_err(io_error("read", &path))?;
        let header = match Header::decode(&bytes) {
            HeaderRead::Newer(found) => {
                return Err(LogError::Version { file: path, found, known: VERSION });
            }
            HeaderRead::Whole(header) if header.number != number => {
                recovery.damages.push(damage(path, number, 0, length, DamageKind::Misplaced));
                continue;
            }
            HeaderRead::Whole(header) => Some(header),
            HeaderRead::Damaged => {
                recovery.damages.push(damage(path, number, 0, 0, DamageKind::Header));
                None
            }
        };
        files.insert(number, SegmentFile { length, header });
    }
    Ok(files)
}

/// Segments before this have been removed on purpose.
fn oldest(files: &BTreeMap<u64, SegmentFile>, known: Extent) -> u64 {
    let said = files.values().filter_map(|file| Some(file.header?.oldest)).max();
    let first = files.keys().next().copied();
    let told = said.unwrap_or(0).max(known.oldest);
    if told > 0 { told } else { first.unwrap_or(1) }
}

fn damage(file: PathBuf, segment: u64, offset: u64, bytes: u64, kind: DamageKind) -> Damage {
    Damage { file, segment, offset, bytes, kind }
}

struct Survey<'a> {
    disk: &'a dyn Disk,
    directory: &'a Path,
    known: Extent,
    recovery: LogRecovery,
}

impl Survey<'_> {
    fn report(&mut self, segment: u64, offset: u64, bytes: u64, kind: DamageKind) {
        let path = segment::path(self.directory, segment);
        self.recovery.damages.push(damage(path, segment, offset, bytes, kind));
    }

    fn gaps(&mut self, files: &BTreeMap<u64, SegmentFile>, oldest: u64, newest: u64) {
        let mut expected = oldest;
        let ends = files.keys().copied().chain((newest > 0).then_some(newest + 1));
        for number in ends.collect::<Vec<_>>() {
            if number > expected {
                self.report(expected, 0, 0, DamageKind::Missing { through: number - 1 });
            }
            expected = number + 1;
        }
    }

    /// Where the records of each segment end, as the next segment's header has it.
    fn ends(&mut self, files: &BTreeMap<u64, SegmentFile>) -> BTreeMap<u64, u64> {
        let mut ends = BTreeMap::new();
        for (number, file) in files {
            let next = files.get(&(number + 1)).and_then(|next| next.header);
            let sealed_at = next.map(|header| header.previous_end);
            if let Some(end) = sealed_at.filter(|end| *end > file.length) {
                self.report(*number, file.length, end - file.length, DamageKind::Shortened);
            }
            ends.insert(*number, sealed_at.unwrap_or(file.length).min(file.length));
        }
        ends
    }

    /// Looks at the last segment, which may end in an interrupted write.
    fn tail(
        &mut self,
        mut ends: BTreeMap<u64, u64>,
        newest: u64,
    ) -> Result<(BTreeMap<u64, u64>, Option<Tail>), LogError> {
        let Some((&number, &length)) = ends.last_key_value() else { return Ok((ends, None)) };
        let path = segment::path(self.directory, number);
        let file = self.disk.open(&path).map_err(io_error("open", &path))?;
        let promised = if self.known.newest == number { self.known.synced } else { 0 };
        let seen = inspect(Arc::clone(&file), number, length).map_err(io_error("read", &path))?;
        let synced = seen.synced.max(promised);
        let (lost, torn): (Vec<_>, Vec<_>) =
            seen.damages.iter().partition(|(offset, _)| *offset < synced);
        for (offset, until) in &lost {
            self.report(number, *offset, until - offset, DamageKind::Records);
        }
        if promised > length {
            self.report(number, length, promised - length, DamageKind::Shortened);
        }
        let end = torn.first().map_or(length, |(offset, _)| *offset).max(HEADER_BYTES.min(length));
        if end < length {
            self.recovery.cut = Some(Cut { file: path, offset: end, bytes: length - end });
        }
        ends.insert(number, end);
        let header_lost = self.recovery.damages.iter().any(|damage| damage.segment == number);
        let usable = number == newest && !header_lost;
        let tail = Tail { file, number, end, synced: synced.min(end), length };
        Ok((ends, usable.then_some(tail)))
    }
}

/// The damages (from, until) of a segment, and how far it was known to be on disk.
pub(super) struct Seen {
    pub(super) damages: Vec<(u64, u64)>,
    synced: u64,
}

pub(super) fn inspect(file: Arc<dyn DiskFile>, number: u64, length: u64) -> io::Result<Seen> {
    let mut seen = Seen { damages: Vec::new(), synced: HEADER_BYTES };
    let mut walk = Walk::new(file, number, HEADER_BYTES, length);
    loop {
        match walk.step()? {
            Step::Record { synced, .. } => seen.synced = seen.synced.max(synced),
            Step::Damage { offset, until } => seen.damages.push((offset, until)),
            Step::End => return Ok(seen),
        }
    }
}
