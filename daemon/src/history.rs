//! History: series kept from readings.
//!
//! [`History`] is the pure core: samples and the time go in, [`HistoryOutput`]s come out, which
//! the [`store`] writes; what it did comes back as [`Stored`]. A query is planned here and run
//! elsewhere, since it reads chunks from disk.
//!
//! Series that arrive together are a group, which is cut into stripes of a few series. A stripe
//! has a stack for each [`Tier`]: open rows, which become compressed pieces, which the store
//! merges into long chunks on disk. Rows of a finer tier are rolled up into the next one when
//! their piece is closed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ccm_proto::model::series::{Range, SeriesSelector};
use ccm_proto::model::{Name, Samples, SeriesKey, Timestamp};

mod block;
mod bytes_io;
mod changes;
mod column;
mod dictionary;
mod maintain;
mod open_rows;
mod query;
mod record;
pub mod restore;
mod segment_rows;
mod spread;
mod stack;
pub mod store;
mod stripe;
mod summary;
pub mod tier;

#[cfg(test)]
mod tests;

pub use bytes_io::DecodeError;
pub use query::{ANSWER_BUCKETS_MAX, BUCKETS_MAX, QueryPlan};
pub use stack::ChunkRef;
pub use store::HistoryReader;
pub use tier::{Retention, Tier};

use crate::storage::log::{LogError, Position};
use dictionary::Dictionary;
use record::{Chunk, Record};
use stack::Piece;
use stripe::{STRIPE_SERIES, Stripe};

/// The most series; bounds the memory that labels without end could take.
const SERIES_MAX: usize = 1_000_000;

/// The most groups; a source whose set of series never rests would make ever more.
const GROUPS_MAX: usize = 65_536;

/// Identifies a set of series that arrive together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// What history wants kept. The loop hands it to the store, in order.
#[derive(Clone, Debug)]
pub enum HistoryOutput {
    /// Which series a group has. Comes before anything else of the group.
    Define {
        /// The group.
        group: GroupId,
        /// How many stripes it has.
        stripes: usize,
        /// The series, for every segment that has other records of the group.
        keys: Arc<[SeriesKey]>,
    },
    /// Samples as they came, for the head log.
    Head {
        /// The group.
        group: GroupId,
        /// The number of the row in its group.
        seq: u64,
        /// When they were taken.
        at: Timestamp,
        /// One number a series.
        values: Vec<f64>,
    },
    /// Pieces to be made one chunk, and kept in a tier's log.
    Seal(Arc<Sealing>),
    /// Segments of a tier's log that are too old.
    Drop {
        /// The tier.
        tier: Tier,
        /// The first segment that stays.
        before: u64,
    },
    /// Nothing of a group is left.
    Forget(GroupId),
}

/// What the store did; the loop hands it to [`History::stored`].
#[derive(Clone, Debug)]
pub enum Stored {
    /// Pieces are safe on disk as a chunk.
    Sealed {
        /// The tier.
        tier: Tier,
        /// The group.
        group: GroupId,
        /// The stripe within the group.
        stripe: u32,
        /// The chunk.
        chunk: ChunkRef,
    },
    /// Pieces could not be written; they stay in memory and are tried again.
    Failed {
        /// The tier.
        tier: Tier,
        /// The group.
        group: GroupId,
        /// The stripe within the group.
        stripe: u32,
        /// When it failed.
        at: Timestamp,
    },
    /// This many samples could not be written to the head log. They are in memory still, and on
    /// disk once they are sealed.
    Unsaved(u64),
}

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The step is zero, or the range is empty or backwards.
    #[error("the range holds no step; give a start before the end and a step of at least 1 ms")]
    EmptyRange,
    /// More buckets than a query may have.
    #[error("the query has {0} buckets, at most {1} are answered; take a longer step")]
    TooManyBuckets(u64, u64),
    /// A chunk could not be read.
    #[error("history could not be read: {0}")]
    Read(#[from] LogError),
    /// A chunk is not what it should be.
    #[error("history holds a chunk that cannot be used: {0}")]
    Decode(#[from] DecodeError),
}

/// Figures about what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryStats {
    /// Series that anything is kept of.
    pub series: u64,
    /// Samples taken in since the start.
    pub samples: u64,
    /// Samples refused: not newer than the last of their source, of too many series, or of keys
    /// that are too long to be recorded.
    pub refused: u64,
    /// Samples that were not saved at once, because the disk did not take them.
    pub unsaved: u64,
    /// Rows given up, because the disk took nothing for so long that memory ran out.
    pub lost: u64,
    /// Bytes in memory: open rows, pieces and the index of chunks.
    pub head_bytes: u64,
    /// Bytes of sealed chunks on disk.
    pub chunk_bytes: u64,
    /// Sealed chunks on disk.
    pub chunks: u64,
}

/// Pieces of one stripe that are to become a chunk.
#[derive(Debug)]
pub struct Sealing {
    tier: Tier,
    group: GroupId,
    stripe: u32,
    pieces: Vec<Arc<Piece>>,
}

impl Sealing {
    /// Merges the pieces and makes the record. This is the work of some milliseconds.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let last = self.pieces.last().ok_or(DecodeError::Short)?;
        let block = block::merge(self.pieces.iter().map(|piece| &*piece.block))?;
        let first = self.pieces.iter().map(|piece| piece.first).min();
        let newest = self.pieces.iter().map(|piece| piece.last).max();
        let chunk = Chunk {
            tier: self.tier,
            group: self.group,
            stripe: self.stripe,
            end_seq: last.end_seq,
            through: last.through,
            first: first.unwrap_or_default(),
            last: newest.unwrap_or_default(),
            block: &block,
        };
        Ok(chunk.encode())
    }
}

/// The compressed block of a chunk's record.
fn chunk_block(record: &[u8]) -> Result<&[u8], DecodeError> {
    match record::decode(record)? {
        Record::Chunk(chunk) => Ok(chunk.block),
        _ => Err(DecodeError::Unknown),
    }
}

/// Series that arrive together.
#[derive(Debug)]
struct Group {
    source: Name,
    series: usize,
    next_seq: u64,
    stripes: Vec<Stripe>,
    /// Nothing has come for long, so everything is to be sealed as it is.
    idle: bool,
}

impl Group {
    fn new(id: GroupId, keys: &[SeriesKey]) -> Option<Self> {
        let source = keys.first()?.source.clone();
        let phase = |index: usize| index.wrapping_mul(7).wrapping_add(id.0 as usize);
        let stripes = keys.chunks(STRIPE_SERIES).enumerate();
        let stripes = stripes.map(|(index, keys)| Stripe::new(keys.len(), phase(index))).collect();
        Some(Self { source, series: keys.len(), next_seq: 0, stripes, idle: false })
    }

    fn push(&mut self, seq: u64, time: i64, values: &[f64]) {
        self.next_seq = seq + 1;
        self.idle = false;
        for (index, stripe) in self.stripes.iter_mut().enumerate() {
            let from = index * STRIPE_SERIES;
            let to = values.len().min(from + STRIPE_SERIES);
            stripe.push(seq, time, values.get(from..to).unwrap_or_default());
        }
    }
}

/// Bytes and newest time of a segment of a tier's log.
#[derive(Clone, Copy, Debug, Default)]
struct SegmentUse {
    bytes: u64,
    chunks: u64,
    newest: i64,
}

/// Series over time.
#[derive(Debug, Default)]
pub struct History {
    retention: Retention,
    dictionary: Dictionary,
    groups: BTreeMap<GroupId, Group>,
    next_group: u32,
    /// The newest time of each source.
    newest: HashMap<Name, i64>,
    segments: [BTreeMap<u64, SegmentUse>; 3],
    samples: u64,
    refused: u64,
    unsaved: u64,
    lost: u64,
    next_retention: Timestamp,
}

impl History {
    /// An empty history.
    pub fn new(retention: Retention) -> Self {
        Self { retention, ..Self::default() }
    }

    /// Takes samples in. Not-a-number and infinite stand for a missing value. Samples that are
    /// not newer than the last of their source (of the first key) are refused and counted.
    pub fn append(&mut self, at: Timestamp, samples: &Samples, out: &mut Vec<HistoryOutput>) {
        let count = samples.keys.len() as u64;
        let Some(source) = samples.keys.first().map(|key| &key.source) else {
            return;
        };
        let time = at.as_millis();
        match self.newest.get_mut(source) {
            Some(newest) if time <= *newest => {
                self.refused += count;
                return;
            }
            Some(newest) => *newest = time,
            None => drop(self.newest.insert(source.clone(), time)),
        }
        let Some(id) = self.group_of(&samples.keys, out) else {
            self.refused += count;
            return;
        };
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        self.samples += count;
        let values = samples.values.get(..group.series).unwrap_or(&samples.values);
        let seq = group.next_seq;
        out.push(HistoryOutput::Head { group: id, seq, at, values: values.to_vec() });
        group.push(seq, time, values);
    }

    fn group_of(
        &mut self,
        keys: &Arc<[SeriesKey]>,
        out: &mut Vec<HistoryOutput>,
    ) -> Option<GroupId> {
        if let Some(id) = self.dictionary.resolve(keys).or_else(|| self.dictionary.adopt(keys)) {
            return Some(id);
        }
        let series = self.dictionary.len() + keys.len();
        if series > SERIES_MAX || self.groups.len() >= GROUPS_MAX || !record::fits(keys) {
            return None;
        }
        let id = GroupId(self.next_group);
        let group = Group::new(id, keys)?;
        let stripes = group.stripes.len();
        self.next_group = self.next_group.checked_add(1)?;
        self.dictionary.insert(id, keys);
        self.groups.insert(id, group);
        out.push(HistoryOutput::Define { group: id, stripes, keys: Arc::clone(keys) });
        Some(id)
    }

    /// Takes note of what the store did.
    #[expect(clippy::needless_pass_by_value, reason = "an answer is taken once")]
    pub fn stored(&mut self, stored: Stored) {
        match stored {
            Stored::Unsaved(samples) => self.unsaved += samples,
            Stored::Failed { tier, group, stripe, at } => {
                if let Some(stripe) = self.stripe_mut(group, stripe) {
                    let stack = stripe.stack_mut(tier);
                    stack.sealing = 0;
                    stack.retry_at = Some(at + maintain::RETRY);
                }
            }
            Stored::Sealed { tier, group, stripe, chunk } => {
                let Some(stripe) = self.stripe_mut(group, stripe) else {
                    return;
                };
                stripe.stack_mut(tier).keep(chunk);
                self.count(tier, &chunk);
            }
        }
    }

    fn stripe_mut(&mut self, group: GroupId, stripe: u32) -> Option<&mut Stripe> {
        self.groups.get_mut(&group)?.stripes.get_mut(stripe as usize)
    }

    fn count(&mut self, tier: Tier, chunk: &ChunkRef) {
        let segment = self.segments[tier.index()]
            .entry(chunk.position.segment)
            .or_insert(SegmentUse { bytes: 0, chunks: 0, newest: i64::MIN });
        segment.bytes += u64::from(chunk.bytes);
        segment.chunks += 1;
        segment.newest = segment.newest.max(chunk.last);
    }

    /// The series that a selector means, in order.
    pub fn select(&self, selector: &SeriesSelector) -> Vec<SeriesKey> {
        let meant = |key: &&SeriesKey| selector.matches(key);
        let mut keys: Vec<_> = self.dictionary.series().filter(meant).cloned().collect();
        keys.sort();
        keys
    }

    /// What must be read to answer a range query over some series, each named once. Buckets
    /// begin at multiples of the step: the first holds the start, the last what is before the
    /// end. Each holds all samples of its step.
    pub fn plan(&self, keys: &[SeriesKey], range: Range) -> Result<QueryPlan, HistoryError> {
        query::plan(self, keys, range)
    }

    /// Figures about what is kept.
    pub fn stats(&self) -> HistoryStats {
        let segments = self.segments.iter().flat_map(BTreeMap::values);
        HistoryStats {
            series: self.dictionary.len() as u64,
            samples: self.samples,
            refused: self.refused,
            unsaved: self.unsaved,
            lost: self.lost,
            head_bytes: self.heap_bytes() as u64,
            chunk_bytes: segments.clone().map(|segment| segment.bytes).sum(),
            chunks: segments.map(|segment| segment.chunks).sum(),
        }
    }

    /// Bytes of everything but the dictionary.
    fn heap_bytes(&self) -> usize {
        let stripes = self.groups.values().flat_map(|group| &group.stripes);
        stripes.map(|stripe| size_of::<Stripe>() + stripe.heap_bytes()).sum::<usize>()
    }

    /// Bytes of open data, of the dictionary, and of the keys, which the sources hold as well.
    pub fn memory(&self) -> (usize, usize, usize) {
        let (dictionary, keys) = self.dictionary.heap_bytes();
        (self.heap_bytes(), dictionary, keys)
    }
}
