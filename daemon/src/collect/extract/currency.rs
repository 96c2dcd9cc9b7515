//! Amounts in the smallest unit of their currency: how many of these make a whole one.

use ccm_proto::model::Value;
use ccm_proto::model::source::extract::Decimals;
use serde_json::Value as Json;
use serde_json_path::{JsonPath, NormalizedPath, PathElement};

use super::Found;

/// Currencies without a smaller unit, by ISO 4217.
const WITHOUT: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF", "XPF",
];

/// Currencies whose unit is a thousand smaller ones.
const THOUSANDS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Currencies of account whose unit is ten thousand smaller ones.
const TEN_THOUSANDS: [&str; 2] = ["CLF", "UYW"];

/// What most currencies have.
const COMMON: u8 = 2;

/// Which field says the currency, and how the service counts.
#[derive(Debug)]
pub(super) struct Currency {
    field: String,
    decimals: Decimals,
}

impl Currency {
    /// By the name of a field beside the amount, and where the service differs from ISO 4217.
    pub(super) fn new(field: String, decimals: &Decimals) -> Self {
        Self { field, decimals: decimals.clone() }
    }

    /// The amounts that a path finds, each with what says its currency.
    pub(super) fn found<'b>(&self, path: &JsonPath, body: &'b Json) -> Vec<Found<'b>> {
        let located = path.query_located(body);
        located.iter().map(|it| (it.node(), beside(body, it.location(), &self.field))).collect()
    }

    /// An amount in whole units; absent where nobody says of which currency.
    pub(super) fn whole(&self, amount: &Value, code: Option<&Json>) -> Value {
        let decimals = code.and_then(Json::as_str).and_then(|code| self.decimals(code));
        match (amount.as_number(), decimals) {
            (Some(number), Some(decimals)) => {
                // Divided rather than multiplied by a fraction, which would not be exact.
                Value::from(number / 10_f64.powi(i32::from(decimals)))
            }
            _ => Value::Absent,
        }
    }

    /// The decimals of a currency; nothing where the text is no code of one.
    fn decimals(&self, code: &str) -> Option<u8> {
        let code = code.to_ascii_uppercase();
        if let Some(decimals) = self.decimals.get(&code) {
            return Some(*decimals);
        }
        let is_in = |codes: &[&str]| codes.contains(&code.as_str());
        match () {
            () if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) => None,
            () if is_in(&WITHOUT) => Some(0),
            () if is_in(&THOUSANDS) => Some(3),
            () if is_in(&TEN_THOUSANDS) => Some(4),
            () => Some(COMMON),
        }
    }
}

/// The field of this name in the table that holds a node.
fn beside<'b>(body: &'b Json, location: &NormalizedPath<'b>, field: &str) -> Option<&'b Json> {
    let depth = location.len().checked_sub(1)?;
    let into = |at: &'b Json, step: &PathElement<'_>| match step {
        PathElement::Name(name) => at.get(name),
        PathElement::Index(index) => at.get(index),
    };
    location.iter().take(depth).try_fold(body, into)?.get(field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn currency(decimals: &[(&str, u8)]) -> Currency {
        let own = decimals.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect();
        Currency::new("currency".to_owned(), &own)
    }

    fn whole(currency: &Currency, amount: i64, code: &Json) -> Option<f64> {
        currency.whole(&Value::Integer(amount), Some(code)).as_number()
    }

    #[test]
    fn an_amount_becomes_whole_units_of_its_currency() {
        let iso = currency(&[]);
        for (amount, code, units) in [
            (1_999, "usd", 19.99),
            (1_999, "EUR", 19.99),
            (1_999, "jpy", 1_999.0),
            (1_999, "kwd", 1.999),
            (-500, "isk", -500.0),
            (19_990, "clf", 1.999),
        ] {
            assert_eq!(whole(&iso, amount, &json!(code)), Some(units), "{code}");
        }
        let own = currency(&[("ISK", 2), ("MGA", 0)]);
        assert_eq!(whole(&own, -500, &json!("isk")), Some(-5.0), "as the service counts");
        assert_eq!(whole(&own, 70, &json!("mga")), Some(70.0));
    }

    #[test]
    fn an_amount_of_nobody_knows_what_is_absent() {
        let iso = currency(&[]);
        for code in [json!("dollars"), json!(""), json!(840), json!(null), json!("€")] {
            assert_eq!(whole(&iso, 100, &code), None, "{code}");
        }
        assert_eq!(iso.whole(&Value::Integer(100), None), Value::Absent);
        assert_eq!(iso.whole(&Value::from("100"), Some(&json!("usd"))), Value::Absent);
    }

    #[test]
    fn the_currency_is_that_of_the_table_around_the_amount() {
        let body = json!({
            "currency": "usd",
            "data": [{ "amount": 1, "currency": "jpy" }, { "amount": 2 }, [3]],
            "currency's": { "amount": 4, "currency": "kwd" },
        });
        let path = JsonPath::parse("$..amount").unwrap();
        let found = currency(&[]).found(&path, &body);
        let codes: Vec<_> = found.iter().map(|(node, code)| (node.as_i64(), *code)).collect();
        assert_eq!(codes.len(), 3);
        assert!(codes.contains(&(Some(1), Some(&json!("jpy")))));
        assert!(codes.contains(&(Some(2), None)));
        assert!(codes.contains(&(Some(4), Some(&json!("kwd")))));
        let whole = currency(&[]).found(&JsonPath::parse("$").unwrap(), &body);
        assert_eq!(whole, [(&body, None)]);
    }
}
