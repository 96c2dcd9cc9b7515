//! The data that a page shows, rather than a picture of it.

use std::collections::BTreeMap;

use ccm_proto::SafeText;
use ccm_proto::model::widget::{Format, Metric, WidgetType, state_of};
use ccm_proto::model::{Cell, Name, Timestamp, Track, View, ViewStatus, WidgetSpec};
use serde::Serialize;
use serde_json::{Map, Value};

/// Names the shape of the data; another number means that readers have to change.
const SCHEMA: &str = "ccm.snapshot/1";

/// What a snapshot is of.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// The layout's name.
    pub layout: &'a Name,
    /// The page's title.
    pub page: &'a str,
    /// The moment that ages count from.
    pub at: Timestamp,
}

/// One widget of the page.
#[derive(Clone, Copy, Debug)]
pub struct WidgetData<'a> {
    /// The document's name.
    pub name: &'a Name,
    /// The document; none while it is unknown.
    pub spec: Option<&'a WidgetSpec>,
    /// What it shows.
    pub view: &'a View,
}

/// The data with sorted keys and exact numbers. Gaps and absent values are `null`, never 0.
pub fn json<'a>(heading: Heading<'_>, widgets: impl IntoIterator<Item = WidgetData<'a>>) -> Value {
    let widgets = widgets.into_iter().map(|data| widget(data, heading.at)).collect();
    object([
        ("schema", Value::from(SCHEMA)),
        ("layout", Value::from(heading.layout.as_str())),
        ("page", text(heading.page)),
        ("at_ms", Value::from(heading.at.as_millis())),
        ("widgets", Value::Array(widgets)),
    ])
}

/// Sorts the keys and leaves out what there is not.
fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let sorted: BTreeMap<&str, Value> = entries.into_iter().collect();
    sorted.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
}

fn text(text: &str) -> Value {
    Value::from(SafeText::new(text).as_str())
}

/// The word for a value of an enumeration in documents.
fn word(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| Value::from(time.as_millis()))
}

fn widget(data: WidgetData<'_>, at: Timestamp) -> Value {
    let WidgetData { name, spec, view } = data;
    let columns = spec.map(columns).unwrap_or_default();
    let mut entries = vec![
        ("name", Value::from(name.as_str())),
        ("status", status(&view.status, at)),
        ("fields", fields(view, spec)),
        ("tracks", view.tracks.iter().map(|item| track(item, spec)).collect()),
        ("columns", columns.iter().map(Heads::describe).collect()),
        ("rows", rows(view, &columns)),
        ("rows_total", Value::from(view.rows_total)),
    ];
    if let Some(spec) = spec {
        entries.push(("title", text(&spec.title)));
        entries.push(("type", word(spec.widget_type)));
        entries.push(("source", Value::from(spec.source.as_str())));
    }
    object(entries)
}

fn status(status: &ViewStatus, at: Timestamp) -> Value {
    let age = status.sampled_at.map(|sampled| at.since(sampled).as_millis());
    object([
        ("quality", word(status.quality)),
        ("sampled_at_ms", time(status.sampled_at)),
        ("age_ms", age.map_or(Value::Null, Value::from)),
        ("interval_ms", Value::from(status.interval.as_millis())),
        ("next_at_ms", time(status.next_at)),
        ("cause", status.cause.as_ref().map_or(Value::Null, |cause| cause.as_str().into())),
    ])
}

fn cell(cell: &Cell) -> Value {
    match cell {
        Cell::Absent => Value::Null,
        Cell::Number(number) => Value::from(*number),
        Cell::Integer(integer) => Value::from(*integer),
        Cell::Text(text) => Value::from(text.as_str()),
        Cell::Boolean(boolean) => Value::from(*boolean),
    }
}

/// What is known of a field beside its value.
struct Meaning<'a> {
    label: Option<&'a str>,
    format: Format,
    thresholds: &'a [ccm_proto::model::widget::Threshold],
}

impl<'a> From<&'a Metric> for Meaning<'a> {
    fn from(metric: &'a Metric) -> Self {
        Self { label: Some(&metric.label), format: metric.format, thresholds: &metric.thresholds }
    }
}

fn meaning<'a>(field: &str, spec: &'a WidgetSpec) -> Option<Meaning<'a>> {
    if let Some(stat) = &spec.stat {
        let index = field.strip_prefix("secondary.").map(str::parse::<usize>);
        return match index {
            Some(index) => stat.secondary.get(index.ok()?).map(Into::into),
            None if field == "value" => Some((&stat.primary).into()),
            None => None,
        };
    }
    let gauge = spec.gauge.as_ref().filter(|_| field == "value")?;
    Some(Meaning { label: None, format: gauge.format, thresholds: &gauge.thresholds })
}

fn fields(view: &View, spec: Option<&WidgetSpec>) -> Value {
    let describe = |(name, value): (&String, &Cell)| {
        let mut entries = vec![("value", cell(value))];
        if let Some(meaning) = spec.and_then(|spec| meaning(name, spec)) {
            entries.push(("format", word(meaning.format)));
            entries.extend(meaning.label.map(|label| ("label", text(label))));
            let state = value.as_number().and_then(|number| state_of(meaning.thresholds, number));
            entries.extend(state.map(|threshold| ("state", word(threshold.state))));
        }
        (SafeText::new(name).to_string(), object(entries))
    };
    view.fields.iter().map(describe).collect::<Map<_, _>>().into()
}

fn track(track: &Track, spec: Option<&WidgetSpec>) -> Value {
    let format = spec.and_then(|spec| match spec.widget_type {
        WidgetType::Chart => spec.chart.as_ref().map(|chart| chart.format),
        WidgetType::Stat => spec.stat.as_ref().map(|stat| stat.primary.format),
        _ => None,
    });
    let mut entries = vec![
        ("id", text(&track.id)),
        ("label", Value::from(track.label.as_str())),
        ("start_ms", Value::from(track.start.as_millis())),
        ("step_ms", Value::from(track.step.as_millis())),
        ("values", track.values.iter().map(|value| Value::from(*value)).collect()),
    ];
    entries.extend(format.map(|format| ("format", word(format))));
    object(entries)
}

/// What a cell of a row is.
struct Heads<'a> {
    name: &'a str,
    label: Option<&'a str>,
    format: Format,
}

impl Heads<'_> {
    fn describe(&self) -> Value {
        let mut entries = vec![("name", text(self.name)), ("format", word(self.format))];
        entries.extend(self.label.map(|label| ("label", text(label))));
        object(entries)
    }
}

/// The columns of a widget's rows, in the order of the rows' cells.
fn columns(spec: &WidgetSpec) -> Vec<Heads<'_>> {
    let plain = |name, format| Heads { name, label: None, format };
    match spec.widget_type {
        WidgetType::Gauge => vec![
            plain("name", Format::Text),
            plain("score", Format::Number),
            plain("weight", Format::Number),
            plain("detail", Format::Text),
        ],
        WidgetType::Bars => {
            let format = spec.bars.as_ref().map(|bars| bars.format).unwrap_or_default();
            vec![
                plain("label", Format::Text),
                plain("value", format),
                plain("maximum", format),
                plain("text", Format::Text),
            ]
        }
        WidgetType::Table => {
            let columns = spec.table.iter().flat_map(|table| &table.columns);
            columns
                .map(|column| Heads {
                    name: &column.field,
                    label: Some(&column.label),
                    format: column.format,
                })
                .collect()
        }
        WidgetType::Stat | WidgetType::Chart => Vec::new(),
    }
}

fn rows(view: &View, columns: &[Heads<'_>]) -> Value {
    let named = |row: &ccm_proto::model::Row| {
        let cells: BTreeMap<String, Value> = (row.cells.iter().enumerate())
            .map(|(index, value)| {
                let name = columns.get(index).map_or_else(
                    || format!("column{index}"),
                    |column| SafeText::new(column.name).to_string(),
                );
                (name, cell(value))
            })
            .collect();
        let cells: Map<String, Value> = cells.into_iter().collect();
        object([("key", text(&row.key)), ("cells", cells.into())])
    };
    view.rows.iter().map(|row| named(row)).collect()
}
