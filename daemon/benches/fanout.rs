//! Fan-out: many streams of many feeds over a loopback socket.
//!
//! `cargo bench --workspace --bench fanout [-- STREAMS FEEDS SECONDS]` starts a server process
//! for each of two kinds, the hub's pre-encoded frames and a plain tonic stream that encodes each
//! message for each subscriber, and prints latency from publication to receipt, processor time
//! and resident memory a stream, side by side.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and a failure ends it"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::SelfMetrics;
use ccm_daemon::engine::event::{Event, FeedId, Publication};
use ccm_daemon::hub::session::{Greeting, Session, SessionStream};
use ccm_daemon::hub::{Hub, Surroundings};
use ccm_daemon::notices::NoticeBoard;
use ccm_daemon::registry::Snapshot;
use ccm_daemon::settings::Limits;
use ccm_proto::model::{Cell, Row, Timestamp, View};
use ccm_proto::wire::stream_server::{StreamService, StreamServiceServer};
use ccm_proto::wire::stream_service_client::StreamServiceClient;
use ccm_proto::wire::stream_service_server as plain;
use ccm_proto::wire::{self, ClientMessage, client_message::Message};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::{BroadcastStream, UnixListenerStream};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// Streams of one connection, below the usual limit of HTTP/2 peers.
const STREAMS_PER_CONNECTION: usize = 100;

/// Rows of each feed, so that a full view weighs about as much as a table of the host layout.
const ROWS: usize = 20;

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A view with a few changed cells a second and the moment of publication in a field.
fn view(feed: u64, round: u64) -> View {
    let mut view = View::default();
    view.fields.insert("published_us".to_owned(), Cell::Integer(micros() as i64));
    for row in 0..ROWS {
        let changed = (row as u64 + round).is_multiple_of(4);
        let value = if changed { round } else { 0 };
        view.rows.push(Row {
            key: format!("{feed}-{row}"),
            cells: vec![
                Cell::Text(format!("row number {row}").into()),
                Cell::Number(value as f64 / 3.0),
                Cell::Integer(row as i64),
            ],
        });
    }
    view
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let [word, kind, socket, feeds] = arguments.as_slice()
        && word == "serve"
    {
        runtime.block_on(serve(kind, Path::new(socket), feeds.parse().unwrap()));
        return;
    }
    let number = |index: usize, default: usize| {
        arguments.get(index).and_then(|word| word.parse().ok()).unwrap_or(default)
    };
    let load = Load { streams: number(0, 10_000), feeds: number(1, 20), seconds: number(2, 10) };
    println!("{} streams x {} feeds at 1 Hz for {} s", load.streams, load.feeds, load.seconds);
    let hub = runtime.block_on(measure("hub", &load));
    let plain = runtime.block_on(measure("plain", &load));
    println!(
        "ratio plain / hub: server cpu {:.2}, p99 {:.2}, memory a stream {:.2}",
        plain.server_cpu / hub.server_cpu.max(0.001),
        plain.p99 as f64 / hub.p99.max(1) as f64,
        plain.stream_bytes / hub.stream_bytes.max(1.0),
    );
}

struct Load {
    streams: usize,
    feeds: usize,
    seconds: usize,
}

struct Figures {
    server_cpu: f64,
    p99: u64,
    stream_bytes: f64,
}

// ---- the server's process ----

async fn serve(kind: &str, socket: &Path, feeds: u64) {
    let listener = UnixListener::bind(socket).unwrap();
    let incoming = UnixListenerStream::new(listener);
    let builder = Server::builder().max_concurrent_streams(Some(1_024));
    println!("ready");
    if kind == "hub" {
        let (hub, service) = hub_service();
        tokio::spawn(publish_to_hub(hub, feeds));
        let mut builder = builder;
        builder
            .add_service(StreamServiceServer::new(service))
            .serve_with_incoming(incoming)
            .await
            .unwrap();
    } else {
        let frames = broadcast::Sender::new(16);
        tokio::spawn(publish_plain(frames.clone(), feeds));
        let mut builder = builder;
        let service = plain::StreamServiceServer::new(Plain { frames });
        builder.add_service(service).serve_with_incoming(incoming).await.unwrap();
    }
}

/// Publishing begins when the parent says so on standard input.
async fn wait_for_start() {
    tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
    })
    .await
    .unwrap();
}

struct HubService {
    hub: Hub,
    refresh: mpsc::Sender<Vec<ccm_proto::model::Name>>,
}

fn hub_service() -> (Hub, HubService) {
    let (events, mut opened) = mpsc::unbounded_channel::<Event>();
    tokio::spawn(async move { while opened.recv().await.is_some() {} });
    let snapshot = Box::leak(Box::new(watch::Sender::new(Arc::new(Snapshot::default()))));
    let surroundings = Surroundings {
        snapshot: snapshot.subscribe(),
        notices: NoticeBoard::default().subscribe(),
        events,
        metrics: Arc::new(SelfMetrics::default()),
    };
    let limits = Limits { sessions: 100_000, ..Limits::default() };
    let hub = Hub::new(limits, surroundings);
    let (refresh, _) = mpsc::channel(1);
    (hub.clone(), HubService { hub, refresh })
}

#[tonic::async_trait]
impl StreamService for HubService {
    type AttachStream = SessionStream<Streaming<ClientMessage>>;

    async fn attach(
        &self,
        request: Request<Streaming<ClientMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let greeting = Greeting {
            daemon: "bench".to_owned(),
            hostname: "bench".to_owned(),
            epoch: 1,
            started_at: Timestamp::EPOCH,
            identity: "bench".to_owned(),
        };
        let session =
            Session::new(&self.hub, greeting).map_err(|e| Status::internal(e.to_string()))?;
        let refresh = self.refresh.clone();
        Ok(Response::new(SessionStream::new(
            session,
            request.into_inner(),
            Clock::system(),
            refresh,
        )))
    }
}

async fn publish_to_hub(hub: Hub, feeds: u64) {
    wait_for_start().await;
    let mut former: Vec<View> = vec![View::default(); feeds as usize];
    for round in 1.. {
        let batch: Vec<Publication> = (0..feeds)
            .map(|feed| {
                let view = view(feed, round);
                let delta = Arc::new(former[feed as usize].delta_to(&view));
                former[feed as usize] = view.clone();
                Publication { feed: FeedId(feed + 1), version: round, delta, view: Arc::new(view) }
            })
            .collect();
        hub.publish(batch);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Each subscriber gets its own copy of the message, which tonic encodes anew.
struct Plain {
    frames: broadcast::Sender<Arc<wire::Frame>>,
}

#[tonic::async_trait]
impl plain::StreamService for Plain {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<wire::Frame, Status>> + Send>>;

    async fn attach(
        &self,
        _request: Request<Streaming<ClientMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let frames = BroadcastStream::new(self.frames.subscribe());
        let frames =
            frames.filter_map(|frame| async { frame.ok().map(|frame| Ok((*frame).clone())) });
        Ok(Response::new(Box::pin(frames)))
    }
}

async fn publish_plain(frames: broadcast::Sender<Arc<wire::Frame>>, feeds: u64) {
    wait_for_start().await;
    let mut former: Vec<View> = vec![View::default(); feeds as usize];
    for round in 1.. {
        let updates = (0..feeds).map(|feed| {
            let view = view(feed, round);
            let delta = former[feed as usize].delta_to(&view);
            former[feed as usize] = view;
            let delta = Some((&delta).into());
            wire::FeedUpdate { feed: feed + 1, version: round, base: round - 1, delta }
        });
        let frame = wire::Frame { feeds: updates.collect(), ..wire::Frame::default() };
        let _ = frames.send(Arc::new(frame));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

// ---- the clients' process ----

struct ServerProcess {
    child: Child,
    stdin: ChildStdin,
    _stdout: BufReader<ChildStdout>,
}

impl ServerProcess {
    fn start(kind: &str, socket: &Path, feeds: usize) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut child = Command::new(program)
            .args(["serve", kind, socket.to_str().unwrap(), &feeds.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        assert!(StdUnixStream::connect(socket).is_ok());
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin, _stdout: stdout }
    }

    fn resident_bytes(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4_096
    }

    /// Processor time so far, in seconds, at the usual 100 ticks a second.
    fn cpu_seconds(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn measure(kind: &str, load: &Load) -> Figures {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let mut server = ServerProcess::start(kind, &socket, load.feeds);
    let before = server.resident_bytes();
    let received = Arc::new(Received::default());
    let mut tasks = Vec::new();
    for _ in 0..load.streams.div_ceil(STREAMS_PER_CONNECTION) {
        let path = socket.clone();
        let connect = tower::service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(hyper_util::rt::TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://bench");
        let channel = endpoint.connect_with_connector(connect).await.unwrap();
        for _ in 0..STREAMS_PER_CONNECTION.min(load.streams) {
            let client = StreamServiceClient::new(channel.clone());
            tasks.push(tokio::spawn(receive(client, load.feeds, Arc::clone(&received))));
        }
    }
    while received.streams.load(Ordering::Relaxed) < tasks.len() as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let idle = server.resident_bytes();
    let cpu = server.cpu_seconds();
    server.stdin.write_all(b"go\n").unwrap();
    tokio::time::sleep(Duration::from_secs(load.seconds as u64)).await;
    let server_cpu = server.cpu_seconds() - cpu;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let mut latencies = std::mem::take(&mut *received.latencies.lock().unwrap());
    latencies.sort_unstable();
    let at =
        |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or(0);
    let figures = Figures {
        server_cpu,
        p99: u64::from(at(0.99)),
        stream_bytes: idle.saturating_sub(before) as f64 / tasks.len() as f64,
    };
    println!(
        "{kind:>5}: {} frames, latency p50 {:.1} ms  p99 {:.1} ms  p99.9 {:.1} ms, server cpu {:.2} s, {:.1} KiB an idle stream",
        latencies.len(),
        f64::from(at(0.5)) / 1_000.0,
        f64::from(at(0.99)) / 1_000.0,
        f64::from(at(0.999)) / 1_000.0,
        server_cpu,
        figures.stream_bytes / 1_024.0,
    );
    figures
}

#[derive(Default)]
struct Received {
    streams: AtomicU64,
    latencies: std::sync::Mutex<Vec<u32>>,
}

async fn receive(
    mut client: StreamServiceClient<tonic::transport::Channel>,
    feeds: usize,
    received: Arc<Received>,
) {
    let hello = wire::Hello {
        protocol: ccm_proto::PROTOCOL_VERSION,
        client: "bench".to_owned(),
        frame_interval_ms: 0,
    };
    let feeds = (0..feeds).map(|feed| wire::FeedWatch {
        slot: feed as u32,
        widget: format!("w{feed}"),
        max_points: 100,
        ..wire::FeedWatch::default()
    });
    let watch = wire::Watch { serial: 1, documents: Vec::new(), feeds: feeds.collect() };
    let messages = [Message::Hello(hello), Message::Watch(watch)]
        .map(|message| ClientMessage { message: Some(message) });
    let outbound = stream::iter(messages).chain(stream::pending());
    let mut frames = client.attach(outbound).await.unwrap().into_inner();
    received.streams.fetch_add(1, Ordering::Relaxed);
    let mut latencies = Vec::new();
    while let Ok(Some(frame)) = frames.message().await {
        if let Some(published) = frame.feeds.iter().filter_map(published_us).max() {
            latencies.push(u32::try_from(micros().saturating_sub(published)).unwrap_or(u32::MAX));
        }
        if latencies.len() >= 2 {
            received.latencies.lock().unwrap().append(&mut latencies);
        }
    }
}

fn published_us(update: &wire::FeedUpdate) -> Option<u64> {
    let delta = update.delta.as_ref()?;
    let field = delta.fields.iter().find(|field| field.name == "published_us")?;
    match field.value.as_ref()?.kind.as_ref()? {
        wire::scalar::Kind::Integer(micros) => u64::try_from(*micros).ok(),
        _ => None,
    }
}
