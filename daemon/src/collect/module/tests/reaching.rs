//! The gateway reaches modules over sockets, and only where it may over TCP.

use std::path::Path;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use axum::routing::get;
use ccm_proto::model::Interval;
use ccm_proto::model::module::ModuleSpec;
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

use super::name;
use crate::clock::Clock;
use crate::collect::Environment;
use crate::collect::http::breaker::FAILURES_MAX;
use crate::collect::module::gateway::GatewayWay;
use crate::collect::module::way::{Answer, Asked, Purpose, Way as _, WayError};

fn way() -> GatewayWay {
    let Environment { gateway, credentials, .. } = Environment::alone(Clock::system());
    GatewayWay::new(gateway, credentials, Clock::system())
}

fn asked(endpoint: &str, path: &str) -> Asked {
    let document = format!(r#"{{"endpoint": "{endpoint}"}}"#);
    let spec: ModuleSpec = serde_json::from_str(&document).unwrap();
    Asked {
        source: name("source"),
        module: name("inventory"),
        spec: spec.into(),
        path: path.to_owned(),
        accept: "application/json",
        timeout: Interval::from_secs(20),
        purpose: Purpose::Check,
    }
}

async fn events(headers: HeaderMap) -> impl axum::response::IntoResponse {
    let last = headers.get("last-event-id").map_or("none", |id| id.to_str().unwrap());
    ([(CONTENT_TYPE, "text/event-stream; charset=utf-8")], format!("data: after {last}\n\n"))
}

async fn busy() -> impl axum::response::IntoResponse {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "7")], "busy")
}

fn router() -> Router {
    let echo = |uri: axum::http::Uri| async move {
        ([(CONTENT_TYPE, "application/json")], format!("{{\"asked\": \"{uri}\"}}"))
    };
    Router::new().route("/day", get(echo)).route("/events", get(events)).route("/busy", get(busy))
}

fn socket(folder: &Path) -> String {
    let path = folder.join("module.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { axum::serve(listener, router()).await });
    format!("unix:{}", path.display())
}

#[tokio::test]
async fn a_module_on_a_socket_is_asked_and_listened_to() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, way) = (socket(folder.path()), way());
    let answer = way.get(asked(&endpoint, "/day?a=b%26c")).await.unwrap();
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
    assert_eq!(&answer.body[..], br#"{"asked": "/day?a=b%26c"}"#);
    let busy = way.get(asked(&endpoint, "/busy")).await.unwrap();
    assert_eq!((busy.status, busy.retry_after), (503, Some(Interval::from_secs(7))));
    for (last, said) in [(None, "none"), (Some("41-2"), "41-2")] {
        let opened = way.open(asked(&endpoint, "/events"), last.map(str::to_owned)).await.unwrap();
        let mut chunks = opened.unwrap();
        let mut text = Vec::new();
        while let Some(chunk) = chunks.next().await {
            text.extend_from_slice(&chunk.unwrap());
        }
        assert_eq!(String::from_utf8(text).unwrap(), format!("data: after {said}\n\n"));
    }
    let refused = way.open(asked(&endpoint, "/day"), None).await.unwrap();
    assert!(matches!(refused, Err(Answer { status: 200, .. })), "JSON is no stream of events");
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_told_apart_however_often_it_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let way = way();
    let missing = format!("unix:{}", folder.path().join("none.sock").display());
    let left = folder.path().join("left.sock");
    drop(UnixListener::bind(&left).unwrap());
    for endpoint in [missing, format!("unix:{}", left.display())] {
        for _ in 0..8 {
            let error = way.get(asked(&endpoint, "/day")).await.unwrap_err();
            assert!(matches!(error, WayError::NotListening(_)), "{error:?}");
        }
    }
}

/// Answers the path `/stock`, and hangs up on whoever asks for something else.
fn fickle(folder: &Path) -> String {
    let path = folder.join("fickle.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0 {}
            if head.starts_with(b"GET /stock ") {
                let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    format!("unix:{}", path.display())
}

#[tokio::test]
async fn who_asks_for_what_fails_stops_nobody_else_who_asks_the_same_module() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, way) = (fickle(folder.path()), way());
    let ask = |from: &str, path: &str| Asked {
        source: name(from),
        purpose: Purpose::Ask { hops: 1 },
        ..asked(&endpoint, path)
    };
    let rests = |result: Result<Answer, WayError>| {
        result.is_err_and(|error| error.to_string().contains("asks of reckless to inventory"))
    };
    for _ in 0..FAILURES_MAX {
        assert!(!rests(way.get(ask("reckless", "/broken")).await), "it is asked each time");
    }
    assert!(rests(way.get(ask("reckless", "/stock")).await), "its own circuit is open");
    assert_eq!(way.get(ask("careful", "/stock")).await.unwrap().status, 200);
    // Once the module is back, what it failed before counts no more.
    let back = ask("reckless", "/stock");
    way.welcome(&name("other"));
    assert!(rests(way.get(ask("reckless", "/stock")).await), "another module came back");
    way.welcome(&name("inventory"));
    assert_eq!(way.get(back).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_module_over_tcp_is_reached_only_where_a_document_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let error = way().get(asked(&endpoint, "/day")).await.unwrap_err();
    let WayError::Failed(cause) = error else { panic!("{error:?}") };
    assert!(cause.as_str().contains("egress"), "{cause}");
}
