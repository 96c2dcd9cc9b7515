//! What the log costs: appending, group commit, scanning, reading.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails should stop")]

use ccm_daemon::storage::log::{Log, LogOptions};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// One scheduler tick of 100,000 samples at about 2 bytes each after packing, and a plain one.
const TICK_BYTES: [usize; 2] = [200 * 1024, 1600 * 1024];
const RECORD_BYTES: usize = 256;
const RECORDS: u64 = 10_000;

fn log() -> (tempfile::TempDir, Log) {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(directory.path(), LogOptions::default()).unwrap();
    (directory, log)
}

/// Keeps the bench from filling the disk.
fn retain(log: &mut Log) {
    let segments = log.segments();
    if let Some(first) = segments.len().checked_sub(4).and_then(|at| segments.get(at)) {
        log.remove_before(first.number).unwrap();
    }
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    let (_directory, mut log) = log();
    let record = [7; RECORD_BYTES];
    group.throughput(Throughput::Elements(1));
    let mut count = 0_u64;
    group.bench_function("record of 256 B", |bencher| {
        bencher.iter(|| {
            count += 1;
            if count.is_multiple_of(30_000) {
                log.rotate().unwrap();
                retain(&mut log);
            }
            log.append(&record).unwrap()
        });
    });
    for size in [1, 32, 1024] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("group of {size} x 256 B, synced"), |bencher| {
            bencher.iter(|| {
                for _ in 0..size {
                    log.append(&record).unwrap();
                }
                log.sync().unwrap();
                retain(&mut log);
            });
        });
    }
    for size in TICK_BYTES {
        let tick = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("tick of {} KiB, synced", size / 1024), |bencher| {
            bencher.iter(|| {
                log.append(&tick).unwrap();
                log.sync().unwrap();
                retain(&mut log);
            });
        });
    }
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let (_directory, mut log) = log();
    let positions: Vec<_> = (0..RECORDS).map(|_| log.append(&[7; RECORD_BYTES]).unwrap()).collect();
    log.sync().unwrap();
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("scan of 10,000 x 256 B", |bencher| {
        bencher.iter(|| log.scan(None).map(|record| record.unwrap().1.len()).sum::<usize>());
    });
    group.throughput(Throughput::Elements(1));
    let mut next = positions.iter().cycle();
    group.bench_function("one record of 256 B", |bencher| {
        bencher.iter(|| log.read(*next.next().unwrap()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, append, read);
criterion_main!(benches);
