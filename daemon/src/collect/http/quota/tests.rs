use super::*;

fn read(headers: &[(&'static str, &str)], now: i64) -> Option<Quota> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Quota::read(&QuotaHeaders::default(), &map, Timestamp::from_millis(now * 1_000))
}

fn quota(limit: u64, remaining: u64, reset: i64) -> Quota {
    let reset = Some(Timestamp::from_millis(reset * 1_000));
    Quota { limit: Some(limit), remaining: Some(remaining), reset }
}

const NOW: i64 = 1_700_000_000;

#[test]
fn quotas_are_told_in_many_ways() {
    let cases: [(&[(&str, &str)], _); 7] = [
        (
            &[
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", "4999"),
                ("x-ratelimit-reset", "1700003600"),
            ],
            Some(quota(5_000, 4_999, NOW + 3_600)),
        ),
        (
            &[
                ("ratelimit-limit", "100, 100;w=60"),
                ("ratelimit-remaining", "7"),
                ("ratelimit-reset", "50"),
            ],
            Some(quota(100, 7, NOW + 50)),
        ),
        (
            &[
                ("ratelimit", "\"default\";r=50;t=30"),
                ("ratelimit-policy", "\"default\";q=100;w=60"),
            ],
            Some(quota(100, 50, NOW + 30)),
        ),
        (&[("ratelimit", "limit=100, remaining=0, reset=5")], Some(quota(100, 0, NOW + 5))),
        (
            &[
                ("x-rate-limit-limit", "60"),
                ("x-rate-limit-remaining", "0"),
                ("x-rate-limit-reset", "1700000060000"),
            ],
            Some(quota(60, 0, NOW + 60)),
        ),
        (
            &[
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-reset-requests", "6m0s"),
            ],
            Some(quota(60, 59, NOW + 360)),
        ),
        (&[("content-type", "text/plain")], None),
    ];
    for (headers, expected) in cases {
        assert_eq!(read(headers, NOW), expected, "{headers:?}");
    }
}

#[test]
fn what_is_absurd_is_not_believed() {
    for reset in ["-5", "NaN", "inf", "9999999999999999999", "253402300799", "tomorrow", ""] {
        let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)];
        let quota = read(&headers, NOW).unwrap();
        assert_eq!(quota.reset, None, "{reset}");
        assert_eq!(quota.exhausted(Timestamp::from_millis(NOW * 1_000), RESET_MAX), None);
    }
    for remaining in ["-1", "many", "99999999999999999999999"] {
        assert_eq!(read(&[("x-ratelimit-remaining", remaining)], NOW), None, "{remaining}");
    }
}

#[test]
fn a_quota_is_exhausted_until_it_is_renewed() {
    let now = Timestamp::from_millis(NOW * 1_000);
    let quota = quota(10, 0, NOW + 7_200);
    let hour = Interval::from_secs(3_600);
    assert_eq!(quota.exhausted(now, hour), Some(hour), "bounded");
    assert_eq!(quota.exhausted(now + hour.times(2), hour), None);
    assert_eq!(Quota { remaining: Some(1), ..quota }.exhausted(now, hour), None);
}
