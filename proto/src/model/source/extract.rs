//! What is taken out of an answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Problem;

/// The most values and lists of one source, and the most fields of one list.
pub const RULES_MAX: usize = 256;

/// The most items that are taken out of one list when nobody says otherwise.
pub const ITEMS_DEFAULT: u32 = 1_000;

/// The most items that may be taken out of one list.
pub const ITEMS_MAX: u32 = 10_000;

/// Named values and lists. Paths are JSONPath as in RFC 9535; the names are dotted paths in the
/// reading, so that `sales.total` stands below `sales`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Extract {
    /// What the answer is.
    #[serde(skip_serializing_if = "is_usual")]
    pub format: AnswerFormat,
    /// Single values. One that is a number is kept as a series.
    pub values: BTreeMap<String, ValueRule>,
    /// Lists of items.
    pub lists: BTreeMap<String, ListRule>,
    /// Decimals of currencies where the service counts otherwise than ISO 4217, by their codes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub decimals: Decimals,
}

impl Extract {
    /// What the numbers of a value, or of a list's field as `LIST.FIELD`, count.
    pub fn unit(&self, metric: &str) -> Option<&str> {
        let listed = || {
            let (list, field) = metric.split_once('.')?;
            self.lists.get(list)?.fields.get(field)
        };
        match self.values.get(metric).or_else(listed)? {
            ValueRule::Full(rule) => rule.unit.as_deref(),
            ValueRule::Path(_) => None,
        }
    }
}

/// What an answer is, and what paths find in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFormat {
    /// JSON.
    #[default]
    Json,
    /// JSON values, one a line, which are the items of `$`.
    JsonLines,
    /// Any text, which is `$`.
    Text,
    /// Text of which every line is an item of `$`.
    Lines,
    /// Lines of a name and its value with `:` or `=` between, which are the members of `$`.
    Pairs,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How many decimals a currency has, by its code in capital letters: 0 for `JPY`, 3 for `KWD`.
pub type Decimals = BTreeMap<String, u8>;

/// The most decimals of a currency.
pub const DECIMALS_MAX: u8 = 8;

/// Where a value is, in short or in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ValueRule {
    /// The path alone.
    Path(String),
    /// Path and form.
    Full(FullRule),
}

/// Where a value is and what becomes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullRule {
    /// JSONPath; several nodes are put together by `combine`. The whole answer when not given.
    #[serde(default = "whole")]
    pub path: String,
    /// What is taken of a text: what the first group of the pattern matches, or all that the
    /// pattern does. A number in it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// What it is read as; as it is when not given.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub value_type: Option<ValueType>,
    /// What a number is multiplied by, as 0.01 for cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// The field beside the number that says its currency: the number counts the currency's smallest
    /// unit, and becomes whole ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What the number counts, as in `usd` or `bytes`: for people, and for `ccm source test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What becomes of several nodes; the first one counts when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combine: Option<Combine>,
    /// False shows the number without keeping its past.
    #[serde(default = "yes")]
    pub series: bool,
}

fn whole() -> String {
    "$".to_owned()
}

fn yes() -> bool {
    true
}

/// What a value is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// A number; text that is one is read as one.
    Number,
    /// A whole number.
    Integer,
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// A moment: RFC 3339 text, or seconds or milliseconds since 1970; becomes seconds.
    Time,
}

/// What becomes of several nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The first.
    First,
    /// The last.
    Last,
    /// How many there are; 0 when there are none.
    Count,
    /// Their sum; 0 when there are none.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Their mean.
    Mean,
}

/// A list and what is taken of its items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRule {
    /// JSONPath of the items, as in `$.data[*]`.
    pub path: String,
    /// Field that tells items apart; needed where fields are kept as series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Fields of an item by name, with paths from the item (`$.amount`); the whole item when none
    /// is given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, ValueRule>,
    /// Fields that are kept as series, told apart by the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<String>,
    /// The most items; the rest are left out.
    #[serde(default = "items")]
    pub limit: u32,
}

fn items() -> u32 {
    ITEMS_DEFAULT
}

impl ValueRule {
    /// The rule in full.
    pub fn full(&self) -> FullRule {
        match self {
            Self::Full(rule) => rule.clone(),
            Self::Path(path) => FullRule {
                path: path.clone(),
                regex: None,
                value_type: None,
                scale: None,
                currency: None,
                unit: None,
                combine: None,
                series: true,
            },
        }
    }
}

impl Extract {
    /// Each name is a place of its own in the reading: none is given twice, none stands above
    /// another.
    fn name_problems(&self) -> Vec<Problem> {
        let values = self.values.keys().map(|name| ("values", name.as_str()));
        let lists = self.lists.keys().map(|name| ("lists", name.as_str()));
        let mut problems = Vec::new();
        for (section, name) in values.chain(lists) {
            let at = || format!("{section}.{name}");
            if name.split('.').any(str::is_empty) {
                let sentence = "a name is words with single dots between them";
                problems.push((at(), sentence.to_owned()));
            }
            if section == "lists" && self.values.contains_key(name) {
                problems.push((at(), format!("{name} is the name of a value too")));
            }
            let mut above = name.match_indices('.').filter_map(|(dot, _)| name.get(..dot));
            let taken =
                |above: &&str| self.values.contains_key(*above) || self.lists.contains_key(*above);
            if let Some(above) = above.find(taken) {
                let sentence = format!("{above} is taken, and nothing can stand below it");
                problems.push((at(), sentence));
            }
        }
        problems
    }

    /// Finds what the types alone cannot refuse. Whether a path can be read is checked where paths
    /// are.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (section, count) in [("values", self.values.len()), ("lists", self.lists.len())] {
            if count > RULES_MAX {
                let sentence =
                    format!("there are {count} {section}; at most {RULES_MAX} are taken");
                problems.push((section.to_owned(), sentence));
            }
        }
        problems.extend(self.name_problems());
        problems.extend(decimals_problems(&self.decimals));
        for (name, list) in &self.lists {
            let at = |field: &str| format!("lists.{name}.{field}");
            if list.fields.len() > RULES_MAX {
                let sentence = format!("at most {RULES_MAX} fields are taken of an item");
                problems.push((at("fields"), sentence));
            }
            if list.limit == 0 || list.limit > ITEMS_MAX {
                problems.push((at("limit"), format!("a limit is from 1 to {ITEMS_MAX}")));
            }
            if !list.series.is_empty() && list.key.is_none() {
                let sentence = "series of items need a key that tells the items apart";
                problems.push((at("series"), sentence.to_owned()));
            }
            let named =
                |field: &&String| !list.fields.is_empty() && !list.fields.contains_key(*field);
            for field in list.series.iter().chain(&list.key).filter(named) {
                problems.push((at("fields"), format!("there is no field {field:?}")));
            }
        }
        problems
    }
}

/// What is wrong with decimals of currencies; each problem names its field.
pub(in crate::model) fn decimals_problems(decimals: &Decimals) -> Vec<Problem> {
    let wrong = |(code, count): (&String, &u8)| {
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let sentence = if !is_code {
            "a currency is its code in three capital letters, such as JPY".to_owned()
        } else if *count > DECIMALS_MAX {
            format!("a currency has at most {DECIMALS_MAX} decimals")
        } else {
            return None;
        };
        Some((format!("decimals.{code}"), sentence))
    };
    decimals.iter().filter_map(wrong).collect()
}

#[cfg(test)]
mod tests;
