//! Widgets: what is shown, as people write it in documents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Interval, Name};

/// A widget's definition: a source, a type, and the configuration of that type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WidgetSpec {
    /// What stands in the frame.
    pub title: String,
    /// What it is for, shown by help and "why".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The source document it shows.
    pub source: Name,
    /// How it shows it.
    #[serde(rename = "type")]
    pub widget_type: WidgetType,
    /// Configuration of a `stat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stat: Option<StatConfig>,
    /// Configuration of a `gauge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gauge: Option<GaugeConfig>,
    /// Configuration of a `chart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartConfig>,
    /// Configuration of `bars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<BarsConfig>,
    /// Configuration of a `table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableConfig>,
    /// For browsing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// For searching.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// How a widget shows its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WidgetType {
    /// One number with companions.
    Stat,
    /// One number on a scale with bands.
    Gauge,
    /// Lines or areas over time.
    Chart,
    /// Labelled meters, one a line.
    Bars,
    /// Rows and columns.
    Table,
}

impl WidgetType {
    /// Every type.
    pub const ALL: [Self; 5] = [Self::Stat, Self::Gauge, Self::Chart, Self::Bars, Self::Table];

    /// The word for it in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Gauge => "gauge",
            Self::Chart => "chart",
            Self::Bars => "bars",
            Self::Table => "table",
        }
    }
}

/// How a number is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Three or four significant digits.
    #[default]
    Number,
    /// No fraction, no grouping: a pid, a count.
    Integer,
    /// 0 to 100 with a percent sign.
    Percent,
    /// Bytes in powers of 1024.
    Bytes,
    /// Bytes a second in powers of 1000.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// Seconds, written as in `3d 4h`.
    Duration,
    /// Degrees Celsius.
    Celsius,
    /// Text as it is.
    Text,
}

/// From `value` on a number has this state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The smallest number of the band.
    pub value: f64,
    /// The band's state.
    pub state: State,
    /// What to call the band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warning,
    /// Needs someone now.
    Critical,
}

/// The state of `value` under thresholds in any order; none when it is below them all.
pub fn state_of(thresholds: &[Threshold], value: f64) -> Option<&Threshold> {
    thresholds
        .iter()
        .filter(|threshold| value >= threshold.value)
        .max_by(|a, b| a.value.total_cmp(&b.value))
}

/// A labelled value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Path of the value in the reading.
    pub value: String,
    /// What to call it.
    pub label: String,
    /// How to write it.
    #[serde(default)]
    pub format: Format,
    /// Bands of its state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

/// Configuration of a `stat`. Its view has a field `value`, fields `secondary.0` and so on, and,
/// with a window, a track `value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatConfig {
    /// The number that matters.
    pub primary: Metric,
    /// Its companions, by importance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secondary: Vec<Metric>,
    /// Draws the number's past over this long beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Interval>,
}

/// Configuration of a `gauge`. Its view has a field `value`, and a row for every part of the
/// breakdown with the cells name, score, weight, detail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaugeConfig {
    /// Path of the value in the reading.
    pub value: String,
    /// The scale's beginning.
    #[serde(default)]
    pub min: f64,
    /// The scale's end.
    #[serde(default = "hundred")]
    pub max: f64,
    /// How to write the value.
    #[serde(default)]
    pub format: Format,
    /// Bands of its state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// Path of a list of `{name, score, weight, detail}` that explains the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<String>,
}

fn hundred() -> f64 {
    100.0
}

/// How a chart draws its tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartStyle {
    /// Thin lines.
    #[default]
    Line,
    /// Filled down to the axis.
    Area,
}

/// Configuration of a `chart`. Its view has one track for every series that a selection matches; of
/// several selections the first one counts. The track's id is the metric followed by the labels, as
/// in `cpu.cores.usage{core="0"}`, and the metric alone when there are none. Values are as they were
/// measured: turning them over for `negate` is part of the drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartConfig {
    /// Lines or areas.
    #[serde(default)]
    pub style: ChartStyle,
    /// What is drawn.
    pub series: Vec<ChartSeries>,
    /// How far back it looks when nobody says otherwise.
    #[serde(default = "five_minutes")]
    pub window: Interval,
    /// How to write the values.
    #[serde(default)]
    pub format: Format,
    /// The axis' lower end; by the data when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The axis' upper end; by the data when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Bands of the newest value's state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

fn five_minutes() -> Interval {
    Interval::from_secs(300)
}

impl ChartConfig {
    /// The selection that a track came from, by the track's id.
    pub fn selection_of(&self, track_id: &str) -> Option<&ChartSeries> {
        let (metric, labels) = track_id.split_at(track_id.find('{').unwrap_or(track_id.len()));
        self.series.iter().find(|series| {
            let labelled = |(name, value): (&String, &String)| {
                // Quotes within a value are escaped, so that this cannot be found inside one.
                let pair = format!("{name}={value:?}");
                labels.match_indices(&pair).any(|(at, _)| {
                    matches!(labels.as_bytes().get(at.wrapping_sub(1)), Some(b'{' | b','))
                })
            };
            series.metric == metric && series.labels.iter().all(labelled)
        })
    }
}

/// Selects series of the widget's source for a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartSeries {
    /// The metric.
    pub metric: String,
    /// Labels that must be there with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What to call it; `{name}` stands for the value of the label `name`.
    pub label: String,
    /// Draws the values below the axis, as for the sending half of a network chart.
    #[serde(default)]
    pub negate: bool,
}

/// Configuration of `bars`. Its view has a row for every meter with the cells label, value,
/// maximum, text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarsConfig {
    /// Meters that are always there, one for each value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<BarItem>,
    /// Path of a list that gives one meter an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<BarRows>,
    /// How to write the values.
    #[serde(default)]
    pub format: Format,
    /// Bands of a meter's state, in percent of its maximum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

/// One meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarItem {
    /// What to call it.
    pub label: String,
    /// Path of its value.
    pub value: String,
    /// Path of its maximum, or a number; 100 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<PathOrNumber>,
    /// How to write it, where it differs from the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
}

/// A place in the reading, or a constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PathOrNumber {
    /// A constant.
    Number(f64),
    /// A path in the reading.
    Path(String),
}

/// One meter for every item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarRows {
    /// Path of the list.
    pub path: String,
    /// Path of the label in an item.
    pub label: String,
    /// Path of the value in an item.
    pub value: String,
    /// Path of the maximum in an item, or a number; 100 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<PathOrNumber>,
}

/// Configuration of a `table`. Its view has one row an item, with cells in the order of the
/// columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// Path of a list in the reading.
    pub rows: String,
    /// Path in an item of what tells rows apart.
    pub key: String,
    /// The columns, most important first: where there is little room the last ones go first.
    pub columns: Vec<Column>,
    /// Field of the column that rows are ordered by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Which end of that column comes first.
    #[serde(default)]
    pub order: Order,
    /// The most rows that are sent, in the table's order.
    #[serde(default = "row_limit")]
    pub limit: u32,
}

fn row_limit() -> u32 {
    1_000
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Largest first.
    #[default]
    Descending,
    /// Smallest first.
    Ascending,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Path of the value in an item.
    pub field: String,
    /// The heading.
    pub label: String,
    /// How to write it.
    #[serde(default)]
    pub format: Format,
    /// Draws a meter of this column's number, 0 to 100, in the cell.
    #[serde(default)]
    pub bar: bool,
    /// Bands of its state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// Takes the room that the other columns leave.
    #[serde(default)]
    pub grow: bool,
}

impl WidgetSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let sections = [
            (WidgetType::Stat, self.stat.is_some()),
            (WidgetType::Gauge, self.gauge.is_some()),
            (WidgetType::Chart, self.chart.is_some()),
            (WidgetType::Bars, self.bars.is_some()),
            (WidgetType::Table, self.table.is_some()),
        ];
        for (section, given) in sections {
            let name = section.as_str();
            if section == self.widget_type && !given {
                problems
                    .push((name.to_owned(), format!("a {name} widget needs a [{name}] section")));
            }
            if section != self.widget_type && given {
                let own = self.widget_type.as_str();
                problems.push((name.to_owned(), format!("a {own} widget has no [{name}] section")));
            }
        }
        if let Some(gauge) = &self.gauge
            && gauge.min.partial_cmp(&gauge.max) != Some(std::cmp::Ordering::Less)
        {
            problems
                .push(("gauge.max".to_owned(), "the maximum must be above the minimum".to_owned()));
        }
        if let Some(chart) = &self.chart {
            if chart.series.is_empty() {
                problems.push((
                    "chart.series".to_owned(),
                    "a chart needs at least one series".to_owned(),
                ));
            }
            if chart.window < Interval::from_secs(10) {
                problems.push(("chart.window".to_owned(), "a window is at least 10s".to_owned()));
            }
        }
        if let Some(bars) = &self.bars
            && bars.items.is_empty()
            && bars.rows.is_none()
        {
            problems.push(("bars".to_owned(), "bars need items or rows".to_owned()));
        }
        if let Some(table) = &self.table {
            if table.columns.is_empty() {
                problems.push((
                    "table.columns".to_owned(),
                    "a table needs at least one column".to_owned(),
                ));
            }
            if let Some(sort) = &table.sort
                && !table.columns.iter().any(|column| column.field == *sort)
            {
                problems
                    .push(("table.sort".to_owned(), format!("no column shows the field {sort:?}")));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests;
