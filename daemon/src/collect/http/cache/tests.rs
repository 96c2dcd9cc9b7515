use bytes::Bytes;
use hyper::header::HeaderName;
use proptest::prelude::*;

use super::super::response::Timing;
use super::*;

const NOW: Timestamp = Timestamp::from_millis(784_111_777_000);
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    headers
}

fn response(pairs: &[(&str, &str)], body: usize) -> Arc<Response> {
    Arc::new(Response {
        status: StatusCode::OK,
        headers: headers(pairs),
        body: Bytes::from(vec![b'x'; body]),
        wire_bytes: body as u64,
        redirects: 0,
        timing: Timing::default(),
    })
}

fn key(text: &str) -> Key {
    Key::of(&Request::get(text).unwrap(), None, "platform")
}

#[test]
fn headers_say_how_long_an_answer_is_new() {
    for (pairs, seconds) in [
        (&[("cache-control", "max-age=60")][..], Some(60)),
        (&[("cache-control", "public, Max-Age=\"60\"")], Some(60)),
        (&[("cache-control", "max-age=60"), ("age", "50")], Some(10)),
        (&[("cache-control", "max-age=60"), ("age", "500")], Some(0)),
        (&[("cache-control", "max-age=60"), ("age", "99999999999999999999")], Some(60)),
        (&[("cache-control", "max-age=60, no-cache")], Some(0)),
        (&[("cache-control", "no-store, max-age=60")], None),
        (&[("cache-control", "max-age=60"), ("cache-control", "no-store")], None),
        (&[("cache-control", "max-age=soon")], Some(0)),
        (&[("cache-control", "max-age=99999999999")], Some(86_400)),
        (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", DATE)], Some(60)),
        (&[("expires", "0"), ("date", DATE)], Some(0)),
        (&[("expires", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(86_400)),
        (&[("vary", "*"), ("cache-control", "max-age=60")], None),
        (&[("vary", "accept"), ("cache-control", "max-age=60")], Some(60)),
        (&[], Some(0)),
    ] {
        let freshness = freshness(&headers(pairs), NOW);
        let fresh = freshness.keep.then_some(freshness.fresh.as_millis() / 1_000);
        assert_eq!(fresh, seconds, "{pairs:?}");
    }
}

#[test]
fn a_server_whose_clock_is_wrong_is_taken_by_its_own_date() {
    let pairs = headers(&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", DATE)]);
    for skewed in [0, 4_000_000_000_000] {
        let fresh = freshness(&pairs, Timestamp::from_millis(skewed)).fresh;
        assert_eq!(fresh, Interval::from_secs(60));
    }
}

#[test]
fn an_answer_is_kept_while_it_is_new_or_can_be_asked_about() {
    let minute = ("cache-control", "max-age=60");
    let mut cache = Cache::new(1 << 20);
    for (pairs, caching, kept) in [
        (&[minute][..], Caching::Headers, true),
        (&[("etag", "\"1\"")], Caching::Headers, true),
        (&[("last-modified", DATE)], Caching::Headers, true),
        (&[], Caching::Headers, false),
        (&[], Caching::AtLeast(Interval::from_secs(5)), true),
        (&[("cache-control", "no-store")], Caching::AtLeast(Interval::from_secs(5)), true),
        (&[("cache-control", "no-store"), ("etag", "\"1\"")], Caching::Headers, false),
        (&[minute], Caching::Off, false),
    ] {
        cache.put(key("http://a/"), response(pairs, 10), caching, NOW);
        assert_eq!(cache.get(&key("http://a/")).is_some(), kept, "{pairs:?} {caching:?}");
    }
    cache.put(key("http://a/"), response(&[minute], 10), Caching::Headers, NOW);
    let kept = cache.get(&key("http://a/")).unwrap();
    assert!(kept.is_fresh(NOW + Interval::from_secs(59)));
    assert!(!kept.is_fresh(NOW + Interval::from_secs(60)));
    assert!(!kept.is_fresh(NOW - Interval::from_secs(1)), "the clock was set back");
}

#[test]
fn a_confirmed_answer_is_new_again_with_its_body() {
    let mut cache = Cache::new(1 << 20);
    let pairs = [("etag", "\"1\""), ("cache-control", "max-age=1"), ("age", "1")];
    cache.put(key("http://a/"), response(&pairs, 10), Caching::Headers, NOW);
    let kept = cache.get(&key("http://a/")).unwrap();
    assert!(!kept.is_fresh(NOW));
    let confirming = headers(&[("cache-control", "max-age=60"), ("content-length", "0")]);
    let later = NOW + Interval::from_secs(5);
    let now = cache.confirm(key("http://a/"), &kept, &confirming, Caching::Headers, later);
    assert_eq!((now.body.len(), now.headers.get(header::CONTENT_LENGTH)), (10, None));
    let kept = cache.get(&key("http://a/")).unwrap();
    assert!(kept.is_fresh(later + Interval::from_secs(59)));
}

#[test]
fn answers_are_told_apart_by_all_that_they_may_depend_on() {
    let request = || Request::get("http://a/x?y=1").unwrap();
    let base = Key::of(&request(), None, "platform");
    assert_eq!(base, Key::of(&request(), None, "platform"));
    let accept = HeaderValue::from_static("text/plain");
    let others = [
        Key::of(&request(), Some("stripe"), "platform"),
        Key::of(&request(), Some(""), "platform"),
        Key::of(&request(), None, "tenant:acme"),
        Key::of(&request().with_body(Bytes::from_static(b"x")), None, "platform"),
        Key::of(&request().with_header(header::ACCEPT, accept).unwrap(), None, "platform"),
        key("http://a/x?y=2"),
        key("http://a:81/x?y=1"),
        key("https://a/x?y=1"),
        Key::of(
            &Request::new(Method::HEAD, &"http://a/x?y=1".parse().unwrap()).unwrap(),
            None,
            "platform",
        ),
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(base, *other, "{index}");
        assert!(!others[..index].contains(other), "{index}");
    }
}

#[test]
fn errors_are_not_kept() {
    let mut cache = Cache::new(1 << 20);
    let mut answer = Response::clone(&response(&[("cache-control", "max-age=60")], 1));
    answer.status = StatusCode::NOT_FOUND;
    cache.put(key("http://a/"), Arc::new(answer), Caching::AtLeast(Interval::from_secs(9)), NOW);
    assert!(cache.is_empty());
}

proptest! {
    #[test]
    fn never_more_bytes_than_there_may_be(puts in proptest::collection::vec((0u8..20, 0usize..3_000), 0..100)) {
        let mut cache = Cache::new(10_000);
        for (name, size) in puts {
            let answer = response(&[("cache-control", "max-age=60")], size);
            cache.put(key(&format!("http://a/{name}")), answer, Caching::Headers, NOW);
            prop_assert!(cache.bytes() <= 10_000);
            let counted: usize = cache.kept.iter().map(|(_, kept)| size_of(kept)).sum();
            prop_assert_eq!(counted, cache.bytes());
        }
        cache.clear();
        prop_assert_eq!((cache.bytes(), cache.len()), (0, 0));
    }
}

fn size_of(kept: &Kept) -> usize {
    size(&kept.response)
}
