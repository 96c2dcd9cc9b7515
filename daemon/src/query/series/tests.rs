use ccm_proto::model::Interval;

use super::*;

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn spec(toml: &str) -> SeriesQuery {
    toml::from_str(&format!("of = 'web.requests'\n{toml}")).unwrap()
}

/// Values of one a second up to and with the second `end`.
fn window(end: i64, value: impl Fn(i64) -> f64) -> Window {
    let mut window = Window::new(Interval::from_secs(1), 360);
    (end - 359..=end).for_each(|at| window.push(second(at), value(at)));
    window
}

fn result(toml: &str, live: &[Window], earlier: &[Window]) -> Result<Value, Lack> {
    compute(&spec(toml), live.iter(), earlier.iter(), second(1_000))
}

#[test]
fn series_of_several_labels_become_one_value() {
    let live = [window(1_000, |at| at as f64), window(1_000, |at| at as f64 * 3.0)];
    let rate = |combine: &str| {
        let toml = format!("function = 'rate'\nwindow = '1m'\ncombine = '{combine}'");
        result(&toml, &live, &[]).unwrap()
    };
    assert_eq!(rate("sum"), Value::Number(4.0));
    assert_eq!(rate("avg"), Value::Number(2.0));
    assert_eq!(rate("min"), Value::Number(1.0));
    assert_eq!(rate("max"), Value::Number(3.0));
}

#[test]
fn a_window_is_compared_with_an_earlier_one() {
    let day = 86_400;
    let toml = "compare = 'yesterday'\nwindow = '1m'";
    let then = window(1_000 - day, |_| 80.0);
    let found = result(toml, &[window(1_000, |_| 100.0)], &[then]).unwrap();
    assert_eq!(found.at("value"), Some(&Value::Number(100.0)));
    assert_eq!(found.at("before"), Some(&Value::Number(80.0)));
    assert_eq!(found.at("percentage"), Some(&Value::Number(25.0)));
    assert_eq!(found.at("direction"), Some(&Value::from("up")));
    let lack = result(toml, &[window(1_000, |_| 100.0)], &[]).unwrap_err();
    assert_eq!(
        lack.reason(),
        "there are no values of web.requests in the window to compare with, 1d"
    );
}

#[test]
fn what_takes_two_values_says_so_after_the_first() {
    let mut first = Window::new(Interval::from_secs(1), 60);
    first.push(Timestamp::from_millis(1_000_000), 1.0);
    for function in ["rate", "increase", "delta"] {
        let lack = result(&format!("function = '{function}'"), &[first.clone()], &[]).unwrap_err();
        assert!(lack.reason().contains("web.requests has one value so far"), "{}", lack.reason());
    }
}

#[test]
fn nothing_in_the_window_is_absent() {
    let lack = result("function = 'avg'", &[], &[]).unwrap_err();
    assert_eq!(lack, Lack::Absent("there are no values of web.requests in the last 5m".into()));
    let old = result("function = 'avg'", &[window(500, |_| 1.0)], &[]);
    assert!(matches!(old, Err(Lack::Absent(_))));
}

#[test]
fn a_forecast_tells_the_end_and_the_way() {
    let live = [window(1_000, |at| at as f64)];
    let toml = "forecast = 'linear'\nwindow = '5m'\nhorizon = '1m'";
    let found = result(toml, &live, &[]).unwrap();
    let value = found.at("value").and_then(Value::as_number).unwrap();
    assert!((value - 1_060.0).abs() < 1e-6, "{value}");
    assert_eq!(found.at("at"), Some(&Value::Integer(1_060_000)));
    assert_eq!(found.at("points").and_then(Value::as_list).unwrap().len(), 60);
    let season = "forecast = 'holt_winters'\nwindow = '5m'\nseason = '10s'\nhorizon = '20s'";
    let wave = [window(1_000, |at| (at % 10) as f64)];
    let found = result(season, &wave, &[]).unwrap();
    let value = found.at("value").and_then(Value::as_number).unwrap();
    assert!((value - 0.0).abs() < 0.5, "1020 s is a multiple of ten: {value}");
}

#[test]
fn a_band_says_what_is_unusual() {
    let noisy = |at: i64| 50.0 + (at % 3) as f64;
    let usual = result("anomaly = 'robust'\nwindow = '5m'", &[window(1_000, noisy)], &[]);
    assert_eq!(usual.unwrap().at("anomalous"), Some(&Value::Boolean(false)));
    let jump = |at: i64| if at == 1_000 { 500.0 } else { noisy(at) };
    let unusual = result("anomaly = 'robust'\nwindow = '5m'", &[window(1_000, jump)], &[]).unwrap();
    assert_eq!(unusual.at("anomalous"), Some(&Value::Boolean(true)));
    assert!(unusual.at("score").and_then(Value::as_number).unwrap() > 3.0);
}

#[test]
fn what_is_kept_is_what_a_result_has() {
    let live = [window(1_000, |at| (at % 7) as f64)];
    let earlier = [window(940, |at| (at % 7) as f64)];
    for toml in ["compare = 'previous'\nwindow = '1m'", "forecast = 'linear'", "anomaly = 'robust'"]
    {
        let found = result(toml, &live, &earlier).unwrap();
        for path in kept(&spec(toml)) {
            assert!(found.at(path).and_then(Value::as_number).is_some(), "{toml}: {path}");
        }
    }
    assert_eq!(kept(&spec("function = 'avg'")), [""]);
}
