//! Answers, and the bounds that they are read within.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use futures_util::Stream;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::HeaderMap;

use super::error::HttpError;
use super::redirect;

/// Bounds of one request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body, unfolded.
    pub body_bytes: u64,
    /// How many times its size a compressed body may unfold to.
    pub ratio: u64,
    /// Time for everything.
    pub total: Interval,
    /// Time for a connection.
    pub connect: Interval,
    /// Redirects that are followed.
    pub redirects: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            // Repetitive text folds to a fiftieth; deflate cannot do more than a thousandth.
            ratio: 100,
            total: Interval::from_secs(10),
            connect: Interval::from_secs(5),
            redirects: redirect::STEPS_MAX,
        }
    }
}

/// How long the parts took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Finding the addresses; zero on a connection that was there.
    pub dns_ms: f64,
    /// Dialling; zero likewise.
    pub connect_ms: f64,
    /// The TLS handshake; zero likewise.
    pub tls_ms: f64,
    /// From the beginning to the answer's headers.
    pub first_byte_ms: f64,
    /// From the beginning to the end.
    pub total_ms: f64,
    /// Whether the connection was there already.
    pub reused: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// Its body, unfolded.
    pub body: Bytes,
    /// Bytes of the body as they came.
    pub wire_bytes: u64,
    /// Redirects that led here.
    pub redirects: u32,
    /// How long it took.
    pub timing: Timing,
}

/// An answer whose body is read as it comes.
#[derive(Debug)]
pub struct Opened {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// Its body. Neither its length nor its duration is bounded.
    pub body: BodyStream,
    /// How long it took to come here; `total_ms` is as `first_byte_ms`.
    pub timing: Timing,
}

/// A body that is read as it comes. Dropping it ends the connection.
#[derive(Debug)]
pub struct BodyStream {
    incoming: Incoming,
    host: SafeText,
    _sender: SendRequest<Full<Bytes>>,
}

impl BodyStream {
    pub(super) fn new(
        incoming: Incoming,
        host: SafeText,
        sender: SendRequest<Full<Bytes>>,
    ) -> Self {
        Self { incoming, host, _sender: sender }
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(HttpError::of(&self.host, &error))));
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }
}
