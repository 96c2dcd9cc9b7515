//! Numbers, ages and texts as people read them: three or four significant digits, the unit
//! beside them, never wider than asked.

mod moment;
mod money;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use ccm_proto::SafeText;
use ccm_proto::model::widget::{Format, NumberFormat, Unit};
use ccm_proto::model::{Cell, Interval, Timestamp};

/// What stands where there is nothing; never a zero.
pub const ABSENT: &str = "–";

const BYTE_UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const RATE_UNITS: [&str; 7] = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s", "EB/s"];
const COUNT_UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
const EVENT_UNITS: [&str; 7] = ["/s", "k/s", "M/s", "G/s", "T/s", "P/s", "E/s"];
const MINUTE_UNITS: [&str; 7] = ["/min", "k/min", "M/min", "G/min", "T/min", "P/min", "E/min"];

/// How a number is written, and what else that takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notation {
    /// What a document says of it.
    pub number: NumberFormat,
    /// What ages count to; without it an age is written as the moment itself.
    pub now: Option<Timestamp>,
}

impl From<NumberFormat> for Notation {
    fn from(number: NumberFormat) -> Self {
        Self { number, now: None }
    }
}

impl From<Format> for Notation {
    fn from(format: Format) -> Self {
        NumberFormat::from(format).into()
    }
}

/// A number and its unit, apart so that columns can align on both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<'a> {
    /// The digits, or the text.
    pub number: Cow<'a, str>,
    /// The unit; empty when there is none.
    pub unit: Cow<'static, str>,
}

impl<'a> Written<'a> {
    const fn new(number: Cow<'a, str>, unit: &'static str) -> Self {
        Self { number, unit: Cow::Borrowed(unit) }
    }

    /// With a unit of a document behind it. What shortens the number, as the `k` of thousands,
    /// stays with the number.
    fn counting(self, unit: Option<Unit>) -> Self {
        match unit {
            Some(unit) => Self {
                number: Cow::Owned(format!("{}{}", self.number, self.unit)),
                unit: Cow::Owned(unit.to_string()),
            },
            None => self,
        }
    }

    /// Columns of the whole, with the space before the unit.
    pub fn width(&self) -> usize {
        let unit = if self.unit.is_empty() { 0 } else { width(&self.unit) + 1 };
        width(&self.number) + unit
    }

    /// At most `columns` wide: without its unit, or `…` when even the digits do not fit, because
    /// half a number is a wrong one.
    pub fn fit(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        if width(&self.number) <= columns {
            return Self { unit: Cow::Borrowed(""), ..self };
        }
        Self::new(Cow::Borrowed(if columns > 0 { "…" } else { "" }), "")
    }
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.number)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { unicode_width::UnicodeWidthStr::width(text) }
}

/// A cell as it is shown.
pub fn value(cell: &Cell, notation: impl Into<Notation>) -> Written<'_> {
    let notation = notation.into();
    let NumberFormat { format, unit, .. } = notation.number;
    let unit = unit.filter(|_| format.takes_unit());
    match cell {
        Cell::Absent => Written::new(Cow::Borrowed(ABSENT), ""),
        Cell::Text(text) => {
            let is_moment = matches!(format, Format::Datetime | Format::Age);
            let moment = is_moment.then(|| Timestamp::from_rfc3339(text.as_str())).flatten();
            let written = moment.and_then(|at| moment::moment(at, notation));
            written.unwrap_or(Written::new(Cow::Borrowed(text.as_str()), ""))
        }
        Cell::Boolean(true) => Written::new(Cow::Borrowed("yes"), ""),
        Cell::Boolean(false) => Written::new(Cow::Borrowed("no"), ""),
        Cell::Integer(integer) if matches!(format, Format::Integer | Format::Text) => {
            Written::new(Cow::Owned(integer.to_string()), "").counting(unit)
        }
        Cell::Integer(integer) if format == Format::Number && integer.unsigned_abs() < 10_000 => {
            Written::new(Cow::Owned(integer.to_string()), "").counting(unit)
        }
        Cell::Integer(integer) => number(*integer as f64, notation),
        Cell::Number(value) => number(*value, notation),
    }
}

/// A number as it is shown.
pub fn number(value: f64, notation: impl Into<Notation>) -> Written<'static> {
    let notation = notation.into();
    let NumberFormat { format, currency, unit } = notation.number;
    if value.is_nan() {
        return Written::new(Cow::Borrowed(ABSENT), "");
    }
    if value.is_infinite() {
        return Written::new(Cow::Borrowed(if value > 0.0 { "inf" } else { "-inf" }), "");
    }
    match format {
        Format::Text => count(value),
        Format::Number => count(value).counting(unit),
        Format::Count if value.abs() >= 9_999.5 => {
            scaled(value, 1000.0, &COUNT_UNITS).counting(unit)
        }
        Format::Count | Format::Integer => {
            Written::new(Cow::Owned(plain_integer(value)), "").counting(unit)
        }
        Format::Percent => Written::new(Cow::Owned(percent(value)), "%"),
        Format::Ratio => Written::new(Cow::Owned(percent(value * 100.0)), "%"),
        Format::Bytes => scaled(value, 1024.0, &BYTE_UNITS),
        Format::BytesPerSecond => scaled(value, 1000.0, &RATE_UNITS),
        Format::PerSecond => scaled(value, 1000.0, &EVENT_UNITS),
        Format::PerMinute => scaled(value, 1000.0, &MINUTE_UNITS),
        Format::Duration => duration(value),
        Format::Milliseconds if value == 0.0 => Written::new(Cow::Borrowed("0"), "ms"),
        Format::Milliseconds => duration(value / 1e3),
        Format::Celsius => Written::new(Cow::Owned(one_decimal(value)), "°C"),
        Format::Currency => money::whole(value, currency),
        Format::CurrencyMinor => money::whole(money::from_minor(value, currency), currency),
        Format::Datetime | Format::Age => Timestamp::from_number(value)
            .and_then(|at| moment::moment(at, notation))
            .unwrap_or_else(|| count(value)),
    }
}

/// A number of a column, where all have the same number of decimals.
pub fn column_value(cell: &Cell, notation: impl Into<Notation>) -> Written<'_> {
    let notation = notation.into();
    match (cell.as_number().filter(|number| number.is_finite()), notation.number.format, cell) {
        (_, _, Cell::Boolean(_)) | (None, ..) => value(cell, notation),
        (Some(number), Format::Percent, _) if number.abs() < 1e6 => {
            Written::new(Cow::Owned(format!("{number:.1}")), "%")
        }
        // Of which unit a duration is depends on its length.
        (Some(_), Format::Duration | Format::Milliseconds, _) => {
            Written::new(Cow::Owned(value(cell, notation).to_string()), "")
        }
        _ => value(cell, notation),
    }
}

/// The whole number behind what is shown.
pub fn exact(cell: &Cell, notation: impl Into<Notation>) -> String {
    let notation = notation.into();
    let own = notation.number.unit.map(|unit| format!(" {unit}"));
    let unit = match notation.number.format {
        Format::Percent => " %",
        Format::Bytes => " B",
        Format::BytesPerSecond => " B/s",
        Format::PerSecond => " /s",
        Format::Duration => " s",
        Format::PerMinute => " /min",
        Format::Milliseconds => " ms",
        Format::Celsius => " °C",
        Format::Number | Format::Integer | Format::Count => own.as_deref().unwrap_or_default(),
        Format::Ratio
        | Format::Currency
        | Format::CurrencyMinor
        | Format::Datetime
        | Format::Age
        | Format::Text => "",
    };
    match cell {
        Cell::Number(number) if number.is_finite() => format!("{number}{unit}"),
        Cell::Integer(integer) => format!("{integer}{unit}"),
        other => value(other, notation).to_string(),
    }
}

/// How old something is: `0.4s`, `12 s`, `3 m`, `2 h`, `4 d`.
pub fn age(interval: Interval) -> String {
    let millis = interval.as_millis();
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("0.{}s", millis / 100),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} m", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// At most `columns` of a text; the last one is an ellipsis when something is missing.
pub fn truncate(text: &SafeText, columns: usize) -> SafeText {
    text.truncate(columns)
}

/// Columns that the widest usual number of a format takes, so that a column does not move with
/// its numbers.
pub const fn usual_width(format: Format) -> usize {
    match format {
        Format::Number | Format::Integer | Format::Count => 5,
        Format::Percent | Format::Ratio | Format::Celsius => 7,
        Format::Duration | Format::Milliseconds => 7,
        Format::Bytes => 8,
        Format::BytesPerSecond => 9,
        Format::PerSecond => 7,
        Format::PerMinute => 9,
        Format::Currency | Format::CurrencyMinor => 8,
        Format::Datetime => 17,
        Format::Age => 4,
        Format::Text => 3,
    }
}

/// Columns that units of a format are padded to where numbers stand below each other.
pub fn unit_width(notation: impl Into<Notation>) -> usize {
    let NumberFormat { format, currency, unit } = notation.into().number;
    let own = unit.map(|unit| width(unit.as_str()));
    match format {
        Format::Percent | Format::Ratio => 1,
        Format::Bytes | Format::PerSecond => 3,
        Format::BytesPerSecond => 4,
        Format::Celsius => 2,
        Format::PerMinute => 5,
        Format::Number | Format::Count => own.unwrap_or(1),
        Format::Integer => own.unwrap_or(0),
        Format::Currency | Format::CurrencyMinor => {
            currency.map_or(0, |currency| currency.code().len())
        }
        Format::Duration | Format::Milliseconds | Format::Datetime | Format::Age | Format::Text => {
            0
        }
    }
}

/// A number without the zeros that say nothing: `50.0` is `50`.
pub fn shortest(number: &str) -> &str {
    if number.contains('.') && !number.contains('e') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

fn count(value: f64) -> Written<'static> {
    if value.abs() >= 9_999.5 {
        return scaled(value, 1000.0, &COUNT_UNITS);
    }
    if value != 0.0 && value.abs() < 0.001 {
        return Written::new(Cow::Owned(format!("{value:.1e}")), "");
    }
    Written::new(Cow::Owned(significant(value)), "")
}

/// Three significant digits; four of a whole number below 10,000.
fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if size < 9.995 {
        format!("{value:.2}")
    } else if size < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn plain_integer(value: f64) -> String {
    if value.abs() < 1e15 { format!("{:.0}", value + 0.0) } else { format!("{value:.2e}") }
}

fn percent(value: f64) -> String {
    if value.abs() < 1e6 { one_decimal(value) } else { format!("{value:.0e}") }
}

fn one_decimal(value: f64) -> String {
    if value.abs() < 99.95 {
        format!("{value:.1}").replace("-0.0", "0.0")
    } else if value.abs() < 1e6 {
        format!("{value:.0}")
    } else {
        format!("{value:.0e}")
    }
}

fn scaled(value: f64, base: f64, units: &[&'static str; 7]) -> Written<'static> {
    let mut rest = value;
    let mut step = 0;
    // What would be written as 1000 is written in the next unit; of 1024 there are four digits.
    while rest.abs() >= base - 0.5 && step + 1 < units.len() {
        rest /= base;
        step += 1;
    }
    let unit = units.get(step).copied().unwrap_or_default();
    let digits = if rest.abs() >= 1e6 {
        format!("{rest:.1e}")
    } else if step == 0 && rest.fract() == 0.0 {
        format!("{rest:.0}")
    } else {
        significant(rest)
    };
    Written::new(Cow::Owned(digits), unit)
}

fn duration(seconds: f64) -> Written<'static> {
    let size = seconds.abs();
    let sign = if seconds < 0.0 { "-" } else { "" };
    if size < 0.001 && size > 0.0 {
        return Written::new(Cow::Owned(significant(seconds * 1e6)), "µs");
    }
    if size < 1.0 && size > 0.0 {
        return Written::new(Cow::Owned(significant(seconds * 1e3)), "ms");
    }
    if size < 59.95 {
        return Written::new(Cow::Owned(one_decimal(seconds)), "s");
    }
    let whole = size.round().min(1e15) as u64;
    let parts = [(86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")];
    let text = parts.iter().find(|(unit, ..)| whole >= *unit).map_or_else(
        || format!("{whole}s"),
        |(large, large_name, small, small_name)| {
            let days = whole / large;
            match (whole % large) / small {
                // Hours do not matter beside years.
                rest if rest > 0 && days < 1_000 => {
                    format!("{days}{large_name} {rest}{small_name}")
                }
                _ => format!("{days}{large_name}"),
            }
        },
    );
    Written::new(Cow::Owned(format!("{sign}{text}")), "")
}
