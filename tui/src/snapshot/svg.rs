//! A picture as SVG text.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;

use super::colour::{Palette, Rgb};
use super::outline::{CELL_HEIGHT, CELL_WIDTH, Part};
use super::scene::{BASELINE, Scene, Shapes, Text};

/// The family of the font that the client brings along.
pub(super) const FAMILY: &str = "JetBrains Mono";

/// At this size the font's letters are as wide as a cell.
pub(super) const FONT_SIZE: u8 = 15;

/// The cells for a viewer, which has its own fonts.
pub(super) fn render(buffer: &Buffer, palette: &Palette) -> String {
    let scene = Scene::of(buffer, palette, &|_| true);
    document(&scene)
}

/// The scene as a document.
fn document(scene: &Scene) -> String {
    let mut out = String::with_capacity(4_096 + scene.texts.len() * 96);
    let (width, height) = (scene.width, scene.height);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<rect width=\"{width}\" height=\"{height}\" \
         fill=\"{}\"/>",
        Hex(scene.background)
    );
    for (colour, part) in &scene.fills {
        fill(*colour, *part, &mut out);
    }
    for (colour, shapes) in &scene.shapes {
        shape(*colour, shapes, &mut out);
    }
    let _ = writeln!(
        out,
        "<g font-family=\"'{FAMILY}',monospace\" font-size=\"{FONT_SIZE}\" \
         xml:space=\"preserve\" style=\"font-variant-ligatures:none\">"
    );
    for run in &scene.texts {
        text(run, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn fill(colour: Rgb, part: Part, out: &mut String) {
    let Part { left, top, right, bottom } = part;
    let (width, height) = (right - left, bottom - top);
    let colour = Hex(colour);
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>"
    );
}

fn shape(colour: Rgb, shapes: &Shapes, out: &mut String) {
    let colour = Hex(colour);
    if !shapes.parts.is_empty() {
        let _ = write!(out, "<path fill=\"{colour}\" d=\"");
        for Part { left, top, right, bottom } in &shapes.parts {
            let _ = write!(out, "M{left} {top}H{right}V{bottom}H{left}Z");
        }
        out.push_str("\"/>\n");
    }
    for (x, y, path) in &shapes.strokes {
        let _ = writeln!(
            out,
            "<path transform=\"translate({x} {y})\" fill=\"none\" stroke=\"{colour}\" d=\"{path}\"/>"
        );
    }
}

fn text(run: &Text, out: &mut String) {
    let x = f32::from(run.column) * CELL_WIDTH;
    let y = f32::from(run.row) * CELL_HEIGHT + BASELINE;
    let colour = Hex(run.colour);
    // The length holds the letters in their columns whatever font the viewer has.
    let length = f32::from(run.columns) * CELL_WIDTH;
    let _ = write!(
        out,
        "<text fill=\"{colour}\" x=\"{x}\" y=\"{y}\" textLength=\"{length}\" \
         lengthAdjust=\"spacingAndGlyphs\""
    );
    if run.bold {
        out.push_str(" font-weight=\"bold\"");
    }
    if run.italic {
        out.push_str(" font-style=\"italic\"");
    }
    out.push('>');
    escape(&run.content, out);
    out.push_str("</text>\n");
}

/// Adds text as XML content.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // The two that XML has no way to write.
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            c => out.push(c),
        }
    }
}

/// A colour as `#rrggbb`.
struct Hex(Rgb);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Rgb(red, green, blue) = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}
