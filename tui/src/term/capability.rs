//! What the terminal can show, from what was asked for and what the environment says.

use crate::cli::{ColorChoice, GlyphChoice};
use crate::glyph::GlyphSet;
use crate::theme::ColorDepth;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Colours.
    pub depth: ColorDepth,
    /// Characters.
    pub glyphs: GlyphSet,
    /// More than a console: frames can be shown in one piece (private mode 2026, which others
    /// ignore), and there is a title.
    pub modern: bool,
    /// The terminal says that its background is bright.
    pub bright: bool,
}

/// Reads a variable; empty ones count as unset.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Decides by flag, NO_COLOR, COLORTERM and TERM, in this order.
pub fn resolve(color: ColorChoice, glyphs: GlyphChoice, variable: Lookup<'_>) -> Capabilities {
    let term = variable("TERM").unwrap_or_default();
    let bare = matches!(term.as_str(), "" | "dumb");
    let console = term == "linux" || term.starts_with("vt");
    Capabilities {
        depth: depth(color, &term, variable),
        glyphs: glyph_set(glyphs, bare, console, variable),
        modern: !bare && !console,
        bright: is_bright(variable),
    }
}

fn depth(choice: ColorChoice, term: &str, variable: Lookup<'_>) -> ColorDepth {
    match choice {
        ColorChoice::Never => return ColorDepth::Mono,
        ColorChoice::Ansi16 => return ColorDepth::Ansi16,
        ColorChoice::Ansi256 => return ColorDepth::Ansi256,
        ColorChoice::Truecolor => return ColorDepth::TrueColor,
        ColorChoice::Auto if variable("NO_COLOR").is_some() => return ColorDepth::Mono,
        ColorChoice::Auto | ColorChoice::Always => {}
    }
    if matches!(variable("COLORTERM").as_deref(), Some("truecolor" | "24bit")) {
        return ColorDepth::TrueColor;
    }
    match term {
        "" | "dumb" => ColorDepth::Mono,
        _ if term.ends_with("-direct") => ColorDepth::TrueColor,
        _ if term.contains("256") => ColorDepth::Ansi256,
        _ if term.starts_with("vt") => ColorDepth::Mono,
        _ => ColorDepth::Ansi16,
    }
}

fn glyph_set(choice: GlyphChoice, bare: bool, console: bool, variable: Lookup<'_>) -> GlyphSet {
    match choice {
        GlyphChoice::Braille => GlyphSet::Braille,
        GlyphChoice::Block => GlyphSet::Block,
        GlyphChoice::Ascii => GlyphSet::Ascii,
        GlyphChoice::Auto if bare || !speaks_utf8(variable) => GlyphSet::Ascii,
        GlyphChoice::Auto if console => GlyphSet::Block,
        GlyphChoice::Auto => GlyphSet::Braille,
    }
}

/// The first of these that is set says it all.
fn speaks_utf8(variable: Lookup<'_>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// COLORFGBG ends with the background's colour; 7 and 15 are the bright ones.
fn is_bright(variable: Lookup<'_>) -> bool {
    let value = variable("COLORFGBG").unwrap_or_default();
    matches!(value.rsplit(';').next(), Some("7" | "15"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Capabilities {
        chosen(ColorChoice::Auto, variables)
    }

    fn chosen(color: ColorChoice, variables: &[(&str, &str)]) -> Capabilities {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned()).filter(|value| !value.is_empty())
        };
        resolve(color, GlyphChoice::Auto, &lookup)
    }

    #[test]
    fn colours_follow_flag_then_no_color_then_colorterm_then_term() {
        let term = ("TERM", "xterm-256color");
        assert_eq!(with(&[term]).depth, ColorDepth::Ansi256);
        assert_eq!(with(&[term, ("COLORTERM", "truecolor")]).depth, ColorDepth::TrueColor);
        assert_eq!(with(&[term, ("NO_COLOR", "1")]).depth, ColorDepth::Mono);
        assert_eq!(with(&[term, ("NO_COLOR", "")]).depth, ColorDepth::Ansi256);
        let always = chosen(ColorChoice::Always, &[term, ("NO_COLOR", "1")]);
        assert_eq!(always.depth, ColorDepth::Ansi256);
        assert_eq!(with(&[("TERM", "linux")]).depth, ColorDepth::Ansi16);
        assert_eq!(with(&[("TERM", "dumb")]).depth, ColorDepth::Mono);
        assert_eq!(with(&[]).depth, ColorDepth::Mono);
    }

    #[test]
    fn glyphs_follow_the_locale_and_the_terminal() {
        let utf8 = ("LANG", "de_DE.UTF-8");
        assert_eq!(with(&[("TERM", "xterm"), utf8]).glyphs, GlyphSet::Braille);
        assert_eq!(with(&[("TERM", "xterm"), ("LANG", "C")]).glyphs, GlyphSet::Ascii);
        assert_eq!(with(&[("TERM", "xterm"), utf8, ("LC_ALL", "C")]).glyphs, GlyphSet::Ascii);
        assert_eq!(with(&[("TERM", "linux"), utf8]).glyphs, GlyphSet::Block);
        assert_eq!(with(&[("TERM", "dumb"), utf8]).glyphs, GlyphSet::Ascii);
    }

    #[test]
    fn a_bright_background_is_known_by_its_colour() {
        assert!(with(&[("COLORFGBG", "0;15")]).bright);
        assert!(!with(&[("COLORFGBG", "15;0")]).bright);
        assert!(!with(&[]).bright);
    }
}
