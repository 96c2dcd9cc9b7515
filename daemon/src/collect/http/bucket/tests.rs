use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
    let mut bucket = Bucket::new(2.0, 3, at(0));
    for _ in 0..3 {
        assert_eq!(bucket.take(at(0)), Ok(()));
    }
    let wait = bucket.take(at(0)).unwrap_err();
    assert!((500..=502).contains(&wait.as_millis()), "{wait:?}");
    assert_eq!(bucket.take(wait), Ok(()));
    assert!(bucket.take(wait).is_err());
    assert!((bucket.tokens(at(60_000)) - 3.0).abs() < 1e-9, "never more than a burst");
}

#[test]
fn rates_that_make_no_sense_are_slow_and_not_endless() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut bucket = Bucket::new(rate, 0, at(0));
        assert_eq!(bucket.take(at(0)), Ok(()), "{rate}");
        assert!(bucket.take(at(0)).is_err(), "{rate}");
    }
}

#[test]
fn other_limits_keep_the_tokens_there_are() {
    let mut bucket = Bucket::new(1.0, 10, at(0));
    bucket.adjust(5.0, 2, at(0));
    assert!((bucket.tokens(at(0)) - 2.0).abs() < 1e-9);
    assert!(bucket.take(at(0)).is_ok() && bucket.take(at(0)).is_ok());
    bucket.adjust(5.0, 100, at(0));
    assert!(bucket.take(at(0)).is_err(), "a larger burst gives nothing for free");
}

proptest! {
    #[test]
    fn never_more_than_the_burst_and_the_rate(
        rate in 0.1f64..100.0,
        burst in 1u32..20,
        steps in proptest::collection::vec(0u64..500, 1..200),
    ) {
        let mut bucket = Bucket::new(rate, burst, at(0));
        let (mut now, mut taken) = (0, 0u32);
        for step in steps {
            now += step;
            match bucket.take(at(now)) {
                Ok(()) => taken += 1,
                // A clock that goes back gives nothing.
                Err(wait) => prop_assert!(wait > Duration::ZERO && bucket.take(at(now / 2)).is_err()),
            }
        }
        let most = f64::from(burst) + rate * now as f64 / 1_000.0;
        prop_assert!(f64::from(taken) <= most + 1e-6);
    }

    #[test]
    fn whoever_waits_as_long_as_said_finds_a_token(rate in 0.01f64..1e6, burst in 1u32..5) {
        let mut bucket = Bucket::new(rate, burst, at(0));
        while bucket.take(at(0)).is_ok() {}
        let wait = bucket.take(at(0)).unwrap_err();
        prop_assert_eq!(bucket.take(wait), Ok(()));
    }
}
