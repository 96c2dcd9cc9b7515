//! What the picture shows is what the data says: one model of a real daemon, drawn and written as
//! JSON, widget by widget.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use ccm::format;
use ccm::snapshot::{self, Heading, WidgetData};
use ccm::view;
use ccm_daemon::app::Daemon;
use ccm_daemon::clock::Clock;
use ccm_daemon::settings::Settings;
use ccm_proto::model::widget::Format;
use ccm_proto::model::{Cell, Name, Quality};
use common::Home;
use common::client::Client;
use serde_json::Value;

/// The data of a widget, as `ccm snapshot --format json` writes it.
fn data(client: &Client, name: &Name) -> Value {
    let context = view::context(&client.model, name, false);
    let widget = WidgetData { name, spec: context.spec, view: context.view };
    let at = client.model.shown_now();
    let heading = Heading { layout: &client.model.data.layout_name, page: "page", at };
    let bytes = serde_json::to_vec(&snapshot::json(heading, [widget])).unwrap();
    let whole: Value = serde_json::from_slice(&bytes).unwrap();
    whole["widgets"][0].clone()
}

/// How a value of the data is written on the screen.
fn written(value: &Value, style: &Value) -> String {
    let format: Format = serde_json::from_value(style.clone()).unwrap();
    let cell = match value {
        Value::String(text) => Cell::Text(text.as_str().into()),
        Value::Number(number) if number.is_i64() => Cell::Integer(number.as_i64().unwrap()),
        Value::Number(number) => Cell::Number(number.as_f64().unwrap()),
        Value::Bool(boolean) => Cell::Boolean(*boolean),
        _ => Cell::Absent,
    };
    format::value(&cell, format).to_string()
}

/// As [`written`], in a column of a table, where all numbers have the same decimals.
fn written_in_column(value: &Value, style: &Value) -> String {
    match (value.as_f64(), style.as_str()) {
        (Some(number), Some("percent")) => {
            format::column_value(&Cell::Number(number), Format::Percent).to_string()
        }
        _ => written(value, style),
    }
}

/// Something that is said of a value, and the value: both must stand in one line, in this order.
type Claim = (String, String);

fn claims(widget: &Value) -> Vec<Claim> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut claims = Vec::new();
    for (name, field) in widget["fields"].as_object().unwrap() {
        let label = if name == "value" { text(&widget["title"]) } else { text(&field["label"]) };
        claims.push((label, written(&field["value"], &field["format"])));
    }
    for track in widget["tracks"].as_array().unwrap() {
        let last = track["values"].as_array().unwrap().iter().rev().find(|value| !value.is_null());
        if let (Some(last), Some("chart")) = (last, widget["type"].as_str()) {
            // A line by itself needs no legend: its value stands in the title.
            let alone = widget["tracks"].as_array().unwrap().len() == 1;
            let label = if alone { text(&widget["title"]) } else { text(&track["label"]) };
            claims.push((label, written(last, &track["format"])));
        }
    }
    for row in widget["rows"].as_array().unwrap() {
        claims.extend(row_claims(widget, row));
    }
    claims
}

/// The claims of a row: its first cell that is text, or its key, with each of its values.
fn row_claims(widget: &Value, row: &Value) -> Vec<Claim> {
    let columns = widget["columns"].as_array().unwrap();
    let cell = |column: &Value| &row["cells"][column["name"].as_str().unwrap()];
    let kind = widget["type"].as_str().unwrap();
    // Text of a table may be cut where it has no room.
    let is_shown = |column: &&Value| match kind {
        "gauge" => column["name"] == "score",
        "bars" => column["name"] == "value" && !cell(column).is_null(),
        _ => column["format"] != "text" && *column != &columns[0],
    };
    let label = match columns.first().map(cell) {
        Some(first) => written(first, &columns[0]["format"]),
        None => return Vec::new(),
    };
    let values = columns.iter().filter(is_shown);
    let format = |column: &Value| match kind {
        "gauge" => Value::from("integer"),
        _ => column["format"].clone(),
    };
    let written = if kind == "table" { written_in_column } else { written };
    values.map(|column| (label.clone(), written(cell(column), &format(column)))).collect()
}

/// The line without the room that aligns numbers and units.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn stands_in(screen: &str, (label, value): &Claim) -> bool {
    let (label, value) = (squeezed(label), squeezed(value));
    screen
        .lines()
        .map(squeezed)
        .any(|line| line.find(&label).is_some_and(|at| line[at + label.len()..].contains(&value)))
}

async fn client_of(home: &Home) -> (Daemon, Client) {
    let settings = Settings {
        data_directory: Some(home.path().join("data")),
        config_directory: Some(home.config()),
        socket: Some(home.socket()),
        ..Settings::default()
    };
    std::fs::create_dir_all(home.config()).unwrap();
    let daemon = Daemon::start(settings, Clock::system()).await.unwrap();
    let mut client = Client::of(&home.socket(), (200, 60));
    client.until_shown("live").await;
    (daemon, client)
}

fn has_readings(client: &Client) -> bool {
    let Some(page) = client.model.page() else { return false };
    page.widgets.iter().all(|placement| {
        let feed = client.model.data.feed(&placement.name);
        feed.is_some_and(|feed| feed.view.status.quality != Quality::Loading)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_value_of_the_data_stands_in_the_picture_beside_its_name() {
    let home = Home::new();
    let (daemon, mut client) = client_of(&home).await;
    let pages = client.model.data.layout().unwrap().pages.len();
    let mut checked = 0;
    for page in 1..=pages {
        client.press(&page.to_string());
        client.until("a reading of every widget", has_readings).await;
        let widgets = client.model.page().unwrap().widgets.clone();
        for placement in widgets {
            client.press("enter");
            let screen = client.screen();
            assert_eq!(client.model.focused(), Some(&placement.name));
            let widget = data(&client, &placement.name);
            // A table shows as many rows as there is room for.
            let all = claims(&widget);
            let room = if widget["type"] == "table" { 45 * 3 } else { all.len() };
            for claim in all.iter().take(room) {
                assert!(stands_in(&screen, claim), "{claim:?} of {widget}\n{screen}");
                checked += 1;
            }
            client.press("enter tab");
        }
    }
    assert!(checked > 100, "{checked} values are too few to prove anything");
    daemon.end("the test is over").await.unwrap();
}

#[test]
fn a_picture_that_says_something_else_is_found() {
    let claim = ("memory".to_owned(), "12.0 MiB".to_owned());
    assert!(stands_in("| memory     ---  12.0 MiB |", &claim));
    assert!(!stands_in("| memory     ---  12.1 MiB |", &claim));
    assert!(!stands_in("| 12.0 MiB  memory |", &claim));
    assert!(!stands_in("| memory |\n| 12.0 MiB |", &claim));
}
