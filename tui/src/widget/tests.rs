//! How widgets are drawn.

mod containment;
mod pictures;
mod variants;

use ccm_proto::model::{Interval, Name, View, WidgetSpec};
use ratatui::buffer::{Buffer, Cell as Square};
use ratatui::layout::Rect;

use super::{Condition, DrawContext, WidgetState, draw};
use crate::glyph::GlyphSet;
use crate::model::tests::fixture::NOW;
use crate::theme::{ColorDepth, Theme};

/// What no widget draws by itself.
const OUTSIDE: char = '\u{2592}';

/// A widget and how it is shown.
#[derive(Debug)]
struct Sitter {
    spec: WidgetSpec,
    view: View,
    condition: Option<Condition>,
    glyphs: GlyphSet,
    depth: ColorDepth,
    state: WidgetState,
}

impl Sitter {
    fn new(spec: WidgetSpec, view: View) -> Self {
        let (glyphs, depth) = (GlyphSet::Braille, ColorDepth::TrueColor);
        Self { spec, view, condition: None, glyphs, depth, state: WidgetState::default() }
    }

    /// Draws into `area` of a larger buffer that is full of [`OUTSIDE`].
    fn draw(&self, area: Rect) -> Buffer {
        let whole = Rect::new(0, 0, area.right() + 2, area.bottom() + 2);
        let mut square = Square::default();
        square.set_char(OUTSIDE);
        let mut buffer = Buffer::filled(whole, square);
        let theme = Theme::shipped("dark", self.depth).unwrap();
        let condition = Condition::of(&self.view.status, NOW, None);
        let context = DrawContext {
            name: &Name::new("sitter").unwrap(),
            spec: Some(&self.spec),
            view: &self.view,
            condition: self.condition.clone().unwrap_or(condition),
            theme: &theme,
            glyphs: self.glyphs,
            now: NOW,
            focused: false,
            state: &self.state,
            window: Interval::ZERO,
        };
        draw(&context, area, &mut buffer);
        buffer
    }

    /// The widget's lines and nothing around them.
    fn text(&self, columns: u16, rows: u16) -> String {
        let buffer = self.draw(Rect::new(0, 0, columns, rows));
        let line = |y| {
            let symbols = (0..columns).map(|x| buffer[(x, y)].symbol());
            format!("{}\n", symbols.collect::<String>().trim_end())
        };
        (0..rows).map(line).collect()
    }
}

fn spec(toml: &str) -> WidgetSpec {
    let spec: WidgetSpec = toml::from_str(toml).unwrap();
    assert_eq!(spec.problems(), Vec::new());
    spec
}
