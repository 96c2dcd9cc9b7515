//! Fetches: how many calls a minute the gateway makes against a server beside it.
//!
//! `cargo bench --workspace --bench fetch [-- SECONDS CALLERS]` serves a small JSON document on
//! loopback from the same process, and asks for it by that many callers at once: plainly, with
//! limits and quota headers, and with answers that are kept. It prints calls a minute, latency and
//! the processor time of both sides together.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and a failure ends it"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::http::{
    ApiLimits, Caching, Call, Gateway, GatewayParts, Policy, QuotaHeaders, Request,
};
use ccm_proto::model::{EgressSpec, Interval, Name};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const BODY: &str = r#"{"revenue":{"today":18422.5,"yesterday":17310.0},"orders":412,"top":["A-1","B-7","C-3"],"at":"2026-01-01T00:00:00Z"}"#;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let seconds = arguments.next().unwrap_or(5);
    let callers = arguments.next().unwrap_or(16);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{callers} callers for {seconds} s each, server in the same process, 2 threads");
    runtime.block_on(async {
        let address = serve().await;
        let plain = call(address, "/plain");
        measure("plain", plain.clone(), callers, seconds).await;
        let limits = ApiLimits {
            per_second: Some(1e6),
            burst: 1_000,
            concurrent: Some(1_000),
            ..ApiLimits::default()
        };
        let quota = Some(Arc::new(QuotaHeaders::default()));
        measure("limits", Call { limits, quota, ..plain.clone() }, callers, seconds).await;
        let caching = Caching::AtLeast(Interval::from_secs(3_600));
        measure("kept", Call { caching, ..plain }, callers, seconds).await;
    });
}

fn call(address: SocketAddr, path: &str) -> Call {
    let request = Request::get(&format!("http://{address}{path}")).unwrap();
    let call = Call::new(Name::new("bench").unwrap(), Arc::new(request));
    Call { caching: Caching::Off, ..call }
}

/// The least that a server can do: it counts the ends of requests and writes the same bytes.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(mut stream: TcpStream) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ratelimit-limit: 5000\r\nx-ratelimit-remaining: 4999\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut buffer = Vec::with_capacity(4_096);
    while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        // One request at a time on each connection.
        if buffer.ends_with(b"\r\n\r\n") {
            buffer.clear();
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn measure(name: &str, call: Call, callers: usize, seconds: usize) {
    let clock = Clock::system();
    let gateway = Gateway::new(GatewayParts::system(clock.clone()));
    let spec = r#"{"allow":[{"host":"127.0.0.1","ports":"*"}]}"#;
    gateway.set_policy(Policy::new([&serde_json::from_str::<EgressSpec>(spec).unwrap()]));
    let until = clock.elapsed() + Duration::from_secs(seconds as u64);
    let cpu = cpu_seconds();
    let tasks: Vec<_> = (0..callers)
        .map(|_| tokio::spawn(run(gateway.clone(), call.clone(), clock.clone(), until)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let cpu = cpu_seconds() - cpu;
    latencies.sort_unstable();
    let at = |share: f64| {
        latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default()
    };
    println!(
        "{name:>7}: {:>10.0} calls a minute, latency p50 {:.3} ms  p99 {:.3} ms  max {:.3} ms, {:.1} us of processor a call",
        latencies.len() as f64 * 60.0 / seconds as f64,
        f64::from(at(0.5)) / 1_000.0,
        f64::from(at(0.99)) / 1_000.0,
        f64::from(latencies.last().copied().unwrap_or_default()) / 1_000.0,
        cpu * 1e6 / latencies.len().max(1) as f64,
    );
}

/// Calls one after the other; gives their latencies in microseconds.
async fn run(gateway: Gateway, call: Call, clock: Clock, until: Duration) -> Vec<u32> {
    let mut latencies = Vec::with_capacity(1 << 20);
    loop {
        let start = clock.elapsed();
        if start >= until {
            return latencies;
        }
        let fetched = gateway.fetch(call.clone()).await.unwrap();
        assert_eq!(fetched.response.body.len(), BODY.len());
        let took = clock.elapsed().saturating_sub(start);
        // Answers that are there never wait: without this the other callers would.
        tokio::task::consume_budget().await;
        latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }
}

/// Processor time of this process so far, in seconds, at the usual 100 ticks a second.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|t| t.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}
