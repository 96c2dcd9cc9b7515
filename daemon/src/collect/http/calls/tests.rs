use super::*;

fn api(calls: &mut Calls, now: Timestamp) -> Usage {
    calls.api(&"stripe".into(), Some(&"stripe".into()), now)
}

fn record(at: i64, status: u16, hit: Hit) -> CallRecord {
    CallRecord {
        at: Timestamp::from_millis(at),
        source: Name::new("sales").unwrap(),
        owner: "platform".into(),
        api: "stripe".into(),
        credential: Some("stripe".into()),
        method: Method::GET,
        url: "https://api.stripe.com/v1/charges?limit=…".into(),
        status: Some(status),
        latency_ms: 5.0,
        bytes: 100,
        hit,
        error: None,
    }
}

#[test]
fn calls_are_counted_for_credential_and_api() {
    let mut calls = Calls::default();
    calls.note(record(1, 200, Hit::Miss));
    calls.note(record(2, 500, Hit::Miss));
    calls.note(record(3, 200, Hit::Fresh));
    let now = Timestamp::from_millis(4);
    let usage = api(&mut calls, now);
    assert_eq!((usage.calls, usage.failures, usage.hits, usage.bytes), (2, 1, 1, 200));
    assert_eq!(usage.last, Some(Timestamp::from_millis(3)));
    assert_eq!(calls.credentials(now)[0].usage, usage);
    assert_eq!(calls.api(&"other".into(), None, now), Usage::default());
    assert_eq!(calls.api(&"stripe".into(), None, now), Usage::default(), "without a credential");
}

#[test]
fn only_the_newest_calls_are_remembered() {
    let mut calls = Calls::default();
    for at in 0..2 * RECORDS_MAX as i64 {
        let mut record = record(at, 200, Hit::Miss);
        record.api = format!("api-{at}").into();
        calls.note(record);
    }
    assert_eq!(calls.records().count(), RECORDS_MAX);
    assert_eq!(calls.records().next().unwrap().at.as_millis(), RECORDS_MAX as i64);
    assert_eq!(calls.apis.len(), COUNTED_MAX);
}

/// Calls by the minute; each is spread over it.
fn minutes(counts: &[u32], status: u16) -> (Calls, Timestamp) {
    let mut calls = Calls::default();
    let mut now = 0;
    for (minute, count) in counts.iter().enumerate() {
        for call in 0..*count {
            now = (minute as i64 + 1) * 60_000 + i64::from(call * 50_000 / count);
            calls.note(record(now, status, Hit::Miss));
        }
    }
    (calls, Timestamp::from_millis(now))
}

#[test]
fn a_sudden_rush_is_unusual() {
    for (counts, unusual) in [
        (&[60, 58, 61, 60, 60, 59, 62, 60, 60, 61, 60, 59, 600][..], true),
        (&[60, 58, 61, 60, 60, 59, 62, 60, 60, 61, 60, 59, 75][..], false),
        (&[60, 58, 600][..], false),
        (&[1; 30][..], false),
        (&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 20][..], false),
        // One outlier in the past does not make the next usual.
        (&[60, 58, 61, 600, 60, 59, 62, 60, 60, 61, 60, 59, 600][..], true),
    ] {
        let (mut calls, now) = minutes(counts, 200);
        let found = api(&mut calls, now).unusual;
        assert_eq!(found, unusual.then_some(Unusual::Calls), "{counts:?}");
        assert_eq!(calls.credentials(now)[0].usage.unusual, found);
    }
    let (mut calls, now) = minutes(&[5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 100], 401);
    assert_eq!(api(&mut calls, now).unusual, Some(Unusual::Failures));
    let later = now + Interval::from_secs(120);
    assert_eq!(api(&mut calls, later).unusual, None, "it passes");
}

#[test]
fn a_pause_and_a_clock_that_jumps_are_no_rush() {
    let mut minutes = Minutes::default();
    for at in [60_000, 600_000_000_000, 0, 120_000] {
        minutes.note(Timestamp::from_millis(at));
        assert!(minutes.past.len() <= MINUTES_MAX);
        assert!(!minutes.is_unusual(Timestamp::from_millis(at)));
    }
}

#[test]
fn the_robust_score_is_that_of_the_median() {
    assert!(robust_z(&[10, 10, 10], 10).abs() < 1e-9);
    assert!((robust_z(&[], 3) - 3.0).abs() < 1e-9);
    assert!(robust_z(&[1, 2, 3, 4, 100], 100) > robust_z(&[1, 50, 100, 150, 200], 100));
}
