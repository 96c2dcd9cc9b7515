//! One number with its trend and its companions.

use serde::{Deserialize, Serialize};

use super::{Currency, Format, NumberFormat, Problems, Threshold, Unit};
use crate::model::Interval;

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
    /// Of an amount of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Of a plain number, what it counts: `hPa`, `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Bands of its state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

impl Metric {
    /// How the number is written.
    pub const fn number_format(&self) -> NumberFormat {
        NumberFormat { format: self.format, currency: self.currency, unit: self.unit }
    }
}

/// Configuration of a `stat`. Its view has a field `value`, fields `secondary.0` and so on, with a
/// window a track `value`, and with a trend the fields `trend.before`, `trend.change`,
/// `trend.percentage` (numbers), `trend.direction` (`up`, `down` or `flat`) and `trend.comparison`
/// (a word of [`Compare`], or what the source says).
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
    /// Compares the number with an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<TrendConfig>,
}

/// How a number is compared with an earlier one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrendConfig {
    /// False keeps the section and shows no trend.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The earlier number, from history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
    /// Path of `{direction, percentage, comparison}`, where the source compares by itself. What is
    /// there counts more than what history knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Writes how far the number moved in percent of the earlier one; else how far it moved.
    #[serde(default = "yes")]
    pub show_percentage: bool,
    /// The direction that is welcome; without one, neither is coloured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Direction>,
}

const fn yes() -> bool {
    true
}

/// What a number is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// The same number one window earlier; without a window, one reading earlier.
    Previous,
    /// 24 hours earlier.
    Yesterday,
    /// Seven days earlier.
    LastWeek,
    /// 30 days earlier.
    LastMonth,
}

impl Compare {
    /// The word for it in documents and in views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Previous => "previous",
            Self::Yesterday => "yesterday",
            Self::LastWeek => "last_week",
            Self::LastMonth => "last_month",
        }
    }
}

/// Which way a number goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It grows.
    Up,
    /// It falls.
    Down,
}

impl StatConfig {
    /// The trend that is shown.
    pub fn trend(&self) -> Option<&TrendConfig> {
        self.trend.as_ref().filter(|trend| trend.enabled)
    }

    pub(super) fn problems(&self, problems: &mut Problems) {
        self.primary.number_format().problems("stat.primary.", problems);
        for (index, metric) in self.secondary.iter().enumerate() {
            metric.number_format().problems(&format!("stat.secondary[{index}]."), problems);
        }
        if let Some(trend) = &self.trend
            && trend.compare.is_none()
            && trend.from.is_none()
        {
            problems.push((
                "stat.trend".to_owned(),
                "a trend needs `compare`, such as \"yesterday\", or `from`, a path".to_owned(),
            ));
        }
    }
}
