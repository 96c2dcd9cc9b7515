//! What a module offers becomes documents.

use ccm_proto::model::module::{Manifest, ModuleAddress, ModuleSpec};
use ccm_proto::model::{Kind, SourceSpec, WidgetSpec};

use super::{at, name};
use crate::collect::module::directory::Directory;
use crate::collect::module::{contributions, state::Sign};

const OFFERS: &str = r#"{
  "contract": 1, "id": "sales", "version": "2.1.0", "title": "Sales",
  "endpoints": [
    {"path": "/api/metrics/daily-summary", "description": "The day"},
    {"path": "/api/top", "params": [{"name": "limit", "type": "integer", "default": 5}]}
  ],
  "widgets": [
    {"name": "day", "endpoint": "/api/metrics/daily-summary", "refresh": "5m", "widget":
      {"title": "Day", "type": "stat", "stat": {"primary": {"value": "total", "label": "total"}}}},
    {"name": "orders", "endpoint": "/api/metrics/daily-summary", "refresh": "30s", "widget":
      {"title": "Orders", "type": "stat", "stat": {"primary": {"value": "orders", "label": "orders"}}}},
    {"name": "top", "endpoint": "/api/top", "params": {"limit": 3}, "widget":
      {"title": "Top", "type": "table", "table": {"rows": "products", "key": "sku",
       "columns": [{"field": "sku", "label": "sku"}]}}},
    {"name": "all", "endpoint": "/api/top", "widget":
      {"title": "All", "type": "table", "table": {"rows": "products", "key": "sku",
       "columns": [{"field": "sku", "label": "sku"}]}}}
  ]
}"#;

const ADDRESS: ModuleAddress = ModuleAddress::Unix(String::new());

fn manifest() -> Manifest {
    let manifest: Manifest = serde_json::from_str(OFFERS).unwrap();
    assert_eq!(manifest.problems(), []);
    manifest
}

#[test]
fn widgets_become_documents_that_name_the_sources_beside_them() {
    let documents = contributions(&name("shop"), &manifest(), &ADDRESS);
    let ids: Vec<String> = documents.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(&ids[..2], ["source/shop-api-metrics-daily-summary", "source/shop-api-top"]);
    assert!(ids[2].starts_with("source/shop-api-top-"), "{ids:?}");
    assert_eq!(
        &ids[3..],
        ["widget/shop-day", "widget/shop-orders", "widget/shop-top", "widget/shop-all"]
    );
    for (id, document) in &documents {
        if id.kind == Kind::Source {
            let spec: SourceSpec = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(spec.problems(), [], "{id}");
            assert_eq!(spec.module.unwrap().name, name("shop"));
        } else {
            let spec: WidgetSpec = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(spec.problems(), [], "{id}");
            let source = format!("source/{}", spec.source);
            assert!(ids.contains(&source), "{id}: {source}");
        }
    }
    let day = &documents[0].1;
    assert_eq!(day["interval"], "30s", "the most eager widget counts");
    assert_eq!(day["description"], "The day");
    assert_eq!(documents[2].1["module"]["params"]["limit"], 3);
}

#[test]
fn the_same_manifest_gives_the_same_documents() {
    assert_eq!(
        contributions(&name("a"), &manifest(), &ADDRESS),
        contributions(&name("a"), &manifest(), &ADDRESS)
    );
}

#[test]
fn names_that_would_be_too_long_are_cut_and_told_apart() {
    let long = name(&"m".repeat(90));
    let documents = contributions(&long, &manifest(), &ADDRESS);
    let ids: std::collections::BTreeSet<_> = documents.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 7);
    assert!(ids.iter().all(|id| id.name.as_str().len() <= 96));
}

#[test]
fn the_table_of_modules_says_how_each_is_and_why() {
    let directory = Directory::default();
    let spec: ModuleSpec = serde_json::from_str(r#"{"endpoint": "unix:/run/shop.sock"}"#).unwrap();
    directory.enter(&name("shop"), spec.clone().into(), at(5));
    let table = directory.table();
    assert_eq!(table.at("modules.0.state").unwrap().as_text(), Some("unknown"));
    assert!(table.at("modules.0.version").unwrap().is_absent());
    directory.describe(&name("shop"), &manifest().into());
    directory.take(&name("shop"), &Sign::Disabled, None, at(9));
    let table = directory.table();
    let text = |path: &str| table.at(path).unwrap().as_text().unwrap().to_owned();
    assert_eq!(text("modules.0.name"), "shop");
    assert_eq!(text("modules.0.id"), "sales");
    assert_eq!(text("modules.0.version"), "2.1.0");
    assert_eq!(text("modules.0.state"), "stopped");
    assert_eq!(text("modules.0.address"), "unix:/run/shop.sock");
    assert!(text("modules.0.reason").contains("enabled = false"));
    assert_eq!(table.at("modules.0.since").unwrap().as_number(), Some(9.0));
    assert_eq!(table.at("modules.0.endpoints").unwrap().as_number(), Some(2.0));
    assert_eq!(table.at("states.stopped").unwrap().as_number(), Some(1.0));
    // The same address keeps what is known, another one begins anew.
    directory.enter(&name("shop"), spec.into(), at(10));
    assert!(directory.known(&name("shop")).unwrap().manifest.is_some());
    let other: ModuleSpec = serde_json::from_str(r#"{"endpoint": "unix:/run/new.sock"}"#).unwrap();
    directory.enter(&name("shop"), other.into(), at(11));
    assert!(directory.known(&name("shop")).unwrap().manifest.is_none());
    directory.leave(&name("shop"));
    assert!(directory.known(&name("shop")).is_none());
}

#[test]
fn a_module_that_reports_by_itself_is_given_sources_that_are_told() {
    let documents = contributions(&name("shop"), &manifest(), &ModuleAddress::Push);
    let sources = documents.iter().filter(|(id, _)| id.kind == Kind::Source);
    let specs: Vec<SourceSpec> =
        sources.map(|(_, json)| serde_json::from_value(json.clone()).unwrap()).collect();
    assert_eq!(specs.len(), 3);
    for spec in specs {
        assert_eq!(spec.problems(), []);
        assert_eq!(spec.source_type, ccm_proto::model::source::SourceType::Push);
    }
}
