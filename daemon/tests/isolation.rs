//! Sources are isolated: what hangs, floods or lies keeps no other from its ticks.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test of its own")]

#[path = "isolation/hostile.rs"]
mod hostile;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::daemon::ProcessReader;
use ccm_daemon::collect::http::Policy;
use ccm_daemon::collect::schedule::Schedule;
use ccm_daemon::collect::scheduler::Scheduler;
use ccm_daemon::collect::{Environment, collectors};
use ccm_daemon::engine::event::{Assignment, Event};
use ccm_proto::model::{EgressSpec, Interval, Name, Quality, SourceSpec, Timestamp};
use hostile::{Manner, serve, with};
use serde_json::json;
use tokio::sync::mpsc;

/// Sources that are as they should be.
const HEALTHY: usize = 50;

/// Ticks of each healthy source that are looked at, after its first, which may be at any moment.
const TICKS: usize = 8;

/// What a tick may be late by, 99 of 100, on a machine that does nothing else. It is printed.
const GOAL: Duration = Duration::from_millis(100);

/// What makes the test fail: machines that run tests are busy with other things too.
const BOUND: Duration = Duration::from_millis(500);

/// The most of one answer that is read, and so what a source may hold of it.
const BODY_MAX: u64 = 8 << 20;

/// How many times the bound on a body the memory of all hostile sources may be, for each.
const BODIES_MAX: u64 = 4;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn source(port: u16, path: &str, interval: &str) -> Assignment {
    let spec: SourceSpec = serde_json::from_value(json!({
        "type": "external_api",
        "interval": interval,
        "timeout": "2s",
        "external_api": { "base_url": format!("http://127.0.0.1:{port}"), "endpoint": path },
    }))
    .unwrap();
    Arc::new(spec).into()
}

fn environment(clock: &Clock) -> Environment {
    let environment = Environment::alone(clock.clone());
    let loopback: EgressSpec =
        serde_json::from_value(json!({"allow": [{"host": "127.0.0.1", "ports": "*"}]})).unwrap();
    environment.gateway.set_policy(Policy::new([&loopback]));
    environment
}

/// What was seen of the sources.
#[derive(Default)]
struct Seen {
    /// Of each healthy source the ticks, and when their readings arrived.
    readings: BTreeMap<Name, Vec<(Timestamp, Timestamp)>>,
    /// The first error of each source.
    errors: BTreeMap<Name, String>,
}

impl Seen {
    fn take(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Read(reading) => {
                self.readings.entry(reading.source).or_default().push((reading.at, now));
            }
            Event::Failed(failure) => {
                self.errors.entry(failure.source).or_insert_with(|| failure.cause.to_string());
            }
            _ => {}
        }
    }

    fn is_enough(&self, hostile: usize) -> bool {
        let whole = self.readings.values().filter(|all| all.len() > TICKS);
        whole.count() >= HEALTHY && self.errors.len() >= hostile
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_floods_or_lies_keeps_no_other_source_from_its_ticks() {
    let clock = Clock::system();
    let healthy = serve(Manner::Says(with("200 OK", "", b"{\"orders\": {\"open\": 3}}"))).await;
    let mut wanted = BTreeMap::new();
    for number in 0..HEALTHY {
        let path = format!("orders/{number}");
        wanted.insert(name(&format!("healthy-{number}")), source(healthy, &path, "1s"));
    }
    let mut sentences = BTreeMap::new();
    for (kind, manner, parts) in hostile::all() {
        let port = serve(manner).await;
        wanted.insert(name(kind), source(port, "x", "250ms"));
        sentences.insert(name(kind), parts);
    }
    let environment = environment(&clock);
    let (events, mut received) = mpsc::channel(1_024);
    let metrics = Arc::clone(&environment.metrics);
    let scheduler = Scheduler::new(clock.clone(), collectors(environment.clone()), events, metrics);
    let before = ProcessReader::default().read().resident_bytes;
    scheduler.configure(&wanted);
    let mut seen = Seen::default();
    let watching = async {
        while !seen.is_enough(sentences.len()) {
            seen.take(received.recv().await.unwrap(), clock.now());
        }
    };
    // What is missing then is told by the assertions.
    let _ = tokio::time::timeout(Duration::from_secs(18), watching).await;
    let after = ProcessReader::default().read().resident_bytes;
    let status = scheduler.status();
    scheduler.stop();

    assert_errors(&seen, &sentences);
    assert_ticks(&seen);
    for source in status.iter().filter(|source| sentences.contains_key(&source.name)) {
        assert_eq!((source.quality, source.readings), (Quality::Error, 0), "{source:?}");
        let next = source.next_at.map(|at| at.since(clock.now()));
        assert!(next.is_none_or(|wait| wait <= Interval::from_secs(2 * 3_600)), "{source:?}");
    }
    let largest = environment.gateway.calls().iter().map(|call| call.bytes).max();
    assert!(largest.is_some_and(|bytes| bytes <= BODY_MAX), "{largest:?}");
    if let (Some(before), Some(after)) = (before, after) {
        let grown = after.saturating_sub(before);
        println!("memory grew by {} KiB for {} sources", grown >> 10, status.len());
        assert!(grown <= sentences.len() as u64 * BODIES_MAX * BODY_MAX, "{grown} bytes");
    }
}

/// Each hostile source ended with a sentence of its own, and no healthy one failed.
fn assert_errors(seen: &Seen, sentences: &BTreeMap<Name, [&str; 2]>) {
    for (source, parts) in sentences {
        let error = seen.errors.get(source).map(String::as_str).unwrap_or_default();
        println!("{source:>14}: {error}");
        assert!(!error.is_empty(), "{source} ended without a sentence");
        assert!(parts.iter().all(|part| error.contains(part)), "{source}: {error}");
        assert!(!error.chars().any(char::is_control), "{source}: {error:?}");
    }
    let others = seen.errors.keys().filter(|source| !sentences.contains_key(*source));
    assert_eq!(others.count(), 0, "{:?}", seen.errors);
}

fn assert_ticks(seen: &Seen) {
    let second = Interval::from_secs(1);
    let (mut lateness, mut missed) = (Vec::new(), 0);
    let healthy = seen.readings.iter().filter(|(source, _)| source.as_str().starts_with("healthy"));
    let mut sources = 0;
    for (source, readings) in healthy {
        sources += 1;
        // What is asked over a network begins a while after its tick, each source at its own time.
        let schedule = Schedule::spread(source, second);
        for pair in readings.windows(2).take(TICKS) {
            let [(former, _), (tick, arrived)] = pair else { continue };
            missed += tick.since(*former).as_millis() / second.as_millis() - 1;
            let start = schedule.at_or_after(*tick).start;
            lateness.push(arrived.since(start).as_duration());
        }
    }
    lateness.sort_unstable();
    let at = |share: usize| lateness[(lateness.len() - 1) * share / 100];
    println!(
        "{sources} healthy sources, {} ticks, {missed} missed, late by p50 {:?}  p90 {:?}  p99 {:?}  max {:?} (goal p99 {GOAL:?})",
        lateness.len(),
        at(50),
        at(90),
        at(99),
        at(100),
    );
    assert_eq!((sources, lateness.len()), (HEALTHY, HEALTHY * TICKS));
    assert_eq!(missed, 0, "a healthy source missed its tick");
    assert!(at(99) <= BOUND, "late by {:?}", at(99));
}
