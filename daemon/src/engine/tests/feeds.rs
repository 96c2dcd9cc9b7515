//! Feeds whose tracks come from rows, and feeds that are updated less often than they are read.

use super::*;

const PAYMENTS: &str = r#"
title = "Payments"
source = "host"
type = "chart"
[chart]
style = "bar"
window = "3h"
[chart.rows]
path = "charges"
x = "created"
y = "amount"
aggregation = "hourly"
"#;

/// 1970-01-02 00:00 UTC, a whole hour.
const MIDNIGHT: i64 = 86_400;

/// A reading with charges of so many seconds and amounts.
fn charges(at: i64, charges: &[(i64, f64)]) -> Reading {
    let charge = |(at, amount): &(i64, f64)| {
        Value::map([("created", Value::from(*at)), ("amount", Value::from(*amount))])
    };
    let list = Value::List(charges.iter().map(charge).collect());
    let value = Value::map([("charges", list)]);
    Reading { value, samples: Samples::none(), ..reading(at, 0.0) }
}

fn values(view: &View) -> Vec<f64> {
    view.tracks.iter().flat_map(|track| track.values.clone()).collect()
}

#[test]
fn a_chart_of_rows_needs_nothing_but_the_newest_reading() {
    let mut bench = Bench::new();
    bench.step(Event::Configured(configuration(&[("payments", PAYMENTS)], "60s")));
    let out = bench.open(1, "payments");
    assert!(out.iter().all(|it| !matches!(it, Output::Backfill { .. })), "history is not asked");
    let old = (MIDNIGHT - 7_000, 5.0);
    bench.at(MIDNIGHT, Event::Read(charges(MIDNIGHT, &[old, (MIDNIGHT, 10.0)])));
    assert_eq!(values(bench.view(1)), [5.0, 0.0, 10.0]);
    assert_eq!(bench.quality(1), Quality::Live);
    bench.at(MIDNIGHT + 60, Event::Read(charges(MIDNIGHT + 60, &[old, (MIDNIGHT, 12.0)])));
    assert_eq!(values(bench.view(1)), [5.0, 0.0, 12.0]);
    let later = MIDNIGHT + 3_600;
    bench.at(later, Event::Read(charges(later, &[old, (MIDNIGHT, 12.0), (later, 1.0)])));
    assert_eq!(values(bench.view(1)), [0.0, 12.0, 1.0], "the window moved by a span");
    bench.at(later + 60, Event::Read(charges(later + 60, &[])));
    assert!(bench.view(1).tracks.is_empty());
    assert_eq!(bench.quality(1), Quality::Live, "an empty list is there");
    bench.at(later + 120, Event::Read(reading(later + 120, 1.0)));
    assert_eq!(bench.cause(1), "this machine gives no charges");
}

#[test]
fn a_chart_of_rows_looks_as_far_back_as_it_is_asked_to() {
    let mut bench = Bench::new();
    bench.step(Event::Configured(configuration(&[("payments", PAYMENTS)], "60s")));
    let wide = FeedKey { window: Interval::from_secs(6 * 3_600), ..key("payments") };
    bench.at(MIDNIGHT, Event::Read(charges(MIDNIGHT, &[(MIDNIGHT - 20_000, 1.0)])));
    bench.step(Event::Opened(FeedId(1), wide));
    assert_eq!(bench.view(1).tracks[0].values.len(), 6);
}

#[test]
fn a_widget_is_not_updated_more_often_than_it_wants() {
    let calm = STAT.replace("type =", "refresh_interval = '10s'\ntype =");
    let calm_chart = CHART.replace("type =", "refresh_interval = '5s'\ntype =");
    let widgets = [("load", calm.as_str()), ("cpu", calm_chart.as_str())];
    let mut bench = Bench::new();
    bench.step(Event::Configured(configuration(&widgets, "1s")));
    bench.open(1, "load");
    bench.open(2, "cpu");
    let mut updates = [0, 0];
    for at in 1..=21 {
        let number = at as f64;
        for output in bench.at(at, Event::Read(reading(at, number))) {
            if let Output::Publish(publication) = output {
                updates[publication.feed.0 as usize - 1] += 1;
            }
        }
    }
    assert_eq!(updates, [3, 5], "at 1, 11 and 21, and at 1, 6, 11, 16 and 21");
    assert_eq!(*bench.view(1).field("value"), Cell::Number(21.0));
    let track = &bench.view(2).tracks[0];
    let last: Vec<f64> = track.values.iter().rev().take(4).copied().collect();
    assert_eq!(last, [21.0, 20.0, 19.0, 18.0], "what was held back is not lost");
}

#[test]
fn what_was_held_back_comes_with_the_next_status() {
    let calm = STAT.replace("type =", "refresh_interval = '1m'\ntype =");
    let mut bench = Bench::new();
    bench.step(Event::Configured(configuration(&[("load", &calm)], "1s")));
    bench.open(1, "load");
    bench.at(1, Event::Read(reading(1, 1.0)));
    assert!(bench.at(2, Event::Read(reading(2, 2.0))).is_empty());
    assert_eq!(*bench.view(1).field("value"), Cell::Number(1.0));
    bench.at(3, failure(3, "no answer"));
    assert_eq!((bench.quality(1), bench.cause(1)), (Quality::Error, "no answer".to_owned()));
    assert_eq!(*bench.view(1).field("value"), Cell::Number(2.0));
    // A clock that was set back does not hold a widget for the difference.
    assert_eq!(bench.at(4, Event::Read(reading(-500, 3.0))).len(), 1);
}
