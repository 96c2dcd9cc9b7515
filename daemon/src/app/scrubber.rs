//! Looks for damage in what is stored, for as long as the daemon runs.

use std::collections::BTreeSet;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Notice, Severity};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::notices::NoticeBoard;
use crate::storage::scrub::Scrub;

/// From one step to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// More damages than that are one sentence: the disk is the problem, not the places.
const NOTICES_MAX: usize = 8;

/// What the scrubber needs.
pub(super) struct Scrubber {
    pub scrub: Scrub,
    /// What opening the store found already: there are notices about that.
    pub recovery: Vec<String>,
    pub clock: Clock,
    pub notices: NoticeBoard,
}

impl Scrubber {
    /// Looks until the daemon ends.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut told = BTreeSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let now = self.clock.elapsed();
            let Self { mut scrub, recovery, clock, notices } = self;
            let step = tokio::task::spawn_blocking(move || {
                scrub.step(now, INTERVAL);
                scrub
            });
            let Ok(scrub) = step.await else { return };
            self = Self { scrub, recovery, clock, notices };
            told = self.tell(&told);
        }
    }

    /// Puts up what is new and takes down what is mended; returns what is up now.
    fn tell(&self, told: &BTreeSet<String>) -> BTreeSet<String> {
        let mut damages: BTreeSet<String> = self.scrub.damages().clone();
        damages.retain(|damage| !self.recovery.contains(damage));
        if damages.len() > NOTICES_MAX {
            let more = damages.len() - NOTICES_MAX;
            damages = damages.into_iter().take(NOTICES_MAX).collect();
            damages.insert(format!("{more} more places in the store are damaged; check the disk"));
        }
        for mended in told.difference(&damages) {
            self.notices.clear(&key(mended));
        }
        for damage in damages.difference(told) {
            tracing::error!(%damage, "what was stored cannot be read back");
            self.notices.raise(Notice {
                key: key(damage),
                severity: Severity::Error,
                summary: SafeText::new(damage),
                at: self.clock.now(),
                ..Notice::default()
            });
        }
        damages
    }
}

fn key(damage: &str) -> String {
    format!("damage:{damage}")
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Timestamp;

    use super::*;
    use crate::storage::Storage;

    /// Notices that are up.
    fn up(notices: &NoticeBoard) -> Vec<String> {
        notices.subscribe().borrow().values().map(|notice| notice.summary.to_string()).collect()
    }

    #[test]
    fn damage_is_a_notice_until_it_is_mended_unless_the_start_told_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = Storage::open(directory.path()).unwrap();
        storage.ledger.append(&[7; 1_000]).unwrap();
        storage.ledger.sync().unwrap();
        let file = directory.path().join("ledger/0000000000000001.log");
        let whole = std::fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[500] ^= 0x10;

        let notices = NoticeBoard::default();
        let mut scrubber = Scrubber {
            scrub: storage.keeper.scrub(),
            recovery: Vec::new(),
            clock: Clock::manual(Timestamp::from_millis(1_000)),
            notices: notices.clone(),
        };
        let half_a_day = crate::storage::scrub::PASS;
        let mut told = BTreeSet::new();
        std::fs::write(&file, &flipped).unwrap();
        scrubber.scrub.step(Duration::ZERO, INTERVAL);
        told = scrubber.tell(&told);
        let damage = up(&notices);
        assert_eq!(damage.len(), 1, "{damage:?}");
        assert!(damage[0].contains("0000000000000001.log is damaged at byte 40"), "{damage:?}");

        std::fs::write(&file, &whole).unwrap();
        scrubber.scrub.step(half_a_day, INTERVAL);
        told = scrubber.tell(&told);
        assert_eq!((up(&notices), told.len()), (Vec::<String>::new(), 0));

        std::fs::write(&file, &flipped).unwrap();
        scrubber.recovery = damage;
        scrubber.scrub.step(half_a_day * 2, INTERVAL);
        assert!(scrubber.tell(&told).is_empty());
        assert!(up(&notices).is_empty());
    }
}
