//! Sources that ask a module.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Param, Problem};
use crate::model::Name;
use crate::model::module::manifest::{PARAMS_MAX, path_problem};

/// The longest name or text of a parameter, in bytes.
pub const PARAM_MAX: usize = 1_024;

/// Options of a `module` source: what is asked of which module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleConfig {
    /// The module document.
    pub name: Name,
    /// The path of the data, such as `/api/metrics/daily-summary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// What is asked of the endpoint. Texts may be templates: `today`, `now-24h`, `$region`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// Gives the module's metrics instead of an endpoint's data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub metrics: bool,
    /// Gives the module's newest events, as a list `events`, instead of an endpoint's data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub events: bool,
}

impl ModuleConfig {
    /// Finds what the types alone cannot refuse; each problem names its field path within the
    /// section.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |path: &str, problem: &str| {
            problems.push((path.to_owned(), problem.to_owned()));
        };
        let asked = [self.endpoint.is_some(), self.metrics, self.events];
        if asked.into_iter().filter(|asked| *asked).count() != 1 {
            say("endpoint", "say one of an endpoint, metrics = true and events = true");
        }
        if let Some(problem) = self.endpoint.as_deref().and_then(path_problem) {
            say("endpoint", &problem);
        }
        if self.endpoint.is_none() && !self.params.is_empty() {
            say("params", "only an endpoint has parameters");
        }
        if self.params.len() > PARAMS_MAX {
            say("params", &format!("there are at most {PARAMS_MAX} parameters"));
        }
        let long = |(name, value): (&String, &Param)| {
            name.len() > PARAM_MAX || matches!(value, Param::Text(text) if text.len() > PARAM_MAX)
        };
        if self.params.iter().any(long) {
            say("params", &format!("a parameter has at most {PARAM_MAX} bytes"));
        }
        problems
    }
}
