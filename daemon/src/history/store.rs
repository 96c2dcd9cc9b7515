//! The edge of history: the thread that owns its logs, and the reading of chunks.
//!
//! - `head`: samples as they come, synced at most [`SYNC_AFTER`] later.
//! - `raw`, `minute`, `hour`: sealed chunks.
//! - `index`: where the chunks are, so that a start need not read them. It is made again from
//!   the chunks when it is missing.
//! - `summary`: what chunks come to in the next coarser tier, until that has it in chunks of its
//!   own, so that a start need not add it up again. Where one is missing the chunk is read.
//!
//! Each segment also holds the definition of each group that it names, so that retention can
//! drop whole segments. The segments of the head are removed once all that they hold is synced
//! in chunks.

use std::collections::HashMap;
use std::path::Path;

use ccm_proto::model::Interval;

use super::record::{self, Record};
use super::restore::{FoundChunk, ReadRecords, Restore, StripeTier};
use super::segment_rows::SegmentRows;
use super::{GroupId, History, Retention, Tier};
use crate::storage::log::{Log, LogError, LogOptions, LogReader, Position};

mod queue;
mod writer;

pub use queue::StoreHandle;
pub use writer::Store;

/// How long samples may wait for being synced; with the wait for the thread itself this stays
/// below the five seconds that a power loss may cost.
pub const SYNC_AFTER: Interval = Interval::from_secs(3);

/// The sizes of segments.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSizes {
    /// Of the head log; some segments wait for the slowest group to be sealed.
    pub head: u64,
    /// Of the tiers' logs: the grain of retention.
    pub tiers: [u64; 3],
    /// Of the index.
    pub index: u64,
    /// Of the summaries, some of which wait for a week's hours to be sealed.
    pub summary: u64,
}

impl Default for SegmentSizes {
    fn default() -> Self {
        Self { head: 8 << 20, tiers: [8 << 20, 4 << 20, 2 << 20], index: 4 << 20, summary: 4 << 20 }
    }
}

/// A rewritten index is worth it from so many useless entries.
const INDEX_WASTE: usize = 4_096;

/// A log of which each segment holds the definitions that its records need.
#[derive(Debug)]
struct GroupLog {
    log: Log,
    segment_bytes: u64,
    /// In which segment a group was defined last.
    defined: HashMap<GroupId, u64>,
    dirty: bool,
}

/// Opens the log of a name, and says what that found and did.
pub type Opener<'a> = &'a dyn Fn(&str, LogOptions) -> Result<(Log, Vec<String>), LogError>;

impl GroupLog {
    fn open(
        open: Opener<'_>,
        name: &str,
        segment_bytes: u64,
        sentences: &mut Vec<String>,
    ) -> Result<Self, LogError> {
        // Segments are begun here, between a definition and what needs it never.
        let (log, found) = open(name, LogOptions { segment_bytes: u64::MAX })?;
        sentences.extend(found);
        Ok(Self { log, segment_bytes, defined: HashMap::new(), dirty: false })
    }

    /// Begins a new segment when this one has its size.
    fn rotate_if_full(&mut self) -> Result<(), LogError> {
        if self.log.end().offset >= self.segment_bytes { self.log.rotate() } else { Ok(()) }
    }

    /// The segment that the next record goes to; none when the log stopped, since it goes on in
    /// another one.
    fn next_segment(&mut self) -> Option<u64> {
        let known = self.rotate_if_full().is_ok() && self.log.stopped().is_none();
        known.then(|| self.log.end().segment)
    }

    fn append(
        &mut self,
        group: GroupId,
        definition: &[u8],
        record: &[u8],
    ) -> Result<Position, LogError> {
        self.rotate_if_full()?;
        self.dirty = true;
        if self.defined.get(&group) != Some(&self.log.end().segment) {
            let position = self.log.append(definition)?;
            self.defined.insert(group, position.segment);
        }
        let position = self.log.append(record)?;
        if self.defined.get(&group) != Some(&position.segment) {
            // The log began a new segment by itself; a definition may also follow.
            let position = self.log.append(definition)?;
            self.defined.insert(group, position.segment);
        }
        Ok(position)
    }

    /// As [`GroupLog::append`], of a record that needs no definition.
    fn append_alone(&mut self, record: &[u8]) -> Result<Position, LogError> {
        self.rotate_if_full()?;
        self.dirty = true;
        self.log.append(record)
    }

    fn sync(&mut self) -> Result<(), LogError> {
        if self.dirty {
            let synced = self.log.sync();
            if synced.is_err() {
                // What was not synced is not in the log, definitions included.
                self.defined.clear();
            }
            self.dirty = false;
            synced?;
        }
        Ok(())
    }
}

/// The logs of history.
#[derive(Debug)]
pub struct Logs {
    head: GroupLog,
    tiers: [GroupLog; 3],
    index: GroupLog,
    summary: GroupLog,
}

impl Logs {
    /// Opens the logs, and says what an operator should know of their recovery.
    fn open(open: Opener<'_>, sizes: SegmentSizes) -> Result<(Self, Vec<String>), LogError> {
        let mut sentences = Vec::new();
        let mut open = |name: &str, bytes| GroupLog::open(open, name, bytes, &mut sentences);
        let head = open("head", sizes.head)?;
        let [raw, minute, hour] = sizes.tiers;
        let tiers = [
            open(Tier::Raw.name(), raw)?,
            open(Tier::Minute.name(), minute)?,
            open(Tier::Hour.name(), hour)?,
        ];
        let index = open("index", sizes.index)?;
        let summary = open("summary", sizes.summary)?;
        Ok((Self { head, tiers, index, summary }, sentences))
    }
}

/// Reads sealed chunks from any thread. The default one knows no logs, so that all that is asked
/// of it is a gap.
#[derive(Clone, Debug, Default)]
pub struct HistoryReader {
    tiers: Option<[LogReader; 3]>,
}

impl HistoryReader {
    /// The record of a chunk; none when it has been dropped meanwhile or is damaged, which is a
    /// gap in a chart rather than no chart.
    pub(super) fn read(&self, tier: Tier, position: Position) -> Result<Option<Vec<u8>>, LogError> {
        let Some(tiers) = &self.tiers else {
            return Ok(None);
        };
        match tiers[tier.index()].read(position) {
            Ok(record) => Ok(Some(record)),
            Err(LogError::NotFound(_)) => Ok(None),
            Err(error @ LogError::Damaged(_)) => {
                tracing::warn!(%error, tier = tier.name(), "a chunk of history is damaged");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What a start found.
#[derive(Debug)]
pub struct Opened {
    /// All that was kept.
    pub history: History,
    /// Writes what the history wants kept; to be given a thread with [`Store::spawn`].
    pub store: Store,
    /// Reads chunks for queries.
    pub reader: HistoryReader,
    /// What an operator should know.
    pub sentences: Vec<String>,
}

/// Opens the history whose logs `open` opens.
pub fn open(open: Opener<'_>, retention: Retention) -> Result<Opened, LogError> {
    open_with(open, retention, SegmentSizes::default())
}

/// Opens logs in a directory that nobody keeps a reserve for.
pub fn in_directory(
    directory: &Path,
) -> impl Fn(&str, LogOptions) -> Result<(Log, Vec<String>), LogError> {
    move |name, options| {
        let (log, recovery) = Log::open(&directory.join(name), options)?;
        Ok((log, recovery.sentences()))
    }
}

/// As [`open`], with segments of given sizes.
pub fn open_with(
    open: Opener<'_>,
    retention: Retention,
    sizes: SegmentSizes,
) -> Result<Opened, LogError> {
    let (logs, mut sentences) = Logs::open(open, sizes)?;
    let mut opening = Opening { logs, restore: Restore::new(retention), unusable: 0 };
    let found = opening.index();
    let fresh = opening.chunks(&found);
    opening.restore.settle();
    let coverage = opening.restore.coverage();
    let summaries = opening.summaries();
    opening.replay();
    let head = opening.head();
    let Opening { logs, restore, unusable } = opening;
    let (history, orphans) = restore.finish();
    if unusable + orphans > 0 {
        sentences.push(format!(
            "{} records of the history could not be used; what they held is a gap",
            unusable + orphans
        ));
    }
    let reader = HistoryReader { tiers: Some(logs.tiers.each_ref().map(|tier| tier.log.reader())) };
    let mut store = Store::new(logs, coverage, head, summaries);
    store.remember(&history);
    store.index_again(&history, found.entries, &fresh);
    Ok(Opened { history, store, reader, sentences })
}

/// What the index told.
#[derive(Default)]
struct Index {
    entries: usize,
    newest: [Option<Position>; 3],
}

/// Reads what a start rolls up again.
struct Readers {
    tiers: [LogReader; 3],
    summary: LogReader,
}

impl ReadRecords for Readers {
    fn chunk(&self, tier: Tier, position: Position) -> Option<Vec<u8>> {
        self.tiers[tier.index()].read(position).ok()
    }

    fn summary(&self, position: Position) -> Option<Vec<u8>> {
        self.summary.read(position).ok()
    }
}

struct Opening {
    logs: Logs,
    restore: Restore,
    unusable: u64,
}

impl Opening {
    fn index(&mut self) -> Index {
        let mut found = Index::default();
        let oldest = self.logs.tiers.each_ref().map(|tier| tier.log.segments().first().copied());
        let ends = self.logs.tiers.each_ref().map(|tier| tier.log.end());
        for record in self.logs.index.log.scan(None) {
            let Ok((_, bytes)) = record else {
                self.unusable += 1;
                continue;
            };
            if let Ok(Record::Entry { tier, chunk, .. }) = record::decode(&bytes) {
                found.entries += 1;
                let oldest = oldest[tier.index()].map_or(0, |segment| segment.number);
                if chunk.position.segment < oldest || chunk.position >= ends[tier.index()] {
                    continue;
                }
                let newest = &mut found.newest[tier.index()];
                *newest = (*newest).max(Some(chunk.position));
            }
            let kept = self.restore.record(Position::default(), &bytes);
            self.unusable += u64::from(kept.is_err());
        }
        found
    }

    /// The chunks behind those that the index knows; all of them when there is no index.
    fn chunks(&mut self, index: &Index) -> Vec<FoundChunk> {
        let mut fresh = Vec::new();
        for tier in Tier::ALL {
            let known = index.newest[tier.index()];
            for record in self.logs.tiers[tier.index()].log.scan(known) {
                let Ok((position, bytes)) = record else {
                    self.unusable += 1;
                    continue;
                };
                if Some(position) == known {
                    continue;
                }
                match self.restore.record(position, &bytes) {
                    Ok(chunk) => fresh.extend(chunk),
                    Err(_) => self.unusable += 1,
                }
            }
        }
        fresh
    }

    /// Where the summaries are, and which rows each segment adds up. One that cannot be read is
    /// no loss.
    fn summaries(&mut self) -> SegmentRows<StripeTier> {
        let mut rows = SegmentRows::default();
        for (position, bytes) in self.logs.summary.log.scan(None).flatten() {
            if let Ok(Record::Summary(summary)) = record::decode(&bytes) {
                let of = (summary.tier, summary.group, summary.stripe);
                rows.note(position.segment, of, summary.end_seq);
                self.restore.summary(position, &summary);
            }
        }
        rows
    }

    fn replay(&mut self) {
        let records = Readers {
            tiers: self.logs.tiers.each_ref().map(|tier| tier.log.reader()),
            summary: self.logs.summary.log.reader(),
        };
        self.unusable += self.restore.replay(&records);
    }

    /// The samples that are not sealed yet, and which rows each segment holds.
    fn head(&mut self) -> SegmentRows<GroupId> {
        let log = self.logs.head.log.reader();
        // What cannot be read is counted with the rows.
        for (position, bytes) in log.scan(None).flatten() {
            let defined = self.restore.record(position, &bytes);
            self.unusable += u64::from(defined.is_err());
        }
        let found = self.restore.head(|| log.scan(None));
        self.unusable += found.unusable;
        found.rows
    }
}
