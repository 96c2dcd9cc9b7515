//! A picture as PNG, drawn with the font that the client brings along.

use std::sync::{Arc, LazyLock};

use ratatui::buffer::Buffer;
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};
use resvg::usvg::fontdb;

use super::SnapshotError;
use super::atlas::{Atlas, Glyph};
use super::colour::{Palette, Rgb};
use super::font::{self, Coverage};
use super::outline::{CELL_HEIGHT, CELL_WIDTH, Part};
use super::scene::Scene;

/// Made when the first picture is.
static FONT: LazyLock<(Arc<fontdb::Database>, Coverage)> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_source(fontdb::Source::Binary(Arc::new(font::DATA)));
    (Arc::new(fonts), Coverage::of(font::DATA))
});

/// The cells as pixels, [`CELL_WIDTH`] by [`CELL_HEIGHT`] a cell.
pub(super) fn render(buffer: &Buffer, palette: &Palette) -> Result<Vec<u8>, SnapshotError> {
    let (fonts, coverage) = &*FONT;
    let scene = Scene::of(buffer, palette, &|c| coverage.has(c));
    draw(&scene, fonts).map_err(|problem| SnapshotError::Raster {
        columns: buffer.area.width,
        rows: buffer.area.height,
        problem,
    })
}

fn draw(scene: &Scene, fonts: &Arc<fontdb::Database>) -> Result<Vec<u8>, String> {
    let mut canvas = Canvas::new(scene)?;
    let atlas = Atlas::of(scene, fonts)?;
    for (colour, part) in &scene.fills {
        canvas.part(*part, *colour);
    }
    for (colour, shapes) in &scene.shapes {
        shapes.parts.iter().for_each(|part| canvas.part(*part, *colour));
        for (x, y, path) in &shapes.strokes {
            canvas.glyph(&atlas, Glyph::Stroke(path), (*x as i32, *y as i32), *colour);
        }
    }
    for text in &scene.texts {
        for (column, glyph) in text.glyphs() {
            let x = i32::from(column) * CELL_WIDTH as i32;
            let y = i32::from(text.row) * CELL_HEIGHT as i32;
            canvas.glyph(&atlas, glyph, (x, y), text.colour);
        }
    }
    canvas.encode().map_err(|error| error.to_string())
}

/// Pixels, all of them opaque.
struct Canvas(Pixmap);

impl Canvas {
    fn new(scene: &Scene) -> Result<Self, String> {
        let mut pixels = Pixmap::new(scene.width as u32, scene.height as u32)
            .ok_or("there is no memory for that many pixels")?;
        if let Some(colour) = opaque(scene.background) {
            pixels.pixels_mut().fill(colour);
        }
        Ok(Self(pixels))
    }

    /// Colours the pixels of a part, those at its edges by how much of them it covers.
    fn part(&mut self, part: Part, colour: Rgb) {
        let covered =
            |pixel: f32, from: f32, to: f32| (to.min(pixel + 1.0) - from.max(pixel)).max(0.0);
        for y in part.top as i32..part.bottom.ceil() as i32 {
            let share = covered(y as f32, part.top, part.bottom) * 255.0;
            for x in part.left as i32..part.right.ceil() as i32 {
                let share = covered(x as f32, part.left, part.right) * share;
                self.blend(x, y, colour, share.round() as u8);
            }
        }
    }

    fn glyph<'a>(&mut self, atlas: &Atlas<'a>, glyph: Glyph<'a>, at: (i32, i32), colour: Rgb) {
        for (x, y, share) in atlas.coverage(glyph) {
            self.blend(at.0 + x, at.1 + y, colour, share);
        }
    }

    /// Without the alpha channel, which says nothing here, and in a hurry: packing the pixels takes
    /// several times as long as drawing them.
    fn encode(&self) -> Result<Vec<u8>, png::EncodingError> {
        let pixels = self.0.pixels().iter();
        let bytes: Vec<u8> =
            pixels.flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.0.width(), self.0.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(out)
    }

    /// Mixes a colour into a pixel; outside of the picture is nothing to mix.
    fn blend(&mut self, x: i32, y: i32, colour: Rgb, share: u8) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.0.width() {
            return;
        }
        let index = (y * self.0.width() + x) as usize;
        if let Some(pixel) = self.0.pixels_mut().get_mut(index) {
            let below = Rgb(pixel.red(), pixel.green(), pixel.blue());
            *pixel = opaque(colour.over(below, share)).unwrap_or(*pixel);
        }
    }
}

fn opaque(Rgb(red, green, blue): Rgb) -> Option<PremultipliedColorU8> {
    PremultipliedColorU8::from_rgba(red, green, blue, 255)
}
