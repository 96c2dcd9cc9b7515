//! The data that a page shows, rather than a picture of it.

use std::collections::BTreeMap;

use ccm_proto::SafeText;
use ccm_proto::model::widget::{
    BarsConfig, ChartConfig, ChartStyle, Format, MapConfig, Metric, NumberFormat, WidgetType,
    state_of,
};
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
        entries.extend(spec.chart.as_ref().map(|chart| ("style", word(chart.style))));
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
    number: NumberFormat,
    thresholds: &'a [ccm_proto::model::widget::Threshold],
}

impl<'a> From<&'a Metric> for Meaning<'a> {
    fn from(metric: &'a Metric) -> Self {
        Self {
            label: Some(&metric.label),
            number: metric.number_format(),
            thresholds: &metric.thresholds,
        }
    }
}

fn meaning<'a>(field: &str, spec: &'a WidgetSpec) -> Option<Meaning<'a>> {
    if let Some(stat) = &spec.stat {
        if let Some(part) = field.strip_prefix("trend.") {
            return Some(trend_meaning(part, &stat.primary));
        }
        let index = field.strip_prefix("secondary.").map(str::parse::<usize>);
        return match index {
            Some(index) => stat.secondary.get(index.ok()?).map(Into::into),
            None if field == "value" => Some((&stat.primary).into()),
            None => None,
        };
    }
    let gauge = spec.gauge.as_ref().filter(|_| field == "value")?;
    Some(Meaning { label: None, number: gauge.number_format(), thresholds: &gauge.thresholds })
}

/// What a part of a trend is: numbers of the metric, a percentage, or words.
fn trend_meaning<'a>(part: &str, metric: &Metric) -> Meaning<'a> {
    let number = match part {
        "before" | "change" => metric.number_format(),
        "percentage" => Format::Percent.into(),
        _ => Format::Text.into(),
    };
    Meaning { label: None, number, thresholds: &[] }
}

/// How a number is written, in words.
fn number_format(number: NumberFormat) -> impl Iterator<Item = (&'static str, Value)> {
    let currency = number.currency.map(|currency| ("currency", word(currency)));
    let unit = number.unit.map(|unit| ("unit", word(unit)));
    [("format", word(number.format))].into_iter().chain(currency).chain(unit)
}

fn fields(view: &View, spec: Option<&WidgetSpec>) -> Value {
    let describe = |(name, value): (&String, &Cell)| {
        let mut entries = vec![("value", cell(value))];
        if let Some(meaning) = spec.and_then(|spec| meaning(name, spec)) {
            entries.extend(number_format(meaning.number));
            entries.extend(meaning.label.map(|label| ("label", text(label))));
            let state = value.as_number().and_then(|number| state_of(meaning.thresholds, number));
            entries.extend(state.map(|threshold| ("state", word(threshold.state))));
        }
        (SafeText::new(name).to_string(), object(entries))
    };
    view.fields.iter().map(describe).collect::<Map<_, _>>().into()
}

fn track(track: &Track, spec: Option<&WidgetSpec>) -> Value {
    let number = spec.and_then(|spec| match spec.widget_type {
        WidgetType::Chart => spec.chart.as_ref().map(ChartConfig::number_format),
        WidgetType::Stat => spec.stat.as_ref().map(|stat| stat.primary.number_format()),
        _ => None,
    });
    let mut entries = vec![
        ("id", text(&track.id)),
        ("label", Value::from(track.label.as_str())),
        ("start_ms", Value::from(track.start.as_millis())),
        ("step_ms", Value::from(track.step.as_millis())),
        ("values", track.values.iter().map(|value| Value::from(*value)).collect()),
    ];
    entries.extend(number.into_iter().flat_map(number_format));
    object(entries)
}

/// What a cell of a row is.
struct Heads<'a> {
    name: &'a str,
    label: Option<&'a str>,
    number: NumberFormat,
}

impl Heads<'_> {
    fn describe(&self) -> Value {
        let mut entries = vec![("name", text(self.name))];
        entries.extend(self.label.map(|label| ("label", text(label))));
        entries.extend(number_format(self.number));
        object(entries)
    }
}

/// The columns of a widget's rows, in the order of the rows' cells.
fn columns(spec: &WidgetSpec) -> Vec<Heads<'_>> {
    let number = |name, number| Heads { name, label: None, number };
    let plain = |name, format: Format| number(name, format.into());
    match spec.widget_type {
        WidgetType::Gauge => vec![
            plain("name", Format::Text),
            plain("score", Format::Number),
            plain("weight", Format::Number),
            plain("detail", Format::Text),
        ],
        WidgetType::Bars => {
            let written = spec.bars.as_ref().map(BarsConfig::number_format).unwrap_or_default();
            vec![
                plain("label", Format::Text),
                number("value", written),
                number("maximum", written),
                plain("text", Format::Text),
            ]
        }
        WidgetType::Table => {
            let columns = spec.table.iter().flat_map(|table| &table.columns);
            columns
                .map(|column| Heads {
                    name: &column.field,
                    label: Some(&column.label),
                    number: column.number_format(),
                })
                .collect()
        }
        WidgetType::List => {
            let badge = spec.list.as_ref().map(|list| list.item.number_format());
            vec![
                plain("title", Format::Text),
                plain("subtitle", Format::Text),
                number("badge", badge.unwrap_or_default()),
            ]
        }
        WidgetType::Map => {
            let written = spec.map.as_ref().map(MapConfig::number_format).unwrap_or_default();
            vec![
                plain("label", Format::Text),
                plain("latitude", Format::Number),
                plain("longitude", Format::Number),
                number("value", written),
                plain("state", Format::Text),
            ]
        }
        WidgetType::Custom => vec![plain("text", Format::Text), plain("style", Format::Text)],
        WidgetType::Chart => spec.chart.as_ref().map(chart_columns).unwrap_or_default(),
        WidgetType::Stat => Vec::new(),
    }
}

/// The columns of a chart of the newest reading; those over time have tracks instead.
fn chart_columns(chart: &ChartConfig) -> Vec<Heads<'_>> {
    let number = |name, number| Heads { name, label: None, number };
    let plain = |name, format: Format| number(name, format.into());
    let value = |name| number(name, chart.number_format());
    let label = plain("label", Format::Text);
    match chart.style {
        ChartStyle::Line | ChartStyle::Area | ChartStyle::Bar => Vec::new(),
        ChartStyle::Pie | ChartStyle::Donut => {
            vec![label, value("value"), plain("share", Format::Percent)]
        }
        ChartStyle::Funnel => vec![
            label,
            value("value"),
            plain("share_of_first", Format::Percent),
            plain("share_of_previous", Format::Percent),
        ],
        ChartStyle::Scatter => {
            let across = chart.rows.as_ref().map(|rows| rows.x_format).unwrap_or_default();
            vec![label, plain("x", across), value("y")]
        }
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
