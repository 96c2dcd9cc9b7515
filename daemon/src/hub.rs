//! The hub: brings each feed's newest version to every stream that watches it.
//!
//! A feed's update is encoded once. A stream that keeps up gets the change; one that was slow gets
//! the whole newest view and the number of versions it missed, and costs nobody else anything:
//! streams are pulled by the transport, and only then look at what moved.

pub mod feed;
pub mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ccm_proto::model::Interval;
use tokio::sync::{mpsc, watch};

use crate::collect::SelfMetrics;
use crate::engine::event::{Event, FeedId, FeedKey, Publication};
use crate::notices::Notices;
use crate::registry::Snapshot;
use crate::settings::Limits;
use feed::Feed;
use session::Shared;

/// How long a feed outlives its last watcher, so that turning pages back and forth costs nothing.
pub const LINGER: Interval = Interval::from_secs(10);

/// What sessions are given of the rest of the daemon.
#[derive(Clone)]
pub struct Surroundings {
    /// The effective documents.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// The standing notices.
    pub notices: watch::Receiver<Notices>,
    /// To the engine: feeds opened and closed. Bounded by [`Limits::feeds`], twice a feed.
    pub events: mpsc::UnboundedSender<Event>,
    /// The daemon's own counts.
    pub metrics: Arc<SelfMetrics>,
}

/// Shared by everything that publishes or attaches.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    limits: Limits,
    surroundings: Surroundings,
    feeds: Mutex<Feeds>,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Feeds {
    next: u64,
    by_key: HashMap<FeedKey, Arc<Feed>>,
    by_id: HashMap<FeedId, Arc<Feed>>,
}

#[derive(Default)]
struct Sessions {
    next: u64,
    shared: HashMap<u64, Weak<Shared>>,
}

/// Why something cannot be watched or attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// [`Limits::sessions`] is reached.
    #[error("the daemon serves {0} streams already, which is its limit (limits.sessions)")]
    TooManySessions(usize),
    /// [`Limits::feeds`] is reached.
    #[error("the daemon serves {0} feeds already, which is its limit (limits.feeds)")]
    TooManyFeeds(usize),
}

/// A poisoned lock guards plain counters and maps, which stay usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// A hub without feeds and sessions.
    pub fn new(limits: Limits, surroundings: Surroundings) -> Self {
        Self(Arc::new(Inner {
            limits,
            surroundings,
            feeds: Mutex::default(),
            sessions: Mutex::default(),
        }))
    }

    /// Takes new versions of feeds, all that belong together at once, and wakes who watches them.
    pub fn publish(&self, publications: impl IntoIterator<Item = Publication>) {
        let mut touched = Vec::new();
        {
            let feeds = lock(&self.0.feeds);
            for publication in publications {
                if let Some(feed) = feeds.by_id.get(&publication.feed) {
                    feed.publish(&publication);
                    touched.push(Arc::clone(feed));
                }
            }
        }
        for feed in touched {
            feed.wake_watchers();
        }
    }

    /// The feed of a key, opened when it is new.
    fn feed(&self, key: &FeedKey) -> Result<Arc<Feed>, HubError> {
        let mut feeds = lock(&self.0.feeds);
        if let Some(feed) = feeds.by_key.get(key) {
            return Ok(Arc::clone(feed));
        }
        if feeds.by_key.len() >= self.0.limits.feeds {
            return Err(HubError::TooManyFeeds(feeds.by_key.len()));
        }
        feeds.next += 1;
        let id = FeedId(feeds.next);
        let feed = Arc::new(Feed::new(id, key.clone()));
        feeds.by_key.insert(key.clone(), Arc::clone(&feed));
        feeds.by_id.insert(id, Arc::clone(&feed));
        // The engine is gone only while the daemon ends.
        let _ = self.0.surroundings.events.send(Event::Opened(id, key.clone()));
        Ok(feed)
    }

    /// Closes feeds that nobody has watched for [`LINGER`]; called about once a second.
    pub fn sweep(&self, now: ccm_proto::model::Timestamp) {
        let mut feeds = lock(&self.0.feeds);
        let idle: Vec<(FeedId, FeedKey)> = feeds
            .by_id
            .iter()
            .filter(|(_, feed)| feed.idle_for(now) > LINGER)
            .map(|(id, feed)| (*id, feed.key().clone()))
            .collect();
        for (id, key) in idle {
            feeds.by_id.remove(&id);
            feeds.by_key.remove(&key);
            let _ = self.0.surroundings.events.send(Event::Closed(id));
        }
    }

    /// Wakes every stream: documents or notices changed.
    pub fn wake_all(&self) {
        let shared: Vec<Arc<Shared>> =
            lock(&self.0.sessions).shared.values().filter_map(Weak::upgrade).collect();
        for session in shared {
            session.wake();
        }
    }

    /// Tells every stream that the daemon is going away, and wakes it.
    pub fn say_goodbye(&self, reason: &str) {
        for session in lock(&self.0.sessions).shared.values().filter_map(Weak::upgrade) {
            session.say_goodbye(reason);
        }
    }

    /// Streams at present.
    pub fn session_count(&self) -> usize {
        lock(&self.0.sessions).shared.len()
    }

    /// Feeds at present.
    pub fn feed_count(&self) -> usize {
        lock(&self.0.feeds).by_id.len()
    }

    fn attach(&self) -> Result<Arc<Shared>, HubError> {
        let mut sessions = lock(&self.0.sessions);
        if sessions.shared.len() >= self.0.limits.sessions {
            return Err(HubError::TooManySessions(sessions.shared.len()));
        }
        sessions.next += 1;
        let shared = Arc::new(Shared::new(sessions.next));
        sessions.shared.insert(shared.id(), Arc::downgrade(&shared));
        self.0.surroundings.metrics.sessions_opened.add(1);
        Ok(shared)
    }

    fn detach(&self, id: u64) {
        lock(&self.0.sessions).shared.remove(&id);
    }

    fn count_frame(&self, bytes: usize) {
        self.0.surroundings.metrics.frames.add(1);
        self.0.surroundings.metrics.sent_bytes.add(bytes as u64);
    }
}
