//! The glyphs that are drawn as shapes: lines, blocks, shades and braille.
//!
//! As shapes they join without gaps whatever font a viewer has, and need none.

/// Width of a cell.
pub(super) const CELL_WIDTH: f32 = 9.0;
/// Height of a cell.
pub(super) const CELL_HEIGHT: f32 = 20.0;

/// A part of a cell, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

/// What a glyph is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outline {
    /// Filled rectangles.
    Parts(Vec<Part>),
    /// The whole cell in a mix of its two colours: so much of the glyph's, of 255.
    Shade(u8),
    /// A line of ordinary thickness, as path data relative to the cell's corner.
    Stroke(&'static str),
}

/// The shape of a glyph; none when a font has to draw it.
pub(super) fn outline(glyph: char) -> Option<Outline> {
    match glyph {
        '\u{2500}'..='\u{257f}' => lines(glyph),
        '\u{2591}' => Some(Outline::Shade(64)),
        '\u{2592}' => Some(Outline::Shade(128)),
        '\u{2593}' => Some(Outline::Shade(191)),
        '\u{2580}'..='\u{259f}' => Some(Outline::Parts(block(glyph))),
        '\u{2800}'..='\u{28ff}' => Some(Outline::Parts(braille(glyph))),
        _ => None,
    }
}

const fn part(left: f32, top: f32, right: f32, bottom: f32) -> Part {
    Part { left, top, right, bottom }
}

/// Weights of the arms of U+2500 to U+257F, one digit each for up, right, down and left: 0 none,
/// 1 light, 2 heavy, 3 double. Dashes, arcs and diagonals are 0 and drawn on their own.
#[rustfmt::skip]
const ARMS: [u16; 128] = [
    0x0101, 0x0202, 0x1010, 0x2020, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0110, 0x0210, 0x0120, 0x0220,
    0x0011, 0x0012, 0x0021, 0x0022, 0x1100, 0x1200, 0x2100, 0x2200,
    0x1001, 0x1002, 0x2001, 0x2002, 0x1110, 0x1210, 0x2110, 0x1120,
    0x2120, 0x2210, 0x1220, 0x2220, 0x1011, 0x1012, 0x2011, 0x1021,
    0x2021, 0x2012, 0x1022, 0x2022, 0x0111, 0x0112, 0x0211, 0x0212,
    0x0121, 0x0122, 0x0221, 0x0222, 0x1101, 0x1102, 0x1201, 0x1202,
    0x2101, 0x2102, 0x2201, 0x2202, 0x1111, 0x1112, 0x1211, 0x1212,
    0x2111, 0x1121, 0x2121, 0x2112, 0x2211, 0x1122, 0x1221, 0x2212,
    0x1222, 0x2122, 0x2221, 0x2222, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0303, 0x3030, 0x0310, 0x0130, 0x0330, 0x0013, 0x0031, 0x0033,
    0x1300, 0x3100, 0x3300, 0x1003, 0x3001, 0x3003, 0x1310, 0x3130,
    0x3330, 0x1013, 0x3031, 0x3033, 0x0313, 0x0131, 0x0333, 0x1303,
    0x3101, 0x3303, 0x1313, 0x3131, 0x3333, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0001, 0x1000, 0x0100, 0x0010,
    0x0002, 0x2000, 0x0200, 0x0020, 0x0201, 0x1020, 0x0102, 0x2010,
];

fn lines(glyph: char) -> Option<Outline> {
    let stroke = match glyph {
        '\u{256d}' => "M4.5 20V14Q4.5 9.5 9 9.5",
        '\u{256e}' => "M4.5 20V14Q4.5 9.5 0 9.5",
        '\u{256f}' => "M4.5 0V5Q4.5 9.5 0 9.5",
        '\u{2570}' => "M4.5 0V5Q4.5 9.5 9 9.5",
        '\u{2571}' => "M0 20L9 0",
        '\u{2572}' => "M0 0L9 20",
        '\u{2573}' => "M0 20L9 0M0 0L9 20",
        _ => return straight(glyph).map(Outline::Parts),
    };
    Some(Outline::Stroke(stroke))
}

fn straight(glyph: char) -> Option<Vec<Part>> {
    let index = u32::from(glyph).checked_sub(0x2500)?;
    let arms = *ARMS.get(usize::try_from(index).ok()?)?;
    if arms == 0 {
        return Some(dashes(index));
    }
    let [up, right, down, left] = [12, 8, 4, 0].map(|shift| (arms >> shift) & 0xf);
    let (upright, level) = (up.max(down), left.max(right));
    let mut parts = Vec::new();
    // Every arm reaches as far over the middle as the arms that cross it are thick; two equal arms
    // are one line.
    let (near, far) = extent(level, CENTRE_Y);
    if up == down {
        parts.extend(rails(up, CENTRE_X).map(|(from, to)| part(from, 0.0, to, CELL_HEIGHT)));
    } else {
        parts.extend(rails(up, CENTRE_X).map(|(from, to)| part(from, 0.0, to, far)));
        parts.extend(rails(down, CENTRE_X).map(|(from, to)| part(from, near, to, CELL_HEIGHT)));
    }
    let (near, far) = extent(upright, CENTRE_X);
    if left == right {
        parts.extend(rails(left, CENTRE_Y).map(|(from, to)| part(0.0, from, CELL_WIDTH, to)));
    } else {
        parts.extend(rails(left, CENTRE_Y).map(|(from, to)| part(0.0, from, far, to)));
        parts.extend(rails(right, CENTRE_Y).map(|(from, to)| part(near, from, CELL_WIDTH, to)));
    }
    Some(parts)
}

/// Where a light vertical line begins.
const CENTRE_X: f32 = 4.0;
/// Where a light horizontal line begins.
const CENTRE_Y: f32 = 9.0;

/// The lines across the middle that an arm of a weight is made of.
fn rails(weight: u16, centre: f32) -> impl Iterator<Item = (f32, f32)> {
    let rails = match weight {
        0 => [None, None],
        1 => [Some((centre, centre + 1.0)), None],
        2 => [Some((centre - 1.0, centre + 2.0)), None],
        _ => [Some((centre - 1.0, centre)), Some((centre + 1.0, centre + 2.0))],
    };
    rails.into_iter().flatten()
}

/// How far arms of a weight spread around the middle.
fn extent(weight: u16, centre: f32) -> (f32, f32) {
    if weight >= 2 { (centre - 1.0, centre + 2.0) } else { (centre, centre + 1.0) }
}

fn dashes(index: u32) -> Vec<Part> {
    let (count, from) = match index {
        0x04..=0x07 => (3_u16, 0x04),
        0x08..=0x0b => (4, 0x08),
        _ => (2, 0x4c),
    };
    let variant = index - from;
    let weight = if variant.is_multiple_of(2) { 1 } else { 2 };
    let is_level = variant < 2;
    let (length, centre) = if is_level { (CELL_WIDTH, CENTRE_Y) } else { (CELL_HEIGHT, CENTRE_X) };
    let step = length / f32::from(count);
    let mut parts = Vec::new();
    for (low, high) in rails(weight, centre) {
        for dash in 0..count {
            let from = step * (f32::from(dash) + 0.2);
            let to = step * (f32::from(dash) + 0.8);
            let (level, upright) = (part(from, low, to, high), part(low, from, high, to));
            parts.push(if is_level { level } else { upright });
        }
    }
    parts
}

fn block(glyph: char) -> Vec<Part> {
    let (wide, high) = (CELL_WIDTH, CELL_HEIGHT);
    let (middle, half) = (wide / 2.0, high / 2.0);
    let upper = |left, right| part(left, 0.0, right, half);
    let lower = |left, right| part(left, half, right, high);
    let eighths = |first: char| (u32::from(glyph) - u32::from(first) + 1) as f32 / 8.0;
    match glyph {
        '\u{2580}' => vec![upper(0.0, wide)],
        '\u{2581}'..='\u{2588}' => vec![part(0.0, high * (1.0 - eighths('\u{2581}')), wide, high)],
        '\u{2589}'..='\u{258f}' => vec![part(0.0, 0.0, wide * (1.0 - eighths('\u{2589}')), high)],
        '\u{2590}' => vec![part(middle, 0.0, wide, high)],
        '\u{2594}' => vec![part(0.0, 0.0, wide, high / 8.0)],
        '\u{2595}' => vec![part(wide * 7.0 / 8.0, 0.0, wide, high)],
        '\u{2596}' => vec![lower(0.0, middle)],
        '\u{2597}' => vec![lower(middle, wide)],
        '\u{2598}' => vec![upper(0.0, middle)],
        '\u{2599}' => vec![upper(0.0, middle), lower(0.0, wide)],
        '\u{259a}' => vec![upper(0.0, middle), lower(middle, wide)],
        '\u{259b}' => vec![upper(0.0, wide), lower(0.0, middle)],
        '\u{259c}' => vec![upper(0.0, wide), lower(middle, wide)],
        '\u{259d}' => vec![upper(middle, wide)],
        '\u{259e}' => vec![upper(middle, wide), lower(0.0, middle)],
        '\u{259f}' => vec![upper(middle, wide), lower(0.0, wide)],
        _ => Vec::new(),
    }
}

fn braille(glyph: char) -> Vec<Part> {
    /// Column and row of the dot of each bit.
    const DOTS: [(f32, f32); 8] = [
        (1.0, 1.0),
        (1.0, 6.0),
        (1.0, 11.0),
        (5.0, 1.0),
        (5.0, 6.0),
        (5.0, 11.0),
        (1.0, 16.0),
        (5.0, 16.0),
    ];
    /// Dots nearly touch, so that a line of them reads as a line.
    const SIZE: f32 = 3.0;
    let bits = u32::from(glyph) - 0x2800;
    let set = DOTS.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    set.map(|(_, (x, y))| part(*x, *y, x + SIZE, y + SIZE)).collect()
}
