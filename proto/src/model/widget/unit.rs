//! What a number counts where no format says it: `hPa`, `kWh`, `pods`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::SafeText;

/// The longest unit, in bytes.
const BYTES_MAX: usize = 15;

/// A short word that stands behind a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit {
    bytes: [u8; BYTES_MAX],
    length: u8,
}

/// Why a text is not a [`Unit`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a unit is a short word such as hPa or pods, of 1 to {BYTES_MAX} bytes that can be shown")]
pub struct UnitError;

impl Unit {
    /// The word.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl FromStr for Unit {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let safe = SafeText::new(text).as_str() == text && text.trim() == text;
        let length = u8::try_from(text.len()).map_err(|_| UnitError)?;
        let mut bytes = [0; BYTES_MAX];
        let room = bytes.get_mut(..text.len()).filter(|room| safe && !room.is_empty());
        room.ok_or(UnitError)?.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
