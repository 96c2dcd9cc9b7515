//! When someone is to be told about what a widget shows.

use serde::{Deserialize, Serialize};

use super::{Problems, Scalar};

/// The most conditions of one widget.
const CONDITIONS_MAX: usize = 32;

/// When someone is to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertConfig {
    /// False keeps the conditions and tells nobody.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Any of them is enough.
    #[serde(default)]
    pub conditions: Vec<AlertCondition>,
    /// By which ways, such as `dashboard` or `email`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<String>,
}

const fn yes() -> bool {
    true
}

/// A comparison of a value with a constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertCondition {
    /// Path of the value in the reading, or, where the widget shows rows, in each item.
    pub field: String,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with.
    pub value: Scalar,
    /// How bad it is.
    pub severity: AlertSeverity,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// Below.
    #[serde(rename = "<")]
    Below,
    /// Below or equal.
    #[serde(rename = "<=")]
    AtMost,
    /// Above.
    #[serde(rename = ">")]
    Above,
    /// Above or equal.
    #[serde(rename = ">=")]
    AtLeast,
    /// Equal.
    #[serde(rename = "==")]
    Equal,
    /// Different.
    #[serde(rename = "!=")]
    Different,
}

impl Operator {
    /// Whether only numbers can be compared so.
    pub const fn needs_numbers(self) -> bool {
        !matches!(self, Self::Equal | Self::Different)
    }
}

/// How bad what is told is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSeverity {
    /// Good to know.
    Info,
    /// Worth a look.
    Warning,
    /// Needs someone now.
    Critical,
}

impl AlertConfig {
    pub(super) fn problems(&self, problems: &mut Problems) {
        let count = self.conditions.len();
        if count == 0 {
            problems.push((
                "alerts.conditions".to_owned(),
                "alerts need at least one condition".to_owned(),
            ));
        }
        if count > CONDITIONS_MAX {
            problems.push((
                "alerts.conditions".to_owned(),
                format!("a widget has at most {CONDITIONS_MAX} conditions, this one has {count}"),
            ));
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            if condition.operator.needs_numbers() && condition.value.as_number().is_none() {
                problems.push((
                    format!("alerts.conditions[{index}].value"),
                    "only numbers can be less or more".to_owned(),
                ));
            }
        }
    }
}
