//! What modules may ask and tell each other. Pure.
//!
//! Nothing is allowed that nobody allows. A document of the one that asks, publishes or listens
//! grants it; the manifest of the one that is asked, or that publishes, has to offer it besides.

use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::module::bridge::{BridgeError, HOPS_MAX};
use ccm_proto::model::module::{BridgeOffer, BridgePath, Manifest, ModuleSpec, PathsOf, TopicsOf};
use ccm_proto::model::{Interval, Name};

/// Why something does not go from one module to another: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No document of it.
    #[error("there is no module {0}; apply a document modules/{0}.toml")]
    Missing(Name),
    /// Its document does not allow it.
    #[error("{who} may not {verb} {what}; add \"{what}\" to {field} in modules/{who}.toml")]
    NotGranted {
        /// The module whose document it is.
        who: Name,
        /// What it wanted to do.
        verb: &'static str,
        /// The grant's field.
        field: &'static str,
        /// The grant that is missing.
        what: String,
    },
    /// The manifest of the other does not offer it.
    #[error("the module {who} {verb} no {what}; its manifest has to name it in bridge.{field}")]
    NotOffered {
        /// The module whose manifest it is.
        who: Name,
        /// What it does not do.
        verb: &'static str,
        /// The manifest's field.
        field: &'static str,
        /// What is not offered.
        what: String,
    },
    /// The one that is asked does not work.
    #[error("the module {who} is {state}: {reason}")]
    Unavailable {
        /// The module.
        who: Name,
        /// How it is.
        state: &'static str,
        /// Why.
        reason: SafeText,
    },
    /// The path is none.
    #[error(transparent)]
    Path(#[from] BridgeError),
    /// It came a long way, which is a circle.
    #[error(
        "it has passed {HOPS_MAX} modules already, which is taken for a circle; {who} stops it"
    )]
    Circle {
        /// The module that would go on.
        who: Name,
    },
    /// Too often.
    #[error("{who} does so more often than {per_second} times a second; wait for {after}")]
    Rate {
        /// The module.
        who: Name,
        /// What is allowed.
        per_second: u32,
        /// How long to wait.
        after: Interval,
    },
    /// Too many at once.
    #[error("{who} asks for more at once than is held for it; wait for answers")]
    Crowd {
        /// The module.
        who: Name,
    },
}

impl Refusal {
    /// A module that does something too often has to wait.
    pub(super) fn rate(who: &Name, per_second: u32, wait: Duration) -> Self {
        let after = Interval::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        Self::Rate { who: who.clone(), per_second, after }
    }

    /// The HTTP status that says so.
    pub const fn status(&self) -> u16 {
        match self {
            // Whoever may not ask does not learn from the status what there is.
            Self::Missing(_) => 404,
            Self::NotGranted { .. } | Self::NotOffered { .. } => 403,
            Self::Unavailable { .. } => 503,
            Self::Path(_) => 400,
            Self::Circle { .. } => 508,
            Self::Rate { .. } | Self::Crowd { .. } => 429,
        }
    }

    /// The refusal in a few words.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Missing(_) => "No such module",
            Self::NotGranted { .. } => "Not granted",
            Self::NotOffered { .. } => "Not offered",
            Self::Unavailable { .. } => "Not available",
            Self::Path(_) => "Not a path",
            Self::Circle { .. } => "Going in a circle",
            Self::Rate { .. } => "Too often",
            Self::Crowd { .. } => "Too many at once",
        }
    }
}

/// Whether one module's document lets it ask another for a path.
pub fn may_ask(
    (asker, spec): (&Name, &ModuleSpec),
    to: &Name,
    path: &BridgePath,
) -> Result<(), Refusal> {
    let granted = spec.may_ask.iter().any(|grant| grant.module == *to && grant.what.matches(path));
    if granted && asker != to {
        return Ok(());
    }
    let what = format!("{to}:{}", path.path());
    Err(Refusal::NotGranted { who: asker.clone(), verb: "ask for", field: "may_ask", what })
}

/// Whether a module's manifest lets others ask for a path.
pub fn answers(to: &Name, manifest: Option<&Manifest>, path: &BridgePath) -> Result<(), Refusal> {
    let offer = manifest.and_then(|manifest| manifest.bridge.as_ref());
    if offer.is_some_and(|offer| offer.answers.iter().any(|pattern| pattern.matches(path))) {
        return Ok(());
    }
    let what = path.path().to_owned();
    Err(Refusal::NotOffered { who: to.clone(), verb: "answers", field: "answers", what })
}

/// Whether a module may tell others of a topic.
pub fn may_publish(
    (who, spec): (&Name, &ModuleSpec),
    manifest: Option<&Manifest>,
    topic: &str,
) -> Result<(), Refusal> {
    if !spec.may_publish.iter().any(|grant| grant.matches(topic)) {
        let (verb, field) = ("publish", "may_publish");
        return Err(Refusal::NotGranted { who: who.clone(), verb, field, what: topic.to_owned() });
    }
    let offer = manifest.and_then(|manifest| manifest.bridge.as_ref());
    if offer.is_some_and(|offer| offer.publishes.iter().any(|pattern| pattern.matches(topic))) {
        return Ok(());
    }
    let (verb, field) = ("publishes", "publishes");
    Err(Refusal::NotOffered { who: who.clone(), verb, field, what: topic.to_owned() })
}

/// Whether a module asks to hear of another's topic, and may.
pub fn hears(
    (who, spec): (&Name, &ModuleSpec),
    manifest: Option<&Manifest>,
    (from, topic): (&Name, &str),
) -> bool {
    let Some(offer) = manifest.and_then(|manifest| manifest.bridge.as_ref()) else { return false };
    let means = |of: &TopicsOf| of.module == *from && of.what.matches(topic);
    who != from && offer.subscribes.iter().any(means) && spec.may_subscribe.iter().any(means)
}

/// What a module asks for and its document does not grant, as lines such as
/// `may_ask = ["inventory:/api/stock"]`.
pub fn missing(spec: &ModuleSpec, offer: &BridgeOffer) -> Vec<String> {
    let asks = offer.asks.iter().filter(|wanted| {
        let covers =
            |grant: &PathsOf| grant.module == wanted.module && grant.what.covers(&wanted.what);
        !spec.may_ask.iter().any(covers)
    });
    let publishes = offer
        .publishes
        .iter()
        .filter(|wanted| !spec.may_publish.iter().any(|grant| grant.covers(wanted)));
    let subscribes = offer.subscribes.iter().filter(|wanted| {
        let covers =
            |grant: &TopicsOf| grant.module == wanted.module && grant.what.covers(&wanted.what);
        !spec.may_subscribe.iter().any(covers)
    });
    [
        line("may_ask", asks.map(ToString::to_string)),
        line("may_publish", publishes.map(ToString::to_string)),
        line("may_subscribe", subscribes.map(ToString::to_string)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn line(field: &str, wanted: impl Iterator<Item = String>) -> Option<String> {
    let quoted: Vec<String> = wanted.map(|text| format!("\"{text}\"")).collect();
    (!quoted.is_empty()).then(|| format!("{field} = [{}]", quoted.join(", ")))
}
