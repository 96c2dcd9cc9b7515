//! One feed: its newest version, encoded, and who watches it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use ccm_proto::model::{Interval, Timestamp, View, ViewDelta};
use ccm_proto::wire;
use prost::Message as _;

use super::lock;
use super::session::Shared;
use crate::engine::event::{FeedId, FeedKey, Publication};

/// A feed that someone watches or watched a moment ago.
pub struct Feed {
    id: FeedId,
    key: FeedKey,
    version: AtomicU64,
    newest: Mutex<Newest>,
    watchers: Mutex<HashMap<u64, Weak<Shared>>>,
    /// When the last watcher left, as Unix milliseconds; [`WATCHED`] while there are any.
    idle_since: AtomicI64,
}

const WATCHED: i64 = i64::MAX;

#[derive(Default)]
struct Newest {
    version: u64,
    /// The change from the version before, as a field of a frame.
    change: Bytes,
    view: Arc<View>,
    /// The whole view as a field of a frame; encoded when the first stream asks.
    whole: Option<Bytes>,
}

/// What a stream is given of a feed.
pub struct Update {
    /// A field of a frame.
    pub bytes: Bytes,
    /// The version that it leads to.
    pub version: u64,
    /// Versions that the stream never saw.
    pub skipped: u64,
}

impl Feed {
    /// A feed without a version.
    pub fn new(id: FeedId, key: FeedKey) -> Self {
        Self {
            id,
            key,
            version: AtomicU64::new(0),
            newest: Mutex::default(),
            watchers: Mutex::default(),
            idle_since: AtomicI64::new(WATCHED),
        }
    }

    /// The feed's number.
    pub fn id(&self) -> FeedId {
        self.id
    }

    /// What it is of.
    pub fn key(&self) -> &FeedKey {
        &self.key
    }

    /// The newest version; 0 when there is none yet.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes a new version, encoding its change once for all streams.
    pub fn publish(&self, publication: &Publication) {
        let change =
            encode(self.id, publication.version, publication.version - 1, &publication.delta);
        let mut newest = lock(&self.newest);
        // The first version is the whole view; so is one whose predecessor was never seen here.
        let first = publication.version == 1;
        *newest = Newest {
            version: publication.version,
            whole: first.then(|| change.clone()),
            change,
            view: Arc::clone(&publication.view),
        };
        self.version.store(publication.version, Ordering::Release);
    }

    /// What brings a stream that has version `have` (0 for none) to the newest one.
    pub fn update_since(&self, have: u64) -> Option<Update> {
        let mut newest = lock(&self.newest);
        let version = newest.version;
        if version == have || version == 0 {
            return None;
        }
        if have != 0 && version == have + 1 {
            return Some(Update { bytes: newest.change.clone(), version, skipped: 0 });
        }
        let view = Arc::clone(&newest.view);
        let whole =
            newest.whole.get_or_insert_with(|| encode(self.id, version, 0, &view.to_delta()));
        let skipped = if have == 0 { 0 } else { version.saturating_sub(have + 1) };
        Some(Update { bytes: whole.clone(), version, skipped })
    }

    /// Adds a stream to those that are woken.
    pub fn watch(&self, session: &Arc<Shared>) {
        let mut watchers = lock(&self.watchers);
        self.idle_since.store(WATCHED, Ordering::Release);
        watchers.insert(session.id(), Arc::downgrade(session));
    }

    /// Takes a stream away.
    pub fn unwatch(&self, session: &Arc<Shared>, now: Timestamp) {
        let mut watchers = lock(&self.watchers);
        watchers.remove(&session.id());
        if watchers.is_empty() {
            self.idle_since.store(now.as_millis(), Ordering::Release);
        }
    }

    /// Tells the watching streams that there is something new.
    pub fn wake_watchers(&self) {
        for watcher in lock(&self.watchers).values().filter_map(Weak::upgrade) {
            watcher.wake();
        }
    }

    /// How long nobody has watched.
    pub fn idle_for(&self, now: Timestamp) -> Interval {
        match self.idle_since.load(Ordering::Acquire) {
            WATCHED => Interval::ZERO,
            since => now.since(Timestamp::from_millis(since)),
        }
    }
}

fn encode(feed: FeedId, version: u64, base: u64, delta: &ViewDelta) -> Bytes {
    let update = wire::FeedUpdate { feed: feed.0, version, base, delta: Some(delta.into()) };
    wire::Frame { feeds: vec![update], ..wire::Frame::default() }.encode_to_vec().into()
}
