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

use bytes::{Buf as _, Bytes};
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
use ccm_proto::wire::stream_service_server as plain;
use ccm_proto::wire::{self, ClientMessage, client_message::Message};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::{BroadcastStream, UnixListenerStream};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// Streams of one connection, below the usual limit of HTTP/2 peers.
const STREAMS_PER_CONNECTION: usize = 100;

/// The field that carries the moment of publication, as 20 digits of Unix microseconds.
const MARK: &str = "published_us";

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
    view.fields.insert(MARK.to_owned(), Cell::Text(format!("{:020}", micros()).into()));
    for row in 0..ROWS {
        let changed = (row as u64 + round).is_multiple_of(4);
        let value = if changed { round } else { 0 };
        view.rows.push(Row::shared(
            format!("{feed}-{row}"),
            vec![
                Cell::Text(format!("row number {row}").into()),
                Cell::Number(value as f64 / 3.0),
                Cell::Integer(row as i64),
            ],
        ));
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
            tasks.push(tokio::spawn(receive(channel.clone(), load.feeds, Arc::clone(&received))));
        }
    }
    while received.streams.load(Ordering::Relaxed) < tasks.len() as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let idle = server.resident_bytes();
    server.stdin.write_all(b"go\n").unwrap();
    // The first round brings every stream its whole views; what is measured is the daily round.
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    received.latencies.lock().unwrap().clear();
    let cpu = server.cpu_seconds();
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

/// Takes frames as they came: what a client does with them is not the server's cost, and a
/// decoding client would take the processor that the server is measured on.
#[derive(Clone, Copy, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = ClientMessage;
    type Decode = Bytes;
    type Encoder = <tonic_prost::ProstCodec<ClientMessage, ClientMessage> as Codec>::Encoder;
    type Decoder = RawDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        tonic_prost::ProstCodec::<ClientMessage, ClientMessage>::default().encoder()
    }

    fn decoder(&mut self) -> RawDecoder {
        RawDecoder
    }
}

struct RawDecoder;

impl Decoder for RawDecoder {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}

async fn receive(channel: Channel, feeds: usize, received: Arc<Received>) {
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
    let outbound = Request::new(stream::iter(messages).chain(stream::pending()));
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/ccm.v1.StreamService/Attach");
    let mut frames = client.streaming(outbound, path, RawCodec).await.unwrap().into_inner();
    received.streams.fetch_add(1, Ordering::Relaxed);
    while let Ok(Some(frame)) = frames.message().await {
        if let Some(published) = published_us(&frame) {
            let latency = u32::try_from(micros().saturating_sub(published)).unwrap_or(u32::MAX);
            received.latencies.lock().unwrap().push(latency);
        }
    }
}

/// The moment of the frame's first feed.
fn published_us(frame: &[u8]) -> Option<u64> {
    let mark = frame.windows(MARK.len()).position(|window| window == MARK.as_bytes())?;
    let after = frame.get(mark + MARK.len()..)?;
    let digits = after.iter().position(u8::is_ascii_digit)?;
    std::str::from_utf8(after.get(digits..digits + 20)?).ok()?.parse().ok()
}
