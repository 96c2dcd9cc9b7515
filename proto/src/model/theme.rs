//! Themes: colours by role, as people write them in documents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Name;

/// A theme's definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThemeSpec {
    /// What to call it.
    pub title: String,
    /// The background that it is made for.
    #[serde(default)]
    pub variant: Variant,
    /// A theme that says what this one leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherits: Option<Name>,
    /// Names for colours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub palette: BTreeMap<String, String>,
    /// A style for each role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role: BTreeMap<Role, StyleSpec>,
}

/// The background that a theme is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Bright on dark.
    #[default]
    Dark,
    /// Dark on bright.
    Light,
}

/// What a piece of the screen means. A theme may leave a role out: it then looks like its
/// [`Role::fallback`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Behind everything.
    Background,
    /// Data.
    Text,
    /// What helps to read the data: units, axes, hints.
    Muted,
    /// Frames.
    Border,
    /// The frame that has the focus.
    BorderFocus,
    /// A frame's title.
    Title,
    /// The line at the top.
    Header,
    /// The line at the bottom.
    Footer,
    /// A key that can be pressed.
    Key,
    /// What has the focus or is chosen.
    Accent,
    /// A chosen row.
    Selection,
    /// What a filter or a search matched.
    Match,
    /// As it should be.
    Ok,
    /// Worth a look.
    Warning,
    /// Needs someone now.
    Critical,
    /// Old data.
    Stale,
    /// Nobody knows.
    Unknown,
    /// The empty part of a meter.
    Track,
    /// First line of a chart.
    Series1,
    /// Second line of a chart.
    Series2,
    /// Third line of a chart.
    Series3,
    /// Fourth line of a chart.
    Series4,
    /// Fifth line of a chart.
    Series5,
    /// Sixth line of a chart.
    Series6,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 24] = [
        Self::Background,
        Self::Text,
        Self::Muted,
        Self::Border,
        Self::BorderFocus,
        Self::Title,
        Self::Header,
        Self::Footer,
        Self::Key,
        Self::Accent,
        Self::Selection,
        Self::Match,
        Self::Ok,
        Self::Warning,
        Self::Critical,
        Self::Stale,
        Self::Unknown,
        Self::Track,
        Self::Series1,
        Self::Series2,
        Self::Series3,
        Self::Series4,
        Self::Series5,
        Self::Series6,
    ];

    /// The role whose style this one has when the theme does not say.
    pub const fn fallback(self) -> Option<Self> {
        match self {
            Self::Background | Self::Text => None,
            Self::Title | Self::Header | Self::Key | Self::Accent | Self::Selection => {
                Some(Self::Text)
            }
            Self::Ok | Self::Warning | Self::Critical | Self::Muted | Self::Series1 => {
                Some(Self::Text)
            }
            Self::Border | Self::Footer | Self::Stale | Self::Unknown | Self::Track => {
                Some(Self::Muted)
            }
            Self::BorderFocus | Self::Match => Some(Self::Accent),
            Self::Series2 | Self::Series3 | Self::Series4 | Self::Series5 | Self::Series6 => {
                Some(Self::Series1)
            }
        }
    }
}

/// How a role looks. Colours are `#rrggbb`, a name of the palette, one of the 16 terminal colours
/// (`red`, `bright_red`, …), an index `0` to `255`, or `default`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StyleSpec {
    /// Colour of the glyphs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fg: Option<String>,
    /// Colour behind the glyphs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bg: Option<String>,
    /// Colour of the glyphs on a terminal of 16 colours, when the nearest one will not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fg16: Option<String>,
    /// `bold`, `dim`, `italic`, `underline`, `reverse`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
}

/// How glyphs are set beside their colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modifier {
    /// Heavy.
    Bold,
    /// Faint.
    Dim,
    /// Slanted.
    Italic,
    /// Underlined.
    Underline,
    /// Foreground and background exchanged.
    Reverse,
}

/// The names of the 16 terminal colours, by index.
pub const TERMINAL_COLOURS: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright_black",
    "bright_red",
    "bright_green",
    "bright_yellow",
    "bright_blue",
    "bright_magenta",
    "bright_cyan",
    "bright_white",
];

impl ThemeSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for (name, colour) in &self.palette {
            if !is_plain_colour(colour) {
                problems.push((format!("palette.{name}"), format!("{colour:?} is not a colour")));
            }
        }
        for (role, style) in &self.role {
            let parts = [("fg", &style.fg), ("bg", &style.bg), ("fg16", &style.fg16)];
            for (part, colour) in parts {
                let Some(colour) = colour else { continue };
                if !is_plain_colour(colour) && !self.palette.contains_key(colour) {
                    let role = serde_json::to_value(role).unwrap_or_default();
                    let role = role.as_str().unwrap_or_default();
                    problems.push((
                        format!("role.{role}.{part}"),
                        format!("{colour:?} is neither a colour nor a name of the palette"),
                    ));
                }
            }
        }
        problems
    }
}

fn is_plain_colour(text: &str) -> bool {
    let hex = |digits: &str| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    text == "default"
        || TERMINAL_COLOURS.contains(&text)
        || text.parse::<u8>().is_ok()
        || text.strip_prefix('#').is_some_and(hex)
}

#[cfg(test)]
mod tests;
