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
