//! How fast history takes samples in, how small it keeps them, and how fast it answers.
//!
//! Sizes are printed between the timings.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::panic, clippy::print_stdout, reason = "a bench prints figures and may fail")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use ccm_daemon::clock::Clock;
use ccm_daemon::history::store::{StoreHandle, in_directory, open};
use ccm_daemon::history::{History, HistoryOutput, HistoryReader, Retention, Stored};
use ccm_daemon::notices::NoticeBoard;
use ccm_proto::model::series::Range;
use ccm_proto::model::{Interval, Labels, Name, Samples, SeriesKey, Timestamp};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const START_MS: i64 = 1_700_002_800_000;

/// A small generator, so that each run sees the same numbers.
struct Noise(u64);

impl Noise {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Series as a host has them: of eight, three are percentages, one memory in pages, one a rate
/// of bytes that is often zero, one a load with two decimals, two are constant.
struct Host {
    noise: Noise,
    state: Vec<f64>,
}

impl Host {
    fn new(series: usize) -> Self {
        Self { noise: Noise(88_172_645_463_325_252), state: vec![30.0; series] }
    }

    fn read(&mut self) -> Vec<f64> {
        let noise = &mut self.noise;
        let next = |(index, state): (usize, &mut f64)| match index % 8 {
            0..=2 => {
                *state = (*state + (noise.unit() - 0.5) * 4.0).clamp(0.0, 100.0);
                (*state * 100.0).round() / 100.0
            }
            3 => {
                let step = if noise.unit() < 0.4 { (noise.unit() - 0.5) * 200.0 } else { 0.0 };
                *state += step.round();
                (*state + 1_000_000.0) * 4_096.0
            }
            4 if noise.unit() < 0.6 => 0.0,
            4 => (noise.unit() * 200.0).round() * 4_096.0,
            5 => {
                *state += (noise.unit() - 0.5) * 0.05;
                (*state * 100.0).round() / 100.0
            }
            6 => 16.0 * 1_073_741_824.0,
            _ => 0.0,
        };
        self.state.iter_mut().enumerate().map(next).collect()
    }
}

fn keys(count: usize) -> Arc<[SeriesKey]> {
    let source = Name::new("host").unwrap_or_else(|error| panic!("{error}"));
    let metric: Arc<str> = Arc::from("disks.read_bytes_per_second");
    let key = |index| SeriesKey {
        source: source.clone(),
        metric: Arc::clone(&metric),
        labels: Labels::new([("device", format!("device-{index}"))]),
    };
    (0..count).map(key).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + second * 1_000)
}

/// A history with its store's thread, fed as the engine does.
struct Kept {
    history: History,
    reader: HistoryReader,
    store: StoreHandle,
    stored: Receiver<Stored>,
    asked: usize,
}

impl Kept {
    fn new(directory: &Path) -> Self {
        let opened = open(&in_directory(directory), Retention::default());
        let opened = opened.unwrap_or_else(|error| panic!("{error}"));
        let (send, stored) = channel();
        let report = move |report| drop(send.send(report));
        let store = opened.store.spawn(Clock::system(), NoticeBoard::default(), report);
        let store = store.unwrap_or_else(|error| panic!("{error}"));
        Self { history: opened.history, reader: opened.reader, store, stored, asked: 0 }
    }

    fn feed(&mut self, second: i64, samples: &Samples) {
        let mut out = Vec::new();
        self.history.append(at(second), samples, &mut out);
        self.history.maintain(at(second), &mut out);
        self.asked += out.iter().filter(|output| matches!(output, HistoryOutput::Seal(_))).count();
        self.store.push(out);
    }

    /// Waits until all that was asked for has been done.
    fn settle(&mut self) {
        while self.asked > 0
            && let Ok(report) = self.stored.recv()
        {
            self.asked -= usize::from(!matches!(report, Stored::Unsaved(_)));
            self.history.stored(report);
        }
    }
}

/// Bytes on disk and in memory of a day of 160 series at 1 Hz.
fn day(directory: &Path) -> Kept {
    let mut kept = Kept::new(directory);
    let (host, mut values) = (keys(160), Host::new(160));
    for second in 0..86_400 {
        kept.feed(second, &Samples { keys: Arc::clone(&host), values: values.read() });
        if second % 60 == 0 {
            kept.settle();
        }
    }
    kept.settle();
    let stats = kept.history.stats();
    println!(
        "160 host-like series, 24 h at 1 Hz: {} chunks, {:.2} bytes/sample on disk (all tiers), \
         {} KiB in memory",
        stats.chunks,
        stats.chunk_bytes as f64 / stats.samples as f64,
        stats.head_bytes / 1_024
    );
    kept
}

/// Memory of 100,000 series in one group, over two hours at a reading in ten seconds.
fn memory() {
    let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut kept = Kept::new(directory.path());
    let (many, mut values) = (keys(100_000), Host::new(100_000));
    let mut most = 0;
    for reading in 0..720 {
        let samples = Samples { keys: Arc::clone(&many), values: values.read() };
        kept.feed(reading * 10, &samples);
        kept.settle();
        let (data, dictionary, keys) = kept.history.memory();
        most = most.max(data + dictionary + keys);
    }
    let (data, dictionary, keys) = kept.history.memory();
    let stats = kept.history.stats();
    println!(
        "100,000 series, 2 h at 0.1 Hz: at most {} bytes/series; at the end {} of data, {} of \
         dictionary, {} of keys; {:.2} bytes/sample on disk in {} chunks; {} unsaved",
        most / 100_000,
        data / 100_000,
        dictionary / 100_000,
        keys / 100_000,
        stats.chunk_bytes as f64 / stats.samples as f64,
        stats.chunks,
        stats.unsaved
    );
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("history");
    for series in [160, 10_000] {
        let (host, mut values) = (keys(series), Host::new(series));
        let rows = if series > 1_000 { 64 } else { 720 };
        let readings: Vec<Samples> =
            (0..rows).map(|_| Samples { keys: Arc::clone(&host), values: values.read() }).collect();
        group.throughput(Throughput::Elements((rows * series) as u64));
        group.bench_function(format!("append {series} series, pieces included"), |bencher| {
            bencher.iter_batched_ref(
                || History::new(Retention::default()),
                |history| {
                    let mut out = Vec::new();
                    for (second, samples) in (0..).zip(&readings) {
                        history.append(at(second), samples, &mut out);
                        out.clear();
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn query(criterion: &mut Criterion) {
    memory();
    let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let kept = day(directory.path());
    let one = keys(1);
    for (name, seconds) in [("1 s", 1), ("10 s", 10), ("1 min", 60), ("1 h", 3_600)] {
        let step = Interval::from_secs(seconds);
        let range = Range { start: at(0), end: at(86_400), step };
        criterion.bench_function(&format!("24 h of one series, step {name}"), |bencher| {
            bencher.iter(|| {
                let answer = kept.history.plan(&one, range).and_then(|plan| plan.run(&kept.reader));
                black_box(answer.map_or(0, |answer| answer.len()))
            });
        });
    }
    kept.store.close();
    drop(kept.history);
    let started = Clock::system().now();
    let opened = open(&in_directory(directory.path()), Retention::default());
    let took = Clock::system().now().since(started).as_millis();
    let series = opened.map_or(0, |opened| opened.history.stats().series);
    println!("start over that day: {took} ms, {series} series");
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = query, append
}
criterion_main!(benches);
