//! What a restart costs: 100 sources of 1,000 series each, read every ten seconds, whose process is
//! ended at once. A new process opens what they left and is ready to take samples and answer.
//!
//! Printed after a quarter of an hour, two, six and twelve hours, or after as many readings as the
//! arguments say: bytes in the head log for each sample, the time until ready, and the most
//! resident memory.

#![expect(clippy::expect_used, reason = "a bench may end where it fails")]
#![expect(clippy::print_stdout, reason = "a bench prints figures")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::history::store::{in_directory, open};
use ccm_daemon::history::{HistoryOutput, Retention, Stored};
use ccm_daemon::notices::NoticeBoard;
use ccm_proto::model::{Labels, Name, Samples, SeriesKey, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const SOURCES: usize = 100;
const SERIES: usize = 1_000;
const START_MS: i64 = 1_700_002_800_000;
const INTERVAL_MS: i64 = 10_000;

/// The argument with which this program opens a directory and says what that cost.
const OPEN: &str = "--open-directory";

/// A target as `bench/prometheus.py` has it: of five series two rest, two count, one wanders.
struct Target {
    keys: Arc<[SeriesKey]>,
    values: Vec<f64>,
}

impl Target {
    fn new(number: usize, noise: &mut StdRng) -> Self {
        let source = Name::new(&format!("target-{number}")).expect("a name");
        let key = |index: usize| SeriesKey {
            source: source.clone(),
            metric: Arc::from(format!("demo_requests_total_{}", index % 50)),
            labels: Labels::new([
                ("device", format!("disk{}", index / 50)),
                ("group", format!("g{}", index % 50)),
                ("instance", format!("db{number}.example.net:9100")),
                ("mode", "read".to_owned()),
            ]),
        };
        let keys = (0..SERIES).map(key).collect();
        let values = (0..SERIES).map(|_| f64::from(noise.random_range(0..1_000_000))).collect();
        Self { keys, values }
    }

    fn read(&mut self, noise: &mut StdRng) -> Samples {
        for (index, value) in self.values.iter_mut().enumerate() {
            let rate = (index % 200 + 1) as f64;
            match index % 5 {
                2 => *value += (noise.random::<f64>() * (rate + 1.0)).floor(),
                3 => {
                    *value =
                        ((*value + noise.random::<f64>() * rate / 10.0) * 100.0).round() / 100.0;
                }
                4 => *value += noise.random::<f64>() * 2.0 - 1.0,
                _ => {}
            }
        }
        Samples { keys: Arc::clone(&self.keys), values: self.values.clone() }
    }
}

/// Keeps so many readings of all targets, and leaves as a kill would: what is not sealed stays in
/// the head log.
fn fill(directory: &Path, readings: i64) {
    let opened = open(&in_directory(directory), Retention::default()).expect("a new history");
    let mut history = opened.history;
    let (send, stored) = channel();
    let report = move |report: Stored| drop(send.send(report));
    let store = opened.store.spawn(Clock::system(), NoticeBoard::default(), report);
    let store = store.expect("a thread");
    let mut noise = StdRng::seed_from_u64(1);
    let mut targets: Vec<_> = (0..SOURCES).map(|number| Target::new(number, &mut noise)).collect();
    let mut sealing = 0;
    for reading in 0..readings {
        let at = Timestamp::from_millis(START_MS + reading * INTERVAL_MS);
        let mut out = Vec::new();
        for target in &mut targets {
            history.append(at, &target.read(&mut noise), &mut out);
        }
        history.maintain(at, &mut out);
        sealing += out.iter().filter(|output| matches!(output, HistoryOutput::Seal(_))).count();
        store.push(out);
        while sealing > 0 {
            let report = stored.recv().expect("the store lives");
            sealing -= usize::from(!matches!(report, Stored::Unsaved(_)));
            history.stored(report);
        }
        // Ten seconds between readings give the store time to write the head, of which nothing is
        // reported; what found no room in its queue would be counted as unsaved below.
        std::thread::sleep(Duration::from_millis(20));
    }
    store.close();
    assert_eq!(history.stats().unsaved, 0, "everything was saved");
}

fn bytes_in(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// The most memory that was resident, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// Opens what is in a directory, and says what that cost.
fn reopen(directory: &Path) {
    let clock = Clock::system();
    let started = clock.now();
    let opened = open(&in_directory(directory), Retention::default()).expect("a history");
    let took_ms = clock.now().since(started).as_millis();
    let stats = opened.history.stats();
    assert_eq!(stats.series as usize, SOURCES * SERIES, "every series is back");
    assert!(opened.sentences.is_empty(), "{:?}", opened.sentences);
    println!(
        "ready in {took_ms} ms, at most {} MiB resident, of them {} MiB of data",
        peak_kib() / 1_024,
        stats.head_bytes >> 20
    );
}

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != OPEN).skip(1);
    if let Some(directory) = arguments.next() {
        reopen(Path::new(&directory));
        return;
    }
    let asked: Vec<i64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let usual = vec![90, 719, 2_160, 4_319];
    for readings in if asked.is_empty() { usual } else { asked } {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fill(directory.path(), readings);
        let samples = readings as f64 * (SOURCES * SERIES) as f64;
        let bytes = bytes_in(&directory.path().join("head"));
        print!(
            "{SOURCES} sources of {SERIES} series, {readings} readings, {:.2} bytes/sample in the head \
             log: ",
            bytes as f64 / samples
        );
        let again = std::env::current_exe().expect("this program");
        let output = Command::new(again)
            .args([OPEN.as_ref(), directory.path().as_os_str()])
            .stderr(Stdio::inherit())
            .output()
            .expect("this program again");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "the restart failed");
    }
}
