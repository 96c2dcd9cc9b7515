//! Making a history again from what the logs hold.

use std::collections::HashMap;
use std::sync::Arc;

use ccm_proto::model::SeriesKey;

use super::block::Block;
use super::record::{self, Record};
use super::stack::{ChunkRef, rows_of};
use super::{DecodeError, Group, GroupId, History, Retention, Tier};

/// The most rows that wait for the definition of their group. It follows at once, where it does
/// not come before.
const PENDING_MAX: usize = 65_536;

/// A chunk that must be read, since the next coarser tier has not all of it on disk.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// Its tier.
    pub tier: Tier,
    /// Where it is, among others.
    pub chunk: ChunkRef,
    group: GroupId,
    stripe: u32,
    /// The first row that is not contained in the coarser tier.
    from: u64,
}

impl Replay {
    /// Whether another replay goes to the same stripe.
    pub fn is_beside(&self, other: &Self) -> bool {
        (self.group, self.stripe) == (other.group, other.stripe)
    }
}

struct Row {
    seq: u64,
    time: i64,
    values: Vec<f64>,
}

/// A history in the making: first all chunks, then [`Restore::settle`], then its replays, then
/// the head.
#[derive(Default)]
pub struct Restore {
    history: History,
    pending: HashMap<GroupId, Vec<Row>>,
    waiting: usize,
    unusable: u64,
}

/// What a record was, as far as the store must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The series of a group, which has so many stripes.
    Group(GroupId, usize),
    /// A row of the head.
    Row(GroupId, u64),
    /// A chunk or the entry of one.
    Chunk(Tier, GroupId, u32, ChunkRef),
}

impl Restore {
    /// Begins with nothing.
    pub fn new(retention: Retention) -> Self {
        Self { history: History::new(retention), ..Self::default() }
    }

    /// Takes a record of any log; `position` is where it was.
    pub fn record(
        &mut self,
        position: crate::storage::log::Position,
        bytes: &[u8],
    ) -> Result<Found, DecodeError> {
        match record::decode(bytes)? {
            Record::Group(group, keys) => {
                self.define(group, &keys);
                let stripes =
                    self.history.groups.get(&group).map_or(0, |group| group.stripes.len());
                Ok(Found::Group(group, stripes))
            }
            Record::Row { group, seq, time, values } => {
                self.row(group, Row { seq, time, values });
                Ok(Found::Row(group, seq))
            }
            Record::Chunk(chunk) => {
                let (tier, group, stripe) = (chunk.tier, chunk.group, chunk.stripe);
                let chunk = chunk.at(position, bytes.len());
                self.chunk(tier, group, stripe, chunk);
                Ok(Found::Chunk(tier, group, stripe, chunk))
            }
            Record::Entry { tier, group, stripe, chunk } => {
                self.chunk(tier, group, stripe, chunk);
                Ok(Found::Chunk(tier, group, stripe, chunk))
            }
        }
    }

    fn define(&mut self, id: GroupId, keys: &Arc<[SeriesKey]>) {
        let history = &mut self.history;
        history.next_group = history.next_group.max(id.0.saturating_add(1));
        if history.groups.contains_key(&id) {
            return;
        }
        let Some(group) = Group::new(id, keys) else {
            return;
        };
        history.groups.insert(id, group);
        history.dictionary.insert(id, keys);
        let rows = self.pending.remove(&id).unwrap_or_default();
        self.waiting -= rows.len();
        for row in rows {
            self.row(id, row);
        }
    }

    fn chunk(&mut self, tier: Tier, group: GroupId, stripe: u32, chunk: ChunkRef) {
        match self.history.stripe_mut(group, stripe) {
            Some(stripe) => stripe.stack_mut(tier).chunks.push(chunk),
            None => self.unusable += 1,
        }
    }

    fn row(&mut self, id: GroupId, row: Row) {
        let Some(group) = self.history.groups.get_mut(&id) else {
            if self.waiting < PENDING_MAX {
                self.waiting += 1;
                self.pending.entry(id).or_default().push(row);
            } else {
                self.unusable += 1;
            }
            return;
        };
        let newest = self.history.newest.entry(group.source.clone()).or_insert(i64::MIN);
        *newest = (*newest).max(row.time);
        if row.seq >= group.stripes.iter().map(|s| s.stack(Tier::Raw).end_seq).min().unwrap_or(0) {
            let next = group.next_seq.max(row.seq + 1);
            group.push(row.seq, row.time, &row.values);
            group.next_seq = next;
        }
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

    /// The chunks that must be read and given to [`Restore::replay`], in this order.
    pub fn replays(&self) -> Vec<Replay> {
        let mut replays = Vec::new();
        for (tier, coarser) in [(Tier::Minute, Tier::Hour), (Tier::Raw, Tier::Minute)] {
            for (group, entry) in &self.history.groups {
                for (stripe, entry) in (0..).zip(&entry.stripes) {
                    let from = entry.stack(coarser).sealed_through();
                    let chunks = entry.stack(tier).chunks.iter();
                    let chunks = chunks.filter(|chunk| chunk.end_seq > from).copied();
                    replays.extend(chunks.map(|chunk| Replay {
                        tier,
                        chunk,
                        group: *group,
                        stripe,
                        from,
                    }));
                }
            }
        }
        replays
    }

    /// The stripe of this replay is about to be given all of its replays.
    pub fn begin(&mut self, replay: &Replay) {
        if let Some(stripe) = self.history.stripe_mut(replay.group, replay.stripe) {
            stripe.stacks.iter_mut().for_each(super::stack::Stack::begin_bulk);
        }
    }

    /// The stripe of this replay has been given all of its replays.
    pub fn end(&mut self, replay: &Replay) {
        if let Some(stripe) = self.history.stripe_mut(replay.group, replay.stripe) {
            stripe.stacks.iter_mut().for_each(super::stack::Stack::end_bulk);
        }
    }

    /// Rolls the rows of a chunk up that no coarser chunk contains.
    pub fn replay(&mut self, replay: &Replay, bytes: &[u8]) -> Result<(), DecodeError> {
        let Record::Chunk(chunk) = record::decode(bytes)? else {
            return Err(DecodeError::Unknown);
        };
        let Some(stripe) = self.history.stripe_mut(replay.group, replay.stripe) else {
            return Ok(());
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

    /// The history, and how many records had no group and could not be used.
    pub fn finish(mut self) -> (History, u64) {
        let waiting: usize = self.pending.values().map(Vec::len).sum();
        // Groups that nothing is left of were forgotten before.
        let history = &mut self.history;
        let bare: Vec<GroupId> = history
            .groups
            .iter()
            .filter(|(_, group)| {
                let empty = |stripe: &super::Stripe| {
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
        (self.history, self.unusable + waiting as u64)
    }

    /// How far each stripe of each group is on disk: rows of the raw tier.
    pub(crate) fn coverage(&self) -> HashMap<GroupId, Vec<u64>> {
        let sealed = |stripe: &super::Stripe| {
            stripe.stack(Tier::Raw).chunks.iter().map(|chunk| chunk.end_seq).max().unwrap_or(0)
        };
        let groups = self.history.groups.iter();
        groups.map(|(id, group)| (*id, group.stripes.iter().map(sealed).collect())).collect()
    }
}
