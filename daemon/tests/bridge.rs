//! Two modules ask and tell each other through a real daemon, over real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Json, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use ccm_daemon::app::Daemon;
use ccm_proto::wire;
use ccm_proto::wire::module_service_client::ModuleServiceClient;
use ccm_proto::wire::source_service_client::SourceServiceClient;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tonic::transport::Channel;

#[path = "common/daemon.rs"]
mod common;

/// Something that happened to a module.
#[derive(Debug, PartialEq)]
enum Happened {
    /// Its stream of events was opened, so that the daemon knows it and finds it well.
    Opened,
    /// It was brought something.
    Brought { path: &'static str, from: String, hops: Option<String>, body: Value },
    /// It was asked for stock.
    Asked { from: String, hops: String },
}

#[derive(Clone)]
struct Module {
    manifest: Arc<Value>,
    happened: mpsc::UnboundedSender<Happened>,
    /// What its stream says, once.
    says: Arc<Mutex<Option<mpsc::UnboundedReceiver<String>>>>,
}

/// A module on a socket.
struct Running {
    happened: mpsc::UnboundedReceiver<Happened>,
    says: mpsc::UnboundedSender<String>,
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

async fn events(State(module): State<Module>) -> impl IntoResponse {
    let says = module.says.lock().unwrap().take();
    module.happened.send(Happened::Opened).unwrap();
    let frames = futures_util::stream::unfold(says, |says| async move {
        let mut says = says?;
        let text = says.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(text), Some(says)))
    });
    ([(CONTENT_TYPE, "text/event-stream")], axum::body::Body::from_stream(frames.boxed()))
}

async fn stock(State(module): State<Module>, headers: HeaderMap) -> Json<Value> {
    let from = header(&headers, "ccm-from").unwrap();
    let hops = header(&headers, "ccm-hops").unwrap();
    module.happened.send(Happened::Asked { from, hops }).unwrap();
    Json(json!({ "units": 7 }))
}

fn brought(module: &Module, path: &'static str, headers: &HeaderMap, body: Value) {
    let from = header(headers, "ccm-from").unwrap();
    let hops = header(headers, "ccm-hops");
    module.happened.send(Happened::Brought { path, from, hops, body }).unwrap();
}

fn run(folder: &Path, name: &str, bridge: &Value) -> Running {
    let (told, happened) = mpsc::unbounded_channel();
    let (says, heard) = mpsc::unbounded_channel();
    let manifest = json!({ "contract": 1, "id": name, "version": "1", "title": name,
        "metrics": null, "bridge": bridge });
    let module = Module {
        manifest: Arc::new(manifest),
        happened: told,
        says: Arc::new(Mutex::new(Some(heard))),
    };
    let manifest = |State(module): State<Module>| async move { Json((*module.manifest).clone()) };
    let health = || async { Json(json!({ "status": "running" })) };
    let replies = |State(module): State<Module>, headers: HeaderMap, Json(body): Json<Value>| async move {
        brought(&module, "replies", &headers, body);
    };
    let deliveries = |State(module): State<Module>, headers: HeaderMap, Json(body): Json<Value>| async move {
        brought(&module, "deliveries", &headers, body);
    };
    let router = Router::new()
        .route("/ccm/v1/manifest", get(manifest))
        .route("/ccm/v1/health", get(health))
        .route("/ccm/v1/events", get(events))
        .route("/ccm/v1/replies", post(replies))
        .route("/ccm/v1/deliveries", post(deliveries))
        .route("/api/stock", get(stock))
        .with_state(module);
    let listener = UnixListener::bind(folder.join(format!("{name}.sock"))).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Running { happened, says }
}

impl Running {
    async fn next(&mut self) -> Happened {
        self.happened.recv().await.unwrap()
    }

    fn say(&self, frame: &str) {
        self.says.send(frame.to_owned()).unwrap();
    }
}

/// A daemon with modules, each on a socket of its name, by what their documents say further.
async fn daemon(home: &Path, modules: &[(&str, &str)]) -> (Daemon, Channel) {
    let document = |(name, rights): &(&str, &str)| {
        let socket = home.join(format!("{name}.sock"));
        let text = format!("endpoint = \"unix:{}\"\n{rights}\n", socket.display());
        (format!("modules/{name}.toml"), text)
    };
    let documents: Vec<_> = modules.iter().map(document).collect();
    common::start(home, &documents).await
}

async fn by_hand(channel: &Channel, from: &str, path: &str) -> wire::AskModuleResponse {
    let request = wire::AskModuleRequest {
        from: from.to_owned(),
        to: "inventory".to_owned(),
        path: path.to_owned(),
    };
    ModuleServiceClient::new(channel.clone()).ask_module(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_ask_and_tell_each_other_as_far_as_their_documents_say() {
    let home = tempfile::tempdir().unwrap();
    let sales_offer = json!({ "asks": ["inventory:/api/stock"], "subscribes": ["inventory:*"] });
    let mut sales = run(home.path(), "sales", &sales_offer);
    let inventory_offer = json!({ "answers": ["/api/stock"], "publishes": ["stock.*"] });
    let mut inventory = run(home.path(), "inventory", &inventory_offer);
    let documents = [
        (
            "sales",
            "may_ask = [\"inventory:/api/stock\"]\nmay_subscribe = [\"inventory:stock.low\"]",
        ),
        ("inventory", "may_publish = [\"stock.low\"]"),
    ];
    let (daemon, channel) = daemon(home.path(), &documents).await;
    assert_eq!(sales.next().await, Happened::Opened);
    assert_eq!(inventory.next().await, Happened::Opened);

    sales.say("event: ccm.ask\ndata: {\"ask\": \"q1\", \"to\": \"inventory\", \"path\": \"/api/stock\"}\n\n");
    let asked = Happened::Asked { from: "sales".to_owned(), hops: "1".to_owned() };
    assert_eq!(inventory.next().await, asked);
    let Happened::Brought { path, from, body, .. } = sales.next().await else { panic!("a reply") };
    assert_eq!((path, from.as_str()), ("replies", "inventory"));
    let answered = json!({ "ask": "q1", "to": "inventory", "status": 200, "data": { "units": 7 } });
    assert_eq!(body, answered);

    // What is said in the name of another changes nothing: the stream is the one that asks.
    inventory.say("event: ccm.ask\ndata: {\"ask\": \"q2\", \"to\": \"sales\", \"from\": \"sales\", \"path\": \"/x\"}\n\n");
    let Happened::Brought { body, .. } = inventory.next().await else { panic!("a refusal") };
    assert_eq!(body["status"], 403);
    let detail = body["problem"]["detail"].as_str().unwrap();
    assert!(detail.contains("modules/inventory.toml"), "{detail}");

    let event = |topic: &str, id: u32| {
        let data = json!({ "type": "stock", "topic": topic, "at": "2026-11-19T14:30:00Z",
            "message": topic });
        format!("id: {id}\nevent: stock\ndata: {data}\n\n")
    };
    inventory.say(&event("stock.out", 1));
    inventory.say(&event("stock.low", 2));
    let Happened::Brought { path, from, hops, body } = sales.next().await else {
        panic!("a delivery")
    };
    assert_eq!((path, from.as_str(), hops.as_deref()), ("deliveries", "inventory", Some("1")));
    assert_eq!((&body["topic"], &body["id"]), (&json!("stock.low"), &json!("2")));

    let by_sales = by_hand(&channel, "sales", "/api/stock").await;
    assert_eq!((by_sales.status, by_sales.data_json.as_str()), (200, r#"{"units":7}"#));
    let refused = by_hand(&channel, "sales", "/api/stock/../orders").await;
    assert_eq!((refused.status, refused.data_json.as_str()), (400, ""));

    let calls = wire::ListCallsRequest { source: "sales".to_owned(), limit: 0 };
    let mut sources = SourceServiceClient::new(channel.clone());
    let calls = sources.list_calls(calls).await.unwrap().into_inner().calls;
    let asks: Vec<_> =
        calls.iter().filter(|call| call.api == "asks of sales to inventory").collect();
    assert_eq!(asks.len(), 2);
    assert!(asks[0].url.ends_with("/api/stock") && asks[0].owner == "module sales");

    let all = wire::ListModulesRequest::default();
    let modules = ModuleServiceClient::new(channel).list_modules(all).await.unwrap().into_inner();
    let [of_inventory, of_sales] = &modules.modules[..] else { panic!("{modules:?}") };
    let traffic = of_inventory.traffic.clone().unwrap();
    assert_eq!((traffic.answered, traffic.published, traffic.refused), (2, 1, 2));
    assert!(traffic.refusal.contains("\"stock.out\" to may_publish"), "{}", traffic.refusal);
    assert_eq!(of_inventory.missing, ["may_publish = [\"stock.*\"]"]);
    assert_eq!(of_sales.missing, ["may_subscribe = [\"inventory:*\"]"]);
    assert_eq!(of_sales.traffic.clone().unwrap().asks, 2);
    daemon.end("the test is over").await.unwrap();
}
