//! What was opened a moment ago, so that a fetch does not open a file.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{CredentialId, Found};

/// How long an opened credential is kept, and how long a change behind the daemon's back, as in a
/// keyring, stays unseen.
const KEPT: Duration = Duration::from_secs(30);

/// The most places that are kept; each has a credential or says that there is none.
const PLACES_MAX: usize = 4_096;

/// Credentials, and places without one, by place.
#[derive(Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    places: HashMap<CredentialId, (Option<Found>, Duration)>,
    /// One more with each change: an answer that was asked for before it is not kept.
    generation: u64,
}

impl Cache {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a place; the outer none when nothing is.
    #[expect(clippy::option_option, reason = "nothing known, and known to be nothing")]
    pub(super) fn get(&self, id: &CredentialId, elapsed: Duration) -> Option<Option<Found>> {
        let kept = self.lock();
        let (found, until) = kept.places.get(id)?;
        (elapsed < *until).then(|| found.clone())
    }

    /// To be taken before a provider is asked.
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Keeps what a provider answered, unless something has changed since it was asked.
    pub(super) fn put(
        &self,
        id: &CredentialId,
        found: Option<Found>,
        asked_at: u64,
        elapsed: Duration,
    ) {
        let mut kept = self.lock();
        if kept.generation != asked_at {
            return;
        }
        if kept.places.len() >= PLACES_MAX {
            kept.places.clear();
        }
        kept.places.insert(id.clone(), (found, elapsed.saturating_add(KEPT)));
    }

    /// Forgets a place that was changed.
    pub(super) fn forget(&self, id: &CredentialId) {
        let mut kept = self.lock();
        kept.generation += 1;
        kept.places.remove(id);
    }

    /// Forgets what is too old.
    pub(super) fn sweep(&self, elapsed: Duration) {
        self.lock().places.retain(|_, (_, until)| elapsed < *until);
    }
}
