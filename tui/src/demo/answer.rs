//! Questions to a part of the demo, and answers.

use std::collections::BTreeMap;

use ccm_proto::model::Timestamp;
use ccm_proto::model::module::instant;

/// Parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(pub BTreeMap<String, String>);

/// An error as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What sort of error it is.
    pub title: &'static str,
    /// One sentence on this one.
    pub detail: String,
}

impl Problem {
    /// There is no such endpoint.
    pub fn not_found() -> Self {
        let detail = "the manifest names the endpoints".to_owned();
        Self { status: 404, title: "No such endpoint", detail }
    }

    /// The body of the answer.
    pub fn body(&self) -> serde_json::Value {
        serde_json::json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        })
    }
}

fn refuse(name: &str, expected: &str) -> Problem {
    let detail = format!("{name} is {expected}");
    Problem { status: 400, title: "Wrong parameter", detail }
}

impl Query {
    /// A whole number within bounds, or a default.
    pub fn integer(&self, name: &str, default: i64, least: i64, most: i64) -> Result<i64, Problem> {
        let Some(text) = self.0.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| refuse(name, &format!("a whole number from {least} to {most}")))
    }

    /// A time, when it is given.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        let time = instant::parse(text);
        time.map(Some).ok_or_else(|| refuse(name, "a time as in 2026-11-20T14:03:22Z"))
    }

    /// One of some words; the first is the default.
    pub fn word<'a>(&self, name: &str, words: &[&'a str]) -> Result<&'a str, Problem> {
        let Some(text) = self.0.get(name) else { return Ok(words.first().copied().unwrap_or("")) };
        let known = words.iter().find(|word| **word == text.as_str());
        known.copied().ok_or_else(|| refuse(name, &format!("one of {}", words.join(", "))))
    }
}

/// Cents as units of the currency.
pub fn money(cents: u64) -> f64 {
    cents as f64 / 100.0
}

/// With one decimal.
pub fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// How much more `now` is than `then`, in percent; zero when there was nothing then.
pub fn percent_change(then: f64, now: f64) -> f64 {
    if then > 0.0 { rounded((now - then) / then * 100.0) } else { 0.0 }
}

/// The trend of a number against an earlier one, as widgets of a dashboard take it.
pub fn trend(then: f64, now: f64, comparison: &str) -> serde_json::Value {
    let percentage = percent_change(then, now);
    let direction = match percentage {
        change if change > 0.0 => "up",
        change if change < 0.0 => "down",
        _ => "flat",
    };
    serde_json::json!({
        "direction": direction,
        "percentage": percentage.abs(),
        "comparison": comparison,
    })
}
