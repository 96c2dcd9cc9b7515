//! What values are read as, and what becomes of several.

use ccm_proto::model::Value;
use ccm_proto::model::source::extract::{Combine, ValueType};
use regex::Regex;
use serde_json::Value as Json;

use crate::collect::json;

/// Seconds since 1970 above which a number must mean milliseconds: the year 5138.
const SECONDS_MAX: f64 = 1e11;

/// What a pattern finds in a text: its first group, or all that it matches. A number is one.
pub(super) fn matched(regex: &Regex, node: Option<&Json>) -> Value {
    let text = match node {
        Some(Json::String(text)) => text.as_str(),
        _ => return Value::Absent,
    };
    let Some(captures) = regex.captures(text) else {
        return Value::Absent;
    };
    let found = captures.get(1).or_else(|| captures.get(0)).map_or("", |found| found.as_str());
    json::value(super::text::number_or_text(found))
}

/// A value as the type that is wanted; absent when it cannot be that.
pub(super) fn typed(value: Value, wanted: Option<ValueType>) -> Value {
    match wanted {
        None => value,
        Some(ValueType::Number) => number(&value).map_or(Value::Absent, Value::from),
        Some(ValueType::Integer) => integer(&value),
        Some(ValueType::Text) => text(value),
        Some(ValueType::Boolean) => boolean(&value),
        Some(ValueType::Time) => time(&value).map_or(Value::Absent, Value::from),
    }
}

/// A number times `scale`, absent when that is beyond all numbers; anything else as it is.
pub(super) fn scaled(value: Value, scale: Option<f64>) -> Value {
    match (scale, value.as_number()) {
        (Some(scale), Some(number)) => {
            Some(number * scale).filter(|n| n.is_finite()).map_or(Value::Absent, Value::from)
        }
        _ => value,
    }
}

/// One number of several. Of none there is a count and a sum, and nothing else.
pub(super) fn combined(combine: Combine, numbers: Vec<f64>) -> Value {
    let count = numbers.len();
    let sum: f64 = numbers.iter().sum();
    let found = match combine {
        Combine::Count => Some(count as f64),
        Combine::Sum => Some(sum),
        Combine::Min => numbers.into_iter().reduce(f64::min),
        Combine::Max => numbers.into_iter().reduce(f64::max),
        Combine::Mean => (count > 0).then(|| sum / count as f64),
        Combine::First => numbers.first().copied(),
        Combine::Last => numbers.last().copied(),
    };
    found.filter(|number| number.is_finite()).map_or(Value::Absent, Value::from)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        other => other.as_number(),
    }
}

fn integer(value: &Value) -> Value {
    let whole = |number: f64| {
        let fits = number.fract() == 0.0 && number.abs() < 9e15;
        fits.then_some(number as i64)
    };
    match value {
        Value::Integer(integer) => Value::Integer(*integer),
        other => number(other).and_then(whole).map_or(Value::Absent, Value::Integer),
    }
}

fn text(value: Value) -> Value {
    match value {
        Value::Integer(integer) => Value::from(integer.to_string()),
        Value::Number(number) => Value::from(number.to_string()),
        Value::Boolean(on) => Value::from(on.to_string()),
        Value::List(_) | Value::Map(_) => Value::Absent,
        same => same,
    }
}

fn boolean(value: &Value) -> Value {
    match value {
        Value::Boolean(on) => Value::Boolean(*on),
        Value::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Value::Boolean(true),
            "false" | "no" | "off" | "0" => Value::Boolean(false),
            _ => Value::Absent,
        },
        other => other.as_number().map_or(Value::Absent, |number| Value::Boolean(number != 0.0)),
    }
}

/// Seconds since 1970.
fn time(value: &Value) -> Option<f64> {
    if let Value::Text(text) = value {
        if let Ok(moment) = text.trim().parse::<jiff::Timestamp>() {
            return Some(moment.as_millisecond() as f64 / 1_000.0);
        }
        if let Ok(date) = text.trim().parse::<jiff::civil::Date>() {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            return Some(midnight.timestamp().as_second() as f64);
        }
    }
    let number = number(value)?;
    Some(if number.abs() >= SECONDS_MAX { number / 1_000.0 } else { number })
}
