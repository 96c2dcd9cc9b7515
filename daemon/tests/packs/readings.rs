//! The readings that recorded answers become.

use std::collections::BTreeMap;

use ccm_daemon::collect::external_api::plan::Plan;
use ccm_daemon::collect::extract::{self, Extractor};
use ccm_proto::model::connector::Endpoint;
use ccm_proto::model::source::extract::ValueType;
use ccm_proto::model::{Name, Reading, SourceSpec, Timestamp, Value};
use serde_json::json;

use super::asking::joined;
use super::documents::Places;
use super::fixtures::{connectors, pages};

/// The reading of an endpoint's recorded answer.
fn reading(connector: &Name, name: &Name, endpoint: &Endpoint) -> Reading {
    let body = joined(endpoint, &pages(connector.as_str(), name.as_str()));
    let mut extractor = Extractor::new(name, endpoint.extract.as_ref()).unwrap();
    extractor.reading(Timestamp::from_millis(1_772_193_600_000), body)
}

fn readings() -> BTreeMap<String, Reading> {
    let mut readings = BTreeMap::new();
    for (connector, spec) in connectors() {
        for (name, endpoint) in &spec.endpoints {
            let reading = reading(&connector, name, endpoint);
            readings.insert(format!("{connector}/{name}"), reading);
        }
    }
    readings
}

#[test]
fn every_path_of_every_connector_can_be_read() {
    for (connector, spec) in connectors() {
        for (name, endpoint) in &spec.endpoints {
            let extract = endpoint.extract.clone().unwrap_or_default();
            assert_eq!(extract::problems(&extract), [], "{connector}/{name}");
        }
    }
}

#[test]
fn recorded_answers_become_the_numbers_that_they_say() {
    let readings = readings();
    let table = [
        ("github/pulls", "count", 5.0),
        ("github/pulls", "drafts.count", 1.0),
        ("github/rate-limit", "core.used", 311.0),
        ("github/repository", "size", 20_971_520.0),
        ("github/runs", "failed.count", 2.0),
        ("github/search", "count", 3.0),
        ("google-analytics/channels", "sessions", 930.0),
        ("google-analytics/days", "total.engagement_rate", 0.6101),
        ("google-analytics/days", "today.users", 120.0),
        ("google-analytics/days", "quota.day", 199_480.0),
        ("google-analytics/pages", "pages.1.views", 211.0),
        ("google-analytics/realtime", "users", 17.0),
        ("home-assistant/config", "components", 4.0),
        ("home-assistant/state", "value", 21.4),
        ("home-assistant/states", "lights.on", 1.0),
        ("home-assistant/states", "open.count", 1.0),
        ("home-assistant/states", "home.count", 1.0),
        ("home-assistant/states", "unavailable_count", 1.0),
        ("home-assistant/states", "lowest_battery", 61.0),
        ("home-assistant/states", "power.total", 420.5),
        ("mailchimp/account", "subscribers", 5_421.0),
        ("mailchimp/audiences", "members", 5_476.0),
        ("mailchimp/audiences", "audiences.0.open_rate", 0.412),
        ("mailchimp/reports", "sent", 16_050.0),
        ("openweather/air", "index", 2.0),
        ("openweather/forecast", "day.min", 5.5),
        ("openweather/forecast", "day.max", 9.9),
        ("openweather/weather", "rain", 0.31),
        ("pagerduty/incidents", "triggered.count", 2.0),
        ("pagerduty/incidents", "high.count", 2.0),
        ("pagerduty/oncalls", "count", 3.0),
        ("pagerduty/services", "active.count", 2.0),
        ("paypal/balances", "primary.available", 1_180.1),
        ("paypal/disputes", "open.amount", 49.9),
        ("paypal/invoices", "due.amount", 150.5),
        ("paypal/transactions", "succeeded.amount", 37.4),
        ("paypal/transactions", "transactions.0.created", 1_771_661_465.0),
        ("postgrest/function", "count", 2.0),
        ("postgrest/rows", "rows.4.total", 62.5),
        ("sendgrid/bounces", "count", 3.0),
        ("sendgrid/campaigns", "delivered", 1_320.0),
        ("sendgrid/credits", "used", 11_789.0),
        ("sendgrid/stats", "today.delivered", 1_710.0),
        ("sendgrid/stats", "total.delivered", 4_560.0),
        ("stripe/balance", "available.amount", 12_434.67),
        ("stripe/charges", "count", 5.0),
        ("stripe/charges", "succeeded.amount", 459.05),
        ("stripe/charges", "failed.amount", 45.5),
        ("stripe/charges", "refunded.amount", 5.0),
        ("stripe/charges", "charges.0.created", 1_772_331_300.0),
        ("stripe/disputes", "open.amount", 335.05),
        ("stripe/payouts", "coming.amount", 1_550.5),
    ];
    for (endpoint, path, expect) in table {
        let found = readings[endpoint].value.at(path).and_then(Value::as_number);
        let near = found.is_some_and(|number| (number - expect).abs() < 1e-6);
        assert!(near, "{endpoint}: {path} is {found:?}, not {expect}");
    }
    for endpoint in readings.keys() {
        assert!(table.iter().any(|(named, ..)| named == endpoint), "{endpoint} is not looked at");
    }
}

#[test]
fn amounts_of_stripe_are_whole_units_by_their_currencies() {
    let (connector, spec) =
        connectors().into_iter().find(|(name, _)| name.as_str() == "stripe").unwrap();
    let source = json!({
        "type": "external_api",
        "external_api": { "connector": connector, "endpoint": "charges" },
    });
    let source: SourceSpec = serde_json::from_value(source).unwrap();
    let plan = Plan::new(&source, Some(&spec)).unwrap();
    let table =
        [("usd", 19.99), ("jpy", 1_999.0), ("kwd", 1.999), ("isk", 19.99), ("mga", 1_999.0)];
    let charge = |code: &str| {
        json!({ "id": code, "status": "succeeded", "amount": 1_999, "amount_refunded": 0,
            "currency": code })
    };
    let charges: Vec<_> = table.iter().map(|(code, _)| charge(code)).collect();
    let mut extractor = Extractor::new(&connector, plan.extract.as_ref()).unwrap();
    let reading = extractor.reading(Timestamp::from_millis(0), json!({ "data": charges }));
    for (index, (code, units)) in table.iter().enumerate() {
        let path = format!("charges.{index}.amount");
        assert_eq!(reading.value.at(&path).and_then(Value::as_number), Some(*units), "{code}");
    }
    let sum = reading.value.at("succeeded.amount").and_then(Value::as_number).unwrap();
    let expect: f64 = table.iter().map(|(_, units)| units).sum();
    assert!((sum - expect).abs() < 1e-6, "{sum}");
}

#[test]
fn moments_are_seconds_of_the_time_that_they_were_recorded() {
    let readings = readings();
    for (connector, spec) in connectors() {
        for (name, endpoint) in &spec.endpoints {
            let extract = endpoint.extract.clone().unwrap_or_default();
            let reading = &readings[&format!("{connector}/{name}")];
            let values = extract.values.iter().map(|(value, rule)| (value.clone(), rule));
            let fields = extract.lists.iter().flat_map(|(list, rule)| {
                rule.fields.iter().map(move |(field, rule)| (format!("{list}.0.{field}"), rule))
            });
            for (path, rule) in values.chain(fields) {
                if rule.full().value_type == Some(ValueType::Time) {
                    let found = reading.value.at(&path).and_then(Value::as_number);
                    let year = 1_767_225_600.0..1_798_761_600.0;
                    assert!(
                        found.is_some_and(|moment| year.contains(&moment)),
                        "{connector}/{name}: {path} is {found:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_widget_has_something_to_show() {
    let readings = readings();
    for (connector, spec) in connectors() {
        for (widget, shown) in &spec.widgets {
            let at = format!("{connector}/{}", shown.endpoint);
            let reading = &readings[&at];
            let there = |value: Option<&Value>| value.is_some_and(|value| !value.is_absent());
            let places = Places::of(&shown.widget);
            for path in places.values {
                assert!(there(reading.value.at(&path)), "{at}: {widget}: {path}");
            }
            let Some((rows, fields)) = places.rows else { continue };
            let items = reading.value.at(&rows).and_then(Value::as_list).unwrap();
            for field in fields {
                let any = items.iter().any(|item| there(item.at(&field)));
                assert!(any, "{at}: {widget}: {rows}.{field}");
            }
        }
    }
}

#[test]
fn what_is_kept_has_a_series_and_the_same_keys_from_reading_to_reading() {
    for (connector, spec) in connectors() {
        for (name, endpoint) in &spec.endpoints {
            let body = joined(endpoint, &pages(connector.as_str(), name.as_str()));
            let mut extractor = Extractor::new(name, endpoint.extract.as_ref()).unwrap();
            let first = extractor.reading(Timestamp::from_millis(1_000), body.clone());
            let second = extractor.reading(Timestamp::from_millis(2_000), body);
            let (first, second) = (first.samples, second.samples);
            assert!(std::sync::Arc::ptr_eq(&first.keys, &second.keys), "{connector}/{name}");
            let mut keys: Vec<String> = first.keys.iter().map(ToString::to_string).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), first.values.len(), "{connector}/{name}: {keys:?}");
        }
    }
}
