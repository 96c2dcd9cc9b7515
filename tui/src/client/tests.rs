//! The link against a daemon that does as the test says.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use ccm_proto::PROTOCOL_VERSION;
use ccm_proto::wire::stream_server::{StreamService, StreamServiceServer};
use ccm_proto::wire::{self, ClientMessage, EncodedFrame, client_message};
use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request as Incoming, Response, Status, Streaming};

use super::{Link, Request, spawn};
use crate::autostart::Target;
use crate::effect::WatchRequest;
use crate::message::{LinkEvent, Message};

/// What the daemon does with one stream.
#[derive(Clone)]
enum Script {
    /// Sends these frames and keeps the stream open.
    Frames(Vec<wire::Frame>),
    /// Sends these bytes as a frame.
    Bytes(Vec<u8>),
    /// Refuses.
    Refuse(Box<Status>),
    /// Sends a frame and ends the stream.
    End(Box<wire::Frame>),
}

#[derive(Clone)]
struct Daemon {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    heard: tokio::sync::mpsc::UnboundedSender<client_message::Message>,
}

type Answer = Pin<Box<dyn Stream<Item = Result<EncodedFrame, Status>> + Send>>;

fn encoded(bytes: Vec<u8>) -> EncodedFrame {
    EncodedFrame { parts: vec![bytes.into()] }
}

#[tonic::async_trait]
impl StreamService for Daemon {
    type AttachStream = Answer;

    async fn attach(
        &self,
        request: Incoming<Streaming<ClientMessage>>,
    ) -> Result<Response<Answer>, Status> {
        let mut inbound = request.into_inner();
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Ok(Some(message)) = inbound.message().await {
                let _ = heard.send(message.message.unwrap());
            }
        });
        let open = futures_util::stream::pending();
        let script = self.scripts.lock().unwrap().pop_front();
        let answer: Answer = match script {
            None => Box::pin(open),
            Some(Script::Refuse(status)) => return Err(*status),
            Some(Script::Bytes(bytes)) => {
                Box::pin(futures_util::stream::iter([Ok(encoded(bytes))]).chain(open))
            }
            Some(Script::End(frame)) => {
                Box::pin(futures_util::stream::iter([Ok(encoded(frame.encode_to_vec()))]))
            }
            Some(Script::Frames(frames)) => {
                let frames = frames.into_iter().map(|frame| Ok(encoded(frame.encode_to_vec())));
                Box::pin(futures_util::stream::iter(frames.collect::<Vec<_>>()).chain(open))
            }
        };
        Ok(Response::new(answer))
    }
}

struct Stage {
    link: Link,
    heard: tokio::sync::mpsc::UnboundedReceiver<client_message::Message>,
    _home: tempfile::TempDir,
}

/// A client whose daemon treats its streams as the scripts say, one after the other.
fn stage(scripts: impl IntoIterator<Item = Script>) -> Stage {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("ccmd.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (heard_in, heard) = tokio::sync::mpsc::unbounded_channel();
    let scripts = Arc::new(Mutex::new(scripts.into_iter().collect()));
    let daemon = Daemon { scripts, heard: heard_in };
    let server = tonic::transport::Server::builder()
        .add_service(StreamServiceServer::new(daemon))
        .serve_with_incoming(UnixListenerStream::new(listener));
    tokio::spawn(server);
    Stage { link: spawn(Target { socket, may_start: false }), heard, _home: home }
}

impl Stage {
    async fn next(&mut self) -> Message {
        self.link.messages.recv().await.expect("the link's task goes on")
    }

    /// The next message that is not about connecting.
    async fn outcome(&mut self) -> Message {
        loop {
            match self.next().await {
                Message::Link(LinkEvent::Connecting | LinkEvent::Connected) => {}
                message => return message,
            }
        }
    }
}

fn greeting(protocol: u32) -> wire::Frame {
    let welcome = wire::Welcome { protocol, daemon: "ccmd 9.9.9".to_owned(), ..Default::default() };
    wire::Frame { now_ms: 1, welcome: Some(welcome), ..wire::Frame::default() }
}

#[tokio::test]
async fn a_stream_begins_with_a_hello_and_carries_what_is_watched() {
    let mut stage = stage([Script::Frames(vec![greeting(PROTOCOL_VERSION)])]);
    assert!(matches!(stage.outcome().await, Message::Frame(_)));
    let Some(client_message::Message::Hello(hello)) = stage.heard.recv().await else {
        panic!("no hello")
    };
    assert_eq!(hello.protocol, PROTOCOL_VERSION);
    let watch = WatchRequest { serial: 5, ..WatchRequest::default() };
    stage.link.requests.send(Request::Watch(watch)).await.unwrap();
    let Some(client_message::Message::Watch(watch)) = stage.heard.recv().await else {
        panic!("no watch")
    };
    assert_eq!(watch.serial, 5);
}

#[tokio::test]
async fn another_protocol_is_one_sentence_and_no_further_attempt() {
    let mut stage = stage([Script::Frames(vec![greeting(PROTOCOL_VERSION + 1)])]);
    let Message::Link(LinkEvent::Refused { cause }) = stage.outcome().await else {
        panic!("not refused")
    };
    assert!(cause.as_str().contains("install the same version"), "{cause}");
    assert!(stage.link.messages.recv().await.is_none(), "the task has ended");
}

#[tokio::test]
async fn a_refusal_is_final() {
    let status = Status::failed_precondition("this daemon speaks protocol 2");
    let mut stage = stage([Script::Refuse(Box::new(status))]);
    let Message::Link(LinkEvent::Refused { cause }) = stage.outcome().await else {
        panic!("not refused")
    };
    assert_eq!(cause, "this daemon speaks protocol 2");
    assert!(stage.link.messages.recv().await.is_none());
}

#[tokio::test]
async fn a_stream_that_ends_is_made_again() {
    let frame = greeting(PROTOCOL_VERSION);
    let mut stage = stage([Script::End(Box::new(frame.clone())), Script::Frames(vec![frame])]);
    assert!(matches!(stage.outcome().await, Message::Frame(_)));
    let Message::Link(LinkEvent::Lost { retry_in, .. }) = stage.outcome().await else {
        panic!("not lost")
    };
    assert!(retry_in <= super::RETRY_MAX);
    assert!(matches!(stage.outcome().await, Message::Frame(_)));
}

#[tokio::test]
async fn a_frame_that_says_nonsense_is_a_sentence_and_a_new_attempt() {
    let nonsense = wire::Frame {
        feeds: vec![wire::FeedUpdate { feed: 1, ..wire::FeedUpdate::default() }],
        ..wire::Frame::default()
    };
    for script in [Script::Frames(vec![nonsense]), Script::Bytes(vec![0xff; 64])] {
        let good = Script::Frames(vec![greeting(PROTOCOL_VERSION)]);
        let mut stage = stage([script, good]);
        let Message::Link(LinkEvent::Lost { cause, .. }) = stage.outcome().await else {
            panic!("not lost")
        };
        assert!(!cause.is_empty());
        assert!(matches!(stage.outcome().await, Message::Frame(_)));
    }
}

#[tokio::test]
async fn a_socket_without_a_daemon_is_told_of_and_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("nobody.sock");
    let mut link = spawn(Target { socket, may_start: false });
    let mut lost = 0;
    while lost < 2 {
        match link.messages.recv().await.unwrap() {
            Message::Link(LinkEvent::Lost { cause, .. }) => {
                assert!(cause.as_str().contains("nobody.sock"), "{cause}");
                lost += 1;
            }
            Message::Link(LinkEvent::Connecting) => {}
            other => panic!("{other:?}"),
        }
    }
}
