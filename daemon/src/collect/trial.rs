//! One reading of a source, asked for by a person, with everything that went out and came back.

use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Reading};

use super::schedule::PRIMING;
use super::tap::{Exchange, Tap};
use super::{CollectError, Collector, Environment, Fetch, Follow, Moment, ReadFactory, collectors};
use crate::clock::Clock;
use crate::engine::event::Assignment;

/// What came of it.
#[derive(Debug)]
pub struct Trial {
    /// What went out and came back, in order.
    pub exchanges: Vec<Exchange>,
    /// The reading, or why there is none.
    pub result: Result<Reading, SafeText>,
    /// How long it took.
    pub total: Duration,
}

/// Reads a source once, beside whatever runs already.
pub async fn run(
    name: &Name,
    assignment: &Assignment,
    environment: &Environment,
    clock: &Clock,
) -> Trial {
    let tap = Tap::default();
    let tapped = environment.tapped(&tap);
    let started = clock.elapsed();
    let timeout = assignment.spec.effective_timeout();
    let reading = read(name, assignment, tapped, clock);
    let result = match tokio::time::timeout(timeout.as_duration(), reading).await {
        Ok(result) => result,
        Err(_) => Err(CollectError::Timeout(timeout)),
    };
    Trial {
        exchanges: tap.exchanges(),
        result: result.map_err(|error| error.to_safe_text()),
        total: clock.elapsed().saturating_sub(started),
    }
}

async fn read(
    name: &Name,
    assignment: &Assignment,
    environment: Environment,
    clock: &Clock,
) -> Result<Reading, CollectError> {
    if !assignment.spec.source_type.is_collected() {
        let cause =
            format!("nobody is asked for a {} source", assignment.spec.source_type.as_str());
        return Err(CollectError::Source {
            cause: SafeText::new(&cause),
            retry: super::Retry::Hold,
        });
    }
    let moment = Moment { at: clock.now(), elapsed: clock.elapsed() };
    match collectors(environment)(name, assignment) {
        Collector::Read(factory) => on_a_thread(factory, clock.clone()).await,
        Collector::Fetch(mut fetcher) => Fetch::fetch(&mut *fetcher, moment).await,
        Collector::Follow(mut follower) => Follow::next(&mut *follower, clock).await,
    }
}

async fn on_a_thread(factory: ReadFactory, clock: Clock) -> Result<Reading, CollectError> {
    let read = move || {
        let mut reader = factory();
        reader.prime(clock.elapsed());
        std::thread::sleep(PRIMING.as_duration());
        reader.read(Moment { at: clock.now(), elapsed: clock.elapsed() })
    };
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(CollectError::Ended))
}
