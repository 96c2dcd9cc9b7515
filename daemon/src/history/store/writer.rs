//! Writing: head records, chunks, the index; and removing what they make superfluous.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::{Notice, Severity, Timestamp};

use super::queue::{Queue, StoreHandle, Work};
use super::{INDEX_WASTE, Logs, SYNC_AFTER};
use crate::clock::Clock;
use crate::history::block::Block;
use crate::history::record::{self, Chunk, Record, RowWriter, definition};
use crate::history::restore::{FoundChunk, StripeTier};
use crate::history::segment_rows::SegmentRows;
use crate::history::summary;
use crate::history::{ChunkRef, GroupId, History, HistoryOutput, Sealing, Stored, Tier};
use crate::notices::NoticeBoard;
use crate::storage::log::LogError;

/// Sealings that are written before the head is looked at again: some milliseconds each.
const SEALS_AT_ONCE: usize = 16;

const NOTICE: &str = "history-disk";

/// Writes what history wants kept.
#[derive(Debug)]
pub struct Store {
    logs: Logs,
    definitions: HashMap<GroupId, Bytes>,
    /// How many raw rows of each stripe are synced in chunks.
    coverage: HashMap<GroupId, Vec<u64>>,
    head_rows: SegmentRows<GroupId>,
    /// Rows that summaries add up, and how many of them are synced in chunks of the coarser tier.
    summary_rows: SegmentRows<StripeTier>,
    rolled_up: HashMap<StripeTier, u64>,
    rows: RowWriter,
    /// Since when head records wait for a sync, and how many samples they hold.
    waiting: Option<(Timestamp, u64)>,
    seals: VecDeque<HistoryOutput>,
    /// After a failure the index is left alone: a start reads on from its last entry.
    index_stopped: bool,
    failing: Option<LogError>,
}

/// A chunk that is written but not synced.
struct Written {
    tier: Tier,
    group: GroupId,
    stripe: u32,
    chunk: ChunkRef,
}

impl Store {
    pub(super) fn new(
        logs: Logs,
        coverage: HashMap<GroupId, Vec<u64>>,
        head_rows: SegmentRows<GroupId>,
        summary_rows: SegmentRows<StripeTier>,
    ) -> Self {
        Self {
            logs,
            definitions: HashMap::new(),
            coverage,
            head_rows,
            summary_rows,
            rolled_up: HashMap::new(),
            rows: RowWriter::default(),
            waiting: None,
            seals: VecDeque::new(),
            index_stopped: false,
            failing: None,
        }
    }

    /// Remembers the groups of a restored history.
    pub(super) fn remember(&mut self, history: &History) {
        for (id, group) in &history.groups {
            if let Some(keys) = history.dictionary.keys(*id) {
                self.definitions.insert(*id, definition::encode(*id, keys));
                self.coverage.entry(*id).or_insert_with(|| vec![0; group.stripes.len()]);
            }
            for (index, stripe) in (0..).zip(&group.stripes) {
                for tier in [Tier::Raw, Tier::Minute] {
                    let through = tier.coarser().map_or(0, |it| stripe.stack(it).sealed_through());
                    self.rolled_up.insert((tier, *id, index), through);
                }
            }
        }
        self.coverage.retain(|id, _| history.groups.contains_key(id));
    }

    /// Adds to the index what it did not know; writes it anew when most of it is of no use.
    pub(super) fn index_again(&mut self, history: &History, entries: usize, fresh: &[FoundChunk]) {
        let known = usize::try_from(history.stats().chunks).unwrap_or(usize::MAX);
        if entries < known.saturating_mul(2).saturating_add(INDEX_WASTE) {
            for FoundChunk { tier, group, stripe, chunk } in fresh {
                self.index(*tier, *group, *stripe, chunk);
            }
        } else if self.logs.index.log.rotate().is_ok() {
            self.logs.index.defined.clear();
            for (group, entry) in &history.groups {
                for (stripe, entry) in (0..).zip(&entry.stripes) {
                    for tier in Tier::ALL {
                        for chunk in &entry.stack(tier).chunks {
                            self.index(tier, *group, stripe, chunk);
                        }
                    }
                }
            }
            let segment = self.logs.index.log.end().segment;
            if self.logs.index.sync().is_ok() && !self.index_stopped {
                let removed = self.logs.index.log.remove_before(segment);
                self.tell(removed.map(drop));
            }
        }
        let synced = self.logs.index.sync();
        self.tell(synced);
    }

    /// Starts the thread. `report` is called on it and may block.
    pub fn spawn(
        mut self,
        clock: Clock,
        notices: NoticeBoard,
        mut report: impl FnMut(Stored) + Send + 'static,
    ) -> io::Result<StoreHandle> {
        let queue = Arc::new(Queue::default());
        let shared = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("history".to_owned()).spawn(move || {
            loop {
                let work = shared.take(self.seals.is_empty());
                let closed = work.closed;
                self.work(work, clock.now(), &mut report);
                self.show(&notices, clock.now());
                if closed {
                    return;
                }
            }
        })?;
        Ok(StoreHandle { queue, thread: Some(thread) })
    }

    /// Does some work: all head records, a few sealings, and a sync when it is due.
    pub(super) fn work(&mut self, work: Work, now: Timestamp, report: &mut dyn FnMut(Stored)) {
        let Work { heads, seals, unsaved, closed } = work;
        self.seals.extend(seals);
        if unsaved > 0 {
            report(Stored::Unsaved(unsaved));
        }
        for output in heads {
            self.head(output, now, report);
        }
        let due = self.waiting.is_some_and(|(since, _)| now >= since + SYNC_AFTER || now < since);
        if due || closed {
            self.sync_head(report);
        }
        if !closed {
            self.seal_some(now, report);
        }
    }

    fn head(&mut self, output: HistoryOutput, now: Timestamp, report: &mut dyn FnMut(Stored)) {
        match output {
            HistoryOutput::Define { group, stripes, keys } => {
                self.definitions.insert(group, definition::encode(group, &keys));
                self.coverage.insert(group, vec![0; stripes]);
            }
            HistoryOutput::Head { group, seq, at, values } => {
                let (samples, time) = (values.len() as u64, at.as_millis());
                let definition = self.definitions.get(&group).cloned().unwrap_or_default();
                let segment = self.logs.head.next_segment();
                let record = self.rows.encode(segment, (group, seq), time, &values);
                match self.logs.head.append(group, &definition, record) {
                    Ok(position) => {
                        self.rows.appended(position.segment, (group, seq), time, values);
                        self.head_rows.note(position.segment, group, seq);
                        self.waiting.get_or_insert((now, 0)).1 += samples;
                    }
                    Err(error) => {
                        self.failing = Some(error);
                        report(Stored::Unsaved(samples));
                        // What waited may be lost with it.
                        self.sync_head(report);
                    }
                }
            }
            other => self.seals.push_back(other),
        }
    }

    fn sync_head(&mut self, report: &mut dyn FnMut(Stored)) {
        let Some((_, samples)) = self.waiting.take() else {
            return;
        };
        let synced = self.logs.head.sync();
        if synced.is_err() {
            report(Stored::Unsaved(samples));
        }
        self.tell(synced);
    }

    fn seal_some(&mut self, now: Timestamp, report: &mut dyn FnMut(Stored)) {
        let mut written: Vec<Written> = Vec::new();
        let mut worked = false;
        while let Some(output) = self.seals.pop_front() {
            worked = true;
            match output {
                HistoryOutput::Seal(sealing) => match self.seal(&sealing) {
                    Some(chunk) => written.push(chunk),
                    None => report(failed(&sealing, now)),
                },
                // What was written before must be reported before.
                other => {
                    self.settle(std::mem::take(&mut written), now, report);
                    self.drop_or_forget(&other);
                }
            }
            if written.len() >= SEALS_AT_ONCE {
                break;
            }
        }
        self.settle(written, now, report);
        if worked {
            self.trim_head();
            self.trim_summaries();
        }
    }

    fn seal(&mut self, sealing: &Sealing) -> Option<Written> {
        let record = match sealing.encode() {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(%error, "pieces of history could not be merged");
                return None;
            }
        };
        let (tier, group, stripe) = (sealing.tier, sealing.group, sealing.stripe);
        let definition = self.definitions.get(&group).cloned().unwrap_or_default();
        let log = &mut self.logs.tiers[tier.index()];
        match log.append(group, &definition, &record) {
            Ok(position) => {
                let Ok(Record::Chunk(chunk)) = record::decode(&record) else {
                    return None;
                };
                self.summarise(&chunk);
                let chunk = Chunk::at(&chunk, position, record.len());
                Some(Written { tier, group, stripe, chunk })
            }
            Err(error) => {
                self.failing = Some(error);
                None
            }
        }
    }

    /// Writes what a chunk comes to in the next coarser tier, for the next start. Without it that
    /// reads the chunk.
    fn summarise(&mut self, chunk: &Chunk<'_>) {
        let parts = Block::parse(chunk.block).and_then(|block| summary::parts(chunk.tier, &block));
        let Ok(Some(parts)) = parts else { return };
        let record = record::summary::encode(chunk, &parts);
        match self.logs.summary.append_alone(&record) {
            Ok(position) => {
                let of = (chunk.tier, chunk.group, chunk.stripe);
                self.summary_rows.note(position.segment, of, chunk.end_seq);
            }
            Err(error) => self.failing = Some(error),
        }
    }

    /// Syncs chunks, and only then tells of them.
    fn settle(&mut self, written: Vec<Written>, now: Timestamp, report: &mut dyn FnMut(Stored)) {
        let mut synced = [true; 3];
        for tier in Tier::ALL {
            let result = self.logs.tiers[tier.index()].sync();
            synced[tier.index()] = result.is_ok();
            self.tell(result);
        }
        let summarised = self.logs.summary.sync();
        self.tell(summarised);
        for Written { tier, group, stripe, chunk } in written {
            if !synced[tier.index()] {
                report(Stored::Failed { tier, group, stripe, at: now });
                continue;
            }
            self.index(tier, group, stripe, &chunk);
            let covered = self.coverage.get_mut(&group);
            if let Some(rows) = covered.and_then(|stripes| stripes.get_mut(stripe as usize))
                && tier == Tier::Raw
            {
                *rows = (*rows).max(chunk.end_seq);
            }
            if let Some(finer) = tier.finer() {
                let rows = self.rolled_up.entry((finer, group, stripe)).or_default();
                *rows = (*rows).max(chunk.through);
            }
            report(Stored::Sealed { tier, group, stripe, chunk });
        }
    }

    fn index(&mut self, tier: Tier, group: GroupId, stripe: u32, chunk: &ChunkRef) {
        if self.index_stopped {
            return;
        }
        let definition = self.definitions.get(&group).cloned().unwrap_or_default();
        let entry = record::encode_entry(tier, group, stripe, chunk);
        if let Err(error) = self.logs.index.append(group, &definition, &entry) {
            self.index_stopped = true;
            self.failing = Some(error);
        }
    }

    fn drop_or_forget(&mut self, output: &HistoryOutput) {
        match output {
            HistoryOutput::Drop { tier, before } => {
                let removed = self.logs.tiers[tier.index()].log.remove_before(*before);
                self.tell(removed.map(drop));
            }
            HistoryOutput::Forget(group) => {
                self.definitions.remove(group);
                self.coverage.remove(group);
                self.rolled_up.retain(|(_, of, _), _| of != group);
                self.rows.forget(*group);
                self.logs.head.defined.remove(group);
                self.logs.index.defined.remove(group);
                for tier in &mut self.logs.tiers {
                    tier.defined.remove(group);
                }
            }
            _ => {}
        }
    }

    /// Removes the segments of the head of which everything is synced in chunks.
    fn trim_head(&mut self) {
        let active = self.logs.head.log.end().segment;
        let coverage = &self.coverage;
        let covered = |group: GroupId, seq: u64| {
            coverage.get(&group).is_none_or(|stripes| stripes.iter().all(|rows| *rows > seq))
        };
        if let Some(before) = self.head_rows.forget_covered(active, covered) {
            let removed = self.logs.head.log.remove_before(before);
            self.tell(removed.map(drop));
        }
    }

    /// Removes the segments of summaries of which coarser chunks hold everything.
    fn trim_summaries(&mut self) {
        let active = self.logs.summary.log.end().segment;
        let (groups, rolled_up) = (&self.coverage, &self.rolled_up);
        let covered = |of: StripeTier, end_seq: u64| {
            !groups.contains_key(&of.1) || rolled_up.get(&of).is_some_and(|rows| *rows >= end_seq)
        };
        if let Some(before) = self.summary_rows.forget_covered(active, covered) {
            let removed = self.logs.summary.log.remove_before(before);
            self.tell(removed.map(drop));
        }
    }

    fn tell(&mut self, result: Result<(), LogError>) {
        if let Err(error) = result {
            self.failing = Some(error);
        }
    }

    /// Puts a notice up while the disk fails.
    fn show(&mut self, notices: &NoticeBoard, now: Timestamp) {
        let Some(error) = self.failing.take() else {
            if self.logs.head.log.stopped().is_none() {
                notices.clear(NOTICE);
            }
            return;
        };
        let remedy = if error.is_full() {
            "make room, and it goes on by itself"
        } else {
            "repair the disk and start the daemon again"
        };
        let summary = format!("history is kept in memory only: {error}; {remedy}");
        notices.raise(Notice {
            key: NOTICE.to_owned(),
            severity: Severity::Error,
            summary: SafeText::new(&summary),
            at: now,
            ..Notice::default()
        });
    }
}

fn failed(sealing: &Sealing, at: Timestamp) -> Stored {
    let Sealing { tier, group, stripe, .. } = *sealing;
    Stored::Failed { tier, group, stripe, at }
}

#[cfg(test)]
impl Store {
    /// Does all the work there is, as the thread would.
    pub(in crate::history) fn work_on(
        &mut self,
        outputs: Vec<HistoryOutput>,
        now: Timestamp,
        report: &mut dyn FnMut(Stored),
    ) {
        let (heads, seals) = outputs.into_iter().partition(|output| {
            matches!(output, HistoryOutput::Define { .. } | HistoryOutput::Head { .. })
        });
        self.work(Work { heads, seals, ..Work::default() }, now, report);
        while !self.seals.is_empty() {
            self.work(Work::default(), now, report);
        }
    }
}
