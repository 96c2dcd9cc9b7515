//! Scales: which numbers stand at an axis.

use ccm_proto::model::Interval;
use ccm_proto::model::widget::Format;

use crate::format::{self, Notation};

/// The ends of an axis and the numbers along it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// A scale over `low..=high` with about `count` steps. An end that is given stays where it is;
    /// the others move outward to a round number.
    pub(super) fn new(
        (low, high): (f64, f64),
        (min, max): (Option<f64>, Option<f64>),
        count: usize,
        format: Format,
    ) -> Self {
        let finite = |value: f64, instead: f64| if value.is_finite() { value } else { instead };
        let mut low = finite(min.unwrap_or(low), 0.0);
        let mut high = finite(max.unwrap_or(high), low + 1.0);
        if high <= low || (high - low) < high.abs() * 1e-9 {
            // A flat line: zero below or above it shows how much it is.
            (low, high) = match (low.total_cmp(&0.0), max.is_some()) {
                (std::cmp::Ordering::Less, false) => (low, 0.0),
                (std::cmp::Ordering::Greater, false) if min.is_none() => (0.0, high),
                _ => (low, low + if low == 0.0 { 1.0 } else { low.abs() }),
            };
        }
        let step = nice_step((high - low) / count.max(1) as f64, format);
        let from = if min.is_some() { low } else { (low / step).floor() * step };
        let to = if max.is_some() { high } else { (high / step).ceil() * step };
        let first = (from / step).ceil();
        let ticks = (0..64).map(|index| (first + f64::from(index)) * step);
        let ticks: Vec<f64> = ticks.take_while(|tick| *tick <= to + step * 1e-6).collect();
        Self { min: from, max: to, ticks }
    }

    /// Where a value lies, 0 at the lower end and 1 at the upper.
    pub(super) fn place(&self, value: f64) -> f64 {
        let span = self.max - self.min;
        if span > 0.0 { ((value - self.min) / span).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// The smallest of 1, 2, 2.5, 5, 10 times a power that is at least `raw`; of bytes, powers of two,
/// and of what is written without decimals, a whole number.
fn nice_step(raw: f64, format: Format) -> f64 {
    let whole = matches!(format, Format::Integer | Format::Count);
    if !raw.is_finite() || raw <= 0.0 || (whole && raw < 1.0) {
        return 1.0;
    }
    if format == Format::Bytes && raw >= 1.0 {
        return raw.log2().ceil().exp2();
    }
    if whole && raw > 2.0 && raw <= 5.0 {
        return 5.0;
    }
    let power = 10_f64.powf(raw.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let wanted = raw / power;
    power * steps.into_iter().find(|step| *step >= wanted - 1e-9).unwrap_or(10.0)
}

/// A tick's text: as short as a round number can be, its unit pressed to it.
pub(super) fn tick(value: f64, notation: impl Into<Notation>) -> String {
    let notation = notation.into();
    let format = short_format(notation.number.format);
    // Halves of a charted pair are drawn below zero; the number itself is not negative.
    let written = format::number(value.abs() / minor(notation), format);
    let number: &str = &written.number;
    let short = format::shortest(number);
    match format {
        Format::Percent | Format::Ratio => short.to_owned(),
        Format::Celsius => format!("{short}°"),
        Format::PerSecond if written.unit == "/s" => short.to_owned(),
        Format::PerMinute if written.unit == "/min" => short.to_owned(),
        _ if value == 0.0 => "0".to_owned(),
        Format::Bytes
        | Format::BytesPerSecond
        | Format::PerSecond
        | Format::PerMinute
        | Format::Number => {
            // `1.5M` says enough at an axis; the title has the whole unit.
            let letter = written.unit.chars().next().filter(|letter| *letter != 'B');
            format!("{short}{}", letter.map_or(String::new(), String::from))
        }
        _ => format!("{short}{}", written.unit),
    }
}

/// The format that says enough at an axis: round numbers of money have no cents.
const fn short_format(format: Format) -> Format {
    match format {
        Format::Currency | Format::CurrencyMinor | Format::Count => Format::Number,
        other => other,
    }
}

/// How many of a number's units are one of those that are written.
fn minor(notation: Notation) -> f64 {
    match (notation.number.format, notation.number.currency) {
        (Format::CurrencyMinor, Some(currency)) => 10_f64.powi(i32::from(currency.digits())),
        (Format::CurrencyMinor, None) => 100.0,
        _ => 1.0,
    }
}

/// Times of an axis back from now: how long ago, and what to write.
pub(super) fn times(window: Interval, count: usize) -> Vec<(Interval, String)> {
    const STEPS: [u64; 22] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
        86_400, 172_800, 604_800, 1_209_600, 2_592_000,
    ];
    let span = window.as_millis() / 1_000;
    let wanted = span / (count.max(1) as u64);
    let step = STEPS.into_iter().find(|step| *step >= wanted.max(1)).unwrap_or(wanted.max(1));
    let ages = (1..=span / step).map(|index| Interval::from_secs(index * step));
    ages.map(|age| (age, format!("-{age}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let cases = [
            ((0.0, 87.0), (None, None), 4, (0.0, 100.0)),
            ((3.0, 4.6), (None, None), 4, (3.0, 5.0)),
            ((0.0, 34.0), (Some(0.0), Some(100.0)), 4, (0.0, 100.0)),
            ((7.0, 7.0), (None, None), 2, (0.0, 10.0)),
            ((0.0, 0.0), (None, None), 2, (0.0, 1.0)),
        ];
        for (range, given, count, ends) in cases {
            let scale = Scale::new(range, given, count, Format::Number);
            assert_eq!((scale.min, scale.max), ends, "{range:?}");
        }
        assert_eq!(
            Scale::new((0.0, 87.0), (None, None), 4, Format::Number).ticks,
            [0., 25., 50., 75., 100.]
        );
    }

    #[test]
    fn scales_of_bytes_have_steps_of_powers_of_two() {
        let scale = Scale::new((0.0, 3.1e9), (None, None), 3, Format::Bytes);
        let ticks: Vec<String> =
            scale.ticks.iter().map(|tick| super::tick(*tick, Format::Bytes)).collect();
        assert_eq!(ticks, ["0", "1G", "2G", "3G"]);
    }

    #[test]
    fn scales_of_whole_numbers_have_whole_steps() {
        let ticks = |high| Scale::new((0.0, high), (Some(0.0), None), 2, Format::Integer).ticks;
        assert_eq!(ticks(1.0), [0.0, 1.0]);
        assert_eq!(ticks(3.0), [0.0, 2.0, 4.0]);
        assert_eq!(ticks(4.5), [0.0, 5.0]);
        assert_eq!(ticks(45.0), [0.0, 25.0, 50.0]);
    }

    #[test]
    fn times_are_round_and_few() {
        let texts = |seconds, count| -> Vec<String> {
            let times = times(Interval::from_secs(seconds), count);
            times.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(300, 5), ["-1m", "-2m", "-3m", "-4m", "-5m"]);
        assert_eq!(texts(60, 2), ["-30s", "-1m"]);
        assert_eq!(texts(86_400, 4), ["-6h", "-12h", "-18h", "-1d"]);
    }
}
