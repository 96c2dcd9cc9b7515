//! Asks fakes of services as their connectors say, with as little as that takes.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ccm_proto::model::connector::Endpoint;
use ccm_proto::model::source::Param;
use ccm_proto::model::source::external_api::{Auth, Grant, Pagination, TimeFormat};
use ccm_proto::model::{ConnectorSpec, Name};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use serde_json_path::JsonPath;
use url::form_urlencoded;

use super::fake::{Fake, RETRY_AFTER};
use super::fixtures::{Service, connectors, pages, service};
use super::form::plain;

/// More calls than any test makes.
pub(crate) const PLENTY: u32 = 1_000;

type Params = BTreeMap<String, Param>;

/// An answer: status, headers, body.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

/// The pages of an answer put together: the first one, with the list grown by those of the others.
pub(crate) fn joined(endpoint: &Endpoint, pages: &[Value]) -> Value {
    let items = endpoint.pagination.as_ref().map_or("", Pagination::items);
    let pointer: String =
        items.split('.').filter(|step| !step.is_empty()).map(|step| format!("/{step}")).collect();
    let mut whole = pages[0].clone();
    for page in &pages[1..] {
        let more = page.pointer(&pointer).and_then(Value::as_array).unwrap().clone();
        whole.pointer_mut(&pointer).and_then(Value::as_array_mut).unwrap().extend(more);
    }
    whole
}

/// A connector whose pages are as small as the recorded ones.
pub(crate) fn shrunk(connector: &str, spec: &ConnectorSpec) -> ConnectorSpec {
    let mut spec = spec.clone();
    for (name, endpoint) in &mut spec.endpoints {
        let length = |items: &str| {
            let pages = pages(connector, name.as_str());
            let list = if items.is_empty() { &pages[0] } else { &pages[0][items] };
            u32::try_from(list.as_array().unwrap().len()).unwrap()
        };
        let Some(Pagination::Page { items, size, step, .. }) = &mut endpoint.pagination else {
            continue;
        };
        let (before, now) = (*size, length(items));
        *size = now;
        *step = if *step == before { now } else { *step };
        for param in endpoint.params.values_mut() {
            if *param == Param::Integer(i64::from(before)) {
                *param = Param::Integer(i64::from(now));
            }
        }
    }
    spec
}

/// The moments that connectors name, on the 27th of February 2026 at noon.
fn moment(text: &str, format: TimeFormat) -> Option<String> {
    const NOON: i64 = 1_772_193_600;
    let (seconds, date) = match text {
        "now" => (NOON, "2026-02-27T12:00:00Z"),
        "today" => (NOON - 43_200, "2026-02-27T00:00:00Z"),
        "now-7d" => (NOON - 7 * 86_400, "2026-02-20T12:00:00Z"),
        "now-30d" => (NOON - 30 * 86_400, "2026-01-28T12:00:00Z"),
        "now-90d" => (NOON - 90 * 86_400, "2025-11-29T12:00:00Z"),
        _ => return None,
    };
    Some(match format {
        TimeFormat::Rfc3339 => date.to_owned(),
        TimeFormat::Date => date[..10].to_owned(),
        TimeFormat::Seconds => seconds.to_string(),
        TimeFormat::Millis => (seconds * 1_000).to_string(),
    })
}

fn text(param: &Param, format: TimeFormat) -> String {
    let text = param.to_string();
    moment(&text, format).unwrap_or(text)
}

fn flat(name: &str, param: &Param, format: TimeFormat, into: &mut Vec<(String, String)>) {
    match param {
        Param::List(items) => items.iter().for_each(|item| flat(name, item, format, into)),
        Param::Table(entries) => {
            let each = |(key, item): (&String, &Param)| (format!("{name}[{key}]"), item.clone());
            entries.iter().map(each).for_each(|(name, item)| flat(&name, &item, format, into));
        }
        plain => into.push((name.to_owned(), text(plain, format))),
    }
}

fn resolved(body: &Value, format: TimeFormat) -> Value {
    match body {
        Value::String(text) => moment(text, format).map_or_else(|| body.clone(), Value::from),
        Value::Array(items) => items.iter().map(|item| resolved(item, format)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, item)| (key.clone(), resolved(item, format))).collect()
        }
        plain => plain.clone(),
    }
}

/// A caller of one connector's fake.
struct Caller {
    fake: Fake,
    spec: ConnectorSpec,
    service: Service,
    client: Client<HttpConnector, Full<Bytes>>,
    token: Option<String>,
}

impl Caller {
    async fn of(connector: &str, spec: &ConnectorSpec, calls: u32) -> Self {
        let fake = Fake::start(connector, calls).await;
        let spec = fake.instead_of(&shrunk(connector, spec));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut caller = Self { fake, spec, service: service(connector), client, token: None };
        caller.token = caller.fetch_token().await;
        caller
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let answer = self.client.request(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap();
        Answer { status: head.status, headers: head.headers, body }
    }

    async fn fetch_token(&self) -> Option<String> {
        let Some(Auth::Oauth2 { token_url, scopes, grant }) = &self.spec.auth else { return None };
        let token = self.service.token.as_ref().unwrap();
        let mut form = form_urlencoded::Serializer::new(String::new());
        match grant {
            Grant::ClientCredentials => form.append_pair("grant_type", "client_credentials"),
            Grant::RefreshToken => form
                .append_pair("grant_type", "refresh_token")
                .append_pair("refresh_token", token.refresh.as_ref().unwrap()),
        };
        if !scopes.is_empty() {
            form.append_pair("scope", &scopes.join(" "));
        }
        let request = Request::post(token_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", basic(&token.user, &token.secret))
            .body(Full::from(form.finish()));
        let answer = self.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        Some(answer.body["access_token"].as_str().unwrap().to_owned())
    }

    /// One request of an endpoint with the parameters of this page.
    async fn page(
        &self,
        endpoint: &Endpoint,
        given: &Params,
        query: &[(String, String)],
    ) -> Answer {
        let mut path = endpoint.path.clone();
        for name in endpoint.path_params() {
            let value = given.get(name).or_else(|| endpoint.params.get(name)).unwrap();
            path = path.replace(&format!("{{{name}}}"), &value.to_string());
        }
        let format = endpoint.time_format.unwrap_or(self.spec.time_format);
        let mut pairs = query.to_vec();
        let defaults = endpoint.params.iter().filter(|(name, _)| !given.contains_key(*name));
        for (name, param) in given.iter().chain(defaults) {
            if endpoint.path_params().all(|in_path| in_path != name) {
                flat(name, param, format, &mut pairs);
            }
        }
        let base = self.spec.base_url.as_ref().unwrap();
        let body = endpoint.body.as_ref().map(|body| resolved(body, format).to_string());
        self.ask(endpoint.method.as_str(), &format!("{base}{path}"), pairs, body).await
    }

    async fn ask(
        &self,
        method: &str,
        url: &str,
        mut pairs: Vec<(String, String)>,
        body: Option<String>,
    ) -> Answer {
        let mut request = Request::builder().method(method).header("user-agent", "ccm-test");
        for (name, value) in &self.spec.headers {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let secret = self.token.clone().or(self.service.secret.clone()).unwrap_or_default();
        match self.spec.auth.as_ref().unwrap() {
            Auth::Bearer | Auth::Oauth2 { .. } => {
                request = request.header("authorization", format!("Bearer {secret}"));
            }
            Auth::Basic => {
                let account = self.service.basic.as_ref().unwrap();
                request = request.header("authorization", basic(&account.user, &account.secret));
            }
            Auth::ApiKey { header: Some(header), prefix, .. } => {
                let prefix = prefix.clone().unwrap_or_default();
                request = request.header(header, format!("{prefix}{secret}"));
            }
            Auth::ApiKey { param, .. } => pairs.push((param.clone().unwrap(), secret)),
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let joint = if url.contains('?') { "&" } else { "?" };
        let url = if query.is_empty() { url.to_owned() } else { format!("{url}{joint}{query}") };
        self.send(request.uri(url).body(Full::from(body.unwrap_or_default())).unwrap()).await
    }

    /// All pages of an endpoint.
    async fn all(&self, endpoint: &Endpoint, given: &Params) -> Vec<Value> {
        let mut found = Vec::new();
        let mut query = Vec::new();
        loop {
            let answer = self.page(endpoint, given, &query).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            let next = self.next(endpoint, &answer, found.len());
            found.push(answer.body);
            match next {
                Some(next) => query = next,
                None => return found,
            }
        }
    }

    /// The parameters of the page after the `turned`th.
    fn next(
        &self,
        endpoint: &Endpoint,
        answer: &Answer,
        turned: usize,
    ) -> Option<Vec<(String, String)>> {
        match endpoint.pagination.as_ref()? {
            Pagination::Link { .. } => {
                let link = answer.headers.get("link")?.to_str().unwrap();
                let next = link.split(", ").find(|part| part.ends_with("rel=\"next\""))?;
                let url = next.trim_start_matches('<').split('>').next().unwrap();
                assert!(url.starts_with(&self.fake.origin), "{url}");
                let query = form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes());
                Some(query.into_owned().filter(|(name, _)| name == "page").collect())
            }
            Pagination::Cursor { param, cursor, more, .. } => {
                let read = |path: &str| {
                    JsonPath::parse(path).unwrap().query(&answer.body).first().cloned()
                };
                let goes_on =
                    more.as_ref().is_none_or(|more| read(more) == Some(Value::Bool(true)));
                let cursor = read(cursor).filter(|_| goes_on)?;
                Some(vec![(param.clone(), plain(&cursor))])
            }
            Pagination::Page { items, param, first, step, size, .. } => {
                let list = if items.is_empty() { &answer.body } else { &answer.body[items] };
                let full = list.as_array().unwrap().len() >= *size as usize;
                let number = first + step * u32::try_from(turned + 1).unwrap();
                full.then(|| vec![(param.clone(), number.to_string())])
            }
        }
    }

    fn endpoint(&self, name: &str) -> (&Endpoint, &Params) {
        let endpoint = &self.spec.endpoints[&Name::new(name).unwrap()];
        (endpoint, &self.service.endpoints[name].given)
    }
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

/// One of the connectors.
pub(crate) fn connector(name: &str) -> ConnectorSpec {
    connectors().into_iter().find(|(known, _)| known.as_str() == name).unwrap().1
}

#[tokio::test]
async fn every_endpoint_is_answered_by_its_service_and_to_the_last_page() {
    for (name, spec) in connectors() {
        let caller = Caller::of(name.as_str(), &spec, PLENTY).await;
        let mut calls = 0;
        for endpoint in caller.spec.endpoints.keys() {
            let (asked, given) = caller.endpoint(endpoint.as_str());
            assert!(given.keys().all(|param| asked.allows(param)), "{name}/{endpoint}: {given:?}");
            let recorded = pages(name.as_str(), endpoint.as_str());
            assert_eq!(caller.all(asked, given).await, recorded, "{name}/{endpoint}");
            let most = asked.pagination.as_ref().map_or(1, Pagination::max_pages);
            assert!(recorded.len() <= most as usize, "{name}/{endpoint}");
            calls += u32::try_from(recorded.len()).unwrap();
        }
        let tokens = u32::from(matches!(spec.auth, Some(Auth::Oauth2 { .. })));
        assert_eq!(caller.fake.calls(), (calls, tokens), "{name}");
    }
}

#[tokio::test]
async fn a_credential_begins_as_its_service_writes_it_and_another_is_refused() {
    for (name, spec) in connectors() {
        let mut caller = Caller::of(name.as_str(), &spec, PLENTY).await;
        let prefixes = spec.credential.unwrap().prefixes;
        if let Some(secret) = &caller.service.secret {
            let known = prefixes.iter().any(|prefix| secret.starts_with(prefix.as_str()));
            assert!(known || prefixes.is_empty(), "{name}: {prefixes:?}");
        }
        caller.token = caller.token.map(|_| "stolen".to_owned());
        caller.service.secret = caller.service.secret.map(|_| "stolen".to_owned());
        caller
            .service
            .basic
            .iter_mut()
            .for_each(|account| "stolen".clone_into(&mut account.secret));
        let endpoint = caller.spec.endpoints.keys().next().unwrap().clone();
        let (asked, given) = caller.endpoint(endpoint.as_str());
        let answer = caller.page(asked, given, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}/{endpoint}");
        assert_eq!(caller.fake.calls().0, 0, "{name}");
    }
}

#[tokio::test]
async fn a_fake_refuses_what_its_service_would_not_take() {
    let caller = Caller::of("stripe", &connector("stripe"), PLENTY).await;
    let base = caller.spec.base_url.clone().unwrap();
    let table = [
        ("GET", "/v1/charges?limit=101", "limit"),
        ("GET", "/v1/charges?created[gte]=today", "created[gte]"),
        ("GET", "/v1/charges?limit=2&sort=up", "sort"),
        ("GET", "/v1/charges?starting_after=ch_unknown", "ch_unknown"),
        ("POST", "/v1/charges", "POST"),
        ("GET", "/v1/customers", "customers"),
    ];
    for (method, path, sentence) in table {
        let answer = caller.ask(method, &format!("{base}{path}"), Vec::new(), None).await;
        assert!(answer.status.is_client_error(), "{path}");
        assert!(answer.body["error"].as_str().unwrap().contains(sentence), "{}", answer.body);
    }
    let caller = Caller::of("google-analytics", &connector("google-analytics"), PLENTY).await;
    let (days, given) = caller.endpoint("days");
    let mut wrong = days.clone();
    wrong.body.as_mut().unwrap()["dateRanges"][0]["endDate"] = "yesterday or so".into();
    assert_eq!(caller.page(&wrong, given, &[]).await.status, StatusCode::BAD_REQUEST);
    let caller = Caller::of("github", &connector("github"), PLENTY).await;
    let (pulls, given) = caller.endpoint("pulls");
    let beyond = [("page".to_owned(), "9".to_owned())];
    assert_eq!(caller.page(pulls, given, &beyond).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_service_counts_its_calls_down_and_says_how_long_to_wait() {
    for (name, spec) in connectors() {
        let Some(quota) = spec.quota.clone() else { continue };
        let caller = Caller::of(name.as_str(), &spec, 2).await;
        let endpoint = caller.spec.endpoints.keys().next().unwrap().clone();
        let (asked, given) = caller.endpoint(endpoint.as_str());
        let remaining = quota.remaining.unwrap();
        for left in ["1", "0"] {
            let answer = caller.page(asked, given, &[]).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            assert_eq!(answer.headers[&remaining], left, "{name}");
            for header in [&quota.limit, &quota.reset].into_iter().flatten() {
                assert!(answer.headers.contains_key(header), "{name}: {header}");
            }
        }
        let answer = caller.page(asked, given, &[]).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert_eq!(answer.headers["retry-after"], RETRY_AFTER, "{name}");
    }
}
