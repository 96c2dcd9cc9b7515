//! The way to modules through the daemon's gateway: guarded, bounded and written down as every call.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use ccm_proto::model::module::{ModuleAddress, ModuleSpec};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use hyper::Method;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::way::{Answer, Asked, BODY_MAX, Chunks, Way, WayError};
use crate::clock::Clock;
use crate::collect::credentials::Credentials;
use crate::collect::http::gateway::Wait;
use crate::collect::http::retry_after::retry_after;
use crate::collect::http::{
    Answers, Caching, Call, FetchError, Gateway, HttpError, Limits, Request, RequestError, Target,
};

/// Where a stream goes on.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

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

    async fn call(&self, asked: &Asked, last_id: Option<&str>) -> Result<Call, WayError> {
        let failed = |error: String| WayError::Failed(SafeText::from(error));
        let mut request = request(&asked.spec, &asked.path)
            .and_then(|request| request.with_header(ACCEPT, HeaderValue::from_static(asked.accept)))
            .map_err(|error| failed(error.to_string()))?;
        if let Some(id) = last_id.and_then(|id| HeaderValue::from_str(id).ok()) {
            request = request
                .with_header(LAST_EVENT_ID, id)
                .map_err(|error| failed(error.to_string()))?;
        }
        let credential = match (&asked.spec.credential, request.target()) {
            (Some(name), Target::Tcp(origin)) => {
                let attached = self.credentials.attach(&asked.source, name, None, origin).await;
                Some(attached.map_err(|error| failed(error.to_string()))?)
            }
            // Whoever may open the socket has decided; a document is not written otherwise.
            _ => None,
        };
        let bounds = Limits {
            body_bytes: BODY_MAX,
            total: asked.timeout,
            redirects: 0,
            ..Limits::default()
        };
        Ok(Call {
            api: api(&asked.spec, asked.is_check),
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
        let circuit = matches!(error, FetchError::TryLater { wait: Wait::Circuit, .. });
        if circuit && asked.is_check {
            self.gateway.forget(&api(&asked.spec, true));
        }
        circuit && asked.is_check
    }

    async fn ask(&self, asked: &Asked) -> Result<Answer, WayError> {
        let call = self.call(asked, None).await?;
        let fetched = match self.gateway.fetch(call.clone()).await {
            Err(error) if self.is_resting(asked, &error) => self.gateway.fetch(call).await,
            other => other,
        };
        let fetched = fetched.map_err(|error| lost(&error))?;
        let response = &fetched.response;
        Ok(Answer {
            body: response.body.clone(),
            latency: Interval::from_millis(fetched.timing.total_ms.max(0.0) as u64),
            ..self.head(response.status.as_u16(), &response.headers)
        })
    }

    async fn listen(
        &self,
        asked: &Asked,
        last_id: Option<&str>,
    ) -> Result<Result<Chunks, Answer>, WayError> {
        let call = self.call(asked, last_id).await?;
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
fn api(spec: &ModuleSpec, is_check: bool) -> Arc<str> {
    let what = if is_check { "health of " } else { "" };
    format!("{what}module {}", spec.endpoint).into()
}

fn request(spec: &ModuleSpec, path: &str) -> Result<Request, RequestError> {
    match &spec.endpoint {
        ModuleAddress::Unix(socket) => Request::to_socket(Method::GET, socket.into(), path),
        ModuleAddress::Tcp { .. } => Request::get(&format!("{}{path}", spec.endpoint.base())),
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
        Box::pin(async move { self.ask(&asked).await })
    }

    fn open(
        &self,
        asked: Asked,
        last_id: Option<String>,
    ) -> BoxFuture<'_, Result<Result<Chunks, Answer>, WayError>> {
        Box::pin(async move { self.listen(&asked, last_id.as_deref()).await })
    }

    fn welcome(&self, spec: &ModuleSpec) {
        self.gateway.forget(&api(spec, false));
    }
}
