//! The daemon as a source: what it counts about itself, and what it costs.

mod tables;

use std::time::Duration;

use ccm_proto::model::{Name, Reading, Timestamp, Value};

use super::http::ApiState;
use super::kept::Kept;
use super::self_metrics::Described;
use super::series::{Catalogue, ListSeries, Sampler};
use super::{CollectError, Environment, Moment, Read};
use tables::Counts;

static SERIES: Catalogue = Catalogue {
    numbers: &[
        "daemon.resident_bytes",
        "daemon.cpu",
        "daemon.open_files",
        "daemon.threads",
        "daemon.sessions",
        "daemon.feeds",
        "daemon.series",
        "daemon.history_bytes",
        "daemon.log_bytes",
        "daemon.samples_per_second",
        "daemon.frames_per_second",
        "daemon.sent_bytes_per_second",
        "daemon.calls_per_second",
        "daemon.failures_per_second",
        "daemon.sources_failing",
    ],
    lists: &[ListSeries {
        path: "apis",
        labels: &["api", "credential"],
        fields: &["calls_per_second", "failures_per_second", "quota_remaining", "quota_used"],
    }],
};

/// What the daemon's process costs; what the system does not tell is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessFacts {
    /// Memory in use.
    pub resident_bytes: Option<u64>,
    /// Processor time spent since the start.
    pub cpu_seconds: Option<f64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open descriptors.
    pub open_files: Option<u64>,
}

/// Reads [`ProcessFacts`] of this process.
#[derive(Debug)]
pub struct ProcessReader {
    stat: Kept,
}

impl Default for ProcessReader {
    fn default() -> Self {
        Self { stat: Kept::new("/proc/self/stat") }
    }
}

impl ProcessReader {
    /// The facts of now.
    #[cfg(target_os = "linux")]
    pub fn read(&mut self) -> ProcessFacts {
        use super::system::processes;
        let stat = self.stat.text().and_then(|text| processes::parse(&text));
        let ticks_per_second = procfs::ticks_per_second() as f64;
        let open_files = std::fs::read_dir("/proc/self/fd").ok();
        ProcessFacts {
            resident_bytes: stat.as_ref().map(|stat| stat.resident_pages * procfs::page_size()),
            cpu_seconds: stat.as_ref().map(|stat| stat.ticks as f64 / ticks_per_second),
            threads: stat.as_ref().map(|stat| stat.threads),
            // The listing itself is open while it is counted.
            open_files: open_files.map(|entries| (entries.count() as u64).saturating_sub(1)),
        }
    }

    /// The facts of now: not told on this system.
    #[cfg(not(target_os = "linux"))]
    pub fn read(&mut self) -> ProcessFacts {
        ProcessFacts::default()
    }
}

/// Reads the daemon.
pub struct DaemonReader {
    source: Name,
    environment: Environment,
    process: ProcessReader,
    sampler: Sampler,
    before: Option<Before>,
    started: Option<Duration>,
}

/// What rates are told from.
#[derive(Clone, Debug)]
struct Before {
    elapsed: Duration,
    cpu_seconds: Option<f64>,
    metrics: Vec<Described>,
    apis: Counts,
}

impl DaemonReader {
    /// Of the daemon whose collectors stand on `environment`.
    pub fn new(source: Name, environment: Environment) -> Self {
        Self {
            sampler: Sampler::new(source.clone(), &SERIES),
            source,
            environment,
            process: ProcessReader::default(),
            before: None,
            started: None,
        }
    }

    fn counted(&self, elapsed: Duration, process: &ProcessFacts, apis: &[ApiState]) -> Before {
        Before {
            elapsed,
            cpu_seconds: process.cpu_seconds,
            metrics: self.environment.metrics.describe().to_vec(),
            apis: tables::counts(apis),
        }
    }

    /// The lists of what the daemon does with its sources.
    fn lists(&self, apis: &[ApiState], elapsed: Duration, at: Timestamp) -> Vec<(String, Value)> {
        let Environment { census, gateway, modules, .. } = &self.environment;
        let before = self.before.as_ref();
        let before = before.map(|it| (&it.apis, elapsed.saturating_sub(it.elapsed)));
        let table = modules.table();
        let listed = table.at("modules").cloned().unwrap_or(Value::List(Vec::new()));
        vec![
            ("sources".to_owned(), tables::sources(&census.sources(), at)),
            ("modules".to_owned(), listed),
            ("apis".to_owned(), tables::apis(apis, before, at)),
            ("quotas".to_owned(), tables::quotas(apis)),
            ("credentials".to_owned(), tables::credentials(&gateway.credentials())),
        ]
    }
}

impl Read for DaemonReader {
    fn prime(&mut self, elapsed: Duration) {
        self.started.get_or_insert(elapsed);
        let process = self.process.read();
        self.before = Some(self.counted(elapsed, &process, &self.environment.gateway.apis()));
    }

    fn read(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        let started = *self.started.get_or_insert(moment.elapsed);
        let process = self.process.read();
        let apis = self.environment.gateway.apis();
        let now = self.counted(moment.elapsed, &process, &apis);
        let uptime = moment.elapsed.saturating_sub(started);
        let mut daemon = value(&process, uptime, self.before.as_ref(), &now);
        let failing = tables::failing(&self.environment.census.sources());
        daemon.push(("sources_failing".to_owned(), failing.into()));
        let mut entries = self.lists(&apis, moment.elapsed, moment.at);
        entries.push(("daemon".to_owned(), Value::map(daemon)));
        self.before = Some(now);
        let value = Value::map(entries);
        let samples = self.sampler.samples(&value);
        Ok(Reading { source: self.source.clone(), at: moment.at, value, samples })
    }
}

fn value(
    process: &ProcessFacts,
    uptime: Duration,
    before: Option<&Before>,
    now: &Before,
) -> Vec<(String, Value)> {
    let seconds = before.map(|before| now.elapsed.saturating_sub(before.elapsed).as_secs_f64());
    let seconds = seconds.filter(|seconds| *seconds > 0.0);
    let cpu = before.and_then(|before| {
        let spent = now.cpu_seconds? - before.cpu_seconds?;
        Some(tenths(spent / seconds? * 100.0))
    });
    let mut entries: Vec<(String, Value)> = vec![
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
        ("resident_bytes".to_owned(), process.resident_bytes.into()),
        ("cpu".to_owned(), cpu.into()),
        ("uptime_seconds".to_owned(), uptime.as_secs().into()),
        ("open_files".to_owned(), process.open_files.into()),
        ("threads".to_owned(), process.threads.into()),
    ];
    for metric in &now.metrics {
        if metric.counter {
            let former = before.and_then(|b| b.metrics.iter().find(|m| m.name == metric.name));
            let rate = former.zip(seconds).map(|(former, seconds)| {
                tenths(metric.value.saturating_sub(former.value) as f64 / seconds)
            });
            entries.push((format!("{}_per_second", metric.name), rate.into()));
            entries.push((format!("{}_total", metric.name), metric.value.into()));
        } else {
            entries.push((metric.name.to_owned(), metric.value.into()));
        }
    }
    entries
}

/// Finer than anyone reads, and coarse enough to compress.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn counters_become_rates_and_gauges_stay() {
        let environment = Environment::alone(Clock::system());
        environment.metrics.sessions.set(3);
        let mut collector = DaemonReader::new(Name::new("ccmd").unwrap(), environment.clone());
        collector.prime(Duration::from_secs(10));
        environment.metrics.frames.add(30);
        let moment = Moment { at: Timestamp::EPOCH, elapsed: Duration::from_secs(12) };
        let reading = collector.read(moment).unwrap();
        let number = |path: &str| reading.value.at(path).and_then(Value::as_number);
        assert_eq!(number("daemon.frames_per_second"), Some(15.0));
        assert_eq!(number("daemon.sessions"), Some(3.0));
        assert_eq!(number("daemon.uptime_seconds"), Some(2.0));
        assert_eq!(reading.samples.keys.len(), SERIES.numbers.len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_threads_and_files() {
        let facts = ProcessReader::default().read();
        assert!(facts.resident_bytes.unwrap() > 100_000);
        assert!(facts.threads.unwrap() >= 1);
        assert!(facts.open_files.unwrap() >= 1);
        assert!(facts.cpu_seconds.is_some());
    }
}
