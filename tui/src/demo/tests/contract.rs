//! Every module of the demo speaks the contract, as the schema has it and as the daemon reads it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ccm_daemon::clock::Clock;
use ccm_proto::model::module::{Health, HealthStatus, Manifest, ModuleEvent};
use ccm_proto::model::{Interval, Timestamp};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::afternoon;
use super::http::{self, asks, events, get, post, served};
use crate::demo::fault::{self, Fault};
use crate::demo::part::Part;
use crate::demo::server::Temper;
use crate::demo::server::module::{Service, router};
use crate::demo::time::HOUR;

const SCHEMA: &str = include_str!("../../../../docs/module-v1.schema.json");

/// The schema of one definition.
pub(super) fn schema(definition: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema.as_object_mut().unwrap().remove("anyOf");
    schema["$ref"] = json!(format!("#/$defs/{definition}"));
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Whether a value is as a definition has it; what is wrong is in the panic.
pub(super) fn assert_valid(definition: &str, value: &Value) {
    let wrong: Vec<String> = schema(definition)
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?} in {value:#}");
}

async fn service(part: Part, calm: bool, at: Timestamp) -> u16 {
    let temper = Temper { seed: 7, calm };
    served(router(Arc::new(Service::new(part, temper, Clock::manual(at))))).await
}

#[tokio::test]
async fn manifests_are_valid_and_every_endpoint_they_name_answers() {
    for part in Part::ALL {
        let port = service(part, true, afternoon()).await;
        let answer = get(port, "/ccm/v1/manifest", "").await;
        assert_valid("manifest", &answer.json());
        let manifest: Manifest = serde_json::from_value(answer.json()).unwrap();
        assert_eq!(manifest.problems(), [], "{}", part.name());
        assert!(!manifest.widgets.is_empty() && !manifest.permissions.is_empty());
        for endpoint in &manifest.endpoints {
            let data = get(port, &endpoint.path, "").await;
            assert_eq!(data.status, 200, "{}", endpoint.path);
            assert!(data.json().is_object(), "{}", endpoint.path);
            for param in &endpoint.params {
                let path = format!("{}?{}=nonsense", endpoint.path, param.name);
                let refused = get(port, &path, "").await;
                assert_eq!(refused.status, 400, "{path}");
                assert_eq!(refused.header("content-type"), Some("application/problem+json"));
                assert_valid("problem", &refused.json());
            }
        }
        for offer in &manifest.widgets {
            let params = offer.params.iter().map(|(name, value)| format!("{name}={value}"));
            let query = params.collect::<Vec<_>>().join("&");
            let data = get(port, &format!("{}?{query}", offer.endpoint), "").await;
            assert_eq!(data.status, 200, "{}", offer.name);
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let port = service(Part::Sales, true, afternoon()).await;
    let answer = get(port, "/api/nowhere", "").await;
    assert_eq!(answer.status, 404);
    assert_valid("problem", &answer.json());
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    for part in Part::ALL {
        let port = service(part, true, afternoon()).await;
        let answer = get(port, "/ccm/v1/metrics", "").await;
        assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
        let mut typed = BTreeSet::new();
        for line in answer.body.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                typed.insert(rest.split(' ').next().unwrap());
            } else if !line.starts_with('#') {
                let (name, value) = line.split_once(' ').unwrap();
                assert!(typed.contains(name) && value.parse::<f64>().is_ok(), "{line}");
            }
        }
        assert!(typed.contains("module_requests_total") && typed.len() > 2, "{typed:?}");
    }
}

#[tokio::test]
async fn events_are_valid_and_go_on_after_the_last_one_that_was_heard() {
    for part in Part::ALL {
        let port = service(part, true, afternoon()).await;
        let manifest: Manifest =
            serde_json::from_value(get(port, "/ccm/v1/manifest", "").await.json()).unwrap();
        let earlier = (afternoon() - HOUR.times(8)).as_millis();
        let last = format!("Last-Event-ID: {earlier}-0\r\n");
        let answer = http::until(port, "/ccm/v1/events", &last, "}\n\n").await;
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let events = events(&answer);
        assert!(!events.is_empty(), "{}", part.name());
        for event in events {
            assert_valid("event", &event);
            let event: ModuleEvent = serde_json::from_value(event).unwrap();
            assert_eq!(event.problems(), []);
            assert!(event.time().unwrap() >= afternoon() - HOUR.times(8) - Interval::from_secs(1));
            let types = &manifest.events.as_ref().unwrap().types;
            assert!(types.contains(&event.event_type), "{}", event.event_type);
            for path in &event.invalidates {
                assert!(manifest.endpoint(path).is_some(), "{path}");
            }
        }
    }
}

/// The ids of a stream's events.
fn ids(answer: &http::Answer) -> Vec<String> {
    let lines = answer.body.lines().filter_map(|line| line.strip_prefix("id: "));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn no_event_is_told_twice_or_left_out_when_a_listener_comes_back() {
    let port = service(Part::Sales, true, afternoon()).await;
    let last = format!("Last-Event-ID: {}-0\r\n", (afternoon() - HOUR.times(8)).as_millis());
    let first = http::until(port, "/ccm/v1/events", &last, "}\n\n").await;
    // What was read may end within an event: the id of a whole one is taken.
    let whole = first.body.rsplit_once("\n\n").unwrap().0.to_owned();
    let first = ids(&http::Answer { body: whole, ..first });
    let last = format!("Last-Event-ID: {}\r\n", first.last().unwrap());
    let second = ids(&http::until(port, "/ccm/v1/events", &last, "}\n\n").await);
    assert!(!second.iter().any(|id| first.contains(id)), "{first:?} {second:?}");
    assert!(!second.is_empty());
}

#[tokio::test]
async fn sales_asks_for_stock_and_shows_it_beside_its_bestsellers() {
    let port = service(Part::Sales, true, afternoon()).await;
    let asked = asks(&http::until(port, "/ccm/v1/events", "", "}\n\n").await);
    assert_valid("ask", &asked[0]);
    assert_eq!((&asked[0]["to"], &asked[0]["path"]), (&json!("inventory"), &json!("/api/stock")));
    let inventory = service(Part::Inventory, true, afternoon()).await;
    let stock = get(inventory, "/api/stock", "").await.json();
    let reply = json!({ "ask": "stock", "to": "inventory", "status": 200, "data": stock });
    assert_valid("reply", &reply);
    assert_eq!(post(port, "/ccm/v1/replies", &reply).await, 204);
    let top = get(port, "/api/products/top", "").await.json();
    assert!(top["products"][0]["stock_level"].is_u64(), "{top:#}");
    let refused = json!({ "ask": "stock", "to": "inventory", "status": 403,
        "problem": { "title": "Not granted", "status": 403, "detail": "add it" } });
    assert_valid("reply", &refused);
    assert_eq!(post(port, "/ccm/v1/replies", &refused).await, 204);
    assert_eq!(get(port, "/api/products/top", "").await.json(), top, "what is known stays");
}

#[tokio::test]
async fn accounting_hears_what_is_ordered_and_by_whom() {
    let inventory = service(Part::Inventory, true, afternoon()).await;
    let earlier = (afternoon() - HOUR.times(8)).as_millis();
    let last = format!("Last-Event-ID: {earlier}-0\r\n");
    // It is told by a topic that the manifest names.
    http::until(inventory, "/ccm/v1/events", &last, "\"topic\":\"stock.low\"").await;
    let port = service(Part::Accounting, true, afternoon()).await;
    let event = json!({ "type": "stock.reordered", "topic": "stock.low",
        "at": "2026-11-19T14:00:00Z", "message": "40 of Mug ordered",
        "fields": { "sku": "MUG-1", "quantity": 40 } });
    let delivery = json!({ "from": "inventory", "topic": "stock.low", "id": "7-0", "hops": 1,
        "event": event });
    assert_valid("delivery", &delivery);
    assert_eq!(post(port, "/ccm/v1/deliveries", &delivery).await, 204);
    let bills = get(port, "/api/expected-bills", "").await.json();
    assert_eq!(bills["bills"][0]["quantity"], 40);
    assert_eq!(bills["bills"][0]["what"], "40 of Mug ordered");
    let order = json!({ "type": "order.created", "topic": "order.created",
        "at": "2026-11-19T14:00:00Z", "message": "Order 1047, $129.90" });
    let delivery = json!({ "from": "sales", "topic": "order.created", "id": "8-0", "hops": 1,
        "event": order });
    assert_eq!(post(port, "/ccm/v1/deliveries", &delivery).await, 204);
    let orders = get(port, "/api/to-invoice", "").await.json();
    assert_eq!((&orders["count"], &orders["orders"][0]["id"]), (&json!(1), &json!("8-0")));
    assert_eq!(get(port, "/api/expected-bills", "").await.json(), bills);
}

/// The first moment with a fault of some kind.
fn moment_of(part: Part, wanted: impl Fn(Fault) -> bool) -> Timestamp {
    let seconds = (0..1_000_000).map(|second| afternoon() + Interval::from_secs(second));
    let mut found = seconds.filter(|at| fault::at(7, part.name(), *at).is_some_and(&wanted));
    found.next().unwrap()
}

#[tokio::test]
async fn health_says_what_is_wrong_and_faults_are_answers_of_the_contract() {
    for part in Part::ALL {
        let port = service(part, true, moment_of(part, |_| true)).await;
        let calm = get(port, "/ccm/v1/health", "").await.json();
        assert_valid("health", &calm);
        assert_eq!(calm["status"], "running");

        let at = moment_of(part, |fault| fault == Fault::Failing);
        let port = service(part, false, at).await;
        let health = get(port, "/ccm/v1/health", "").await.json();
        assert_valid("health", &health);
        let health: Health = serde_json::from_value(health).unwrap();
        assert_eq!(health.problems(), []);
        assert_eq!(health.status, HealthStatus::Degraded);
        assert!(health.detail.is_some());
        let manifest = part.manifest().unwrap();
        let data = get(port, &manifest.endpoints[0].path, "").await;
        assert_eq!(data.status, 500);
        assert_valid("problem", &data.json());

        let at = moment_of(part, |fault| fault == Fault::Away);
        let port = service(part, false, at).await;
        let answer = get(port, "/ccm/v1/health", "").await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        assert_valid("problem", &answer.json());
    }
}

#[test]
fn the_schema_refuses_what_the_daemon_refuses() {
    let good = json!({ "contract": 1, "id": "sales", "version": "1", "title": "Sales" });
    assert_valid("manifest", &good);
    let table = [
        ("contract", json!(2)),
        ("id", json!("Sales")),
        ("version", json!("")),
        ("health", json!("health")),
        ("health", json!("//elsewhere/health")),
        ("endpoints", json!([{ "path": "/a?b" }])),
        ("endpoints", json!([{ "path": "/a", "params": [{ "name": "x", "type": "date" }] }])),
        ("permissions", json!([1])),
        ("events", json!({ "path": "events" })),
        ("bridge", json!({ "asks": ["inventory"] })),
        ("bridge", json!({ "asks": ["inventory:stock"] })),
        ("bridge", json!({ "answers": ["/a//b"] })),
        ("bridge", json!({ "answers": ["/a/*/b"] })),
        ("bridge", json!({ "answers": ["/a%2fb"] })),
        ("bridge", json!({ "publishes": ["Stock"] })),
        ("bridge", json!({ "subscribes": ["inventory:stock*"] })),
        ("bridge", json!({ "replies": "replies" })),
    ];
    for (name, value) in table {
        let mut manifest = good.clone();
        manifest[name] = value;
        assert!(!schema("manifest").is_valid(&manifest), "{manifest}");
        let read = serde_json::from_value::<Manifest>(manifest.clone());
        assert!(!read.is_ok_and(|manifest| manifest.problems().is_empty()), "{manifest}");
    }
}
