//! Why an answer is no exposition of metrics.

use ccm_proto::SafeText;

use super::{LABEL_BYTES_MAX, LABELS_MAX, LINE_BYTES_MAX, LINES_MAX, NAME_BYTES_MAX};

/// Where and why an answer could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the answer {cause}")]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with a line, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Bytes that are no text.
    #[error("is not UTF-8; the target must escape or encode what it puts there")]
    Utf8,
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("has more than {LINE_BYTES_MAX} bytes; see what the target puts there")]
    LineTooLong,
    /// More than [`LINES_MAX`].
    #[error("is one too many, {LINES_MAX} are read; split the target's metrics over paths")]
    TooManyLines,
    /// No metric's name where one belongs.
    #[error(
        "has {0:?} where a metric's name belongs; see whether the path serves metrics as Prometheus' text"
    )]
    Metric(SafeText),
    /// A name longer than [`NAME_BYTES_MAX`].
    #[error("has a name of more than {NAME_BYTES_MAX} bytes; the target must shorten it")]
    NameTooLong,
    /// A type that the formats do not know.
    #[error(
        "has {0:?} where a type such as counter or gauge belongs; the target must name one that Prometheus knows"
    )]
    Kind(SafeText),
    /// No label where one belongs.
    #[error(
        "has {0:?} where a label such as name=\"value\" belongs; the target must escape quotes"
    )]
    Label(SafeText),
    /// A label that is there twice.
    #[error("has the label {0:?} twice; the target must say it once")]
    RepeatedLabel(SafeText),
    /// More than [`LABELS_MAX`].
    #[error("has more than {LABELS_MAX} labels; the target must tell its series apart by fewer")]
    TooManyLabels,
    /// A value longer than [`LABEL_BYTES_MAX`].
    #[error("has a label of more than {LABEL_BYTES_MAX} bytes; the target must shorten it")]
    LabelTooLong,
    /// Labels that do not end.
    #[error(
        "ends within its labels; the target must close the quote and the brace, and write a line end within a value as \\n"
    )]
    Open,
    /// No number where one belongs.
    #[error("has {0:?} where a number belongs; the target must write one, NaN, +Inf or -Inf")]
    Value(SafeText),
    /// No time where one belongs.
    #[error("has {0:?} where a time belongs; the target must write Unix time, or none")]
    Timestamp(SafeText),
    /// More than a sample.
    #[error("goes on with {0:?} after the sample; the target must end the line there")]
    More(SafeText),
    /// OpenMetrics without its last line.
    #[error("is the last but not `# EOF`; the answer was cut off, so see the target's log")]
    NoEnd,
    /// OpenMetrics that goes on after its last line.
    #[error("follows `# EOF`; the target must end its answer there")]
    AfterEnd,
}

/// The most letters of an answer that are shown.
const SHOWN_MAX: usize = 24;

fn shown(text: &str) -> SafeText {
    SafeText::from(text.chars().take(SHOWN_MAX).collect::<String>())
}

impl Cause {
    pub(super) fn metric(found: &str) -> Self {
        Self::Metric(shown(found))
    }

    pub(super) fn kind(found: &str) -> Self {
        Self::Kind(shown(found))
    }

    pub(super) fn label(found: &str) -> Self {
        Self::Label(shown(found))
    }

    pub(super) fn repeated(found: &str) -> Self {
        Self::RepeatedLabel(shown(found))
    }

    pub(super) fn value(found: &str) -> Self {
        Self::Value(shown(found))
    }

    pub(super) fn timestamp(found: &str) -> Self {
        Self::Timestamp(shown(found))
    }

    pub(super) fn more(found: &str) -> Self {
        Self::More(shown(found))
    }
}
