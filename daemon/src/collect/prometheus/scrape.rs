//! From a target's answer to a reading.
//!
//! A target says the same series in the same order again and again. So an answer is first compared
//! with the one before: where a line begins with the bytes of the series that stood there last
//! time, only its number is read. The keys are handed out as the same allocation until a series
//! comes, or one has been missing for some time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::model::source::prometheus::PrometheusConfig;
use ccm_proto::model::{Name, Samples, Value};

use super::exposition::{Format, Line, Lines, ParseError, Sample, text_of};
use super::layout::{Layout, Numbers};
use super::rules::{Rules, Use};
use super::table::{Entry, Table};

/// In how many scrapes running a series may be missing before the keys are made anew without it.
/// Until then it is a gap: what comes and goes should not cost new keys each time.
const GAPS_MAX: u32 = 6;

/// Why an answer gives no reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// It is no exposition of metrics.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// More series are kept or read than the source may have.
    #[error(
        "the target gives more than {0} series; name those that are needed in `keep`, or raise `limit_series`"
    )]
    TooManySeries(u32),
}

/// What one answer gives.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// What widgets select from.
    pub value: Value,
    /// What is kept.
    pub samples: Samples,
    /// How many samples were left out because their series had one already.
    pub duplicates: u32,
}

/// Reads the answers of one target.
#[derive(Debug)]
pub struct Scraper {
    source: Name,
    config: Arc<PrometheusConfig>,
    rules: Rules,
    table: Table,
    /// What is done with each entry.
    uses: Vec<Use>,
    layout: Layout,
    /// The newest number of each entry; not-a-number for those that did not come.
    now: Vec<f64>,
    /// Which entries came.
    seen: Vec<u64>,
    /// The numbers before and when they were, when rates are asked for.
    before: Option<(Duration, Vec<f64>)>,
    gaps: u32,
}

/// What going through an answer found.
#[derive(Default)]
struct Pass {
    /// The order of entries, if it is not the one of last time.
    order: Option<Vec<Entry>>,
    /// The place after the last entry that came where it was last time.
    place: usize,
    /// Samples altogether.
    samples: u32,
    /// Entries that came.
    seen: usize,
    /// Entries that came and are kept or read.
    used: u32,
    duplicates: u32,
}

impl Scraper {
    /// For the target of a source.
    pub fn new(source: Name, config: impl Into<Arc<PrometheusConfig>>) -> Self {
        let config = config.into();
        let rules = Rules::new(&config);
        Self {
            source,
            config,
            rules,
            table: Table::default(),
            uses: Vec::new(),
            layout: Layout::default(),
            now: Vec::new(),
            seen: Vec::new(),
            before: None,
            gaps: 0,
        }
    }

    /// The reading of an answer that came `elapsed` after a fixed moment. After an error the next
    /// answer is read as if there had been none.
    pub fn read(
        &mut self,
        body: &[u8],
        format: Format,
        elapsed: Duration,
    ) -> Result<Scrape, ScrapeError> {
        let known = self.table.len();
        let mut pass = match self.pass(body, format) {
            Ok(pass) => pass,
            Err(error) => {
                self.table.truncate(known);
                self.uses.truncate(known);
                return Err(error);
            }
        };
        self.gaps = if pass.seen < self.table.len() { self.gaps + 1 } else { 0 };
        let added = self.table.len() - known;
        if added > 0 || self.gaps >= GAPS_MAX {
            self.rebuild(&mut pass, known);
        } else if let Some(order) = pass.order.take() {
            self.table.set_order(order);
        }
        Ok(self.finish(&pass, added, elapsed))
    }

    /// Goes through an answer and notes its numbers.
    fn pass(&mut self, body: &[u8], format: Format) -> Result<Pass, ScrapeError> {
        self.now.clear();
        self.now.resize(self.table.len(), f64::NAN);
        self.seen.clear();
        self.seen.resize(self.table.len().div_ceil(64), 0);
        let mut lines = Lines::new(text_of(body)?, format);
        let mut pass = Pass::default();
        let mut family = "";
        let mut last = ("", Use::Ignored);
        loop {
            if let Some(entry) = self.table.at(pass.place)
                && let Some(value) = lines.read_known(self.table.series(entry))
            {
                pass.place += 1;
                self.note(&mut pass, entry, value)?;
                continue;
            }
            let sample = match lines.read()? {
                Some(Line::Sample(sample)) => sample,
                Some(Line::Type { family: next, .. }) => {
                    family = next;
                    continue;
                }
                Some(_) => continue,
                None => break,
            };
            let known = self.table.find(sample.series);
            let entry = known.unwrap_or_else(|| self.add(&sample, format, family, &mut last));
            pass.order.get_or_insert_with(|| self.table.order_before(pass.place).to_vec());
            pass.place = self.table.place_after(entry).unwrap_or(pass.place);
            self.note(&mut pass, entry, sample.value)?;
        }
        Ok(pass)
    }

    fn add<'a>(
        &mut self,
        sample: &Sample<'a>,
        format: Format,
        family: &str,
        last: &mut (&'a str, Use),
    ) -> Entry {
        // When a counter began says nothing that its falling does not.
        let created = sample.metric.strip_suffix("_created");
        let usage = if format == Format::OpenMetrics && created == Some(family) {
            Use::Ignored
        } else if last.0 == sample.metric {
            last.1
        } else {
            self.rules.use_of(sample.metric)
        };
        *last = (sample.metric, usage);
        self.uses.push(usage);
        self.now.push(f64::NAN);
        self.seen.resize(self.now.len().div_ceil(64), 0);
        self.table.push(sample.series)
    }

    fn note(&mut self, pass: &mut Pass, entry: Entry, value: f64) -> Result<(), ScrapeError> {
        if let Some(order) = &mut pass.order {
            order.push(entry);
        }
        pass.samples += 1;
        let index = entry as usize;
        let (Some(bits), Some(slot)) = (self.seen.get_mut(index / 64), self.now.get_mut(index))
        else {
            return Ok(());
        };
        let bit = 1 << (index % 64);
        if *bits & bit != 0 {
            pass.duplicates += 1;
            return Ok(());
        }
        *bits |= bit;
        *slot = value;
        pass.seen += 1;
        pass.used += u32::from(self.uses.get(index) != Some(&Use::Ignored));
        if pass.used > self.config.limit_series {
            return Err(ScrapeError::TooManySeries(self.config.limit_series));
        }
        Ok(())
    }

    /// Makes table and keys anew of the entries that came. Of those from `known` on a series may
    /// have got several.
    fn rebuild(&mut self, pass: &mut Pass, known: usize) {
        let order = pass.order.take();
        let order = order.unwrap_or_else(|| self.table.order_before(pass.place).to_vec());
        let mut index: HashMap<&str, Entry> = HashMap::with_capacity(order.len());
        let mut origin: Vec<Entry> = Vec::with_capacity(order.len());
        let mut renumbered = Vec::with_capacity(order.len());
        for old in &order {
            let next = origin.len() as Entry;
            let entry = *index.entry(self.table.series(*old)).or_insert(next);
            if entry == next {
                origin.push(*old);
            } else if *old as usize >= known {
                pass.duplicates += 1;
            }
            renumbered.push(entry);
        }
        let mut table = Table::new(origin.iter().map(|old| self.table.series(*old)));
        table.set_order(renumbered);
        let moved = |numbers: &[f64]| -> Vec<f64> {
            let at = |old: &Entry| numbers.get(*old as usize).copied().unwrap_or(f64::NAN);
            origin.iter().map(at).collect()
        };
        self.now = moved(&self.now);
        self.before = self.before.take().map(|(at, numbers)| (at, moved(&numbers)));
        let usage = |old: &Entry| self.uses.get(*old as usize).copied().unwrap_or(Use::Ignored);
        self.uses = origin.iter().map(usage).collect();
        self.seen = Vec::new();
        self.table = table;
        self.gaps = 0;
        let mut layout = Layout::new(&self.source, &self.config, &self.table, &self.uses);
        if layout.keys == self.layout.keys {
            layout.keys = Arc::clone(&self.layout.keys);
        }
        self.layout = layout;
    }

    fn finish(&mut self, pass: &Pass, added: usize, elapsed: Duration) -> Scrape {
        let before = self.before.as_ref().and_then(|(at, numbers)| {
            let seconds = elapsed.saturating_sub(*at).as_secs_f64();
            (seconds > 0.0).then_some((numbers.as_slice(), seconds))
        });
        let (mut tree, values) = self.layout.read(&Numbers { now: &self.now, before });
        let duplicates = pass.duplicates + self.layout.aliases;
        let facts = [
            ("scrape_samples_scraped", u64::from(pass.samples)),
            ("scrape_series_added", added as u64),
            ("scrape_duplicate_samples", u64::from(duplicates)),
        ];
        for (name, count) in facts {
            tree.entry(name.into()).or_insert_with(|| count.into());
        }
        if !(self.config.rates.is_empty() && self.config.quantiles.is_empty()) {
            let mut numbers = self.before.take().map(|(_, numbers)| numbers).unwrap_or_default();
            std::mem::swap(&mut numbers, &mut self.now);
            self.before = Some((elapsed, numbers));
        }
        let samples = Samples { keys: Arc::clone(&self.layout.keys), values };
        Scrape { value: Value::Map(tree), samples, duplicates }
    }
}

#[cfg(test)]
mod tests;
