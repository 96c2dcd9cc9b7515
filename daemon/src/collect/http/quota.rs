//! Quotas: what an API says in its headers about how many calls are left. Pure.

use ccm_proto::model::source::external_api;
use ccm_proto::model::{Interval, Timestamp};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::retry_after::http_date;

/// The furthest moment at which a quota is believed to be renewed: quotas of a month exist.
pub const RESET_MAX: Interval = Interval::from_secs(32 * 86_400);

/// Which headers tell the quota. The first of each list that is there counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaHeaders {
    /// How many calls there are in all.
    pub limit: Vec<HeaderName>,
    /// How many are left.
    pub remaining: Vec<HeaderName>,
    /// When they are renewed: seconds from now, or seconds or milliseconds of Unix time, a date,
    /// or a span such as `6m0s`.
    pub reset: Vec<HeaderName>,
}

impl Default for QuotaHeaders {
    /// The names in common use.
    fn default() -> Self {
        let names = |names: [&'static str; 4]| names.map(HeaderName::from_static).to_vec();
        Self {
            limit: names([
                "x-ratelimit-limit",
                "ratelimit-limit",
                "x-rate-limit-limit",
                "x-ratelimit-limit-requests",
            ]),
            remaining: names([
                "x-ratelimit-remaining",
                "ratelimit-remaining",
                "x-rate-limit-remaining",
                "x-ratelimit-remaining-requests",
            ]),
            reset: names([
                "x-ratelimit-reset",
                "ratelimit-reset",
                "x-rate-limit-reset",
                "x-ratelimit-reset-requests",
            ]),
        }
    }
}

impl From<&external_api::QuotaHeaders> for QuotaHeaders {
    /// The names that are configured. A name that no header has is never found.
    fn from(names: &external_api::QuotaHeaders) -> Self {
        let header = |name: &Option<String>| {
            name.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect()
        };
        Self {
            limit: header(&names.limit),
            remaining: header(&names.remaining),
            reset: header(&names.reset),
        }
    }
}

/// What an API said about its quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// How many calls there are in all.
    pub limit: Option<u64>,
    /// How many are left.
    pub remaining: Option<u64>,
    /// When they are renewed.
    pub reset: Option<Timestamp>,
}

impl Quota {
    /// What the headers of an answer say; nothing when they say nothing.
    pub fn read(names: &QuotaHeaders, headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let first = |names: &[HeaderName]| names.iter().find_map(|name| headers.get(name));
        let mut quota = Self {
            limit: first(&names.limit).and_then(count),
            remaining: first(&names.remaining).and_then(count),
            reset: first(&names.reset).and_then(|value| reset(value, now)),
        };
        if quota == Self::default()
            && let Some(text) = headers.get("ratelimit").and_then(|value| value.to_str().ok())
        {
            let policy = headers.get("ratelimit-policy").and_then(|value| value.to_str().ok());
            quota = structured(text, policy, now);
        }
        (quota != Self::default()).then_some(quota)
    }

    /// How long no call is left, at most `most`; nothing while there are some or it is not known.
    pub fn exhausted(&self, now: Timestamp, most: Interval) -> Option<Interval> {
        let wait = self.reset?.since(now).min(most);
        (self.remaining == Some(0) && !wait.is_zero()).then_some(wait)
    }
}

/// The number that a value begins with: `100` as well as `100, 100;w=60`.
fn count(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..digits)?.parse().ok()
}

fn reset(value: &HeaderValue, now: Timestamp) -> Option<Timestamp> {
    /// Numbers from here on are moments: as spans they would be decades.
    const MOMENT_MIN: f64 = 1e9;
    const MILLIS_MIN: f64 = 1e12;
    let text = value.to_str().ok()?.trim();
    let moment = if let Ok(number) = text.parse::<f64>() {
        if !number.is_finite() || number < 0.0 {
            return None;
        }
        let millis = if number >= MILLIS_MIN { number } else { number * 1_000.0 };
        if number < MOMENT_MIN {
            now + Interval::from_millis(millis as u64)
        } else {
            Timestamp::from_millis(millis as i64)
        }
    } else if let Ok(span) = text.parse::<Interval>() {
        now + span
    } else {
        http_date(value)?
    };
    (moment <= now + RESET_MAX).then_some(moment)
}

/// `RateLimit` of the IETF's drafts: `"default";r=50;t=30`, with the limit in
/// `RateLimit-Policy: "default";q=100;w=60`; earlier, `limit=100, remaining=50, reset=30`.
fn structured(text: &str, policy: Option<&str>, now: Timestamp) -> Quota {
    let find = |text: &str, names: [&str; 2]| {
        text.split([';', ',']).find_map(|part| {
            let (name, number) = part.split_once('=')?;
            names.contains(&name.trim()).then(|| number.trim().parse::<u64>().ok()).flatten()
        })
    };
    let reset = find(text, ["t", "reset"]).map(Interval::from_secs);
    Quota {
        limit: find(text, ["limit", "q"]).or_else(|| find(policy?, ["q", "limit"])),
        remaining: find(text, ["r", "remaining"]),
        reset: reset.filter(|span| *span <= RESET_MAX).map(|span| now + span),
    }
}

#[cfg(test)]
mod tests;
