//! The gateway: whether and when a call goes out, and what is remembered of it.

mod api;
mod call;
mod came;
mod judged;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccm_proto::SafeText;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use hyper::StatusCode;

use super::cache::{self, Cache, Kept, Key};
use super::calls::{CallRecord, Calls, CredentialUse, Hit};
use super::client::HttpClient;
use super::connect::{Connector, Dial, PolicyInForce, Resolve, SystemDialler, SystemResolver};
use super::egress::Policy;
use super::error::HttpError;
use super::response::{Opened, Response, Timing};
use crate::clock::Clock;
use crate::collect::tap::Tap;

use api::{Api, Outcome, Permit};
pub use api::{ApiLimits, ApiState};
pub use call::{Answers, Call, FetchError, Fetched, REFUSALS_MAX, Wait};
use came::Came;
use judged::Judged;

/// Bytes of answers that are kept by default.
pub const CACHE_BYTES: usize = 32 << 20;

/// The most APIs whose state is kept. Those at rest are forgotten first.
pub const APIS_MAX: usize = 4_096;

/// What the gateway stands on.
#[derive(Clone)]
pub struct GatewayParts {
    /// The time.
    pub clock: Clock,
    /// The name service.
    pub resolver: Arc<dyn Resolve>,
    /// The network.
    pub dialler: Arc<dyn Dial>,
    /// Bytes of answers that are kept.
    pub cache_bytes: usize,
}

impl GatewayParts {
    /// The machine's own.
    pub fn system(clock: Clock) -> Self {
        let resolver = Arc::new(SystemResolver::default());
        Self { clock, resolver, dialler: Arc::new(SystemDialler), cache_bytes: CACHE_BYTES }
    }
}

type Flight = Shared<BoxFuture<'static, Result<Fetched, FetchError>>>;
type WeakFlight = WeakShared<BoxFuture<'static, Result<Fetched, FetchError>>>;

/// Makes calls. Clones share everything.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>, Manner);

/// How a handle calls.
#[derive(Clone, Default)]
struct Manner {
    /// Who is shown calls in full.
    tap: Option<Tap>,
    /// What is kept is not given.
    anew: bool,
}

struct Inner {
    client: HttpClient,
    clock: Clock,
    apis: Mutex<HashMap<ApiKey, Arc<Api>>>,
    cache: Mutex<Cache>,
    calls: Mutex<Calls>,
    flights: Mutex<HashMap<Key, WeakFlight>>,
}

type ApiKey = (Arc<str>, Option<Arc<str>>);

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("client", &self.0.client).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call under way. One that is dropped before it has ended was given up, and is written down
/// as that.
struct Pending<'a> {
    gateway: &'a Gateway,
    call: &'a Call,
    start: Duration,
    ended: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let latency = self.gateway.0.clock.elapsed().saturating_sub(self.start);
            let error = FetchError::GivenUp { api: SafeText::new(&self.call.api) };
            self.gateway.note(self.call, &Came::failure(Hit::Miss, latency, &error));
        }
    }
}

impl Gateway {
    /// A gateway that dials public addresses only, until it is given a policy.
    pub fn new(parts: GatewayParts) -> Self {
        let policy = PolicyInForce::default();
        let clock = parts.clock;
        let connector = Connector::new(parts.resolver, parts.dialler, policy, clock.clone());
        Self(
            Arc::new(Inner {
                client: HttpClient::new(connector, clock.clone()),
                clock,
                apis: Mutex::default(),
                cache: Mutex::new(Cache::new(parts.cache_bytes)),
                calls: Mutex::default(),
                flights: Mutex::default(),
            }),
            Manner::default(),
        )
    }

    /// The same gateway, which by this handle asks anew whatever is kept: for those who want to see
    /// what is answered now.
    pub fn anew(&self) -> Self {
        Self(Arc::clone(&self.0), Manner { anew: true, ..self.1.clone() })
    }

    /// The same gateway, whose calls by this handle are shown to `tap` in full.
    pub fn tapped(&self, tap: Tap) -> Self {
        Self(Arc::clone(&self.0), Manner { tap: Some(tap), ..self.1.clone() })
    }

    /// Puts a policy in force, for connections that wait too. Kept answers are forgotten: they may
    /// be from where nobody may ask any more.
    pub fn set_policy(&self, policy: Policy) {
        self.connector().policy().set(policy);
        lock(&self.0.cache).clear();
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.connector().policy().get()
    }

    /// What connections are made by, for those who speak something else than HTTP: with the same
    /// guard.
    pub fn connector(&self) -> &Connector {
        self.0.client.connector()
    }

    /// Lets go of connections that have waited too long. To be called now and then.
    pub fn sweep(&self) {
        self.0.client.sweep();
    }

    /// Makes a call, or gives an answer that is there. Those who ask the same at the same time are
    /// given the same answer.
    pub async fn fetch(&self, call: Call) -> Result<Fetched, FetchError> {
        self.check(&call)?;
        if self.1.anew || !cache::is_cacheable(call.request.method(), call.caching) {
            return self.direct(&call, None).await;
        }
        let credential = call.credential.as_ref().map(|attached| &*attached.name);
        let key = Key::of(&call.request, credential, &call.shared_by);
        if let Some(kept) = self.fresh(&key) {
            let came = Came {
                status: Some(kept.response.status.as_u16()),
                answer: Some(&kept.response),
                ..Came::nothing(Hit::Fresh, Duration::ZERO)
            };
            self.note(&call, &came);
            let (timing, quota) = (Timing::default(), None);
            let response = kept.response;
            return Ok(Fetched { response, hit: Hit::Fresh, timing, at: kept.at, quota });
        }
        let (flight, leads) = self.join(key, &call);
        if leads {
            return flight.await;
        }
        let start = self.0.clock.elapsed();
        let result = flight.await;
        let latency = self.0.clock.elapsed().saturating_sub(start);
        let status = match &result {
            Ok(fetched) => Some(fetched.response.status.as_u16()),
            Err(error) => error.status(),
        };
        let error = result.as_ref().err();
        let shared = result.as_ref().ok().map(|fetched| &*fetched.response);
        let nothing = Came::nothing(Hit::Shared, latency);
        self.note(&call, &Came { status, error, answer: shared, ..nothing });
        result.map(|fetched| Fetched { hit: Hit::Shared, ..fetched })
    }

    /// Makes a call whose answer is read as it comes. Nothing of it is kept or shared.
    pub async fn open(&self, call: Call) -> Result<Opened, FetchError> {
        self.check(&call)?;
        let permit = self.admit(&call).await?;
        let start = self.0.clock.elapsed();
        let mut pending = Pending { gateway: self, call: &call, start, ended: false };
        let sent = self.0.client.open(&call.request, call.credential.as_ref(), &call.bounds).await;
        pending.ended = true;
        match sent {
            Err(error) => Err(self.failed(&call, permit, error, start)),
            Ok(opened) => {
                let now = self.0.clock.now();
                let judged = Judged::of(&call, opened.status, &opened.headers, now);
                let latency = self.0.clock.elapsed().saturating_sub(start);
                let result = permit.finish(judged.outcome, judged.quota);
                let error = judged.error.map(|error| error.with_tries(result));
                let status = Some(opened.status.as_u16());
                let nothing = Came::nothing(Hit::Miss, latency);
                self.note(&call, &Came { status, error: error.as_ref(), ..nothing });
                error.map_or(Ok(opened), Err)
            }
        }
    }

    /// Writes down a call that was made past this gateway, by those who dial through its
    /// [connector](Self::connector).
    pub fn record(&self, record: CallRecord) {
        tracing::debug!(
            target: "ccm::calls",
            source = %record.source,
            owner = %record.owner,
            api = %record.api,
            credential = record.credential.as_deref(),
            method = %record.method,
            url = %record.url,
            status = record.status,
            latency_ms = record.latency_ms,
            bytes = record.bytes,
            hit = record.hit.as_str(),
            error = record.error.as_ref().map(SafeText::as_str),
            "call"
        );
        lock(&self.0.calls).note(record);
    }

    /// The newest calls, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        lock(&self.0.calls).records().cloned().collect()
    }

    /// The state of every API that was called, by name.
    pub fn apis(&self) -> Vec<ApiState> {
        let apis: Vec<Arc<Api>> = lock(&self.0.apis).values().map(Arc::clone).collect();
        let now = self.0.clock.now();
        let mut calls = lock(&self.0.calls);
        let mut states: Vec<_> =
            apis.iter().map(|api| api.state(|name, by| calls.api(name, by, now))).collect();
        states.sort_unstable_by(|a, b| (&a.api, &a.credential).cmp(&(&b.api, &b.credential)));
        states
    }

    /// The use of every credential, by name.
    pub fn credentials(&self) -> Vec<CredentialUse> {
        lock(&self.0.calls).credentials(self.0.clock.now())
    }

    /// Forgets the state of the APIs whose names are meant: their circuits, waits and refusals. For
    /// when somebody has repaired something and asks to try now.
    pub fn forget(&self, is_meant: impl Fn(&str) -> bool) {
        lock(&self.0.apis).retain(|(name, _), _| !is_meant(name));
    }

    /// Calls under way that others may join.
    #[cfg(test)]
    pub(super) fn flights(&self) -> usize {
        lock(&self.0.flights).len()
    }

    /// Whether a call may be made at all.
    fn check(&self, call: &Call) -> Result<(), FetchError> {
        let Some(credential) = &call.credential else { return Ok(()) };
        credential.check(&call.request).map_err(|error| {
            let error = HttpError::from(error).into();
            self.note(call, &Came::failure(Hit::Unsent, Duration::ZERO, &error));
            error
        })
    }

    fn fresh(&self, key: &Key) -> Option<Kept> {
        let kept = lock(&self.0.cache).get(key)?;
        kept.is_fresh(self.0.clock.now()).then_some(kept)
    }

    /// The flight that answers this key, and whether it was begun for this call.
    fn join(&self, key: Key, call: &Call) -> (Flight, bool) {
        /// Flights that were left by all who waited are cleared away from here on.
        const FLIGHTS: usize = 1_024;
        let mut flights = lock(&self.0.flights);
        if let Some(flight) = flights.get(&key).and_then(WeakShared::upgrade) {
            return (flight, false);
        }
        if flights.len() >= FLIGHTS {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        let (gateway, call) = (self.clone(), call.clone());
        let flight = async move {
            let result = gateway.direct(&call, Some(key)).await;
            lock(&gateway.0.flights).remove(&key);
            result
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        (flight, true)
    }

    /// Makes the call. With a key the answer is kept where it may be.
    async fn direct(&self, call: &Call, key: Option<Key>) -> Result<Fetched, FetchError> {
        let permit = self.admit(call).await?;
        let kept = key.and_then(|key| lock(&self.0.cache).get(&key));
        let conditional = kept.as_ref().and_then(|kept| {
            let (etag, modified) = kept.validators();
            let any = etag.is_some() || modified.is_some();
            any.then(|| call.request.conditional(etag, modified))
        });
        let request = conditional.as_ref().unwrap_or(&call.request);
        let start = self.0.clock.elapsed();
        let mut pending = Pending { gateway: self, call, start, ended: false };
        let sent = self.0.client.send(request, call.credential.as_ref(), &call.bounds).await;
        pending.ended = true;
        match sent {
            Err(error) => Err(self.failed(call, permit, error, start)),
            Ok(response) => {
                let kept = kept.filter(|_| conditional.is_some());
                self.answered(call, permit, response, key.zip(kept), key)
            }
        }
    }

    /// Waits until the call may go out.
    async fn admit(&self, call: &Call) -> Result<Permit, FetchError> {
        let start = self.0.clock.elapsed();
        let admitted = self.api(call).admit(call).await;
        if let Err(error) = &admitted {
            let latency = self.0.clock.elapsed().saturating_sub(start);
            self.note(call, &Came::failure(Hit::Unsent, latency, error));
        }
        admitted
    }

    fn failed(&self, call: &Call, permit: Permit, error: HttpError, start: Duration) -> FetchError {
        let outcome = if error.is_lasting() { Outcome::Nothing } else { Outcome::Failed };
        permit.finish(outcome, None);
        let error = FetchError::from(error);
        let latency = self.0.clock.elapsed().saturating_sub(start);
        self.note(call, &Came::failure(Hit::Miss, latency, &error));
        error
    }

    fn answered(
        &self,
        call: &Call,
        permit: Permit,
        response: Response,
        asked: Option<(Key, Kept)>,
        key: Option<Key>,
    ) -> Result<Fetched, FetchError> {
        let at = self.0.clock.now();
        let (timing, bytes) = (response.timing, response.wire_bytes);
        let status = Some(response.status.as_u16());
        let latency = Duration::from_secs_f64(timing.total_ms.max(0.0) / 1_000.0);
        let judged = Judged::of(call, response.status, &response.headers, at);
        let quota = judged.quota;
        if let (StatusCode::NOT_MODIFIED, Some((key, kept))) = (response.status, asked) {
            permit.finish(Outcome::Good, quota);
            let response =
                lock(&self.0.cache).confirm(key, &kept, &response.headers, call.caching, at);
            let hit = Hit::Confirmed;
            self.note(
                call,
                &Came { status, latency, bytes, hit, error: None, answer: Some(&response) },
            );
            return Ok(Fetched { response, hit, timing, at, quota });
        }
        let tries = permit.finish(judged.outcome, quota);
        let error = judged.error.map(|error| error.with_tries(tries));
        let hit = Hit::Miss;
        self.note(
            call,
            &Came { status, latency, bytes, hit, error: error.as_ref(), answer: Some(&response) },
        );
        if let Some(error) = error {
            return Err(error);
        }
        let response = Arc::new(response);
        if let Some(key) = key {
            lock(&self.0.cache).put(key, Arc::clone(&response), call.caching, at);
        }
        Ok(Fetched { response, hit, timing, at, quota })
    }

    fn api(&self, call: &Call) -> Arc<Api> {
        let name = call.credential.as_ref().map(|attached| Arc::clone(&attached.name));
        let key = (Arc::clone(&call.api), name);
        let mut apis = lock(&self.0.apis);
        if let Some(api) = apis.get(&key) {
            return Arc::clone(api);
        }
        if apis.len() >= APIS_MAX {
            apis.retain(|_, api| !api.is_at_rest());
        }
        let (name, credential) = key.clone();
        let api = Arc::new(Api::new(name, credential, self.0.clock.clone()));
        apis.insert(key, Arc::clone(&api));
        api
    }

    /// Writes a call down.
    fn note(&self, call: &Call, came: &Came<'_>) {
        if let Some(tap) = &self.1.tap {
            tap.take(came.exchange(call));
        }
        self.record(came.record(call, self.0.clock.now()));
    }
}
