//! The way out: through the daemon's one gateway.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::prometheus::PrometheusConfig;
use ccm_proto::model::{Interval, Name};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::header::{self, HeaderName, HeaderValue};
use tokio::io::AsyncReadExt as _;
use tokio::sync::OnceCell;

use super::get::{Answered, Get, Page};
use crate::collect::http::retry_after::retry_after;
use crate::collect::http::tls::PEM_MAX;
use crate::collect::http::{
    Answers, Attached, Caching, Call, FetchError, Gateway, Limits, Request, RequestError, Trust,
};
use crate::collect::{CollectError, Retry};

/// Gives the credential that a source is to send now; none when it sends none.
pub type Attach =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Option<Attached>, CollectError>> + Send + Sync>;

/// Gets pages by way of the gateway.
pub struct Outgoing {
    gateway: Gateway,
    source: Name,
    headers: Vec<(String, String)>,
    attach: Attach,
    timeout: Interval,
    ca_file: Option<String>,
    trust: OnceCell<Arc<Trust>>,
}

impl Outgoing {
    /// For a source whose reading may take `timeout`.
    pub fn new(
        gateway: Gateway,
        source: Name,
        config: &PrometheusConfig,
        timeout: Interval,
        attach: Attach,
    ) -> Self {
        let headers = config.headers.clone().into_iter().collect();
        let ca_file = config.ca_file.clone();
        Self { gateway, source, headers, attach, timeout, ca_file, trust: OnceCell::new() }
    }

    async fn fetch(&self, page: &Page) -> Result<Answered, CollectError> {
        let mut request = self.request(page)?;
        if let Some(file) = &self.ca_file {
            let trust = self.trust.get_or_try_init(|| trust_of(file)).await?;
            request = request.with_trust(Arc::clone(trust));
        }
        let mut call = Call::new(self.source.clone(), Arc::new(request));
        call.credential = (self.attach)().await?;
        let credential = call.credential.as_ref().map(|attached| Arc::clone(&attached.name));
        call.caching = Caching::Off;
        call.answers = Answers::Any;
        call.bounds =
            Limits { body_bytes: page.bytes_max, total: self.timeout, ..Limits::default() };
        let fetched = self.gateway.fetch(call).await.map_err(|error| refused(&error))?;
        let response = &fetched.response;
        let content_type = response.headers.get(header::CONTENT_TYPE);
        Ok(Answered {
            status: response.status.as_u16(),
            content_type: content_type.map(|text| String::from_utf8_lossy(text.as_bytes()).into()),
            retry_after: retry_after(&response.headers, fetched.at),
            credential,
            body: response.body.clone(),
        })
    }

    fn request(&self, page: &Page) -> Result<Request, CollectError> {
        let wrong = |error: RequestError| lasting(error.to_string());
        let mut request = Request::get(&page.url).map_err(wrong)?;
        let accept = HeaderValue::from_static(page.accept);
        request = request.with_header(header::ACCEPT, accept).map_err(wrong)?;
        for (name, value) in &self.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
            else {
                return Err(lasting(format!("the header {name} cannot be sent; correct it")));
            };
            request = request.with_header(name, value).map_err(wrong)?;
        }
        Ok(if page.compressed { request } else { request.uncompressed() })
    }
}

impl Get for Outgoing {
    fn get<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Answered, CollectError>> {
        self.fetch(page).boxed()
    }
}

async fn trust_of(file: &str) -> Result<Arc<Trust>, CollectError> {
    let unreadable = |cause: String| CollectError::Unreadable {
        what: SafeText::new(file).to_string(),
        cause,
        remedy: "correct ca_file, or let the daemon read it",
    };
    let opened =
        tokio::fs::File::open(file).await.map_err(|error| unreadable(error.to_string()))?;
    let mut pem = Vec::new();
    // One byte more than there may be is told from as many as there may be.
    let bounded = opened.take(PEM_MAX as u64 + 1).read_to_end(&mut pem).await;
    bounded.map_err(|error| unreadable(error.to_string()))?;
    Trust::new(&pem).map(Arc::new).map_err(|error| lasting(error.to_string()))
}

/// An error that stays until somebody changes something.
fn lasting(cause: String) -> CollectError {
    CollectError::Source { cause: SafeText::from(cause), retry: Retry::Hold }
}

fn refused(error: &FetchError) -> CollectError {
    let retry = match error.after() {
        Some(after) => Retry::After(after),
        None if error.is_lasting() => Retry::Hold,
        None => Retry::Backoff,
    };
    CollectError::Source { cause: error.to_safe_text(), retry }
}
