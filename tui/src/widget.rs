//! Widgets: one file per type, drawing view data into a buffer.
//!
//! Whatever the data and the size, drawing stays inside its rectangle and shows at least the value
//! that matters: a chart collapses to a sparkline, that to a value, that to a mark.

mod bars;
mod canvas;
mod chart;
mod columns;
pub mod condition;
mod custom;
mod digits;
pub mod filter;
mod frame;
mod gauge;
mod headline;
mod line;
mod list;
mod map;
mod meter;
mod notice;
mod raster;
mod rows;
mod scale;
mod spark;
mod stat;
mod table;
#[cfg(test)]
mod tests;
mod trend;

use ccm_proto::model::widget::{NumberFormat, Order, WidgetType};
use ccm_proto::model::{Interval, Name, Timestamp, View, WidgetSpec};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::format::Notation;
use crate::glyph::GlyphSet;
use crate::theme::Theme;

use canvas::Canvas;
pub use condition::Condition;
pub use filter::Filter;
pub use headline::{Summary, summary};
pub use rows::{ordered_rows, row_count};

/// Below these a frame would leave no room for data.
const FRAMED_HEIGHT_MIN: u16 = 3;
const FRAMED_WIDTH_MIN: u16 = 10;

/// What a person did with one widget.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WidgetState {
    /// The first row in sight.
    pub scroll: usize,
    /// The chosen row, counted after filter and order.
    pub selected: Option<usize>,
    /// The column that rows are ordered by here, instead of the definition's.
    pub sort: Option<(usize, Order)>,
    /// Which rows are shown.
    pub filter: Option<Filter>,
    /// Columns that are skipped after the first.
    pub hscroll: usize,
}

/// Everything that one widget's picture depends on.
#[derive(Clone, Debug)]
pub struct DrawContext<'a> {
    /// The widget document's name.
    pub name: &'a Name,
    /// Its definition; none while it is not known.
    pub spec: Option<&'a WidgetSpec>,
    /// What it shows.
    pub view: &'a View,
    /// How far that can be trusted.
    pub condition: Condition,
    /// The colours.
    pub theme: &'a Theme,
    /// The characters.
    pub glyphs: GlyphSet,
    /// The time that ages are counted to.
    pub now: Timestamp,
    /// Whether keys go to this widget.
    pub focused: bool,
    /// What a person did with it.
    pub state: &'a WidgetState,
    /// How far back charts look; the definition's window when zero.
    pub window: Interval,
}

impl DrawContext<'_> {
    /// How numbers of a format are written now.
    pub(crate) fn notation(&self, number: impl Into<NumberFormat>) -> Notation {
        Notation { number: number.into(), now: Some(self.now) }
    }
}

/// Draws a widget: frame, title with the value that matters, body, and what is wrong with it.
/// Nothing outside `area` is touched.
pub fn draw(context: &DrawContext<'_>, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let mut canvas = Canvas::new(buffer, area, context.theme, context.glyphs);
    canvas.clear(area);
    if area.height < FRAMED_HEIGHT_MIN || area.width < FRAMED_WIDTH_MIN {
        line::draw(context, area, &mut canvas);
        return;
    }
    let inner = frame::draw(context, area, &mut canvas);
    if inner.is_empty() || notice::instead(context, inner, &mut canvas) {
        return;
    }
    let body = notice::below(context, inner, &mut canvas);
    draw_body(context, body, &mut canvas);
    if context.condition.is_old() {
        canvas.fade(body);
    }
}

/// Rows of a widget after its filter, and how many of them are in sight in `area`; none for one
/// that has nothing to scroll.
pub fn scrollable(context: &DrawContext<'_>, area: Rect) -> Option<(usize, usize)> {
    let spec = context.spec?;
    let inner = frame::inner(area);
    let in_sight = match spec.widget_type {
        WidgetType::Table => table::in_sight(inner).max(1),
        WidgetType::Bars => bars::in_sight(context, spec.bars.as_ref()?, inner),
        WidgetType::List => list::in_sight(context, spec.list.as_ref()?, inner),
        WidgetType::Map => map::in_sight(inner)?,
        WidgetType::Custom => usize::from(inner.height).max(1),
        WidgetType::Stat | WidgetType::Gauge | WidgetType::Chart => return None,
    };
    let count = row_count(context);
    (spec.widget_type == WidgetType::Table || count > in_sight).then_some((count, in_sight))
}

fn draw_body(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let Some(spec) = context.spec.filter(|_| !area.is_empty()) else { return };
    // A widget without the section of its type is drawn empty.
    macro_rules! section {
        ($name:ident) => {
            spec.$name.iter().for_each(|config| $name::draw(context, config, area, canvas))
        };
    }
    match spec.widget_type {
        WidgetType::Stat => section!(stat),
        WidgetType::Gauge => section!(gauge),
        WidgetType::Chart => section!(chart),
        WidgetType::Bars => section!(bars),
        WidgetType::Table => section!(table),
        WidgetType::List => section!(list),
        WidgetType::Map => section!(map),
        WidgetType::Custom => custom::draw(context, area, canvas),
    }
}
