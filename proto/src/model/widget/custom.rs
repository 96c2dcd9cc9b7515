//! Lines that a source writes by itself.

use serde::{Deserialize, Serialize};

use super::{Problems, State};
use crate::model::theme::Role;

/// Configuration of a `custom` widget. Its view has one row a line, with the cells text and style.
/// A line is a text, or `{text, style}`; it is shown as it is, without any control character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomConfig {
    /// Path of a list of lines in the reading.
    pub lines: String,
}

/// How a line that a source wrote looks: a closed set, so that nothing of a terminal is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineStyle {
    /// As other text.
    #[default]
    Text,
    /// Less important.
    Muted,
    /// A heading.
    Title,
    /// To be noticed.
    Accent,
    /// A state's colour and mark.
    State(State),
}

impl LineStyle {
    /// The style of this word; none when it is not one.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "muted" => Self::Muted,
            "title" => Self::Title,
            "accent" => Self::Accent,
            other => Self::State(State::parse(other)?),
        })
    }

    /// The word for it in readings and views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Title => "title",
            Self::Accent => "accent",
            Self::State(state) => state.as_str(),
        }
    }

    /// The theme's role for it.
    pub const fn role(self) -> Role {
        match self {
            Self::Text => Role::Text,
            Self::Muted => Role::Muted,
            Self::Title => Role::Title,
            Self::Accent => Role::Accent,
            Self::State(State::Ok) => Role::Ok,
            Self::State(State::Warning) => Role::Warning,
            Self::State(State::Critical) => Role::Critical,
        }
    }
}

impl CustomConfig {
    pub(super) fn problems(&self, problems: &mut Problems) {
        if self.lines.is_empty() {
            problems.push(("custom.lines".to_owned(), "a path of a list is needed".to_owned()));
        }
    }
}
