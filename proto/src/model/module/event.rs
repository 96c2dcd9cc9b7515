//! What a module tells by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bridge::is_topic;
use super::instant;
use super::manifest::{ParamValue, path_problem};
use crate::model::Timestamp;

/// The most fields of one event.
pub const FIELDS_MAX: usize = 32;

/// The most endpoints that one event makes stale.
pub const INVALIDATES_MAX: usize = 32;

/// The longest message, in bytes: a sentence or two.
pub const MESSAGE_MAX: usize = 1_024;

/// The longest type, field name or text of a field, in bytes.
pub const TEXT_MAX: usize = 256;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleEvent {
    /// What sort of event it is, such as `order.created`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened, as in `2026-11-20T14:03:22Z`.
    pub at: String,
    /// How much it matters.
    #[serde(default)]
    pub severity: EventSeverity,
    /// One sentence for people.
    pub message: String,
    /// What programs may want to know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, ParamValue>,
    /// Paths of endpoints whose data has changed by it; they are asked again at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalidates: Vec<String>,
    /// What other modules know it by; none when it is not for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// How many modules have told it because of one another: what the delivery says that it is told
    /// because of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// How much an event matters.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum EventSeverity {
    /// For information.
    #[default]
    Info,
    /// Worth a look.
    Warning,
    /// Needs someone now.
    Critical,
}

impl EventSeverity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl ModuleEvent {
    /// When it happened; none when the text is no time.
    pub fn time(&self) -> Option<Timestamp> {
        instant::parse(&self.at)
    }

    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut say = |path: &str, problem: String| problems.push((path.to_owned(), problem));
        if self.event_type.is_empty() || self.event_type.len() > TEXT_MAX {
            say("type", format!("a type has 1 to {TEXT_MAX} bytes"));
        }
        if self.time().is_none() {
            say("at", "a time is written as in 2026-11-20T14:03:22Z".to_owned());
        }
        if self.topic.as_ref().is_some_and(|topic| !is_topic(topic)) {
            say("topic", "a topic is lower-case words between dots, as stock.low".to_owned());
        }
        if self.message.len() > MESSAGE_MAX {
            say("message", format!("a message has at most {MESSAGE_MAX} bytes"));
        }
        if self.fields.len() > FIELDS_MAX {
            say("fields", format!("an event has at most {FIELDS_MAX} fields"));
        }
        for (name, value) in &self.fields {
            let long = matches!(value, ParamValue::Text(text) if text.len() > TEXT_MAX);
            if long || name.len() > TEXT_MAX {
                say("fields", format!("a field's name and text have at most {TEXT_MAX} bytes"));
                break;
            }
        }
        if self.invalidates.len() > INVALIDATES_MAX {
            say("invalidates", format!("an event invalidates at most {INVALIDATES_MAX} endpoints"));
        }
        for (index, path) in self.invalidates.iter().enumerate() {
            if let Some(problem) = path_problem(path) {
                say(&format!("invalidates[{index}]"), problem);
            }
        }
        problems
    }
}
