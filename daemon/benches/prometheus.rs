//! What the text of a target with 1,000 series costs: read for the first time, read again with
//! other values, in another order, with rates and quantiles, and only taken apart. Throughput is
//! in samples.
//!
//! Before that it prints how many bytes on disk a sample takes, beside blocks that Prometheus' own
//! tool makes of the same samples.

#![expect(clippy::expect_used, reason = "a bench may end where it fails")]
#![expect(clippy::print_stdout, reason = "a bench prints figures")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::prometheus::Scraper;
use ccm_daemon::collect::prometheus::exposition::{Format, Lines};
use ccm_daemon::history::store::{in_directory, open};
use ccm_daemon::history::{HistoryOutput, Retention, Stored};
use ccm_daemon::notices::NoticeBoard;
use ccm_proto::model::source::PrometheusConfig;
use ccm_proto::model::{Interval, Name, Timestamp};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const SERIES: u64 = 1_000;

/// A target's answer: 100 families of 10 series, a tenth of them buckets.
fn answer(round: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for family in 0..SERIES / 10 {
        let (name, kind) = match family % 10 {
            0 => (format!("demo_seconds_{family}_bucket"), "histogram"),
            1..=6 => (format!("demo_requests_{family}_total"), "counter"),
            _ => (format!("demo_level_{family}_bytes"), "gauge"),
        };
        lines.push(format!("# HELP {name} What the target tells about {family}.\n"));
        lines.push(format!("# TYPE {name} {kind}\n"));
        for series in 0..10 {
            let bound = if series == 9 { "+Inf".to_owned() } else { format!("0.{series}") };
            let value = round * (series + 1) * 17 + family;
            let value = if family % 3 == 0 { format!("{value}.25") } else { value.to_string() };
            lines.push(format!(
                "{name}{{instance=\"db1.example.net:9100\",device=\"disk{series}\",le=\"{bound}\"}} {value}\n"
            ));
        }
    }
    lines
}

fn text(round: u64) -> Vec<u8> {
    answer(round).concat().into_bytes()
}

fn scraper(more: &str) -> Scraper {
    let config: PrometheusConfig =
        toml::from_str(&format!("url = \"http://a\"\n{more}")).expect("the bench's own document");
    Scraper::new(Name::new("target").expect("a name"), config)
}

fn again(criterion: &mut Criterion, name: &str, more: &str, answers: &[Vec<u8>; 2]) {
    let mut scraper = scraper(more);
    let mut round = 0;
    let mut group = criterion.benchmark_group("prometheus");
    group.throughput(Throughput::Elements(SERIES));
    group.bench_function(name, |bench| {
        bench.iter(|| {
            round += 1;
            let body = &answers[round % 2];
            let elapsed = Duration::from_secs(round as u64);
            black_box(scraper.read(body, Format::Text, elapsed).expect("a reading"))
        });
    });
}

fn scrapes(criterion: &mut Criterion) {
    let mut reversed = answer(2);
    reversed.reverse();
    let body = text(1);
    let mut group = criterion.benchmark_group("prometheus");
    group.throughput(Throughput::Elements(SERIES));
    group.bench_function("lines only", |bench| {
        bench.iter(|| {
            let text = std::str::from_utf8(&body).expect("text");
            let mut lines = Lines::new(text, Format::Text);
            while let Some(line) = lines.read().expect("a line") {
                black_box(line);
            }
        });
    });
    group.bench_function("first scrape", |bench| {
        let read = |mut scraper: Scraper| {
            scraper.read(&body, Format::Text, Duration::ZERO).expect("a reading")
        };
        bench.iter_batched(|| scraper(""), read, BatchSize::SmallInput);
    });
    group.finish();
    again(criterion, "same series", "", &[text(1), text(2)]);
    again(criterion, "another order", "", &[text(1), reversed.concat().into_bytes()]);
    let named = "rates = [\"demo_requests_1_total\", \"demo_requests_2_total\"]\n\
                 quantiles = [{ metric = \"demo_seconds_0\", q = [0.5, 0.99], by = [] }]";
    again(criterion, "same series, rates and quantiles", named, &[text(1), text(2)]);
}

/// Scrapes of three hours at one in ten seconds: more than a block of Prometheus and a chunk of ours.
const SCRAPES: i64 = 1_080;

const START_MS: i64 = 1_700_002_800_000;

/// What a target says over time: of its series 40 in 100 never change, 40 are counters that rise,
/// half of them by whole numbers, and 20 are gauges that wander.
struct Demo {
    random: StdRng,
    values: Vec<f64>,
}

impl Demo {
    fn new() -> Self {
        let mut random = StdRng::seed_from_u64(1);
        let values = (0..SERIES).map(|_| f64::from(random.random_range(0..1_000_000))).collect();
        Self { random, values }
    }

    fn scrape(&mut self) -> Vec<String> {
        let hundredths = |value: f64| (value * 100.0).round() / 100.0;
        let mut lines = Vec::with_capacity(self.values.len());
        for (index, value) in self.values.iter_mut().enumerate() {
            let rate = 1 + index as u32 % 200;
            match index % 5 {
                2 => *value += f64::from(self.random.random_range(0..=rate)),
                3 => {
                    let more = self.random.random::<f64>() * f64::from(rate) / 10.0;
                    *value = hundredths(*value + more);
                }
                4 => *value = hundredths(*value + self.random.random_range(-1.0..1.0)),
                _ => {}
            }
            let (family, device) = (index % 50, index / 50);
            lines.push(format!("demo_{family}{{device=\"disk{device}\",mode=\"read\"}} {value}"));
        }
        lines
    }
}

/// Bytes on disk for each sample: of all our tiers together.
fn ours(directory: &Path) -> f64 {
    let opened = open(&in_directory(directory), Retention::default()).expect("a history");
    let (send, stored) = channel();
    let report = move |report| drop(send.send(report));
    let store = opened.store.spawn(Clock::system(), NoticeBoard::default(), report);
    let store = store.expect("a store");
    let (mut history, mut scraper, mut demo) = (opened.history, scraper(""), Demo::new());
    let mut asked = 0;
    for scrape in 0..SCRAPES + 1_440 {
        let at = Timestamp::from_millis(START_MS + scrape * 10_000);
        let mut out = Vec::new();
        if scrape < SCRAPES {
            let body = demo.scrape().join("\n") + "\n";
            let elapsed = Duration::from_secs(scrape as u64 * 10);
            let read = scraper.read(body.as_bytes(), Format::Text, elapsed).expect("a reading");
            history.append(at, &read.samples, &mut out);
        }
        // What is left over is sealed when it is old.
        history.maintain(at, &mut out);
        asked += out.iter().filter(|output| matches!(output, HistoryOutput::Seal(_))).count();
        store.push(out);
        while asked > 0
            && let Ok(report) = stored.recv()
        {
            asked -= usize::from(!matches!(report, Stored::Unsaved(_)));
            history.stored(report);
        }
    }
    let stats = history.stats();
    store.close();
    stats.chunk_bytes as f64 / stats.samples as f64
}

/// Bytes for each sample of the blocks that Prometheus' tool makes; none where it is missing.
fn theirs(directory: &Path) -> Option<f64> {
    let (metrics, blocks) = (directory.join("metrics"), directory.join("blocks"));
    let (mut demo, mut text) = (Demo::new(), String::new());
    for scrape in 0..SCRAPES {
        let seconds = START_MS / 1_000 + scrape * 10;
        for line in demo.scrape() {
            let _ = writeln!(text, "{line} {seconds}");
        }
    }
    text.push_str("# EOF\n");
    std::fs::write(&metrics, text).expect("a file");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&metrics, &blocks])
        .stdout(Stdio::null())
        .status();
    made.ok().filter(std::process::ExitStatus::success)?;
    Some(bytes_below(&blocks) as f64 / (SCRAPES as u64 * SERIES) as f64)
}

fn bytes_below(folder: &Path) -> u64 {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| match entry.metadata().expect("a size") {
            folder if folder.is_dir() => bytes_below(&entry.path()),
            file => file.len(),
        })
        .sum()
}

fn disk(_: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let ours = ours(directory.path());
    let hours = Interval::from_secs(SCRAPES as u64 * 10);
    print!("{SERIES} series, {hours} at one in 10s: {ours:.2} bytes/sample on disk (all tiers)");
    match theirs(directory.path()) {
        Some(theirs) => println!(", {theirs:.2} in Prometheus' blocks, ratio {:.2}", ours / theirs),
        None => println!("; no promtool to compare with, install the Debian package prometheus"),
    }
}

criterion_group!(benches, disk, scrapes);
criterion_main!(benches);
