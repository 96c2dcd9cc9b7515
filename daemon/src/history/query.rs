//! Range queries: planned over what is in memory, run where blocking is allowed.

use std::collections::HashMap;
use std::sync::Arc;

use ccm_proto::model::series::Range;
use ccm_proto::model::{Bucket, Interval, SeriesKey, Timestamp};

use super::block::Block;
use super::stack::{ChunkRef, Piece, Stack};
use super::stripe::{STRIPE_SERIES, Stripe, floor, merge_bucket, sample_bucket};
use super::{History, HistoryError, HistoryReader, Tier};

/// The most buckets of one series; a day in seconds fits.
pub const BUCKETS_MAX: u64 = 100_000;

/// The most buckets of a whole answer: 40 bytes each.
pub const ANSWER_BUCKETS_MAX: u64 = 4_000_000;

/// Which series of a stripe are wanted: the column among the stripe's series, and the place of
/// the series in the answer.
type Lookups = Arc<[(usize, usize)]>;

/// A query that needs nothing of [`History`] any more: it holds what was in memory and names
/// the chunks on disk. Run it where blocking is allowed.
#[derive(Debug)]
pub struct QueryPlan {
    keys: Vec<SeriesKey>,
    start: i64,
    step: i64,
    steps: usize,
    reads: Vec<Read>,
}

#[derive(Debug)]
struct Read {
    tier: Tier,
    /// Rows from this moment up to but without `to` count.
    from: i64,
    to: i64,
    lookups: Lookups,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Chunk(ChunkRef),
    Piece(Arc<Piece>),
    /// Times, each with a bucket for each lookup.
    Rows(Vec<(i64, Vec<[f64; 4]>)>),
}

/// The range in whole steps: start, step and their number.
fn whole_steps(range: Range) -> Result<(i64, i64, u64), HistoryError> {
    let step = i64::try_from(range.step.as_millis()).map_err(|_| HistoryError::EmptyRange)?;
    let last = range.end - Interval::from_millis(1);
    if step == 0 || range.end <= range.start {
        return Err(HistoryError::EmptyRange);
    }
    let start = range.start.floor(range.step);
    let steps = last.floor(range.step).since(start).as_millis() / step as u64 + 1;
    if steps > BUCKETS_MAX {
        return Err(HistoryError::TooManyBuckets(steps, BUCKETS_MAX));
    }
    Ok((start.as_millis(), step, steps))
}

/// The coarsest tier of which whole buckets make up a step.
fn tier_for(step: i64) -> Tier {
    let fits = |tier: &Tier| {
        let width = tier.step().as_millis() as i64;
        width > 0 && step % width == 0
    };
    Tier::ALL.into_iter().rev().find(fits).unwrap_or(Tier::Raw)
}

pub(crate) fn plan(
    history: &History,
    keys: &[SeriesKey],
    range: Range,
) -> Result<QueryPlan, HistoryError> {
    let (start, step, steps) = whole_steps(range)?;
    let all = steps.saturating_mul(keys.len() as u64);
    if all > ANSWER_BUCKETS_MAX {
        return Err(HistoryError::TooManyBuckets(all, ANSWER_BUCKETS_MAX));
    }
    let end = start.saturating_add(step.saturating_mul(steps as i64));
    let mut reads = Vec::new();
    let dictionary = &history.dictionary;
    let wanted: HashMap<_, _> =
        (0..).zip(keys).filter_map(|(wish, key)| Some((dictionary.id(key)?, wish))).collect();
    for (id, group) in history.groups.iter().filter(|_| !wanted.is_empty()) {
        let columns = dictionary.columns(*id, &wanted);
        for columns in columns.chunk_by(|a, b| a.0 / STRIPE_SERIES == b.0 / STRIPE_SERIES) {
            let index = columns.first().map_or(0, |(column, _)| column / STRIPE_SERIES);
            let local = |(column, wish): &(usize, usize)| (column % STRIPE_SERIES, *wish);
            if let Some(stripe) = group.stripes.get(index) {
                let lookups = columns.iter().map(local).collect();
                let planner = Planner { stripe, lookups, reads: &mut reads };
                planner.all_tiers(tier_for(step), start, end);
            }
        }
    }
    Ok(QueryPlan { keys: keys.to_vec(), start, step, steps: steps as usize, reads })
}

struct Planner<'a> {
    stripe: &'a Stripe,
    lookups: Lookups,
    reads: &'a mut Vec<Read>,
}

impl Planner<'_> {
    /// The wanted tier, and coarser ones for times of which it holds nothing any more.
    fn all_tiers(mut self, tier: Tier, from: i64, to: i64) {
        let (mut tier, mut to) = (tier, to);
        loop {
            let older = tier.coarser().and_then(|other| Some((other, self.cut(tier, other)?)));
            let cut = older.map_or(from, |(_, cut)| cut.clamp(from, to.max(from)));
            self.tier(tier, cut, to);
            match older {
                Some((coarser, _)) if cut > from => (tier, to) = (coarser, cut),
                _ => return,
            }
        }
    }

    /// Where the finer tier takes over from the coarser one, when that reaches further back.
    fn cut(&self, fine: Tier, coarse: Tier) -> Option<i64> {
        let width = coarse.step().as_millis() as i64;
        let (oldest_fine, oldest_coarse) = (self.oldest(fine), oldest(self.stripe.stack(coarse))?);
        // A stripe whose finer tier is empty is one that fell idle and was dropped there.
        let Some(oldest_fine) = oldest_fine else {
            return Some(i64::MAX);
        };
        if oldest_coarse >= floor(oldest_fine, coarse) {
            return None;
        }
        let above = floor(oldest_fine.saturating_add(width - 1), coarse);
        // What is not rolled up completely is the finer tier's to answer.
        let open = self.stripe.open.iter().take(coarse.index()).flatten().map(|open| open.start);
        let raw = self.stripe.stack(Tier::Raw).open_rows().next().map(|(_, time, _)| time);
        let partial = open.chain(raw).map(|time| floor(time, coarse)).min();
        Some(above.min(partial.unwrap_or(i64::MAX)))
    }

    /// The oldest time that a tier answers, what is not rolled up yet included.
    fn oldest(&self, tier: Tier) -> Option<i64> {
        let open = self.stripe.open.iter().take(tier.index()).flatten().map(|open| open.start);
        let raw = self.stripe.stack(Tier::Raw).open_rows().next().map(|(_, time, _)| time);
        let raw = raw.map(|time| floor(time, tier));
        oldest(self.stripe.stack(tier)).into_iter().chain(open).chain(raw).min()
    }

    fn tier(&mut self, tier: Tier, from: i64, to: i64) {
        let stack = self.stripe.stack(tier);
        let within = |first: i64, last: i64| first < to && last >= from;
        for chunk in stack.chunks.iter().filter(|chunk| within(chunk.first, chunk.last)) {
            self.read(tier, from, to, Source::Chunk(*chunk));
        }
        for piece in stack.pieces.iter().filter(|piece| within(piece.first, piece.last)) {
            self.read(tier, from, to, Source::Piece(Arc::clone(piece)));
        }
        let mut rows = Vec::new();
        let bucket = |row: &[f64], column: usize| row.as_chunks::<4>().0.get(column).copied();
        let sample = |row: &[f64], column: usize| row.get(column).copied().map(sample_bucket);
        for (_, time, row) in stack.open_rows() {
            let pick =
                |index| if tier == Tier::Raw { sample(row, index) } else { bucket(row, index) };
            self.row(&mut rows, time, pick);
        }
        if tier != Tier::Raw {
            for open in self.stripe.open.iter().take(tier.index()).flatten() {
                self.row(&mut rows, open.start, |index| bucket(&open.values, index));
            }
            for (_, time, row) in self.stripe.stack(Tier::Raw).open_rows() {
                self.row(&mut rows, time, |index| sample(row, index));
            }
        }
        rows.retain(|(time, _)| (from..to).contains(time));
        if !rows.is_empty() {
            self.read(tier, from, to, Source::Rows(rows));
        }
    }

    fn row(
        &self,
        rows: &mut Vec<(i64, Vec<[f64; 4]>)>,
        time: i64,
        pick: impl Fn(usize) -> Option<[f64; 4]>,
    ) {
        let pick = |(column, _): &(usize, usize)| pick(*column).unwrap_or([f64::NAN; 4]);
        rows.push((time, self.lookups.iter().map(pick).collect()));
    }

    fn read(&mut self, tier: Tier, from: i64, to: i64, source: Source) {
        self.reads.push(Read { tier, from, to, lookups: Arc::clone(&self.lookups), source });
    }
}

/// The oldest time that a stack holds.
fn oldest(stack: &Stack) -> Option<i64> {
    let chunks = stack.chunks.iter().map(|chunk| chunk.first);
    let pieces = stack.pieces.iter().map(|piece| piece.first);
    let open = stack.open_rows().map(|(_, time, _)| time);
    chunks.chain(pieces).chain(open).min()
}

impl QueryPlan {
    /// Reads the chunks and answers: every series of the query in its order, each with a bucket
    /// for every step of the range.
    pub fn run(
        &self,
        reader: &HistoryReader,
    ) -> Result<Vec<(SeriesKey, Vec<Bucket>)>, HistoryError> {
        let mut answer = Answer::new(self);
        for read in &self.reads {
            match &read.source {
                Source::Rows(rows) => answer.rows(read, rows),
                Source::Piece(piece) => answer.block(read, &piece.block)?,
                Source::Chunk(chunk) => {
                    if let Some(record) = reader.read(read.tier, chunk.position)? {
                        answer.block(read, super::chunk_block(&record)?)?;
                    }
                }
            }
        }
        Ok(self.keys.iter().cloned().zip(answer.finish()).collect())
    }

    /// How many chunks are read from disk.
    pub fn chunk_reads(&self) -> usize {
        self.reads.iter().filter(|read| matches!(read.source, Source::Chunk(_))).count()
    }
}

/// Buckets in the making: the mean holds the sum until the end.
struct Answer {
    start: i64,
    step: i64,
    series: Vec<Vec<Bucket>>,
}

impl Answer {
    fn new(plan: &QueryPlan) -> Self {
        let at = |step| Timestamp::from_millis(plan.start + plan.step * step);
        let empty: Vec<Bucket> = (0..plan.steps as i64)
            .map(|step| Bucket { start: at(step), ..Bucket::default() })
            .collect();
        let series = vec![empty; plan.keys.len()];
        Self { start: plan.start, step: plan.step, series }
    }

    fn index(&self, read: &Read, time: i64) -> Option<usize> {
        let inside = (read.from..read.to).contains(&time) && time >= self.start;
        inside.then(|| ((time - self.start) / self.step) as usize)
    }

    fn rows(&mut self, read: &Read, rows: &[(i64, Vec<[f64; 4]>)]) {
        for (time, buckets) in rows {
            let Some(index) = self.index(read, *time) else {
                continue;
            };
            for ((_, wish), bucket) in read.lookups.iter().zip(buckets) {
                self.add(*wish, index, *bucket);
            }
        }
    }

    fn block(&mut self, read: &Read, block: &[u8]) -> Result<(), HistoryError> {
        let block = Block::parse(block)?;
        let indexes: Vec<_> =
            block.times()?.into_iter().map(|time| self.index(read, time)).collect();
        for (column, wish) in read.lookups.iter() {
            if read.tier == Tier::Raw {
                for (index, value) in indexes.iter().zip(block.column(*column)?) {
                    if let Some(index) = index {
                        self.add(*wish, *index, sample_bucket(value));
                    }
                }
                continue;
            }
            let [min, max, sum, count] = [0, 1, 2, 3].map(|field| block.column(column * 4 + field));
            let (min, max, sum, count) = (min?, max?, sum?, count?);
            let fields = min.into_iter().zip(max).zip(sum.into_iter().zip(count));
            for (index, ((min, max), (sum, count))) in indexes.iter().zip(fields) {
                if let Some(index) = index {
                    self.add(*wish, *index, [min, max, sum, count]);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, wish: usize, index: usize, other: [f64; 4]) {
        let Some(bucket) = self.series.get_mut(wish).and_then(|series| series.get_mut(index))
        else {
            return;
        };
        let count = if bucket.count == 0 { f64::NAN } else { bucket.count as f64 };
        let mut mine = [bucket.min, bucket.max, bucket.mean, count];
        merge_bucket(&mut mine, other);
        let [min, max, mean, count] = mine;
        if !count.is_nan() {
            *bucket = Bucket { start: bucket.start, min, max, mean, count: count as u64 };
        }
    }

    fn finish(mut self) -> Vec<Vec<Bucket>> {
        for bucket in self.series.iter_mut().flatten().filter(|bucket| bucket.count > 0) {
            bucket.mean /= bucket.count as f64;
        }
        self.series
    }
}
