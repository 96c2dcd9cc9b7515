//! Points in time as other programs write them.

use super::Timestamp;
use crate::model::Value;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Days from the year 1 to 1970.
const EPOCH: i64 = 719_162;

/// Numbers from these on count milliseconds, microseconds and nanoseconds since 1970: in the next
/// finer unit each would be a moment of 1973, in its own one beyond the year 5000.
const MILLIS_FROM: f64 = 1e11;
const MICROS_FROM: f64 = 1e14;
const NANOS_FROM: f64 = 1e17;

impl Timestamp {
    /// A point in time out of a reading: a number of seconds, milliseconds, microseconds or
    /// nanoseconds since 1970, told apart by their size, or a text as in RFC 3339. None when it is
    /// neither.
    pub fn from_foreign(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Self::from_rfc3339(text),
            Value::Integer(_) | Value::Number(_) => Self::from_number(value.as_number()?),
            _ => None,
        }
    }

    /// A point in time from a number since 1970, in a unit told by its size.
    pub fn from_number(number: f64) -> Option<Self> {
        let millis = match number.abs() {
            size if !size.is_finite() => return None,
            size if size >= NANOS_FROM => number / 1e6,
            size if size >= MICROS_FROM => number / 1e3,
            size if size >= MILLIS_FROM => number,
            _ => number * 1e3,
        };
        Some(Self::from_millis(millis.round() as i64))
    }

    /// Reads `2026-11-20T14:03:22Z`, with a fraction of a second and an offset if there are any; a
    /// space may stand for the T. A date alone is its midnight, a time without an offset is in UTC.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let text = text.trim();
        let date = text.get(..10)?;
        let days = days(date)?;
        let rest = text.get(10..)?;
        if rest.is_empty() {
            return Some(Self::from_millis(days * DAY));
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
        let (time, offset) = rest.split_at_checked(end)?;
        Some(Self::from_millis(days * DAY + time_of_day(time)? - offset_of(offset)?))
    }
}

/// Digits alone, as many as asked for.
fn number(text: &str, digits: usize) -> Option<i64> {
    let sound = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if sound { text.parse().ok() } else { None }
}

/// Days since 1970 of a date such as `2026-11-20`.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2)?;
    let day = number(parts.next()?, 2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month - 1).ok()?;
    let length = *lengths.get(index)?;
    if parts.next().is_some() || !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400;
    let months: i64 = lengths.iter().take(index).sum();
    if year < 1 { None } else { Some(years + months + day - 1 - EPOCH) }
}

/// Milliseconds since midnight of a time such as `14:03:22.5`; a leap second is the one before it.
fn time_of_day(time: &str) -> Option<i64> {
    let mut parts = time.splitn(3, ':');
    let hour = number(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let seconds = parts.next().unwrap_or("00");
    let (whole, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, "0"));
    let second = number(whole, 2).filter(|second| *second <= 60)?.min(59);
    let short = fraction.get(..fraction.len().min(3))?;
    number(fraction, fraction.len()).or_else(|| (fraction.len() > 18).then_some(0))?;
    let millis = number(short, short.len())? * [0, 100, 10, 1].get(short.len())?;
    Some(((hour * 60 + minute) * 60 + second) * 1_000 + millis)
}

/// Milliseconds that an offset such as `+01:00` is ahead of UTC.
fn offset_of(offset: &str) -> Option<i64> {
    let sign = match offset.bytes().next() {
        None => return Some(0),
        Some(b'Z' | b'z') => return (offset.len() == 1).then_some(0),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let digits = offset.get(1..)?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    let hours = number(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(sign * (hours * 60 + minutes) * 60_000)
}
