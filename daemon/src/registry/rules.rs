//! How statements about a kind of document are merged: by which type of each place, and by whose
//! word.

use ccm_proto::model::Kind;
use serde_json::Value;

use super::path::Path;

/// How the statements of several layers about one place become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Entry by entry.
    Map,
    /// Member by member; order has no meaning.
    Set,
    /// Item by item, told apart by the text in this field. The order is that of the winning layer
    /// that states one; items that it does not know follow in the order of less specific layers.
    Keyed(&'static str),
    /// Taken whole from one layer, whatever it is made of.
    Whole,
}

/// Whose statement wins when nobody's is mandatory. What is shipped always comes last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// platform, tenant, team, user.
    PlatformWins,
    /// tenant, team, user, platform.
    TenantWins,
    /// user, team, tenant, platform.
    #[default]
    UserWins,
}

impl Strategy {
    /// The weight of a scope by its depth (0 platform to 3 user); the heaviest wins. Distinct for
    /// distinct depths.
    pub const fn weight(self, depth: usize) -> usize {
        match (self, depth) {
            (Self::PlatformWins, depth) => 4_usize.saturating_sub(depth),
            (Self::TenantWins, 0) => 0,
            (Self::TenantWins, depth) => 4_usize.saturating_sub(depth),
            (Self::UserWins, depth) => depth,
        }
    }

    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlatformWins => "platform-wins",
            Self::TenantWins => "tenant-wins",
            Self::UserWins => "user-wins",
        }
    }
}

/// What a kind says of the places that match a pattern.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Keys from the root; `*` stands for any one key.
    pub place: Vec<&'static str>,
    /// How layers merge there; by the shape of the value when not given.
    pub merge: Option<Merge>,
    /// Whose word counts there and below; the kind's when not given.
    pub strategy: Option<Strategy>,
    /// What holds there when nobody says anything.
    pub default: Option<Value>,
}

/// The merging rules of a kind.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whose word counts where no rule says otherwise.
    pub strategy: Strategy,
    /// Later rules win over earlier ones.
    pub rules: Vec<Rule>,
}

impl Rules {
    /// The rules of a kind of document.
    pub fn of(kind: Kind) -> Self {
        let merge = |place: &[&'static str], merge| Rule {
            place: place.to_vec(),
            merge: Some(merge),
            strategy: None,
            default: None,
        };
        match kind {
            // A position is one decision: its four numbers never come from two layers.
            Kind::Layout => Self {
                strategy: Strategy::UserWins,
                rules: vec![
                    merge(&["page"], Merge::Keyed("title")),
                    merge(&["page", "*", "widget"], Merge::Keyed("name")),
                    merge(&["page", "*", "widget", "*", "at"], Merge::Whole),
                    merge(&["page", "*", "widget", "*", "at_medium"], Merge::Whole),
                    merge(&["page", "*", "widget", "*", "at_narrow"], Merge::Whole),
                ],
            },
            Kind::Widget => {
                Self { strategy: Strategy::UserWins, rules: vec![merge(&["tags"], Merge::Set)] }
            }
            // Everyone of a tenant shares a source's readings, so the tenant decides on them.
            Kind::Source => Self {
                strategy: Strategy::TenantWins,
                rules: vec![
                    merge(&["system", "ignore_filesystems"], Merge::Set),
                    merge(&["system", "ignore_interfaces"], Merge::Set),
                ],
            },
            // What the daemon may reach, and by what address, is the platform's decision alone.
            Kind::Egress | Kind::Module | Kind::Connector => {
                Self { strategy: Strategy::PlatformWins, rules: Vec::new() }
            }
            Kind::Theme => Self {
                strategy: Strategy::UserWins,
                rules: vec![merge(&["role", "*", "modifiers"], Merge::Whole)],
            },
        }
    }

    /// How a value merges at a place: by its rule, else an object is a map and all else is whole.
    pub fn merge(&self, place: &Path, value: &Value) -> Merge {
        let mut stated = self.rules.iter().rev().filter(|rule| matches(&rule.place, place));
        stated.find_map(|rule| rule.merge).unwrap_or(match value {
            Value::Object(_) => Merge::Map,
            _ => Merge::Whole,
        })
    }

    /// Whose word counts at a place: that of the nearest rule on the way up, else the kind's.
    pub fn strategy(&self, place: &Path) -> Strategy {
        let mut at = Some(place.clone());
        while let Some(place) = at {
            let mut stated = self.rules.iter().rev().filter(|rule| matches(&rule.place, &place));
            if let Some(strategy) = stated.find_map(|rule| rule.strategy) {
                return strategy;
            }
            at = place.parent();
        }
        self.strategy
    }

    /// What holds when nobody says anything, by place. Only rules without `*` can have a default.
    pub fn defaults(&self) -> impl Iterator<Item = (Path, &Value)> {
        self.rules.iter().filter(|rule| !rule.place.contains(&"*")).filter_map(|rule| {
            let place = rule.place.iter().fold(Path::ROOT, |path, key| path.key(key));
            rule.default.as_ref().map(|value| (place, value))
        })
    }
}

fn matches(pattern: &[&str], place: &Path) -> bool {
    let mut keys = place.keys();
    let fits =
        pattern.iter().all(|step| keys.next().is_some_and(|key| *step == "*" || *step == key));
    fits && keys.next().is_none()
}
