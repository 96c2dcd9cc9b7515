use serde_json::{Value, json};

use super::{Aggregation, ChartRows, Currency, State, Threshold, Unit, WidgetSpec, state_of};
use crate::model::Interval;

fn widget(widget_type: &str, section: &str, config: &Value) -> WidgetSpec {
    let mut spec = json!({"title": "t", "source": "host", "type": widget_type});
    spec[section] = config.clone();
    serde_json::from_value(spec).unwrap()
}

fn samples() -> [(&'static str, Value); 8] {
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
        ("list", json!({"rows": "items", "item": {"title": "name", "badge": "stock"}})),
        ("map", json!({"rows": "places", "label": "city", "state": "state"})),
        ("custom", json!({"lines": "lines"})),
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
    for (name, config, path) in table.into_iter().chain(unsound()) {
        assert_eq!(paths(&widget(name, name, &config)), [path], "{config}");
    }
}

/// What the types with rows and formats refuse.
fn unsound() -> Vec<(&'static str, Value, &'static str)> {
    let metric = |extra: Value| {
        let mut metric = json!({"value": "v", "label": "l"});
        metric.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        metric
    };
    let rows = |style: &str, rows: Value| json!({"style": style, "rows": rows});
    let time = json!({"path": "p", "x": "t", "y": "n"});
    let label = json!({"path": "p", "label": "l", "value": "v"});
    vec![
        ("stat", json!({"primary": metric(json!({"currency": "USD"}))}), "stat.primary.currency"),
        (
            "stat",
            json!({"primary": metric(json!({})), "secondary": [metric(json!({"currency": "eur"}))]}),
            "stat.secondary[0].currency",
        ),
        ("stat", json!({"primary": metric(json!({})), "trend": {}}), "stat.trend"),
        ("gauge", json!({"value": "v", "show_labels": true}), "gauge.show_labels"),
        ("chart", json!({"series": [{"metric": "m", "label": "l"}], "rows": time}), "chart.series"),
        ("chart", json!({"style": "pie", "rows": label, "window": "1h"}), "chart.window"),
        ("chart", json!({"style": "pie"}), "chart.rows"),
        (
            "chart",
            json!({"style": "scatter", "rows": time, "items": [{"label": "l", "value": "v"}]}),
            "chart.items",
        ),
        ("chart", rows("line", json!({"path": "p", "x": "t"})), "chart.rows.y"),
        ("chart", rows("bar", json!({"path": "p", "y": "t"})), "chart.rows.x"),
        (
            "chart",
            rows("funnel", json!({"path": "p", "label": "l", "value": "v", "x": "t"})),
            "chart.rows.x",
        ),
        (
            "chart",
            rows("scatter", json!({"path": "p", "x": "t", "y": "n", "aggregation": "hourly"})),
            "chart.rows.aggregation",
        ),
        (
            "chart",
            rows("line", json!({"path": "p", "x": "t", "y": "n", "aggregation": "1s"})),
            "chart.rows.aggregation",
        ),
        (
            "chart",
            rows("line", json!({"path": "p", "x": "t", "y": "n", "aggregation": "25h"})),
            "chart.rows.aggregation",
        ),
        ("list", json!({"rows": "r", "item": {"title": "t"}, "max_items": 0}), "list.max_items"),
        (
            "list",
            json!({"rows": "r", "item": {"title": "t", "badge_state": "critical"}}),
            "list.item.badge",
        ),
        ("map", json!({"rows": "r", "currency": "JPY"}), "map.currency"),
        (
            "stat",
            json!({"primary": metric(json!({"format": "bytes", "unit": "MB"}))}),
            "stat.primary.unit",
        ),
        ("gauge", json!({"value": "v", "format": "percent", "unit": "pods"}), "gauge.unit"),
        (
            "bars",
            json!({"format": "ratio", "unit": "W", "items": [
                {"label": "l", "value": "v", "format": "percent"}]}),
            "bars.unit",
        ),
        (
            "list",
            json!({"rows": "r", "item": {"title": "t", "badge": "b", "badge_format": "text",
                "badge_unit": "pods"}}),
            "list.item.badge_unit",
        ),
        ("custom", json!({"lines": ""}), "custom.lines"),
    ]
}

#[test]
fn what_surrounds_a_type_is_checked_too() {
    let table = [
        (json!({"refresh_interval": "500ms"}), "refresh_interval"),
        (json!({"alerts": {}}), "alerts.conditions"),
        (
            json!({"alerts": {"conditions": [
                {"field": "f", "operator": "<", "value": "ten", "severity": "info"}]}}),
            "alerts.conditions[0].value",
        ),
    ];
    for (extra, path) in table {
        let mut spec = json!({"title": "t", "source": "s", "type": "custom",
            "custom": {"lines": "l"}});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(paths(&serde_json::from_value(spec).unwrap()), [path], "{extra}");
    }
}

#[test]
fn a_widget_keeps_all_that_is_said_of_it() {
    let spec = json!({
        "title": "Low Stock Alert", "icon": "AlertTriangle", "source": "inventory",
        "params": {"threshold": 10, "strict": true, "created": {"gte": "today"}, "share": 0.5},
        "refresh_interval": "2m", "type": "list", "size": "full-width", "theme": "auto",
        "list": {
            "rows": "items", "max_items": 10, "sort": "stock_level", "order": "ascending",
            "item": {"title": "product_name", "subtitle": "sku", "badge": "stock_level",
                "badge_format": "count", "badge_state": "critical"},
        },
        "permissions": ["inventory.view_stock"], "roles": ["user", "admin"],
        "alerts": {"enabled": true, "notifications": ["dashboard"], "conditions": [
            {"field": "stock_level", "operator": "<", "value": 5, "severity": "critical"}]},
        "author": "inventory", "version": "1.2.0",
    });
    let typed: WidgetSpec = serde_json::from_value(spec.clone()).unwrap();
    assert_eq!(paths(&typed), [""; 0]);
    assert_eq!(serde_json::to_value(&typed).unwrap(), spec);
}

#[test]
fn a_currency_is_known_by_its_code() {
    let read = |code: &str| serde_json::from_value::<Currency>(json!(code));
    for (code, digits) in [("USD", 2), ("jpy", 0), ("KWD", 3)] {
        let currency = read(code).unwrap();
        assert_eq!(currency.digits(), digits);
        assert_eq!(serde_json::to_value(currency).unwrap(), json!(code.to_uppercase()));
    }
    for code in ["", "US", "USDT", "dollar", "\u{1b}[2J"] {
        let error = read(code).unwrap_err().to_string();
        assert!(error.contains("ISO 4217") && !error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn a_unit_is_a_short_word_that_can_be_shown() {
    let read = |text: &str| serde_json::from_value::<Unit>(json!(text));
    for text in ["W", "hPa", "µg/m³", "messages/second"] {
        let unit = read(text).unwrap();
        assert_eq!(unit.as_str(), text);
        assert_eq!(serde_json::to_value(unit).unwrap(), json!(text));
    }
    for text in ["", " ", "W ", "\u{1b}[2J", "a\nb", "messages a second"] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains("hPa") && !error.contains('\u{1b}'), "{text:?}: {error}");
    }
}

#[test]
fn spans_are_words_or_durations() {
    let read = |text: &str| serde_json::from_value::<Aggregation>(json!(text));
    for (text, seconds) in [("minutely", 60), ("hourly", 3_600), ("daily", 86_400), ("15m", 900)] {
        let span = read(text).unwrap();
        assert_eq!(span.interval(), Interval::from_secs(seconds));
        assert_eq!(serde_json::to_value(span).unwrap(), json!(text));
    }
    for text in ["weekly", "0s", ""] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn rows_are_gathered_over_round_spans() {
    let rows = |extra: Value| -> ChartRows {
        let mut rows = json!({"path": "p", "x": "t", "y": "n"});
        rows.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(rows).unwrap()
    };
    let step =
        |rows: &ChartRows, hours: u64| rows.step(Interval::from_secs(hours * 3_600)).to_string();
    let free = rows(json!({}));
    assert_eq!([1, 24, 168].map(|hours| step(&free, hours)), ["1m", "30m", "6h"]);
    let fixed = rows(json!({"aggregation": "hourly"}));
    assert_eq!([1, 24].map(|hours| step(&fixed, hours)), ["1h", "1h"]);
    let fine = rows(json!({"aggregation": "1s"}));
    assert_eq!(step(&fine, 24), "43s200ms", "never more steps than can be seen");
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
