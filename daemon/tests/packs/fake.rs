//! A service on loopback that answers as recorded and is as strict as the service itself.
//!
//! It checks the credential and its place, required headers, the names and forms of parameters and
//! of what a body holds, and the order in which pages are asked for; what is wrong is said in the
//! answer. It counts its calls down in the service's own header and refuses those beyond them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ccm_proto::model::ConnectorSpec;
use ccm_proto::model::source::external_api::Auth;
use serde_json::{Value, json};
use serde_json_path::JsonPath;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::form_urlencoded;

use super::fixtures::{Asked, Service, Token, Turning, headers, pages, service};
use super::form::{fits, is_required, plain};

/// What clients are told to wait when there is nothing left for them.
pub(crate) const RETRY_AFTER: &str = "7";

type Pairs = Vec<(String, String)>;
type Refusal = (StatusCode, String);

/// A running fake. It ends with the value.
pub(crate) struct Fake {
    /// Scheme, host and port.
    pub(crate) origin: String,
    scene: Arc<Scene>,
    task: JoinHandle<()>,
}

struct Scene {
    origin: String,
    service: Service,
    headers: BTreeMap<String, String>,
    pages: BTreeMap<String, Vec<Value>>,
    calls: AtomicU32,
    tokens: AtomicU32,
    allowed: u32,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Starts the fake of a connector's service, which answers this many calls.
    pub(crate) async fn start(connector: &str, allowed: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let service = service(connector);
        let recorded = |endpoint: &String| (endpoint.clone(), pages(connector, endpoint));
        let scene = Arc::new(Scene {
            origin: origin.clone(),
            headers: headers(connector),
            pages: service.endpoints.keys().map(recorded).collect(),
            service,
            calls: AtomicU32::new(0),
            tokens: AtomicU32::new(0),
            allowed,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&scene));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, scene, task }
    }

    /// A connector that leads here instead of to its service.
    pub(crate) fn instead_of(&self, spec: &ConnectorSpec) -> ConnectorSpec {
        let mut spec = spec.clone();
        spec.base_url = Some(format!("{}{}", self.origin, self.scene.service.prefix));
        if let (Some(Auth::Oauth2 { token_url, .. }), Some(token)) =
            (&mut spec.auth, &self.scene.service.token)
        {
            assert!(token_url.ends_with(&token.path), "{token_url}");
            *token_url = format!("{}{}", self.origin, token.path);
        }
        spec
    }

    /// How often it was asked for data, and how often for a token.
    pub(crate) fn calls(&self) -> (u32, u32) {
        let count = |calls: &AtomicU32| calls.load(Ordering::Relaxed);
        (count(&self.scene.calls), count(&self.scene.tokens))
    }
}

async fn answer(
    State(scene): State<Arc<Scene>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let result = match &scene.service.token {
        Some(token) if token.path == uri.path() => scene.token(token, &method, &headers, &body),
        _ => scene.data(&method, &uri, &headers, &body),
    };
    let (status, headers, body) = match result {
        Ok((headers, body)) => (StatusCode::OK, headers, body),
        Err((status, sentence)) => {
            let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            if status == StatusCode::TOO_MANY_REQUESTS {
                headers.push(("retry-after".to_owned(), RETRY_AFTER.to_owned()));
            }
            (status, headers, json!({"error": sentence}))
        }
    };
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(name, value);
    }
    answer.body(Body::from(body.to_string())).unwrap()
}

fn bad(sentence: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, sentence.into())
}

fn pairs(text: &[u8]) -> Pairs {
    form_urlencoded::parse(text).into_owned().collect()
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl Scene {
    /// Gives a token to whoever shows the client's secret, in the header or in the form (RFC 6749,
    /// section 2.3.1).
    fn token(
        &self,
        token: &Token,
        method: &Method,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(Pairs, Value), Refusal> {
        self.tokens.fetch_add(1, Ordering::Relaxed);
        let form = pairs(body);
        let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
        let in_header =
            header(headers, "authorization") == Some(basic(&token.user, &token.secret).as_str());
        let in_form = given("client_id") == Some(&token.user)
            && given("client_secret") == Some(&token.secret);
        if method != Method::POST || !(in_header || in_form) {
            return Err((StatusCode::UNAUTHORIZED, "invalid_client".to_owned()));
        }
        for (name, form) in &token.form {
            if !given(name).is_some_and(|value| fits(form, value)) {
                return Err(bad(format!("invalid_grant: {name}")));
            }
        }
        let body =
            json!({"access_token": token.gives, "token_type": "Bearer", "expires_in": 3_600});
        Ok((vec![("content-type".to_owned(), "application/json".to_owned())], body))
    }

    fn data(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(Pairs, Value), Refusal> {
        let query = pairs(uri.query().unwrap_or_default().as_bytes());
        self.credential(headers, &query)?;
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call > self.allowed {
            return Err((StatusCode::TOO_MANY_REQUESTS, "slow down".to_owned()));
        }
        let (endpoint, asked) = self.endpoint(method, uri.path(), body)?;
        self.params(asked, &query)?;
        let pages = self.pages.get(endpoint).map(Vec::as_slice).unwrap_or_default();
        let page = page(asked.pages.as_ref(), pages, &query)?;
        let tree = pages.get(page).ok_or_else(|| bad(format!("page {page} was never offered")))?;
        let mut answer: Pairs = self.headers.clone().into_iter().collect();
        if let Some(remaining) = &self.service.remaining {
            answer.retain(|(name, _)| name != remaining);
            answer.push((remaining.clone(), (self.allowed - call).to_string()));
        }
        if matches!(asked.pages, Some(Turning::Link)) && page + 1 < pages.len() {
            answer.push(("link".to_owned(), self.link(uri.path(), &query, page + 2)));
        }
        Ok((answer, tree.clone()))
    }

    fn credential(&self, headers: &HeaderMap, query: &Pairs) -> Result<(), Refusal> {
        let service = &self.service;
        let refused = |what: &str| (StatusCode::UNAUTHORIZED, format!("{what} is wrong"));
        if let Some(account) = &service.basic {
            let expect = basic(&account.user, &account.secret);
            if header(headers, "authorization") != Some(expect.as_str()) {
                return Err(refused("authorization"));
            }
        }
        for (name, value) in &service.query {
            if query.iter().filter(|(key, given)| key == name && given == value).count() != 1 {
                return Err(refused(name));
            }
        }
        for (name, value) in &service.require {
            match header(headers, name) {
                Some(given) if value == "*" || given == value => {}
                _ if name == "authorization" => return Err(refused(name)),
                given => return Err(bad(format!("the header {name} is {given:?}"))),
            }
        }
        Ok(())
    }

    /// The endpoint of a path whose body is right; several may share a path.
    fn endpoint(
        &self,
        method: &Method,
        path: &str,
        body: &[u8],
    ) -> Result<(&String, &Asked), Refusal> {
        let here = |asked: &Asked| asked.path == path && asked.method == method.as_str();
        let mut refusal = (StatusCode::NOT_FOUND, format!("there is no {method} {path}"));
        for (name, asked) in self.service.endpoints.iter().filter(|(_, asked)| here(asked)) {
            match right_body(asked, body) {
                Ok(()) => return Ok((name, asked)),
                Err(sentence) => refusal = bad(format!("{name}: {sentence}")),
            }
        }
        Err(refusal)
    }

    fn params(&self, asked: &Asked, query: &Pairs) -> Result<(), Refusal> {
        for (name, value) in query {
            let form = asked.params.get(name).or_else(|| asked.params.get("*"));
            match form {
                Some(form) if fits(form, value) => {}
                None if self.service.query.contains_key(name) => {}
                Some(form) => return Err(bad(format!("{name} is {value:?}, which is no {form}"))),
                None => return Err(bad(format!("there is no parameter {name}"))),
            }
        }
        for (name, _) in asked.params.iter().filter(|(_, form)| is_required(form)) {
            if !query.iter().any(|(given, _)| given == name) {
                return Err(bad(format!("{name} is missing")));
            }
        }
        Ok(())
    }

    fn link(&self, path: &str, query: &Pairs, number: usize) -> String {
        let kept = query.iter().filter(|(name, _)| name != "page");
        let mut next = form_urlencoded::Serializer::new(String::new());
        next.extend_pairs(kept).append_pair("page", &number.to_string());
        let origin = &self.origin;
        format!(
            "<{origin}{path}?page=1>; rel=\"first\", <{origin}{path}?{}>; rel=\"next\"",
            next.finish()
        )
    }
}

fn right_body(asked: &Asked, body: &[u8]) -> Result<(), String> {
    if asked.body.is_empty() {
        return if body.is_empty() { Ok(()) } else { Err("no body is taken".to_owned()) };
    }
    let tree: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    for (pointer, form) in &asked.body {
        match tree.pointer(pointer).map(plain) {
            Some(value) if fits(form, &value) => {}
            None if !is_required(form) => {}
            given => return Err(format!("{pointer} is {given:?}, which is no {form}")),
        }
    }
    Ok(())
}

/// Which of the recorded pages is asked for.
fn page(turning: Option<&Turning>, pages: &[Value], query: &Pairs) -> Result<usize, Refusal> {
    let given = |param: &str| query.iter().find(|(name, _)| name == param).map(|(_, v)| v.as_str());
    let number = |param: &str| -> Result<Option<usize>, Refusal> {
        given(param).map(str::parse).transpose().map_err(|_| bad(format!("{param} is no number")))
    };
    match turning {
        None => Ok(0),
        Some(Turning::Link) => Ok(number("page")?.map_or(0, |page| page.saturating_sub(1))),
        Some(Turning::Number { param, first }) => {
            Ok(number(param)?.map_or(0, |page| page.saturating_sub(*first)))
        }
        Some(Turning::Offset { param, size }) => {
            let size = number(size)?.filter(|size| *size > 0);
            let size = size.ok_or_else(|| bad("the size of a page is not said"))?;
            match number(param)? {
                Some(offset) if offset % size != 0 => Err(bad("between two pages")),
                offset => Ok(offset.unwrap_or(0) / size),
            }
        }
        Some(Turning::Cursor { param, cursor }) => {
            let Some(after) = given(param) else { return Ok(0) };
            let path = JsonPath::parse(cursor).unwrap();
            let ends = |page: &Value| path.query(page).first().map(plain).as_deref() == Some(after);
            let at = pages.iter().position(ends);
            at.map(|at| at + 1).ok_or_else(|| bad(format!("there is no {after}")))
        }
    }
}
