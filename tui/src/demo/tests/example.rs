//! The example that readers begin with works.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ccm_proto::model::module::Manifest;
use serde_json::json;

use super::contract::assert_valid;
use super::http::{asks, events, get, post, until};

#[tokio::test]
async fn the_module_in_python_speaks_the_contract() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/module.py");
    let lines = std::fs::read_to_string(&file).unwrap().lines().count();
    assert!(lines <= 90, "the documentation promises 90 lines, these are {lines}");
    let mut child =
        Command::new("python3").arg(&file).stdout(Stdio::piped()).spawn().expect("python3");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port: u16 = line.trim_end().rsplit(':').next().unwrap().parse().expect(&line);

    let manifest = get(port, "/ccm/v1/manifest", "").await.json();
    assert_valid("manifest", &manifest);
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    assert_eq!(manifest.problems(), []);
    assert_valid("health", &get(port, "/ccm/v1/health", "").await.json());
    let data = get(port, "/queues?min=1", "").await.json();
    assert_eq!(data["queues"].as_array().unwrap().len(), 2);
    let refused = get(port, "/queues?min=x", "").await;
    assert_eq!(refused.status, 400);
    assert_valid("problem", &refused.json());
    assert_eq!(get(port, "/nowhere", "").await.status, 404);
    let metrics = get(port, "/ccm/v1/metrics", "").await;
    assert!(metrics.body.contains("queue_waiting{queue=\"mail\"} 3\n"), "{}", metrics.body);
    let stream = until(port, "/ccm/v1/events", "", "\n\n").await;
    assert_valid("event", &events(&stream)[0]);
    let stream = until(port, "/ccm/v1/events", "", "/api/stock\"}\n\n").await;
    assert_valid("ask", &asks(&stream)[0]);
    let reply = json!({ "ask": "1", "to": "inventory", "status": 200, "data": { "items": [] } });
    assert_eq!(post(port, "/ccm/v1/replies", &reply).await, 204);
    assert_eq!(get(port, "/queues", "").await.json()["heard"], 1);

    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_example_documents_are_valid() {
    use ccm_proto::model::{ModuleSpec, SourceSpec, WidgetSpec};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/modules");
    let read = |file: &str| -> toml::Table {
        toml::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap()
    };
    let module: ModuleSpec = read("modules/queues.toml").try_into().unwrap();
    assert_eq!(module.problems(), []);
    for file in ["sources/queues-long.toml", "sources/queues-events.toml"] {
        let source: SourceSpec = read(file).try_into().unwrap();
        assert_eq!(source.problems(), [], "{file}");
    }
    let widget: WidgetSpec = read("widgets/queues-long.toml").try_into().unwrap();
    assert_eq!(widget.problems(), []);
}
