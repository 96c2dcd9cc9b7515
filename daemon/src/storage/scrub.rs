//! Reading everything again, little by little, so that damage is found while there is still a
//! backup to restore from, and not on the day when the record is needed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::log::{Damage, DamageKind, LogError, LogReader, Position};

/// From the start of one pass to the start of the next. A pass takes no longer than that, so that
/// no damage stays unseen for more than a day.
pub const PASS: Duration = Duration::from_hours(12);

/// The least that a step reads, so that a pass through a small store is over in minutes.
const STEP_BYTES_MIN: u64 = 1024 * 1024;

/// A look at all logs of a store that goes on forever.
#[derive(Debug)]
pub struct Scrub {
    logs: Vec<LogReader>,
    at: Place,
    /// What this pass has found so far.
    found: BTreeSet<String>,
    /// What the last whole pass found, and this one on top of it.
    known: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// The next pass begins at this time.
    Rest { until: Duration },
    /// In the middle of a pass.
    Log { number: usize, next: Option<Position>, started: Duration },
}

impl Scrub {
    pub(super) fn new(logs: Vec<LogReader>) -> Self {
        let at = Place::Rest { until: Duration::ZERO };
        Self { logs, at, found: BTreeSet::new(), known: BTreeSet::new() }
    }

    /// Reads on. To be called each `interval`; `now` is time that never jumps. Blocks for as long
    /// as the disk takes.
    pub fn step(&mut self, now: Duration, interval: Duration) {
        let mut budget = self.step_bytes(interval);
        if let Place::Rest { until } = self.at {
            if now < until {
                return;
            }
            self.at = Place::Log { number: 0, next: None, started: now };
        }
        while let Place::Log { number, next, started } = self.at {
            let Some(log) = self.logs.get(number) else {
                self.known = std::mem::take(&mut self.found);
                self.at = Place::Rest { until: started + PASS };
                return;
            };
            let (end, damages) = read(log, next, &mut budget);
            self.known.extend(damages.iter().cloned());
            self.found.extend(damages);
            self.at = match end {
                Some(next) => return self.at = Place::Log { number, next: Some(next), started },
                None => Place::Log { number: number + 1, next: None, started },
            };
        }
    }

    /// What is damaged as far as is known, one sentence each. A sentence goes away once a whole
    /// pass has not found it any more.
    pub fn damages(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// Enough that a pass ends in time, whatever the size of the store.
    fn step_bytes(&self, interval: Duration) -> u64 {
        let total: u64 = self.logs.iter().flat_map(LogReader::segments).map(|at| at.bytes).sum();
        let steps = (PASS.as_secs() / interval.as_secs().max(1)).max(1);
        (total / steps).saturating_mul(2).max(STEP_BYTES_MIN)
    }
}

/// Reads until the budget is spent, and tells where to go on, or nothing at the log's end.
fn read(
    log: &LogReader,
    from: Option<Position>,
    budget: &mut u64,
) -> (Option<Position>, BTreeSet<String>) {
    let mut damages = BTreeSet::new();
    for item in log.scan(from) {
        let (next, bytes) = match item {
            Ok((at, record)) => (at.after(record.len()), record.len() as u64),
            Err(LogError::Damaged(damage)) => {
                let next = behind(&damage);
                let bytes = damage.bytes;
                damages.insert(damage.to_string());
                (next, bytes)
            }
            // A disk that cannot be read now is told of by those who need it now.
            Err(error) => {
                tracing::warn!(%error, "cannot look for damage");
                continue;
            }
        };
        *budget = budget.saturating_sub(bytes);
        if *budget == 0 {
            return (Some(next), damages);
        }
    }
    (None, damages)
}

fn behind(damage: &Damage) -> Position {
    let Damage { segment, offset, bytes, kind, .. } = damage;
    match kind {
        DamageKind::Records => Position { segment: *segment, offset: offset + bytes },
        DamageKind::Missing { through } => Position { segment: through + 1, offset: 0 },
        _ => Position { segment: segment + 1, offset: 0 },
    }
}
