use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::series::{Range, SeriesSelector};
use ccm_proto::model::{Bucket, Interval, Labels, Name, Samples, SeriesKey, Timestamp};
use tempfile::TempDir;

use super::store::{Opened, SegmentSizes, in_directory, open_with};
use super::*;

mod codec;
mod disk;
mod kept;
mod model;
mod summary;

const SMALL: SegmentSizes =
    SegmentSizes { head: 16 << 10, tiers: [8 << 10; 3], index: 8 << 10, summary: 4 << 10 };

const FOREVER: Retention = Retention {
    age: [Interval::from_secs(u32::MAX as u64); 3],
    bytes: [u64::MAX; 3],
    total_bytes: u64::MAX,
};

fn key(source: &str, metric: &str, label: usize) -> SeriesKey {
    SeriesKey {
        source: Name::new(source).unwrap(),
        metric: Arc::from(metric),
        labels: Labels::new([("device", format!("sd{label}"))]),
    }
}

fn keys(count: usize) -> Arc<[SeriesKey]> {
    (0..count).map(|index| key("host", "disks.busy", index)).collect()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A history with its store, worked by hand instead of by a thread.
struct Kept {
    directory: TempDir,
    retention: Retention,
    opened: Opened,
}

impl Kept {
    fn new(retention: Retention) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let opened = open_with(&in_directory(directory.path()), retention, SMALL).unwrap();
        Self { directory, retention, opened }
    }

    fn append(&mut self, time: i64, keys: &Arc<[SeriesKey]>, values: Vec<f64>) {
        let mut out = Vec::new();
        let samples = Samples { keys: Arc::clone(keys), values };
        self.opened.history.append(at(time), &samples, &mut out);
        self.write(time, out);
    }

    fn maintain(&mut self, time: i64) {
        let mut out = Vec::new();
        self.opened.history.maintain(at(time), &mut out);
        self.write(time, out);
    }

    fn write(&mut self, time: i64, out: Vec<HistoryOutput>) {
        let mut reports = Vec::new();
        self.opened.store.work_on(out, at(time), &mut |stored| reports.push(stored));
        for stored in reports {
            assert!(!matches!(stored, Stored::Failed { .. } | Stored::Unsaved(_)));
            self.opened.history.stored(stored);
        }
    }

    /// As after a kill: nothing is said before.
    fn restart(&mut self) {
        let retention = self.retention;
        let nowhere = tempfile::tempdir().unwrap();
        // The old store must be gone before the new one begins.
        self.opened = open_with(&in_directory(nowhere.path()), retention, SMALL).unwrap();
        self.opened = open_with(&in_directory(self.directory.path()), retention, SMALL).unwrap();
        assert_eq!(self.opened.sentences, Vec::<String>::new());
    }

    fn query(&self, keys: &[SeriesKey], range: Range) -> Vec<Vec<Bucket>> {
        let plan = self.opened.history.plan(keys, range).unwrap();
        let answer = plan.run(&self.opened.reader).unwrap();
        answer.into_iter().map(|(_, buckets)| buckets).collect()
    }
}

fn range(start: i64, end: i64, step: i64) -> Range {
    Range { start: at(start), end: at(end), step: Interval::from_millis(step as u64) }
}

/// What was put in, and answers by looking at all of it.
#[derive(Clone, Default)]
struct Naive {
    series: BTreeMap<SeriesKey, Vec<(i64, f64)>>,
    newest: i64,
}

impl Naive {
    fn append(&mut self, time: i64, keys: &[SeriesKey], values: &[f64]) {
        if time <= self.newest {
            return;
        }
        self.newest = time;
        for (key, value) in keys.iter().zip(values) {
            let series = self.series.entry(key.clone()).or_default();
            if value.is_finite() {
                series.push((time, *value));
            }
        }
    }

    fn query(&self, key: &SeriesKey, range: Range) -> Vec<Bucket> {
        let step = range.step.as_millis() as i64;
        let first = range.start.as_millis().div_euclid(step);
        let last = (range.end.as_millis() - 1).div_euclid(step);
        let empty = |index: i64| Bucket { start: at(index * step), ..Bucket::default() };
        let mut buckets: Vec<Bucket> = (first..=last).map(empty).collect();
        for (time, value) in self.series.get(key).into_iter().flatten() {
            let index = usize::try_from(time.div_euclid(step) - first).unwrap_or(usize::MAX);
            let Some(bucket) = buckets.get_mut(index) else {
                continue;
            };
            let known = bucket.count > 0;
            bucket.min = if known { bucket.min.min(*value) } else { *value };
            bucket.max = if known { bucket.max.max(*value) } else { *value };
            bucket.mean += (value - bucket.mean) / (bucket.count + 1) as f64;
            bucket.count += 1;
        }
        buckets
    }
}

fn assert_same(found: &[Bucket], expected: &[Bucket], context: &str) {
    assert_eq!(found.len(), expected.len(), "{context}");
    for (found, expected) in found.iter().zip(expected) {
        let close = (found.mean - expected.mean).abs() <= 1e-9 * expected.mean.abs().max(1.0);
        let same = found.start == expected.start
            && found.count == expected.count
            && found.min.to_bits() == expected.min.to_bits()
            && found.max.to_bits() == expected.max.to_bits();
        assert!(same && close, "{context}: {found:?} instead of {expected:?}");
    }
}

#[test]
fn selects_series_in_order_and_each_once() {
    let mut kept = Kept::new(FOREVER);
    kept.append(1_000, &keys(3), vec![1.0; 3]);
    kept.append(2_000, &keys(5), vec![1.0; 5]);
    let all = kept.opened.history.select(&SeriesSelector::default());
    assert_eq!(all, keys(5).to_vec());
    let labels = Labels::new([("device", "sd2")]);
    let one = SeriesSelector { labels, ..SeriesSelector::default() };
    assert_eq!(kept.opened.history.select(&one), vec![key("host", "disks.busy", 2)]);
}

#[test]
fn refuses_what_is_not_newer_and_counts_it() {
    let mut kept = Kept::new(FOREVER);
    for time in [5_000, 5_000, 4_000, 6_000] {
        kept.append(time, &keys(3), vec![1.0; 3]);
    }
    let stats = kept.opened.history.stats();
    assert_eq!((stats.samples, stats.refused, stats.series), (6, 6, 3));
}

#[test]
fn refuses_queries_without_bounds() {
    let kept = Kept::new(FOREVER);
    for (range, empty) in [
        (range(0, 1_000, 0), true),
        (range(5, 5, 10), true),
        (range(9, 5, 10), true),
        (range(0, i64::MAX, 1), false),
    ] {
        match kept.opened.history.plan(&keys(1), range) {
            Err(HistoryError::EmptyRange) => assert!(empty),
            Err(HistoryError::TooManyBuckets(..)) => assert!(!empty),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn goes_on_after_the_clock_was_put_back() {
    let day = 86_400_000;
    let mut kept = Kept::new(FOREVER);
    let host = keys(2);
    kept.append(10 * day, &host, vec![1.0; 2]);
    kept.append(day, &host, vec![2.0; 2]);
    assert_eq!(kept.opened.history.stats().refused, 2);
    kept.maintain(day);
    kept.append(day + 1_000, &host, vec![3.0; 2]);
    kept.restart();
    let found = kept.query(&host, range(day, day + 2_000, 1_000));
    assert_eq!(found[1].iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [0, 1]);
    let far = kept.query(&host, range(10 * day, 10 * day + 60_000, 60_000));
    assert_eq!(far[0][0].count, 1);
}
