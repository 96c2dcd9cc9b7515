//! How widgets are drawn.

mod containment;
mod pictures;
mod variants;

use ccm_proto::model::{Cell, Interval, Name, Row, View, WidgetSpec};
use ratatui::buffer::{Buffer, Cell as Square};
use ratatui::layout::Rect;

use super::{Condition, DrawContext, WidgetState, draw};
use crate::glyph::GlyphSet;
use crate::model::tests::fixture::{self, NOW};
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

/// A table whose first column has a long text, and whose growing one these.
fn named(causes: [&str; 2]) -> Sitter {
    let spec = spec(
        r#"
        title = "sources"
        source = "ccmd"
        type = "table"
        [table]
        rows = "sources"
        key = "name"
        columns = [
            { field = "name", label = "source", format = "text" },
            { field = "cause", label = "cause", format = "text", grow = true },
            { field = "series", label = "series", format = "integer" },
        ]
        "#,
    );
    let mut view = fixture::view(&spec);
    let name = || Cell::Text("accounting-api-receivables-by-age".into());
    let row =
        |cause: &str| Row::shared(cause, vec![name(), Cell::Text(cause.into()), Cell::Integer(3)]);
    view.rows = causes.map(row).to_vec();
    Sitter::new(spec, view)
}

#[test]
fn a_text_gets_the_room_that_a_growing_column_does_not_need() {
    let idle = named(["-", "-"]).text(70, 6);
    assert!(idle.contains("accounting-api-receivables-by-age "), "{idle}");
    let busy = named(["nothing listens there; see that the service runs and its port is open"; 2]);
    let busy = busy.text(70, 6);
    assert!(busy.contains("accounting-api-rece…  nothing listens there;"), "{busy}");
}
