//! What the daemon does with its sources, as lists of a reading. Pure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Quality, Timestamp, Value};

use crate::collect::SourceStatus;
use crate::collect::http::{ApiState, CredentialUse, Quota, Unusual, Usage};

/// The most rows of a list: more than anybody reads, and a megabyte of a reading at most. Of
/// sources those in trouble come first.
const ROWS_MAX: usize = 1_000;

/// What is counted of each API with each credential.
pub(super) type Counts = HashMap<(Arc<str>, Option<Arc<str>>), (u64, u64)>;

/// The counts that rates are told from.
pub(super) fn counts(apis: &[ApiState]) -> Counts {
    let count = |api: &ApiState| {
        let name = (Arc::clone(&api.api), api.credential.clone());
        (name, (api.usage.calls, api.usage.failures))
    };
    apis.iter().map(count).collect()
}

/// How many sources give no reading.
pub(super) fn failing(sources: &[SourceStatus]) -> u64 {
    sources.iter().filter(|source| source.quality == Quality::Error).count() as u64
}

/// A row for every source, by how bad its state is and by name.
pub(super) fn sources(sources: &[SourceStatus], now: Timestamp) -> Value {
    let mut sorted: Vec<&SourceStatus> = sources.iter().collect();
    sorted.sort_by(|a, b| b.quality.cmp(&a.quality).then_with(|| a.name.cmp(&b.name)));
    sorted.truncate(ROWS_MAX);
    sorted.into_iter().map(|source| source_row(source, now)).collect::<Vec<_>>().into()
}

fn source_row(source: &SourceStatus, now: Timestamp) -> Value {
    // Others are not asked.
    let asked = source.last_attempt.filter(|_| source.source_type.is_collected());
    let took = asked.map(|_| source.last_duration_ms);
    let age = source.last_success.map(|at| now.since(at).as_millis() / 1_000);
    Value::map([
        ("name", Value::from(source.name.as_str())),
        ("type", source.source_type.as_str().into()),
        ("state", source.quality.as_str().into()),
        ("cause", text(source.cause.as_ref())),
        ("last_success", moment(source.last_success)),
        ("age_seconds", age.into()),
        ("interval_seconds", (source.interval.as_millis() as f64 / 1_000.0).into()),
        ("last_duration_ms", took.into()),
        ("readings", source.readings.into()),
        ("failures", source.failures.into()),
        ("failures_in_row", u64::from(source.failures_in_row).into()),
        ("series", source.series.into()),
    ])
}

/// A row for every API with each credential. Rates are over the time since `before`.
pub(super) fn apis(
    apis: &[ApiState],
    before: Option<(&Counts, Duration)>,
    now: Timestamp,
) -> Value {
    let rows = apis.iter().take(ROWS_MAX).map(|api| api_row(api, before, now));
    rows.collect::<Vec<_>>().into()
}

fn api_row(api: &ApiState, before: Option<(&Counts, Duration)>, now: Timestamp) -> Value {
    let credential = api.credential.as_deref();
    let former = before.filter(|(_, since)| !since.is_zero()).map(|(counts, since)| {
        let own = counts.get(&(Arc::clone(&api.api), api.credential.clone()));
        // What is new since was not called before.
        (own.copied().unwrap_or_default(), since.as_secs_f64())
    });
    let rate = |count: u64, of: fn((u64, u64)) -> u64| {
        former.map(|(former, seconds)| {
            let per_second = count.saturating_sub(of(former)) as f64 / seconds;
            (per_second * 1_000.0).round() / 1_000.0
        })
    };
    let mut entries = vec![
        ("name", name_of(api)),
        ("api", SafeText::new(&api.api).as_str().into()),
        ("credential", text(credential.map(SafeText::new).as_ref())),
        ("breaker", api.breaker.to_string().into()),
        ("calls_per_second", rate(api.usage.calls, |(calls, _)| calls).into()),
        ("failures_per_second", rate(api.usage.failures, |(_, failures)| failures).into()),
        ("in_flight", u64::from(api.in_flight).into()),
        ("waiting", (api.waiting as u64).into()),
        ("held_seconds", api.held.map(|held| held.as_millis() / 1_000).into()),
    ];
    entries.extend(usage(&api.usage));
    // An API that never said anything about a quota has no series of it.
    if let Some(quota) = api.quota {
        entries.extend([
            ("quota_limit", quota.limit.into()),
            ("quota_remaining", quota.remaining.into()),
            ("quota_used", used(quota).into()),
            ("reset", moment(quota.reset)),
            ("reset_seconds", quota.reset.map(|at| at.since(now).as_millis() / 1_000).into()),
        ]);
    }
    Value::map(entries)
}

/// A row for every API that tells how much of its quota is used.
pub(super) fn quotas(apis: &[ApiState]) -> Value {
    let row = |api: &ApiState| {
        let quota = api.quota?;
        Some(Value::map([
            ("name", name_of(api)),
            ("used", used(quota)?.into()),
            ("remaining", quota.remaining.into()),
            ("limit", quota.limit.into()),
        ]))
    };
    apis.iter().filter_map(row).take(ROWS_MAX).collect::<Vec<_>>().into()
}

/// The share of a quota that is used, in percent.
fn used(quota: Quota) -> Option<f64> {
    let (limit, remaining) = quota.limit.zip(quota.remaining)?;
    let used = limit.saturating_sub(remaining) as f64 / limit as f64;
    (limit > 0).then_some((used * 1_000.0).round() / 10.0)
}

/// What tells rows apart: the API as people call it, and its credential.
fn name_of(api: &ApiState) -> Value {
    let plain = api.api.strip_prefix("https://").or_else(|| api.api.strip_prefix("http://"));
    let plain = plain.unwrap_or(&api.api);
    let name = match &api.credential {
        Some(credential) => format!("{plain} with {credential}"),
        None => plain.to_owned(),
    };
    SafeText::new(&name).as_str().into()
}

/// A row for every credential that was used.
pub(super) fn credentials(uses: &[CredentialUse]) -> Value {
    let row = |credential: &CredentialUse| {
        let name = ("name", Value::from(SafeText::new(&credential.name).as_str()));
        Value::map(std::iter::once(name).chain(usage(&credential.usage)))
    };
    uses.iter().take(ROWS_MAX).map(row).collect::<Vec<_>>().into()
}

fn usage(usage: &Usage) -> [(&'static str, Value); 7] {
    [
        ("calls", usage.calls.into()),
        ("failures", usage.failures.into()),
        ("hits", usage.hits.into()),
        ("unsent", usage.unsent.into()),
        ("bytes", usage.bytes.into()),
        ("last", moment(usage.last)),
        ("unusual", usage.unusual.map(Unusual::as_str).into()),
    ]
}

fn text(text: Option<&SafeText>) -> Value {
    text.map(SafeText::as_str).into()
}

/// A moment as readings have it, in seconds of Unix time.
fn moment(at: Option<Timestamp>) -> Value {
    at.map(|at| at.as_millis() as f64 / 1_000.0).into()
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::source::SourceType;
    use ccm_proto::model::{Interval, Name};

    use super::*;
    use crate::collect::http::breaker;

    const NOW: Timestamp = Timestamp::from_millis(100_000);

    fn source(name: &str, quality: Quality) -> SourceStatus {
        let name = Name::new(name).unwrap();
        let status = SourceStatus::new(name, SourceType::ExternalApi, Interval::from_secs(30));
        SourceStatus { quality, ..status }
    }

    fn api(name: &str, credential: Option<&str>, calls: u64, quota: Option<Quota>) -> ApiState {
        ApiState {
            api: name.into(),
            credential: credential.map(Into::into),
            tokens: None,
            in_flight: 0,
            waiting: 0,
            breaker: breaker::State::Closed,
            failures: 0,
            held: None,
            refusals: 0,
            quota,
            usage: Usage { calls, failures: calls / 2, ..Usage::default() },
        }
    }

    fn rows(value: &Value) -> &[Value] {
        value.as_list().unwrap()
    }

    #[test]
    fn sources_in_trouble_come_first_and_the_list_is_bounded() {
        let mut all: Vec<SourceStatus> =
            (0..2 * ROWS_MAX).map(|n| source(&format!("s{n}"), Quality::Live)).collect();
        let mut broken = source("z", Quality::Error);
        broken.cause = Some("it is down; start it".into());
        broken.last_success = Some(NOW - Interval::from_secs(75));
        all.push(broken);
        assert_eq!(failing(&all), 1);
        let table = sources(&all, NOW);
        let rows = rows(&table);
        assert_eq!(rows.len(), ROWS_MAX);
        assert_eq!(rows[0].at("name"), Some(&"z".into()));
        assert_eq!(rows[0].at("state"), Some(&"error".into()));
        assert_eq!(rows[0].at("cause"), Some(&"it is down; start it".into()));
        assert_eq!(rows[0].at("age_seconds").unwrap().as_number(), Some(75.0));
        assert!(rows[1].at("age_seconds").unwrap().is_absent());
        assert!(rows[1].at("last_duration_ms").unwrap().is_absent(), "it was not tried yet");
    }

    #[test]
    fn quotas_are_shares_where_they_are_known() {
        let quota = |limit, remaining| {
            Some(Quota { limit, remaining, reset: Some(NOW + Interval::from_secs(90)) })
        };
        for (quota, used) in [
            (quota(Some(5_000), Some(1_250)), Some(75.0)),
            (quota(Some(100), Some(200)), Some(0.0)),
            (quota(Some(0), Some(0)), None),
            (quota(None, Some(7)), None),
        ] {
            let table = apis(&[api("a", None, 0, quota)], None, NOW);
            let row = &rows(&table)[0];
            assert_eq!(row.at("quota_used").unwrap().as_number(), used, "{quota:?}");
            assert_eq!(row.at("reset_seconds").unwrap().as_number(), Some(90.0));
            let meters = quotas(&[api("https://a", None, 0, quota), api("b", None, 0, None)]);
            let meter = rows(&meters).first().map(|row| row.at("used").unwrap().clone());
            assert_eq!(meter.as_ref().and_then(Value::as_number), used);
            assert!(rows(&meters).len() <= 1, "no meter of what is not told");
        }
        let table = apis(&[api("a", None, 0, None)], None, NOW);
        assert_eq!(rows(&table)[0].at("quota_used"), None, "no series of what is not told");
    }

    #[test]
    fn rates_are_told_apart_by_credential_and_what_is_new_counts_from_nothing() {
        let before = counts(&[api("a", None, 10, None), api("a", Some("k"), 100, None)]);
        let now =
            [api("a", None, 14, None), api("a", Some("k"), 100, None), api("b", None, 6, None)];
        let table = apis(&now, Some((&before, Duration::from_secs(2))), NOW);
        let rate = |row: &Value| row.at("calls_per_second").and_then(Value::as_number);
        let rates: Vec<_> = rows(&table).iter().map(rate).collect();
        assert_eq!(rates, [Some(2.0), Some(0.0), Some(3.0)]);
        assert_eq!(rows(&table)[1].at("name"), Some(&"a with k".into()));
        let table = apis(&now, None, NOW);
        assert_eq!(rate(&rows(&table)[0]), None, "nothing is known of before");
    }

    #[test]
    fn what_is_unusual_about_a_credential_is_in_words() {
        let usage = Usage { calls: 600, unusual: Some(Unusual::Calls), ..Usage::default() };
        let table = credentials(&[CredentialUse { name: "key".into(), usage }]);
        let row = &rows(&table)[0];
        assert_eq!(row.at("unusual"), Some(&"far more calls than usual".into()));
    }
}
