use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..FAILURES_MAX {
        assert_eq!(breaker.allow(at(0)), Ok(()));
        breaker.failed(at(0), 0.0);
    }
    breaker
}

#[test]
fn failures_in_a_row_open_the_circuit() {
    let mut breaker = opened();
    assert_eq!(breaker.state(at(0)), State::Open(OPEN_MIN));
    assert_eq!(breaker.allow(at(4)), Err(at(6)));
    let mut broken_row = Breaker::default();
    for _ in 0..10 * FAILURES_MAX {
        broken_row.failed(at(0), 0.0);
        broken_row.succeeded();
    }
    assert_eq!(broken_row.state(at(0)), State::Closed);
}

#[test]
fn one_trial_decides() {
    let mut breaker = opened();
    assert_eq!(breaker.state(at(10)), State::HalfOpen);
    assert_eq!(breaker.allow(at(10)), Ok(()));
    assert!(breaker.allow(at(10)).is_err(), "one at a time");
    let mut failed = breaker;
    failed.failed(at(11), 0.0);
    assert_eq!(failed.state(at(11)), State::Open(2 * OPEN_MIN), "twice as long");
    breaker.succeeded();
    assert_eq!(breaker.state(at(11)), State::Closed);
}

#[test]
fn a_trial_that_tells_nothing_leaves_room_for_another() {
    let mut breaker = opened();
    assert_eq!(breaker.allow(at(10)), Ok(()));
    breaker.abandoned();
    assert_eq!(breaker.allow(at(10)), Ok(()));
    // And one whose caller has gone is not waited for.
    assert!(breaker.allow(at(69)).is_err());
    assert_eq!(breaker.allow(at(70)), Ok(()));
}

#[test]
fn the_wait_is_bounded_and_spread() {
    let mut breaker = opened();
    let mut now = at(10);
    for _ in 0..40 {
        let State::HalfOpen = breaker.state(now) else { panic!("{:?}", breaker.state(now)) };
        breaker.allow(now).unwrap();
        breaker.failed(now, 1.0);
        let State::Open(wait) = breaker.state(now) else { panic!("closed") };
        assert!(wait >= OPEN_MIN && wait <= OPEN_MAX.mul_f64(1.5), "{wait:?}");
        now += wait;
    }
}

#[test]
fn calls_that_were_under_way_do_not_prolong_it() {
    let mut breaker = opened();
    breaker.failed(at(5), 0.0);
    assert_eq!(breaker.state(at(5)), State::Open(at(5)));
}
