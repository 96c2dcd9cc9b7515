//! Colours: reading them, and finding the nearest one that a terminal has.

use std::collections::BTreeMap;

use ccm_proto::model::theme::TERMINAL_COLOURS;
use ratatui::style::Color;

use super::ColorDepth;

/// A colour as a theme means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// The terminal's own.
    Default,
    /// Of the terminal's table of 256.
    Indexed(u8),
    /// Red, green, blue.
    Rgb([u8; 3]),
}

/// What xterm shows for the first 16 colours when nobody changed them.
const ANSI: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

impl Colour {
    /// Reads `#rrggbb`, a name of the palette, a terminal colour's name or index, or `default`.
    pub(crate) fn parse(text: &str, palette: &BTreeMap<String, String>) -> Option<Self> {
        Self::plain(palette.get(text).map_or(text, String::as_str))
    }

    fn plain(text: &str) -> Option<Self> {
        if text == "default" {
            return Some(Self::Default);
        }
        if let Some(index) = TERMINAL_COLOURS.iter().position(|name| *name == text) {
            return u8::try_from(index).ok().map(Self::Indexed);
        }
        if let Some(digits) = text.strip_prefix('#') {
            if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            let number = u32::from_str_radix(digits, 16).ok()?;
            let [_, red, green, blue] = number.to_be_bytes();
            return Some(Self::Rgb([red, green, blue]));
        }
        text.parse().ok().map(Self::Indexed)
    }

    /// The colour that a terminal of this depth shows; none where it shows none.
    pub(crate) fn resolve(self, depth: ColorDepth) -> Option<Color> {
        match (self, depth) {
            (_, ColorDepth::Mono) => None,
            (Self::Default, _) => Some(Color::Reset),
            (Self::Indexed(index), _) if index < 16 => Some(named(index)),
            (Self::Indexed(index), ColorDepth::Ansi16) => Some(nearest16(table(index))),
            (Self::Indexed(index), _) => Some(Color::Indexed(index)),
            (Self::Rgb(rgb), ColorDepth::Ansi16) => Some(nearest16(rgb)),
            (Self::Rgb(rgb), ColorDepth::Ansi256) => Some(Color::Indexed(nearest256(rgb))),
            (Self::Rgb([red, green, blue]), ColorDepth::TrueColor) => {
                Some(Color::Rgb(red, green, blue))
            }
        }
    }

    /// The colour `part` (0 to 1) of the way to `other`, where both are known.
    pub(crate) fn mix(self, other: Self, part: f64) -> Option<Self> {
        let (Self::Rgb(a), Self::Rgb(b)) = (self, other) else { return None };
        let mut mixed = [0; 3];
        for (slot, (a, b)) in mixed.iter_mut().zip(a.into_iter().zip(b)) {
            *slot = (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
        }
        Some(Self::Rgb(mixed))
    }
}

fn named(index: u8) -> Color {
    NAMED.get(usize::from(index)).copied().unwrap_or(Color::Indexed(index))
}

/// What the table of 256 holds: 16 colours, a cube of six steps, 24 greys.
fn table(index: u8) -> [u8; 3] {
    if let Some(rgb) = ANSI.get(usize::from(index)) {
        return *rgb;
    }
    if index >= 232 {
        return [8 + 10 * (index - 232); 3];
    }
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let place = index - 16;
    [level(place / 36), level(place / 6 % 6), level(place % 6)]
}

fn nearest16(rgb: [u8; 3]) -> Color {
    let target = oklab(rgb);
    let nearest = (0..16_u8)
        .min_by(|a, b| distance(target, *a).total_cmp(&distance(target, *b)))
        .unwrap_or(7);
    named(nearest)
}

/// The first 16 are left out: people choose those to their taste.
fn nearest256(rgb: [u8; 3]) -> u8 {
    let target = oklab(rgb);
    let distances = (16..=255_u8).map(|index| (index, distance(target, index)));
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(7, |(index, _)| index)
}

fn distance(target: [f64; 3], index: u8) -> f64 {
    let other = oklab(table(index));
    target.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// A space in which equal distances look equally different.
fn oklab(rgb: [u8; 3]) -> [f64; 3] {
    let [red, green, blue] = rgb.map(linear);
    let long = (0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue).cbrt();
    let medium = (0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue).cbrt();
    let short = (0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue).cbrt();
    [
        0.210_454_255_3 * long + 0.793_617_785_0 * medium - 0.004_072_046_8 * short,
        1.977_998_495_1 * long - 2.428_592_205_0 * medium + 0.450_593_709_9 * short,
        0.025_904_037_1 * long + 0.782_771_766_2 * medium - 0.808_675_766_0 * short,
    ]
}

fn linear(channel: u8) -> f64 {
    let part = f64::from(channel) / 255.0;
    if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}

/// How well two colours can be told apart, 1 to 21, as WCAG defines it.
#[cfg(test)]
pub(crate) fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |rgb: [u8; 3]| {
        let [red, green, blue] = rgb.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    if a > b { a / b } else { b / a }
}
