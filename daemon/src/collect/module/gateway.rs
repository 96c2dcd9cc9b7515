//! The way to modules through the daemon's gateway: guarded, bounded and written down as every call.

use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::module::{ModuleAddress, ModuleSpec};
use ccm_proto::model::{Interval, Name};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use hyper::Method;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::way::{Answer, Asked, BODY_MAX, BRIDGE_BODY_MAX, Chunks, Purpose, Way, WayError};
use crate::clock::Clock;
use crate::collect::credentials::Credentials;
use crate::collect::http::gateway::Wait;
use crate::collect::http::request::parse;
use crate::collect::http::retry_after::retry_after;
use crate::collect::http::{
    Answers, Caching, Call, FetchError, Gateway, HttpError, Limits, Request, RequestError, Target,
};

/// Where a stream goes on.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The module that asks or tells.
const FROM_MODULE: HeaderName = HeaderName::from_static("ccm-from");

/// How many modules an ask or an event has passed.
const HOPS: HeaderName = HeaderName::from_static("ccm-hops");

/// How the names of circuits between modules begin.
const ASKS: &str = "asks of ";
const DELIVERIES: &str = "deliveries of ";

/// What the gateway says of an address that nobody listens on.
const ABSENT: [&str; 2] = ["nothing listens there", "there is no such socket"];

/// Reaches modules.
pub struct GatewayWay {
    gateway: Gateway,
    credentials: Credentials,
    clock: Clock,
}

impl GatewayWay {
    /// Through a gateway, with credentials from wherever they are kept.
    pub fn new(gateway: Gateway, credentials: Credentials, clock: Clock) -> Self {
        Self { gateway, credentials, clock }
    }

    async fn call(&self, asked: &Asked, sent: Sent<'_>) -> Result<Call, WayError> {
        let failed = |error: String| WayError::Failed(SafeText::from(error));
        let request = whole_request(asked, sent).map_err(|error| failed(error.to_string()))?;
        let credential = match (&asked.spec.credential, request.target()) {
            (Some(name), Target::Tcp(origin)) => {
                let attached = self.credentials.attach(&asked.source, name, None, origin).await;
                Some(attached.map_err(|error| failed(error.to_string()))?)
            }
            // Whoever may open the socket has decided; a document is not written otherwise.
            _ => None,
        };
        let bounds = Limits {
            body_bytes: if asked.purpose.is_bridged() { BRIDGE_BODY_MAX } else { BODY_MAX },
            total: asked.timeout,
            redirects: 0,
            ..Limits::default()
        };
        Ok(Call {
            api: api(asked),
            owner: owner(asked),
            credential,
            // An event may have made the answer stale since; it is never old by itself.
            caching: Caching::Off,
            answers: Answers::Any,
            bounds,
            ..Call::new(asked.source.clone(), Arc::new(request))
        })
    }

    /// A module is looked at in its own rhythm, whether or not it has failed before.
    fn is_resting(&self, asked: &Asked, error: &FetchError) -> bool {
        let is_check = asked.purpose == Purpose::Check;
        let circuit = matches!(error, FetchError::TryLater { wait: Wait::Circuit, .. });
        if circuit && is_check {
            let of = api(asked);
            self.gateway.forget(|api| api == &*of);
        }
        circuit && is_check
    }

    async fn ask(&self, asked: &Asked, sent: Sent<'_>) -> Result<Answer, WayError> {
        let call = self.call(asked, sent).await?;
        let fetched = match self.gateway.fetch(call.clone()).await {
            Err(error) if self.is_resting(asked, &error) => self.gateway.fetch(call).await,
            other => other,
        };
        let fetched = fetched.map_err(|error| lost(&error))?;
        let response = &fetched.response;
        Ok(Answer {
            body: response.body.clone(),
            latency: Interval::from_millis(fetched.timing.total_ms.max(0.0).round() as u64),
            ..self.head(response.status.as_u16(), &response.headers)
        })
    }

    async fn listen(
        &self,
        asked: &Asked,
        last_id: Option<&str>,
    ) -> Result<Result<Chunks, Answer>, WayError> {
        let call = self.call(asked, Sent { last_id, body: None }).await?;
        let opened = self.gateway.open(call).await.map_err(|error| lost(&error))?;
        let head = self.head(opened.status.as_u16(), &opened.headers);
        let media = head.content_type.split(';').next().unwrap_or_default().trim();
        if head.status != 200 || !media.eq_ignore_ascii_case("text/event-stream") {
            return Ok(Err(head));
        }
        let broken = |error: HttpError| WayError::Failed(error.to_safe_text());
        Ok(Ok(opened.body.map(move |chunk| chunk.map_err(broken)).boxed()))
    }

    /// An answer without its body.
    fn head(&self, status: u16, headers: &HeaderMap) -> Answer {
        let content_type = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        Answer {
            status,
            content_type: content_type.unwrap_or_default().to_owned(),
            retry_after: retry_after(headers, self.clock.now()),
            ..Answer::default()
        }
    }
}

/// What shares a circuit: data of one module, and looks at it.
///
/// What one module asks or tells another has a circuit of its own: whoever asks for what fails
/// stops neither data nor others who ask. There are as many as documents grant.
fn api(asked: &Asked) -> Arc<str> {
    let (from, to) = (&asked.source, &asked.module);
    match &asked.purpose {
        Purpose::Data => of_data(to).into(),
        Purpose::Check => format!("health of module {to}").into(),
        Purpose::Ask { .. } => format!("{ASKS}{from}{}", towards(to)).into(),
        Purpose::Reply | Purpose::Delivery { .. } => {
            format!("{DELIVERIES}{from}{}", towards(to)).into()
        }
    }
}

fn of_data(module: &Name) -> String {
    format!("module {module}")
}

/// How the name of a circuit between modules ends.
fn towards(to: &Name) -> String {
    format!(" to {to}")
}

/// Who takes turns: modules among themselves, beside the platform's sources.
fn owner(asked: &Asked) -> Arc<str> {
    if asked.purpose.is_bridged() {
        format!("module {}", asked.source).into()
    } else {
        "platform".into()
    }
}

/// What goes with a request.
#[derive(Clone, Copy, Default)]
struct Sent<'a> {
    last_id: Option<&'a str>,
    /// With a body it is a `POST`.
    body: Option<&'a Bytes>,
}

fn whole_request(asked: &Asked, sent: Sent<'_>) -> Result<Request, RequestError> {
    let method = if sent.body.is_some() { Method::POST } else { Method::GET };
    let mut request = request(&asked.spec, method, &asked.path)?
        .with_header(ACCEPT, HeaderValue::from_static(asked.accept))?;
    if let Some(id) = sent.last_id.and_then(|id| HeaderValue::from_str(id).ok()) {
        request = request.with_header(LAST_EVENT_ID, id)?;
    }
    if let Some(body) = sent.body {
        let json = HeaderValue::from_static("application/json");
        request = request.with_header(CONTENT_TYPE, json)?.with_body(body.clone());
    }
    if asked.purpose.is_bridged()
        && let Ok(from) = HeaderValue::from_str(asked.source.as_str())
    {
        request = request.with_header(FROM_MODULE, from)?;
    }
    match asked.purpose.hops() {
        Some(hops) => request.with_header(HOPS, HeaderValue::from(u16::from(hops))),
        None => Ok(request),
    }
}

fn request(spec: &ModuleSpec, method: Method, path: &str) -> Result<Request, RequestError> {
    match &spec.endpoint {
        ModuleAddress::Unix(socket) => Request::to_socket(method, socket.into(), path),
        ModuleAddress::Tcp { .. } => {
            Request::new(method, &parse(&format!("{}{path}", spec.endpoint.base()))?)
        }
        ModuleAddress::Push => Err(RequestError::NoAddress),
    }
}

fn lost(error: &FetchError) -> WayError {
    match error {
        FetchError::Http(HttpError::Connect { cause, .. }) if ABSENT.contains(cause) => {
            WayError::NotListening(SafeText::new(cause))
        }
        other => WayError::Failed(other.to_safe_text()),
    }
}

impl Way for GatewayWay {
    fn get(&self, asked: Asked) -> BoxFuture<'_, Result<Answer, WayError>> {
        Box::pin(async move { self.ask(&asked, Sent::default()).await })
    }

    fn post(&self, asked: Asked, body: Bytes) -> BoxFuture<'_, Result<Answer, WayError>> {
        Box::pin(async move { self.ask(&asked, Sent { last_id: None, body: Some(&body) }).await })
    }

    fn open(
        &self,
        asked: Asked,
        last_id: Option<String>,
    ) -> BoxFuture<'_, Result<Result<Chunks, Answer>, WayError>> {
        Box::pin(async move { self.listen(&asked, last_id.as_deref()).await })
    }

    fn welcome(&self, module: &Name) {
        let (data, towards) = (of_data(module), towards(module));
        let bridged = |api: &str| api.starts_with(ASKS) || api.starts_with(DELIVERIES);
        self.gateway.forget(|api| api == data || (bridged(api) && api.ends_with(&towards)));
    }
}
