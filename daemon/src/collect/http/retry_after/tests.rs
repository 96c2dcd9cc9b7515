use super::*;

fn wait(value: &str, date: Option<&str>, now: i64) -> Option<u64> {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, value.parse().unwrap());
    if let Some(date) = date {
        headers.insert(header::DATE, date.parse().unwrap());
    }
    retry_after(&headers, Timestamp::from_millis(now * 1_000)).map(|wait| wait.as_millis() / 1_000)
}

#[test]
fn a_wait_is_seconds_or_a_date() {
    // 1994-11-06T08:49:37Z.
    let moment = 784_111_777;
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(wait("120", None, 0), Some(120));
    assert_eq!(wait("0", None, 0), Some(0));
    assert_eq!(wait(date, None, moment - 30), Some(30));
    assert_eq!(wait(date, None, moment + 30), Some(0), "in the past");
    assert_eq!(wait(date, None, 0), Some(3_600), "far away");
}

#[test]
fn a_server_whose_clock_is_wrong_is_taken_by_its_own_date() {
    let until = "Sun, 06 Nov 1994 08:50:37 GMT";
    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    for now in [0, 784_111_777, 4_000_000_000] {
        assert_eq!(wait(until, date, now), Some(60));
    }
}

#[test]
fn what_is_absurd_is_bounded_or_not_believed() {
    for text in ["999999999", "99999999999999999999999999"] {
        assert_eq!(wait(text, None, 0), Some(3_600));
    }
    assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT", None, 0), Some(3_600));
    for text in ["", "-1", "1.5", "soon", "Sun, 99 Nov 1994 08:49:37 GMT"] {
        assert_eq!(wait(text, None, 0), None, "{text}");
    }
}
