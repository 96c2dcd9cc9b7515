//! A module's state follows from what was seen of it.

use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use ccm_proto::model::module::{Check, Health, HealthStatus};

use super::at;
use crate::collect::module::state::{Sign, Standing, State};

fn health(status: HealthStatus) -> Sign {
    Sign::Health(Health { status, detail: None, version: None, checks: Vec::new() })
}

fn failed() -> Sign {
    Sign::Failed(SafeText::new("no answer within 5s"))
}

#[test]
fn each_sign_leads_to_one_state() {
    let running = || health(HealthStatus::Running);
    let degraded = || health(HealthStatus::Degraded);
    let gone = || Sign::NotListening(SafeText::new("connection refused"));
    let foreign = || Sign::Foreign(SafeText::new("it answered text/html instead of JSON"));
    let late = || Sign::Late(Interval::from_secs(20));
    let silent = || Sign::Silent(Interval::from_secs(60));
    let table: [(&[Sign], State); 20] = [
        (&[], State::Unknown),
        (&[running()], State::Running),
        (&[degraded()], State::Degraded),
        (&[health(HealthStatus::Stopped)], State::Stopped),
        (&[health(HealthStatus::Error)], State::Error),
        (&[gone()], State::Stopped),
        (&[foreign()], State::Error),
        (&[Sign::Disabled], State::Stopped),
        (&[failed()], State::Error),
        (&[running(), failed()], State::Degraded),
        (&[running(), failed(), failed()], State::Error),
        (&[running(), failed(), running(), failed()], State::Degraded),
        (&[degraded(), failed(), failed(), running()], State::Running),
        (&[running(), gone(), failed()], State::Error),
        (&[running(), gone(), running()], State::Running),
        (&[health(HealthStatus::Error), failed()], State::Error),
        (&[late()], State::Unknown),
        (&[running(), late()], State::Degraded),
        (&[running(), late(), silent()], State::Stopped),
        (&[running(), silent(), late(), running()], State::Running),
    ];
    for (signs, state) in table {
        let mut standing = Standing::new(at(0));
        for (second, sign) in signs.iter().enumerate() {
            standing.take(sign, at(second as i64));
        }
        assert_eq!(standing.state, state, "{signs:?}");
    }
}

#[test]
fn a_state_has_the_time_of_its_beginning_and_the_newest_reason() {
    let mut standing = Standing::new(at(0));
    assert_eq!(standing.take(&failed(), at(1)), Some(State::Unknown));
    let gone = Sign::NotListening(SafeText::new("connection refused"));
    assert_eq!(standing.take(&gone, at(2)), Some(State::Error));
    assert_eq!(standing.take(&gone, at(3)), None);
    assert_eq!(standing.since, at(2));
    assert!(standing.reason.as_str().contains("connection refused"), "{}", standing.reason);
    assert_eq!(standing.take(&health(HealthStatus::Running), at(4)), Some(State::Stopped));
    assert_eq!((standing.since, standing.failures), (at(4), 0));
}

#[test]
fn the_reason_is_what_the_module_says_else_its_worst_check() {
    let check = Check {
        name: "database".to_owned(),
        status: HealthStatus::Degraded,
        detail: Some("slow \u{1b}[2J".to_owned()),
        latency_ms: None,
    };
    let good = Check { name: "queue".to_owned(), status: HealthStatus::Running, ..check.clone() };
    let mut health = Health {
        status: HealthStatus::Degraded,
        detail: None,
        version: None,
        checks: vec![good, check],
    };
    let reason = |health: &Health| {
        let mut standing = Standing::new(at(0));
        standing.take(&Sign::Health(health.clone()), at(0));
        standing.reason.to_string()
    };
    assert_eq!(reason(&health), "database is degraded: slow <U+001B>[2J");
    health.detail = Some("the warehouse answers slowly".to_owned());
    assert_eq!(reason(&health), "the warehouse answers slowly");
}

#[test]
fn only_what_is_stopped_or_broken_is_not_asked() {
    let asked = [State::Unknown, State::Running, State::Degraded];
    assert!(asked.into_iter().all(State::is_asked));
    assert!(!State::Stopped.is_asked() && !State::Error.is_asked());
}
