//! Projection: a reading and a widget's definition become what the widget shows.
//!
//! Everything here is pure. Fields and rows come from the newest reading alone ([`planes`]);
//! what is drawn over time is described by [`Selection`]s and kept by the engine.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::SourceType;
use ccm_proto::model::widget::{ChartConfig, ChartStyle, WidgetType};
use ccm_proto::model::{Cell, Row, Value, WidgetSpec};

mod bars;
mod chart;
mod chart_rows;
mod custom;
mod gauge;
mod list;
mod map;
mod order;
mod parts;
mod scatter;
mod stat;
mod table;
mod trend;

pub use chart::{Selection, natural, selections, window};
pub use chart_rows::row_tracks;
pub use trend::compared;

/// The longest text of a cell, in bytes: more than a wide terminal's line, and far less than the
/// longest command line that a process may have.
const TEXT_MAX: usize = 1_024;

/// The most rows of any view, whatever a document asks for.
const ROWS_MAX: usize = 10_000;

/// The most causes that are named when a widget has nothing to show.
const MISSING_MAX: usize = 3;

/// What a widget shows of one reading, beside its tracks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planes {
    /// Named values.
    pub fields: BTreeMap<String, Cell>,
    /// Keyed rows, in order, each key once.
    pub rows: Vec<Arc<Row>>,
    /// Rows there are in all.
    pub rows_total: u32,
    /// Something that the widget shows is there.
    pub present: bool,
    /// What the reading lacks, in words.
    pub missing: Vec<String>,
}

/// Projects a reading's tree.
pub fn planes(widget: &WidgetSpec, value: &Value) -> Planes {
    let mut reader = Reader { value, planes: Planes::default() };
    match widget.widget_type {
        WidgetType::Stat => widget.stat.iter().for_each(|stat| stat::project(stat, &mut reader)),
        WidgetType::Gauge => {
            widget.gauge.iter().for_each(|gauge| gauge::project(gauge, &mut reader));
        }
        WidgetType::Chart => widget.chart.iter().for_each(|it| project_chart(it, &mut reader)),
        WidgetType::Bars => widget.bars.iter().for_each(|bars| bars::project(bars, &mut reader)),
        WidgetType::Table => {
            widget.table.iter().for_each(|table| table::project(table, &mut reader));
        }
        WidgetType::List => widget.list.iter().for_each(|list| list::project(list, &mut reader)),
        WidgetType::Map => widget.map.iter().for_each(|map| map::project(map, &mut reader)),
        WidgetType::Custom => {
            widget.custom.iter().for_each(|custom| custom::project(custom, &mut reader));
        }
    }
    reader.planes
}

/// What is drawn over time is no part of the planes; that its list is there is.
fn project_chart(chart: &ChartConfig, reader: &mut Reader<'_>) {
    match chart.style {
        ChartStyle::Line | ChartStyle::Area | ChartStyle::Bar => {
            if let Some(rows) = &chart.rows {
                let items = reader.list(&rows.path);
                rows.x.iter().for_each(|path| reader.require(items, path));
            }
        }
        ChartStyle::Pie | ChartStyle::Donut | ChartStyle::Funnel => parts::project(chart, reader),
        ChartStyle::Scatter => scatter::project(chart, reader),
    }
}

/// Why a widget without anything to show has nothing; `missing` is what its reading lacks.
pub fn absence(source: SourceType, missing: &[String]) -> SafeText {
    let who = match source {
        SourceType::System => "this machine",
        SourceType::Daemon => "this daemon",
        SourceType::Module => "the module",
        SourceType::ExternalApi => "the service",
        SourceType::Prometheus => "the target",
        SourceType::Exec => "the command",
        SourceType::Probe => "the probe",
        SourceType::Push => "the last push",
        SourceType::Query => "the query",
    };
    let what = match missing {
        [] => "such values".to_owned(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    };
    SafeText::from(format!("{who} gives no {what}"))
}

/// Reads paths of one tree and remembers what was there and what was not.
struct Reader<'a> {
    value: &'a Value,
    planes: Planes,
}

impl<'a> Reader<'a> {
    fn cell(&mut self, path: &str) -> Cell {
        let cell = self.value.at(path).map_or(Cell::Absent, |found| cell(only_value(found)));
        if cell == Cell::Absent {
            self.miss(path);
        } else {
            self.planes.present = true;
        }
        cell
    }

    fn field(&mut self, name: impl Into<String>, path: &str) {
        let cell = self.cell(path);
        self.planes.fields.insert(name.into(), cell);
    }

    /// The items of a list. A list without items is there.
    fn list(&mut self, path: &str) -> &'a [Value] {
        let Some(items) = self.value.at(path).and_then(Value::as_list) else {
            self.miss(path);
            return &[];
        };
        self.planes.present = true;
        items
    }

    /// Takes note when a list has items and none of them has this path: then it is another list
    /// than was meant, and what is drawn of it is not just empty.
    fn require(&mut self, items: &[Value], path: &str) {
        let lacks = |item: &Value| item.at(path).is_none_or(Value::is_absent);
        if !items.is_empty() && items.iter().all(lacks) {
            self.planes.present = false;
            self.miss(path);
        }
    }

    fn miss(&mut self, path: &str) {
        let missing = missing_part(self.value, path);
        if self.planes.missing.len() < MISSING_MAX && !self.planes.missing.contains(&missing) {
            self.planes.missing.push(missing);
        }
    }
}

/// The shortest beginning of a path that leads nowhere, in words: when there is no `pressure` at
/// all, `pressure.cpu.some_avg10` is missing because of `pressure`.
fn missing_part(value: &Value, path: &str) -> String {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    let mut parts = ends.filter_map(|end| path.get(..end));
    words(parts.find(|part| value.at(part).is_none_or(Value::is_absent)).unwrap_or(path))
}

/// A path in words.
fn words(path: &str) -> String {
    path.chars().map(|c| if matches!(c, '.' | '_') { ' ' } else { c }).collect()
}

/// Of a list with one item the item's `value`, as that of a metric with labels that one series has;
/// everything else as it is.
fn only_value(found: &Value) -> &Value {
    match found.as_list() {
        Some([only]) => only.at("value").unwrap_or(found),
        _ => found,
    }
}

/// A value as a cell, with its text made safe and bounded.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Text(text) => Cell::Text(safe(text)),
        other => Cell::from(other),
    }
}

/// A finite number; services write some of theirs as texts.
fn numeric(value: &Value) -> Option<f64> {
    /// No number that is meant has more characters.
    const LENGTH_MAX: usize = 40;
    let number = match value {
        Value::Text(text) if text.len() <= LENGTH_MAX => text.trim().parse().ok(),
        other => other.as_number(),
    };
    number.filter(|number: &f64| number.is_finite())
}

/// How many rows a document may ask for.
fn limit(asked: u32) -> usize {
    usize::try_from(asked).unwrap_or(ROWS_MAX).min(ROWS_MAX)
}

/// How many there are.
fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

fn safe(text: &str) -> SafeText {
    SafeText::new(text.get(..text.floor_char_boundary(TEXT_MAX)).unwrap_or_default())
}

/// Makes keys of rows: what tells an item apart, or its position, never the same one twice.
#[derive(Default)]
struct Keys {
    /// How often a key was wanted already.
    seen: HashMap<Arc<str>, usize>,
}

impl Keys {
    fn unique(&mut self, wanted: Option<String>, index: usize) -> Arc<str> {
        let mut key = wanted.unwrap_or_else(|| format!("#{index}"));
        while let Some(count) = self.seen.get_mut(key.as_str()) {
            *count += 1;
            key = format!("{key}#{count}");
        }
        let key: Arc<str> = key.into();
        self.seen.insert(Arc::clone(&key), 1);
        key
    }
}

/// A scalar as the key of a row.
fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(safe(text).to_string()),
        Value::Integer(integer) => Some(integer.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Boolean(boolean) => Some(boolean.to_string()),
        Value::Absent | Value::List(_) | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests;
