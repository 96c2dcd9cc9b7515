//! Labelled meters.

use serde::{Deserialize, Serialize};

use super::{Currency, Format, Problems, Threshold, money};

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
    pub(super) fn problems(&self, problems: &mut Problems) {
        if self.items.is_empty() && self.rows.is_none() {
            problems.push(("bars".to_owned(), "bars need items or rows".to_owned()));
        }
        let any = self.items.iter().filter_map(|item| item.format).find(|format| format.is_money());
        money(problems, "bars.currency", any.unwrap_or(self.format), self.currency);
    }
}
