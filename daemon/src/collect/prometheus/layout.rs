//! What a reading is made of, for as long as a target's set of series stays the same.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ccm_proto::model::source::prometheus::{PrometheusConfig, QuantileConfig};
use ccm_proto::model::{Labels, Name, SeriesKey, Value};
use compact_str::CompactString;

use super::exposition::{parse_series, unescape};
use super::histogram::{quantile, quantile_name, rise};
use super::labels::{is_bare, item, merged};
use super::rules::{Use, bucket_name};
use super::table::{Entry, Table};

/// The most items of one list of a reading; all series are kept none the less.
const ROWS_MAX: usize = 1_000;

/// What the item of a list calls its number.
pub(super) const VALUE: &str = "value";

/// The labels of an item.
type Row = BTreeMap<CompactString, Value>;

/// Which entries become what.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Keys of what is kept: of `kept`, of rates, of quantiles.
    pub(super) keys: Arc<[SeriesKey]>,
    /// How many series were there already under other spelling.
    pub(super) aliases: u32,
    kept: Vec<Entry>,
    numbers: Vec<(CompactString, Entry)>,
    rows: Vec<Named>,
    rates: Vec<Named>,
    histograms: Vec<Histogram>,
}

/// Series of one metric that the reading tells by name.
#[derive(Debug)]
struct Named {
    name: CompactString,
    items: Vec<Item<Entry>>,
}

/// One item of a list, or all of it.
#[derive(Debug)]
struct Item<T> {
    /// The labels as an item begins with them; none for a number that stands alone.
    labels: Option<Row>,
    of: T,
}

#[derive(Debug)]
struct Histogram {
    quantiles: Vec<(CompactString, f64)>,
    groups: Vec<Item<Buckets>>,
}

/// Upper bounds in ascending order, each with the entries that count up to it.
type Buckets = Vec<(f64, Vec<Entry>)>;

/// The numbers of two scrapes, by entry.
pub(super) struct Numbers<'a> {
    /// This scrape's.
    pub(super) now: &'a [f64],
    /// The one's before, and the seconds since then.
    pub(super) before: Option<(&'a [f64], f64)>,
}

/// A series that is kept or read.
struct Candidate {
    entry: Entry,
    metric: Arc<str>,
    labels: Labels,
    kept: bool,
}

impl Layout {
    /// What becomes of the entries of a table.
    pub(super) fn new(
        source: &Name,
        config: &PrometheusConfig,
        table: &Table,
        uses: &[Use],
    ) -> Self {
        let (candidates, aliases) = unique(candidates(config, table, uses));
        let mut layout = Self { aliases, ..Self::default() };
        let mut keys = Vec::new();
        let mut key = |metric: &Arc<str>, labels: &Labels| {
            let (metric, labels) = (Arc::clone(metric), labels.clone());
            keys.push(SeriesKey { source: source.clone(), metric, labels });
        };
        let in_rows = |metric: &str| config.rows.iter().any(|named| named == metric);
        let mut by_metric: BTreeMap<&str, Vec<&Candidate>> = BTreeMap::new();
        for candidate in &candidates {
            by_metric.entry(&candidate.metric).or_default().push(candidate);
            if candidate.kept {
                key(&candidate.metric, &candidate.labels);
                layout.kept.push(candidate.entry);
                if is_bare(&candidate.labels, &config.labels) && !in_rows(&candidate.metric) {
                    layout.numbers.push(((&*candidate.metric).into(), candidate.entry));
                }
            }
        }
        let of = |metric: &str| by_metric.get(metric).map(Vec::as_slice).unwrap_or_default();
        for metric in &config.rows {
            layout.rows.extend(named(metric.as_str().into(), of(metric), config));
        }
        for metric in &config.rates {
            let name: Arc<str> = rate_name(metric).into();
            for candidate in of(metric) {
                key(&name, &candidate.labels);
            }
            layout.rates.extend(named((&*name).into(), of(metric), config));
        }
        for quantiles in &config.quantiles {
            let names: Vec<Arc<str>> = quantile_names(quantiles).map(Into::into).collect();
            let groups = groups(of(&bucket_name(&quantiles.metric)), quantiles.by.as_ref(), config);
            for name in &names {
                for (labels, _) in &groups {
                    key(name, labels);
                }
            }
            let quantiles =
                names.iter().zip(&quantiles.q).map(|(name, q)| ((&**name).into(), *q)).collect();
            let item = |(labels, of)| Item { labels: item_of(&labels, config), of };
            let groups = groups.into_iter().map(item).collect();
            layout.histograms.push(Histogram { quantiles, groups });
        }
        layout.keys = keys.into();
        layout
    }

    /// The tree and the numbers of what is kept, in the order of the keys.
    pub(super) fn read(&self, numbers: &Numbers<'_>) -> (BTreeMap<CompactString, Value>, Vec<f64>) {
        let mut values = Vec::with_capacity(self.keys.len());
        values.extend(self.kept.iter().map(|entry| at(numbers.now, *entry)));
        let plain = |(name, entry): &(CompactString, Entry)| {
            (name.clone(), Value::from(at(numbers.now, *entry)))
        };
        let mut tree: BTreeMap<CompactString, Value> = self.numbers.iter().map(plain).collect();
        for rows in &self.rows {
            let found = rows.items.iter().map(|item| (&item.labels, at(numbers.now, item.of)));
            tree.insert(rows.name.clone(), listed(found));
        }
        for rates in &self.rates {
            let start = values.len();
            values.extend(rates.items.iter().map(|item| numbers.rate(item.of)));
            let found = values.get(start..).unwrap_or_default().iter().copied();
            let found = rates.items.iter().map(|item| &item.labels).zip(found);
            tree.insert(rates.name.clone(), listed(found));
        }
        for histogram in &self.histograms {
            let rises: Vec<Vec<(f64, f64)>> =
                histogram.groups.iter().map(|group| numbers.rises(&group.of)).collect();
            for (name, q) in &histogram.quantiles {
                let start = values.len();
                values.extend(rises.iter().map(|buckets| quantile(*q, buckets)));
                let found = values.get(start..).unwrap_or_default().iter().copied();
                let found = histogram.groups.iter().map(|group| &group.labels).zip(found);
                tree.insert(name.clone(), listed(found));
            }
        }
        (tree, values)
    }
}

impl Numbers<'_> {
    fn rise(&self, entry: Entry) -> Option<(f64, f64)> {
        let (before, seconds) = self.before?;
        Some((rise(at(before, entry), at(self.now, entry)), seconds))
    }

    fn rate(&self, entry: Entry) -> f64 {
        self.rise(entry).map_or(f64::NAN, |(rise, seconds)| rise / seconds)
    }

    /// What each bucket counted since the scrape before, series added up.
    fn rises(&self, buckets: &Buckets) -> Vec<(f64, f64)> {
        let of = |entries: &Vec<Entry>| {
            let rises = entries.iter().filter_map(|entry| Some(self.rise(*entry)?.0));
            rises.filter(|rise| !rise.is_nan()).reduce(|a, b| a + b).unwrap_or(f64::NAN)
        };
        buckets.iter().map(|(bound, entries)| (*bound, of(entries))).collect()
    }
}

fn at(numbers: &[f64], entry: Entry) -> f64 {
    numbers.get(entry as usize).copied().unwrap_or(f64::NAN)
}

/// A number that stands alone, or a list of items with labels.
fn listed<'a>(mut found: impl Iterator<Item = (&'a Option<Row>, f64)>) -> Value {
    let mut list = Vec::new();
    while let Some((labels, number)) = found.next() {
        match labels {
            None if list.is_empty() && found.next().is_none() => return number.into(),
            Some(labels) if list.len() < ROWS_MAX => {
                let mut item = labels.clone();
                item.insert(VALUE.into(), number.into());
                list.push(Value::Map(item));
            }
            _ => {}
        }
    }
    Value::List(list)
}

fn rate_name(metric: &str) -> String {
    format!("{metric}:rate")
}

fn quantile_names(quantiles: &QuantileConfig) -> impl Iterator<Item = String> {
    quantiles.q.iter().map(|q| format!("{}:{}", quantiles.metric, quantile_name(*q)))
}

fn candidates(config: &PrometheusConfig, table: &Table, uses: &[Use]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let rates = config.rates.iter().map(|metric| rate_name(metric));
    let quantiles = config.quantiles.iter().flat_map(quantile_names);
    let ours: HashSet<String> = rates.chain(quantiles).collect();
    for (entry, usage) in (0..).zip(uses).filter(|(_, usage)| **usage != Use::Ignored) {
        // Every series of the table was parsed before.
        let Ok((metric, labels)) = parse_series(table.series(entry)) else { continue };
        // What a source tells itself goes before what its target calls likewise.
        if ours.contains(metric) {
            continue;
        }
        let last = candidates.last().filter(|last| &*last.metric == metric);
        let metric = last.map_or_else(|| metric.into(), |last| Arc::clone(&last.metric));
        let own = labels.iter().map(|(name, value)| (name, unescape(value)));
        let labels = merged(own, &config.labels);
        candidates.push(Candidate { entry, metric, labels, kept: *usage == Use::Kept });
    }
    candidates
}

/// The candidates without those that another one before them is, and how many these were.
fn unique(mut candidates: Vec<Candidate>) -> (Vec<Candidate>, u32) {
    let mut known = HashSet::with_capacity(candidates.len());
    let first: Vec<bool> =
        candidates.iter().map(|c| known.insert((&c.metric, &c.labels))).collect();
    let count = candidates.len();
    let mut first = first.into_iter();
    candidates.retain(|_| first.next().unwrap_or_default());
    let aliases = count - candidates.len();
    (candidates, aliases as u32)
}

fn item_of(labels: &Labels, config: &PrometheusConfig) -> Option<Row> {
    (!is_bare(labels, &config.labels)).then(|| item(labels))
}

/// The list of a metric's series; none when the target has none, so that nothing is shown.
fn named(name: CompactString, of: &[&Candidate], config: &PrometheusConfig) -> Option<Named> {
    let item = |c: &&Candidate| Item { labels: item_of(&c.labels, config), of: c.entry };
    (!of.is_empty()).then(|| Named { name, items: of.iter().map(item).collect() })
}

/// The buckets of a histogram, told apart by the labels that `by` names.
fn groups(
    of: &[&Candidate],
    by: Option<&Vec<String>>,
    config: &PrometheusConfig,
) -> Vec<(Labels, Buckets)> {
    let mut groups: BTreeMap<Labels, Vec<(f64, Entry)>> = BTreeMap::new();
    for candidate in of {
        let bound = candidate.labels.get("le").and_then(|le| le.parse::<f64>().ok());
        let Some(bound) = bound.filter(|bound| !bound.is_nan()) else { continue };
        let told = |name: &str| {
            let asked = by.is_none_or(|by| by.iter().any(|label| label == name));
            name != "le" && (asked || config.labels.contains_key(name))
        };
        let labels = Labels::new(candidate.labels.iter().filter(|(name, _)| told(name)));
        groups.entry(labels).or_default().push((bound, candidate.entry));
    }
    let buckets = |mut found: Vec<(f64, Entry)>| {
        found.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut buckets = Buckets::new();
        for (bound, entry) in found {
            match buckets.last_mut() {
                Some((last, entries)) if last.total_cmp(&bound).is_eq() => entries.push(entry),
                _ => buckets.push((bound, vec![entry])),
            }
        }
        buckets
    };
    groups.into_iter().map(|(labels, found)| (labels, buckets(found))).collect()
}
