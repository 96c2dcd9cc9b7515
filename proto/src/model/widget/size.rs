//! How much room a widget takes where nobody says.

use serde::{Deserialize, Serialize};

use crate::model::layout::COLUMNS;

/// Columns and rows of the grid that are one unit of a size.
const UNIT: (u16, u16) = (2, 3);

/// A size in units of two columns by three rows of the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WidgetSize {
    /// One unit.
    Small,
    /// Two units beside each other.
    #[default]
    Medium,
    /// Two units by two.
    Large,
    /// Four units beside each other.
    Wide,
    /// One unit high, all the grid wide.
    FullWidth,
}

impl WidgetSize {
    /// Columns and rows in a grid of 12 columns.
    pub const fn span(self) -> (u16, u16) {
        let (w, h) = UNIT;
        match self {
            Self::Small => (w, h),
            Self::Medium => (2 * w, h),
            Self::Large => (2 * w, 2 * h),
            Self::Wide => (4 * w, h),
            Self::FullWidth => (COLUMNS, h),
        }
    }
}
