//! A module's answers over HTTP.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Params, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use ccm_daemon::clock::Clock;
use ccm_proto::model::module::bridge::{ASK_EVENT, DELIVERIES_PATH, REPLIES_PATH};
use ccm_proto::model::module::{EVENTS_PATH, HEALTH_PATH, MANIFEST_PATH, METRICS_PATH};
use ccm_proto::model::{Interval, Timestamp};
use futures_util::stream::{self, Stream};

use super::{Temper, advanced};
use crate::demo::answer::{Problem, Query};
use crate::demo::fault::Fault;
use crate::demo::neighbours::{self, ASK_INTERVAL, Neighbours};
use crate::demo::part::{Happening, Part};
use crate::demo::{World, time};

/// From one look for events to the next.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How often a silent stream says that it is still there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// How far back events are told to one who was away.
const MEMORY: Interval = time::HOUR.times(12);

/// The most events that are told at a time.
const BATCH: usize = 256;

/// A module that answers.
#[derive(Debug)]
pub struct Service {
    part: Part,
    temper: Temper,
    clock: Clock,
    world: Mutex<World>,
    requests: AtomicU64,
    neighbours: Mutex<Neighbours>,
}

impl Service {
    /// A module of the business of a seed.
    pub fn new(part: Part, temper: Temper, clock: Clock) -> Self {
        let world = Mutex::new(World::new(temper.seed, clock.now()));
        Self {
            part,
            temper,
            clock,
            world,
            requests: AtomicU64::new(0),
            neighbours: Mutex::default(),
        }
    }
}

/// The paths of the contract.
pub fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(answer).with_state(service)
}

async fn answer(
    State(service): State<Arc<Service>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    params: Result<Params<BTreeMap<String, String>>, QueryRejection>,
    body: Bytes,
) -> Response {
    service.requests.fetch_add(1, Ordering::Relaxed);
    let is_told = method == Method::POST && [REPLIES_PATH, DELIVERIES_PATH].contains(&uri.path());
    if !is_told && method != Method::GET && method != Method::HEAD {
        let detail = "everything here is asked by GET".to_owned();
        return problem(&Problem { status: 405, title: "Wrong method", detail });
    }
    let fault = service.temper.fault(service.part.name(), &service.clock);
    if fault == Some(Fault::Away) {
        let detail = Fault::Away.sentence().to_owned();
        let answer = problem(&Problem { status: 503, title: "Not there", detail });
        return ([(RETRY_AFTER, "5")], answer).into_response();
    }
    match uri.path() {
        path if is_told => told(&service, path, &body),
        MANIFEST_PATH => match service.part.manifest() {
            Ok(manifest) => json(&manifest),
            Err(error) => problem(&broken(error.to_string())),
        },
        HEALTH_PATH => json(&service.part.health(fault)),
        METRICS_PATH => metrics(&service),
        EVENTS_PATH => Sse::new(events(service, &headers))
            .keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE).text("still here"))
            .into_response(),
        path => data(&service, path, params, fault).await,
    }
}

/// Takes what the daemon brings of other modules.
fn told(service: &Service, path: &str, body: &[u8]) -> Response {
    let Ok(said) = serde_json::from_slice::<serde_json::Value>(body) else {
        let detail = "what is told is JSON".to_owned();
        return problem(&Problem { status: 400, title: "Not JSON", detail });
    };
    let mut neighbours = neighbours(service);
    match path {
        REPLIES_PATH => neighbours.take_reply(&said),
        _ => neighbours.take_delivery(&said),
    }
    StatusCode::NO_CONTENT.into_response()
}

/// A poisoned lock guards plain data that is whole after every statement.
fn neighbours(service: &Service) -> std::sync::MutexGuard<'_, Neighbours> {
    service.neighbours.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn data(
    service: &Service,
    path: &str,
    params: Result<Params<BTreeMap<String, String>>, QueryRejection>,
    fault: Option<Fault>,
) -> Response {
    match fault {
        Some(Fault::Slow(by)) => tokio::time::sleep(by.as_duration()).await,
        Some(Fault::Failing) => return problem(&broken(Fault::Failing.sentence().to_owned())),
        _ => {}
    }
    let heard = neighbours(service).answer(service.part, path);
    if let Some(heard) = heard {
        return json(&heard);
    }
    let query = Query(params.map(|Params(params)| params).unwrap_or_default());
    let now = service.clock.now();
    let world = advanced(&service.world, &service.clock);
    match service.part.answer(&world, path, &query, now) {
        Ok(mut data) => {
            neighbours(service).complete(service.part, path, &mut data);
            json(&data)
        }
        Err(error) => problem(&error),
    }
}

fn broken(detail: String) -> Problem {
    Problem { status: 500, title: "Out of order", detail }
}

fn metrics(service: &Service) -> Response {
    let requests = service.requests.load(Ordering::Relaxed);
    let world = advanced(&service.world, &service.clock);
    let text = service.part.metrics(&world, requests, service.clock.now());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn json<T: serde::Serialize>(value: &T) -> Response {
    axum::Json(value).into_response()
}

fn problem(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = problem.body().to_string();
    (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response()
}

/// The place of an event: its moment, and which one of that moment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark(Timestamp, usize);

impl Mark {
    fn parse(text: &str) -> Option<Self> {
        let (at, index) = text.split_once('-')?;
        Some(Self(Timestamp::from_millis(at.parse().ok()?), index.parse().ok()?))
    }
}

/// The events after the last one that the listener has, and then each as it happens. The stream
/// ends when the module is restarted.
fn events(
    service: Arc<Service>,
    headers: &HeaderMap,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let now = service.clock.now();
    let last = headers.get("last-event-id").and_then(|id| Mark::parse(id.to_str().ok()?));
    let earliest = Mark(now - MEMORY, 0);
    let from = last.map_or(Mark(now, 0), |Mark(at, index)| Mark(at, index + 1).max(earliest));
    let waiting: std::vec::IntoIter<Event> = Vec::new().into_iter();
    let ask_at = Duration::ZERO;
    let begin = (service, from, waiting, ask_at);
    stream::unfold(begin, |(service, mut from, mut waiting, mut ask_at)| async move {
        loop {
            if let Some(event) = waiting.next() {
                return Some((Ok(event), (service, from, waiting, ask_at)));
            }
            if service.temper.fault(service.part.name(), &service.clock) == Some(Fault::Away) {
                return None;
            }
            let (mut news, next) = news(&service, from);
            from = next;
            let now = service.clock.elapsed();
            if let Some(ask) = neighbours::ask(service.part).filter(|_| now >= ask_at) {
                ask_at = now + ASK_INTERVAL.as_duration();
                news.push(Event::default().event(ASK_EVENT).data(ask.to_string()));
            }
            waiting = news.into_iter();
            if waiting.len() == 0 {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        }
    })
}

/// What has happened from a mark on, and the mark from which on it has not.
fn news(service: &Service, from: Mark) -> (Vec<Event>, Mark) {
    let now = service.clock.now();
    let world = advanced(&service.world, &service.clock);
    let horizon = service.part.horizon(&world, now).max(from.0);
    let happenings = service.part.events(&world, from.0, horizon);
    drop(world);
    let marked = marks(happenings).into_iter().filter(|(mark, _)| *mark >= from);
    let mut next = Mark(horizon, if horizon == from.0 { from.1 } else { 0 });
    let mut news = Vec::new();
    for (mark, happening) in marked {
        if news.len() == BATCH {
            next = mark;
            break;
        }
        let data = serde_json::to_string(&happening.event).unwrap_or_default();
        let id = format!("{}-{}", mark.0.as_millis(), mark.1);
        news.push(Event::default().id(id).event(&happening.event.event_type).data(data));
    }
    (news, next)
}

fn marks(happenings: Vec<Happening>) -> Vec<(Mark, Happening)> {
    let mut last: Option<Mark> = None;
    let mark = |happening: Happening| {
        let index = last.filter(|mark| mark.0 == happening.at).map_or(0, |mark| mark.1 + 1);
        let mark = Mark(happening.at, index);
        last = Some(mark);
        (mark, happening)
    };
    happenings.into_iter().map(mark).collect()
}
