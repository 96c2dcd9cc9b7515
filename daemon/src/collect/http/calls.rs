//! The record of calls: for whom, what, with which outcome. Pure.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Name, Timestamp};
use hyper::Method;

/// How many calls are remembered one by one.
pub const RECORDS_MAX: usize = 1_024;

/// How many credentials, and how many APIs, are counted.
pub const COUNTED_MAX: usize = 1_024;

/// Minutes that a rate is compared with.
pub const MINUTES_MAX: usize = 60;

/// Minutes that it takes to know what is usual.
pub const MINUTES_MIN: usize = 10;

/// How far from what is usual a rate is unusual, in robust standard deviations.
pub const UNUSUAL: f64 = 6.0;

/// Fewer calls in a minute are never unusual.
pub const CALLS_MIN: u32 = 30;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hit {
    /// From the API.
    Miss,
    /// Kept from before and still new.
    Fresh,
    /// Kept from before, and the API said that it has not changed.
    Confirmed,
    /// From the API, asked by another at the same time.
    Shared,
    /// There is none, and nothing was sent.
    Unsent,
}

impl Hit {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Fresh => "fresh",
            Self::Confirmed => "confirmed",
            Self::Shared => "shared",
            Self::Unsent => "unsent",
        }
    }
}

/// One call. It holds no secret, and of the URL's query the names only.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// When it ended.
    pub at: Timestamp,
    /// The source that it was for.
    pub source: Name,
    /// For whom.
    pub owner: Arc<str>,
    /// The API.
    pub api: Arc<str>,
    /// The credential.
    pub credential: Option<Arc<str>>,
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Arc<str>,
    /// The status, when there was an answer.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
    /// Bytes of the answer's body as they came.
    pub bytes: u64,
    /// Where the answer came from.
    pub hit: Hit,
    /// Why there is none.
    pub error: Option<SafeText>,
}

impl CallRecord {
    /// Whether it went out and failed.
    pub fn is_failure(&self) -> bool {
        self.error.is_some() || self.status.is_some_and(|status| status >= 400)
    }
}

/// What is unusual about a credential or an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unusual {
    /// It is called far more often than in the minutes before.
    Calls,
    /// It fails far more often than in the minutes before.
    Failures,
}

impl Unusual {
    /// What it is, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "far more calls than usual",
            Self::Failures => "far more failures than usual",
        }
    }
}

/// How often something is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Calls that went out.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Answers that were there already.
    pub hits: u64,
    /// Calls that did not go out, because of a limit or a refusal.
    pub unsent: u64,
    /// Bytes of bodies that came.
    pub bytes: u64,
    /// The newest call.
    pub last: Option<Timestamp>,
    /// What is unusual now.
    pub unusual: Option<Unusual>,
}

/// The use of one credential.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialUse {
    /// The credential.
    pub name: Arc<str>,
    /// Its use.
    pub usage: Usage,
}

/// Counts by the minute.
#[derive(Clone, Debug, Default)]
pub struct Minutes {
    past: VecDeque<u32>,
    minute: i64,
    now: u32,
}

impl Minutes {
    /// Moves on to the minute of `at`. A clock that was set back stays where it was.
    fn advance(&mut self, at: Timestamp) {
        let minute = at.floor(Interval::from_secs(60)).as_millis() / 60_000;
        if self.minute == 0 {
            self.minute = minute;
        }
        let passed = minute.saturating_sub(self.minute).clamp(0, MINUTES_MAX as i64 + 1);
        for _ in 0..passed {
            self.past.push_back(std::mem::take(&mut self.now));
            if self.past.len() > MINUTES_MAX {
                self.past.pop_front();
            }
        }
        self.minute = self.minute.max(minute);
    }

    /// Counts one.
    pub fn note(&mut self, at: Timestamp) {
        self.advance(at);
        self.now = self.now.saturating_add(1);
    }

    /// Whether this minute, though it is not over, has far more than those before.
    pub fn is_unusual(&mut self, at: Timestamp) -> bool {
        self.advance(at);
        self.past.len() >= MINUTES_MIN
            && self.now >= CALLS_MIN
            && robust_z(self.past.make_contiguous(), self.now) > UNUSUAL
    }
}

/// How far a number is from the median of others, in units that are standard deviations where
/// they are spread normally. The unit is never smaller than the square root of the median, which
/// is how much counts differ by chance.
pub fn robust_z(others: &[u32], number: u32) -> f64 {
    /// The standard deviation of a normal distribution over its median absolute deviation.
    const SCALE: f64 = 1.4826;
    let middle = median(others.iter().copied().map(f64::from).collect());
    let deviation = median(others.iter().map(|other| (f64::from(*other) - middle).abs()).collect());
    let unit = (deviation * SCALE).max(middle.sqrt()).max(1.0);
    (f64::from(number) - middle) / unit
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let half = numbers.len() / 2;
    let at = |index: usize| numbers.get(index).copied().unwrap_or(0.0);
    if numbers.len() % 2 == 1 {
        at(half)
    } else {
        f64::midpoint(at(half.wrapping_sub(1)), at(half))
    }
}

#[derive(Debug, Default)]
struct Counted {
    usage: Usage,
    calls: Minutes,
    failures: Minutes,
}

impl Counted {
    fn note(&mut self, record: &CallRecord) {
        self.usage.last = Some(record.at);
        match record.hit {
            Hit::Fresh | Hit::Shared => self.usage.hits += 1,
            Hit::Unsent => self.usage.unsent += 1,
            Hit::Miss | Hit::Confirmed => self.note_sent(record),
        }
    }

    fn note_sent(&mut self, record: &CallRecord) {
        self.usage.calls += 1;
        self.usage.bytes += record.bytes;
        self.calls.note(record.at);
        if record.is_failure() {
            self.usage.failures += 1;
            self.failures.note(record.at);
        }
    }

    fn usage(&mut self, now: Timestamp) -> Usage {
        let unusual = if self.failures.is_unusual(now) {
            Some(Unusual::Failures)
        } else if self.calls.is_unusual(now) {
            Some(Unusual::Calls)
        } else {
            None
        };
        Usage { unusual, ..self.usage.clone() }
    }
}

/// Counts a call for a name; names beyond [`COUNTED_MAX`] are not counted.
fn count<K: Hash + Eq>(counts: &mut HashMap<K, Counted>, name: K, record: &CallRecord) {
    if let Some(counted) = counts.get_mut(&name) {
        counted.note(record);
    } else if counts.len() < COUNTED_MAX {
        counts.entry(name).or_default().note(record);
    }
}

/// An API with one credential, or none.
type ApiName = (Arc<str>, Option<Arc<str>>);

/// The newest calls, and counts of all.
#[derive(Debug, Default)]
pub struct Calls {
    records: VecDeque<CallRecord>,
    credentials: HashMap<Arc<str>, Counted>,
    apis: HashMap<ApiName, Counted>,
}

impl Calls {
    /// Writes a call down.
    pub fn note(&mut self, record: CallRecord) {
        if let Some(name) = &record.credential {
            count(&mut self.credentials, Arc::clone(name), &record);
        }
        let api = (Arc::clone(&record.api), record.credential.clone());
        count(&mut self.apis, api, &record);
        if self.records.len() >= RECORDS_MAX {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    /// The newest calls, oldest first.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &CallRecord> {
        self.records.iter()
    }

    /// The use of credentials, by name.
    pub fn credentials(&mut self, now: Timestamp) -> Vec<CredentialUse> {
        let entries = self.credentials.iter_mut();
        let mut uses: Vec<_> = entries
            .map(|(name, counted)| CredentialUse {
                name: Arc::clone(name),
                usage: counted.usage(now),
            })
            .collect();
        uses.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        uses
    }

    /// The use of an API with a credential, or without one.
    pub fn api(&mut self, api: &Arc<str>, credential: Option<&Arc<str>>, now: Timestamp) -> Usage {
        let name = (Arc::clone(api), credential.cloned());
        self.apis.get_mut(&name).map(|counted| counted.usage(now)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
