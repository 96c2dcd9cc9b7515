//! How numbers are written.

use serde::{Deserialize, Serialize};

/// How a number is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Three or four significant digits.
    #[default]
    Number,
    /// No fraction, no grouping: a pid, a number of a document.
    Integer,
    /// How many: whole below 10,000, in thousands, millions and so on above.
    Count,
    /// 0 to 100 with a percent sign.
    Percent,
    /// A share from 0 to 1, written in percent.
    Ratio,
    /// Bytes in powers of 1024.
    Bytes,
    /// Bytes a second in powers of 1000.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// Events a minute.
    PerMinute,
    /// Seconds, written as in `3d 4h`.
    Duration,
    /// Milliseconds, written as a duration.
    Milliseconds,
    /// Degrees Celsius.
    Celsius,
    /// An amount of money in whole units, such as dollars.
    Currency,
    /// An amount of money in the smallest unit, such as cents, as payment services give it.
    CurrencyMinor,
    /// A point in time, written as a date with a time of day in UTC.
    Datetime,
    /// A point in time, written as how long ago it was.
    Age,
    /// Text as it is.
    Text,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 17] = [
        Self::Number,
        Self::Integer,
        Self::Count,
        Self::Percent,
        Self::Ratio,
        Self::Bytes,
        Self::BytesPerSecond,
        Self::PerSecond,
        Self::PerMinute,
        Self::Duration,
        Self::Milliseconds,
        Self::Celsius,
        Self::Currency,
        Self::CurrencyMinor,
        Self::Datetime,
        Self::Age,
        Self::Text,
    ];

    /// Whether a currency can be said of it.
    pub const fn is_money(self) -> bool {
        matches!(self, Self::Currency | Self::CurrencyMinor)
    }

    /// Whether a unit can be said of it: the others have one, or none can be.
    pub const fn takes_unit(self) -> bool {
        matches!(self, Self::Number | Self::Integer | Self::Count)
    }
}
