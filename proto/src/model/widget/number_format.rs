//! How a number is written, all that a document says of it together.

use super::{Currency, Format, Problems, Unit};

/// A format with what belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumberFormat {
    /// The format.
    pub format: Format,
    /// Of an amount of money.
    pub currency: Option<Currency>,
    /// Of a plain number, what it counts.
    pub unit: Option<Unit>,
}

impl From<Format> for NumberFormat {
    fn from(format: Format) -> Self {
        Self { format, ..Self::default() }
    }
}

impl NumberFormat {
    /// A currency belongs to an amount of money, and a unit to a number whose format has none.
    /// `prefix` is the path of the keys but for their last words.
    pub(super) fn problems(self, prefix: &str, problems: &mut Problems) {
        if let Some(currency) = self.currency.filter(|_| !self.format.is_money()) {
            problems.push((
                format!("{prefix}currency"),
                format!("{currency} needs the format \"currency\" or \"currency_minor\" beside it"),
            ));
        }
        if let Some(unit) = self.unit.filter(|_| !self.format.takes_unit()) {
            problems.push((
                format!("{prefix}unit"),
                format!(
                    "\"{unit}\" goes with the formats \"number\", \"integer\" and \"count\" only; \
                     the others say what they count by themselves"
                ),
            ));
        }
    }
}
