//! Entries with checksums, in sled or in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use crate::storage::key::Key;
use crate::storage::log::{FaultKind, Position};

/// What sled may keep in memory besides what it needs. The logs hold the data; the index is small.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

const META: u8 = 0;
const ENTRY: u8 = 1;
const TALLY_KEY: [u8; 2] = [META, b't'];
const DIGEST_BYTES: usize = 8;

/// Why the index did not answer. It is not to be trusted any more in this run; the next start
/// rebuilds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the index failed: {reason}; restart ccmd to have it rebuilt")]
pub struct IndexError {
    /// What happened.
    pub reason: String,
    /// Whether there is no room, or no right to write, rather than something broken.
    pub(super) no_room: bool,
}

impl IndexError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), no_room: false }
    }

    pub(super) fn closed() -> Self {
        Self::new("it is closed")
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        let no_room = FaultKind::of(error) != FaultKind::Device;
        Self { reason: error.to_string(), no_room }
    }
}

impl From<sled::Error> for IndexError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Self::of_io(&error),
            other => Self::new(other.to_string()),
        }
    }
}

/// Changes that are made together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    entries: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    marks: BTreeMap<Vec<u8>, Position>,
}

impl Batch {
    /// Puts an entry, in place of a former one.
    pub fn put(&mut self, key: &Key, value: impl Into<Vec<u8>>) {
        self.entries.insert(entry_key(key.as_bytes()), Some(value.into()));
    }

    /// Removes an entry, if it is there.
    pub fn remove(&mut self, key: &Key) {
        self.entries.insert(entry_key(key.as_bytes()), None);
    }

    /// Notes that a log has been applied up to, and not including, this position.
    pub fn mark(&mut self, log: &str, next: Position) {
        self.marks.insert(mark_key(log), next);
    }
}

/// Number and sum of all entries: what is lost or added behind our back does not add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    entries: u64,
    sum: u64,
}

impl Tally {
    fn add(&mut self, digest: u64) {
        self.entries = self.entries.wrapping_add(1);
        self.sum = self.sum.wrapping_add(digest);
    }

    fn subtract(&mut self, digest: u64) {
        self.entries = self.entries.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(digest);
    }

    fn encode(self) -> Vec<u8> {
        [self.entries.to_le_bytes(), self.sum.to_le_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.split_first_chunk()?;
        let sum = rest.try_into().ok()?;
        Some(Self { entries: u64::from_le_bytes(*entries), sum: u64::from_le_bytes(sum) })
    }
}

/// Where the bytes are.
pub(super) enum Store {
    Sled(sled::Db),
    Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>),
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sled(_) => "Sled",
            Self::Memory(_) => "Memory",
        })
    }
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Raw keys with what they get, or nothing for those that go.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Opens sled in a directory and reads everything once, so that damage shows now.
pub(super) fn open(directory: &Path) -> Result<(Store, Tally), IndexError> {
    let config = sled::Config::new().path(directory).cache_capacity(CACHE_BYTES);
    // Flushing is asked for, never done behind our back: the background thread would swallow
    // errors.
    let store = Store::Sled(config.flush_every_ms(None).open()?);
    let mut seen = Tally::default();
    store.each(|key, stored| {
        let digest = checked(key, stored).map(|(digest, _)| digest)?;
        if key.first() == Some(&ENTRY) {
            seen.add(digest);
        }
        Ok(())
    })?;
    let noted = store.get(&TALLY_KEY)?.as_deref().and_then(Tally::decode).unwrap_or_default();
    if seen != noted {
        return Err(IndexError::new("entries are missing or left over"));
    }
    Ok((store, seen))
}

impl Store {
    pub(super) fn memory() -> Self {
        Self::Memory(RwLock::default())
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let stored = self.raw(key)?;
        stored.map(|stored| Ok(checked(key, &stored)?.1.to_vec())).transpose()
    }

    fn raw(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        match self {
            Self::Sled(db) => guarded(|| Ok(db.get(key)?.map(|stored| stored.to_vec()))),
            Self::Memory(map) => {
                Ok(map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
            }
        }
    }

    /// Entries below a prefix; the keys come without the mark of an entry.
    pub(super) fn range(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Entry>, IndexError> {
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let mut found = Vec::new();
        let mut take = |key: &[u8], stored: &[u8]| -> Result<bool, IndexError> {
            if found.len() >= limit || !key.starts_with(prefix) {
                return Ok(false);
            }
            let value = checked(key, stored)?.1.to_vec();
            found.push((key.get(1..).unwrap_or_default().to_vec(), value));
            Ok(true)
        };
        match self {
            Self::Sled(db) => guarded(|| {
                for item in db.range::<&[u8], _>((start, Bound::Unbounded)) {
                    let (key, stored) = item?;
                    if !take(&key, &stored)? {
                        break;
                    }
                }
                Ok(())
            })?,
            Self::Memory(map) => {
                let map = map.read().unwrap_or_else(PoisonError::into_inner);
                for (key, stored) in map.range::<[u8], _>((start, Bound::Unbounded)) {
                    if !take(key, stored)? {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    fn each(
        &self,
        mut look: impl FnMut(&[u8], &[u8]) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let Self::Sled(db) = self else { return Ok(()) };
        for item in db.iter() {
            let (key, stored) = item?;
            look(&key, &stored)?;
        }
        Ok(())
    }

    /// What a batch changes, with the tally after it.
    pub(super) fn prepare(
        &self,
        batch: Batch,
        mut tally: Tally,
    ) -> Result<(Changes, Tally), IndexError> {
        let mut changes = Vec::with_capacity(batch.entries.len() + batch.marks.len() + 1);
        for (key, value) in batch.entries {
            if let Some(former) = self.raw(&key)? {
                tally.subtract(checked(&key, &former)?.0);
            }
            let stored = value.map(|value| sealed(&key, &value));
            if let Some((digest, _)) = stored {
                tally.add(digest);
            }
            changes.push((key, stored.map(|(_, stored)| stored)));
        }
        for (key, position) in batch.marks {
            let stored = sealed(&key, &encode_position(position)).1;
            changes.push((key, Some(stored)));
        }
        let stored = sealed(&TALLY_KEY, &tally.encode()).1;
        changes.push((TALLY_KEY.to_vec(), Some(stored)));
        Ok((changes, tally))
    }

    pub(super) fn write(&self, changes: Changes) -> Result<(), IndexError> {
        match self {
            Self::Sled(db) => {
                let mut batch = sled::Batch::default();
                for (key, stored) in changes {
                    match stored {
                        Some(stored) => batch.insert(key, stored),
                        None => batch.remove(key),
                    }
                }
                guarded(|| Ok(db.apply_batch(batch)?))
            }
            Self::Memory(map) => {
                let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
                for (key, stored) in changes {
                    match stored {
                        Some(stored) => map.insert(key, stored),
                        None => map.remove(&key),
                    };
                }
                Ok(())
            }
        }
    }

    pub(super) fn clear(&self) -> Result<(), IndexError> {
        match self {
            // Marks go first: a clearing that is interrupted leaves an index that knows it is
            // empty of everything, or one whose tally does not add up.
            Self::Sled(db) => guarded(|| {
                let meta: Vec<_> = db.scan_prefix([META]).keys().collect::<Result<_, _>>()?;
                for key in meta {
                    db.remove(key)?;
                }
                Ok(db.clear()?)
            }),
            Self::Memory(map) => {
                map.write().unwrap_or_else(PoisonError::into_inner).clear();
                Ok(())
            }
        }
    }

    pub(super) fn flush(&self) -> Result<(), IndexError> {
        match self {
            Self::Sled(db) => guarded(|| Ok(db.flush().map(|_| ())?)),
            Self::Memory(_) => Ok(()),
        }
    }
}

/// A panic inside sled is an answer like any other error.
fn guarded<T>(call: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(IndexError::new("its engine panicked")))
}

/// The raw key of an entry.
pub(super) fn entry_key(key: &[u8]) -> Vec<u8> {
    [&[ENTRY], key].concat()
}

/// The raw key of a log's mark.
pub(super) fn mark_key(log: &str) -> Vec<u8> {
    [&[META, b'm'], log.as_bytes()].concat()
}

fn encode_position(position: Position) -> Vec<u8> {
    [position.segment.to_le_bytes(), position.offset.to_le_bytes()].concat()
}

/// What a mark holds.
pub(super) fn decode_position(bytes: &[u8]) -> Option<Position> {
    let Tally { entries, sum } = Tally::decode(bytes)?;
    Some(Position { segment: entries, offset: sum })
}

fn digest(key: &[u8], value: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(value);
    let hash = hasher.finalize();
    hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// A value as it is stored: its digest in front of it.
fn sealed(key: &[u8], value: &[u8]) -> (u64, Vec<u8>) {
    let digest = digest(key, value);
    (digest, [digest.to_le_bytes().as_slice(), value].concat())
}

fn checked<'a>(key: &[u8], stored: &'a [u8]) -> Result<(u64, &'a [u8]), IndexError> {
    let whole = stored.split_first_chunk::<DIGEST_BYTES>().and_then(|(noted, value)| {
        let noted = u64::from_le_bytes(*noted);
        (digest(key, value) == noted).then_some((noted, value))
    });
    whole.ok_or_else(|| IndexError::new("an entry is damaged"))
}
