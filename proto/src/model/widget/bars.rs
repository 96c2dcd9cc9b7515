//! Labelled meters.

use serde::{Deserialize, Serialize};

use super::{Currency, Format, NumberFormat, Problems, Threshold, Unit};

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
    /// Of amounts of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Of plain numbers, what they count: `hPa`, `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
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

impl BarsConfig {
    /// How its numbers are written, where no item says otherwise.
    pub const fn number_format(&self) -> NumberFormat {
        NumberFormat { format: self.format, currency: self.currency, unit: self.unit }
    }

    pub(super) fn problems(&self, problems: &mut Problems) {
        if self.items.is_empty() && self.rows.is_none() {
            problems.push(("bars".to_owned(), "bars need items or rows".to_owned()));
        }
        // An item may have a format of its own: what no number here could use is wrong.
        let formats = || self.items.iter().filter_map(|item| item.format);
        let money = formats().find(|format| format.is_money()).unwrap_or(self.format);
        let plain = formats().find(|format| format.takes_unit()).unwrap_or(self.format);
        let NumberFormat { currency, unit, .. } = self.number_format();
        NumberFormat { format: money, currency, unit: None }.problems("bars.", problems);
        NumberFormat { format: plain, currency: None, unit }.problems("bars.", problems);
    }
}
