//! Parameters: plain values that may be templates.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A parameter of a request. A text may be a template: `today`, `now-24h`, `$name`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Param {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text, or a template.
    Text(String),
    /// Several values of one name.
    List(Vec<Param>),
    /// Values below one name, as in `created = { gte = "today" }`.
    Table(BTreeMap<String, Param>),
}

impl fmt::Display for Param {
    /// A plain value as it stands in a request; lists and tables have no such form and are empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(on) => write!(f, "{on}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::List(_) | Self::Table(_) => Ok(()),
        }
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
