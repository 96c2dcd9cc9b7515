//! Summaries stand for the chunks that they are of, and a start does as well without them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::history::block::{self, Block};
use crate::history::column::Effort;
use crate::history::record::{self, Chunk, Record, definition};
use crate::history::restore::{ReadRecords, Restore};
use crate::history::summary;

const START: i64 = 1_700_002_800_000;

/// A raw chunk of one series, one row a second.
fn chunk_of<'a>(values: &[f64], block: &'a mut Vec<u8>) -> Chunk<'a> {
    let times: Vec<i64> = (0..values.len() as i64).map(|row| START + row * 1_000).collect();
    *block = block::encode(&times, &[values.to_vec()], Effort::Small);
    Chunk {
        tier: Tier::Raw,
        group: GroupId(1),
        stripe: 0,
        end_seq: values.len() as u64,
        through: 0,
        first: START,
        last: times.last().copied().unwrap_or_default(),
        block,
    }
}

/// The records of one chunk, and how often the chunk itself was read.
struct Records {
    chunk: Vec<u8>,
    summary: Option<Vec<u8>>,
    chunks_read: AtomicU64,
}

impl ReadRecords for Records {
    fn chunk(&self, _: Tier, _: Position) -> Option<Vec<u8>> {
        self.chunks_read.fetch_add(1, Ordering::Relaxed);
        Some(self.chunk.clone())
    }

    fn summary(&self, _: Position) -> Option<Vec<u8>> {
        self.summary.clone()
    }
}

/// What a start makes of a chunk and its summary: the buckets of all minutes.
fn restored(chunk: &Chunk<'_>, summary: &[u8], records: &Records) -> Vec<Bucket> {
    let keys = keys(1);
    let mut restore = Restore::new(FOREVER);
    let place = Position { segment: 1, offset: 64 };
    restore.record(Position::default(), &definition::encode(GroupId(1), &keys)).unwrap();
    restore.record(place, &records.chunk).unwrap();
    restore.settle();
    if let Ok(Record::Summary(summary)) = record::decode(summary) {
        restore.summary(place, &summary);
    }
    assert_eq!(restore.replay(records), 0);
    let (history, _) = restore.finish();
    let all = range(START, chunk.last + 1, 60_000);
    let plan = history.plan(&keys, all).unwrap();
    // The logs are empty: what is answered comes from the minutes in memory.
    let answer = plan.run(&HistoryReader::default()).unwrap();
    answer.into_iter().next().map(|(_, buckets)| buckets).unwrap_or_default()
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0_u32..100_000).prop_map(|value| f64::from(value) / 100.0),
        1 => Just(f64::NAN),
        1 => -1e9..1e9_f64,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_summary_comes_to_what_its_chunk_does(
        values in prop::collection::vec(value(), 120..720),
        damaged: bool,
    ) {
        let mut block = Vec::new();
        let chunk = chunk_of(&values, &mut block);
        let parts = summary::parts(Tier::Raw, &Block::parse(chunk.block).unwrap()).unwrap();
        let summary = record::summary::encode(&chunk, &parts.expect("60 rows for each minute"));
        let records = |summary: Option<Vec<u8>>| Records {
            chunk: chunk.encode(),
            summary,
            chunks_read: AtomicU64::new(0),
        };
        let without = records(None);
        let plain = restored(&chunk, &[], &without);
        prop_assert_eq!(without.chunks_read.into_inner(), 1);
        let mut bytes = summary.clone();
        if damaged {
            *bytes.last_mut().unwrap() ^= 1;
        }
        let with = records(Some(bytes));
        let summed = restored(&chunk, &summary, &with);
        prop_assert_eq!(with.chunks_read.into_inner(), u64::from(damaged));
        assert_same(&summed, &plain, "by its summary");
        prop_assert!(plain.iter().map(|bucket| bucket.count).sum::<u64>() > 0);
    }

    #[test]
    fn a_changed_summary_is_noticed(place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let values: Vec<f64> = (0..180).map(f64::from).collect();
        let mut block = Vec::new();
        let chunk = chunk_of(&values, &mut block);
        let parts = summary::parts(Tier::Raw, &Block::parse(chunk.block).unwrap()).unwrap();
        let mut bytes = record::summary::encode(&chunk, &parts.unwrap());
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        prop_assert!(record::decode(&bytes).is_err());
        prop_assert!(record::decode(&bytes[..place]).is_err());
    }
}

#[test]
fn rows_that_are_hardly_more_than_their_buckets_have_no_summary() {
    let times: Vec<i64> = (0..60).map(|row| START + row * 10_000).collect();
    let block = block::encode(&times, &[vec![1.0; 60]], Effort::Small);
    assert_eq!(summary::parts(Tier::Raw, &Block::parse(&block).unwrap()), Ok(None));
    assert_eq!(summary::parts(Tier::Hour, &Block::parse(&block).unwrap()), Ok(None));
}

/// Readings of so many minutes.
fn minutes(kept: &mut Kept, naive: &mut Naive, count: i64) {
    let host = keys(5);
    for minute in 0..count {
        let time = START + minute * 60_000;
        let values: Vec<f64> =
            (0..5).map(|n| ((minute * 5 + n) as f64 * 0.754_877_666).fract()).collect();
        naive.append(time, &host, &values);
        kept.append(time, &host, values);
        if minute % 30 == 0 {
            kept.maintain(time);
        }
    }
}

fn bytes_in(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap();
    files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn summaries_last_until_the_coarser_tier_is_sealed() {
    let mut kept = Kept::new(FOREVER);
    let mut naive = Naive::default();
    minutes(&mut kept, &mut naive, 9_000);
    let before = bytes_in(&kept.directory.path().join("summary"));
    // Twelve hours of five series each, and their hours are not sealed before a week is over.
    assert!(before > 12 * 5 * 4 * 8, "{before} bytes");
    let hours = range(START, naive.newest + 1, 3_600_000);
    kept.restart();
    let full = keys(5);
    for (key, found) in full.iter().zip(kept.query(&full, hours)) {
        assert_same(&found, &naive.query(key, hours), "hours");
    }
    let mut long = Kept::new(FOREVER);
    minutes(&mut long, &mut Naive::default(), 40_000);
    let after = bytes_in(&long.directory.path().join("summary"));
    assert!(after < 2 * before, "{after} bytes, {before} after a fifth of the time");
}

#[test]
fn a_start_without_summaries_is_as_good() {
    let mut kept = Kept::new(FOREVER);
    let mut naive = Naive::default();
    minutes(&mut kept, &mut naive, 3_000);
    fs::remove_dir_all(kept.directory.path().join("summary")).unwrap();
    kept.restart();
    let hours = range(START, naive.newest + 1, 3_600_000);
    let full = keys(5);
    for (key, found) in full.iter().zip(kept.query(&full, hours)) {
        assert_same(&found, &naive.query(key, hours), "hours");
    }
}
