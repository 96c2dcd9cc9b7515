use super::{INTERVAL_MIN, SourceSpec};
use crate::model::Interval;

fn source(text: &str) -> SourceSpec {
    serde_json::from_str(text).unwrap()
}

#[test]
fn little_needs_to_be_said() {
    let spec = source(r#"{"type": "system"}"#);
    assert_eq!(spec.effective_interval(), Interval::from_secs(1));
    assert!(spec.enabled && spec.problems().is_empty());
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(source(&json), spec);
    let spec = source(r#"{"type": "system", "system": {"processes_interval": "5s"}}"#);
    let system = spec.system.unwrap();
    assert_eq!(system.processes_interval, Interval::from_secs(5));
    assert_eq!(system.ignore_interfaces, ["lo"]);
}

#[test]
fn a_timeout_is_the_interval_but_at_least_a_second() {
    let table = [
        (r#"{"type": "system", "interval": "200ms"}"#, 1_000),
        (r#"{"type": "system", "interval": "10s"}"#, 10_000),
        (r#"{"type": "system", "interval": "10s", "timeout": "50ms"}"#, 50),
    ];
    for (text, millis) in table {
        assert_eq!(source(text).effective_timeout().as_millis(), millis, "{text}");
    }
}

#[test]
fn each_problem_names_its_field() {
    let table = [
        (r#"{"type": "system", "interval": "99ms"}"#, "interval"),
        (r#"{"type": "system", "timeout": "0s"}"#, "timeout"),
        (r#"{"type": "daemon", "system": {}}"#, "system"),
    ];
    for (text, path) in table {
        let problems = source(text).problems();
        assert_eq!(problems.len(), 1, "{text}");
        assert_eq!(problems[0].0, path);
    }
    assert_eq!(INTERVAL_MIN.to_string(), "100ms");
}

#[test]
fn misspelt_keys_and_bad_durations_are_refused() {
    for text in [
        r#"{"type": "systems"}"#,
        r#"{"type": "system", "intervall": "1s"}"#,
        r#"{"type": "system", "interval": 1000}"#,
        r#"{"type": "system", "interval": "1 second"}"#,
        "{}",
    ] {
        assert!(serde_json::from_str::<SourceSpec>(text).is_err(), "{text}");
    }
}
