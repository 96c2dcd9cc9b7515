//! Modules: programs that implement the module contract, as people write them in documents, and
//! what such programs answer.

pub mod address;
pub mod bridge;
pub mod event;
pub mod health;
pub mod instant;
pub mod manifest;

use serde::{Deserialize, Serialize};

use super::source::Problem;
use super::{Interval, Name};

use bridge::GRANTS_MAX;

pub use address::{ModuleAddress, ModuleAddressError};
pub use bridge::{Ask, BridgeOffer, BridgePath, PathPattern, PathsOf, TopicPattern, TopicsOf};
pub use event::ModuleEvent;
pub use health::{Check, Health, HealthStatus};
pub use manifest::{Endpoint, Manifest, ParamValue, WidgetOffer};

/// The version of the contract that is spoken.
pub const CONTRACT: u32 = 1;

/// Where a module describes itself.
pub const MANIFEST_PATH: &str = "/ccm/v1/manifest";

/// Where a module says how it is, unless its manifest names another place.
pub const HEALTH_PATH: &str = "/ccm/v1/health";

/// Where a module gives its metrics, unless its manifest names another place.
pub const METRICS_PATH: &str = "/ccm/v1/metrics";

/// Where a module streams its events, unless its manifest names another place.
pub const EVENTS_PATH: &str = "/ccm/v1/events";

/// The shortest interval of health checks: a module answers people, too.
pub const INTERVAL_MIN: Interval = Interval::from_secs(1);

/// The longest interval of health checks: a module that has died is told of within this.
pub const INTERVAL_MAX: Interval = Interval::from_secs(3_600);

/// A module's definition: where it is, and what it may do here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSpec {
    /// Where it listens.
    pub endpoint: ModuleAddress,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The credential that is sent with every request to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Name>,
    /// False keeps the document and leaves the module alone.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How often its health is asked for.
    #[serde(default = "ten_seconds")]
    pub interval: Interval,
    /// Takes over the widgets that its manifest offers.
    #[serde(default = "yes")]
    pub contribute: bool,
    /// What it may ask other modules for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_ask: Vec<PathsOf>,
    /// The topics that it may tell other modules of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_publish: Vec<TopicPattern>,
    /// What it may hear of other modules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_subscribe: Vec<TopicsOf>,
}

fn yes() -> bool {
    true
}

fn ten_seconds() -> Interval {
    Interval::from_secs(10)
}

impl ModuleSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.interval < INTERVAL_MIN || self.interval > INTERVAL_MAX {
            problems.push((
                "interval".to_owned(),
                format!("health is asked for every {INTERVAL_MIN} to {INTERVAL_MAX}"),
            ));
        }
        if self.credential.is_some() && matches!(self.endpoint, ModuleAddress::Unix(_)) {
            problems.push((
                "credential".to_owned(),
                "a Unix socket is guarded by its file's mode and takes no credential".to_owned(),
            ));
        }
        if self.endpoint == ModuleAddress::Push {
            problems.extend(self.addressless_problems());
        }
        for (field, count) in [
            ("may_ask", self.may_ask.len()),
            ("may_publish", self.may_publish.len()),
            ("may_subscribe", self.may_subscribe.len()),
        ] {
            if count > GRANTS_MAX {
                let problem = format!("there are at most {GRANTS_MAX}, these are {count}");
                problems.push((field.to_owned(), problem));
            }
        }
        problems
    }

    /// What a module that reports by itself cannot do.
    fn addressless_problems(&self) -> Vec<Problem> {
        let table = [
            ("credential", self.credential.is_some(), "is sent no credential"),
            ("may_publish", !self.may_publish.is_empty(), "has no stream of events"),
            ("may_subscribe", !self.may_subscribe.is_empty(), "cannot be brought events"),
        ];
        let wrong = table.into_iter().filter(|(_, given, _)| *given);
        let problem = |(field, _, why): (&str, bool, &str)| {
            (field.to_owned(), format!("a module that reports by itself {why}; leave it out"))
        };
        wrong.map(problem).collect()
    }
}

#[cfg(test)]
mod tests;
