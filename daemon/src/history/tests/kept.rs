//! What outlasts a kill, a torn write, retention and a lost index.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::notices::NoticeBoard;

use super::*;

/// The beginning of an hour.
const START: i64 = 1_700_002_800_000;

fn fill(kept: &mut Kept, naive: &mut Naive, from: i64, count: i64) {
    let host = keys(5);
    for row in from..from + count {
        let time = START + row * 1_000;
        let values: Vec<f64> = (0..5).map(|i| ((row * 31 + i * 7) % 1_000) as f64 / 10.0).collect();
        naive.append(time, &host, &values);
        kept.append(time, &host, values);
        if row % 50 == 0 {
            kept.maintain(time);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn newest_file(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let segment = |path: &PathBuf| {
        let long = fs::metadata(path).unwrap().len() > 1_000;
        long && path.extension().is_some_and(|extension| extension == "log")
    };
    files.filter(segment).max().unwrap()
}

fn check(opened: &Opened, naive: &Naive, to: i64) {
    for step in [1_000, 60_000, 3_600_000] {
        let steps = ((to - START) / step + 1).min(3_000);
        let range = range(to + 1 - step * steps, to + 1, step);
        let plan = opened.history.plan(&keys(5), range).unwrap();
        for (key, found) in plan.run(&opened.reader).unwrap() {
            assert_same(&found, &naive.query(&key, range), &format!("{key} step {step}"));
        }
    }
}

#[test]
fn a_torn_head_leaves_a_prefix() {
    let mut kept = Kept::new(FOREVER);
    let mut naive = Naive::default();
    fill(&mut kept, &mut naive, 0, 1_000);
    let length = fs::metadata(newest_file(&kept.directory.path().join("head"))).unwrap().len();
    let mut shortest = i64::MAX;
    for cut in [1, 7, 30, 200, 1_000, length / 2] {
        let image = tempfile::tempdir().unwrap();
        copy(kept.directory.path(), image.path());
        let head = newest_file(&image.path().join("head"));
        let file = fs::OpenOptions::new().write(true).open(&head).unwrap();
        file.set_len(length.saturating_sub(cut)).unwrap();
        let opened = open_with(&in_directory(image.path()), FOREVER, SMALL).unwrap();
        let last = opened.history.newest.values().copied().max().unwrap();
        assert!(last > START && last < naive.newest, "{last} after a cut of {cut}");
        shortest = shortest.min(last);
        let mut prefix = Naive::default();
        for (key, samples) in &naive.series {
            let kept = samples.iter().filter(|(time, _)| *time <= last).copied().collect();
            prefix.series.insert(key.clone(), kept);
        }
        check(&opened, &prefix, naive.newest);
    }
    assert!(shortest < naive.newest - 5_000, "the cuts were too small to matter");
}

#[test]
fn the_index_is_made_again_from_the_chunks() {
    let mut kept = Kept::new(FOREVER);
    let mut naive = Naive::default();
    fill(&mut kept, &mut naive, 0, 3_000);
    let before = kept.opened.history.stats();
    assert!(before.chunks >= 4, "{before:?}");
    fs::remove_dir_all(kept.directory.path().join("index")).unwrap();
    kept.restart();
    assert_eq!(kept.opened.history.stats().chunks, before.chunks);
    check(&kept.opened, &naive, naive.newest);
    kept.restart();
    check(&kept.opened, &naive, naive.newest);
}

#[test]
fn the_head_is_trimmed_once_it_is_sealed() {
    let mut kept = Kept::new(FOREVER);
    fill(&mut kept, &mut Naive::default(), 0, 3_000);
    let head = fs::read_dir(kept.directory.path().join("head")).unwrap();
    let bytes: u64 = head.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    // 3,000 rows of 5 samples are 120,000 bytes and more.
    assert!(bytes < 80_000, "{bytes} bytes");
}

#[test]
fn old_samples_are_dropped_and_their_buckets_stay() {
    let hour = Interval::from_secs(3_600);
    let retention = Retention { age: [hour, hour.times(24 * 30), hour.times(24 * 365)], ..FOREVER };
    let mut kept = Kept::new(retention);
    let mut naive = Naive::default();
    fill(&mut kept, &mut naive, 0, 20_000);
    let now = naive.newest;
    for second in 0..5 {
        kept.maintain(now + second * 60_000);
    }
    let full = keys(5);
    let raw = kept.opened.history.segments[0].values().map(|s| s.newest).min().unwrap();
    assert!(raw >= now - 3_600_000 - 1_000_000, "raw samples of {} s ago", (now - raw) / 1_000);
    // Minutes answer everything, also where a finer step is asked for.
    let minutes = range(START, now + 1, 60_000);
    for (key, found) in full.iter().zip(kept.query(&full, minutes)) {
        assert_same(&found, &naive.query(key, minutes), "minutes");
    }
    let fine = range(START, now + 1, 1_000);
    let found = kept.query(&full[..1], fine);
    let count: u64 = found[0].iter().map(|bucket| bucket.count).sum();
    assert_eq!(count, 20_000, "each sample counts once over all tiers");
    kept.restart();
    let again = kept.query(&full[..1], fine);
    assert_eq!(again, found);
}

#[test]
fn bytes_are_bounded() {
    let retention = Retention { total_bytes: 40_000, ..FOREVER };
    let mut kept = Kept::new(retention);
    fill(&mut kept, &mut Naive::default(), 0, 20_000);
    let stats = kept.opened.history.stats();
    assert!(stats.chunk_bytes < 60_000, "{stats:?}");
}

#[test]
fn a_group_of_which_nothing_is_left_is_forgotten() {
    let hour = Interval::from_secs(3_600);
    let mut kept = Kept::new(Retention { age: [hour; 3], ..FOREVER });
    let gone: Arc<[SeriesKey]> = vec![key("gone", "up", 0)].into();
    for row in 0..10 {
        kept.append(START + row * 1_000, &gone, vec![1.0]);
    }
    let count = |kept: &Kept| {
        let early = range(START, START + 10_000, 1_000);
        kept.query(&gone, early)[0].iter().map(|bucket| bucket.count).sum::<u64>()
    };
    assert_eq!(count(&kept), 10);
    // The newest segment of a tier always stays, so that it takes days until its hours go too.
    let host = keys(5);
    let last = 30_000;
    for row in 1..=last {
        let values = (0..5).map(|n| (f64::from(row * 5 + n) * 0.754_877_666).fract()).collect();
        let now = START + i64::from(row) * 60_000;
        kept.append(now, &host, values);
        if row % 60 == 0 {
            kept.maintain(now);
        }
    }
    for minute in 0..5 {
        kept.maintain(START + i64::from(last + minute) * 60_000);
    }
    let sources = |kept: &Kept| {
        let groups = kept.opened.history.groups.values();
        groups.map(|group| group.source.to_string()).collect::<Vec<_>>()
    };
    let before = (count(&kept), sources(&kept));
    assert_eq!(before, (0, vec!["host".to_owned()]));
    assert_eq!(kept.opened.history.stats().series, 5);
    kept.restart();
    assert_eq!((count(&kept), sources(&kept)), before);
}

#[test]
fn the_thread_writes_what_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let Opened { mut history, store, .. } =
        open_with(&in_directory(directory.path()), FOREVER, SMALL).unwrap();
    let (send, reports) = std::sync::mpsc::channel();
    let report = move |stored| drop(send.send(stored));
    let handle = store.spawn(Clock::manual(at(START)), NoticeBoard::default(), report).unwrap();
    let mut naive = Naive::default();
    let host = keys(5);
    for row in 1..=2_000 {
        let (time, values) = (START + row * 1_000, vec![row as f64; 5]);
        naive.append(time, &host, &values);
        let mut out = Vec::new();
        history.append(at(time), &Samples { keys: Arc::clone(&host), values }, &mut out);
        history.maintain(at(time), &mut out);
        handle.push(out);
    }
    let first = reports.recv().unwrap();
    assert!(matches!(first, Stored::Sealed { .. }), "{first:?}");
    history.stored(first);
    handle.close();
    let opened = open_with(&in_directory(directory.path()), FOREVER, SMALL).unwrap();
    check(&opened, &naive, naive.newest);
}
