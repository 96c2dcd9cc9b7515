//! Looks around on this machine, and never further, for what could be shown.
//!
//! [`reader`] lists what listens here, as far as the daemon may see it. [`rules`] knows by ports,
//! process names and sockets what that may be; some of it is asked one small question, once, on
//! loopback ([`ask`]), to be sure. [`documents`] writes what would be applied if somebody took the
//! offer. Nothing is changed, and nothing is sent anywhere, before somebody does.

pub mod ask;
mod databases;
mod documents;
mod reader;
mod rules;
pub mod tables;
mod widgets;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ccm_proto::model::{DocumentId, Offer};
use futures_util::future::{BoxFuture, join_all};

pub use ask::{Ask, Loopback};
pub use reader::Roots;
use rules::Candidate;

/// The most listeners that are asked in one look.
const QUESTIONS_MAX: usize = 32;

/// Questions at the same time.
const AT_ONCE: usize = 8;

/// Answers that are remembered, so that nobody is asked twice.
const REMEMBERED_MAX: usize = 256;

/// A listener for as long as it listens: when it begins anew it is another one.
type Listener = (SocketAddr, u64);

/// Looks around; clones share what they found out.
#[derive(Clone)]
pub struct Explorer {
    roots: Roots,
    ask: Arc<dyn Ask>,
    answers: Arc<Mutex<HashMap<Listener, Option<String>>>>,
}

impl Explorer {
    /// One that reads below these roots, and asks this way.
    pub fn new(roots: Roots, ask: Arc<dyn Ask>) -> Self {
        Self { roots, ask, answers: Arc::default() }
    }

    /// What could be shown, in the order of the rules. `exists` knows the documents that are there.
    pub async fn look(&self, exists: impl Fn(&DocumentId) -> bool) -> Vec<Offer> {
        let roots = self.roots.clone();
        // Walking over all processes takes a while.
        let seen = tokio::task::spawn_blocking(move || reader::read(&roots)).await;
        let seen = seen.unwrap_or_default();
        let candidates = rules::candidates(&seen);
        self.ask_all(&candidates).await;
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = |candidate: &Candidate| {
            let listener = candidate.listener()?;
            answers.get(&listener).and_then(Option::as_deref)
        };
        let found = candidates.iter().filter_map(|candidate| {
            let found = rules::recognise(candidate, answer(candidate))?;
            documents::offer(&found, &exists)
        });
        let mut offers: Vec<Offer> = Vec::new();
        for offer in found {
            // Of two listeners of one sort the first counts.
            if offers.iter().all(|other| other.key != offer.key) {
                offers.push(offer);
            }
        }
        offers
    }

    /// Asks those who have a question and were not asked yet.
    async fn ask_all(&self, candidates: &[Candidate]) {
        let fresh: Vec<(Listener, &'static str)> = {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            let question = |candidate: &Candidate| candidate.listener().zip(candidate.question());
            let fresh = candidates.iter().filter_map(question);
            let mut fresh: Vec<_> =
                fresh.filter(|(listener, _)| !answers.contains_key(listener)).collect();
            fresh.sort_unstable();
            fresh.dedup_by_key(|(listener, _)| *listener);
            fresh.truncate(QUESTIONS_MAX);
            fresh
        };
        let mut asked = Vec::with_capacity(fresh.len());
        for some in fresh.chunks(AT_ONCE) {
            let waiting: Vec<BoxFuture<'_, Option<String>>> =
                some.iter().map(|((address, _), path)| self.ask.ask(*address, path)).collect();
            let listeners = some.iter().map(|(listener, _)| *listener);
            asked.extend(listeners.zip(join_all(waiting).await));
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() + asked.len() > REMEMBERED_MAX {
            answers.clear();
        }
        answers.extend(asked);
    }
}

#[cfg(test)]
mod tests;
