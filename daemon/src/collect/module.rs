//! Modules: programs that speak the module contract, and the sources that ask them.
//!
//! [`sse`], [`state`], [`answer`] and [`contribution`] are pure: what a module says becomes events,
//! a state, errors and documents; [`asking`] is how documents of sources are read. The
//! [`Directory`] is what is known of every module at a moment; each has a [`Watcher`] that keeps it
//! so, and any number of sources that read through a [`ModuleCollector`]. Both reach the module by
//! a [`Way`], which in the daemon is the [`gateway`]. The [`Bridge`] leads from one module to another.

pub mod answer;
pub mod asking;
pub mod bridge;
pub mod collector;
pub mod contribution;
pub mod directory;
pub mod gateway;
pub mod sse;
pub mod state;
pub mod watcher;
pub mod watchers;
pub mod way;

pub use bridge::Bridge;
pub use collector::{Digest, Fill, ModuleCollector};
pub use contribution::contributions;
pub use directory::{Directory, NotTaken, Reported};
pub use gateway::GatewayWay;
pub use state::{Sign, Standing, State};
pub use watcher::{News, Watcher};
pub use watchers::Watchers;
pub use way::{Answer, Asked, Chunks, Purpose, Way, WayError};

use ccm_proto::model::Name;
use ccm_proto::model::source::{ModuleConfig, SourceSpec};

use super::Collector;
use super::extract::ExtractError;

/// The collector of a source of the type `module`. An error is a path of its document that cannot
/// be read.
pub fn collector(
    source: &Name,
    spec: &SourceSpec,
    config: &ModuleConfig,
    (directory, way): (Directory, std::sync::Arc<dyn Way>),
) -> Result<Collector, ExtractError> {
    let digest = if config.metrics {
        asking::metrics(source)
    } else {
        asking::digest(source, spec.extract.as_deref())?
    };
    let fill = asking::fill(spec.variables.clone());
    let timeout = spec.effective_timeout();
    let parts = (directory, way);
    let collector =
        ModuleCollector::new(source.clone(), config.clone(), timeout, parts, (fill, digest));
    Ok(Collector::Fetch(Box::new(collector)))
}

#[cfg(test)]
mod tests;
