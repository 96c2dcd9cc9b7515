//! Connections that wait for their next request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;

use super::request::Place;

/// How many connections to one place wait at most: as many requests as run at once on a small
/// machine.
pub(super) const IDLE_PER_PLACE_MAX: usize = 32;

/// How many wait at most in all. Each holds a descriptor and a read buffer of 8 KiB.
pub(super) const IDLE_MAX: usize = 256;

/// How long one waits: longer than most intervals, shorter than most servers' patience.
pub(super) const IDLE_TIME_MAX: Duration = Duration::from_secs(55);

/// One that waits.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) sender: SendRequest<Full<Bytes>>,
    /// Whom it goes to; nothing for a socket of this machine.
    pub(super) peer: Option<SocketAddr>,
    since: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    by_place: HashMap<Arc<Place>, Vec<Idle>>,
    waiting: usize,
    swept: Duration,
}

impl Pool {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection of this place that was used last.
    pub(super) fn take(&self, place: &Place, now: Duration) -> Option<Idle> {
        let mut places = self.places();
        places.sweep(now);
        let idle = places.by_place.get_mut(place)?;
        let mut dropped = 0;
        let mut found = None;
        while let Some(candidate) = idle.pop() {
            dropped += 1;
            if !candidate.sender.is_closed() {
                found = Some(candidate);
                break;
            }
        }
        places.waiting -= dropped;
        found
    }

    /// Lets a connection wait.
    pub(super) fn put(
        &self,
        place: &Arc<Place>,
        sender: SendRequest<Full<Bytes>>,
        peer: Option<SocketAddr>,
        now: Duration,
    ) {
        if sender.is_closed() {
            return;
        }
        let mut places = self.places();
        places.sweep(now);
        if places.waiting >= IDLE_MAX {
            places.drop_oldest();
        }
        let idle = match places.by_place.get_mut(place) {
            Some(idle) => idle,
            None => places.by_place.entry(Arc::clone(place)).or_default(),
        };
        if idle.len() < IDLE_PER_PLACE_MAX {
            idle.push(Idle { sender, peer, since: now });
            places.waiting += 1;
        }
    }

    /// Lets go of those that have waited too long.
    pub(super) fn sweep(&self, now: Duration) {
        self.places().sweep(now);
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.places().waiting
    }
}

impl Places {
    fn sweep(&mut self, now: Duration) {
        /// A tenth of the time they have, so that few overstay it by much.
        const EVERY: Duration = Duration::from_secs(5);
        if now.saturating_sub(self.swept) < EVERY {
            return;
        }
        self.swept = now;
        self.by_place.retain(|_, idle| {
            idle.retain(|idle| {
                now.saturating_sub(idle.since) < IDLE_TIME_MAX && !idle.sender.is_closed()
            });
            !idle.is_empty()
        });
        self.waiting = self.by_place.values().map(Vec::len).sum();
    }

    fn drop_oldest(&mut self) {
        let first = |idle: &Vec<Idle>| idle.first().map(|idle| idle.since);
        let oldest = self
            .by_place
            .values_mut()
            .filter(|idle| !idle.is_empty())
            .min_by_key(|idle| first(idle));
        if let Some(idle) = oldest {
            idle.remove(0);
            self.waiting -= 1;
        }
    }
}
