//! The only text that may reach a terminal, a log line or a notification.
//!
//! What comes from outside (a process' name, a path, an error of a far machine, a daemon that may
//! be hostile) is passed through [`SafeText::new`], whose result
//!
//! - holds no control (C0, C1, DEL), so that no part of it is, begins or completes an escape
//!   sequence; tab and line end become a space, the rest a visible `<U+001B>`;
//! - shows everything that hides or reorders (bidi controls, zero width, tags, fillers,
//!   annotations, separators) and everything a terminal may not know (private use, unassigned)
//!   as `<U+202E>`;
//! - takes the same number of columns by every width model: selectors and joiners of emoji are
//!   dropped so that their parts stand side by side, flags become their two letters, conjoining
//!   jamo and the spacing marks that terminals disagree about become visible escapes. What Unicode
//!   calls "ambiguous" (`é`, `—`, `→`, Greek, Cyrillic) is kept and counts one column, as in every
//!   terminal that was not told otherwise; [`SafeText::unambiguous`] is for those that were;
//! - has at most [`MARKS_MAX`] combining marks and [`GRAPHEME_BYTES_MAX`] bytes in a grapheme, and
//!   at most [`GRAPHEMES_MAX`] graphemes; a cut is marked.
//!
//! Making safe text safe again changes nothing.

mod builder;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wcwidth;

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The most combining marks on one letter: Vietnamese and pointed Hebrew need three; more is a
/// pile that covers other lines.
pub const MARKS_MAX: usize = 4;

/// The most bytes of one grapheme, which is one cell's: a letter and [`MARKS_MAX`] marks with room
/// for a conjunct.
pub const GRAPHEME_BYTES_MAX: usize = 32;

/// The most graphemes of a text: several times the widest terminal, and no more memory than a
/// message is worth.
pub const GRAPHEMES_MAX: usize = 4_096;

/// What stands for the rest of a text that was cut.
pub const ELLIPSIS: char = '…';

/// Text that a terminal shows as it stands.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText(Arc<str>);

/// How a character that is shown as it is takes part in a grapheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// One column.
    Narrow,
    /// Two columns.
    Wide,
    /// On the letter before, no column.
    Mark,
    /// A mark that ties the next letter to the one before, no column.
    Linker,
    /// Part of the grapheme before, one column.
    Spacing,
}

impl Class {
    /// The class of a character outside ASCII; none when it must not be shown as it is.
    fn of(c: char) -> Option<Self> {
        let code = u32::from(c);
        let index = table::SHOWN.partition_point(|(_, last, _)| *last < code);
        table::SHOWN.get(index).filter(|(first, ..)| *first <= code).map(|(.., class)| *class)
    }

    /// Columns.
    const fn width(self) -> usize {
        match self {
            Self::Narrow | Self::Spacing => 1,
            Self::Wide => 2,
            Self::Mark | Self::Linker => 0,
        }
    }
}

impl SafeText {
    /// Makes any text safe.
    pub fn new(text: &str) -> Self {
        let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if plain && text.len() <= GRAPHEMES_MAX {
            return Self(text.into());
        }
        Self(builder::build(text).into())
    }

    /// Makes bytes safe that should be UTF-8; each that is not becomes a visible `<0x9B>`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        use fmt::Write as _;
        // Enough for the longest result: anything after it would be cut.
        const BYTES_MAX: usize = GRAPHEMES_MAX * GRAPHEME_BYTES_MAX;
        let mut text = String::with_capacity(bytes.len().min(BYTES_MAX));
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            for byte in chunk.invalid() {
                let _ = write!(text, "<0x{byte:02X}>");
            }
            if text.len() > BYTES_MAX {
                break;
            }
        }
        Self::new(&text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Columns that the text takes on a terminal.
    pub fn width(&self) -> usize {
        if self.0.is_ascii() { self.0.len() } else { self.0.width() }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a terminal puts into one cell (or two, where wide), in order.
    pub fn graphemes(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.graphemes(true)
    }

    /// At most `width` columns of the text; the last one is an ellipsis when something is missing.
    pub fn truncate(&self, width: usize) -> Self {
        if self.width() <= width {
            return self.clone();
        }
        let Some(room) = width.checked_sub(1) else {
            return Self::default();
        };
        let mut kept = String::new();
        let mut used = 0;
        for grapheme in self.graphemes() {
            used += grapheme.width();
            if used > room {
                break;
            }
            kept.push_str(grapheme);
        }
        kept.push(ELLIPSIS);
        Self(kept.into())
    }

    /// The text for a terminal that draws characters of ambiguous width in two columns: each of
    /// them is a `?`.
    pub fn unambiguous(&self) -> Self {
        let plain = |c: char| if c.width() == c.width_cjk() { c } else { '?' };
        let text: String = self.0.chars().map(plain).collect();
        Self::new(&text)
    }
}

impl fmt::Display for SafeText {
    /// Precision and width count columns, as a table of them needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let cut;
        let shown = match f.precision() {
            Some(precision) => {
                cut = self.truncate(precision);
                &cut
            }
            None => self,
        };
        let missing = f.width().unwrap_or(0).saturating_sub(shown.width());
        let before = match f.align() {
            Some(fmt::Alignment::Right) => missing,
            Some(fmt::Alignment::Center) => missing / 2,
            Some(fmt::Alignment::Left) | None => 0,
        };
        let fill = f.fill();
        for _ in 0..before {
            f.write_char(fill)?;
        }
        f.write_str(&shown.0)?;
        for _ in before..missing {
            f.write_char(fill)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for SafeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl AsRef<str> for SafeText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SafeText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for SafeText {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<&String> for SafeText {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<fmt::Arguments<'_>> for SafeText {
    fn from(arguments: fmt::Arguments<'_>) -> Self {
        match arguments.as_str() {
            Some(text) => Self::new(text),
            None => Self::new(&arguments.to_string()),
        }
    }
}

impl From<&crate::model::Name> for SafeText {
    fn from(name: &crate::model::Name) -> Self {
        Self::new(name.as_str())
    }
}

impl PartialEq<str> for SafeText {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for SafeText {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}
