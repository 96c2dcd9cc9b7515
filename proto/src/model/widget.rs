//! Widgets: what is shown, as people write it in documents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::source::Param;
use super::{Interval, Name};

mod alert;
mod bars;
mod chart;
mod currency;
mod custom;
mod format;
mod gauge;
mod list;
mod map;
mod number_format;
mod scalar;
mod size;
mod stat;
mod table;
mod threshold;
mod unit;

pub use alert::{AlertCondition, AlertConfig, AlertSeverity, Operator};
pub use bars::{BarItem, BarRows, BarsConfig, PathOrNumber};
pub use chart::{
    Aggregate, Aggregation, ChartConfig, ChartItem, ChartRows, ChartSeries, ChartStyle, RowSeries,
    STEPS_MAX,
};
pub use currency::{Currency, CurrencyError};
pub use custom::{CustomConfig, LineStyle};
pub use format::Format;
pub use gauge::GaugeConfig;
pub use list::{ItemTemplate, ListConfig};
pub use map::MapConfig;
pub use number_format::NumberFormat;
pub use scalar::Scalar;
pub use size::WidgetSize;
pub use stat::{Compare, Direction, Metric, StatConfig, TrendConfig};
pub use table::{Column, TableConfig};
pub use threshold::{State, Threshold, state_of};
pub use unit::{Unit, UnitError};

/// Field paths with what is wrong there.
type Problems = Vec<(String, String)>;

/// The least time between two updates that a widget can ask for.
const REFRESH_MIN: Interval = Interval::from_secs(1);

/// A widget's definition: a source, a type, and the configuration of that type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WidgetSpec {
    /// What stands in the frame.
    pub title: String,
    /// What it is for, shown by help and "why".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name of an icon. Terminals have none; other clients may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The source document it shows.
    pub source: Name,
    /// Parameters of the source for this widget alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// The least time between two updates of it, at least 1 s; with every reading when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<Interval>,
    /// How it shows it.
    #[serde(rename = "type")]
    pub widget_type: WidgetType,
    /// How much room it takes where a layout does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<WidgetSize>,
    /// What background it is made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Appearance>,
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
    /// Configuration of a `list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListConfig>,
    /// Configuration of a `map`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapConfig>,
    /// Configuration of a `custom` widget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomConfig>,
    /// What one must be allowed to do to see it, all of them, such as `sales.view_metrics`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Who sees it, any of them, such as `admin`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// When someone is to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertConfig>,
    /// For browsing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// For searching.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The person or module it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Which edition of the definition it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How a widget shows its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WidgetType {
    /// One number with its trend and companions.
    Stat,
    /// One number on a scale with bands.
    Gauge,
    /// Many numbers over time, as parts, or against each other.
    Chart,
    /// Labelled meters, one a line.
    Bars,
    /// Rows and columns.
    Table,
    /// Items with a title, a subtitle and a badge.
    List,
    /// Places on a map of the world.
    Map,
    /// Lines that the source writes by itself.
    Custom,
}

impl WidgetType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::Stat,
        Self::Gauge,
        Self::Chart,
        Self::Bars,
        Self::Table,
        Self::List,
        Self::Map,
        Self::Custom,
    ];

    /// The word for it in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Gauge => "gauge",
            Self::Chart => "chart",
            Self::Bars => "bars",
            Self::Table => "table",
            Self::List => "list",
            Self::Map => "map",
            Self::Custom => "custom",
        }
    }
}

/// What background a widget is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// A light one.
    Light,
    /// A dark one.
    Dark,
    /// Whatever there is.
    Auto,
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

impl WidgetSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        self.section_problems(&mut problems);
        self.stat.iter().for_each(|stat| stat.problems(&mut problems));
        self.gauge.iter().for_each(|gauge| gauge.problems(&mut problems));
        self.chart.iter().for_each(|chart| chart.problems(&mut problems));
        self.bars.iter().for_each(|bars| bars.problems(&mut problems));
        self.table.iter().for_each(|table| table.problems(&mut problems));
        self.list.iter().for_each(|list| list.problems(&mut problems));
        self.map.iter().for_each(|map| map.problems(&mut problems));
        self.custom.iter().for_each(|custom| custom.problems(&mut problems));
        self.alerts.iter().for_each(|alerts| alerts.problems(&mut problems));
        if self.refresh_interval.is_some_and(|interval| interval < REFRESH_MIN) {
            problems.push((
                "refresh_interval".to_owned(),
                format!("a widget is updated at most every {REFRESH_MIN}"),
            ));
        }
        problems
    }

    /// A widget has the section of its type and no other.
    fn section_problems(&self, problems: &mut Problems) {
        let sections = [
            (WidgetType::Stat, self.stat.is_some()),
            (WidgetType::Gauge, self.gauge.is_some()),
            (WidgetType::Chart, self.chart.is_some()),
            (WidgetType::Bars, self.bars.is_some()),
            (WidgetType::Table, self.table.is_some()),
            (WidgetType::List, self.list.is_some()),
            (WidgetType::Map, self.map.is_some()),
            (WidgetType::Custom, self.custom.is_some()),
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
    }
}

#[cfg(test)]
mod tests;
