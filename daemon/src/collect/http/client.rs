//! The client: one request, one answer, within bounds of time and size.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ccm_proto::SafeText;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap};
use hyper_util::rt::TokioIo;

use super::body::{self, BodyError, Bounds, Gatherer};
use super::connect::{ConnectTimes, Connector};
use super::credential::{Attached, CredentialError};
use super::error::{HttpError, Phase};
use super::pool::Pool;
use super::redirect::{self, Asked};
use super::request::{Place, Request, Target};
use super::response::{BodyStream, Limits, Opened, Response, Timing};
use crate::clock::Clock;

/// The most bytes of an answer's headers. Proxies commonly allow 8 to 32 KiB.
pub const HEADER_BYTES_MAX: usize = 32 << 10;

/// How long a connection from the pool is given to be ready; it nearly always is.
const READY_MAX: Duration = Duration::from_secs(1);

/// Sends requests. Clones share their connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    connector: Connector,
    pool: Pool,
    clock: Clock,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("waiting", &self.0.pool.len()).finish_non_exhaustive()
    }
}

/// A connection in use.
struct Lease {
    sender: SendRequest<Full<Bytes>>,
    peer: Option<SocketAddr>,
    times: ConnectTimes,
    reused: bool,
}

/// An answer whose headers have come.
struct Begun {
    response: hyper::Response<Incoming>,
    lease: Lease,
    place: Arc<Place>,
    host: SafeText,
    redirects: u32,
    timing: Timing,
}

impl HttpClient {
    /// A client over a connector.
    pub fn new(connector: Connector, clock: Clock) -> Self {
        Self(Arc::new(Inner { connector, pool: Pool::default(), clock }))
    }

    /// What connections are made by.
    pub fn connector(&self) -> &Connector {
        &self.0.connector
    }

    /// Lets go of connections that have waited too long.
    pub fn sweep(&self) {
        self.0.pool.sweep(self.0.clock.elapsed());
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(
        &self,
        request: &Request,
        credential: Option<&Attached>,
        limits: &Limits,
    ) -> Result<Response, HttpError> {
        let answer = self.0.answer(request, credential, limits);
        match tokio::time::timeout(limits.total.as_duration(), answer).await {
            Ok(answer) => answer,
            Err(_) => Err(late(request, limits)),
        }
    }

    /// Sends a request and gives its answer to be read as it comes. The time is that until its
    /// headers.
    pub async fn open(
        &self,
        request: &Request,
        credential: Option<&Attached>,
        limits: &Limits,
    ) -> Result<Opened, HttpError> {
        let request = request.clone().uncompressed();
        let begun = self.0.begin(&request, credential, limits);
        let begun = match tokio::time::timeout(limits.total.as_duration(), begun).await {
            Ok(begun) => begun?,
            Err(_) => return Err(late(&request, limits)),
        };
        let (head, incoming) = begun.response.into_parts();
        if body::coding(&head.headers) != Ok(body::Coding::Identity) {
            return Err(HttpError::Encoding { host: begun.host });
        }
        let timing = Timing { total_ms: begun.timing.first_byte_ms, ..begun.timing };
        let body = BodyStream::new(incoming, begun.host, begun.lease.sender);
        Ok(Opened { status: head.status, headers: head.headers, body, timing })
    }
}

fn late(request: &Request, limits: &Limits) -> HttpError {
    HttpError::Timeout { host: host_of(request), phase: Phase::Answer, limit: limits.total }
}

/// The host as errors name it.
fn host_of(request: &Request) -> SafeText {
    match request.target() {
        Target::Tcp(origin) => SafeText::new(origin.host()),
        Target::Unix(path) => SafeText::from(path.display().to_string()),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

impl Inner {
    async fn answer(
        &self,
        request: &Request,
        credential: Option<&Attached>,
        limits: &Limits,
    ) -> Result<Response, HttpError> {
        let start = self.clock.elapsed();
        let begun = self.begin(request, credential, limits).await?;
        let Begun { response, lease, place, host, redirects, mut timing } = begun;
        let (head, incoming) = response.into_parts();
        let (body, wire_bytes) = read(incoming, &head.headers, limits, &host).await?;
        let now = self.clock.elapsed();
        self.pool.put(&place, lease.sender, lease.peer, now);
        timing.total_ms = millis(now.saturating_sub(start));
        let (status, headers) = (head.status, head.headers);
        Ok(Response { status, headers, body, wire_bytes, redirects, timing })
    }

    /// Sends the request, and those that redirects ask for, until an answer is none.
    async fn begin(
        &self,
        request: &Request,
        credential: Option<&Attached>,
        limits: &Limits,
    ) -> Result<Begun, HttpError> {
        let start = self.clock.elapsed();
        let mut redirected = None;
        let mut redirects = 0;
        let mut timing = Timing::default();
        loop {
            let request = redirected.as_ref().unwrap_or(request);
            let host = host_of(request);
            let (response, lease) = self.exchange(request, credential, limits, &host).await?;
            timing.dns_ms += millis(lease.times.dns);
            timing.connect_ms += millis(lease.times.connect);
            timing.tls_ms += millis(lease.times.tls);
            timing.reused = lease.reused;
            if response.status().is_redirection()
                && let Some(url) = request.url()
            {
                let asked = Asked {
                    host: &host,
                    url: &url,
                    method: request.method(),
                    credential: credential.is_some(),
                    steps: redirects,
                    limit: limits.redirects,
                };
                let location = response.headers().get(header::LOCATION);
                if let Some(next) = redirect::next(asked, response.status(), location)? {
                    redirected = Some(request.redirected(next.method, &next.url)?);
                    redirects += 1;
                    continue;
                }
            }
            timing.first_byte_ms = millis(self.clock.elapsed().saturating_sub(start));
            let place = Arc::clone(request.place());
            return Ok(Begun { response, lease, place, host, redirects, timing });
        }
    }

    /// Sends one request over one connection. A connection from the pool may have been closed by
    /// the other side at the same moment: then a new one is tried, once.
    async fn exchange(
        &self,
        request: &Request,
        credential: Option<&Attached>,
        limits: &Limits,
        host: &SafeText,
    ) -> Result<(hyper::Response<Incoming>, Lease), HttpError> {
        if let Some(credential) = credential {
            credential.check(request)?;
        }
        if let Some(mut lease) = self.waiting(request).await {
            self.check_plaintext(request, credential, lease.peer)?;
            match lease.sender.try_send_request(message(request, credential)?).await {
                Ok(response) => return Ok((response, lease)),
                Err(mut failed) => {
                    let unsent = failed.take_message().is_some();
                    let error = failed.into_error();
                    let may_repeat = request.method().is_idempotent() && was_closed(&error);
                    if !(unsent || may_repeat) {
                        return Err(HttpError::of(host, &error));
                    }
                }
            }
        }
        let mut lease = self.connect(request, limits, host).await?;
        self.check_plaintext(request, credential, lease.peer)?;
        let sent = lease.sender.send_request(message(request, credential)?).await;
        let response = sent.map_err(|error| HttpError::of(host, &error))?;
        Ok((response, lease))
    }

    /// A connection that waits for this place, to an address that may still be dialled.
    async fn waiting(&self, request: &Request) -> Option<Lease> {
        let policy = self.connector.policy().get();
        loop {
            let mut idle = self.pool.take(request.place(), self.clock.elapsed())?;
            let allowed = match (request.target(), idle.peer) {
                (Target::Tcp(origin), Some(peer)) => policy.check(origin.host(), peer).is_ok(),
                (Target::Tcp(_), None) => false,
                (Target::Unix(_), peer) => peer.is_none(),
            };
            if !allowed {
                continue;
            }
            let is_ready = idle.sender.is_ready()
                || tokio::time::timeout(READY_MAX, idle.sender.ready())
                    .await
                    .is_ok_and(|ready| ready.is_ok());
            if is_ready {
                let times = ConnectTimes::default();
                return Some(Lease { sender: idle.sender, peer: idle.peer, times, reused: true });
            }
        }
    }

    async fn connect(
        &self,
        request: &Request,
        limits: &Limits,
        host: &SafeText,
    ) -> Result<Lease, HttpError> {
        let place = request.place();
        let connected =
            self.connector.connect(&place.target, place.trust.as_deref(), limits.connect).await?;
        let (sender, connection) = http1::Builder::new()
            .max_header_size(HEADER_BYTES_MAX)
            // A connection that waits keeps as much.
            .max_buf_size(HEADER_BYTES_MAX)
            .handshake(TokioIo::new(connected.io))
            .await
            .map_err(|error| HttpError::of(host, &error))?;
        tokio::spawn(async move {
            // What ends a connection is told to whoever waits for its answer.
            let _ = connection.await;
        });
        Ok(Lease { sender, peer: connected.peer, times: connected.times, reused: false })
    }

    /// Whether a credential may go over this connection.
    fn check_plaintext(
        &self,
        request: &Request,
        credential: Option<&Attached>,
        peer: Option<SocketAddr>,
    ) -> Result<(), HttpError> {
        let (Some(credential), Target::Tcp(origin)) = (credential, request.target()) else {
            return Ok(());
        };
        let policy = self.connector.policy().get();
        let trusted = peer.is_some_and(|peer| policy.trusts_plaintext(origin.host(), peer));
        if origin.is_secure() || trusted {
            return Ok(());
        }
        let asked = SafeText::from(origin.to_string());
        Err(CredentialError::Plaintext { name: Arc::clone(&credential.name), asked }.into())
    }
}

/// Whether the other side had closed the connection, rather than answered badly.
fn was_closed(error: &hyper::Error) -> bool {
    use std::io::ErrorKind;
    let cause = std::error::Error::source(error);
    let kind =
        cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let by_system = matches!(
        kind,
        Some(ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe)
    );
    by_system || error.is_incomplete_message() || error.is_closed() || error.is_canceled()
}

/// The message for the wire: the only place where a secret is written into one.
fn message(
    request: &Request,
    credential: Option<&Attached>,
) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
    let mut message = hyper::Request::new(Full::new(request.body().clone()));
    message.method_mut().clone_from(request.method());
    message.headers_mut().clone_from(request.headers());
    match credential {
        None => *message.uri_mut() = request.uri(),
        Some(credential) => {
            let mut path = request.path().clone();
            credential.write(message.headers_mut(), &mut path)?;
            *message.uri_mut() = path.into();
        }
    }
    if request.body().is_empty() && matches!(*request.method(), Method::POST | Method::PUT) {
        message.headers_mut().insert(header::CONTENT_LENGTH, 0.into());
    }
    Ok(message)
}

/// Reads a body to its end, or to its bound. Gives it unfolded, with the bytes that came.
async fn read(
    mut incoming: Incoming,
    headers: &HeaderMap,
    limits: &Limits,
    host: &SafeText,
) -> Result<(Bytes, u64), HttpError> {
    let refused = |error| match error {
        BodyError::TooLarge => HttpError::TooLarge { host: host.clone(), limit: limits.body_bytes },
        BodyError::Bomb => HttpError::Bomb { host: host.clone(), ratio: limits.ratio },
        BodyError::Encoding => HttpError::Encoding { host: host.clone() },
    };
    if incoming.size_hint().lower() > limits.body_bytes {
        return Err(refused(BodyError::TooLarge));
    }
    let bounds = Bounds { bytes: limits.body_bytes, ratio: limits.ratio };
    let coding = body::coding(headers).map_err(refused)?;
    let mut gatherer = Gatherer::new(coding, bounds);
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| HttpError::of(host, &error))?;
        if let Ok(data) = frame.into_data() {
            gatherer.push(data).map_err(refused)?;
        }
    }
    let wire_bytes = gatherer.taken();
    Ok((gatherer.finish().map_err(refused)?, wire_bytes))
}
