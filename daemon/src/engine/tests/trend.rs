//! A number beside an earlier one.

use super::*;

const DAY: i64 = 86_400;

fn trend(rest: &str) -> Arc<Configuration> {
    let toml = format!("title = 't'\nsource = 'host'\ntype = 'stat'\n[stat]\n{rest}");
    configuration(&[("usage", &toml)], "1s")
}

const YESTERDAY: &str =
    "primary = { value = 'cpu.usage', label = 'u' }\ntrend = { compare = 'yesterday' }";

/// A reading whose usage is `number`, in the tree as well.
fn usage(at: i64, number: f64) -> Event {
    let mut reading = reading(at, number);
    reading.value = Value::map([("cpu", Value::map([("usage", Value::from(number))]))]);
    Event::Read(reading)
}

fn answer(bench: &mut Bench, out: &[Output], at: i64, mean: f64) -> Vec<Output> {
    let track = |output: &Output| match output {
        Output::Backfill { asker: asker @ Asker::Track(_), request, .. } => {
            Some((*asker, *request))
        }
        _ => None,
    };
    let (asker, request) = out.iter().find_map(track).unwrap();
    let bucket = Bucket { start: second(at), min: mean, max: mean, mean, count: 1 };
    let series = vec![(series("cpu.usage", None), vec![bucket])];
    bench.step(Event::Backfilled { asker, request, series })
}

#[test]
fn a_number_is_compared_with_that_of_yesterday() {
    let mut bench = Bench::new();
    bench.step(Event::Configured(trend(YESTERDAY)));
    bench.at(DAY + 100, usage(DAY + 100, 90.0));
    let out = bench.open(1, "usage");
    assert_eq!(*bench.view(1).field("trend.direction"), Cell::Absent, "history is being asked");
    answer(&mut bench, &out, 99, 60.0);
    assert_eq!(*bench.view(1).field("value"), Cell::Number(90.0));
    assert_eq!(*bench.view(1).field("trend.before"), Cell::Number(60.0));
    assert_eq!(*bench.view(1).field("trend.percentage"), Cell::Number(50.0));
    assert_eq!(*bench.view(1).field("trend.direction"), Cell::Text("up".into()));
    assert_eq!(*bench.view(1).field("trend.comparison"), Cell::Text("yesterday".into()));
    bench.at(DAY + 101, usage(DAY + 101, 30.0));
    assert_eq!(*bench.view(1).field("trend.change"), Cell::Number(-30.0));
}

#[test]
fn without_a_past_there_is_no_trend() {
    let mut bench = Bench::new();
    bench.step(Event::Configured(trend(YESTERDAY)));
    bench.open(1, "usage");
    bench.at(DAY, usage(DAY, 90.0));
    assert_eq!(*bench.view(1).field("trend.before"), Cell::Absent);
    assert_eq!(*bench.view(1).field("trend.direction"), Cell::Absent);
    assert_eq!(bench.quality(1), Quality::Live);
}

#[test]
fn previous_is_the_reading_before_or_that_of_a_window_before() {
    let plain = YESTERDAY.replace("yesterday", "previous");
    for (stat, expected) in [(plain.clone(), 5.0), (format!("{plain}\nwindow = '4s'"), 2.0)] {
        let mut bench = Bench::new();
        bench.step(Event::Configured(trend(&stat)));
        bench.open(1, "usage");
        for at in 1..=6 {
            bench.at(at, usage(at, at as f64));
        }
        assert_eq!(*bench.view(1).field("trend.before"), Cell::Number(expected), "{stat}");
    }
}

#[test]
fn what_nobody_looks_at_or_compares_is_not_kept() {
    let mut bench = Bench::new();
    bench.step(Event::Configured(trend(YESTERDAY)));
    bench.open(1, "usage");
    assert!(bench.engine.feeds[&FeedId(1)].trend.is_some());
    let plain = "primary = { value = 'cpu.usage', label = 'u' }";
    bench.step(Event::Configured(trend(plain)));
    assert!(bench.engine.feeds[&FeedId(1)].trend.is_none());
    bench.step(Event::Configured(trend(YESTERDAY)));
    bench.step(Event::Closed(FeedId(1)));
    assert_eq!(bench.engine.past.tracks(), 0);
}
