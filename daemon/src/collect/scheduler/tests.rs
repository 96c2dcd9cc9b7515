use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Interval, Samples, SourceSpec, Value};

use super::super::{Collector, Moment, Read};
use super::*;

/// A collector whose every reading waits for the test's word.
struct Told {
    name: Name,
    words: Arc<Mutex<std_mpsc::Receiver<Word>>>,
    asked: Arc<AtomicU32>,
}

enum Word {
    Answer,
    Fail,
    Refuse,
    Later(u64),
    Panic,
}

impl Read for Told {
    fn prime(&mut self, _: Duration) {}

    fn read(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.words.lock().unwrap_or_else(PoisonError::into_inner).recv() {
            Ok(Word::Answer) => Ok(Reading {
                source: self.name.clone(),
                at: moment.at,
                value: Value::Absent,
                samples: Samples::none(),
            }),
            Ok(Word::Panic) => panic!("as told"),
            Ok(Word::Refuse) => Err(refusal(Retry::Hold)),
            Ok(Word::Later(seconds)) => Err(refusal(Retry::After(Interval::from_secs(seconds)))),
            Ok(Word::Fail) | Err(_) => Err(CollectError::Unreadable {
                what: "the\u{1b}[31m file".to_owned(),
                cause: "as told".to_owned(),
                remedy: "tell it otherwise",
            }),
        }
    }
}

fn refusal(retry: Retry) -> CollectError {
    CollectError::Source { cause: "the service refuses".into(), retry }
}

struct Bench {
    scheduler: Scheduler,
    events: mpsc::Receiver<Event>,
    words: std_mpsc::Sender<Word>,
    asked: Arc<AtomicU32>,
}

fn bench() -> Bench {
    bench_at(Clock::system())
}

fn bench_at(clock: Clock) -> Bench {
    let (sender, events) = mpsc::channel(16);
    let (words, receiver) = std_mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let factory: Factory = Arc::new(move |name, _| {
        let (name, words, asked) = (name.clone(), Arc::clone(&receiver), Arc::clone(&count));
        Collector::Read(Arc::new(move || {
            let (words, asked) = (Arc::clone(&words), Arc::clone(&asked));
            Box::new(Told { name: name.clone(), words, asked })
        }))
    });
    let metrics = Arc::new(SelfMetrics::default());
    let scheduler = Scheduler::new(clock, factory, sender, metrics);
    Bench { scheduler, events, words, asked }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn spec(interval_ms: u64, timeout_ms: u64) -> Arc<SourceSpec> {
    Arc::new(SourceSpec {
        interval: Some(Interval::from_millis(interval_ms)),
        timeout: Some(Interval::from_millis(timeout_ms)),
        ..SourceSpec::new(SourceType::System)
    })
}

fn only(name: &Name, spec: Arc<SourceSpec>) -> BTreeMap<Name, Assignment> {
    BTreeMap::from([(name.clone(), spec.into())])
}

#[tokio::test]
async fn readings_stand_for_ticks_that_rise() {
    let mut bench = bench();
    let host = name("host");
    bench.scheduler.configure(&only(&host, spec(100, 5_000)));
    let mut last = None;
    for _ in 0..3 {
        bench.words.send(Word::Answer).unwrap();
        let Some(Event::Read(reading)) = bench.events.recv().await else { panic!("a reading") };
        assert_eq!(reading.at, reading.at.floor(Interval::from_millis(100)));
        assert!(last < Some(reading.at));
        last = Some(reading.at);
    }
    let status = bench.scheduler.status();
    assert_eq!((status[0].readings, status[0].failures), (3, 0));
    assert_eq!(status[0].quality, Quality::Live);
    assert!(status[0].next_at > last);
}

#[tokio::test]
async fn a_reading_that_hangs_is_said_to_and_not_started_twice() {
    let mut bench = bench();
    let (host, other) = (name("host"), name("other"));
    bench.scheduler.configure(&only(&host, spec(100, 150)));
    for _ in 0..2 {
        let Some(Event::Failed(failure)) = bench.events.recv().await else { panic!("a failure") };
        assert!(failure.cause.as_str().contains("150ms"), "{}", failure.cause);
        assert!(failure.next_at.is_some());
    }
    assert_eq!(bench.asked.load(Ordering::SeqCst), 1);
    // What comes late is dropped; the next one counts.
    bench.words.send(Word::Answer).unwrap();
    bench.words.send(Word::Answer).unwrap();
    let reading = loop {
        match bench.events.recv().await {
            Some(Event::Read(reading)) => break reading,
            Some(Event::Failed(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reading.source, host);
    assert!(bench.asked.load(Ordering::SeqCst) >= 2);
    bench.scheduler.configure(&only(&other, spec(100, 150)));
    assert_eq!(bench.scheduler.status().len(), 1);
}

#[tokio::test]
async fn a_failure_is_told_in_safe_text_and_survived() {
    let mut bench = bench();
    let host = name("host");
    bench.words.send(Word::Fail).unwrap();
    bench.words.send(Word::Panic).unwrap();
    bench.words.send(Word::Answer).unwrap();
    bench.scheduler.configure(&only(&host, spec(100, 5_000)));
    let Some(Event::Failed(failure)) = bench.events.recv().await else { panic!("a failure") };
    assert!(!failure.cause.as_str().contains('\u{1b}'));
    let Some(Event::Failed(failure)) = bench.events.recv().await else { panic!("a failure") };
    assert_eq!(failure.cause, CollectError::Ended.to_safe_text());
    assert_eq!(bench.scheduler.status()[0].failures_in_row, 2);
    let Some(Event::Read(_)) = bench.events.recv().await else { panic!("a reading") };
    assert_eq!(bench.scheduler.status()[0].failures_in_row, 0);
}

#[tokio::test]
async fn only_what_changed_starts_anew() {
    let mut bench = bench();
    let host = name("host");
    bench.scheduler.configure(&only(&host, spec(100, 5_000)));
    bench.words.send(Word::Answer).unwrap();
    bench.events.recv().await.unwrap();
    bench.scheduler.configure(&only(&host, spec(100, 5_000)));
    assert_eq!(bench.scheduler.status()[0].readings, 1, "equal, so it was left alone");
    bench.scheduler.configure(&only(&host, spec(200, 5_000)));
    assert_eq!(bench.scheduler.status()[0].readings, 0, "changed, so it began anew");
    let mut disabled = (*spec(200, 5_000)).clone();
    disabled.enabled = false;
    bench.scheduler.configure(&only(&host, Arc::new(disabled)));
    assert!(bench.scheduler.status().is_empty());
}

#[tokio::test]
async fn a_rare_source_is_read_when_somebody_asks() {
    let mut bench = bench_at(Clock::manual(Timestamp::from_millis(5_400_000)));
    let rare = name("rare");
    bench.scheduler.configure(&only(&rare, spec(3_600_000, 5_000)));
    bench.words.send(Word::Answer).unwrap();
    bench.events.recv().await.unwrap();
    bench.words.send(Word::Answer).unwrap();
    bench.scheduler.refresh([&rare, &name("unknown")]);
    let Some(Event::Read(_)) = bench.events.recv().await else { panic!("a reading") };
    assert_eq!(bench.scheduler.status()[0].readings, 2);
}

#[tokio::test]
async fn a_source_that_holds_tries_three_times_and_then_waits_to_be_asked() {
    let mut bench = bench();
    let api = name("api");
    bench.scheduler.configure(&only(&api, spec(100, 5_000)));
    for attempt in 1..=HOLD_ATTEMPTS {
        bench.words.send(Word::Refuse).unwrap();
        let Some(Event::Failed(failure)) = bench.events.recv().await else { panic!("a failure") };
        assert_eq!(failure.next_at.is_some(), attempt < HOLD_ATTEMPTS, "attempt {attempt}");
    }
    assert_eq!(bench.scheduler.status()[0].next_at, None);
    bench.words.send(Word::Answer).unwrap();
    bench.scheduler.refresh([&api]);
    assert!(matches!(bench.events.recv().await, Some(Event::Read(_))));
    assert_eq!(bench.scheduler.status()[0].failures_in_row, 0);
}

#[tokio::test]
async fn what_a_source_asks_for_counts_more_than_the_backoff() {
    let mut bench = bench();
    let api = name("api");
    bench.scheduler.configure(&only(&api, spec(100, 5_000)));
    bench.words.send(Word::Later(3_600)).unwrap();
    let Some(Event::Failed(failure)) = bench.events.recv().await else { panic!("a failure") };
    let wait = failure.next_at.unwrap().since(failure.at);
    assert!(wait > Interval::from_secs(3_590) && wait < Interval::from_secs(7_300), "{wait}");
}
