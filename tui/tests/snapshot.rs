//! `ccm snapshot` as scripts call it: whatever the environment, clean output and a telling exit
//! code (reliability row 5.4).

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use ccm_proto::PROTOCOL_VERSION;
use ccm_proto::model::{Document, DocumentId, Kind, Name, Version};
use ccm_proto::wire::stream_server::{StreamService, StreamServiceServer};
use ccm_proto::wire::{self, ClientMessage, EncodedFrame};
use common::{Home, text};
use prost::Message as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixListener;
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

const ESCAPE: u8 = 0x1b;

#[test]
fn no_environment_brings_an_escape_or_another_shape_into_the_output() {
    let home = Home::new();
    home.run(&["daemon", "start"]);
    let environments: [&[(&str, &str)]; 9] = [
        &[("TERM", "")],
        &[("TERM", "dumb")],
        &[("TERM", "no-such-terminal")],
        &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")],
        &[("NO_COLOR", "1")],
        &[("LANG", "C"), ("LC_ALL", "C")],
        &[("COLUMNS", "0"), ("LINES", "0")],
        &[("COLUMNS", "1"), ("LINES", "1")],
        &[("COLUMNS", "65535"), ("LINES", "65535")],
    ];
    for environment in environments {
        for format in ["text", "json", "svg"] {
            let mut command = home.ccm();
            command.env_remove("TERM").envs(environment.iter().copied());
            let arguments = ["snapshot", "--format", format, "--size", "80x24"];
            let output = command.args(arguments).output().unwrap();
            assert!(output.status.success(), "{environment:?}: {}", text(&output.stderr));
            assert!(!output.stdout.contains(&ESCAPE), "{format} in {environment:?}");
            if format == "text" {
                let lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
                assert_eq!(lines.len(), 24, "{environment:?}");
                assert!(lines.iter().all(|line| line.chars().count() <= 80), "{environment:?}");
            }
        }
    }
    let ansi = home.output(&["snapshot", "--format", "ansi"]);
    assert!(ansi.stdout.contains(&ESCAPE), "who asks for escapes gets them");
}

#[test]
fn many_at_once_share_the_daemon_that_one_of_them_starts() {
    let home = Home::new();
    let start = |_| home.ccm().arg("snapshot").stdout(Stdio::piped()).spawn().unwrap();
    let running: Vec<_> = (0..4).map(start).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stdout).contains("1 overview"));
    }
}

#[test]
fn output_that_cannot_be_written_is_told_of_and_a_reader_that_left_is_not() {
    let home = Home::new();
    home.run(&["daemon", "start"]);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let output = home.ccm().arg("snapshot").stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
    for path in ["/dev/full", "/no/such/directory/host.png"] {
        let complaint = home.fail(&["snapshot", "--format", "png", "--output", path], 2);
        assert!(complaint.contains(path), "{complaint}");
    }
    // Standard error may be full as well: then the code alone tells.
    let mute = home.ccm().arg("snapshot").stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(mute.code(), Some(2));
    let mut child = home.ccm().arg("snapshot").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success(), "as before `head`");
}

#[test]
fn without_a_terminal_the_dashboard_says_what_to_do_instead() {
    let home = Home::new();
    let complaint = home.fail(&[], 2);
    assert!(complaint.contains("ccm snapshot"), "{complaint}");
    assert!(!home.socket().exists(), "no daemon is started for that");
}

/// A daemon with a layout of one widget, which never has a reading.
struct Mute {
    attached: Arc<Notify>,
}

fn document(kind: Kind, name: &str, toml: &str) -> wire::DocumentUpdate {
    let id = DocumentId::new(kind, Name::new(name).unwrap());
    let spec: serde_json::Value = toml::from_str(toml).unwrap();
    let version = Version::of(&spec.to_string());
    let document = Document { id: id.clone(), spec, version, layers: Vec::new() };
    wire::DocumentUpdate { id: Some((&id).into()), document: Some((&document).into()) }
}

#[tonic::async_trait]
impl StreamService for Mute {
    type AttachStream = ReceiverStream<Result<EncodedFrame, Status>>;

    async fn attach(
        &self,
        request: Request<Streaming<ClientMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let welcome = wire::Welcome {
            protocol: PROTOCOL_VERSION,
            daemon: "ccmd test".to_owned(),
            epoch: 1,
            heartbeat_ms: 1_000,
            ..wire::Welcome::default()
        };
        let layout = "title = 'desk'\n[[page]]\ntitle = 'one'\n[[page.widget]]\n\
                      name = 'load'\nat = { x = 0, y = 0, w = 12, h = 4 }\n";
        let widget = "title = 'load'\nsource = 'host'\ntype = 'stat'\n[stat]\n\
                      primary = { value = 'load.one', label = '1 min' }\n";
        let frame = wire::Frame {
            now_ms: 1_795_183_402_000,
            welcome: Some(welcome),
            documents: vec![
                document(Kind::Layout, "desk", layout),
                document(Kind::Widget, "load", widget),
            ],
            ..wire::Frame::default()
        };
        let (sender, receiver) = mpsc::channel(8);
        let encoded =
            |frame: wire::Frame| EncodedFrame { parts: vec![frame.encode_to_vec().into()] };
        sender.send(Ok(encoded(frame))).await.unwrap();
        let attached = Arc::clone(&self.attached);
        let mut messages = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                let Some(wire::client_message::Message::Watch(watch)) = message.message else {
                    continue;
                };
                let answer = wire::Frame {
                    now_ms: 1_795_183_402_100,
                    watch_serial: watch.serial,
                    ..wire::Frame::default()
                };
                let _ = sender.send(Ok(encoded(answer))).await;
                if !watch.feeds.is_empty() {
                    attached.notify_one();
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

fn mute_daemon(home: &Home) -> (PathBuf, Arc<Notify>) {
    let socket = home.path().join("mute.sock");
    let attached = Arc::new(Notify::new());
    let service = StreamServiceServer::new(Mute { attached: Arc::clone(&attached) });
    let listener = UnixListenerStream::new(UnixListener::bind(&socket).unwrap());
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(listener));
    (socket, attached)
}

fn snapshot(home: &Home, socket: &Path, timeout: &str) -> Command {
    let mut command = home.ccm();
    command.args(["snapshot", "desk", "--size", "40x10", "--timeout", timeout, "--socket"]);
    command.arg(socket).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_has_no_reading_in_time_is_named_and_shown_as_loading() {
    let home = Home::new();
    let (socket, _) = mute_daemon(&home);
    let output = snapshot(&home, &socket, "300ms").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let (picture, complaint) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains("load") && complaint.contains("300ms"), "{complaint}");
    assert!(picture.contains("loading"), "{picture}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_same_moment_of_the_same_data_gives_the_same_bytes() {
    let home = Home::new();
    let (socket, _) = mute_daemon(&home);
    for format in ["text", "ansi", "json", "svg", "png"] {
        let bytes = |_| {
            let mut command = snapshot(&home, &socket, "100ms");
            command.args(["--format", format, "--at", "2026-11-20T14:03:22Z"]);
            command.env("TZ", "UTC").output().unwrap().stdout
        };
        let twice = [0, 1].map(bytes);
        assert!(twice[0].len() > 100, "{format}");
        assert_eq!(twice[0], twice[1], "{format}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_interrupt_ends_the_waiting_without_half_a_picture() {
    let home = Home::new();
    let (socket, attached) = mute_daemon(&home);
    for signal in [Signal::INT, Signal::TERM] {
        let child = snapshot(&home, &socket, "20s").spawn().unwrap();
        attached.notified().await;
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(signal.as_raw()));
        assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
    }
}
