//! Values as sources give them: a tree. Its text is raw; it becomes [`crate::SafeText`] on the
//! way to a view, a log or a notification.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// One node of a reading. Names and short texts take no memory of their own: a list of processes
/// has thousands of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// There is no such thing here; never the same as zero.
    #[default]
    Absent,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number; not-a-number never occurs, it is [`Value::Absent`].
    Number(f64),
    /// Text from outside, not yet safe to show.
    Text(CompactString),
    /// Items in order.
    List(Vec<Value>),
    /// Named values.
    Map(BTreeMap<CompactString, Value>),
}

impl Value {
    /// The node at a dotted path such as `memory.used`; an index selects a list's item.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, step| match node {
            Self::Map(map) => map.get(step),
            Self::List(list) => list.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The node as a number; booleans are 0 and 1.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Integer(integer) => Some(*integer as f64),
            Self::Boolean(boolean) => Some(f64::from(u8::from(*boolean))),
            _ => None,
        }
    }

    /// The node's raw text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// Whether there is nothing here.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// A map of the given entries.
    pub fn map<K: Into<CompactString>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        if number.is_nan() { Self::Absent } else { Self::Number(number) }
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<u64> for Value {
    fn from(integer: u64) -> Self {
        i64::try_from(integer).map_or(Self::Number(integer as f64), Self::Integer)
    }
}

impl From<u32> for Value {
    fn from(integer: u32) -> Self {
        Self::Integer(i64::from(integer))
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Self {
        Self::List(list)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Absent, Into::into)
    }
}

#[cfg(test)]
mod tests;
