//! Between the wire and the model. Whatever the other side sends becomes a valid value or an error
//! that names the field; nothing panics.

mod credential;
mod document;
mod offer;
mod series;
mod source;
mod stream;
mod value;
mod view;

use std::fmt;

pub use credential::{CredentialState, ProviderState};
pub use source::{DaemonState, SourceState};
pub use stream::{Binding, FeedChange, FrameContents, Goodbye, Welcome};

/// A message that says something impossible, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    path: Vec<String>,
    problem: String,
}

impl ConvertError {
    /// Something wrong with the message at hand.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { path: Vec::new(), problem: problem.into() }
    }

    /// A field that must be set and is not.
    pub fn missing(field: &str) -> Self {
        Self::new("is missing").within(field)
    }

    /// The same problem seen from one level further out.
    #[must_use]
    pub fn within(mut self, field: impl Into<String>) -> Self {
        self.path.insert(0, field.into());
        self
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "{}: {}", self.path.join("."), self.problem)
    }
}

impl std::error::Error for ConvertError {}

/// Converts a required message field.
fn required<W, M>(field: &str, value: Option<W>) -> Result<M, ConvertError>
where
    M: TryFrom<W, Error = ConvertError>,
{
    let value = value.ok_or_else(|| ConvertError::missing(field))?;
    M::try_from(value).map_err(|error| error.within(field))
}

/// Converts every item of a repeated field.
fn each<W, M>(field: &str, values: Vec<W>) -> Result<Vec<M>, ConvertError>
where
    M: TryFrom<W, Error = ConvertError>,
{
    let convert = |(index, value)| {
        M::try_from(value).map_err(|e: ConvertError| e.within(format!("{field}[{index}]")))
    };
    values.into_iter().enumerate().map(convert).collect()
}

/// A Unix time in milliseconds where 0 means "none".
fn optional_time(millis: i64) -> Option<crate::model::Timestamp> {
    (millis != 0).then(|| crate::model::Timestamp::from_millis(millis))
}

/// Text where empty means "none".
fn optional_text(text: &str) -> Option<crate::SafeText> {
    (!text.is_empty()).then(|| crate::SafeText::new(text))
}

/// The inverse of [`optional_time`].
fn millis(time: Option<crate::model::Timestamp>) -> i64 {
    time.map_or(0, crate::model::Timestamp::as_millis)
}

/// Saturates at the largest wire value, some 49 days.
fn short(interval: crate::model::Interval) -> u32 {
    u32::try_from(interval.as_millis()).unwrap_or(u32::MAX)
}

fn long(millis: u32) -> crate::model::Interval {
    crate::model::Interval::from_millis(u64::from(millis))
}
