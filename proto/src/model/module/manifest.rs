//! How a module describes itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::bridge::BridgeOffer;
use super::{CONTRACT, EVENTS_PATH, HEALTH_PATH, METRICS_PATH};
use crate::model::{Interval, Name};

/// The most endpoints of a module.
pub const ENDPOINTS_MAX: usize = 128;

/// The most parameters of an endpoint.
pub const PARAMS_MAX: usize = 32;

/// The most widgets that a module offers: a page holds no more.
pub const WIDGETS_MAX: usize = 64;

/// The most types of events, and the most permissions.
pub const NAMES_MAX: usize = 128;

/// The longest path, in bytes.
pub const PATH_MAX: usize = 256;

/// The longest title, version or other short text, in bytes.
pub const TITLE_MAX: usize = 96;

/// The longest description, in bytes.
pub const DESCRIPTION_MAX: usize = 1_024;

/// The shortest interval at which a widget asks for its data.
pub const REFRESH_MIN: Interval = Interval::from_secs(1);

/// The longest interval at which a widget asks for its data.
pub const REFRESH_MAX: Interval = Interval::from_secs(86_400);

/// A module's description of itself. What later versions of the contract add is ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the contract that it speaks.
    pub contract: u32,
    /// What it is called among programs; never changes.
    pub id: Name,
    /// Its own version.
    pub version: String,
    /// What it is called among people.
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its data is.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// The widgets that it offers.
    #[serde(default)]
    pub widgets: Vec<WidgetOffer>,
    /// Where its metrics are, as Prometheus text; none when it has none.
    #[serde(default = "metrics_path", skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// Its events; none when it has none.
    #[serde(default = "events_offer", skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsOffer>,
    /// Where it says how it is.
    #[serde(default = "health_path")]
    pub health: String,
    /// What it asks to be allowed here, such as `sales.view_metrics`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// What it asks and tells other modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<BridgeOffer>,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn metrics_path() -> Option<String> {
    Some(METRICS_PATH.to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn events_offer() -> Option<EventsOffer> {
    Some(EventsOffer { path: events_path(), types: Vec::new() })
}

fn events_path() -> String {
    EVENTS_PATH.to_owned()
}

fn health_path() -> String {
    HEALTH_PATH.to_owned()
}

/// Where a module streams its events, and which there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventsOffer {
    /// The path of the stream.
    #[serde(default = "events_path")]
    pub path: String,
    /// The types of events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
}

/// One place that gives data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its path, such as `/api/metrics/daily-summary`.
    pub path: String,
    /// What it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What may be asked of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<EndpointParam>,
}

/// One parameter of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointParam {
    /// Its name in the query.
    pub name: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub param_type: ParamType,
    /// What it is when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ParamValue>,
    /// Whether it must be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A time as in `2026-11-20T14:03:22Z`.
    Time,
}

impl ParamType {
    /// Whether a value is of this type. A text may be a template, which is only known when it is
    /// filled in, so that it suits every type.
    pub fn suits(self, value: &ParamValue) -> bool {
        match value {
            ParamValue::Text(_) => true,
            ParamValue::Boolean(_) => self == Self::Boolean,
            ParamValue::Integer(_) => matches!(self, Self::Integer | Self::Number),
            ParamValue::Number(_) => self == Self::Number,
        }
    }
}

/// A value of a parameter or a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text; in a document also a template such as `today`, `now-24h` or `$region`.
    Text(String),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(boolean) => boolean.fmt(f),
            Self::Integer(integer) => integer.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A widget that a module offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WidgetOffer {
    /// Its name within the module.
    pub name: Name,
    /// The endpoint that it shows.
    pub endpoint: String,
    /// What it asks of the endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamValue>,
    /// How often it asks.
    #[serde(default = "one_minute")]
    pub refresh: Interval,
    /// The fields of a widget document, all but its source.
    pub widget: serde_json::Map<String, serde_json::Value>,
}

fn one_minute() -> Interval {
    Interval::from_secs(60)
}

/// Why a text is not a path of the contract.
pub(crate) fn path_problem(path: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
    if !path.starts_with('/') || path.starts_with("//") {
        return Some("a path begins with one /".to_owned());
    }
    if path.len() > PATH_MAX {
        return Some(format!("a path has at most {PATH_MAX} bytes"));
    }
    if !path.bytes().all(plain) {
        return Some("a path has only the characters that URLs have, and no query".to_owned());
    }
    if path.split('/').any(|step| step == "." || step == "..") {
        return Some("a path has no steps . and ..".to_owned());
    }
    None
}

/// Collects problems with the paths of their fields.
#[derive(Default)]
pub(super) struct Problems(Vec<(String, String)>);

impl Problems {
    fn say(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.0.push((path.into(), problem.into()));
    }

    fn short(&mut self, path: impl Into<String>, text: &str, most: usize) {
        if text.is_empty() || text.len() > most {
            self.say(path, format!("has 1 to {most} bytes"));
        }
    }

    fn description(&mut self, path: impl Into<String>, text: Option<&String>) {
        if text.is_some_and(|text| text.len() > DESCRIPTION_MAX) {
            self.say(path, format!("has at most {DESCRIPTION_MAX} bytes"));
        }
    }

    pub(super) fn path(&mut self, field: impl Into<String>, path: &str) {
        if let Some(problem) = path_problem(path) {
            self.say(field, problem);
        }
    }

    pub(super) fn count(&mut self, path: &str, count: usize, most: usize) {
        if count > most {
            self.say(path, format!("there are at most {most}, these are {count}"));
        }
    }
}

impl Manifest {
    /// The endpoint at a path.
    pub fn endpoint(&self, path: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.path == path)
    }

    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Problems::default();
        if self.contract != CONTRACT {
            let spoken = self.contract;
            problems.say(
                "contract",
                format!("contract {CONTRACT} is spoken here, the module speaks {spoken}"),
            );
        }
        problems.short("version", &self.version, TITLE_MAX);
        problems.short("title", &self.title, TITLE_MAX);
        problems.description("description", self.description.as_ref());
        if let Some(metrics) = &self.metrics {
            problems.path("metrics", metrics);
        }
        problems.path("health", &self.health);
        if let Some(events) = &self.events {
            problems.path("events.path", &events.path);
            problems.count("events.types", events.types.len(), NAMES_MAX);
            for (index, name) in events.types.iter().enumerate() {
                problems.short(format!("events.types[{index}]"), name, TITLE_MAX);
            }
        }
        problems.count("permissions", self.permissions.len(), NAMES_MAX);
        for (index, permission) in self.permissions.iter().enumerate() {
            problems.short(format!("permissions[{index}]"), permission, TITLE_MAX);
        }
        if let Some(bridge) = &self.bridge {
            bridge.problems(&mut problems);
        }
        self.endpoint_problems(&mut problems);
        self.widget_problems(&mut problems);
        problems.0
    }

    fn endpoint_problems(&self, problems: &mut Problems) {
        problems.count("endpoints", self.endpoints.len(), ENDPOINTS_MAX);
        for (index, endpoint) in self.endpoints.iter().take(ENDPOINTS_MAX).enumerate() {
            let at = format!("endpoints[{index}]");
            problems.path(format!("{at}.path"), &endpoint.path);
            problems.description(format!("{at}.description"), endpoint.description.as_ref());
            if self.endpoints[..index].iter().any(|earlier| earlier.path == endpoint.path) {
                problems.say(format!("{at}.path"), "an earlier endpoint has this path");
            }
            problems.count(&format!("{at}.params"), endpoint.params.len(), PARAMS_MAX);
            for (index, param) in endpoint.params.iter().take(PARAMS_MAX).enumerate() {
                let at = format!("{at}.params[{index}]");
                problems.short(format!("{at}.name"), &param.name, TITLE_MAX);
                problems.description(format!("{at}.description"), param.description.as_ref());
                if param.default.as_ref().is_some_and(|value| !param.param_type.suits(value)) {
                    problems.say(format!("{at}.default"), "the default is of another type");
                }
            }
        }
    }

    fn widget_problems(&self, problems: &mut Problems) {
        problems.count("widgets", self.widgets.len(), WIDGETS_MAX);
        for (index, offer) in self.widgets.iter().take(WIDGETS_MAX).enumerate() {
            let at = format!("widgets[{index}]");
            if self.widgets[..index].iter().any(|earlier| earlier.name == offer.name) {
                problems.say(format!("{at}.name"), "an earlier widget has this name");
            }
            if offer.refresh < REFRESH_MIN || offer.refresh > REFRESH_MAX {
                problems.say(
                    format!("{at}.refresh"),
                    format!("a widget asks every {REFRESH_MIN} to {REFRESH_MAX}"),
                );
            }
            if offer.widget.contains_key("source") {
                problems.say(
                    format!("{at}.widget.source"),
                    "the source is made of the endpoint; leave it out",
                );
            }
            let Some(endpoint) = self.endpoint(&offer.endpoint) else {
                problems.say(format!("{at}.endpoint"), "endpoints has no such path");
                continue;
            };
            problems.count(&format!("{at}.params"), offer.params.len(), PARAMS_MAX);
            for (name, value) in &offer.params {
                let known = endpoint.params.iter().find(|param| param.name == *name);
                if known.is_none_or(|param| !param.param_type.suits(value)) {
                    problems.say(
                        format!("{at}.params"),
                        "a parameter is none of the endpoint's, or of another type",
                    );
                    break;
                }
            }
        }
    }
}
