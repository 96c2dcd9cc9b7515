//! Rows and columns.

use serde::{Deserialize, Serialize};

use super::{Currency, Format, NumberFormat, Order, Problems, Threshold, Unit};

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

const fn row_limit() -> u32 {
    1_000
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
    /// Of an amount of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Of a plain number, what it counts: `hPa`, `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
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

impl Column {
    /// How the number is written.
    pub const fn number_format(&self) -> NumberFormat {
        NumberFormat { format: self.format, currency: self.currency, unit: self.unit }
    }
}

impl TableConfig {
    pub(super) fn problems(&self, problems: &mut Problems) {
        if self.columns.is_empty() {
            problems
                .push(("table.columns".to_owned(), "a table needs at least one column".to_owned()));
        }
        for (index, column) in self.columns.iter().enumerate() {
            column.number_format().problems(&format!("table.columns[{index}]."), problems);
        }
        if let Some(sort) = &self.sort
            && !self.columns.iter().any(|column| column.field == *sort)
        {
            problems.push(("table.sort".to_owned(), format!("no column shows the field {sort:?}")));
        }
    }
}
