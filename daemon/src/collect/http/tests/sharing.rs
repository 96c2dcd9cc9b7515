//! Answers that are shared and kept, and APIs that are held to their limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ccm_proto::model::{Interval, Timestamp};
use futures_util::future::join_all;

use super::super::breaker;
use super::super::cache::Caching;
use super::super::calls::Hit;
use super::super::credential::{Attached, Expose, Placement};
use super::super::gateway::{
    Answers, ApiLimits, Call, FetchError, Gateway, GatewayParts, REFUSALS_MAX, Wait,
};
use super::super::queue::Priority;
use super::super::quota::QuotaHeaders;
use super::stub::{Reply, Stub, call, gateway, loopback, ok, status};
use crate::clock::Clock;
use crate::collect::tap::Tap;

fn caching(url: &str) -> Call {
    Call { caching: Caching::Headers, ..call(url) }
}

/// A gateway whose time stands still until it is set.
fn manual() -> (Gateway, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let gateway = Gateway::new(GatewayParts::system(clock.clone()));
    gateway.set_policy(loopback());
    (gateway, clock)
}

fn pass(clock: &Clock, time: Duration) {
    clock.set(clock.now() + Interval::from(time));
}

#[tokio::test]
async fn a_quota_that_is_never_renewed_is_asked_about_every_hour() {
    let headers = "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 2000000\r\n";
    let stub = Stub::saying(ok(headers, b"x")).await;
    let (gateway, clock) = manual();
    let mut call = call(&stub.url("/"));
    call.quota = Some(Arc::new(QuotaHeaders::default()));
    for sent in 1..=5 {
        gateway.fetch(call.clone()).await.unwrap();
        let error = gateway.fetch(call.clone()).await.unwrap_err();
        assert_eq!(error.after(), Some(Interval::from_secs(3_600)));
        assert_eq!(stub.heads().len(), sent);
        pass(&clock, Duration::from_hours(1));
    }
}

#[tokio::test]
async fn those_who_ask_the_same_at_once_share_one_request() {
    let (go, ready) = tokio::sync::watch::channel(false);
    let stub = Stub::start(move |_, _| Reply::When(ready.clone(), ok("", b"one"))).await;
    let gateway = gateway();
    let spawn = |_| {
        let (gateway, call) = (gateway.clone(), caching(&stub.url("/")));
        tokio::spawn(async move { gateway.fetch(call).await })
    };
    let all = tokio::spawn(join_all((0..200).map(spawn).collect::<Vec<_>>()));
    while stub.heads().is_empty() {
        tokio::task::yield_now().await;
    }
    go.send(true).unwrap();
    let mut hits = Vec::new();
    for fetched in all.await.unwrap() {
        let fetched = fetched.unwrap().unwrap();
        assert_eq!(fetched.response.body, "one");
        hits.push(fetched.hit);
    }
    assert_eq!(stub.heads().len(), 1);
    assert_eq!(hits.iter().filter(|hit| **hit == Hit::Shared).count(), 199);
    assert_eq!(gateway.calls().len(), 200);
    gateway.fetch(caching(&stub.url("/"))).await.unwrap();
    assert_eq!(stub.heads().len(), 2, "what is not kept is asked for again");
}

#[tokio::test]
async fn whoever_leads_may_leave() {
    let (go, ready) = tokio::sync::watch::channel(false);
    let stub = Stub::start(move |_, _| Reply::When(ready.clone(), ok("", b"one"))).await;
    let gateway = gateway();
    let url = stub.url("/");
    let spawn = || {
        tokio::spawn({
            let (gateway, call) = (gateway.clone(), caching(&url));
            async move { gateway.fetch(call).await }
        })
    };
    let leader = spawn();
    while stub.heads().is_empty() {
        tokio::task::yield_now().await;
    }
    let follower = spawn();
    while gateway.flights() < 1 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    go.send(true).unwrap();
    assert_eq!(follower.await.unwrap().unwrap().response.body, "one");
    assert_eq!(gateway.flights(), 0);
}

#[tokio::test]
async fn circles_and_credentials_share_nothing() {
    let stub = Stub::saying(ok("cache-control: max-age=60\r\n", b"x")).await;
    let gateway = gateway();
    let mut other = caching(&stub.url("/"));
    gateway.fetch(other.clone()).await.unwrap();
    assert_eq!(gateway.fetch(other.clone()).await.unwrap().hit, Hit::Fresh);
    other.shared_by = "tenant:acme".into();
    assert_eq!(gateway.fetch(other.clone()).await.unwrap().hit, Hit::Miss);
    other.credential = Some(attached(&stub, 1));
    assert_eq!(gateway.fetch(other).await.unwrap().hit, Hit::Miss);
    assert_eq!(stub.heads().len(), 3);
}

#[tokio::test]
async fn an_answer_is_given_again_while_it_is_new_and_asked_about_after() {
    let stub = Stub::start(|_, head| {
        let validators = "etag: \"v1\"\r\ncache-control: max-age=10\r\n";
        Reply::Write(if head.contains("if-none-match: \"v1\"") {
            format!("HTTP/1.1 304 Not Modified\r\n{validators}\r\n").into_bytes()
        } else {
            ok(validators, b"body")
        })
    })
    .await;
    let (gateway, clock) = manual();
    let tap = Tap::default();
    let gateway = gateway.tapped(tap.clone());
    let mut hits = Vec::new();
    for seconds in [0, 5, 6, 5, 10] {
        pass(&clock, Duration::from_secs(seconds));
        let fetched = gateway.fetch(caching(&stub.url("/"))).await.unwrap();
        assert_eq!(fetched.response.body, "body");
        hits.push(fetched.hit);
    }
    assert_eq!(hits, [Hit::Miss, Hit::Fresh, Hit::Confirmed, Hit::Fresh, Hit::Confirmed]);
    assert_eq!(stub.heads().len(), 3);
    let usage = &gateway.apis()[0].usage;
    assert_eq!((usage.calls, usage.hits, usage.failures), (3, 2, 0));
    for (exchange, call) in tap.exchanges().iter().zip(gateway.calls()).skip(1) {
        let own = [("total", call.latency_ms)];
        assert_eq!(exchange.phases, own, "not the parts of the call that brought the answer");
    }
}

#[tokio::test]
async fn a_configured_time_holds_without_headers() {
    let stub = Stub::saying(ok("", b"x")).await;
    let (gateway, clock) = manual();
    let mut call = call(&stub.url("/"));
    call.caching = Caching::AtLeast(Interval::from_secs(30));
    for _ in 0..10 {
        pass(&clock, Duration::from_secs(10));
        gateway.fetch(call.clone()).await.unwrap();
    }
    assert_eq!(stub.heads().len(), 4);
}

#[tokio::test]
async fn retry_after_is_honoured_for_all_who_call() {
    for (code, header) in [
        ("429 Too Many", "retry-after: 30\r\n"),
        ("503 Busy", "retry-after: 30\r\n"),
        ("403 No", "retry-after: 30\r\n"),
    ] {
        let stub = Stub::start(move |number, _| {
            Reply::Write(if number == 0 { status(code, header, b"") } else { ok("", b"x") })
        })
        .await;
        let (gateway, clock) = manual();
        let fetch = || gateway.fetch(call(&stub.url("/")));
        let error = fetch().await.unwrap_err();
        assert_eq!(error.after(), Some(Interval::from_secs(30)), "{error}");
        pass(&clock, Duration::from_secs(20));
        let error = fetch().await.unwrap_err();
        assert_eq!(error.after(), Some(Interval::from_secs(10)));
        assert_eq!(gateway.apis()[0].held, Some(Interval::from_secs(10)));
        assert_eq!(stub.heads().len(), 1, "nothing was sent");
        pass(&clock, Duration::from_secs(11));
        fetch().await.unwrap();
    }
}

#[tokio::test]
async fn an_absurd_wait_is_bounded() {
    let answer = status("429 Too Many", "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n", b"");
    let stub = Stub::saying(answer).await;
    let error = gateway().fetch(call(&stub.url("/"))).await.unwrap_err();
    assert_eq!(error.after(), Some(Interval::from_secs(3_600)));
}

#[tokio::test]
async fn a_used_up_quota_is_not_called() {
    let stub = Stub::start(|number, _| {
        let left = 1_usize.saturating_sub(number);
        let headers = format!(
            "x-ratelimit-limit: 2\r\nx-ratelimit-remaining: {left}\r\nx-ratelimit-reset: 60\r\n"
        );
        Reply::Write(ok(&headers, b"x"))
    })
    .await;
    let (gateway, clock) = manual();
    let mut call = call(&stub.url("/"));
    call.quota = Some(Arc::new(QuotaHeaders::default()));
    let quota = gateway.fetch(call.clone()).await.unwrap().quota.unwrap();
    assert_eq!((quota.limit, quota.remaining), (Some(2), Some(1)));
    gateway.fetch(call.clone()).await.unwrap();
    let error = gateway.fetch(call.clone()).await.unwrap_err();
    assert!(matches!(error, FetchError::TryLater { wait: Wait::Quota, .. }), "{error}");
    pass(&clock, Duration::from_secs(61));
    gateway.fetch(call).await.unwrap();
    assert_eq!(stub.heads().len(), 3);
}

struct Secret;

impl Expose for Secret {
    fn expose(&self) -> &[u8] {
        b"s3cr3t"
    }
}

fn attached(stub: &Stub, revision: u64) -> Attached {
    Attached {
        name: "stripe".into(),
        revision,
        origin: stub.url("").parse().unwrap(),
        placement: Placement::Query { name: "key".to_owned() },
        secret: Arc::new(Secret),
    }
}

#[tokio::test]
async fn a_refused_credential_is_tried_three_times_until_it_is_replaced() {
    let stub = Stub::start(|number, _| {
        Reply::Write(if number < 3 { status("401 No", "", b"") } else { ok("", b"x") })
    })
    .await;
    let gateway = gateway();
    let mut call = call(&stub.url("/x?a=b"));
    call.credential = Some(attached(&stub, 1));
    for try_number in 1..=10 {
        let error = gateway.fetch(call.clone()).await.unwrap_err();
        let FetchError::Refused { tries, status: 401, .. } = &error else { panic!("{error}") };
        assert_eq!(*tries, REFUSALS_MAX.min(try_number));
        assert_eq!(error.is_lasting(), try_number >= REFUSALS_MAX);
    }
    assert_eq!(stub.heads().len(), 3);
    call.credential = Some(attached(&stub, 2));
    gateway.fetch(call).await.unwrap();
    assert!(stub.heads()[3].starts_with("GET /x?a=b&key=s3cr3t HTTP/1.1"));
    let uses = gateway.credentials();
    let usage = &uses[0].usage;
    assert_eq!((usage.calls, usage.failures, usage.unsent), (4, 3, 7));
    let shown = format!("{:?} {:?}", gateway.calls(), gateway.apis());
    assert!(!shown.contains("s3cr3t") && shown.contains("?a=…"), "{shown}");
}

#[tokio::test]
async fn a_credential_is_not_sent_to_where_it_does_not_belong() {
    let stub = Stub::saying(ok("", b"x")).await;
    let other = Stub::saying(ok("", b"x")).await;
    let gateway = gateway();
    let mut call = caching(&other.url("/"));
    call.credential = Some(attached(&stub, 1));
    let error = gateway.fetch(call.clone()).await.unwrap_err();
    assert!(error.is_lasting() && error.to_string().contains("belongs to"), "{error}");
    assert!(gateway.open(call).await.is_err());
    assert!(stub.heads().is_empty() && other.heads().is_empty());
}

#[tokio::test]
async fn an_api_that_fails_again_and_again_is_left_alone() {
    let healthy = Arc::new(AtomicUsize::new(0));
    let stub = Stub::start({
        let healthy = Arc::clone(&healthy);
        move |_, _| match healthy.load(Ordering::SeqCst) {
            0 => Reply::Write(status("500 Oops", "", b"")),
            _ => Reply::Write(ok("", b"x")),
        }
    })
    .await;
    let (gateway, clock) = manual();
    let fetch = || gateway.fetch(call(&stub.url("/")));
    for _ in 0..breaker::FAILURES_MAX {
        assert!(matches!(fetch().await.unwrap_err(), FetchError::Status { status: 500, .. }));
    }
    let error = fetch().await.unwrap_err();
    assert!(matches!(error, FetchError::TryLater { wait: Wait::Circuit, .. }), "{error}");
    assert!(matches!(gateway.apis()[0].breaker, breaker::State::Open(_)));
    assert_eq!(stub.heads().len(), breaker::FAILURES_MAX as usize);
    healthy.store(1, Ordering::SeqCst);
    pass(&clock, breaker::OPEN_MIN.mul_f64(1.5));
    fetch().await.unwrap();
    assert_eq!(gateway.apis()[0].breaker, breaker::State::Closed);
}

#[tokio::test]
async fn whoever_wants_to_know_gets_any_answer() {
    let stub = Stub::saying(status("503 Busy", "retry-after: 60\r\n", b"down")).await;
    let gateway = gateway();
    let probing = Call { answers: Answers::Any, ..call(&stub.url("/")) };
    for _ in 0..10 {
        let fetched = gateway.fetch(probing.clone()).await.unwrap();
        assert_eq!(fetched.response.status.as_u16(), 503);
    }
    let status = Stub::saying(status("404 No", "", b"")).await;
    let error = gateway.fetch(call(&status.url("/"))).await.unwrap_err().to_string();
    assert!(error.contains("answered with status 404"), "{error}");
}

#[tokio::test]
async fn calls_wait_for_their_turn() {
    let (go, ready) = tokio::sync::watch::channel(false);
    let stub = Stub::start(move |_, _| Reply::When(ready.clone(), ok("", b"x"))).await;
    let gateway = gateway();
    let limits = ApiLimits { concurrent: Some(2), ..ApiLimits::default() };
    let spawn = |path: &str, priority| {
        let mut call = call(&stub.url(path));
        (call.limits, call.priority) = (limits, priority);
        let gateway = gateway.clone();
        tokio::spawn(async move { gateway.fetch(call).await })
    };
    let mut tasks: Vec<_> = (0..6).map(|_| spawn("/scheduled", Priority::Scheduled)).collect();
    while gateway.apis().first().is_none_or(|api| api.waiting < 4) {
        tokio::task::yield_now().await;
    }
    tasks.push(spawn("/person", Priority::Interactive));
    while gateway.apis()[0].waiting < 5 || stub.heads().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!((gateway.apis()[0].in_flight, stub.heads().len()), (2, 2));
    go.send(true).unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let heads = stub.heads();
    assert!(heads[2].starts_with("GET /person") || heads[3].starts_with("GET /person"));
    let state = gateway.apis();
    assert_eq!((state[0].in_flight, state[0].waiting), (0, 0));
}

#[tokio::test]
async fn a_rate_is_kept_and_nobody_waits_in_vain() {
    let stub = Stub::saying(ok("", b"x")).await;
    let gateway = gateway();
    let limits = ApiLimits { per_second: Some(200.0), burst: 2, ..ApiLimits::default() };
    let call = Call { limits, ..call(&stub.url("/")) };
    let clock = Clock::system();
    let start = clock.elapsed();
    for result in join_all((0..22).map(|_| gateway.fetch(call.clone()))).await {
        result.unwrap();
    }
    let passed = clock.elapsed().saturating_sub(start);
    assert!(passed >= Duration::from_millis(95), "20 calls at 200 a second: {passed:?}");
    assert!(gateway.apis()[0].tokens.unwrap() < 2.1);
    // One that waits no longer than it may.
    let wait = Interval::from_millis(20);
    let limits = ApiLimits { per_second: Some(0.001), burst: 1, wait, ..limits };
    let call = Call { limits, api: "slow".into(), ..call };
    gateway.fetch(call.clone()).await.unwrap();
    let error = gateway.fetch(call).await.unwrap_err();
    assert!(matches!(error, FetchError::TryLater { wait: Wait::Queue, .. }), "{error}");
}

#[tokio::test]
async fn a_call_that_is_given_up_gives_its_place_back() {
    let stub = Stub::start(|_, _| Reply::Hang(Vec::new())).await;
    let gateway = gateway();
    let limits = ApiLimits { concurrent: Some(1), ..ApiLimits::default() };
    for number in 1..=3 {
        let call = Call { limits, ..call(&stub.url("/")) };
        let task = tokio::spawn({
            let gateway = gateway.clone();
            async move { gateway.fetch(call).await }
        });
        while stub.heads().len() < number {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(gateway.apis()[0].in_flight, 0);
        let record = gateway.calls().pop().unwrap();
        assert!(record.error.unwrap().as_str().contains("was given up"));
    }
    assert_eq!(gateway.calls().len(), 3);
}
