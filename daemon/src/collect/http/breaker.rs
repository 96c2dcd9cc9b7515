//! A circuit breaker: an API that fails again and again is left alone for a while. Pure: it is
//! given the time and the dice.

use std::fmt;
use std::time::Duration;

/// Failures in a row that open the circuit.
pub const FAILURES_MAX: u32 = 5;

/// How long it stays open at first; twice as long after each trial that fails.
pub const OPEN_MIN: Duration = Duration::from_secs(10);

/// How long it stays open at most.
pub const OPEN_MAX: Duration = Duration::from_mins(5);

/// A trial without an outcome after this time was given up by whoever asked.
pub const TRIAL_MAX: Duration = Duration::from_mins(1);

/// Whether calls go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All of them.
    Closed,
    /// None, for so long yet.
    Open(Duration),
    /// One, whose outcome decides.
    HalfOpen,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open(_) => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

/// The breaker of an API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    openings: u32,
    until: Option<Duration>,
    trial: Option<Duration>,
}

impl Breaker {
    /// Lets a call through, or says how long none goes. The first after that time is a trial, and
    /// others wait for its outcome.
    pub fn allow(&mut self, now: Duration) -> Result<(), Duration> {
        let Some(until) = self.until else { return Ok(()) };
        if now < until {
            return Err(until.saturating_sub(now));
        }
        match self.trial {
            Some(since) if now < since + TRIAL_MAX => Err((since + TRIAL_MAX).saturating_sub(now)),
            _ => {
                self.trial = Some(now);
                Ok(())
            }
        }
    }

    /// A call succeeded.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call failed. `dice` from 0 to 1 spreads the moments at which many try again: the time is
    /// stretched by up to a half.
    pub fn failed(&mut self, now: Duration, dice: f64) {
        self.failures = self.failures.saturating_add(1);
        let was_trial = self.trial.take().is_some();
        // Calls that were under way when the circuit opened tell nothing new.
        let opens = was_trial || (self.until.is_none() && self.failures >= FAILURES_MAX);
        if opens {
            let doubled = OPEN_MIN.saturating_mul(1 << self.openings.min(10)).min(OPEN_MAX);
            let stretched = doubled.mul_f64(1.0 + dice.clamp(0.0, 1.0) / 2.0);
            self.openings = self.openings.saturating_add(1);
            self.until = Some(now + stretched);
        }
    }

    /// A call ended without telling how the API is.
    pub fn abandoned(&mut self) {
        self.trial = None;
    }

    /// Whether calls go through.
    pub fn state(&self, now: Duration) -> State {
        match self.until {
            None => State::Closed,
            Some(until) if now < until => State::Open(until.saturating_sub(now)),
            Some(_) => State::HalfOpen,
        }
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests;
