//! Parameters become a query, and JSON a reading.

use std::collections::BTreeMap;
use std::time::Duration;

use ccm_proto::model::source::{Extract, Param};

use super::fake::{json, text};
use super::{at, name};
use crate::collect::module::Answer;
use crate::collect::module::asking::{digest, fill, metrics};
use crate::collect::{Moment, Retry};

fn params(text: &str) -> BTreeMap<String, Param> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn templates_lists_and_tables_are_written_out() {
    let fill = fill(params(r#"{"region": "north"}"#));
    let asked = params(
        r#"{"since": "now-1h", "day": "today", "region": "$region", "limit": 10,
            "sku": ["a", "b"], "created": {"gte": 5}}"#,
    );
    let pairs = fill(&asked, at(90_000)).unwrap();
    let written: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        written,
        [
            "created[gte]=5",
            "day=1970-01-02T00:00:00Z",
            "limit=10",
            "region=north",
            "since=1970-01-02T00:00:00Z",
            "sku=a",
            "sku=b",
        ]
    );
    let error = fill(&params(r#"{"region": "$country"}"#), at(0)).unwrap_err();
    assert!(error.to_string().contains("$country"), "{error}");
    assert_eq!(error.retry(), Retry::Hold);
    let many = params(&format!("{{\"a\": [{}]}}", vec!["1"; 300].join(",")));
    assert!(fill(&many, at(0)).unwrap_err().to_string().contains("at most 256"));
}

#[test]
fn an_object_becomes_a_reading_and_anything_else_an_error() {
    let moment = Moment { at: at(60), elapsed: Duration::ZERO };
    let mut whole = digest(&name("day"), None).unwrap();
    let reading = whole(&json(r#"{"total": 12.5, "orders": [{"n": 1}]}"#), moment).unwrap();
    assert_eq!(reading.at, at(60));
    assert_eq!(reading.value.at("orders.0.n").unwrap().as_number(), Some(1.0));
    assert_eq!((reading.samples.keys.len(), reading.samples.values[0]), (1, 12.5));
    let extract: Extract = serde_json::from_str(r#"{"values": {"sum": "$.total"}}"#).unwrap();
    let mut taken = digest(&name("day"), Some(&extract)).unwrap();
    let reading = taken(&json(r#"{"total": 12.5}"#), moment).unwrap();
    assert_eq!(reading.value.at("sum").unwrap().as_number(), Some(12.5));
    for body in ["[1]", "12", "", "{\"a\": NaN}"] {
        assert!(whole(&json(body), moment).is_err(), "{body}");
    }
    let bytes = Answer { body: vec![0xff].into(), ..json("") };
    assert!(whole(&bytes, moment).is_err());
}

#[test]
fn metrics_become_series() {
    let moment = Moment { at: at(60), elapsed: Duration::ZERO };
    let mut digest = metrics(&name("numbers"));
    let body = "# TYPE orders counter\norders{shop=\"a\"} 3\norders{shop=\"b\"} 4\n";
    let reading = digest(&text(200, "text/plain; version=0.0.4", body), moment).unwrap();
    assert_eq!((reading.source, reading.at), (name("numbers"), at(60)));
    assert_eq!(reading.samples.values, [3.0, 4.0]);
    assert!(digest(&text(200, "text/html", body), moment).is_err());
    assert!(digest(&text(200, "text/plain", "orders{ 3"), moment).is_err());
}
