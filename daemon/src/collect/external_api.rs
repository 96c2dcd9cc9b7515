//! Services outside: generic HTTP and JSON, and whatever connectors know.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::external_api::Method as ApiMethod;
use ccm_proto::model::{ConnectorSpec, Name, Reading, SourceSpec, Timestamp};
use futures_util::future::BoxFuture;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use serde_json::Value as Json;
use url::Url;

use super::credentials::Credentials;
use super::extract::Extractor;
use super::http::{
    Attached, Caching, Call, FetchError, Fetched, Gateway, Limits, Origin, QuotaHeaders, Request,
    RequestError, Trust,
};
use super::{CollectError, Environment, Fetch, Moment, Retry, json};

pub mod pages;
pub mod plan;

use pages::{Next, PageError, Pages};
use plan::{Plan, PlanError};

/// The most that all pages of one reading hold, in items.
const ITEMS_MAX: usize = 50_000;

/// Reads one source of an external service.
pub struct ExternalApi {
    source: Name,
    ready: Result<Ready, SafeText>,
    bounds: Limits,
    gateway: Gateway,
    credentials: Credentials,
}

/// A plan whose parts have all been read.
struct Ready {
    plan: Plan,
    pages: Option<Pages>,
    extractor: Extractor,
    trust: Option<Arc<Trust>>,
    quota: Option<Arc<QuotaHeaders>>,
}

/// A page that came.
struct Page {
    body: Json,
    url: Url,
    link: Option<String>,
}

impl ExternalApi {
    /// Of a source and its connector. What is wrong with them is told by the first reading.
    pub fn new(
        source: &Name,
        spec: &SourceSpec,
        connector: Option<&ConnectorSpec>,
        environment: &Environment,
    ) -> Self {
        let total = spec.effective_timeout();
        Self {
            source: source.clone(),
            ready: Ready::new(source, spec, connector),
            bounds: Limits { total, ..Limits::default() },
            gateway: environment.gateway.clone(),
            credentials: environment.credentials.clone(),
        }
    }

    async fn read(&mut self, at: Timestamp) -> Result<Reading, CollectError> {
        let body = self.whole(at).await?;
        let ready = self.ready.as_mut().map_err(|cause| hold(cause.clone()))?;
        Ok(ready.extractor.reading(at, body))
    }

    /// The answer with all of its pages.
    async fn whole(&self, at: Timestamp) -> Result<Json, CollectError> {
        let ready = self.ready.as_ref().map_err(|cause| hold(cause.clone()))?;
        let first: Vec<(String, String)> = ready.pages.iter().filter_map(Pages::first).collect();
        let page = self.page(ready, at, &first, None).await?;
        let Some(pages) = &ready.pages else { return Ok(page.body) };
        let after = |page: &Page, index| {
            let next = pages.next(&page.body, index, &page.url, page.link.as_deref());
            next.map_err(|error| of_pages(&error))
        };
        let mut next = after(&page, 0)?;
        let (mut whole, mut items) = (page.body, 0);
        for index in 1..pages.max() {
            let page = match next.take().filter(|_| items < ITEMS_MAX) {
                Some(Next::At(url)) => self.page(ready, at, &[], Some(url)).await?,
                Some(Next::With(name, value)) => {
                    self.page(ready, at, &[(name, value)], None).await?
                }
                None => break,
            };
            next = after(&page, index)?;
            items += pages.join(&mut whole, page.body).map_err(|error| of_pages(&error))?;
        }
        Ok(whole)
    }

    /// One page: at `place`, or where the plan says, with `more` parameters.
    async fn page(
        &self,
        ready: &Ready,
        at: Timestamp,
        more: &[(String, String)],
        place: Option<Url>,
    ) -> Result<Page, CollectError> {
        let asked = ready.plan.ask(at, more).map_err(|error| of_plan(&error))?;
        let url = place.unwrap_or(asked.url);
        let request = ready.request(&url, asked.body).map_err(|error| of_request(&error))?;
        let fetched = self.fetch(ready, Arc::new(request), &url).await?;
        let body = json::parse(&fetched.response.body)
            .map_err(|error| source_error(&error.to_string(), Retry::Backoff))?;
        let link = fetched.response.headers.get_all(LINK).iter();
        let link: Vec<&str> = link.filter_map(|value| value.to_str().ok()).collect();
        let link = (!link.is_empty()).then(|| link.join(", "));
        Ok(Page { body, url, link })
    }

    /// Asks. A token that is refused is fetched anew once: it may have been withdrawn early.
    async fn fetch(
        &self,
        ready: &Ready,
        request: Arc<Request>,
        url: &Url,
    ) -> Result<Fetched, CollectError> {
        let first = self.call(ready, &request, url).await?;
        let (shown, tokens) =
            (first.credential.as_ref().map(|a| Arc::clone(&a.name)), ready.plan.has_tokens());
        match (self.gateway.fetch(first).await, shown) {
            (Err(FetchError::Refused { status: 401, .. }), Some(shown)) if tokens => {
                self.credentials.forget_tokens(&shown);
                let again = self.call(ready, &request, url).await?;
                self.gateway.fetch(again).await.map_err(|error| error.to_collect_error())
            }
            (result, _) => result.map_err(|error| error.to_collect_error()),
        }
    }

    async fn call(
        &self,
        ready: &Ready,
        request: &Arc<Request>,
        url: &Url,
    ) -> Result<Call, CollectError> {
        let plan = &ready.plan;
        let mut call = Call::new(self.source.clone(), Arc::clone(request));
        if let Some(api) = &plan.api {
            // A connector that everybody runs themselves is many services.
            call.api = format!("{api} {}", url.host_str().unwrap_or_default()).into();
        }
        if let Some(limits) = &plan.limits {
            call.limits = limits.into();
        }
        call.caching = plan.cache.map_or(Caching::Headers, Caching::AtLeast);
        call.quota = ready.quota.clone();
        call.bounds = self.bounds;
        call.credential = self.credential(plan, url).await?;
        Ok(call)
    }

    async fn credential(&self, plan: &Plan, url: &Url) -> Result<Option<Attached>, CollectError> {
        let Some(name) = &plan.credential else { return Ok(None) };
        let to = Origin::of(url).map_err(|error| of_request(&error))?;
        let attached = self.credentials.attach(&self.source, name, plan.auth.as_ref(), &to).await;
        attached.map(Some).map_err(|error| error.to_collect_error())
    }
}

impl Fetch for ExternalApi {
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        Box::pin(self.read(moment.at))
    }
}

impl Ready {
    fn new(
        source: &Name,
        spec: &SourceSpec,
        connector: Option<&ConnectorSpec>,
    ) -> Result<Self, SafeText> {
        let words = |error: &dyn std::error::Error| SafeText::new(&error.to_string());
        let plan = Plan::new(spec, connector).map_err(|error| words(&error))?;
        let pages = plan.pagination.as_ref().map(Pages::new).transpose();
        let pages = pages.map_err(|error| words(&error))?;
        let extractor = Extractor::new(source, plan.extract.as_ref()).map_err(|e| words(&e))?;
        let file = spec.external_api.as_ref().and_then(|api| api.ca_file.as_deref());
        let trust = file.map(Trust::read).transpose().map_err(|error| words(&error))?;
        let quota = plan.quota.as_ref().map_or_else(QuotaHeaders::default, QuotaHeaders::from);
        Ok(Self {
            pages,
            extractor,
            trust: trust.map(Arc::new),
            quota: Some(Arc::new(quota)),
            plan,
        })
    }

    fn request(&self, url: &Url, body: Option<String>) -> Result<Request, RequestError> {
        let method = match self.plan.method {
            ApiMethod::Get => Method::GET,
            ApiMethod::Head => Method::HEAD,
            ApiMethod::Post => Method::POST,
        };
        let mut request = Request::new(method, url)?;
        for (name, value) in &self.plan.headers {
            let refused = || RequestError::Header(SafeText::new(name));
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
            let value = HeaderValue::from_str(value).map_err(|_| refused())?;
            request = request.with_header(header, value)?;
        }
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request = request.with_header(CONTENT_TYPE, json)?.with_body(body.into());
        }
        Ok(match &self.trust {
            Some(trust) => request.with_trust(Arc::clone(trust)),
            None => request,
        })
    }
}

fn hold(cause: SafeText) -> CollectError {
    CollectError::Source { cause, retry: Retry::Hold }
}

fn source_error(cause: &str, retry: Retry) -> CollectError {
    CollectError::Source { cause: SafeText::new(cause), retry }
}

fn of_plan(error: &PlanError) -> CollectError {
    source_error(&error.to_string(), Retry::Hold)
}

fn of_request(error: &RequestError) -> CollectError {
    source_error(&error.to_string(), Retry::Hold)
}

fn of_pages(error: &PageError) -> CollectError {
    source_error(&error.to_string(), Retry::Backoff)
}
