//! One stream: what a client watches, and what it has been sent.

mod allowance;
mod documents;
mod stream;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ccm_proto::model::{Interval, Name, Timestamp};
use ccm_proto::wire::{self, EncodedFrame, client_message};
use ccm_proto::{PROTOCOL_VERSION, SafeText};
use futures_util::task::AtomicWaker;
use prost::Message as _;

use super::feed::Feed;
use super::{Hub, HubError, lock};
use crate::engine::event::FeedKey;
use crate::notices::Notices;
use documents::WatchedDocuments;

pub use stream::SessionStream;

/// The longest silence of a healthy stream; a client that hears less calls the link lost.
pub const HEARTBEAT: Interval = Interval::from_secs(1);

/// The most values of a track, whatever a client asks for.
const POINTS_MAX: u32 = 4_096;

/// The longest window of a track: beyond it charts are queries over history.
const WINDOW_MAX: Interval = Interval::from_secs(31 * 86_400);

/// The part of a session that others reach: to wake it.
#[derive(Debug)]
pub struct Shared {
    id: u64,
    dirty: AtomicBool,
    waker: AtomicWaker,
    goodbye: Mutex<Option<String>>,
}

impl Shared {
    /// A session that nobody has woken.
    pub fn new(id: u64) -> Self {
        Self {
            id,
            dirty: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            goodbye: Mutex::default(),
        }
    }

    /// The session's number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Lets the stream look for news when the transport next has room.
    pub fn wake(&self) {
        if !self.dirty.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Ends the stream after one more frame with this reason.
    pub fn say_goodbye(&self, reason: &str) {
        *lock(&self.goodbye) = Some(reason.to_owned());
        self.dirty.store(false, Ordering::Release);
        self.wake();
    }
}

/// Who and what a session is told about the daemon at its beginning.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// `ccmd 0.1.0`.
    pub daemon: String,
    /// The machine.
    pub hostname: String,
    /// Changes with every start.
    pub epoch: u64,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// Who the client is taken to be.
    pub identity: String,
}

/// Why a client's message ends its stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The first message was something else.
    #[error("the first message of a stream is a hello")]
    NoHello,
    /// A second hello.
    #[error("a stream begins with one hello, not two")]
    SecondHello,
    /// The versions do not fit.
    #[error(
        "the client speaks protocol {client} and this daemon speaks {PROTOCOL_VERSION}: install the same version of ccm and ccmd"
    )]
    Protocol {
        /// What the client speaks.
        client: u32,
    },
    /// More feeds than one stream may watch.
    #[error("one stream watches at most {0} feeds (limits.feeds_per_session)")]
    TooManyFeeds(usize),
    /// A message without a kind.
    #[error("the client sent a message that this version does not know")]
    Unknown,
    /// A document is named in a way that cannot be.
    #[error("watch.{0}")]
    Document(String),
}

struct Watched {
    slot: u32,
    feed: Arc<Feed>,
    sent: u64,
}

/// The state of one stream, apart from its transport.
pub struct Session {
    hub: Hub,
    shared: Arc<Shared>,
    greeting: Greeting,
    greeted: bool,
    frame_interval: Interval,
    watched: Vec<Watched>,
    documents: WatchedDocuments,
    notices: Option<Notices>,
    /// Fields of the next frame that are not derived from a state.
    pending: Vec<Bytes>,
    /// The newest watch, and the newest one that was answered in full.
    serial: u32,
    answered: u32,
    refresh: Vec<Name>,
}

impl Session {
    /// A session that has not heard from its client yet.
    pub fn new(hub: &Hub, greeting: Greeting) -> Result<Self, HubError> {
        Ok(Self {
            hub: hub.clone(),
            shared: hub.attach()?,
            greeting,
            greeted: false,
            frame_interval: Interval::ZERO,
            watched: Vec::new(),
            documents: WatchedDocuments::default(),
            notices: None,
            pending: Vec::new(),
            serial: 0,
            answered: 0,
            refresh: Vec::new(),
        })
    }

    /// The shortest time between two frames that the client wants.
    pub fn frame_interval(&self) -> Interval {
        self.frame_interval
    }

    /// Widgets whose sources the client wants read now; taken once.
    pub fn take_refresh(&mut self) -> Vec<Name> {
        std::mem::take(&mut self.refresh)
    }

    /// Takes a message from the client.
    pub fn receive(
        &mut self,
        message: wire::ClientMessage,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        use client_message::Message;
        match message.message {
            Some(Message::Hello(hello)) => self.hello(&hello),
            _ if !self.greeted => Err(SessionError::NoHello),
            Some(Message::Watch(watch)) => self.watch(watch, now),
            Some(Message::Refresh(refresh)) => {
                self.refresh.extend(refresh.widgets.iter().filter_map(|name| Name::new(name).ok()));
                Ok(())
            }
            None => Err(SessionError::Unknown),
        }
    }

    fn hello(&mut self, hello: &wire::Hello) -> Result<(), SessionError> {
        if self.greeted {
            return Err(SessionError::SecondHello);
        }
        if hello.protocol != PROTOCOL_VERSION {
            return Err(SessionError::Protocol { client: hello.protocol });
        }
        self.greeted = true;
        self.frame_interval =
            Interval::from_millis(u64::from(hello.frame_interval_ms)).min(HEARTBEAT);
        let welcome = wire::Welcome {
            protocol: PROTOCOL_VERSION,
            daemon: self.greeting.daemon.clone(),
            hostname: self.greeting.hostname.clone(),
            epoch: self.greeting.epoch,
            started_at_ms: self.greeting.started_at.as_millis(),
            identity: self.greeting.identity.clone(),
            heartbeat_ms: u32::try_from(HEARTBEAT.as_millis()).unwrap_or(u32::MAX),
        };
        self.push(&wire::Frame { welcome: Some(welcome), ..wire::Frame::default() });
        Ok(())
    }

    fn watch(&mut self, watch: wire::Watch, now: Timestamp) -> Result<(), SessionError> {
        let limit = self.hub.0.limits.feeds_per_session;
        if watch.feeds.len() > limit {
            return Err(SessionError::TooManyFeeds(limit));
        }
        self.documents.watch(watch.documents).map_err(|e| SessionError::Document(e.to_string()))?;
        let former = std::mem::take(&mut self.watched);
        let bindings: Vec<wire::FeedBinding> =
            watch.feeds.iter().map(|wanted| self.bind(wanted, &former)).collect();
        for gone in former {
            if !self.watched.iter().any(|kept| Arc::ptr_eq(&kept.feed, &gone.feed)) {
                gone.feed.unwatch(&self.shared, now);
            }
        }
        self.serial = watch.serial;
        self.push(&wire::Frame { bindings, ..wire::Frame::default() });
        Ok(())
    }

    /// Watches one feed. Of a feed that was watched already, what was sent stays sent.
    fn bind(&mut self, wanted: &wire::FeedWatch, former: &[Watched]) -> wire::FeedBinding {
        let failed = |error: String| wire::FeedBinding { slot: wanted.slot, feed: 0, error };
        let widget = match Name::new(&wanted.widget) {
            Ok(widget) => widget,
            Err(error) => return failed(error.to_string()),
        };
        let key = FeedKey {
            widget,
            window: Interval::from_millis(u64::from(wanted.window_ms)).min(WINDOW_MAX),
            max_points: wanted.max_points.clamp(1, POINTS_MAX),
        };
        let feed = match self.hub.feed(&key) {
            Ok(feed) => feed,
            Err(error) => return failed(error.to_string()),
        };
        let resumed = if wanted.have_epoch == self.greeting.epoch { wanted.have } else { 0 };
        let known = former.iter().find(|known| Arc::ptr_eq(&known.feed, &feed));
        let same_slot = known.filter(|known| known.slot == wanted.slot);
        let sent = same_slot.map_or(resumed.min(feed.version()), |known| known.sent);
        feed.watch(&self.shared);
        let id = feed.id().0;
        self.watched.push(Watched { slot: wanted.slot, feed, sent });
        wire::FeedBinding { slot: wanted.slot, feed: id, error: String::new() }
    }

    fn push(&mut self, frame: &wire::Frame) {
        self.pending.push(frame.encode_to_vec().into());
    }

    /// Everything that the client has not been sent yet; none when there is nothing.
    pub fn frame(&mut self, now: Timestamp) -> Option<EncodedFrame> {
        if !self.greeted {
            return None;
        }
        let mut parts = std::mem::take(&mut self.pending);
        let snapshot = Arc::clone(&self.hub.0.surroundings.snapshot.borrow());
        if let Some(updates) = self.documents.updates(&snapshot) {
            let frame = wire::Frame { documents: updates, ..wire::Frame::default() };
            parts.push(frame.encode_to_vec().into());
        }
        self.feed_parts(&mut parts);
        self.notice_part(&mut parts);
        let answered = self.watched.iter().all(|watched| watched.sent > 0);
        let mut head = wire::Frame { now_ms: now.as_millis(), ..wire::Frame::default() };
        if answered && self.answered != self.serial {
            self.answered = self.serial;
            head.watch_serial = self.serial;
        } else if parts.is_empty() {
            return None;
        }
        parts.push(head.encode_to_vec().into());
        Some(self.counted(EncodedFrame { parts }))
    }

    fn feed_parts(&mut self, parts: &mut Vec<Bytes>) {
        let mut skipped = Vec::new();
        for watched in &mut self.watched {
            if watched.feed.version() == watched.sent {
                continue;
            }
            let Some(update) = watched.feed.update_since(watched.sent) else { continue };
            watched.sent = update.version;
            parts.push(update.bytes);
            if update.skipped > 0 {
                let count = u32::try_from(update.skipped).unwrap_or(u32::MAX);
                skipped.push(wire::Skipped { feed: watched.feed.id().0, count });
                self.hub.0.surroundings.metrics.conflated.add(update.skipped);
            }
        }
        if !skipped.is_empty() {
            let frame = wire::Frame { skipped, ..wire::Frame::default() };
            parts.push(frame.encode_to_vec().into());
        }
    }

    fn notice_part(&mut self, parts: &mut Vec<Bytes>) {
        let newest = Arc::clone(&self.hub.0.surroundings.notices.borrow());
        if self.notices.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, &newest)) {
            return;
        }
        let former = self.notices.replace(Arc::clone(&newest)).unwrap_or_default();
        let raised = newest.iter().filter(|(key, notice)| former.get(*key) != Some(notice));
        let mut notices: Vec<wire::Notice> = raised.map(|(_, notice)| notice.into()).collect();
        let gone = former.keys().filter(|key| !newest.contains_key(*key));
        notices.extend(gone.map(|key| wire::Notice {
            key: key.clone(),
            cleared: true,
            ..wire::Notice::default()
        }));
        if !notices.is_empty() {
            let frame = wire::Frame { notices, ..wire::Frame::default() };
            parts.push(frame.encode_to_vec().into());
        }
    }

    /// A sign of life.
    pub fn heartbeat(&self, now: Timestamp) -> EncodedFrame {
        let frame = wire::Frame { now_ms: now.as_millis(), ..wire::Frame::default() };
        self.counted(EncodedFrame { parts: vec![frame.encode_to_vec().into()] })
    }

    /// The last frame, when the daemon is going away.
    pub fn goodbye(&self, now: Timestamp) -> Option<EncodedFrame> {
        let reason = lock(&self.shared.goodbye).take()?;
        let reason = SafeText::new(&reason).to_string();
        let goodbye = Some(wire::Goodbye { reason });
        let frame = wire::Frame { now_ms: now.as_millis(), goodbye, ..wire::Frame::default() };
        Some(self.counted(EncodedFrame { parts: vec![frame.encode_to_vec().into()] }))
    }

    fn counted(&self, frame: EncodedFrame) -> EncodedFrame {
        self.hub.count_frame(frame.len());
        frame
    }

    /// Leaves everything that is watched; what [`Drop`] cannot do without the time.
    pub fn leave(&mut self, now: Timestamp) {
        for watched in self.watched.drain(..) {
            watched.feed.unwatch(&self.shared, now);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.hub.detach(self.shared.id());
    }
}
