//! History: series kept from readings.
//!
//! [`History`] is the pure core: samples and the time go in, [`HistoryOutput`]s come out, which
//! the store writes; what it wrote comes back as [`Stored`]. A query is planned here and run
//! elsewhere, since it reads chunks from disk.

use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::model::series::{Range, SeriesSelector};
use ccm_proto::model::{Bucket, Samples, SeriesKey, Timestamp};

pub mod tier;

pub use tier::{Retention, Tier};

/// Identifies a set of series that arrive together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// What history wants kept. The loop hands it to the store, in order.
#[derive(Clone, Debug)]
pub enum HistoryOutput {
    /// A record for the head log: samples as they came.
    Head(Bytes),
}

/// What the store did; the loop hands it to [`History::stored`].
#[derive(Clone, Debug)]
pub enum Stored {
    /// A head record could not be written.
    Lost,
}

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The step is zero, or the range is empty or backwards.
    #[error("the range holds no step; give a start before the end and a step of at least 1 ms")]
    EmptyRange,
    /// More buckets than a query may have.
    #[error("the range has {0} steps a series, at most {1} are answered; take a longer step")]
    TooManyBuckets(u64, u64),
}

/// Figures about what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryStats {
    /// Series that anything is kept of.
    pub series: u64,
    /// Samples taken in since the start.
    pub samples: u64,
    /// Readings refused because they were not newer than the last of their source.
    pub refused: u64,
    /// Samples that were lost, because the disk did not take them.
    pub lost: u64,
    /// Bytes in memory that wait to be sealed.
    pub head_bytes: u64,
    /// Bytes of sealed chunks on disk.
    pub chunk_bytes: u64,
}

/// Series over time.
#[derive(Debug, Default)]
pub struct History {
    stats: HistoryStats,
    _retention: Retention,
}

impl History {
    /// An empty history.
    pub fn new(retention: Retention) -> Self {
        Self { stats: HistoryStats::default(), _retention: retention }
    }

    /// Takes samples in. Not-a-number stands for a missing value. Samples that are not newer
    /// than the last of their source are refused and counted.
    pub fn append(&mut self, _at: Timestamp, samples: &Samples, _out: &mut Vec<HistoryOutput>) {
        self.stats.samples += samples.values.len() as u64;
    }

    /// Seals and drops what is due; to be called about once a second.
    pub fn maintain(&mut self, _now: Timestamp, _out: &mut Vec<HistoryOutput>) {}

    /// Takes note of what the store did.
    pub fn stored(&mut self, _stored: Stored) {
        self.stats.lost += 1;
    }

    /// The series that a selector means, in order.
    pub fn select(&self, _selector: &SeriesSelector) -> Vec<SeriesKey> {
        Vec::new()
    }

    /// What must be read to answer a range query over some series.
    pub fn plan(&self, _keys: &[SeriesKey], _range: Range) -> Result<QueryPlan, HistoryError> {
        Ok(QueryPlan { parts: Arc::from([]) })
    }

    /// Figures about what is kept.
    pub fn stats(&self) -> HistoryStats {
        self.stats
    }
}

/// A query that needs nothing of [`History`] any more: it holds what was in memory and names
/// the chunks on disk. Run it where blocking is allowed.
#[derive(Clone, Debug)]
pub struct QueryPlan {
    parts: Arc<[SeriesKey]>,
}

/// Reads sealed chunks from any thread.
#[derive(Clone, Debug, Default)]
pub struct HistoryReader {}

impl QueryPlan {
    /// Reads the chunks and answers: every series of the query in its order, each with a bucket
    /// for every step of the range.
    pub fn run(
        &self,
        _reader: &HistoryReader,
    ) -> Result<Vec<(SeriesKey, Vec<Bucket>)>, HistoryError> {
        Ok(self.parts.iter().map(|key| (key.clone(), Vec::new())).collect())
    }
}
