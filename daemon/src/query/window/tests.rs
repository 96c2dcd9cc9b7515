use proptest::prelude::*;

use super::*;

const SECOND: Interval = Interval::from_secs(1);

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn window(step: u64, points: usize, values: &[(i64, f64)]) -> Window {
    let mut window = Window::new(Interval::from_secs(step), points);
    for (at, value) in values {
        window.push(second(*at), *value);
    }
    window
}

fn all(function: Function, values: &[(i64, f64)]) -> Option<f64> {
    evaluate(function, 0.5, window(1, 100, values).bins())
}

#[test]
fn functions_of_a_few_values() {
    let values = [(1, 2.0), (2, 4.0), (3, 4.0), (5, 10.0)];
    for (function, expected) in [
        (Function::Avg, 5.0),
        (Function::Sum, 20.0),
        (Function::Count, 4.0),
        (Function::Min, 2.0),
        (Function::Max, 10.0),
        (Function::Last, 10.0),
        (Function::Delta, 8.0),
        (Function::Increase, 8.0),
        (Function::Rate, 2.0),
        (Function::Quantile, 4.0),
        (Function::Stddev, 3.0),
    ] {
        assert_eq!(all(function, &values), Some(expected), "{function:?}");
        assert_eq!(all(function, &[]), None, "{function:?} of nothing is nothing, not zero");
    }
}

#[test]
fn one_value_has_no_rate() {
    for function in [Function::Rate, Function::Increase, Function::Delta] {
        assert_eq!(all(function, &[(1, 5.0)]), None);
    }
    assert_eq!(all(Function::Stddev, &[(1, 5.0)]), Some(0.0));
}

#[test]
fn a_counter_that_fell_began_anew() {
    let values = [(1, 90.0), (2, 100.0), (3, 5.0), (4, 10.0)];
    assert_eq!(all(Function::Increase, &values), Some(20.0));
    assert_eq!(all(Function::Rate, &values), Some(20.0 / 3.0));
    assert_eq!(all(Function::Delta, &values), Some(-80.0));
    // The same within one step, and over the edge of two.
    for step in [2, 3, 10] {
        let coarse = window(step, 10, &values);
        assert_eq!(evaluate(Function::Increase, 0.5, coarse.bins()), Some(20.0), "{step}");
        assert_eq!(evaluate(Function::Rate, 0.5, coarse.bins()), Some(20.0 / 3.0), "{step}");
    }
}

#[test]
fn what_is_no_number_or_no_news_is_ignored() {
    let values = [(1, 1.0), (2, f64::NAN), (2, 2.0), (2, 9.0), (1, 9.0), (3, f64::INFINITY)];
    assert_eq!(all(Function::Sum, &values), Some(3.0));
}

#[test]
fn a_window_keeps_its_newest_steps_and_begins_anew_when_the_clock_was_set_back() {
    let mut window = window(1, 3, &[(1, 1.0), (2, 2.0), (3, 3.0), (5, 5.0)]);
    let starts = |window: &Window| window.bins().map(|bin| bin.start).collect::<Vec<_>>();
    assert_eq!(starts(&window), [second(3), second(5)]);
    window.push(second(4), 4.0);
    assert_eq!(starts(&window), [second(3), second(5)], "late by a little is ignored");
    window.push(second(1), 1.0);
    assert_eq!(starts(&window), [second(1)]);
}

#[test]
fn the_past_goes_under_what_came_since() {
    let bucket = |start: i64, min: f64, max: f64, count: u64| Bucket {
        start: second(start),
        min,
        max,
        mean: f64::midpoint(min, max),
        count,
    };
    let step = Interval::from_secs(10);
    let mut window = window(10, 4, &[(25, 30.0), (31, 40.0)]);
    let past = [bucket(0, 1.0, 2.0, 2), bucket(10, 0.0, 0.0, 0), bucket(20, 10.0, 20.0, 2)];
    window.fill(past.iter().filter_map(|bucket| Bin::of_bucket(bucket, step, true)));
    let sums: Vec<f64> = window.bins().map(|bin| bin.sum).collect();
    assert_eq!(sums, [3.0, 60.0, 40.0], "the step in which it was asked has both");
    assert_eq!(evaluate(Function::Increase, 0.5, window.bins()), Some(39.0));
    assert_eq!(evaluate(Function::Max, 0.5, window.bins()), Some(40.0));
    let means = window.means(4, second(35));
    assert!(means[1].is_nan());
    assert_eq!((means[0], means[2], means[3]), (1.5, 20.0, 40.0));
}

#[test]
fn means_lie_on_the_grid() {
    let window = window(1, 10, &[(1, 1.0), (3, 3.0)]);
    let means = window.means(4, second(4));
    assert!(means[1].is_nan() && means[3].is_nan());
    assert_eq!((means[0], means[2]), (1.0, 3.0));
    assert!(window.means(2, second(0)).iter().all(|mean| mean.is_nan()), "nothing of the future");
}

#[test]
fn a_span_is_cut_out_of_a_window() {
    let window = window(1, 10, &[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]);
    let sum = |span: u64, end: i64| {
        evaluate(Function::Sum, 0.5, window.last(Interval::from_secs(span), second(end)))
    };
    assert_eq!(sum(2, 4), Some(7.0));
    assert_eq!(sum(2, 3), Some(5.0));
    assert_eq!(sum(2, 9), None);
}

fn naive_quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

proptest! {
    #[test]
    fn a_quantile_is_what_sorting_finds(
        mut values in proptest::collection::vec(-1e6..1e6, 1..60),
        q in 0.0..=1.0,
    ) {
        let expected = naive_quantile(&values, q);
        let found = quantile(&mut values, q).unwrap();
        prop_assert!((found - expected).abs() < 1e-6);
    }

    #[test]
    fn a_rate_is_what_rose_by_the_time_it_took(
        steps in proptest::collection::vec((1..5_i64, 0..100_u32), 2..60),
        step in 1..7_u64,
    ) {
        let mut at = 0;
        let values: Vec<(i64, f64)> = steps.iter().map(|(pass, value)| {
            at += pass;
            (at, f64::from(*value))
        }).collect();
        let rose: f64 = values.windows(2).map(|pair| {
            let (before, after) = (pair[0].1, pair[1].1);
            if after >= before { after - before } else { after }
        }).sum();
        let seconds = (values[values.len() - 1].0 - values[0].0) as f64;
        let coarse = window(step, 400, &values);
        prop_assert_eq!(evaluate(Function::Increase, 0.5, coarse.bins()), Some(rose));
        prop_assert_eq!(evaluate(Function::Rate, 0.5, coarse.bins()), Some(rose / seconds));
    }

    #[test]
    fn what_does_not_depend_on_order_does_not_depend_on_steps(
        values in proptest::collection::vec(-1e3..1e3, 1..60),
        step in 1..7_u64,
    ) {
        let timed: Vec<(i64, f64)> = (0..).zip(values.iter().copied()).collect();
        let coarse = window(step, 400, &timed);
        for function in [Function::Sum, Function::Avg, Function::Min, Function::Max,
                         Function::Count, Function::Last] {
            let fine = all(function, &timed[..timed.len().min(100)]).unwrap();
            let found = evaluate(function, 0.5, coarse.bins()).unwrap();
            prop_assert!((fine - found).abs() < 1e-6, "{:?}", function);
        }
    }

    #[test]
    fn a_window_never_holds_more_than_it_may(
        acts in proptest::collection::vec((0..200_i64, -5.0..5.0), 0..200),
        points in 1..20_usize,
    ) {
        let window = window(1, points, &acts);
        prop_assert!(window.bins().count() <= points);
        let starts: Vec<Timestamp> = window.bins().map(|bin| bin.start).collect();
        prop_assert!(starts.is_sorted());
        prop_assert_eq!(window.step(), SECOND);
    }
}
