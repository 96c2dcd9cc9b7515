use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::storage::disk::faulty::{FaultyDisk, Plan};

mod faults;

const OPTIONS: LogOptions = LogOptions { segment_bytes: SEGMENT_BYTES_MIN };

fn directory() -> PathBuf {
    PathBuf::from("/data/log")
}

fn open(disk: &FaultyDisk) -> (Log, LogRecovery) {
    Log::open_on(Arc::new(disk.clone()), &directory(), OPTIONS).unwrap()
}

fn records(log: &Log) -> Vec<Vec<u8>> {
    log.scan(None).map(|record| record.unwrap().1).collect()
}

fn payload(number: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((0..number * 37 % 700).map(|at| (at * 31 + number) as u8));
    bytes
}

fn filled(disk: &FaultyDisk, count: u64) -> Log {
    let (mut log, _) = open(disk);
    for number in 0..count {
        log.append(&payload(number)).unwrap();
        log.sync().unwrap();
    }
    log
}

#[test]
fn what_was_appended_is_read_back_in_order_and_by_position() {
    let disk = FaultyDisk::new(Plan::Fine);
    let (mut log, recovery) = open(&disk);
    assert_eq!(recovery, LogRecovery::default());
    let positions: Vec<_> = (0..50).map(|number| log.append(&payload(number)).unwrap()).collect();
    log.sync().unwrap();
    for (number, position) in positions.iter().enumerate() {
        assert_eq!(log.read(*position).unwrap(), payload(number as u64));
    }
    let scanned: Vec<_> = log.scan(Some(positions[20])).map(Result::unwrap).collect();
    let expected: Vec<_> = (20..50).map(|at| (positions[at as usize], payload(at))).collect();
    assert_eq!(scanned, expected);
    assert_eq!(log.scan(Some(log.end())).count(), 0);
    assert_eq!(positions[49].after(payload(49).len()), log.end());
}

#[test]
fn a_reopened_log_goes_on_where_it_ended() {
    let disk = FaultyDisk::new(Plan::Fine);
    let end = filled(&disk, 40).end();
    let (mut log, recovery) = open(&disk);
    assert_eq!(recovery, LogRecovery::default());
    assert_eq!(log.end(), end);
    log.append(b"more").unwrap();
    let mut expected: Vec<_> = (0..40).map(payload).collect();
    expected.push(b"more".to_vec());
    assert_eq!(records(&log), expected);
}

#[test]
fn a_record_of_any_size_within_the_limit_is_kept() {
    let disk = FaultyDisk::new(Plan::Fine);
    let (mut log, _) = open(&disk);
    for size in [0, 1, 4096, 300_000, RECORD_BYTES_MAX] {
        let position = log.append(&vec![7; size]).unwrap();
        assert_eq!(log.read(position).unwrap().len(), size);
    }
    let error = log.append(&vec![7; RECORD_BYTES_MAX + 1]).unwrap_err();
    assert!(matches!(error, LogError::TooLarge { .. }));
    assert_eq!(log.stopped(), None);
}

#[test]
fn retention_removes_whole_segments_and_positions_are_not_used_again() {
    let disk = FaultyDisk::new(Plan::Fine);
    let mut log = filled(&disk, 200);
    let segments = log.segments();
    assert!(segments.len() > 4);
    let keep = segments[3].number;
    let freed = log.remove_before(keep).unwrap();
    assert_eq!(freed, segments[..3].iter().map(|segment| segment.bytes).sum::<u64>());
    assert_eq!(log.remove_before(keep).unwrap(), 0);
    let gone = Position { segment: 1, offset: 40 };
    assert_eq!(log.read(gone), Err(LogError::NotFound(gone)));
    let end = log.end();
    assert!(log.remove_before(u64::MAX).unwrap() > 0);
    assert_eq!(log.end(), end);
    drop(log);
    let (log, recovery) = open(&disk);
    assert_eq!(recovery, LogRecovery::default());
    assert_eq!(log.segments().len(), 1);
    assert_eq!(log.end(), end);
}

#[test]
fn a_torn_tail_is_cut_and_reported_and_nothing_else_is_lost() {
    for keep in 1..60 {
        let disk = FaultyDisk::new(Plan::Fine);
        let (mut log, _) = open(&disk);
        log.append(b"kept").unwrap();
        log.sync().unwrap();
        let torn = log.append(&[1; 44]).unwrap();
        std::mem::forget(log);
        let path = segment::path(&directory(), 1);
        disk.open(&path).unwrap().truncate(torn.offset + keep).unwrap();
        let (mut log, recovery) = open(&disk);
        assert_eq!(recovery.damages, []);
        if keep < 60 {
            assert_eq!(recovery.cut.unwrap().offset, torn.offset);
        }
        log.append(b"after").unwrap();
        assert_eq!(records(&log), [b"kept".to_vec(), b"after".to_vec()]);
    }
}

#[test]
fn damage_in_what_was_synced_is_reported_and_costs_only_what_it_hit() {
    let disk = FaultyDisk::new(Plan::Fine);
    let (mut log, _) = open(&disk);
    let mut positions = Vec::new();
    for number in 0..5 {
        positions.push(log.append(&payload(number + 10)).unwrap());
        log.sync().unwrap();
    }
    std::mem::forget(log);
    let file = disk.open(&segment::path(&directory(), 1)).unwrap();
    // One in a header, one in a payload.
    flip(file.as_ref(), positions[1].offset);
    flip(file.as_ref(), positions[3].offset + FRAME_BYTES + 3);
    let (mut log, recovery) = open(&disk);
    let offsets: Vec<_> = recovery.damages.iter().map(|damage| damage.offset).collect();
    assert_eq!(offsets, [positions[1].offset, positions[3].offset]);
    assert_eq!(recovery.cut, None);
    let at = log.append(b"after").unwrap();
    assert_eq!(at.segment, 2, "a damaged segment is not written to");
    let read: Vec<_> = log.scan(None).filter_map(|record| Some(record.ok()?.1)).collect();
    assert_eq!(read, [payload(10), payload(12), payload(14), b"after".to_vec()]);
    assert_eq!(log.reader().verify().len(), 2);
    assert!(log.read(positions[3]).is_err());
}

fn flip(file: &dyn DiskFile, offset: u64) {
    let mut byte = [0];
    file.read_at(&mut byte, offset).unwrap();
    file.write_at(&[byte[0] ^ 4], offset).unwrap();
}

#[test]
fn a_lost_segment_is_reported_wherever_it_was() {
    let disk = FaultyDisk::new(Plan::Fine);
    let last = filled(&disk, 200).end().segment;
    for missing in [1, 3, last] {
        let disk = disk.after_power_loss(0);
        disk.remove(&segment::path(&directory(), missing)).unwrap();
        let (mut log, recovery) = open(&disk);
        let kind = DamageKind::Missing { through: missing };
        let lost: Vec<_> =
            recovery.damages.iter().map(|damage| (damage.segment, damage.kind)).collect();
        assert_eq!(lost, [(missing, kind)]);
        assert!(log.append(b"after").unwrap().segment >= last);
        let errors: Vec<_> = log.scan(None).filter_map(Result::err).collect();
        assert_eq!(errors, [LogError::Damaged(recovery.damages[0].clone())]);
    }
}

#[test]
fn an_older_copy_of_a_segment_is_noticed() {
    let disk = FaultyDisk::new(Plan::Fine);
    drop(filled(&disk, 200));
    for number in [2, open(&disk).0.end().segment] {
        let disk = disk.after_power_loss(0);
        let path = segment::path(&directory(), number);
        let file = disk.open(&path).unwrap();
        let first = Frame::first(file.as_ref(), number);
        file.truncate(first).unwrap();
        let (log, recovery) = open(&disk);
        assert_eq!(recovery.damages.len(), 1);
        assert_eq!(recovery.damages[0].kind, DamageKind::Shortened);
        assert_eq!(log.reader().verify().len(), 1);
    }
}

struct Frame;

impl Frame {
    /// End of the first record of a segment.
    fn first(file: &dyn DiskFile, number: u64) -> u64 {
        let mut header = [0; FRAME_BYTES as usize];
        file.read_at(&mut header, HEADER_BYTES).unwrap();
        frame::Frame::decode(number, HEADER_BYTES, &header).unwrap().end(HEADER_BYTES)
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let disk = FaultyDisk::new(Plan::Fine);
    drop(filled(&disk, 3));
    let file = disk.open(&segment::path(&directory(), 1)).unwrap();
    let mut header = [0; 40];
    file.read_at(&mut header, 0).unwrap();
    header[8] = 9;
    let checksum = crc32c::crc32c(&header[..36]).to_le_bytes();
    header[36..].copy_from_slice(&checksum);
    file.write_at(&header, 0).unwrap();
    let error = Log::open_on(Arc::new(disk), &directory(), OPTIONS).unwrap_err();
    assert!(matches!(error, LogError::Version { found: 9, known: 1, .. }), "{error}");
}

#[test]
fn a_group_is_never_spread_over_two_segments() {
    let disk = FaultyDisk::new(Plan::Fine);
    let (mut log, _) = open(&disk);
    let group: Vec<_> = (0..100).map(|at| log.append(&payload(at)).unwrap().segment).collect();
    assert!(group.iter().all(|segment| *segment == 1));
    log.sync().unwrap();
    assert_eq!(log.append(b"next").unwrap().segment, 2);
}

#[test]
fn a_reader_in_another_thread_sees_what_was_appended() {
    let temporary = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(temporary.path(), OPTIONS).unwrap();
    let reader = log.reader();
    let positions: Vec<_> = (0..100).map(|number| log.append(&payload(number)).unwrap()).collect();
    let read = std::thread::spawn(move || {
        positions.into_iter().map(|position| reader.read(position).unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(read.join().unwrap(), (0..100).map(payload).collect::<Vec<_>>());
}

/// Garbage of all kinds in a directory; nothing may panic, and opening ends.
#[test]
fn any_garbage_can_be_opened() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..200 {
        let disk = FaultyDisk::new(Plan::Fine);
        for name in ["0000000000000001.log", "0000000000000003.log", "extent", "x.log"] {
            if random.random_bool(0.7) {
                let bytes: Vec<u8> =
                    (0..random.random_range(0..5000)).map(|_| random.random()).collect();
                let file = disk.create(&directory().join(name)).unwrap();
                file.write_at(&bytes, 0).unwrap();
            }
        }
        let (mut log, _) = open(&disk);
        let position = log.append(b"works").unwrap();
        log.sync().unwrap();
        assert_eq!(log.read(position).unwrap(), b"works");
        drop(log);
        let (log, _) = open(&disk);
        assert_eq!(log.read(position).unwrap(), b"works");
    }
}
