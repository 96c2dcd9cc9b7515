use super::*;

mod examples;
mod rows;

fn widget(toml: &str) -> WidgetSpec {
    let spec: WidgetSpec =
        toml::from_str(&format!("title = 'T'\nsource = 'host'\n{toml}")).unwrap();
    assert_eq!(spec.problems(), []);
    spec
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn text(text: &str) -> Cell {
    Cell::Text(SafeText::new(text))
}

fn keys(planes: &Planes) -> Vec<&str> {
    planes.rows.iter().map(|row| &*row.key).collect()
}

const TABLE: &str = r#"
type = "table"
[table]
rows = "processes"
key = "pid"
sort = "cpu"
limit = 3
columns = [{ field = "pid", label = "PID" }, { field = "cpu", label = "CPU" }, { field = "user", label = "User" }]
"#;

const PROCESSES: &str = r#"{"processes": [
    {"pid": 10, "cpu": 1.5, "user": "a"},
    {"pid": 9, "cpu": 1.5},
    {"pid": 8, "user": "nobody"},
    {"pid": 7, "cpu": 30, "user": "b\u001b[2Jc"}
]}"#;

#[test]
fn a_table_is_sorted_cut_and_counted() {
    let planes = planes(&widget(TABLE), &value(PROCESSES));
    assert_eq!(keys(&planes), ["7", "9", "10"]);
    assert_eq!(planes.rows_total, 4);
    let Cell::Text(user) = &planes.rows[0].cells[2] else { panic!("a user is text") };
    assert!(!user.as_str().contains('\u{1b}'), "outside text is made safe");
    assert_eq!(planes.rows[1].cells, [Cell::Integer(9), Cell::Number(1.5), Cell::Absent]);
}

#[test]
fn what_has_no_value_is_last_in_both_orders() {
    let up = TABLE.replace("limit = 3", "order = 'ascending'");
    assert_eq!(keys(&planes(&widget(&up), &value(PROCESSES))), ["9", "10", "7", "8"]);
    let down = TABLE.replace("limit = 3", "");
    assert_eq!(keys(&planes(&widget(&down), &value(PROCESSES))), ["7", "9", "10", "8"]);
}

#[test]
fn every_row_has_a_key_of_its_own() {
    let twins = value(r#"{"processes": [{"pid": 1}, {"pid": 1}, {}, {"pid": "1#1"}, {"pid": 1}]}"#);
    let all = planes(&widget(&TABLE.replace("limit = 3", "")), &twins);
    let distinct: std::collections::BTreeSet<_> = keys(&all).into_iter().collect();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn an_absent_list_gives_no_rows_and_an_empty_one_is_there() {
    for (json, present) in
        [("{}", false), (r#"{"processes": null}"#, false), (r#"{"processes": []}"#, true)]
    {
        let planes = planes(&widget(TABLE), &value(json));
        assert_eq!(planes.rows, []);
        assert_eq!(planes.present, present, "{json}");
    }
}

#[test]
fn a_long_text_is_cut() {
    let long = Value::from("é".repeat(5_000));
    let Cell::Text(text) = cell(&long) else { panic!("it is text") };
    assert!(text.as_str().len() <= TEXT_MAX);
}

#[test]
fn bars_have_label_value_maximum_and_text() {
    let bars = widget(
        r#"
type = "bars"
[bars]
items = [{ label = "Memory", value = "memory.used", max = "memory.total" },
         { label = "State", value = "state" }, { label = "Swap", value = "swap.used", max = 8 }]
rows = { path = "filesystems", label = "mount", value = "usage" }
"#,
    );
    let reading = value(
        r#"{"memory": {"used": 3, "total": 4}, "state": "fine",
            "filesystems": [{"mount": "/", "usage": 40.5}]}"#,
    );
    let planes = planes(&bars, &reading);
    assert_eq!(
        planes.rows[0].cells,
        [text("Memory"), Cell::Integer(3), Cell::Integer(4), Cell::Absent]
    );
    assert_eq!(
        planes.rows[1].cells,
        [text("State"), Cell::Absent, Cell::Number(100.0), text("fine")]
    );
    assert_eq!(planes.rows[2].cells, [text("Swap"), Cell::Absent, Cell::Number(8.0), Cell::Absent]);
    assert_eq!(
        planes.rows[3].cells,
        [text("/"), Cell::Number(40.5), Cell::Number(100.0), Cell::Absent]
    );
    assert_eq!(keys(&planes), ["item.0", "item.1", "item.2", "row./"]);
    assert_eq!(planes.missing, ["swap"]);
}

#[test]
fn a_gauge_has_its_value_and_what_it_is_made_of() {
    let gauge = widget(
        "type = 'gauge'\ngauge = { value = 'health.score', breakdown = 'health.components' }",
    );
    let reading = value(
        r#"{"health": {"score": 93, "components": [{"name": "cpu", "score": 90.5, "weight": 2}]}}"#,
    );
    let planes = planes(&gauge, &reading);
    assert_eq!(planes.fields["value"], Cell::Integer(93));
    assert_eq!(
        planes.rows[0].cells,
        [text("cpu"), Cell::Number(90.5), Cell::Integer(2), Cell::Absent]
    );
    let gone = super::planes(&gauge, &value(r#"{"health": {"components": []}}"#));
    assert!(!gone.present, "a gauge without its value shows nothing");
}

#[test]
fn the_cause_names_the_shortest_missing_part() {
    let reading = value(r#"{"cpu": {"usage": 1}, "pressure": null}"#);
    let cases = [
        ("pressure.cpu.some_avg10", "pressure"),
        ("cpu.frequency_mhz", "cpu frequency mhz"),
        ("temperatures", "temperatures"),
        ("cpu.usage.deeper", "cpu usage deeper"),
    ];
    for (path, part) in cases {
        assert_eq!(missing_part(&reading, path), part);
    }
    let three = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(absence(SourceType::Daemon, &three).as_str(), "this daemon gives no a, b or c");
    assert_eq!(absence(SourceType::System, &[]).as_str(), "this machine gives no such values");
}

fn chart() -> WidgetSpec {
    widget(
        r#"
type = "chart"
[chart]
series = [{ metric = "net.receive", label = "{interface} in" },
          { metric = "net.send", label = "{interface} out{odd", labels = { interface = "eth0" } },
          { metric = "net.send", label = "rest", negate = true }]
"#,
    )
}

fn series(metric: &str, interface: &str) -> ccm_proto::model::SeriesKey {
    ccm_proto::model::SeriesKey {
        source: ccm_proto::model::Name::new("host").unwrap(),
        metric: metric.into(),
        labels: ccm_proto::model::Labels::new([("interface", interface)]),
    }
}

#[test]
fn tracks_are_named_by_metric_and_labels() {
    let selections = selections(&chart());
    let key = series("net.receive", "eth0");
    assert_eq!(selections[0].track_id(&key), r#"net.receive{interface="eth0"}"#);
    assert_eq!(selections[0].track_label(&key).as_str(), "eth0 in");
    assert_eq!(selections[1].track_label(&key).as_str(), "eth0 out{odd");
}

#[test]
fn a_track_leads_back_to_the_selection_that_made_it() {
    let widget = chart();
    let selections = selections(&widget);
    let config = widget.chart.as_ref().unwrap();
    for (metric, interface) in
        [("net.receive", "eth0"), ("net.send", "eth0"), ("net.send", "x\",interface=\"eth0")]
    {
        let key = series(metric, interface);
        let index = selections.iter().position(|selection| selection.matches(&key)).unwrap();
        let found = config.selection_of(&selections[index].track_id(&key)).unwrap();
        assert_eq!(*found, config.series[index], "{key}");
    }
}

#[test]
fn numbers_in_ids_count_as_numbers() {
    let mut ids = ["core 10", "core 2", "core", "core 02", "eth1", "core 2b"];
    ids.sort_by(|a, b| natural(a, b));
    assert_eq!(ids, ["core", "core 02", "core 2", "core 2b", "core 10", "eth1"]);
}

#[test]
fn a_list_of_one_stands_for_its_value_where_a_number_is_wanted() {
    let stat = widget("type = 'stat'\nstat = { primary = { value = 'heap', label = 'heap' } }");
    for (json, wanted) in [
        (r#"{"heap": [{"instance": "a", "value": 7}]}"#, Cell::Integer(7)),
        (r#"{"heap": [{"instance": "a"}]}"#, Cell::Absent),
        (r#"{"heap": [{"value": 1}, {"value": 2}]}"#, Cell::Absent),
        (r#"{"heap": []}"#, Cell::Absent),
        (r#"{"heap": 3}"#, Cell::Integer(3)),
    ] {
        assert_eq!(planes(&stat, &value(json)).fields["value"], wanted, "{json}");
    }
}
