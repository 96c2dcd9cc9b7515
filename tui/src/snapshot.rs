//! Pictures and data of what the screen shows, for files, pipes and issues.
//!
//! The pictures ([`render`]) are made from the very cells that a terminal gets; the data ([`json`])
//! from what the widgets show in them. Identical input gives identical bytes.

mod ansi;
#[cfg(feature = "png")]
mod atlas;
mod colour;
#[cfg(any(feature = "png", test))]
mod font;
mod json;
mod outline;
#[cfg(feature = "png")]
mod png;
mod scene;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ratatui::buffer::Buffer;

pub use colour::{Palette, Rgb};
pub use json::{Heading, WidgetData, json};

/// What a snapshot can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lines of plain text.
    #[default]
    Text,
    /// Lines of text with colours, for `cat` and `less -R`.
    Ansi,
    /// The data rather than the picture, for `jq`.
    Json,
    /// A picture for documents and the web.
    Svg,
    /// A picture for everything else.
    Png,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Text, Self::Ansi, Self::Json, Self::Svg, Self::Png];

    /// The word for it on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Ansi => "ansi",
            Self::Json => "json",
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// The format that a file's name asks for by its ending.
    pub fn of_file(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "txt" | "text" => Some(Self::Text),
            "ansi" | "ans" => Some(Self::Ansi),
            "json" => Some(Self::Json),
            "svg" => Some(Self::Svg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }

    /// Whether the bytes may be written to a terminal.
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Png)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {0:?}; the formats are text, ansi, json, svg and png")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.as_str() == text)
            .ok_or_else(|| FormatError(text.chars().take(40).collect()))
    }
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The data is not made from cells.
    #[error("json is the data, not a picture of it; choose text, ansi, svg or png")]
    NotAPicture,
    /// Built without the feature `png`.
    #[error("this build makes no PNG pictures; choose svg, or build with the feature png")]
    NoPng,
    /// The rasteriser refused.
    #[error("the picture of {columns}x{rows} cells cannot be drawn: {problem}")]
    Raster {
        /// Width of the screen.
        columns: u16,
        /// Height of the screen.
        rows: u16,
        /// What the rasteriser says.
        problem: String,
    },
}

/// A picture of the cells.
pub fn render(
    buffer: &Buffer,
    format: Format,
    palette: &Palette,
) -> Result<Vec<u8>, SnapshotError> {
    match format {
        Format::Text => Ok(text::render(buffer).into_bytes()),
        Format::Ansi => Ok(ansi::render(buffer).into_bytes()),
        Format::Json => Err(SnapshotError::NotAPicture),
        Format::Svg => Ok(svg::render(buffer, palette).into_bytes()),
        #[cfg(feature = "png")]
        Format::Png => png::render(buffer, palette),
        #[cfg(not(feature = "png"))]
        Format::Png => Err(SnapshotError::NoPng),
    }
}

/// The cells of each line: column, symbol's columns, cell. What a wide symbol covers is left out.
fn lines(
    buffer: &Buffer,
) -> impl Iterator<Item = impl Iterator<Item = (u16, u16, &ratatui::buffer::Cell)>> {
    use unicode_width::UnicodeWidthStr as _;
    let columns = buffer.area.width;
    buffer.content.chunks(usize::from(columns.max(1))).map(move |line| {
        let mut free = 0;
        (0..columns).zip(line).filter_map(move |(column, cell)| {
            if column < free {
                return None;
            }
            let width = cell.symbol().width().clamp(1, usize::from(columns - column)) as u16;
            free = column + width;
            Some((column, width, cell))
        })
    })
}

/// A cell's symbol without what a terminal or an XML reader would take for more than text. Cells
/// are filled from safe text; this is the last door before a file.
fn printable(symbol: &str) -> impl Iterator<Item = char> {
    let blank = symbol.is_empty().then_some(' ');
    symbol.chars().map(|c| if c.is_control() { '?' } else { c }).chain(blank)
}
