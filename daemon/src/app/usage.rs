//! Tells by notices when a credential, or an API that needs none, is used unusually: far more
//! calls or failures than in the minutes before may be a mistake, or somebody else's doing.

use std::collections::BTreeMap;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Notice, Severity, Timestamp};

use crate::collect::http::{ApiState, CredentialUse, Unusual};
use crate::notices::NoticeBoard;

/// How long everything must have been usual before a notice is taken down. Rates are told by the
/// minute, so that one that goes on looks usual at the beginning of each.
const QUIET: Duration = Duration::from_mins(2);

/// The most notices of this kind; when everything is unusual the first tell enough.
const UNUSUAL_MAX: usize = 32;

/// Watches how credentials and APIs are used.
#[derive(Debug, Default)]
pub(super) struct UsageWatch {
    /// What was unusual by the key of its notice, and when it was so last.
    seen: BTreeMap<String, (Unusual, Duration)>,
}

impl UsageWatch {
    /// Looks at the use until now: raises notices, and clears those whose cause is over.
    pub(super) fn look(
        &mut self,
        apis: &[ApiState],
        credentials: &[CredentialUse],
        (elapsed, at): (Duration, Timestamp),
        notices: &NoticeBoard,
    ) {
        let of_credentials = credentials.iter().filter_map(|credential| {
            Some(("credential", &*credential.name, credential.usage.unusual?))
        });
        // With a credential the notice is of that.
        let of_apis = apis.iter().filter(|api| api.credential.is_none());
        let of_apis = of_apis.filter_map(|api| Some(("api", &*api.api, api.usage.unusual?)));
        for (what, name, unusual) in of_credentials.chain(of_apis) {
            let key = format!("usage:{what}:{name}");
            let former = self.seen.get(&key).map(|(unusual, _)| *unusual);
            if former.is_none() && self.seen.len() >= UNUSUAL_MAX {
                continue;
            }
            if former != Some(unusual) {
                notices.raise(notice(key.clone(), what, name, unusual, at));
            }
            self.seen.insert(key, (unusual, elapsed));
        }
        self.seen.retain(|key, (_, last)| {
            let stays = elapsed.saturating_sub(*last) < QUIET;
            if !stays {
                notices.clear(key);
            }
            stays
        });
    }
}

fn notice(key: String, what: &str, name: &str, unusual: Unusual, at: Timestamp) -> Notice {
    let remedy = match unusual {
        Unusual::Calls => "see by ccm source calls who makes them",
        Unusual::Failures => "see by ccm source calls why, and whether it was withdrawn",
    };
    let what = if what == "api" { "API" } else { what };
    let summary = format!("the {what} {name} has {}; {remedy}", unusual.as_str());
    tracing::warn!(%summary, "usage");
    let summary = SafeText::new(&summary);
    Notice { key, severity: Severity::Warning, summary, at, ..Notice::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::http::Usage;

    fn used(name: &str, unusual: Option<Unusual>) -> CredentialUse {
        CredentialUse { name: name.into(), usage: Usage { unusual, ..Usage::default() } }
    }

    fn at(seconds: u64) -> (Duration, Timestamp) {
        (Duration::from_secs(seconds), Timestamp::EPOCH)
    }

    #[test]
    fn a_notice_stands_until_everything_was_usual_for_a_while() {
        let (notices, mut watch) = (NoticeBoard::default(), UsageWatch::default());
        let standing = notices.subscribe();
        let summaries = || -> Vec<String> {
            standing.borrow().values().map(|notice| notice.summary.to_string()).collect()
        };
        watch.look(&[], &[used("shop", None)], at(0), &notices);
        assert!(summaries().is_empty());
        watch.look(&[], &[used("shop", Some(Unusual::Calls))], at(1), &notices);
        assert_eq!(
            summaries(),
            [
                "the credential shop has far more calls than usual; see by ccm source calls who makes them"
            ]
        );
        watch.look(&[], &[used("shop", None)], at(60), &notices);
        assert_eq!(summaries().len(), 1, "a new minute has just begun");
        watch.look(&[], &[used("shop", Some(Unusual::Failures))], at(100), &notices);
        assert!(summaries()[0].contains("failures"), "{:?}", summaries());
        watch.look(&[], &[used("shop", None)], at(219), &notices);
        assert_eq!(summaries().len(), 1);
        watch.look(&[], &[used("shop", None)], at(220), &notices);
        assert!(summaries().is_empty());
    }

    #[test]
    fn when_everything_is_unusual_the_board_is_not_flooded() {
        let (notices, mut watch) = (NoticeBoard::default(), UsageWatch::default());
        let all: Vec<CredentialUse> =
            (0..1_000).map(|n| used(&format!("c{n}"), Some(Unusual::Calls))).collect();
        watch.look(&[], &all, at(0), &notices);
        assert_eq!(notices.subscribe().borrow().len(), UNUSUAL_MAX);
        watch.look(&[], &[], at(500), &notices);
        assert!(notices.subscribe().borrow().is_empty());
    }
}
