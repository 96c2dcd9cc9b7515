//! A picture as PNG, drawn with the font that the client brings along.

use std::sync::{Arc, LazyLock};

use ratatui::buffer::Buffer;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::SnapshotError;
use super::colour::Palette;
use super::font::{self, Coverage};
use super::scene::Scene;
use super::svg::{self, Reader};

/// Made when the first picture is.
static FONT: LazyLock<(Arc<fontdb::Database>, Coverage)> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_source(fontdb::Source::Binary(Arc::new(font::DATA)));
    fonts.set_monospace_family(svg::FAMILY);
    (Arc::new(fonts), Coverage::of(font::DATA))
});

/// The cells as pixels, [`super::outline::CELL_WIDTH`] by [`super::outline::CELL_HEIGHT`] a cell.
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
    let document = svg::write(scene, Reader::Raster);
    let options = usvg::Options {
        font_family: svg::FAMILY.to_owned(),
        fontdb: Arc::clone(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(&document, &options).map_err(|error| error.to_string())?;
    let mut pixels = Pixmap::new(scene.width as u32, scene.height as u32)
        .ok_or("there is no memory for that many pixels")?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}
