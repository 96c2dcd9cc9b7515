//! Places on a map of the world.

use serde::{Deserialize, Serialize};

use super::{Currency, Format, NumberFormat, Problems, Threshold, Unit};

/// Configuration of a `map`. Its view has one row a place, with the cells label, latitude,
/// longitude, value, state. Items without a place on earth are left out and counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapConfig {
    /// Path of a list in the reading.
    pub rows: String,
    /// Path of the latitude in an item, -90 to 90 degrees, north positive.
    #[serde(default = "lat")]
    pub lat: String,
    /// Path of the longitude in an item, -180 to 180 degrees, east positive.
    #[serde(default = "lon")]
    pub lon: String,
    /// Path of the place's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Path of the place's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How to write the values.
    #[serde(default)]
    pub format: Format,
    /// Of amounts of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Of plain numbers, what they count: `hPa`, `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Bands of a value's state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// Path of the place's state, `ok`, `warning` or `critical`, where the source says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Path in an item of what tells places apart; the label's when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The most places that are sent.
    #[serde(default = "place_limit")]
    pub max_items: u32,
}

fn lat() -> String {
    "lat".to_owned()
}

fn lon() -> String {
    "lon".to_owned()
}

const fn place_limit() -> u32 {
    1_000
}

impl MapConfig {
    /// How its numbers are written.
    pub const fn number_format(&self) -> NumberFormat {
        NumberFormat { format: self.format, currency: self.currency, unit: self.unit }
    }

    pub(super) fn problems(&self, problems: &mut Problems) {
        if self.max_items == 0 {
            problems.push(("map.max_items".to_owned(), "a map shows at least 1 place".to_owned()));
        }
        self.number_format().problems("map.", problems);
    }
}
