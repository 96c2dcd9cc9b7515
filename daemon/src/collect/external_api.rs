//! Services outside: generic HTTP and JSON, and whatever connectors know.

use std::sync::{Arc, LazyLock};

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
use super::{CollectError, Environment, Fetch, Moment, Retry};

pub mod pages;
pub mod plan;

use pages::{Next, PageError, Pages};
use plan::{Plan, PlanError};

/// The most that all pages of one reading hold, in items.
const ITEMS_MAX: usize = 50_000;

/// Reads one source of an external service.
pub struct ExternalApi {
    source: Name,
    spec: Arc<SourceSpec>,
    connector: Option<Arc<ConnectorSpec>>,
    kept: Result<Kept, SafeText>,
    gateway: Gateway,
    credentials: Credentials,
}

/// What stays from one reading to the next.
struct Kept {
    extractor: Extractor,
    trust: Option<Arc<Trust>>,
}

/// A plan whose parts have all been read. It is made for each reading from the documents, which
/// are there anyway, so that a source that waits takes little room.
struct Ready<'a> {
    plan: Plan,
    pages: Option<Pages>,
    trust: Option<&'a Arc<Trust>>,
    quota: Arc<QuotaHeaders>,
    bounds: Limits,
}

/// The names of quota headers in common use, shared by all who name none.
static COMMON_QUOTA: LazyLock<Arc<QuotaHeaders>> = LazyLock::new(Arc::default);

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
        spec: &Arc<SourceSpec>,
        connector: Option<&Arc<ConnectorSpec>>,
        environment: &Environment,
    ) -> Self {
        Self {
            source: source.clone(),
            spec: Arc::clone(spec),
            connector: connector.cloned(),
            kept: Kept::new(source, spec, connector.map(AsRef::as_ref)),
            gateway: environment.gateway.clone(),
            credentials: environment.credentials.clone(),
        }
    }

    async fn read(&mut self, at: Timestamp) -> Result<Reading, CollectError> {
        let body = self.whole(at).await?;
        let kept = self.kept.as_mut().map_err(|cause| hold(cause.clone()))?;
        Ok(kept.extractor.reading(at, body))
    }

    /// The answer with all of its pages.
    async fn whole(&self, at: Timestamp) -> Result<Json, CollectError> {
        let kept = self.kept.as_ref().map_err(|cause| hold(cause.clone()))?;
        let ready = Ready::new(&self.spec, self.connector.as_deref(), kept.trust.as_ref());
        let ready = &ready.map_err(hold)?;
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
        ready: &Ready<'_>,
        at: Timestamp,
        more: &[(String, String)],
        place: Option<Url>,
    ) -> Result<Page, CollectError> {
        let asked = ready.plan.ask(at, more).map_err(|error| of_plan(&error))?;
        let url = place.unwrap_or(asked.url);
        let request = ready.request(&url, asked.body).map_err(|error| of_request(&error))?;
        let fetched = self.fetch(ready, Arc::new(request), &url).await?;
        let kept = self.kept.as_ref().map_err(|cause| hold(cause.clone()))?;
        let body = kept
            .extractor
            .parse(&fetched.response.body)
            .map_err(|error| source_error(&error.to_string(), Retry::Backoff))?;
        let link = fetched.response.headers.get_all(LINK).iter();
        let link: Vec<&str> = link.filter_map(|value| value.to_str().ok()).collect();
        let link = (!link.is_empty()).then(|| link.join(", "));
        Ok(Page { body, url, link })
    }

    /// Asks. A token that is refused is fetched anew once: it may have been withdrawn early.
    async fn fetch(
        &self,
        ready: &Ready<'_>,
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
        ready: &Ready<'_>,
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
        call.quota = Some(Arc::clone(&ready.quota));
        call.bounds = ready.bounds;
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

fn words(error: &dyn std::error::Error) -> SafeText {
    SafeText::new(&error.to_string())
}

impl Kept {
    fn new(
        source: &Name,
        spec: &SourceSpec,
        connector: Option<&ConnectorSpec>,
    ) -> Result<Self, SafeText> {
        let ready = Ready::new(spec, connector, None)?;
        let extract = ready.plan.extract.as_ref();
        let extractor = Extractor::new(source, extract).map_err(|error| words(&error))?;
        let file = spec.external_api.as_ref().and_then(|api| api.ca_file.as_deref());
        let trust = file.map(Trust::read).transpose().map_err(|error| words(&error))?;
        Ok(Self { extractor, trust: trust.map(Arc::new) })
    }
}

impl<'a> Ready<'a> {
    fn new(
        spec: &SourceSpec,
        connector: Option<&ConnectorSpec>,
        trust: Option<&'a Arc<Trust>>,
    ) -> Result<Self, SafeText> {
        let plan = Plan::new(spec, connector).map_err(|error| words(&error))?;
        let pages = plan.pagination.as_ref().map(Pages::new).transpose();
        let pages = pages.map_err(|error| words(&error))?;
        let common = || Arc::clone(&COMMON_QUOTA);
        let quota = plan.quota.as_ref().map_or_else(common, |names| Arc::new(names.into()));
        let bounds = Limits { total: spec.effective_timeout(), ..Limits::default() };
        Ok(Self { plan, pages, trust, quota, bounds })
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
        Ok(match self.trust {
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
