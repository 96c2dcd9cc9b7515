//! One number on a scale with bands.

use serde::{Deserialize, Serialize};

use super::{Currency, Format, NumberFormat, Problems, Threshold, Unit};

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
    /// Of an amount of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Of a plain number, what it counts: `hPa`, `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Bands of its state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// Writes the names of all bands along the scale, not only of the one that is reached.
    #[serde(default)]
    pub show_labels: bool,
    /// Path of a list of `{name, score, weight, detail}` that explains the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<String>,
}

const fn hundred() -> f64 {
    100.0
}

impl GaugeConfig {
    /// How the number is written.
    pub const fn number_format(&self) -> NumberFormat {
        NumberFormat { format: self.format, currency: self.currency, unit: self.unit }
    }

    pub(super) fn problems(&self, problems: &mut Problems) {
        if self.min.partial_cmp(&self.max) != Some(std::cmp::Ordering::Less) {
            problems
                .push(("gauge.max".to_owned(), "the maximum must be above the minimum".to_owned()));
        }
        if self.show_labels && self.thresholds.iter().all(|threshold| threshold.label.is_none()) {
            problems.push((
                "gauge.show_labels".to_owned(),
                "no threshold has a label that could be shown".to_owned(),
            ));
        }
        self.number_format().problems("gauge.", problems);
    }
}
