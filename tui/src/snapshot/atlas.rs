//! Every distinct glyph of a picture, rasterised once.
//!
//! A screen has thousands of letters but a hundred distinct ones, and shaping text is nearly all
//! of a rasteriser's work.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::outline::{CELL_HEIGHT, CELL_WIDTH};
use super::scene::{BASELINE, Scene};
use super::svg::{FAMILY, FONT_SIZE, escape};

/// Room for a glyph: a cell before it and two from it on, for what is wide or slanted.
const SLOT_WIDTH: usize = 3 * CELL_WIDTH as usize;
const SLOT_HEIGHT: usize = CELL_HEIGHT as usize;
/// Slots side by side.
const SLOTS_A_ROW: usize = 32;

/// What a slot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Glyph<'a> {
    /// Letters of the font.
    Text {
        /// What a terminal puts into one cell.
        grapheme: &'a str,
        bold: bool,
        italic: bool,
    },
    /// A line, as path data.
    Stroke(&'static str),
}

/// The glyphs' coverage of their pixels.
pub(super) struct Atlas<'a> {
    slots: BTreeMap<Glyph<'a>, usize>,
    pixels: Pixmap,
}

impl<'a> Atlas<'a> {
    /// Rasterises what a scene needs.
    pub(super) fn of(scene: &'a Scene, fonts: &Arc<fontdb::Database>) -> Result<Self, String> {
        let strokes = scene.shapes.values().flat_map(|shapes| &shapes.strokes);
        let mut slots: BTreeMap<Glyph<'a>, usize> =
            strokes.map(|(_, _, path)| (Glyph::Stroke(path), 0)).collect();
        for text in &scene.texts {
            slots.extend(text.glyphs().map(|(_, glyph)| (glyph, 0)));
        }
        slots.values_mut().zip(0..).for_each(|(slot, index)| *slot = index);
        let pixels = rasterise(&document(&slots), fonts)?;
        Ok(Self { slots, pixels })
    }

    /// The pixels that a glyph covers, from its cell's upper left corner, and how far, of 255.
    pub(super) fn coverage(&self, glyph: Glyph<'a>) -> impl Iterator<Item = (i32, i32, u8)> {
        let slot = self.slots.get(&glyph).copied();
        let (width, pixels) = (self.pixels.width() as usize, self.pixels.pixels());
        slot.into_iter().flat_map(move |slot| {
            let (left, top) = corner(slot);
            (0..SLOT_HEIGHT).flat_map(move |y| {
                let from = (top + y) * width + left;
                let line = pixels.get(from..from + SLOT_WIDTH).unwrap_or_default();
                line.iter()
                    .zip(0_i32..)
                    .filter(|(pixel, _)| pixel.alpha() > 0)
                    .map(move |(pixel, x)| (x - CELL_WIDTH as i32, y as i32, pixel.alpha()))
            })
        })
    }
}

fn corner(slot: usize) -> (usize, usize) {
    ((slot % SLOTS_A_ROW) * SLOT_WIDTH, (slot / SLOTS_A_ROW) * SLOT_HEIGHT)
}

fn document(slots: &BTreeMap<Glyph<'_>, usize>) -> String {
    let width = SLOTS_A_ROW * SLOT_WIDTH;
    let height = slots.len().div_ceil(SLOTS_A_ROW).max(1) * SLOT_HEIGHT;
    let mut out = String::with_capacity(512 + slots.len() * 96);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\
         <g font-family=\"'{FAMILY}'\" font-size=\"{FONT_SIZE}\" fill=\"#fff\">"
    );
    for (glyph, slot) in slots {
        let (left, top) = corner(*slot);
        let (x, y) = (left + CELL_WIDTH as usize, top + BASELINE as usize);
        match glyph {
            Glyph::Stroke(path) => {
                let _ = write!(
                    out,
                    "<path transform=\"translate({x} {top})\" fill=\"none\" stroke=\"#fff\" \
                     d=\"{path}\"/>"
                );
            }
            // The font has one weight; what is bold or slanted is made from that.
            Glyph::Text { grapheme, bold, italic } => {
                let slant = if *italic { " skewX(-12)" } else { "" };
                let weight = if *bold { " stroke=\"#fff\" stroke-width=\"0.6\"" } else { "" };
                let _ = write!(out, "<text transform=\"translate({x} {y}){slant}\"{weight}>");
                escape(grapheme, &mut out);
                out.push_str("</text>");
            }
        }
    }
    out.push_str("</g></svg>");
    out
}

fn rasterise(document: &str, fonts: &Arc<fontdb::Database>) -> Result<Pixmap, String> {
    let options = usvg::Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::clone(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(document, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height())
        .ok_or("there is no memory for that many glyphs")?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    Ok(pixels)
}
