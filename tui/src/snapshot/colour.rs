//! Colours of cells as pictures need them.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// So much of this colour over another: 0 is the other, 255 is this.
    pub(super) fn over(self, other: Self, share: u8) -> Self {
        let mix = |a: u8, b: u8| {
            let (a, b, share) = (u32::from(a), u32::from(b), u32::from(share));
            ((a * share + b * (255 - share) + 127) / 255) as u8
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// What a terminal would add to the cells: the colours that have no numbers in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// The default colour of text.
    pub fg: Rgb,
    /// The default colour behind it.
    pub bg: Rgb,
    /// The 16 terminal colours.
    pub ansi: [Rgb; 16],
}

impl Palette {
    /// With the usual 16 colours.
    pub const fn new(fg: Rgb, bg: Rgb) -> Self {
        Self { fg, bg, ansi: ANSI }
    }

    fn indexed(&self, index: u8) -> Rgb {
        const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
        let level = |step: u8| LEVELS[usize::from(step % 6)];
        match index {
            0..16 => self.ansi[usize::from(index)],
            16..232 => {
                let cube = index - 16;
                Rgb(level(cube / 36), level(cube / 6), level(cube))
            }
            232.. => {
                let grey = 8 + (index - 232) * 10;
                Rgb(grey, grey, grey)
            }
        }
    }

    fn colour(&self, colour: Color, default: Rgb) -> Rgb {
        let index = match colour {
            Color::Reset => return default,
            Color::Rgb(red, green, blue) => return Rgb(red, green, blue),
            Color::Indexed(index) => index,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
        };
        self.indexed(index)
    }
}

impl Default for Palette {
    /// Bright on dark.
    fn default() -> Self {
        Self::new(Rgb(0xd8, 0xde, 0xe9), Rgb(0x12, 0x16, 0x1c))
    }
}

const ANSI: [Rgb; 16] = [
    Rgb(0x1d, 0x21, 0x28),
    Rgb(0xe0, 0x5f, 0x65),
    Rgb(0x78, 0xb8, 0x92),
    Rgb(0xe0, 0xaf, 0x68),
    Rgb(0x6c, 0x95, 0xeb),
    Rgb(0xb4, 0x8e, 0xdd),
    Rgb(0x5a, 0xb9, 0xc4),
    Rgb(0xb8, 0xc0, 0xcc),
    Rgb(0x5c, 0x66, 0x73),
    Rgb(0xf2, 0x8b, 0x8f),
    Rgb(0x9c, 0xd6, 0xae),
    Rgb(0xf2, 0xcd, 0x8c),
    Rgb(0x95, 0xb4, 0xf5),
    Rgb(0xcd, 0xb1, 0xee),
    Rgb(0x86, 0xd6, 0xdf),
    Rgb(0xf0, 0xf3, 0xf7),
];

/// How a cell looks once every default, exchange and dimming is worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) fg: Rgb,
    pub(super) bg: Rgb,
    modifier: Modifier,
}

/// How much of a dim glyph is left, of 255.
const DIM_SHARE: u8 = 150;

impl Look {
    pub(super) fn of(cell: &Cell, palette: &Palette) -> Self {
        let modifier = cell.modifier;
        let mut fg = palette.colour(cell.fg, palette.fg);
        let mut bg = palette.colour(cell.bg, palette.bg);
        if modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut fg, &mut bg);
        }
        if modifier.contains(Modifier::DIM) {
            fg = fg.over(bg, DIM_SHARE);
        }
        Self { fg, bg, modifier }
    }

    pub(super) fn is(self, modifier: Modifier) -> bool {
        self.modifier.contains(modifier)
    }
}
