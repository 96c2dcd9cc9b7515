//! Making a history again from what the logs hold.

use std::collections::HashMap;
use std::sync::Arc;

use ccm_proto::model::{Name, SeriesKey};

use super::block::Block;
use super::record::{self, Record, Row, RowReader, Summary};
use super::segment_rows::SegmentRows;
use super::spread::{spread, threads};
use super::stack::{ChunkRef, Stack, rows_of};
use super::summary::Part;
use super::{DecodeError, Group, GroupId, History, LogError, Position, Retention, Stripe, Tier};

/// A chunk that must be read, since the next coarser tier has not all of it on disk.
#[derive(Clone, Copy, Debug)]
struct Replay {
    tier: Tier,
    chunk: ChunkRef,
    /// The first row that is not contained in the coarser tier.
    from: u64,
}

/// What was found in the head log.
#[derive(Debug, Default)]
pub(crate) struct HeadFound {
    pub(crate) rows: SegmentRows<GroupId>,
    /// Records that could not be used.
    pub(crate) unusable: u64,
}

/// A stripe of a group in one tier.
pub(crate) type StripeTier = (Tier, GroupId, u32);

/// A history in the making: first all chunks, then [`Restore::settle`], the summaries,
/// [`Restore::replay`], and the definitions and the rows of the head.
#[derive(Default)]
pub struct Restore {
    history: History,
    /// Where the summaries of chunks are that must be rolled up again, by the chunks' ends.
    summaries: HashMap<(StripeTier, u64), Position>,
    unusable: u64,
}

/// Finds records while chunks are rolled up: those of chunks, and those of summaries.
pub(crate) trait ReadRecords: Sync {
    /// The record of a chunk.
    fn chunk(&self, tier: Tier, position: Position) -> Option<Vec<u8>>;
    /// The record of a summary.
    fn summary(&self, position: Position) -> Option<Vec<u8>>;
}

/// A chunk and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundChunk {
    pub(crate) tier: Tier,
    pub(crate) group: GroupId,
    pub(crate) stripe: u32,
    pub(crate) chunk: ChunkRef,
}

impl Restore {
    /// Begins with nothing.
    pub fn new(retention: Retention) -> Self {
        Self { history: History::new(retention), ..Self::default() }
    }

    /// Takes a record of any log in, but for rows of the head (see [`Restore::head`]); `position` is
    /// where it was. Gives the chunk that it is, or is the entry of.
    pub(crate) fn record(
        &mut self,
        position: Position,
        bytes: &[u8],
    ) -> Result<Option<FoundChunk>, DecodeError> {
        let found = match record::decode(bytes)? {
            Record::Group(definition) => {
                if !self.history.groups.contains_key(&definition.group) {
                    self.define(definition.group, &definition.keys()?);
                }
                return Ok(None);
            }
            Record::Row(_) | Record::Summary(_) => return Ok(None),
            Record::Chunk(chunk) => {
                let (tier, group, stripe) = (chunk.tier, chunk.group, chunk.stripe);
                FoundChunk { tier, group, stripe, chunk: chunk.at(position, bytes.len()) }
            }
            Record::Entry { tier, group, stripe, chunk } => {
                FoundChunk { tier, group, stripe, chunk }
            }
        };
        match self.history.stripe_mut(found.group, found.stripe) {
            Some(stripe) => stripe.stack_mut(found.tier).chunks.push(found.chunk),
            None => self.unusable += 1,
        }
        Ok(Some(found))
    }

    fn define(&mut self, id: GroupId, keys: &Arc<[SeriesKey]>) {
        let history = &mut self.history;
        history.next_group = history.next_group.max(id.0.saturating_add(1));
        let Some(group) = Group::new(id, keys) else {
            return;
        };
        history.groups.insert(id, group);
        history.dictionary.insert(id, keys);
    }

    /// Puts the chunks in order, each once, after the last of them.
    pub fn settle(&mut self) {
        let mut counted = Vec::new();
        for group in self.history.groups.values_mut() {
            for stripe in &mut group.stripes {
                for tier in Tier::ALL {
                    let stack = stripe.stack_mut(tier);
                    stack.chunks.sort_by_key(|chunk| (chunk.end_seq, chunk.position));
                    stack.chunks.dedup_by_key(|chunk| chunk.end_seq);
                    let Some(last) = stack.chunks.last() else {
                        continue;
                    };
                    (stack.end_seq, stack.through) = (last.end_seq, last.through);
                    counted.extend(stack.chunks.iter().map(|chunk| (tier, *chunk)));
                    let newest = stack.chunks.iter().map(|chunk| chunk.last).max();
                    if let (Tier::Raw, Some(newest)) = (tier, newest) {
                        group.next_seq = group.next_seq.max(stack.end_seq);
                        let known = self.history.newest.entry(group.source.clone());
                        let known = known.or_insert(newest);
                        *known = (*known).max(newest);
                    }
                }
            }
        }
        for (tier, chunk) in &counted {
            self.history.count(*tier, chunk);
        }
    }

    /// Takes note of where the summary of a chunk is, if it will be needed.
    pub(crate) fn summary(&mut self, position: Position, summary: &Summary<'_>) {
        let Some(stripe) = self.history.stripe_mut(summary.group, summary.stripe) else {
            return;
        };
        let Some(coarser) = summary.tier.coarser() else { return };
        let chunks = &stripe.stack(summary.tier).chunks;
        let found = chunks.binary_search_by_key(&summary.end_seq, |chunk| chunk.end_seq);
        let chunk = found.ok().and_then(|index| chunks.get(index));
        let same = |chunk: &ChunkRef| (chunk.first, chunk.last) == (summary.first, summary.last);
        let needed = summary.end_seq > stripe.stack(coarser).sealed_through();
        if needed && chunk.is_some_and(same) {
            let of = (summary.tier, summary.group, summary.stripe);
            self.summaries.insert((of, summary.end_seq), position);
        }
    }

    /// Rolls rows of sealed chunks up that no coarser chunk contains. Says how many chunks could
    /// not be used.
    pub(crate) fn replay(&mut self, records: &impl ReadRecords) -> u64 {
        let summaries = std::mem::take(&mut self.summaries);
        let stripes = self.history.groups.iter_mut().flat_map(|(id, group)| {
            (0..).zip(&mut group.stripes).map(|(index, stripe)| (*id, index, stripe))
        });
        let replay = |(group, index, stripe): (GroupId, u32, &mut Stripe)| {
            let read = |replay: Replay| {
                let summary = summaries.get(&((replay.tier, group, index), replay.chunk.end_seq));
                let summary = summary.and_then(|position| records.summary(*position));
                let parts = summary.and_then(|bytes| parts_of(replay, &bytes));
                let chunk = || records.chunk(replay.tier, replay.chunk.position).map(Found::Chunk);
                parts.map(Found::Parts).or_else(chunk)
            };
            replay_stripe(stripe, read)
        };
        spread(stripes, replay).into_iter().sum()
    }

    /// Takes the rows of the head in, whose definitions have been. Each call of `scan` gives all
    /// records from the oldest on.
    pub(crate) fn head<R: Iterator<Item = Result<(Position, Vec<u8>), LogError>>>(
        &mut self,
        scan: impl Fn() -> R + Sync,
    ) -> HeadFound {
        let count = threads() as u32;
        let mut lanes: Vec<Lane<'_>> =
            (0..count).map(|number| Lane { number, count, ..Lane::default() }).collect();
        for (id, group) in &mut self.history.groups {
            if let Some(lane) = lanes.get_mut((id.0 % count) as usize) {
                lane.groups.insert(*id, group);
            }
        }
        let lanes = spread(lanes.into_iter(), |mut lane| {
            scan().for_each(|record| lane.record(record));
            (lane.times, lane.found)
        });
        let mut found = HeadFound::default();
        for (times, own) in lanes {
            for (source, time) in times {
                let known = self.history.newest.entry(source).or_insert(time);
                *known = (*known).max(time);
            }
            found.unusable += own.unusable;
            found.rows.note_all(own.rows);
        }
        found
    }

    /// The history, and how many records had no group and could not be used.
    pub fn finish(mut self) -> (History, u64) {
        // Groups that nothing is left of were forgotten before.
        let history = &mut self.history;
        let bare: Vec<GroupId> = history
            .groups
            .iter()
            .filter(|(_, group)| {
                let empty = |stripe: &Stripe| {
                    stripe.stacks.iter().all(|stack| stack.is_sealed() && stack.chunks.is_empty())
                };
                group.stripes.iter().all(empty)
            })
            .map(|(id, _)| *id)
            .collect();
        if !bare.is_empty() {
            history.groups.retain(|id, _| !bare.contains(id));
            history.dictionary.remove(&bare);
        }
        (self.history, self.unusable)
    }

    /// How far each stripe of each group is on disk: rows of the raw tier.
    pub(crate) fn coverage(&self) -> HashMap<GroupId, Vec<u64>> {
        let sealed = |stripe: &Stripe| {
            stripe.stack(Tier::Raw).chunks.iter().map(|chunk| chunk.end_seq).max().unwrap_or(0)
        };
        let groups = self.history.groups.iter();
        groups.map(|(id, group)| (*id, group.stripes.iter().map(sealed).collect())).collect()
    }
}

/// What must be read of a stripe again, in this order.
fn replays(stripe: &Stripe) -> Vec<Replay> {
    let mut replays = Vec::new();
    for (tier, coarser) in [(Tier::Minute, Tier::Hour), (Tier::Raw, Tier::Minute)] {
        let from = stripe.stack(coarser).sealed_through();
        let chunks = stripe.stack(tier).chunks.iter().filter(|chunk| chunk.end_seq > from);
        replays.extend(chunks.map(|chunk| Replay { tier, chunk: *chunk, from }));
    }
    replays
}

/// What was found to roll up again.
enum Found {
    /// Rows that have been added up, each with the number of its first row.
    Parts(Vec<(u64, Part)>),
    /// The record of the chunk.
    Chunk(Vec<u8>),
}

/// The parts of a summary that no coarser chunk contains; none when it does not serve.
fn parts_of(replay: Replay, bytes: &[u8]) -> Option<Vec<(u64, Part)>> {
    let Ok(Record::Summary(summary)) = record::decode(bytes) else {
        return None;
    };
    let parts = summary.parts().ok()?;
    let rows: u64 = parts.iter().map(|part| part.rows).sum();
    let mut seq = replay.chunk.end_seq.checked_sub(rows)?;
    let mut left = Vec::with_capacity(parts.len());
    for part in parts {
        let first = seq;
        seq += part.rows;
        if seq <= replay.from {
            continue;
        }
        if first < replay.from {
            return None;
        }
        left.push((first, part));
    }
    Some(left)
}

fn replay_stripe(stripe: &mut Stripe, read: impl Fn(Replay) -> Option<Found>) -> u64 {
    let mut unusable = 0;
    for replays in replays(stripe).chunk_by(|a, b| a.tier == b.tier) {
        stripe.stacks.iter_mut().for_each(Stack::begin_bulk);
        for replay in replays {
            let done = match read(*replay) {
                Some(Found::Parts(parts)) => {
                    for (seq, part) in &parts {
                        stripe.replay_part(replay.tier, *seq, part);
                    }
                    true
                }
                Some(Found::Chunk(bytes)) => replay_chunk(stripe, *replay, &bytes).is_ok(),
                None => false,
            };
            unusable += u64::from(!done);
        }
        stripe.stacks.iter_mut().for_each(Stack::end_bulk);
    }
    unusable
}

/// Rolls the rows of a chunk up that no coarser chunk contains.
fn replay_chunk(stripe: &mut Stripe, replay: Replay, bytes: &[u8]) -> Result<(), DecodeError> {
    let Record::Chunk(chunk) = record::decode(bytes)? else {
        return Err(DecodeError::Unknown);
    };
    let block = Block::parse(chunk.block)?;
    let first = chunk.end_seq.saturating_sub(block.rows() as u64);
    match replay.tier {
        Tier::Raw => {
            let skipped = usize::try_from(replay.from.saturating_sub(first));
            let skipped = skipped.unwrap_or(usize::MAX).min(block.rows());
            let columns = (0..block.width()).map(|index| {
                let mut column = block.column(index)?;
                column.drain(..skipped.min(column.len()));
                Ok(column)
            });
            let columns = columns.collect::<Result<Vec<_>, DecodeError>>()?;
            let times = block.times()?;
            let times = times.get(skipped..).unwrap_or_default();
            stripe.replay_samples(first + skipped as u64, times, &columns);
        }
        Tier::Minute => {
            for (seq, (time, row)) in (first..).zip(rows_of(chunk.block)?) {
                if seq >= replay.from {
                    stripe.replay_minute(seq, time, &row);
                }
            }
        }
        Tier::Hour => {}
    }
    Ok(())
}

/// Some of the groups, whose rows one thread picks out of the head log. Reading the log is little
/// work beside taking rows in, so that every thread reads all of it.
#[derive(Default)]
struct Lane<'a> {
    number: u32,
    count: u32,
    groups: HashMap<GroupId, &'a mut Group>,
    rows: RowReader,
    times: HashMap<Name, i64>,
    found: HeadFound,
}

impl Lane<'_> {
    fn record(&mut self, record: Result<(Position, Vec<u8>), LogError>) {
        let Ok((position, bytes)) = record else {
            // All lanes meet it, one counts it.
            self.found.unusable += u64::from(self.number == 0);
            return;
        };
        match record::decode(&bytes) {
            Ok(Record::Row(row)) if row.group.0 % self.count == self.number => {
                self.found.unusable += u64::from(self.row(position.segment, &row).is_err());
            }
            // What is no row has been taken in, or counted, before.
            _ => {}
        }
    }

    fn row(&mut self, segment: u64, row: &Row<'_>) -> Result<(), DecodeError> {
        let (time, values) = self.rows.read(segment, row)?;
        self.found.rows.note(segment, row.group, row.seq);
        // A group that nothing defines is a row that cannot be used.
        let group = self.groups.get_mut(&row.group).ok_or(DecodeError::Unknown)?;
        match self.times.get_mut(&group.source) {
            Some(newest) => *newest = (*newest).max(time),
            None => drop(self.times.insert(group.source.clone(), time)),
        }
        if row.seq >= group.stripes.iter().map(|s| s.stack(Tier::Raw).end_seq).min().unwrap_or(0) {
            let next = group.next_seq.max(row.seq + 1);
            group.push(row.seq, time, values);
            group.next_seq = next;
        }
        Ok(())
    }
}
