//! Amounts of money: exact while that is short, in groups of three, with the currency's code.

use std::borrow::Cow;

use ccm_proto::model::widget::Currency;

use super::{COUNT_UNITS, Written, scaled, width};

/// The longest amount that is written with every digit; longer ones are rounded.
const EXACT_MAX: usize = 13;

/// Decimal digits of an amount whose currency nobody knows.
const DIGITS: u8 = 2;

/// An amount in whole units. Groups are told apart by a space, which is neither a decimal sign nor
/// a digit anywhere.
pub(super) fn whole(value: f64, currency: Option<Currency>) -> Written<'static> {
    let unit = currency.map_or("", Currency::code);
    let digits = usize::from(currency.map_or(DIGITS, Currency::digits));
    // Beyond this no digit of a cent is true.
    if value.abs() < 1e12 {
        let text = grouped(&format!("{value:.digits$}"));
        if width(&text) <= EXACT_MAX {
            return Written::new(Cow::Owned(text), unit);
        }
    }
    let short = scaled(value, 1000.0, &COUNT_UNITS);
    Written::new(Cow::Owned(format!("{}{}", short.number, short.unit)), unit)
}

/// An amount in the smallest unit, as a number of whole ones.
pub(super) fn from_minor(value: f64, currency: Option<Currency>) -> f64 {
    value / 10_f64.powi(i32::from(currency.map_or(DIGITS, Currency::digits)))
}

/// The digits before the decimal point in groups of three; nothing is not less than nothing.
fn grouped(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let sign = if number.bytes().all(|byte| matches!(byte, b'0' | b'.')) { "" } else { sign };
    let end = number.find('.').unwrap_or(number.len());
    let (whole, fraction) = number.split_at(end);
    let mut text = String::with_capacity(number.len() + 4);
    text.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text.push_str(fraction);
    text
}
