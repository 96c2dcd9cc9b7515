use serde_json::{Value, json};

use super::{State, Threshold, WidgetSpec, state_of};

fn widget(widget_type: &str, section: &str, config: &Value) -> WidgetSpec {
    let mut spec = json!({"title": "t", "source": "host", "type": widget_type});
    spec[section] = config.clone();
    serde_json::from_value(spec).unwrap()
}

fn samples() -> [(&'static str, Value); 5] {
    let metric = json!({"value": "cpu.usage", "label": "CPU", "format": "percent"});
    [
        ("stat", json!({"primary": metric, "window": "5m"})),
        ("gauge", json!({"value": "health.score"})),
        ("chart", json!({"series": [{"metric": "cpu.usage", "label": "{core}"}]})),
        ("bars", json!({"items": [{"label": "a", "value": "b", "max": 3.5}]})),
        (
            "table",
            json!({"rows": "p", "key": "pid", "columns": [{"field": "pid", "label": "PID"}]}),
        ),
    ]
}

/// The paths of the problems.
fn paths(spec: &WidgetSpec) -> Vec<String> {
    spec.problems().into_iter().map(|(path, _)| path).collect()
}

#[test]
fn every_type_is_read_and_written() {
    for (name, config) in samples() {
        let spec = widget(name, name, &config);
        assert_eq!(paths(&spec), [""; 0], "{name}");
        assert_eq!(spec.widget_type.as_str(), name);
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!(serde_json::from_value::<WidgetSpec>(json).unwrap(), spec);
    }
}

#[test]
fn a_section_belongs_to_its_type() {
    let sections = samples();
    for (name, config) in &sections {
        for (other, _) in sections.iter().filter(|(other, _)| other != name) {
            let found = paths(&widget(other, name, config));
            assert_eq!(found.len(), 2, "{other} with [{name}]");
            assert!(found.contains(&(*name).to_owned()) && found.contains(&(*other).to_owned()));
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let column = json!({"field": "pid", "label": "PID"});
    let table = [
        ("gauge", json!({"value": "v", "min": 100.0}), "gauge.max"),
        ("gauge", json!({"value": "v", "min": 5.0, "max": 1.0}), "gauge.max"),
        ("chart", json!({"series": []}), "chart.series"),
        (
            "chart",
            json!({"series": [{"metric": "m", "label": "l"}], "window": "9s"}),
            "chart.window",
        ),
        ("bars", json!({}), "bars"),
        ("table", json!({"rows": "p", "key": "k", "columns": []}), "table.columns"),
        (
            "table",
            json!({"rows": "p", "key": "k", "columns": [column], "sort": "cpu"}),
            "table.sort",
        ),
    ];
    for (name, config, path) in table {
        assert_eq!(paths(&widget(name, name, &config)), [path], "{config}");
    }
}

#[test]
fn misspelt_keys_and_types_are_refused() {
    let plain = json!({"title": "t", "source": "host", "type": "stat"});
    for (key, value) in [("titel", json!("x")), ("type", json!("pie")), ("source", json!("A B"))] {
        let mut spec = plain.clone();
        spec[key] = value;
        assert!(serde_json::from_value::<WidgetSpec>(spec).is_err(), "{key}");
    }
}

#[test]
fn the_highest_band_that_is_reached_counts() {
    let band = |value, state| Threshold { value, state, label: None };
    let bands = [band(90.0, State::Critical), band(0.0, State::Ok), band(70.0, State::Warning)];
    let state = |value| state_of(&bands, value).map(|band| band.state);
    assert_eq!(state(-1.0), None);
    assert_eq!(state(0.0), Some(State::Ok));
    assert_eq!(state(69.999), Some(State::Ok));
    assert_eq!(state(70.0), Some(State::Warning));
    assert_eq!(state(f64::INFINITY), Some(State::Critical));
    assert_eq!(state(f64::NAN), None);
    assert_eq!(state_of(&[], 1.0), None);
}
