use ccm_proto::model::source::PushConfig;
use ccm_proto::model::{Interval, Value};
use proptest::prelude::*;

use super::*;

const T0: i64 = 1_800_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(T0 + seconds * 1_000)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn spec(max_age: u64, max_values: u32) -> SourceSpec {
    let push = PushConfig { max_age: Interval::from_secs(max_age), max_values };
    SourceSpec { push: Some(push), ..SourceSpec::new(SourceType::Push) }
}

fn told(max_age: u64, max_values: u32) -> Told {
    Told::new(name("sales"), &spec(max_age, max_values))
}

fn report(values: &[(&str, f64)], time: Option<i64>) -> Report {
    let values = values.iter().map(|(path, number)| ((*path).to_owned(), (*number).into()));
    Report { source: name("sales"), values: values.collect(), at: time.map(at) }
}

fn take(told: &mut Told, values: &[(&str, f64)], time: Option<i64>, now: i64) -> Taken {
    let report = report(values, time);
    told.check(&[&report]).unwrap();
    told.take(report, at(now))
}

#[test]
fn what_comes_together_is_one_reading_of_the_newest_values() {
    let mut told = told(60, 10);
    take(&mut told, &[("total", 1.0), ("by.web", 2.0)], None, 0);
    take(&mut told, &[("total", 3.0)], None, 1);
    let readings = told.readings(at(1));
    assert_eq!(readings.len(), 1);
    assert_eq!(readings[0].at, at(1));
    assert_eq!(readings[0].value.at("by.web"), Some(&2.0.into()));
    assert_eq!(readings[0].samples.values, [3.0, 2.0]);
    assert!(told.readings(at(2)).is_empty(), "nothing new");
    take(&mut told, &[("by.web", 5.0)], None, 3);
    let next = told.readings(at(3));
    assert!(Arc::ptr_eq(&next[0].samples.keys, &readings[0].samples.keys));
    assert!(next[0].samples.values[0].is_nan(), "the total was not told of");
    assert_eq!(next[0].value.at("total"), Some(&3.0.into()), "it is still known");
}

#[test]
fn times_of_their_own_become_rows_in_order_and_late_ones_are_only_shown() {
    let mut told = told(600, 10);
    take(&mut told, &[("a", 2.0)], Some(20), 100);
    take(&mut told, &[("b", 1.0)], Some(10), 100);
    let readings = told.readings(at(100));
    assert_eq!(readings.iter().map(|r| r.at).collect::<Vec<_>>(), [at(10), at(20)]);
    assert!(readings[0].samples.values[0].is_nan());
    assert_eq!(readings[1].samples.values[..1], [2.0]);
    take(&mut told, &[("b", 7.0)], Some(15), 101);
    let late = told.readings(at(101));
    assert_eq!(late.len(), 1);
    assert!(late[0].samples.keys.is_empty(), "history grows forwards");
    assert_eq!((late[0].at, late[0].value.at("b")), (at(20), Some(&7.0.into())));
}

#[test]
fn older_values_do_not_replace_newer_ones() {
    let mut told = told(60, 10);
    assert_eq!(take(&mut told, &[("a", 2.0)], Some(20), 30).accepted, 1);
    let taken = take(&mut told, &[("a", 1.0), ("b", 1.0)], Some(10), 30);
    assert_eq!(taken, Taken { accepted: 1, outdated: 1 });
    let again = take(&mut told, &[("a", 2.0)], Some(20), 30);
    assert_eq!(again.accepted, 1, "the same report twice changes nothing");
    assert_eq!(told.readings(at(30)).last().unwrap().value.at("a"), Some(&2.0.into()));
    let ancient = take(&mut told, &[("c", 1.0)], Some(-100), 30);
    assert_eq!(ancient, Taken { accepted: 0, outdated: 1 });
}

#[test]
fn a_time_to_come_is_the_present() {
    let mut told = told(60, 10);
    take(&mut told, &[("a", 1.0)], Some(1_000), 5);
    assert_eq!(told.readings(at(5))[0].at, at(5));
}

#[test]
fn values_grow_old_one_by_one_and_the_source_with_the_last() {
    let mut told = told(60, 10);
    assert_eq!(told.status(at(0)).quality, Quality::Loading);
    assert!(told.status(at(0)).cause.unwrap().as_str().contains("ccm push sales"));
    take(&mut told, &[("a", 1.0)], None, 0);
    take(&mut told, &[("b", 2.0)], None, 30);
    told.readings(at(30));
    told.age(at(61));
    let aged = told.readings(at(61));
    assert_eq!(aged.len(), 1);
    assert_eq!(aged[0].at, at(30), "a value that goes is no news of the source");
    assert!(aged[0].value.at("a").unwrap().is_absent());
    assert_eq!(aged[0].value.at("b"), Some(&2.0.into()));
    assert_eq!(told.status(at(61)).quality, Quality::Live);
    assert_eq!(told.status(at(91)).quality, Quality::Stale);
    take(&mut told, &[("a", 4.0)], None, 100);
    assert_eq!(told.readings(at(100))[0].value.at("a"), Some(&4.0.into()));
}

#[test]
fn what_cannot_be_taken_says_why() {
    let mut told = told(60, 3);
    take(&mut told, &[("a.b", 1.0), ("c", 1.0)], None, 0);
    let long = "x".repeat(5_000);
    let list = Value::List(vec![Value::List(vec![Value::Absent; 6_000]); 2]);
    let one = |path: &str, value: Value| Report {
        values: vec![(path.to_owned(), value)],
        ..report(&[], None)
    };
    let table = [
        (report(&[], None), "no values"),
        (report(&[("d", 1.0), ("e", 1.0)], None), "more than 3 values"),
        (report(&[("a", 1.0)], None), "values below"),
        (report(&[("c.d", 1.0)], None), "values below"),
        (report(&[("d e", 1.0)], None), "no name of a value"),
        (one("d", long.as_str().into()), "too large"),
        (one("d", list), "too large"),
    ];
    for (report, part) in table {
        let sentence = told.check(&[&report]).unwrap_err().to_string();
        assert!(sentence.contains(part), "{sentence}");
    }
}

struct Bench {
    desk: Desk,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

fn bench() -> Bench {
    let (sender, events) = mpsc::channel(64);
    let desk = Desk::new(Clock::manual(at(0)), sender, Arc::default());
    let mut configuration = Configuration::default();
    configuration.sources.insert(name("sales"), Arc::new(spec(60, 1_000)));
    desk.configure(&configuration);
    let stop = CancellationToken::new();
    tokio::spawn(desk.clone().run(stop.clone()));
    Bench { desk, events, stop }
}

async fn reading(bench: &mut Bench) -> Reading {
    match bench.events.recv().await {
        Some(Event::Read(reading)) => reading,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_report_becomes_a_reading_at_once() {
    let mut bench = bench();
    bench.desk.report(vec![report(&[("total", 5.0)], None)]).await.unwrap();
    let reading = reading(&mut bench).await;
    assert_eq!(reading.value.at("total"), Some(&5.0.into()));
    assert_eq!(bench.desk.status()[0].quality, Quality::Live);
    bench.stop.cancel();
}

#[tokio::test]
async fn a_flood_of_reports_is_few_readings_and_the_last_value_arrives() {
    let mut bench = bench();
    for number in 0..20_000 {
        let taken = bench.desk.report(vec![report(&[("total", f64::from(number))], None)]).await;
        assert_eq!(taken.unwrap().accepted, 1);
    }
    let mut count = 1;
    while reading(&mut bench).await.value.at("total") != Some(&19_999.0.into()) {
        count += 1;
    }
    assert!(count <= 64, "{count} readings");
}

#[tokio::test]
async fn all_reports_are_taken_or_none() {
    let bench = bench();
    let stranger = Report { source: name("other"), ..report(&[("a", 1.0)], None) };
    let both = vec![report(&[("total", 5.0)], None), stranger];
    let refused = bench.desk.report(both).await.unwrap_err();
    assert!(refused.to_string().contains("source/other"), "{refused}");
    let clash = vec![report(&[("a", 1.0)], None), report(&[("a.b", 1.0)], None)];
    assert!(bench.desk.report(clash).await.is_err(), "each by itself would do");
    assert_eq!(bench.desk.status()[0].quality, Quality::Loading);
}

#[tokio::test]
async fn sources_come_and_go_with_their_documents() {
    let bench = bench();
    bench.desk.report(vec![report(&[("total", 5.0)], None)]).await.unwrap();
    let mut configuration = Configuration::default();
    configuration.sources.insert(name("sales"), Arc::new(spec(30, 1_000)));
    bench.desk.configure(&configuration);
    assert_eq!(bench.desk.status()[0].quality, Quality::Live, "its values stay");
    bench.desk.configure(&Configuration::default());
    assert!(bench.desk.status().is_empty());
    let gone = bench.desk.report(vec![report(&[("total", 5.0)], None)]).await;
    assert_eq!(gone, Err(ReportError::Unknown(name("sales"))));
}

proptest! {
    #[test]
    fn rows_rise_and_the_tree_holds_the_newest_of_each_name(
        reports in prop::collection::vec((0..5_usize, 0..100_i64, any::<i32>()), 1..60),
        flushes in prop::collection::vec(any::<bool>(), 60),
    ) {
        let names = ["a", "b.x", "b.y", "c", "d.e.f"];
        let mut told = told(1_000, 10);
        let mut newest: BTreeMap<&str, (i64, i32)> = BTreeMap::new();
        let mut kept = None;
        let mut tree = Value::Absent;
        let mut check = |readings: Vec<Reading>| {
            for reading in readings {
                if !reading.samples.keys.is_empty() {
                    assert!(kept < Some(reading.at), "history refuses what does not rise");
                    kept = Some(reading.at);
                    assert_eq!(reading.samples.keys.len(), reading.samples.values.len());
                }
                tree = reading.value;
            }
        };
        for ((which, time, number), flush) in reports.into_iter().zip(flushes) {
            let path = names[which];
            take(&mut told, &[(path, f64::from(number))], Some(time), 500);
            if newest.get(path).is_none_or(|(known, _)| *known <= time) {
                newest.insert(path, (time, number));
            }
            if flush {
                check(told.readings(at(500)));
            }
        }
        check(told.readings(at(500)));
        for (path, (_, number)) in newest {
            prop_assert_eq!(tree.at(path), Some(&f64::from(number).into()));
        }
    }
}
