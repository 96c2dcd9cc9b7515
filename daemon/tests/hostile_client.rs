//! Clients that mean no good against a whole daemon: whatever they send, it goes on serving the
//! others, and what they took is given back.
//!
//! Reliability rows "a hostile or broken client" of bytes, frames and messages: random bytes,
//! recorded conversations that are cut, flipped and repeated, messages of random and of damaged
//! bytes to every call, streams that watch too much or never read.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use ccm_daemon::app::Daemon;
use ccm_proto::PROTOCOL_VERSION;
use ccm_proto::wire::client_message::Message;
use ccm_proto::wire::stream_service_client::StreamServiceClient;
use ccm_proto::wire::system_service_client::SystemServiceClient;
use ccm_proto::wire::{self, ClientMessage};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

#[path = "common/daemon.rs"]
mod common;

/// Nothing that is waited for takes longer, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// Every call but the one that ends the daemon.
const CALLS: [&str; 7] = [
    "/ccm.v1.DocumentService/Get",
    "/ccm.v1.DocumentService/Apply",
    "/ccm.v1.DocumentService/History",
    "/ccm.v1.HistoryService/ListSeries",
    "/ccm.v1.HistoryService/QueryRange",
    "/ccm.v1.SourceService/ListSources",
    "/ccm.v1.StreamService/Attach",
];

/// Panics of any thread, by their messages; tokio would swallow those of tasks.
type Panics = Arc<Mutex<Vec<String>>>;

fn count_panics() -> Panics {
    let panics = Panics::default();
    let seen = Arc::clone(&panics);
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        seen.lock().unwrap().push(panic.to_string());
        former(panic);
    }));
    panics
}

struct Victim {
    daemon: Daemon,
    _home: tempfile::TempDir,
}

impl Victim {
    async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (daemon, _) = common::start(home.path(), &[]).await;
        Self { daemon, _home: home }
    }

    fn socket(&self) -> PathBuf {
        self.daemon.socket().to_owned()
    }
}

fn hello() -> ClientMessage {
    let hello =
        wire::Hello { protocol: PROTOCOL_VERSION, client: "test".to_owned(), frame_interval_ms: 0 };
    ClientMessage { message: Some(Message::Hello(hello)) }
}

fn watch(feeds: impl IntoIterator<Item = String>) -> ClientMessage {
    let feed = |(slot, widget): (usize, String)| wire::FeedWatch {
        slot: slot as u32,
        widget,
        ..wire::FeedWatch::default()
    };
    let feeds = feeds.into_iter().enumerate().map(feed).collect();
    let watch = wire::Watch { serial: 1, documents: Vec::new(), feeds };
    ClientMessage { message: Some(Message::Watch(watch)) }
}

/// What a client says; it says no more, but does not hang up before the sender is dropped.
fn says(
    messages: [ClientMessage; 2],
) -> (mpsc::Sender<ClientMessage>, ReceiverStream<ClientMessage>) {
    let (sender, receiver) = mpsc::channel(messages.len());
    for message in messages {
        sender.try_send(message).unwrap();
    }
    (sender, ReceiverStream::new(receiver))
}

/// A client that means well gets an answer and a frame with a value.
async fn is_served(socket: &Path) {
    let channel = common::channel(socket).await;
    let mut system = SystemServiceClient::new(channel.clone());
    let status = system.get_status(wire::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.pid, std::process::id());
    let (_says, messages) = says([hello(), watch(["host-load".to_owned()])]);
    let mut frames = StreamServiceClient::new(channel).attach(messages).await.unwrap().into_inner();
    loop {
        let frame = frames.message().await.unwrap().expect("a frame");
        if frame.feeds.iter().any(|feed| feed.delta.is_some()) {
            return;
        }
    }
}

fn open_sockets() -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = links.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

/// Waits until what the attackers took is given back.
async fn gives_back(before: usize) {
    let all = async {
        while open_sockets() > before {
            tokio::task::yield_now().await;
        }
    };
    let given = tokio::time::timeout(LIMIT, all).await;
    assert!(given.is_ok(), "{} sockets are open, {before} were", open_sockets());
}

/// Sends bytes and waits until the daemon has closed the connection.
async fn send(socket: &Path, bytes: &[u8]) {
    let Ok(mut stream) = UnixStream::connect(socket).await else { return };
    // A daemon that has heard enough closes before all is written.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection stays open after {} bytes", bytes.len());
}

async fn random_bytes(socket: &Path, random: &mut StdRng) {
    for _ in 0..200 {
        let mut bytes = vec![0; random.random_range(0..4_096)];
        random.fill_bytes(&mut bytes);
        if random.random_bool(0.5) {
            bytes.splice(..0, *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        }
        send(socket, &bytes).await;
    }
}

/// What a client that means well sends for a call and for a stream.
async fn recorded(socket: &Path) -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let between = home.path().join("between");
    let listener = UnixListener::bind(&between).unwrap();
    let socket = socket.to_owned();
    let (sender, mut recording) = mpsc::unbounded_channel::<Bytes>();
    let relay = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_daemon, mut to_daemon) =
            UnixStream::connect(socket).await.unwrap().into_split();
        let forth = async {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                sender.send(Bytes::copy_from_slice(&buffer[..count])).unwrap();
                to_daemon.write_all(&buffer[..count]).await.unwrap();
            }
        };
        tokio::join!(forth, tokio::io::copy(&mut from_daemon, &mut to_client)).1.ok()
    });
    is_served(&between).await;
    relay.abort();
    let mut bytes = Vec::new();
    while let Some(piece) = recording.recv().await {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

async fn damaged_conversations(socket: &Path, random: &mut StdRng) {
    let whole = recorded(socket).await;
    assert!(whole.starts_with(b"PRI * HTTP/2.0"), "a conversation in HTTP/2");
    for _ in 0..600 {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(24..bytes.len());
            match random.random_range(0..5) {
                0 => bytes[at] = random.random(),
                1 => bytes.truncate(at.max(30)),
                2 => drop(bytes.splice(at..at, [0xff; 9])),
                3 => {
                    let end = bytes.len().min(at + 64);
                    let again = bytes[at..end].to_vec();
                    bytes.extend(again);
                }
                _ => bytes[at] ^= 1 << random.random_range(0..8),
            }
        }
        send(socket, &bytes).await;
    }
}

/// Bytes as messages, whatever they say.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// A message that would be understood, to be damaged.
fn message(call: &str, random: &mut StdRng) -> Vec<u8> {
    let write = wire::Write {
        id: Some(wire::DocumentId { kind: wire::Kind::Layout.into(), name: "x".to_owned() }),
        base_revision: Some(0),
        action: Some(wire::write::Action::SpecToml("title = 'x'\n[[page]]\n".to_owned())),
    };
    match call.rsplit('/').next().unwrap() {
        "Apply" => wire::ApplyRequest {
            writes: vec![write],
            reason: "test".to_owned(),
            dry_run: random.random_bool(0.9),
            ..wire::ApplyRequest::default()
        }
        .encode_to_vec(),
        "QueryRange" => wire::QueryRangeRequest {
            start_ms: random.random(),
            end_ms: random.random(),
            step_ms: random.random(),
            ..wire::QueryRangeRequest::default()
        }
        .encode_to_vec(),
        "Attach" => [hello(), watch(["host-cpu".to_owned(), "\u{1b}[2J".to_owned()])]
            [random.random_range(0..2)]
        .encode_to_vec(),
        _ => wire::GetRequest { name: "host".to_owned(), ..wire::GetRequest::default() }
            .encode_to_vec(),
    }
}

async fn damaged_messages(socket: &Path, random: &mut StdRng) {
    let mut client = tonic::client::Grpc::new(common::channel(socket).await);
    for round in 0..1_400 {
        let call = CALLS[round % CALLS.len()];
        let mut bytes = message(call, random);
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..bytes.len().max(1));
            match bytes.get_mut(at) {
                Some(byte) => *byte = random.random(),
                None => bytes.push(random.random()),
            }
        }
        if random.random_bool(0.2) {
            bytes = vec![0; random.random_range(0..300)];
            random.fill_bytes(&mut bytes);
        }
        client.ready().await.unwrap();
        let request = tonic::Request::new(tokio_stream::once(Bytes::from(bytes)));
        let answer = client.streaming(request, call.parse().unwrap(), Raw);
        let answer = tokio::time::timeout(LIMIT, answer).await.expect("an answer");
        if let Ok(answer) = answer {
            // A stream whose client has said all that it will say ends; a call has one answer.
            let mut messages = answer.into_inner();
            let _ = tokio::time::timeout(LIMIT, messages.message()).await.expect("a message");
        }
    }
}

/// Streams that watch what is not there and more than anybody may, and never read a frame.
async fn greedy_streams(socket: &Path) {
    let mut streams = Vec::new();
    for index in 0..40 {
        let channel = common::channel(socket).await;
        let many = (0..10_000).map(move |feed| format!("nothing-{index}-{feed}"));
        let some = ["host-processes", "host-cpu", "host-health"].map(str::to_owned);
        let asked = if index % 2 == 0 { watch(many) } else { watch(some) };
        let (sender, messages) = says([hello(), asked]);
        streams.push((sender, StreamServiceClient::new(channel).attach(messages).await));
    }
    is_served(socket).await;
}

async fn many_connections(socket: &Path) {
    for _ in 0..20 {
        let connections = (0..100).map(|_| UnixStream::connect(socket));
        let connections = futures_util::future::join_all(connections).await;
        assert!(connections.iter().any(Result::is_ok));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_survives_every_client_and_takes_back_what_they_took() {
    let panics = count_panics();
    let victim = Victim::start().await;
    let socket = victim.socket();
    let before = open_sockets();
    is_served(&socket).await;
    let mut random = StdRng::seed_from_u64(20_261_121);
    random_bytes(&socket, &mut random).await;
    damaged_conversations(&socket, &mut random).await;
    damaged_messages(&socket, &mut random).await;
    greedy_streams(&socket).await;
    many_connections(&socket).await;
    gives_back(before).await;
    is_served(&socket).await;
    assert_eq!(*panics.lock().unwrap(), Vec::<String>::new());

    // The null control: a broken daemon is noticed.
    let broken = tokio::spawn(async { panic!("broken on purpose") }).await;
    assert!(broken.is_err());
    assert_eq!(panics.lock().unwrap().len(), 1);
    victim.daemon.end("the test is over").await.unwrap();
    let gone = tokio::spawn(async move { is_served(&socket).await }).await;
    assert!(gone.is_err(), "an ended daemon serves nobody");
}
