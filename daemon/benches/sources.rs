//! Sources: what it costs to have many that wait for their next reading.
//!
//! `cargo bench --workspace --bench sources [-- SOURCES]` runs that many `external_api` sources
//! against a server in the same process, each until it has had its first reading and waits for
//! its next. It prints resident memory for each, and the sizes of what it is made of.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and a failure ends it"
)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::external_api::ExternalApi;
use ccm_daemon::collect::http::Policy;
use ccm_daemon::collect::scheduler::Scheduler;
use ccm_daemon::collect::{Environment, SourceStatus, collectors};
use ccm_daemon::engine::event::{Assignment, Event};
use ccm_proto::model::source::ExternalApiConfig;
use ccm_proto::model::{EgressSpec, Name, SourceSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a source may cost while it waits, in bytes.
const GOAL: f64 = 2_048.0;

/// Sources that are started together, so that memory for calls under way stays out of the figure.
const BATCH: usize = 100;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"orders\": 1024}";

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let count: usize = arguments.next().unwrap_or(20_000);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(count));
}

async fn measure(count: usize) {
    let clock = Clock::system();
    let environment = Environment::alone(clock.clone());
    let loopback = r#"{"allow":[{"host":"127.0.0.1","ports":"*"}]}"#;
    let loopback: EgressSpec = serde_json::from_str(loopback).unwrap();
    environment.gateway.set_policy(Policy::new([&loopback]));
    let port = serve().await;
    let (events, mut received) = mpsc::channel(1_024);
    let metrics = Arc::clone(&environment.metrics);
    let scheduler = Scheduler::new(clock, collectors(environment.clone()), events, metrics);
    // Connections, buffers and threads are there once, however many sources follow.
    let mut wanted: BTreeMap<Name, Assignment> = BTreeMap::new();
    start(&mut wanted, BATCH, port, &scheduler, &mut received).await;
    let documents = documents_bytes(count, port);
    let before = resident();
    for _ in 0..count / BATCH {
        start(&mut wanted, BATCH, port, &scheduler, &mut received).await;
    }
    let each = (resident() - before) / (count / BATCH * BATCH) as f64;
    println!(
        "{} sources wait, each in {:.0} resident bytes (goal {GOAL:.0}) beside its document of {documents:.0}, which the registry shares",
        wanted.len(),
        each - documents,
    );
    println!(
        "sizes: SourceSpec {}, ExternalApiConfig {}, Assignment {}, SourceStatus {}, ExternalApi {}",
        size_of::<SourceSpec>(),
        size_of::<ExternalApiConfig>(),
        size_of::<Assignment>(),
        size_of::<SourceStatus>(),
        size_of::<ExternalApi>(),
    );
    scheduler.stop();
}

/// Starts further sources and waits until all of them have had a reading.
async fn start(
    wanted: &mut BTreeMap<Name, Assignment>,
    more: usize,
    port: u16,
    scheduler: &Scheduler,
    received: &mut mpsc::Receiver<Event>,
) {
    let from = wanted.len();
    wanted.extend((from..from + more).map(|number| source(number, port)));
    scheduler.configure(wanted);
    let mut left = more;
    while left > 0 {
        match received.recv().await.unwrap() {
            Event::Read(_) => left -= 1,
            Event::Failed(failure) => println!("{}: {}", failure.source, failure.cause),
            _ => {}
        }
    }
}

fn source(number: usize, port: u16) -> (Name, Assignment) {
    let spec: SourceSpec = serde_json::from_value(serde_json::json!({
        "type": "external_api",
        "interval": "1h",
        "external_api": {
            "base_url": format!("http://127.0.0.1:{port}"),
            "endpoint": format!("shops/{number}/orders"),
        },
    }))
    .unwrap();
    (Name::new(&format!("orders-{number}")).unwrap(), Arc::new(spec).into())
}

/// What the documents alone cost, each.
fn documents_bytes(count: usize, port: u16) -> f64 {
    let before = resident();
    let documents: Vec<_> = (0..count).map(|number| source(number, port)).collect();
    let each = (resident() - before) / count as f64;
    // What is given back here is not used for the sources that follow, or they would look cheaper.
    std::mem::forget(documents);
    each
}

/// Resident memory of this process, in bytes, where pages have 4 KiB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or_default() * 4_096.0
}

async fn serve() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}

async fn answer(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(4_096);
    while stream.read_buf(&mut buffer).await.is_ok_and(|count| count > 0) {
        if buffer.ends_with(b"\r\n\r\n") {
            buffer.clear();
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }
}
