//! How many calls a day sources cost, before anyone pays for them. Pure.

use ccm_proto::model::source::{ProbeConfig, SourceType};
use ccm_proto::model::{Interval, Name};
use std::collections::BTreeMap;

use super::external_api::plan::Plan;
use crate::engine::event::{Assignment, Configuration};

/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// How often an API is called by all sources together.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiBudget {
    /// The connector, or the host with its port where that is not the usual one.
    pub api: String,
    /// Calls a day as things are.
    pub before: f64,
    /// Calls a day after the change.
    pub after: f64,
    /// What may be called in a day, and who says so.
    pub max: Option<(f64, String)>,
    /// What each source costs after the change.
    pub sources: Vec<SourceBudget>,
}

/// How often one source calls.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceBudget {
    /// The source.
    pub name: Name,
    /// Calls a day.
    pub calls: f64,
    /// How that is counted.
    pub why: String,
    /// It is new, or costs something else than before.
    pub changes: bool,
}

impl ApiBudget {
    /// Whether more is called than may be.
    pub fn exceeds(&self) -> bool {
        self.max.as_ref().is_some_and(|(max, _)| self.after > *max)
    }
}

/// What one source costs.
struct Cost {
    api: String,
    calls: f64,
    why: String,
    max: Option<(f64, String)>,
}

/// The budgets of what a change concerns; of everything when it changes nothing.
pub fn compare(before: &Configuration, after: &Configuration) -> Vec<ApiBudget> {
    let (old, new) = (costs(before), costs(after));
    let mut apis: BTreeMap<String, ApiBudget> = BTreeMap::new();
    let budget =
        |apis: &mut BTreeMap<String, ApiBudget>, api: &str, add: &dyn Fn(&mut ApiBudget)| {
            let entry = apis.entry(api.to_owned()).or_insert_with(|| ApiBudget {
                api: api.to_owned(),
                before: 0.0,
                after: 0.0,
                max: None,
                sources: Vec::new(),
            });
            add(entry);
        };
    for cost in old.values() {
        budget(&mut apis, &cost.api, &|entry| entry.before += cost.calls);
    }
    for (name, cost) in &new {
        let was = old.get(name).filter(|was| was.api == cost.api);
        let changes = was.is_none_or(|was| was.why != cost.why);
        budget(&mut apis, &cost.api, &|entry| {
            entry.after += cost.calls;
            entry.max = entry.max.clone().or_else(|| cost.max.clone());
            entry.sources.push(SourceBudget {
                name: name.clone(),
                calls: cost.calls,
                why: cost.why.clone(),
                changes,
            });
        });
    }
    let gone = |name: &&Name| !new.contains_key(*name);
    let touched: Vec<String> = old
        .keys()
        .filter(gone)
        .filter_map(|name| old.get(name))
        .map(|cost| cost.api.clone())
        .collect();
    let concerns = |budget: &ApiBudget| {
        budget.sources.iter().any(|source| source.changes) || touched.contains(&budget.api)
    };
    let all: Vec<ApiBudget> = apis.into_values().collect();
    if all.iter().any(concerns) {
        all.into_iter().filter(|budget| concerns(budget)).collect()
    } else {
        all
    }
}

fn costs(configuration: &Configuration) -> BTreeMap<Name, Cost> {
    let assignments = configuration.assignments();
    assignments.iter().filter_map(|(name, it)| Some((name.clone(), cost(it)?))).collect()
}

fn cost(assignment: &Assignment) -> Option<Cost> {
    let spec = &assignment.spec;
    let often = |interval: Interval| DAY_MS / interval.as_millis().max(1) as f64;
    let plain = |api: String, times: f64, what: &str| Cost {
        api,
        calls: often(spec.effective_interval()) * times,
        why: format!("every {}{what}", spec.effective_interval()),
        max: None,
    };
    match spec.source_type {
        SourceType::ExternalApi => external(assignment),
        SourceType::Prometheus => {
            let config = spec.prometheus.as_ref()?;
            let queries = config.query.as_ref().map_or(1, |q| q.values.len() + q.ranges.len());
            let what = if queries > 1 { format!(", {queries} queries") } else { String::new() };
            Some(plain(host(&config.url), queries as f64, &what))
        }
        SourceType::Probe => match spec.probe.as_deref()? {
            ProbeConfig::Http { url, .. } => Some(plain(host(url), 1.0, "")),
            _ => None,
        },
        _ => None,
    }
}

/// What the sources of a service cost: an answer that is kept longer than the interval spares calls,
/// and each page is a call.
fn external(assignment: &Assignment) -> Option<Cost> {
    let spec = &assignment.spec;
    let plan = Plan::new(spec, assignment.connector.as_deref()).ok()?;
    let kept = plan.cache.filter(|cache| *cache > spec.effective_interval());
    let rounds = kept.map_or(1, |cache| {
        cache.as_millis().div_ceil(spec.effective_interval().as_millis().max(1))
    });
    let interval = spec.effective_interval().times(rounds);
    let pages = plan
        .pagination
        .as_ref()
        .map_or(1, ccm_proto::model::source::external_api::Pagination::max_pages);
    let mut why = format!("every {interval}");
    if let Some(cache) = kept {
        why.push_str(&format!(", as answers are kept for {cache}"));
    }
    if pages > 1 {
        why.push_str(&format!(", up to {pages} pages"));
    }
    let api = plan.api.as_ref().map_or_else(
        || service(&plan.base),
        |connector| format!("{connector} {}", service(&plan.base)),
    );
    let max = plan.limits.map(|limits| match limits.per_day {
        Some(day) => (day as f64, "per_day of its limits".to_owned()),
        None => (limits.per_second * 86_400.0, "per_second of its limits".to_owned()),
    });
    let calls = DAY_MS / interval.as_millis().max(1) as f64 * f64::from(pages);
    Some(Cost { api, calls, why, max })
}

fn host(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| String::new(), |url| service(&url))
}

/// The host, and the port where it is not the usual one: another port is another service.
fn service(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ccm_proto::model::{ConnectorSpec, SourceSpec};

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn source(toml: &str) -> Arc<SourceSpec> {
        Arc::new(toml::from_str(toml).unwrap())
    }

    fn connector() -> Arc<ConnectorSpec> {
        let toml = r#"
            title = "Shop"
            base_url = "https://api.shop.example"
            limits = { per_second = 1, burst = 1, concurrent = 1, per_day = 10000 }
            [endpoints.orders]
            path = "/orders"
            cache = "5m"
            pagination = { type = "page", items = "orders", size = 100, max_pages = 3 }
            [endpoints.balance]
            path = "/balance"
        "#;
        Arc::new(toml::from_str(toml).unwrap())
    }

    fn shop(endpoint: &str, interval: &str) -> Arc<SourceSpec> {
        source(&format!(
            "type = 'external_api'\ninterval = '{interval}'\nexternal_api = {{ connector = 'shop', endpoint = '{endpoint}' }}"
        ))
    }

    fn with(
        configuration: &Configuration,
        sources: impl IntoIterator<Item = (Name, Arc<SourceSpec>)>,
    ) -> Configuration {
        let mut next = configuration.clone();
        next.sources.extend(sources);
        next
    }

    fn before() -> Configuration {
        Configuration {
            sources: [(name("balance"), shop("balance", "1m"))].into(),
            connectors: [(name("shop"), connector())].into(),
            ..Configuration::default()
        }
    }

    #[test]
    fn another_port_is_another_service() {
        for (url, wanted) in [
            ("https://api.example.com/v1", "api.example.com"),
            ("https://api.example.com:443/v1", "api.example.com"),
            ("http://127.0.0.1:9090/metrics", "127.0.0.1:9090"),
            ("http://[::1]:9100", "[::1]:9100"),
            ("no address", ""),
        ] {
            assert_eq!(host(url), wanted);
        }
    }

    #[test]
    fn a_new_source_is_counted_with_its_pages_and_what_is_kept() {
        let (before, added) = (before(), [(name("orders"), shop("orders", "2m"))]);
        let budgets = compare(&before, &with(&before, added));
        assert_eq!(budgets.len(), 1);
        let budget = &budgets[0];
        assert_eq!(budget.api, "shop api.shop.example");
        assert_eq!((budget.before, budget.after), (1_440.0, 1_440.0 + 240.0 * 3.0));
        assert_eq!(budget.max, Some((10_000.0, "per_day of its limits".to_owned())));
        assert!(!budget.exceeds());
        let orders = &budget.sources[1];
        assert_eq!(orders.why, "every 6m, as answers are kept for 5m, up to 3 pages");
        assert!(orders.changes && !budget.sources[0].changes);
    }

    #[test]
    fn too_much_is_said_to_be_too_much() {
        let (before, added) = (before(), [(name("balance"), shop("balance", "5s"))]);
        let budgets = compare(&before, &with(&before, added));
        assert!(budgets[0].exceeds(), "{budgets:?}");
    }

    #[test]
    fn without_a_change_everything_is_told_and_what_calls_nobody_is_not() {
        let mut before = before();
        before.sources.insert(name("host"), source("type = 'system'"));
        before.sources.insert(
            name("node"),
            source("type = 'prometheus'\ninterval = '10s'\nprometheus = { url = 'http://127.0.0.1:9100' }"),
        );
        let budgets = compare(&before, &before);
        let apis: Vec<&str> = budgets.iter().map(|budget| budget.api.as_str()).collect();
        assert_eq!(apis, ["127.0.0.1:9100", "shop api.shop.example"]);
    }
}
