use proptest::prelude::*;

use super::{Interval, Timestamp};

#[test]
fn intervals_are_read_as_people_write_them() {
    let table = [
        ("250ms", 250),
        ("1s", 1_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("7d", 604_800_000),
        ("2w", 1_209_600_000),
        (" 10s ", 10_000),
        ("0s", 0),
    ];
    for (text, millis) in table {
        assert_eq!(text.parse(), Ok(Interval::from_millis(millis)), "{text}");
    }
}

#[test]
fn what_is_no_interval_is_refused_with_an_example() {
    for text in [
        "",
        " ",
        "5",
        "s",
        "-1s",
        "1.5s",
        "1 s",
        "5x",
        "1S",
        "99999999999999999999s",
        "9999999999999w",
        "1é",
    ] {
        let error = text.parse::<Interval>().unwrap_err().to_string();
        assert!(error.contains("250ms"), "{text:?}: {error}");
    }
    let long = "x".repeat(1_000).parse::<Interval>().unwrap_err().to_string();
    assert!(long.len() < 150);
}

#[test]
fn time_saturates_at_its_ends() {
    let (first, last) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
    let ever = Interval::from_millis(u64::MAX);
    assert_eq!(last + ever, last);
    assert_eq!(first - ever, first);
    assert_eq!(first.since(last), Interval::ZERO);
    assert_eq!(last.since(first).as_millis(), i64::MAX as u64);
    assert_eq!(Interval::from_secs(u64::MAX).times(2), ever);
    assert_eq!(Interval::from(std::time::Duration::MAX), ever);
}

proptest! {
    #[test]
    fn an_interval_is_read_as_it_was_written(millis in any::<u64>()) {
        let interval = Interval::from_millis(millis);
        prop_assert_eq!(interval.to_string().parse(), Ok(interval));
        let json = serde_json::to_string(&interval).unwrap();
        prop_assert_eq!(serde_json::from_str::<Interval>(&json).unwrap(), interval);
    }

    #[test]
    fn the_floor_is_a_multiple_and_the_nearest_below(
        millis in -4_000_000_000_000_i64..4_000_000_000_000,
        step in 1_u64..100_000_000,
    ) {
        let (time, step) = (Timestamp::from_millis(millis), Interval::from_millis(step));
        let floor = time.floor(step);
        prop_assert_eq!(floor.as_millis().rem_euclid(step.as_millis() as i64), 0);
        prop_assert!(floor <= time && time < floor + step);
        prop_assert_eq!(time.floor(Interval::ZERO), time);
    }

    #[test]
    fn adding_and_taking_away_cancel(millis in -(1_i64 << 60)..(1 << 60), span in 0_u64..(1 << 60)) {
        let (time, span) = (Timestamp::from_millis(millis), Interval::from_millis(span));
        prop_assert_eq!((time + span) - span, time);
        prop_assert_eq!((time + span).since(time), span);
    }

    #[test]
    fn reading_an_interval_never_panics(text in "\\PC{0,30}") {
        let _ = text.parse::<Interval>();
    }
}

#[test]
fn points_in_time_of_other_programs_are_read() {
    let cases = [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2026-11-20T14:03:22Z", Some(1_795_183_402_000)),
        ("2026-11-20 14:03:22.5", Some(1_795_183_402_500)),
        ("2026-11-20T15:03:22.123456789+01:00", Some(1_795_183_402_123)),
        ("2026-11-20t09:03:22-0500", Some(1_795_183_402_000)),
        ("2024-02-29", Some(1_709_164_800_000)),
        ("2016-12-31T23:59:60Z", Some(1_483_228_799_000)),
        ("2000-02-29T00:00Z", Some(951_782_400_000)),
        ("1900-02-29", None),
        ("2023-02-29", None),
        ("2023-13-01", None),
        ("2023-1-01", None),
        ("2023-01-01T24:00:00Z", None),
        ("2023-01-01T10", None),
        ("2023-01-01T10:00:00.Z", None),
        ("2023-01-01T10:00:00+1", None),
        ("2023-01-01T10:00:00Zjunk", None),
        ("0000-01-01", None),
        ("yesterday", None),
        ("äöüäöüäöü", None),
        ("", None),
    ];
    for (text, millis) in cases {
        assert_eq!(Timestamp::from_rfc3339(text).map(Timestamp::as_millis), millis, "{text:?}");
    }
    for (number, millis) in [
        (1_795_183_402.0, 1_795_183_402_000),
        (1_795_183_402_123.0, 1_795_183_402_123),
        (1_795_183_402_123_000.0, 1_795_183_402_123),
        (1_795_183_402_123_000_000.0, 1_795_183_402_123),
        (0.5, 500),
        (-86_400.0, -86_400_000),
    ] {
        assert_eq!(Timestamp::from_number(number).map(Timestamp::as_millis), Some(millis));
    }
    assert_eq!(Timestamp::from_number(f64::NAN), None);
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_read_as_a_time(text in "\\PC{0,40}", tail in "[0-9TZ:+. -]{0,40}") {
        let _ = Timestamp::from_rfc3339(&text);
        let _ = Timestamp::from_rfc3339(&tail);
        let _ = Timestamp::from_rfc3339(&format!("2026-11-20{tail}"));
    }
}
