//! A token bucket: how often an API is called. Pure: it is given the time.

use std::time::Duration;

/// Tokens that come back at a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
}

/// The slowest rate: one call in about four months.
const RATE_MIN: f64 = 1e-7;

impl Bucket {
    /// A full bucket. Rates that are no positive number count as the slowest; a burst is at least
    /// one call.
    pub fn new(per_second: f64, burst: u32, now: Duration) -> Self {
        let per_second = if per_second.is_finite() { per_second.max(RATE_MIN) } else { RATE_MIN };
        let burst = f64::from(burst.max(1));
        Self { per_second, burst, tokens: burst, at: now }
    }

    /// Another rate and burst, with the tokens there are.
    pub fn adjust(&mut self, per_second: f64, burst: u32, now: Duration) {
        self.refill(now);
        let tokens = self.tokens;
        *self = Self::new(per_second, burst, now);
        self.tokens = tokens.min(self.burst);
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.at = self.at.max(now);
    }

    /// Takes a token, or says how long until there is one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.refill(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // Rounded up to a whole millisecond, so that whoever waits that long finds the token.
        let seconds = (1.0 - self.tokens) / self.per_second;
        Err(Duration::from_millis((seconds * 1_000.0).ceil() as u64 + 1))
    }

    /// Tokens there are.
    pub fn tokens(&self, now: Duration) -> f64 {
        let mut bucket = self.clone();
        bucket.refill(now);
        bucket.tokens
    }
}

#[cfg(test)]
mod tests;
