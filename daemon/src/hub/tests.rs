//! What streams are told, and when.

use std::sync::Arc;

use ccm_proto::convert::FrameContents;
use ccm_proto::model::{Cell, Interval, Name, Timestamp, View};
use ccm_proto::wire::{self, EncodedFrame, client_message::Message};
use prost::Message as _;
use tokio::sync::{mpsc, watch};

use super::session::{Greeting, Session, SessionError};
use super::{Hub, HubError, LINGER, Surroundings};
use crate::collect::SelfMetrics;
use crate::engine::event::{Event, FeedId, Publication};
use crate::notices::NoticeBoard;
use crate::registry::Snapshot;
use crate::settings::Limits;

const EPOCH: u64 = 7;

struct Bench {
    hub: Hub,
    events: mpsc::UnboundedReceiver<Event>,
    notices: NoticeBoard,
    _snapshot: watch::Sender<Arc<Snapshot>>,
}

fn bench(limits: Limits) -> Bench {
    let (events, received) = mpsc::unbounded_channel();
    let snapshot = watch::Sender::new(Arc::new(Snapshot::default()));
    let notices = NoticeBoard::default();
    let surroundings = Surroundings {
        snapshot: snapshot.subscribe(),
        notices: notices.subscribe(),
        events,
        metrics: Arc::new(SelfMetrics::default()),
    };
    Bench { hub: Hub::new(limits, surroundings), events: received, notices, _snapshot: snapshot }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn greeting() -> Greeting {
    Greeting {
        daemon: "ccmd test".to_owned(),
        hostname: "here".to_owned(),
        epoch: EPOCH,
        started_at: at(1),
        identity: "uid:1".to_owned(),
    }
}

fn message(message: Message) -> wire::ClientMessage {
    wire::ClientMessage { message: Some(message) }
}

fn hello(protocol: u32) -> wire::ClientMessage {
    let client = "test".to_owned();
    message(Message::Hello(wire::Hello { protocol, client, frame_interval_ms: 0 }))
}

fn watch_of(serial: u32, widgets: &[(&str, u64)]) -> wire::ClientMessage {
    let feed = |(slot, (widget, have)): (usize, &(&str, u64))| wire::FeedWatch {
        slot: slot as u32,
        widget: (*widget).to_owned(),
        window_ms: 0,
        max_points: 100,
        have: *have,
        have_epoch: EPOCH,
    };
    let feeds = widgets.iter().enumerate().map(feed).collect();
    message(Message::Watch(wire::Watch { serial, documents: Vec::new(), feeds }))
}

fn decode(frame: &EncodedFrame) -> FrameContents {
    let bytes: Vec<u8> = frame.parts.iter().flat_map(|part| part.to_vec()).collect();
    wire::Frame::decode(bytes.as_slice()).unwrap().try_into().unwrap()
}

fn session(bench: &Bench) -> Session {
    let mut session = Session::new(&bench.hub, greeting()).unwrap();
    session.receive(hello(ccm_proto::PROTOCOL_VERSION), at(0)).unwrap();
    session
}

/// A publication whose only field is `value`.
fn version(feed: u64, version: u64, former: f64, value: f64) -> Publication {
    let view = |value: f64| {
        let mut view = View::default();
        view.fields.insert("value".to_owned(), Cell::Number(value));
        view
    };
    let new = view(value);
    let delta = if version == 1 { new.to_delta() } else { view(former).delta_to(&new) };
    Publication { feed: FeedId(feed), version, delta: Arc::new(delta), view: Arc::new(new) }
}

#[test]
fn a_stream_begins_with_a_hello_of_the_same_protocol() {
    let bench = bench(Limits::default());
    let mut session = Session::new(&bench.hub, greeting()).unwrap();
    assert_eq!(session.receive(watch_of(1, &[]), at(0)), Err(SessionError::NoHello));
    assert!(session.frame(at(0)).is_none());
    let error = session.receive(hello(99), at(0)).unwrap_err();
    assert!(error.to_string().contains("protocol 99"), "{error}");
    session.receive(hello(ccm_proto::PROTOCOL_VERSION), at(0)).unwrap();
    let welcome = decode(&session.frame(at(5)).unwrap()).welcome.unwrap();
    assert_eq!((welcome.epoch, welcome.hostname.as_str()), (EPOCH, "here"));
    let twice = session.receive(hello(ccm_proto::PROTOCOL_VERSION), at(0));
    assert_eq!(twice, Err(SessionError::SecondHello));
}

#[test]
fn streams_that_want_the_same_share_one_feed() {
    let mut bench = bench(Limits::default());
    let (mut a, mut b) = (session(&bench), session(&bench));
    a.receive(watch_of(1, &[("cpu", 0)]), at(0)).unwrap();
    b.receive(watch_of(1, &[("cpu", 0), ("memory", 0)]), at(0)).unwrap();
    let mut opened = Vec::new();
    while let Ok(Event::Opened(id, key)) = bench.events.try_recv() {
        opened.push((id.0, key.widget.to_string()));
    }
    assert_eq!(opened, [(1, "cpu".to_owned()), (2, "memory".to_owned())]);
    assert_eq!(bench.hub.feed_count(), 2);
}

#[test]
fn who_keeps_up_gets_changes_and_who_is_slow_gets_the_newest_whole() {
    let bench = bench(Limits::default());
    let (mut fast, mut slow) = (session(&bench), session(&bench));
    for session in [&mut fast, &mut slow] {
        session.receive(watch_of(3, &[("cpu", 0)]), at(0)).unwrap();
        session.frame(at(0)).unwrap();
    }
    bench.hub.publish([version(1, 1, 0.0, 10.0)]);
    let first = decode(&fast.frame(at(1)).unwrap());
    assert_eq!((first.feeds[0].base, first.watch_serial), (None, 3));
    decode(&slow.frame(at(1)).unwrap());
    for (number, value) in [(2, 20.0), (3, 30.0), (4, 40.0)] {
        bench.hub.publish([version(1, number, value - 10.0, value)]);
        let change = decode(&fast.frame(at(number as i64)).unwrap());
        assert_eq!(change.feeds[0].base, Some(number - 1));
        assert!(change.skipped.is_empty());
    }
    let late = decode(&slow.frame(at(9)).unwrap());
    assert_eq!((late.feeds[0].version, late.feeds[0].base), (4, None));
    assert_eq!(late.skipped, [(1, 2)]);
    let mut view = View::default();
    view.apply(late.feeds[0].delta.clone());
    assert_eq!(*view.field("value"), Cell::Number(40.0));
    assert!(slow.frame(at(10)).is_none(), "nothing is said when nothing is new");
}

#[test]
fn a_client_that_comes_back_is_not_sent_what_it_has() {
    let bench = bench(Limits::default());
    let mut former = session(&bench);
    former.receive(watch_of(1, &[("cpu", 0)]), at(0)).unwrap();
    bench.hub.publish([version(1, 1, 0.0, 1.0), version(1, 2, 1.0, 2.0)]);
    let mut again = session(&bench);
    again.receive(watch_of(1, &[("cpu", 2)]), at(0)).unwrap();
    assert!(decode(&again.frame(at(1)).unwrap()).feeds.is_empty());
    bench.hub.publish([version(1, 3, 2.0, 3.0)]);
    assert_eq!(decode(&again.frame(at(2)).unwrap()).feeds[0].base, Some(2));
    let mut other_epoch = session(&bench);
    let mut watch = watch_of(1, &[("cpu", 2)]);
    if let Some(Message::Watch(watch)) = &mut watch.message {
        watch.feeds[0].have_epoch = EPOCH + 1;
    }
    other_epoch.receive(watch, at(0)).unwrap();
    assert_eq!(decode(&other_epoch.frame(at(1)).unwrap()).feeds[0].base, None);
}

#[test]
fn a_feed_lingers_after_its_last_watcher_and_then_closes() {
    let mut bench = bench(Limits::default());
    let mut session = session(&bench);
    session.receive(watch_of(1, &[("cpu", 0)]), at(0)).unwrap();
    session.receive(watch_of(2, &[]), at(1_000)).unwrap();
    bench.hub.sweep(at(1_000) + LINGER);
    assert_eq!(bench.hub.feed_count(), 1);
    bench.hub.sweep(at(1_001) + LINGER);
    assert_eq!(bench.hub.feed_count(), 0);
    assert!(matches!(bench.events.try_recv(), Ok(Event::Opened(..))));
    assert!(matches!(bench.events.try_recv(), Ok(Event::Closed(FeedId(1)))));
}

#[test]
fn a_watched_feed_is_never_swept() {
    let bench = bench(Limits::default());
    let mut session = session(&bench);
    session.receive(watch_of(1, &[("cpu", 0)]), at(0)).unwrap();
    session.receive(watch_of(2, &[]), at(0)).unwrap();
    session.receive(watch_of(3, &[("cpu", 0)]), at(1)).unwrap();
    bench.hub.sweep(at(1_000_000));
    assert_eq!(bench.hub.feed_count(), 1);
}

#[test]
fn bounds_are_kept_and_named() {
    let limits = Limits { sessions: 1, feeds: 1, feeds_per_session: 2 };
    let bench = bench(limits);
    let mut session = session(&bench);
    let other = Session::new(&bench.hub, greeting());
    assert!(matches!(other, Err(HubError::TooManySessions(1))));
    session.receive(watch_of(1, &[("cpu", 0), ("memory", 0)]), at(0)).unwrap();
    let bindings = decode(&session.frame(at(0)).unwrap()).bindings;
    assert_eq!(bindings[0].feed, Ok(1));
    assert!(bindings[1].feed.as_ref().unwrap_err().as_str().contains("limits.feeds"));
    let many = watch_of(2, &[("a", 0), ("b", 0), ("c", 0)]);
    assert_eq!(session.receive(many, at(0)), Err(SessionError::TooManyFeeds(2)));
    drop(session);
    assert!(Session::new(&bench.hub, greeting()).is_ok(), "a stream that ended makes room");
}

#[test]
fn a_widget_name_that_cannot_be_is_an_error_of_its_binding_only() {
    let bench = bench(Limits::default());
    let mut session = session(&bench);
    session.receive(watch_of(1, &[("No Such", 0), ("cpu", 0)]), at(0)).unwrap();
    let bindings = decode(&session.frame(at(0)).unwrap()).bindings;
    assert!(bindings[0].feed.is_err());
    assert!(bindings[1].feed.is_ok());
}

#[test]
fn notices_are_told_once_and_withdrawn() {
    let bench = bench(Limits::default());
    let mut session = session(&bench);
    session.frame(at(0)).unwrap();
    bench.notices.raise(ccm_proto::model::Notice {
        key: "file:a".to_owned(),
        summary: "broken".into(),
        ..Default::default()
    });
    let raised = decode(&session.frame(at(1)).unwrap()).notices;
    assert_eq!((raised[0].key.as_str(), raised[0].cleared), ("file:a", false));
    assert!(session.frame(at(2)).is_none());
    bench.notices.clear("file:a");
    let cleared = decode(&session.frame(at(3)).unwrap()).notices;
    assert_eq!((cleared[0].key.as_str(), cleared[0].cleared), ("file:a", true));
}

#[test]
fn windows_and_points_are_bounded() {
    let mut bench = bench(Limits::default());
    let mut session = session(&bench);
    let feed = wire::FeedWatch {
        slot: 0,
        widget: "cpu".to_owned(),
        window_ms: u32::MAX,
        max_points: u32::MAX,
        have: 0,
        have_epoch: 0,
    };
    let watch = wire::Watch { serial: 1, documents: Vec::new(), feeds: vec![feed] };
    session.receive(message(Message::Watch(watch)), at(0)).unwrap();
    let Ok(Event::Opened(_, key)) = bench.events.try_recv() else { panic!("no feed was opened") };
    assert_eq!(key.widget, Name::new("cpu").unwrap());
    assert!(key.window <= Interval::from_secs(31 * 86_400));
    assert!(key.max_points <= 4_096);
}
