//! What modules and services give: lists of items, parts, places, lines, and moments.

use ccm_proto::model::widget::{Compare, WidgetType};
use ccm_proto::model::{Interval, Timestamp, Track};
use proptest::prelude::*;

use super::*;

/// 2026-11-20 14:00 UTC.
const HOUR: i64 = 1_795_183_200_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn number(cell: &Cell) -> f64 {
    cell.as_number().unwrap()
}

#[test]
fn a_list_takes_its_items_apart_orders_and_cuts_them() {
    let list = widget(
        r#"
type = "list"
[list]
rows = "items"
key = "sku"
max_items = 2
sort = "stock"
order = "ascending"
item = { title = "name", subtitle = "sku", badge = "stock" }
"#,
    );
    let reading = value(
        r#"{"items": [{"name": "Tea", "sku": "T-1", "stock": 9}, {"name": "Salt", "sku": "S-1"},
            {"name": "Oil", "sku": "O-1", "stock": 2}]}"#,
    );
    let planes = planes(&list, &reading);
    assert_eq!(keys(&planes), ["O-1", "T-1"]);
    assert_eq!(planes.rows[0].cells, [text("Oil"), text("O-1"), Cell::Integer(2)]);
    assert_eq!(planes.rows_total, 3);
}

#[test]
fn a_map_has_only_what_has_a_place_on_earth() {
    let map = widget("type = 'map'\nmap = { rows = 'p', label = 'n', value = 'v', state = 's' }");
    let reading = value(
        r#"{"p": [{"n": "a", "lat": 52.5, "lon": "13.4", "v": 3, "s": "warning"},
            {"n": "b", "lat": 91, "lon": 0}, {"n": "c", "lat": 1}, {"n": "d", "lat": "x", "lon": 1},
            {"n": "e", "lat": -33.9, "lon": 151, "s": "on fire"}]}"#,
    );
    let planes = planes(&map, &reading);
    assert_eq!(keys(&planes), ["a", "e"]);
    let cells = [text("a"), Cell::Number(52.5), Cell::Number(13.4), Cell::Integer(3)];
    assert_eq!(planes.rows[0].cells[..4], cells);
    assert_eq!(planes.rows[0].cells[4], text("warning"));
    assert_eq!(planes.rows[1].cells[4], Cell::Absent);
    assert_eq!(planes.rows_total, 5);
}

#[test]
fn a_line_of_a_module_has_a_style_of_a_closed_set() {
    let custom = widget("type = 'custom'\ncustom = { lines = 'lines' }");
    let reading = value(
        r#"{"lines": ["plain", {"text": "bad \u001b[31m", "style": "critical"},
            {"text": "odd", "style": "\u001b[5m"}, {"text": 4, "state": "ok"}, {"other": 1}]}"#,
    );
    let planes = planes(&custom, &reading);
    let styles: Vec<&str> =
        planes.rows.iter().map(|row| row.cells[1].as_text().unwrap().as_str()).collect();
    assert_eq!(styles, ["text", "critical", "text", "ok", "text"]);
    let Cell::Text(bad) = &planes.rows[1].cells[0] else { panic!("it is text") };
    assert!(!bad.as_str().contains('\u{1b}'));
    assert_eq!(planes.rows[4].cells[0], Cell::Absent);
    let many = value(&format!(r#"{{"lines": {:?}}}"#, vec!["x"; 5_000]));
    assert_eq!(super::planes(&custom, &many).rows.len(), 1_000);
}

#[test]
fn parts_of_a_whole_are_ordered_and_the_small_ones_counted_together() {
    let pie = widget(
        r#"
type = "chart"
[chart]
style = "pie"
items = [{ label = "direct", value = "direct" }]
rows = { path = "by", label = "name", value = "n", parts = 3 }
"#,
    );
    let reading = value(
        r#"{"direct": 20, "by": [{"name": "a", "n": 50}, {"name": "b", "n": "20"},
            {"name": "c", "n": 10}, {"name": "minus", "n": -5}, {"name": "none"}]}"#,
    );
    let all = planes(&pie, &reading);
    assert_eq!(keys(&all), ["row.a", "item.0", "other"]);
    assert_eq!(all.rows[0].cells, [text("a"), Cell::Number(50.0), Cell::Number(50.0)]);
    assert_eq!(all.rows[2].cells, [text("other"), Cell::Number(30.0), Cell::Number(30.0)]);
    assert_eq!(all.rows_total, 4);
    let nothing = planes(&pie, &value(r#"{"direct": 0, "by": []}"#));
    assert_eq!(nothing.rows[0].cells[2], Cell::Absent, "no share of nothing");
}

#[test]
fn a_funnel_says_how_many_get_how_far() {
    let funnel = widget(
        "type = 'chart'\n[chart]\nstyle = 'funnel'\nrows = { path = 's', label = 'l', value = 'v' }",
    );
    let reading = value(
        r#"{"s": [{"l": "leads", "v": 200}, {"l": "calls", "v": 50}, {"l": "deals", "v": 10}]}"#,
    );
    let planes = planes(&funnel, &reading);
    let shares: Vec<(f64, f64)> =
        planes.rows.iter().map(|row| (number(&row.cells[2]), number(&row.cells[3]))).collect();
    assert_eq!(shares, [(100.0, 100.0), (25.0, 25.0), (5.0, 20.0)]);
}

#[test]
fn a_scatter_says_how_far_two_numbers_go_together() {
    let scatter = widget(
        "type = 'chart'\n[chart]\nstyle = 'scatter'\nrows = { path = 'p', x = 'a', y = 'b' }",
    );
    let r = |json: &str| planes(&scatter, &value(json)).fields["correlation"].clone();
    let line = r(r#"{"p": [{"a": 1, "b": 2}, {"a": 2, "b": 4}, {"a": 3, "b": 6}, {"a": 9}]}"#);
    assert!((number(&line) - 1.0).abs() < 1e-12);
    let falling = r(r#"{"p": [{"a": 1, "b": 2}, {"a": 2, "b": -4}]}"#);
    assert!((number(&falling) + 1.0).abs() < 1e-12);
    for json in [r#"{"p": []}"#, r#"{"p": [{"a": 1, "b": 1}, {"a": 1, "b": 5}]}"#] {
        assert_eq!(r(json), Cell::Absent, "{json}");
    }
}

const STAT: &str = r#"
type = "stat"
[stat]
primary = { value = "total", label = "Total", format = "currency", currency = "USD" }
trend = { from = "trend" }
"#;

#[test]
fn a_trend_that_the_source_gives_is_taken() {
    let seed = r#"{"total": 15234.50, "trend": {"direction": "up", "percentage": 12.5,
        "comparison": "yesterday"}}"#;
    let planes = planes(&widget(STAT), &value(seed));
    assert_eq!(planes.fields["trend.direction"], text("up"));
    assert_eq!(planes.fields["trend.percentage"], Cell::Number(12.5));
    assert_eq!(planes.fields["trend.comparison"], text("yesterday"));
    assert_eq!(planes.fields["trend.before"], Cell::Absent);
    let odd = r#"{"total": 1, "trend": {"direction": "sideways", "percentage": -3}}"#;
    assert_eq!(super::planes(&widget(STAT), &value(odd)).fields["trend.direction"], text("down"));
    for nothing in [r#"{"total": 1}"#, r#"{"total": 1, "trend": {"percentage": "many"}}"#] {
        let planes = super::planes(&widget(STAT), &value(nothing));
        assert!(!planes.fields.contains_key("trend.direction"), "{nothing}");
        assert_eq!((planes.present, planes.missing.len()), (true, 0));
    }
}

#[test]
fn a_comparison_has_a_direction_even_where_there_is_no_percentage() {
    let fields = |before, now| compared(before, now, Compare::LastWeek).map(|(_, cell)| cell);
    let [before, change, percentage, direction, comparison] = fields(Some(-50.0), Some(-25.0));
    assert_eq!((before, change), (Cell::Number(-50.0), Cell::Number(25.0)));
    assert_eq!((percentage, direction), (Cell::Number(50.0), text("up")));
    assert_eq!(comparison, text("last_week"));
    let [_, _, percentage, direction, _] = fields(Some(0.0), Some(3.0));
    assert_eq!((percentage, direction), (Cell::Absent, text("up")));
    let [.., direction, _] = fields(None, Some(3.0));
    assert_eq!(direction, Cell::Absent);
}

fn payments(extra: &str) -> WidgetSpec {
    widget(&format!(
        r#"
type = "chart"
[chart]
window = "4h"
[chart.rows]
path = "charges"
x = "created"
y = "amount"
aggregation = "hourly"
{extra}
[[chart.rows.series]]
label = "Successful"
filter = {{ status = "succeeded" }}
[[chart.rows.series]]
label = "Failed"
filter = {{ status = "failed" }}
"#
    ))
}

/// Charges as a payment service lists them, newest first.
const CHARGES: &str = r#"{"charges": [
    {"created": 1795183500, "amount": 300, "status": "succeeded"},
    {"created": 1795183260, "amount": "200", "status": "succeeded"},
    {"created": 1795183200000, "amount": 70, "status": "failed"},
    {"created": "2026-11-20T12:30:00Z", "amount": 50, "status": "succeeded"},
    {"created": 1795999999, "amount": 1e6, "status": "succeeded"},
    {"created": "soon", "amount": 1e6, "status": "succeeded"},
    {"amount": 1e6, "status": "succeeded"}
]}"#;

fn values(tracks: &[Track]) -> Vec<Vec<Option<f64>>> {
    let known = |value: &f64| (!value.is_nan()).then_some(*value);
    tracks.iter().map(|track| track.values.iter().map(known).collect()).collect()
}

#[test]
fn items_are_gathered_by_the_hour_and_split_by_what_they_say() {
    let chart = payments("");
    let window = chart.chart.as_ref().unwrap().window();
    let tracks = row_tracks(&chart, &value(CHARGES), at(HOUR + 600_000), window);
    assert_eq!(tracks[0].start, at(HOUR - 3 * 3_600_000));
    assert_eq!((tracks[0].id.as_str(), tracks[0].label.as_str()), ("rows.0", "Successful"));
    let gap = None;
    assert_eq!(
        values(&tracks),
        [[gap, Some(50.0), Some(0.0), Some(500.0)], [gap, Some(0.0), Some(0.0), Some(70.0)],]
    );
    assert_eq!(super::super::window(&chart), None, "history is not asked");
    assert!(selections(&chart).is_empty());
}

#[test]
fn each_function_makes_its_own_of_the_items() {
    let of = |function: &str| {
        let chart = payments(&format!("function = '{function}'"));
        let tracks =
            row_tracks(&chart, &value(CHARGES), at(HOUR + 600_000), Interval::from_secs(7_200));
        values(&tracks)[0].clone()
    };
    assert_eq!(of("sum"), [Some(0.0), Some(500.0)]);
    assert_eq!(of("count"), [Some(0.0), Some(2.0)]);
    assert_eq!(of("avg"), [None, Some(250.0)]);
    assert_eq!(of("min"), [None, Some(200.0)]);
    assert_eq!(of("max"), [None, Some(300.0)]);
}

#[test]
fn a_list_without_items_of_the_window_has_no_tracks() {
    let day = Interval::from_secs(86_400);
    for json in ["{}", r#"{"charges": []}"#, r#"{"charges": [{"created": 5, "amount": 1}]}"#] {
        // An old item says that there was nothing since.
        let tracks = row_tracks(&payments(""), &value(json), at(HOUR), day);
        let zeros = json.contains("created");
        assert_eq!(tracks.is_empty(), !zeros, "{json}");
        assert!(values(&tracks).iter().flatten().all(|value| *value == Some(0.0)));
    }
}

#[test]
fn a_list_without_what_is_drawn_of_it_says_what_it_lacks() {
    let sections = [
        ("type = 'map'\nmap = { rows = 'p' }", vec!["lat", "lon"]),
        (
            "type = 'chart'\nchart.rows = { path = 'p', x = 'made_at', function = 'count' }",
            vec!["made at"],
        ),
        (
            "type = 'chart'\n[chart]\nstyle = 'pie'\nrows = { path = 'p', label = 'a', value = 'n.n' }",
            vec!["n"],
        ),
        (
            "type = 'chart'\n[chart]\nstyle = 'scatter'\nrows = { path = 'p', x = 'a', y = 'b' }",
            vec!["b"],
        ),
    ];
    for (toml, missing) in sections {
        let lacking = planes(&widget(toml), &value(r#"{"p": [{"a": 1}, {"a": 2}]}"#));
        assert_eq!((lacking.present, lacking.missing), (false, missing_of(&missing)), "{toml}");
        let empty = planes(&widget(toml), &value(r#"{"p": []}"#));
        assert_eq!((empty.present, empty.missing), (true, Vec::new()), "{toml}");
    }
}

fn missing_of(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Widgets that look at everything of [`tree`].
fn any_widget() -> impl Strategy<Value = WidgetSpec> {
    let sections = [
        "type = 'list'\n[list]\nrows = 'a'\nsort = 'b'\nitem = { title = 'a', badge = 'b.c' }",
        "type = 'map'\n[map]\nrows = 'a'\nlat = 'a'\nlon = 'b'\nlabel = 'c'\nstate = 'a'",
        "type = 'custom'\n[custom]\nlines = 'a'",
        "type = 'chart'\n[chart]\nstyle = 'pie'\nrows = { path = 'a', label = 'a', value = 'b' }",
        "type = 'chart'\n[chart]\nstyle = 'funnel'\nitems = [{ label = 'x', value = 'b' }]\n\
         rows = { path = 'a', label = 'a', value = 'b' }",
        "type = 'chart'\n[chart]\nstyle = 'scatter'\nrows = { path = 'a', x = 'a', y = 'b' }",
        "type = 'chart'\n[chart]\nrows = { path = 'a', x = 'a', y = 'b', function = 'avg' }",
        "type = 'stat'\n[stat]\nprimary = { value = 'a', label = 'l' }\ntrend = { from = 'b' }",
        "type = 'gauge'\n[gauge]\nvalue = 'a'\nbreakdown = 'b'",
        "type = 'bars'\n[bars]\nrows = { path = 'a', label = 'a', value = 'b', max = 'c' }",
        "type = 'table'\n[table]\nrows = 'a'\nkey = 'a'\ncolumns = [{ field = 'b', label = 'l' }]",
    ];
    prop::sample::select(sections.to_vec()).prop_map(widget)
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Absent),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-200.0..200.0).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(Value::from("2026-11-20T14:00:00Z")),
        Just(Value::from("\u{1b}[2J\u{202e}")),
    ];
    leaf.prop_recursive(4, 60, 8, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c", "text", "style", "direction"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5).prop_map(Value::map),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_source_gives_is_projected_within_bounds(
        widget in any_widget(), list in tree(), one in tree(), now in any::<i64>(),
        window in 0_u64..u64::MAX,
    ) {
        let value = Value::map([("a", list), ("b", one)]);
        let planes = planes(&widget, &value);
        prop_assert!(planes.rows.len() <= ROWS_MAX + 1);
        let distinct: std::collections::BTreeSet<_> = keys(&planes).into_iter().collect();
        prop_assert_eq!(distinct.len(), planes.rows.len());
        let texts = planes.rows.iter().flat_map(|row| &row.cells).filter_map(Cell::as_text);
        for text in texts {
            let unsafe_text = text.as_str().contains(['\u{1b}', '\u{202e}']);
            prop_assert!(!unsafe_text);
        }
        let is_chart = widget.widget_type == WidgetType::Chart;
        let tracks = row_tracks(&widget, &value, at(now), Interval::from_millis(window));
        prop_assert!(is_chart || tracks.is_empty());
        for track in tracks {
            prop_assert!(!track.step.is_zero() && track.values.len() <= 2_000);
        }
    }
}
