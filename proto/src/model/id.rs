//! Names of configured things.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest [`Name`] in bytes; long enough for a DNS label and a module prefix.
pub const NAME_MAX: usize = 96;

/// A document's name: lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or
/// digit. Such a name is safe in a file name, a key of the store and a terminal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name is missing")]
    Empty,
    /// Longer than [`NAME_MAX`].
    #[error("a name has at most {NAME_MAX} characters, this one has {0}")]
    TooLong(usize),
    /// A character that names may not hold.
    #[error(
        "the name has {found:?} at position {position}; names are lower-case letters, digits, '-', '_' and '.', and begin with a letter or digit"
    )]
    Character {
        /// The character.
        found: char,
        /// Where it stands, counted from 1.
        position: usize,
    },
}

impl Name {
    /// Checks a text.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_MAX {
            return Err(NameError::TooLong(text.chars().count()));
        }
        for (index, found) in text.chars().enumerate() {
            let plain = found.is_ascii_lowercase() || found.is_ascii_digit();
            let joint = index > 0 && matches!(found, '-' | '_' | '.');
            if !plain && !joint {
                return Err(NameError::Character { found, position: index + 1 });
            }
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
