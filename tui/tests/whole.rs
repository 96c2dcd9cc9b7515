//! A whole daemon and a whole client in one process: what is measured is seen, and whatever
//! happens to the daemon, the screen tells.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use ccm::model::link::LinkState;
use ccm_daemon::app::Daemon;
use ccm_daemon::clock::Clock;
use ccm_daemon::settings::Settings;
use ccm_proto::PROTOCOL_VERSION;
use ccm_proto::model::widget::Format;
use ccm_proto::model::{Name, Quality};
use ccm_proto::wire::document_service_client::DocumentServiceClient;
use ccm_proto::wire::stream_server::{StreamService, StreamServiceServer};
use ccm_proto::wire::{self, ClientMessage, EncodedFrame};
use common::Home;
use common::client::Client;
use prost::Message as _;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

const SIZE: (u16, u16) = (160, 50);

async fn start(home: &Home) -> Daemon {
    let settings = Settings {
        data_directory: Some(home.path().join("data")),
        config_directory: Some(home.config()),
        socket: Some(home.socket()),
        ..Settings::default()
    };
    std::fs::create_dir_all(home.config()).unwrap();
    Daemon::start(settings, Clock::system()).await.unwrap()
}

/// Writes a document as `ccm apply` does.
async fn apply(socket: &Path, kind: wire::Kind, name: &str, toml: &str) {
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
    let mut client = DocumentServiceClient::new(endpoint.connect().await.unwrap());
    let write = wire::Write {
        id: Some(wire::DocumentId { kind: kind.into(), name: name.to_owned() }),
        base_revision: None,
        action: Some(wire::write::Action::SpecToml(toml.to_owned())),
    };
    let request = wire::ApplyRequest {
        writes: vec![write],
        reason: "test".to_owned(),
        ..wire::ApplyRequest::default()
    };
    client.apply(request).await.unwrap();
}

/// The health score and the start of the daemon that it came from, once there is one.
fn health(client: &Client) -> Option<(u64, f64)> {
    let feed = client.model.data.feed(&Name::new("host-health").unwrap())?;
    let score = feed.view.field("value").as_number()?;
    (feed.view.status.quality == Quality::Live).then_some((feed.epoch, score))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_arrive_outlive_their_daemon_and_go_on_with_the_next_one() {
    let home = Home::new();
    let daemon = start(&home).await;
    let mut client = Client::of(&home.socket(), SIZE);
    client.until_shown("live").await;
    client.until("a health score", |client| health(client).is_some()).await;
    let (epoch, _) = health(&client).unwrap();

    daemon.end("to be replaced").await.unwrap();
    client.until_shown("daemon lost").await;
    let screen = client.screen();
    assert!(screen.contains("the daemon stopped: to be replaced"), "{screen}");
    assert!(screen.contains("stale"), "{screen}");
    let (_, score) = health(&client).expect("the last score stays");
    let score = ccm::format::number(score, Format::Integer);
    assert!(screen.contains(&format!(" {score} ")), "values stay:\n{screen}");

    let daemon = start(&home).await;
    client.until_shown("● live").await;
    let is_new = |client: &Client| health(client).is_some_and(|(start, _)| start != epoch);
    client.until("a value of the new daemon", is_new).await;
    assert!(!client.screen().contains("stale"), "{}", client.screen());
    daemon.end("the test is over").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_written_changes_the_screen_and_another_layout_can_be_opened() {
    let home = Home::new();
    let daemon = start(&home).await;
    let mut client = Client::of(&home.socket(), SIZE);
    client.until_shown("live").await;
    let layout = "title = 'desk'\n[[page]]\ntitle = 'my page'\n[[page.widget]]\n\
                  name = 'host-load'\nat = { x = 0, y = 0, w = 12, h = 8 }\n";
    apply(&home.socket(), wire::Kind::Layout, "desk", layout).await;
    client.press(":");
    client.until("the layouts", |client| !client.model.layouts.is_empty()).await;
    client.press("l a y o u t space d e s k enter");
    client.until_shown("1 my page").await;
    client.until_shown("5 min").await;
    let renamed = layout.replace("my page", "our page");
    apply(&home.socket(), wire::Kind::Layout, "desk", &renamed).await;
    client.until_shown("1 our page").await;
    daemon.end("the test is over").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_back_in_time_is_not_sent_again_what_is_equal() {
    let home = Home::new();
    let daemon = start(&home).await;
    let mut client = Client::of(&home.socket(), SIZE);
    client.until_shown("live").await;
    client.until("a health score", |client| health(client).is_some()).await;
    let documents = client.model.data.documents.len();
    // Another link of the same model, as after a broken connection.
    let mut again = Client::of(&home.socket(), SIZE);
    std::mem::swap(&mut again.model, &mut client.model);
    drop(client);
    let before = again.model.data.documents.clone();
    again
        .until("an answered watch", |client| client.model.link.state == LinkState::Connected)
        .await;
    let serial = again.model.serial;
    again.until("an answer", |client| client.model.answered >= serial).await;
    assert_eq!(again.model.data.documents.len(), documents);
    let same = |(id, document): (&_, &std::sync::Arc<_>)| {
        again.model.data.documents.get(id).is_some_and(|now| std::sync::Arc::ptr_eq(now, document))
    };
    assert!(before.iter().all(same), "a document was sent again");
    daemon.end("the test is over").await.unwrap();
}

/// A daemon of another version.
struct Stranger;

#[tonic::async_trait]
impl StreamService for Stranger {
    type AttachStream = tokio_stream::Once<Result<EncodedFrame, Status>>;

    async fn attach(
        &self,
        _: Request<Streaming<ClientMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let welcome = wire::Welcome {
            protocol: PROTOCOL_VERSION + 1,
            daemon: "ccmd 99.0.0".to_owned(),
            ..wire::Welcome::default()
        };
        let frame = wire::Frame { now_ms: 1, welcome: Some(welcome), ..wire::Frame::default() };
        let frame = EncodedFrame { parts: vec![frame.encode_to_vec().into()] };
        Ok(Response::new(tokio_stream::once(Ok(frame))))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_of_another_version_is_refused_in_one_sentence() {
    let home = Home::new();
    let socket = home.path().join("stranger.sock");
    let listener = UnixListenerStream::new(UnixListener::bind(&socket).unwrap());
    let service = StreamServiceServer::new(Stranger);
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(listener));
    let mut client = Client::of(&socket, SIZE);
    client.until_shown("install the same version of both").await;
    let screen = client.screen();
    assert!(screen.contains("ccmd 99.0.0 speaks protocol"), "{screen}");
    assert_eq!(client.next().await, None, "there is no use in trying again");
}
