//! Answers that are kept, and for how long they count as new. Pure: it is given the time.

use std::sync::Arc;

use ccm_proto::model::{Interval, Timestamp};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use lru::LruCache;

use super::request::Request;
use super::response::Response;
use super::retry_after::http_date;

/// The longest time that an answer counts as new, whatever it says: what is shown is monitoring.
pub const FRESH_MAX: Interval = Interval::from_secs(86_400);

/// What an entry takes beside its body and headers, about.
const ENTRY_BYTES: usize = 512;

/// Whether an answer may be kept and given to others who ask the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caching {
    /// Each asks for itself.
    Off,
    /// As the answer's headers say.
    #[default]
    Headers,
    /// As they say, and at least so long.
    AtLeast(Interval),
}

/// What answers are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a request. All of its headers are part of it, so whatever an answer varies by
    /// is too; so are the credential and the circle of those who may share the answer.
    pub fn of(request: &Request, credential: Option<&str>, shared_by: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(shared_by.as_bytes());
        part(credential.map_or(b"-", |_| b"+"));
        part(credential.unwrap_or_default().as_bytes());
        part(request.method().as_str().as_bytes());
        part(request.target().to_string().as_bytes());
        part(&request.trust_id());
        part(request.path().as_str().as_bytes());
        part(request.body());
        for (name, value) in request.headers() {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// What the headers of an answer say about keeping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Whether it may be kept.
    pub keep: bool,
    /// How long it counts as new from the moment it came.
    pub fresh: Interval,
}

/// Reads `Cache-Control`, `Expires`, `Age` and `Vary`. Moments are compared with the server's own
/// `Date` only, so that its clock may be set as it likes; its age is believed up to the lifetime.
pub fn freshness(headers: &HeaderMap, now: Timestamp) -> Freshness {
    let mut lifetime = None;
    let mut asks_first = false;
    let lines = headers.get_all(header::CACHE_CONTROL).iter();
    for directive in lines.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("no-store") {
            return Freshness { keep: false, fresh: Interval::ZERO };
        } else if name.eq_ignore_ascii_case("no-cache") {
            asks_first = true;
        } else if name.eq_ignore_ascii_case("max-age") && lifetime.is_none() {
            // What is no number of seconds is stale, as the standard has it.
            let seconds = value.trim().trim_matches('"').parse().unwrap_or(0);
            lifetime = Some(Interval::from_secs(seconds));
        }
    }
    if headers.get(header::VARY).is_some_and(|value| value.as_bytes().contains(&b'*')) {
        return Freshness { keep: false, fresh: Interval::ZERO };
    }
    let lifetime = lifetime.or_else(|| {
        let expires = headers.get(header::EXPIRES)?;
        let date = headers.get(header::DATE).and_then(http_date).unwrap_or(now);
        Some(http_date(expires).map_or(Interval::ZERO, |expires| expires.since(date)))
    });
    let lifetime = lifetime.unwrap_or_default().min(FRESH_MAX);
    let age = headers.get(header::AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let age = Interval::from_secs(age.unwrap_or(0)).as_millis();
    let left = lifetime.as_millis().saturating_sub(age);
    let fresh = if asks_first { Interval::ZERO } else { Interval::from_millis(left) };
    Freshness { keep: true, fresh }
}

/// An answer that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The answer.
    pub response: Arc<Response>,
    /// When it came, or was last confirmed.
    pub at: Timestamp,
    /// How long it counts as new from then.
    pub fresh: Interval,
}

impl Kept {
    /// Whether it counts as new. A clock that was set back makes it old.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now >= self.at && now.since(self.at) < self.fresh
    }

    /// What a server tells by whether it has changed.
    pub fn validators(&self) -> (Option<&HeaderValue>, Option<&HeaderValue>) {
        let headers = &self.response.headers;
        (headers.get(header::ETAG), headers.get(header::LAST_MODIFIED))
    }
}

/// Answers, at most so many bytes; those not asked for longest go first.
#[derive(Debug)]
pub struct Cache {
    kept: LruCache<Key, Kept>,
    bytes: usize,
    bytes_max: usize,
}

impl Cache {
    /// Nothing yet, and never more than `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { kept: LruCache::unbounded(), bytes: 0, bytes_max }
    }

    /// The answer of a key, new or old.
    pub fn get(&mut self, key: &Key) -> Option<Kept> {
        self.kept.get(key).cloned()
    }

    /// Keeps an answer if it may be and is worth it: it counts as new for a while, or can be asked
    /// about. One that takes more than an eighth of the room would drive out all others.
    pub fn put(&mut self, key: Key, response: Arc<Response>, caching: Caching, now: Timestamp) {
        self.remove(&key);
        let Some(fresh) = lasting(&response.headers, caching, now) else { return };
        let kept = Kept { response, at: now, fresh };
        let can_ask = kept.validators() != (None, None);
        let size = size(&kept.response);
        let good = kept.response.status == StatusCode::OK;
        if !good || (fresh.is_zero() && !can_ask) || size > self.bytes_max / 8 {
            return;
        }
        self.bytes += size;
        self.kept.put(key, kept);
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.kept.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(self::size(&oldest.response));
        }
    }

    /// The server confirmed an answer by these headers (304). Gives it as it is now.
    pub fn confirm(
        &mut self,
        key: Key,
        kept: &Kept,
        headers: &HeaderMap,
        caching: Caching,
        now: Timestamp,
    ) -> Arc<Response> {
        let mut response = Response::clone(&kept.response);
        for (name, value) in headers {
            // Those speak of a body, and this answer had none.
            let of_body = matches!(
                *name,
                header::CONTENT_LENGTH
                    | header::CONTENT_ENCODING
                    | header::CONTENT_TYPE
                    | header::CONTENT_RANGE
                    | header::TRANSFER_ENCODING
            );
            if !of_body {
                response.headers.insert(name.clone(), value.clone());
            }
        }
        if !headers.contains_key(header::AGE) {
            response.headers.remove(header::AGE);
        }
        let response = Arc::new(response);
        self.put(key, Arc::clone(&response), caching, now);
        response
    }

    /// Forgets an answer.
    pub fn remove(&mut self, key: &Key) {
        if let Some(kept) = self.kept.pop(key) {
            self.bytes = self.bytes.saturating_sub(size(&kept.response));
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    /// Bytes that are kept, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Answers that are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Whether answers to such a request are ever kept: those that change nothing there, and others
/// where somebody configured it.
pub fn is_cacheable(method: &Method, caching: Caching) -> bool {
    match caching {
        Caching::Off => false,
        Caching::Headers => matches!(*method, Method::GET | Method::HEAD),
        Caching::AtLeast(_) => matches!(*method, Method::GET | Method::HEAD | Method::POST),
    }
}

fn lasting(headers: &HeaderMap, caching: Caching, now: Timestamp) -> Option<Interval> {
    let said = freshness(headers, now);
    match caching {
        Caching::Off => None,
        Caching::Headers => said.keep.then_some(said.fresh),
        // Whoever configured it has decided what the server leaves to nobody.
        Caching::AtLeast(least) => Some(said.fresh.max(least).min(FRESH_MAX)),
    }
}

fn size(response: &Response) -> usize {
    let headers: usize =
        response.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    ENTRY_BYTES + headers + response.body.len()
}

#[cfg(test)]
mod tests;
