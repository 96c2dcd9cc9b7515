//! Answers that are none say why.

use super::fake::{json, text};
use crate::collect::module::answer;
use crate::collect::module::sse::Frame;

#[test]
fn errors_tell_what_the_module_says_about_them() {
    let table = [
        (
            text(503, "application/problem+json", r#"{"title": "Busy", "detail": "come back"}"#),
            "it answered 503: Busy, come back",
        ),
        (text(400, "application/problem+json", r#"{"title": "Bad"}"#), "it answered 400: Bad"),
        (text(502, "text/html", "<b>\u{1b}"), "it answered 502: <b><U+001B>"),
        (text(500, "", ""), "it answered 500: without a word"),
        (text(301, "", ""), "it answered 301: without a word"),
        (text(200, "text/html", "<b>"), "it answered text/html instead of JSON"),
        (text(200, "", "{}"), "it answered something without a media type instead of JSON"),
    ];
    for (given, sentence) in table {
        let error = answer::json(&given).unwrap_err();
        assert_eq!(error.to_string(), sentence);
    }
    assert!(answer::json(&text(200, "Application/JSON; charset=utf-8", "{}")).is_ok());
    assert!(answer::json(&text(200, "application/vnd.sales+json", "{}")).is_ok());
}

#[test]
fn what_is_not_as_the_contract_has_it_is_said_with_its_place() {
    let table = [
        ("{}", "contract"),
        (r#"{"contract": 2, "id": "a", "version": "1", "title": "A"}"#, "contract: contract 1"),
        (r#"{"contract": 1, "id": "A", "version": "1", "title": "A"}"#, "id: "),
        (r#"{"contract": 1, "id": "a", "version": "1", "title": "A", "endpoints": [{}]}"#, "path"),
        ("nonsense", "expected"),
        (r#"{"contract": 1, "id": "a", "version": "1", "title": "A"} {}"#, "trailing"),
    ];
    for (body, part) in table {
        let error = answer::manifest(&json(body)).unwrap_err().to_string();
        assert!(error.contains("its manifest") && error.contains(part), "{body}: {error}");
    }
    let deep = format!("{{\"status\": {}", "[".repeat(100_000));
    assert!(answer::health(&json(&deep)).is_err());
    let bytes = crate::collect::module::Answer { body: vec![0xff, 0xfe].into(), ..json("") };
    assert!(answer::health(&bytes).is_err());
    let frame = |data: &str| Frame { id: String::new(), event: String::new(), data: data.into() };
    assert!(answer::event(&frame("{}")).is_err());
    let good = r#"{"type": "x", "at": "2026-11-20T14:03:22Z", "message": "m"}"#;
    assert!(answer::event(&frame(good)).is_ok());
    assert!(answer::event(&frame(&good.replace("2026", "never"))).is_err());
}
