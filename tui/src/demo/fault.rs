//! What goes wrong now and then, always at the same moments.

use ccm_proto::model::{Interval, Timestamp};

use super::noise::Noise;

/// At most one fault falls into this time.
const WINDOW: Interval = Interval::from_secs(120);

/// How often a window has a fault.
const LIKELY: f64 = 0.07;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Data takes this long.
    Slow(Interval),
    /// Data is answered with 500.
    Failing,
    /// Health is degraded, data is as ever.
    Degraded,
    /// The part is restarted: nothing listens.
    Away,
}

impl Fault {
    /// One sentence about it.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Slow(_) => "the database answers slowly",
            Self::Failing => "the database refuses connections",
            Self::Degraded => "a replica is behind by more than a minute",
            Self::Away => "restarting",
        }
    }
}

/// What is wrong with a part at a moment.
pub fn at(seed: u64, part: &str, now: Timestamp) -> Option<Fault> {
    let start = now.floor(WINDOW);
    let noise = Noise::new(seed).of("fault").of(part).at(start.as_millis());
    if !noise.of("happens").chance(LIKELY) {
        return None;
    }
    let begin = noise.of("begin").between(0.0, 60.0);
    let length = noise.of("length").between(14.0, 50.0);
    let passed = now.since(start).as_secs_f64();
    if passed < begin || passed >= begin + length {
        return None;
    }
    Some(match noise.of("kind").below(4) {
        0 => Fault::Slow(Interval::from_millis(noise.of("slow").between(900.0, 4_000.0) as u64)),
        1 => Fault::Failing,
        2 => Fault::Degraded,
        _ => Fault::Away,
    })
}
