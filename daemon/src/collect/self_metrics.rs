//! What the daemon counts about itself. Any part adds to it; the `daemon` source and the
//! Prometheus text read it.

pub mod exposition;

use std::sync::atomic::{AtomicU64, Ordering};

/// Rises only.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to the count.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The count since the start.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Raises the value.
    pub fn add(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    /// Lowers the value, to zero at the least.
    pub fn subtract(&self, value: u64) {
        let lower = |now: u64| Some(now.saturating_sub(value));
        // The closure never refuses, so there is always a former value to ignore.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lower);
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The daemon's own counts.
#[derive(Debug, Default)]
pub struct SelfMetrics {
    /// Clients' streams that are open.
    pub sessions: Gauge,
    /// Feeds that somebody sees.
    pub feeds: Gauge,
    /// Sources that run.
    pub sources: Gauge,
    /// Series that history holds.
    pub series: Gauge,
    /// Documents that are in effect.
    pub documents: Gauge,
    /// Bytes that history holds in memory.
    pub history_bytes: Gauge,
    /// Bytes of all logs on disk.
    pub log_bytes: Gauge,
    /// Events that wait for the engine.
    pub queued_events: Gauge,
    /// Good readings of sources.
    pub readings: Counter,
    /// Failed attempts at readings.
    pub failures: Counter,
    /// Numbers that came with readings.
    pub samples: Counter,
    /// Streams ever opened.
    pub sessions_opened: Counter,
    /// Frames sent to clients.
    pub frames: Counter,
    /// Bytes of those frames.
    pub sent_bytes: Counter,
    /// Versions of feeds that slow clients never saw.
    pub conflated: Counter,
    /// Calls answered; a stream counts when it is opened.
    pub calls: Counter,
    /// Calls refused.
    pub calls_refused: Counter,
    /// Changes of documents, each of one or several.
    pub changes: Counter,
}

/// One metric as it is told to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name, without a prefix; units last.
    pub name: &'static str,
    /// One phrase on what it counts.
    pub help: &'static str,
    /// Whether it rises only.
    pub counter: bool,
    /// Its value.
    pub value: u64,
}

impl SelfMetrics {
    /// Everything, in a fixed order.
    pub fn describe(&self) -> [Described; 18] {
        let gauge = |name, help, gauge: &Gauge| Described {
            name,
            help,
            counter: false,
            value: gauge.get(),
        };
        let counter = |name, help, counter: &Counter| Described {
            name,
            help,
            counter: true,
            value: counter.get(),
        };
        [
            gauge("sessions", "Clients' streams that are open.", &self.sessions),
            gauge("feeds", "Feeds that somebody sees.", &self.feeds),
            gauge("sources", "Sources that run.", &self.sources),
            gauge("series", "Series that history holds.", &self.series),
            gauge("documents", "Documents that are in effect.", &self.documents),
            gauge("history_bytes", "Bytes that history holds in memory.", &self.history_bytes),
            gauge("log_bytes", "Bytes of all logs on disk.", &self.log_bytes),
            gauge("queued_events", "Events that wait for the engine.", &self.queued_events),
            counter("readings", "Good readings of sources.", &self.readings),
            counter("failures", "Failed attempts at readings.", &self.failures),
            counter("samples", "Numbers that came with readings.", &self.samples),
            counter("sessions_opened", "Streams ever opened.", &self.sessions_opened),
            counter("frames", "Frames sent to clients.", &self.frames),
            counter("sent_bytes", "Bytes of the frames sent.", &self.sent_bytes),
            counter("conflated", "Feed versions that slow clients never saw.", &self.conflated),
            counter("calls", "Calls answered, opened streams among them.", &self.calls),
            counter("calls_refused", "Calls refused.", &self.calls_refused),
            counter("changes", "Changes of documents.", &self.changes),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_never_falls_below_zero() {
        let gauge = Gauge::default();
        gauge.add(2);
        gauge.subtract(5);
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let all = SelfMetrics::default().describe();
        let names: std::collections::BTreeSet<_> = all.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), all.len());
    }
}
