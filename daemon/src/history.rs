//! History: series kept from readings.

use bytes::Bytes;

/// What history wants kept.
#[derive(Clone, Debug)]
pub enum HistoryOutput {
    /// Placeholder; defined with the module.
    Head(Bytes),
}
