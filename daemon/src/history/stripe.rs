//! A stripe: some neighbouring series of a group in all tiers. What is compressed, read and
//! indexed as one, so that neither a query nor a slice of work is ever large.

use super::Tier;
use super::stack::Stack;
use super::summary::Part;

/// The most series of a stripe. More would make a query for one series read much that it does
/// not need, fewer would cost a larger index of chunks.
pub(crate) const STRIPE_SERIES: usize = 32;

/// A bucket that is not complete yet: min, max, sum and count of each series.
#[derive(Debug)]
pub(crate) struct OpenBucket {
    pub(crate) start: i64,
    pub(crate) values: Vec<f64>,
}

impl OpenBucket {
    fn new(start: i64, series: usize) -> Self {
        Self { start, values: [f64::NAN; 4].repeat(series) }
    }

    fn add(&mut self, others: impl Iterator<Item = [f64; 4]>) {
        let (buckets, _) = self.values.as_chunks_mut::<4>();
        for (mine, other) in buckets.iter_mut().zip(others) {
            merge_bucket(mine, other);
        }
    }
}

/// Adds a bucket to another; missing ones count nothing.
pub(crate) fn merge_bucket(mine: &mut [f64; 4], other: [f64; 4]) {
    if other[3].is_nan() {
        return;
    }
    if mine[3].is_nan() {
        *mine = other;
        return;
    }
    mine[0] = mine[0].min(other[0]);
    mine[1] = mine[1].max(other[1]);
    // A sum beyond what a double holds would make the mean infinite.
    mine[2] = (mine[2] + other[2]).clamp(f64::MIN, f64::MAX);
    mine[3] += other[3];
}

/// A sample as a bucket of its own.
pub(crate) fn sample_bucket(value: f64) -> [f64; 4] {
    let count = if value.is_nan() { f64::NAN } else { 1.0 };
    [value, value, value, count]
}

/// Samples as one bucket.
pub(crate) fn samples_bucket(values: &[f64]) -> [f64; 4] {
    let [mut min, mut max, mut sum] = [values.first().copied().unwrap_or(f64::NAN); 3];
    for value in values.iter().skip(1) {
        min = if *value < min { *value } else { min };
        max = if *value > max { *value } else { max };
        sum += value;
    }
    // With a missing value or beyond what a double holds the sum is not finite, and stays so.
    if sum.is_finite() {
        return [min, max, sum, values.len() as f64];
    }
    let mut bucket = [f64::NAN; 4];
    for value in values {
        merge_bucket(&mut bucket, sample_bucket(*value));
    }
    bucket
}

/// Neighbouring series of a group.
#[derive(Debug)]
pub(crate) struct Stripe {
    pub(crate) series: usize,
    pub(crate) stacks: [Stack; 3],
    /// The open minute and the open hour.
    pub(crate) open: [Option<Box<OpenBucket>>; 2],
}

impl Stripe {
    pub(crate) fn new(series: usize, phase: usize) -> Self {
        let stacks = Tier::ALL.map(|tier| Stack::new(tier, series, phase));
        Self { series, stacks, open: [None, None] }
    }

    pub(crate) fn stack(&self, tier: Tier) -> &Stack {
        &self.stacks[tier.index()]
    }

    pub(crate) fn stack_mut(&mut self, tier: Tier) -> &mut Stack {
        &mut self.stacks[tier.index()]
    }

    /// Takes one sample of each series in. Numbers of rows that a restart did not find again are
    /// left out.
    pub(crate) fn push(&mut self, seq: u64, time: i64, values: &[f64]) {
        if self.stack(Tier::Raw).end_seq > seq {
            // A restart found the row in the head and in a chunk.
            return;
        }
        if self.stack(Tier::Raw).end_seq < seq {
            self.close_raw();
            self.stack_mut(Tier::Raw).end_seq = seq;
        }
        let raw = self.stack_mut(Tier::Raw);
        raw.push(time, values.iter().copied());
        if raw.is_full() {
            self.close_raw();
        }
    }

    /// Compresses the open samples and rolls them up.
    pub(crate) fn close_raw(&mut self) {
        let [raw, minute, hour] = &mut self.stacks;
        let [open_minute, open_hour] = &mut self.open;
        let mut rollup = Rollup { series: self.series, minute, hour, open_minute, open_hour };
        for (seq, time, row) in raw.open_rows() {
            rollup.sample(seq, time, row);
        }
        raw.close();
    }

    /// Rolls a minute up that has been read back from a sealed chunk.
    pub(crate) fn replay_minute(&mut self, seq: u64, time: i64, row: &[f64]) {
        self.rollup().bucket(seq, time, row);
    }

    /// Rolls samples up that have been read back from a sealed chunk: a column a series, of which
    /// the first row is number `seq`.
    pub(crate) fn replay_samples(&mut self, seq: u64, times: &[i64], columns: &[Vec<f64>]) {
        self.rollup().samples(seq, times, columns);
    }

    /// Rolls rows of a sealed chunk up that have been added up before, of which the first is number
    /// `seq`.
    pub(crate) fn replay_part(&mut self, tier: Tier, seq: u64, part: &Part) {
        match tier {
            Tier::Raw => {
                self.rollup().part(seq, part.start, part.values.as_chunks().0.iter().copied());
            }
            Tier::Minute => self.rollup().bucket(seq, part.start, &part.values),
            Tier::Hour => {}
        }
    }

    fn rollup(&mut self) -> Rollup<'_> {
        let [_, minute, hour] = &mut self.stacks;
        let [open_minute, open_hour] = &mut self.open;
        Rollup { series: self.series, minute, hour, open_minute, open_hour }
    }

    /// Closes everything, buckets that are not complete included.
    pub(crate) fn close_all(&mut self) {
        self.close_raw();
        let [raw, minute, hour] = &mut self.stacks;
        let [open_minute, open_hour] = &mut self.open;
        let mut rollup = Rollup { series: self.series, minute, hour, open_minute, open_hour };
        rollup.finish_minute(raw.end_seq);
        rollup.finish_hour();
        for stack in &mut self.stacks {
            stack.close();
            stack.shrink();
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let open = self.open.iter().flatten();
        let open: usize =
            open.map(|open| size_of::<OpenBucket>() + open.values.capacity() * 8).sum();
        open + self.stacks.iter().map(Stack::heap_bytes).sum::<usize>()
    }
}

/// What samples turn into as time passes.
struct Rollup<'a> {
    series: usize,
    minute: &'a mut Stack,
    hour: &'a mut Stack,
    open_minute: &'a mut Option<Box<OpenBucket>>,
    open_hour: &'a mut Option<Box<OpenBucket>>,
}

impl Rollup<'_> {
    fn sample(&mut self, seq: u64, time: i64, row: &[f64]) {
        let start = floor(time, Tier::Minute);
        self.part(seq, start, row.iter().map(|value| sample_bucket(*value)));
    }

    /// Samples of one minute, those of a series as one bucket; the first is number `seq`.
    fn part(&mut self, seq: u64, start: i64, buckets: impl Iterator<Item = [f64; 4]>) {
        if seq < self.minute.through {
            // A restart reads samples again that a sealed minute already counts.
            return;
        }
        if self.open_minute.as_ref().is_some_and(|open| open.start != start) {
            self.finish_minute(seq);
        }
        self.open_minute
            .get_or_insert_with(|| Box::new(OpenBucket::new(start, self.series)))
            .add(buckets);
    }

    /// As [`Rollup::sample`] row by row, but a minute of a series at once.
    fn samples(&mut self, seq: u64, times: &[i64], columns: &[Vec<f64>]) {
        let counted = usize::try_from(self.minute.through.saturating_sub(seq));
        let mut from = counted.unwrap_or(usize::MAX).min(times.len());
        while let Some(rest @ [time, ..]) = times.get(from..) {
            let start = floor(*time, Tier::Minute);
            let rows = rest.iter().take_while(|time| floor(**time, Tier::Minute) == start).count();
            let minute = columns
                .iter()
                .map(|column| samples_bucket(column.get(from..from + rows).unwrap_or_default()));
            self.part(seq + from as u64, start, minute);
            from += rows;
        }
    }

    /// Closes the open minute, which holds the samples before `seq`.
    fn finish_minute(&mut self, seq: u64) {
        let Some(open) = self.open_minute.take() else {
            return;
        };
        self.bucket(self.minute.end_seq, open.start, &open.values);
        self.minute.push(open.start, open.values.iter().copied());
        self.minute.through = seq;
        if self.minute.is_full() {
            self.minute.close();
        }
    }

    fn bucket(&mut self, seq: u64, time: i64, row: &[f64]) {
        if seq < self.hour.through {
            // A restart made a minute again that a sealed hour already counts.
            return;
        }
        let start = floor(time, Tier::Hour);
        if self.open_hour.as_ref().is_some_and(|open| open.start != start) {
            self.hour.through = seq;
            self.close_hour();
        }
        self.open_hour
            .get_or_insert_with(|| Box::new(OpenBucket::new(start, self.series)))
            .add(row.as_chunks::<4>().0.iter().copied());
    }

    fn finish_hour(&mut self) {
        self.hour.through = self.minute.end_seq;
        self.close_hour();
    }

    fn close_hour(&mut self) {
        let Some(open) = self.open_hour.take() else {
            return;
        };
        self.hour.push(open.start, open.values.iter().copied());
        if self.hour.is_full() {
            self.hour.close();
        }
    }
}

/// The start of the bucket that a time falls into.
pub(crate) fn floor(time: i64, tier: Tier) -> i64 {
    ccm_proto::model::Timestamp::from_millis(time).floor(tier.step()).as_millis()
}
