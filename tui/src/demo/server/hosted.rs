//! The answers of a fake of a hosted service over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Params, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use ccm_daemon::clock::Clock;
use clap::ValueEnum;

use super::{Temper, advanced};
use crate::demo::answer::Query;
use crate::demo::fault::Fault;
use crate::demo::{World, sendgrid, stripe};

/// The secret that the fake of Stripe takes.
pub const STRIPE_KEY: &str = "rk_test_ccm_demo";

/// The secret that the fake of SendGrid takes.
pub const SENDGRID_KEY: &str = "SG.ccm_demo";

/// A hosted service that is stood in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hosted {
    /// Payments.
    Stripe,
    /// Mail.
    Sendgrid,
}

impl Hosted {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Stripe, Self::Sendgrid];

    /// The service's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Sendgrid => "sendgrid",
        }
    }

    /// The secret that it takes.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Stripe => STRIPE_KEY,
            Self::Sendgrid => SENDGRID_KEY,
        }
    }
}

/// An answer: status, headers and body.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers besides the content's type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: serde_json::Value,
}

/// How many requests were made in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    second: i64,
    count: u32,
}

/// A fake that answers.
#[derive(Debug)]
pub struct Fake {
    service: Hosted,
    temper: Temper,
    clock: Clock,
    world: Mutex<World>,
    rate: Mutex<Rate>,
}

impl Fake {
    /// A fake beside the business of a seed.
    pub fn new(service: Hosted, temper: Temper, clock: Clock) -> Self {
        let world = Mutex::new(World::new(temper.seed, clock.now()));
        Self { service, temper, clock, world, rate: Mutex::default() }
    }

    /// Requests of this second, this one included.
    fn count(&self) -> u32 {
        let second = self.clock.now().as_millis().div_euclid(1_000);
        let mut rate = self.rate.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if rate.second != second {
            *rate = Rate { second, count: 0 };
        }
        rate.count = rate.count.saturating_add(1);
        rate.count
    }
}

/// The paths of the service that are stood in for.
pub fn router(fake: Arc<Fake>) -> Router {
    Router::new().fallback(answer).with_state(fake)
}

async fn answer(
    State(fake): State<Arc<Fake>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    params: Result<Params<BTreeMap<String, String>>, QueryRejection>,
) -> Response {
    let fault = fake.temper.fault(fake.service.name(), &fake.clock);
    if let Some(Fault::Slow(by)) = fault {
        tokio::time::sleep(by.as_duration()).await;
    }
    let query = Query(params.map(|Params(params)| params).unwrap_or_default());
    let request = Request {
        is_get: method == Method::GET,
        path: uri.path(),
        query: &query,
        key: key(&headers),
        count: fake.count(),
        failing: matches!(fault, Some(Fault::Failing)),
    };
    let now = fake.clock.now();
    let world = advanced(&fake.world, &fake.clock);
    let reply = match fake.service {
        Hosted::Stripe => stripe::answer(&world, &request, now),
        Hosted::Sendgrid => sendgrid::answer(&world, &request, now),
    };
    drop(world);
    response(&reply)
}

/// What is asked of a fake.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Whether the method is GET.
    pub is_get: bool,
    /// The path.
    pub path: &'a str,
    /// The query.
    pub query: &'a Query,
    /// The secret, as a bearer token or as the user of basic authentication.
    pub key: Option<String>,
    /// Requests of this second, this one included.
    pub count: u32,
    /// Whether the service is out of order.
    pub failing: bool,
}

fn key(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = text.strip_prefix("Bearer ") {
        return Some(token.trim().to_owned());
    }
    let pair = base64::engine::general_purpose::STANDARD.decode(text.strip_prefix("Basic ")?);
    let pair = String::from_utf8(pair.ok()?).ok()?;
    pair.split_once(':').map(|(user, _)| user.to_owned())
}

fn response(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    (status, headers, reply.body.to_string()).into_response()
}
