//! Items below each other, each with a title, a subtitle and a badge.

use serde::{Deserialize, Serialize};

use super::{Currency, Format, NumberFormat, Order, Problems, State, Threshold, Unit};

/// Configuration of a `list`. Its view has one row an item, with the cells title, subtitle, badge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListConfig {
    /// Path of a list in the reading.
    pub rows: String,
    /// Path in an item of what tells items apart; the title's when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is shown of an item.
    pub item: ItemTemplate,
    /// The most items that are shown, in the list's order.
    #[serde(default = "item_limit")]
    pub max_items: u32,
    /// Path in an item of what items are ordered by; in the order of the reading when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Which end comes first.
    #[serde(default)]
    pub order: Order,
}

const fn item_limit() -> u32 {
    100
}

/// What is shown of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemTemplate {
    /// Path of what it is.
    pub title: String,
    /// Path of what else to say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Path of the value at its right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge: Option<String>,
    /// How to write that value.
    #[serde(default)]
    pub badge_format: Format,
    /// Of an amount of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge_currency: Option<Currency>,
    /// Of a plain number, what it counts: `hPa`, `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge_unit: Option<Unit>,
    /// The state of every badge, where no threshold says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge_state: Option<State>,
    /// Bands of a badge's state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub badge_thresholds: Vec<Threshold>,
}

impl ItemTemplate {
    /// How the badge is written.
    pub const fn number_format(&self) -> NumberFormat {
        NumberFormat {
            format: self.badge_format,
            currency: self.badge_currency,
            unit: self.badge_unit,
        }
    }

    /// The state of an item with this badge.
    pub fn state(&self, badge: Option<f64>) -> Option<State> {
        let band = badge.and_then(|number| super::state_of(&self.badge_thresholds, number));
        band.map(|band| band.state).or(self.badge_state)
    }
}

impl ListConfig {
    pub(super) fn problems(&self, problems: &mut Problems) {
        if self.max_items == 0 {
            problems.push(("list.max_items".to_owned(), "a list shows at least 1 item".to_owned()));
        }
        let item = &self.item;
        let styled = item.badge_state.is_some() || !item.badge_thresholds.is_empty();
        if styled && item.badge.is_none() {
            problems.push((
                "list.item.badge".to_owned(),
                "a badge with a state needs a path".to_owned(),
            ));
        }
        item.number_format().problems("list.item.badge_", problems);
    }
}
