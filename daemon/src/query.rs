//! Values derived from other sources.
//!
//! Everything here is pure. A document's `[query]` is compiled once ([`Query`]); what it came to
//! so far is a [`State`], and [`Query::compute`] brings that up to date with what changed. The
//! engine says what changed, and keeps the windows that [`series`] is computed from.

use ccm_proto::model::source::QueryConfig;

pub mod anomaly;
pub mod compare;
pub mod expr;
pub mod forecast;
pub mod graph;
mod program;
pub mod series;
pub mod table;
pub mod window;

pub use program::{Input, Query, State};

/// Finds what is wrong with expressions, tables and what they name; each problem names its field
/// path within `[query]`. What types and names alone tell is [`QueryConfig::problems`].
pub fn check(config: &QueryConfig) -> Vec<(String, String)> {
    Query::compile(config).err().unwrap_or_default()
}

#[cfg(test)]
mod tests;
