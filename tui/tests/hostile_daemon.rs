//! Daemons that mean no good, over the real transport: whatever they send, the client goes on,
//! draws, and says what is wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;

use ccm_daemon::app::Daemon;
use ccm_daemon::clock::Clock;
use ccm_daemon::settings::Settings;
use ccm_proto::wire::stream_server::{StreamService, StreamServiceServer};
use ccm_proto::wire::stream_service_client::StreamServiceClient;
use ccm_proto::wire::{self, ClientMessage, EncodedFrame};
use common::Home;
use common::client::Client;
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// Frames that a daemon which means well sends for the layout `host`, as bytes.
async fn recorded(home: &Home) -> Vec<Vec<u8>> {
    let settings = Settings {
        data_directory: Some(home.path().join("data")),
        config_directory: Some(home.config()),
        socket: Some(home.socket()),
        ..Settings::default()
    };
    std::fs::create_dir_all(home.config()).unwrap();
    let daemon = Daemon::start(settings, Clock::system()).await.unwrap();
    let endpoint = Endpoint::from_shared(format!("unix:{}", home.socket().display())).unwrap();
    let mut client = StreamServiceClient::new(endpoint.connect().await.unwrap());
    let (says, messages) = tokio::sync::mpsc::channel(4);
    says.send(ccm::client::request::hello(0)).await.unwrap();
    let layout = wire::DocumentId { kind: wire::Kind::Layout.into(), name: "host".to_owned() };
    let document = wire::DocumentWatch {
        id: Some(layout),
        with_references: true,
        ..wire::DocumentWatch::default()
    };
    let widgets = ["host-health", "host-cpu", "host-memory", "host-load", "host-processes"];
    let feed = |(slot, widget): (usize, &str)| wire::FeedWatch {
        slot: slot as u32 + 1,
        widget: widget.to_owned(),
        max_points: 256,
        ..wire::FeedWatch::default()
    };
    let watch = wire::Watch {
        serial: 1,
        documents: vec![document],
        feeds: widgets.into_iter().enumerate().map(feed).collect(),
    };
    let watch = wire::client_message::Message::Watch(watch);
    says.send(ClientMessage { message: Some(watch) }).await.unwrap();
    let mut frames = client.attach(ReceiverStream::new(messages)).await.unwrap().into_inner();
    let mut recorded = Vec::new();
    while recorded.len() < 4 {
        recorded.push(frames.message().await.unwrap().unwrap().encode_to_vec());
    }
    daemon.end("recorded").await.unwrap();
    recorded
}

/// Sends its frames to everybody, and then nothing, or the end.
struct Impostor {
    frames: Arc<Vec<Vec<u8>>>,
}

#[tonic::async_trait]
impl StreamService for Impostor {
    type AttachStream = ReceiverStream<Result<EncodedFrame, Status>>;

    async fn attach(
        &self,
        request: Request<Streaming<ClientMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        // A request that nobody reads to its end is reset, which may overtake the frames.
        let mut says = request.into_inner();
        tokio::spawn(async move { while let Ok(Some(_)) = says.message().await {} });
        let (sender, receiver) = tokio::sync::mpsc::channel(self.frames.len());
        for frame in self.frames.iter() {
            let frame = EncodedFrame { parts: vec![frame.clone().into()] };
            sender.try_send(Ok(frame)).unwrap();
        }
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Shows a client these frames and draws after each; the client must come to the stream's end.
async fn show(home: &Home, round: usize, frames: Vec<Vec<u8>>) -> Client {
    let socket = home.path().join(format!("impostor-{round}.sock"));
    let listener = UnixListenerStream::new(UnixListener::bind(&socket).unwrap());
    let service = StreamServiceServer::new(Impostor { frames: Arc::new(frames) });
    let server = tokio::spawn(Server::builder().add_service(service).serve_with_incoming(listener));
    let mut client = Client::of(&socket, (100, 30));
    let over = |client: &Client| {
        let screen = client.screen();
        screen.contains("daemon lost") || screen.contains("refused")
    };
    client.until("the end of the stream", over).await;
    server.abort();
    client
}

fn damaged(frame: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    for _ in 0..random.random_range(1..8) {
        let at = random.random_range(0..bytes.len().max(1));
        match (bytes.get_mut(at), random.random_range(0..5)) {
            (Some(byte), 0 | 1) => *byte = random.random(),
            (Some(byte), 2) => *byte ^= 1 << random.random_range(0..8),
            (Some(_), 3) => bytes.truncate(at),
            (Some(_), _) => {
                let again = bytes[at..].to_vec();
                bytes.extend(again);
            }
            (None, _) => bytes.push(random.random()),
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_frames_end_the_client_and_good_ones_are_shown() {
    let home = Home::new();
    let good = recorded(&home).await;
    let client = show(&home, 0, good.clone()).await;
    let screen = client.screen();
    assert!(screen.contains("1 overview"), "else the rest proves nothing:\n{screen}");
    let mut random = StdRng::seed_from_u64(20_261_121);
    for round in 1..=300 {
        let frames = good.iter().map(|frame| match random.random_range(0..8) {
            0 => frame.clone(),
            1 => {
                let mut bytes = vec![0; random.random_range(0..500)];
                random.fill_bytes(&mut bytes);
                bytes
            }
            _ => damaged(frame, &mut random),
        });
        let frames: Vec<Vec<u8>> = frames.collect();
        let mut client = show(&home, round, frames).await;
        client.press("? esc : esc w esc N esc 7 1 tab enter j G / x enter esc T esc");
        client.screen();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_grpc_at_all_is_a_lost_daemon() {
    let home = Home::new();
    let mut random = StdRng::seed_from_u64(7);
    for round in 0..60 {
        let socket = home.path().join(format!("noise-{round}.sock"));
        let listener = UnixListener::bind(&socket).unwrap();
        let mut noise = vec![0; random.random_range(0..2_000)];
        random.fill_bytes(&mut noise);
        if round % 3 == 0 {
            // Settings that a client of HTTP/2 waits for, and then noise.
            noise.splice(..0, [0, 0, 0, 4, 0, 0, 0, 0, 0]);
        }
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(&noise).await;
            let mut asked = [0; 64];
            let _ = stream.read(&mut asked).await;
        });
        let mut client = Client::of(&socket, (80, 24));
        client.until_shown("daemon lost").await;
    }
}
