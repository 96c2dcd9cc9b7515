use ccm_proto::model::{Samples, Value};

use super::*;
use crate::history::Retention;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn key(code: &str) -> SeriesKey {
    let labels = Labels::new([("code", code)]);
    SeriesKey { source: name("web"), metric: "hits".into(), labels }
}

fn reading(at: i64, keys: &[SeriesKey], values: &[f64]) -> Reading {
    let samples = Samples { keys: keys.iter().cloned().collect(), values: values.to_vec() };
    Reading { source: name("web"), at: second(at), value: Value::Absent, samples }
}

fn wish(window: u64, shift: u64) -> Wish {
    Wish {
        source: name("web"),
        metric: "hits".into(),
        labels: Labels::none(),
        window: Interval::from_secs(window),
        shift: Interval::from_secs(shift),
        counter: false,
        interval: Interval::from_secs(1),
    }
}

fn bucket(start: i64, mean: f64) -> Bucket {
    Bucket { start: second(start), min: mean, max: mean, mean, count: 1 }
}

fn sums(past: &Past, id: TrackId) -> Vec<f64> {
    past.windows(id).map(|window| window.bins().map(|bin| bin.sum).sum()).collect()
}

#[test]
fn a_window_is_asked_for_once_and_grows_with_what_is_read() {
    let mut past = Past::default();
    let history = History::new(Retention::default());
    let id = past.want(wish(60, 0));
    let questions = past.questions(&history, second(100));
    let [question] = questions.as_slice() else { panic!("{questions:?}") };
    assert_eq!((question.range.start, question.range.end), (second(40), second(101)));
    assert!(past.questions(&history, second(101)).is_empty(), "it is asked already");
    past.read(&reading(101, &[key("200"), key("500")], &[5.0, 7.0]));
    assert_eq!(sums(&past, id), [5.0, 7.0]);
    assert!(!past.is_whole(id));

    let answer = [(key("200"), vec![bucket(99, 1.0), bucket(100, 2.0)])];
    assert!(!past.answer(id, 999, &answer), "nobody asked that");
    assert!(past.answer(id, question.request, &answer));
    assert_eq!(sums(&past, id), [8.0, 7.0]);
    assert!(past.is_whole(id));
    assert!(past.questions(&history, second(10_000)).is_empty(), "what is live is enough now");
    assert!(!past.answer(id, question.request, &answer), "an answer counts once");
}

#[test]
fn a_window_that_ended_earlier_is_asked_for_again_and_again() {
    let mut past = Past::default();
    let history = History::new(Retention::default());
    let day = 86_400;
    let id = past.want(wish(60, day));
    let now = day as i64 + 1_000;
    let first = past.questions(&history, second(now)).remove(0);
    assert_eq!(first.range.start, second(940));
    assert_eq!(first.range.end, second(1_061), "until it is asked again");
    past.read(&reading(now, &[key("200")], &[5.0]));
    assert_eq!(sums(&past, id), [0.0; 0], "the present is no part of it");
    assert!(past.answer(id, first.request, &[(key("200"), vec![bucket(950, 3.0)])]));
    assert_eq!(sums(&past, id), [3.0]);
    assert!(past.questions(&history, second(now + 59)).is_empty());
    let second_time = past.questions(&history, second(now + 60)).remove(0);
    assert!(past.answer(id, second_time.request, &[(key("200"), vec![bucket(1_010, 4.0)])]));
    assert_eq!(sums(&past, id), [4.0], "a new answer takes the place of the old one");
}

#[test]
fn a_reading_counts_once() {
    let mut past = Past::default();
    let id = past.want(wish(60, 0));
    let keys: Vec<SeriesKey> = vec![key("200")];
    for at in [100, 100, 99, 101] {
        past.read(&reading(at, &keys, &[1.0]));
    }
    assert_eq!(sums(&past, id), [2.0]);
}

#[test]
fn labels_choose() {
    let mut past = Past::default();
    let id = past.want(Wish { labels: Labels::new([("code", "500")]), ..wish(60, 0) });
    past.read(&reading(100, &[key("200"), key("500")], &[5.0, 7.0]));
    assert_eq!(sums(&past, id), [7.0]);
}

#[test]
fn windows_are_bounded_and_what_does_not_fit_is_told() {
    let mut past = Past::default();
    let keys: Vec<SeriesKey> = (0..=SERIES_MAX).map(|n| key(&n.to_string())).collect();
    let ids: Vec<TrackId> =
        (0..WINDOWS_MAX / SERIES_MAX + 2).map(|_| past.want(wish(60, 0))).collect();
    past.read(&reading(100, &keys, &vec![1.0; keys.len()]));
    assert!(past.is_crowded(ids[0]));
    assert_eq!(past.windows, WINDOWS_MAX);
    let total: usize = ids.iter().map(|id| past.windows(*id).count()).sum();
    assert_eq!(total, WINDOWS_MAX);
    for id in ids {
        past.forget(id);
    }
    assert_eq!(past.windows, 0);
    assert!(past.growing.is_empty() && past.tracks.is_empty());
}
