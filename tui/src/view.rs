//! Draws the model: header, body, footer, and what lies over them. Pure: equal models give equal
//! cells.

mod bar;
mod footer;
mod header;
mod overlay;
mod paint;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use ccm_proto::SafeText;
use ccm_proto::model::layout::Page;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{ChartConfig, State, WidgetType};
use ccm_proto::model::{Cell, Interval, Name, Quality, View, ViewStatus};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::format;
use crate::grid::{self, Solved};
use crate::model::Model;
use crate::widget::{self, Condition, DrawContext};
use paint::Paint;

/// Below this height every line belongs to the data, and below that the footer goes first.
const FOOTER_HEIGHT_MIN: u16 = 10;

/// Below this height the header and the page's lines are all there is.
const HEADER_HEIGHT_MIN: u16 = 2;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions {
    /// One line at the top, or nothing.
    pub header: Rect,
    /// The page.
    pub body: Rect,
    /// One line at the bottom, or nothing.
    pub footer: Rect,
}

/// Something that can be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Does an action.
    Action(Action),
    /// Goes to a page, from 0.
    Page(usize),
    /// Focuses a widget, by its place on the page.
    Widget(usize),
    /// Chooses an item of the topmost overlay, by its place among those that match.
    Item(usize),
    /// Closes the topmost overlay.
    Close,
}

/// Divides the screen.
pub fn regions(area: Rect) -> Regions {
    let header = u16::from(area.height >= HEADER_HEIGHT_MIN);
    let footer = u16::from(area.height >= FOOTER_HEIGHT_MIN);
    let bottom = area.y + area.height;
    Regions {
        header: Rect { height: header, ..area },
        body: Rect { y: area.y + header, height: area.height - header - footer, ..area },
        footer: Rect { y: bottom - footer, height: footer, ..area },
    }
}

fn screen(model: &Model) -> Rect {
    Rect::new(0, 0, model.size.0, model.size.1)
}

/// Draws everything.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let regions = regions(area);
    let ground =
        model.themes.theme.style(Role::Background).patch(model.themes.theme.style(Role::Text));
    Paint::new(buffer, area).fill(area, ground);
    header::draw(model, regions.header, buffer);
    body(model, regions.body, buffer);
    footer::draw(model, regions.footer, buffer);
    for overlay in &model.overlays {
        overlay::draw(model, overlay, regions.body, buffer);
    }
}

/// What the terminal's own title says: what is wrong, where, and that this is it.
pub fn title(model: &Model) -> SafeText {
    use crate::model::link::LinkState;
    let host = model.link.welcome.as_ref().map(|welcome| welcome.hostname.as_str());
    let tally = tally(model);
    let state = |state, count: usize| (count > 0).then(|| (model.glyphs.state(state), count));
    let worst = state(State::Critical, tally.critical + tally.error);
    let said = match (&model.link.state, worst.or_else(|| state(State::Warning, tally.warning))) {
        (LinkState::Lost { .. } | LinkState::Refused { .. }, _) => "daemon lost ".to_owned(),
        (_, Some((mark, count))) => format!("{mark} {count} "),
        (_, None) => String::new(),
    };
    let separator = model.glyphs.separator();
    match host {
        Some(host) => SafeText::from(format!("{said}{host}{separator}ccm")),
        None => SafeText::from(format!("{said}ccm")),
    }
}

fn body(model: &Model, area: Rect, buffer: &mut Buffer) {
    let places = solve(model, area).placements;
    if places.is_empty() {
        return nothing(model, area, buffer);
    }
    let focus = model.pages.state().focus;
    let Some(page) = model.page() else { return };
    for (index, area) in places {
        if let Some(placement) = page.widgets.get(index) {
            widget::draw(&context(model, &placement.name, index == focus), area, buffer);
        }
    }
}

/// Says why there is no page to show.
fn nothing(model: &Model, area: Rect, buffer: &mut Buffer) {
    use crate::model::link::LinkState;
    let data = model.shown();
    let (line, hint) = match (&model.link.state, data.problems.get(&data.layout_id())) {
        (LinkState::Refused { cause }, _) => (cause.clone(), "q quits"),
        (LinkState::Lost { cause, .. }, _) => (cause.clone(), "trying again; q quits"),
        (LinkState::Connecting, _) => (SafeText::new("connecting to the daemon"), ""),
        (_, Some(problem)) => (problem.clone(), "`ccm get layout` lists the layouts; q quits"),
        _ if data.layout().is_none() => (SafeText::new("waiting for the layout"), ""),
        _ => (SafeText::new("this page has no widgets"), "press } for the next page"),
    };
    let theme = &model.themes.theme;
    let mut paint = Paint::new(buffer, area);
    let y = area.y + area.height.saturating_sub(1) / 2;
    paint.centred(y, line.as_str(), theme.style(Role::Text));
    paint.centred(y + 1, hint, theme.style(Role::Muted));
}

fn solve(model: &Model, area: Rect) -> Solved {
    let Some(page) = model.page() else { return Solved::default() };
    let state = model.pages.state();
    let focus = state.focus.min(page.widgets.len().saturating_sub(1));
    if state.zoomed && !page.widgets.is_empty() {
        return Solved { placements: vec![(focus, area)], content_height: area.height };
    }
    grid::solve(&sized(model, page), area, state.scroll)
}

/// The page with the sizes that it leaves to its widgets.
fn sized<'a>(model: &Model, page: &'a Page) -> Cow<'a, Page> {
    page.sized(|name| model.shown().widget(name).and_then(|spec| spec.size))
}

/// Where the widgets of the page stand, by their place on the page.
pub fn placements(model: &Model) -> Vec<(usize, Rect)> {
    solve(model, regions(screen(model)).body).placements
}

/// Lines of the page, and lines there are for it.
pub fn content_height(model: &Model) -> (u16, u16) {
    let body = regions(screen(model)).body;
    (solve(model, body).content_height, body.height)
}

/// How far the page must be scrolled so that a widget is in sight.
pub fn scroll_to_show(model: &Model, index: usize) -> u16 {
    let body = regions(screen(model)).body;
    let scroll = model.pages.state().scroll;
    let Some(page) = model.page() else { return scroll };
    let page = &*sized(model, page);
    let whole = Rect { height: grid::solve(page, body, 0).content_height.max(body.height), ..body };
    let places = grid::solve(page, whole, 0).placements;
    let Some((_, area)) = places.iter().find(|(place, _)| *place == index) else { return scroll };
    let (top, bottom) = (area.y - body.y, area.y + area.height - body.y);
    scroll.min(top).max(bottom.saturating_sub(body.height).min(top))
}

/// What stands in a cell of the screen.
pub fn target_at(model: &Model, x: u16, y: u16) -> Option<Target> {
    let regions = regions(screen(model));
    let at = ratatui::layout::Position { x, y };
    if let Some(overlay) = model.overlays.last() {
        return overlay::target_at(model, overlay, regions.body, at);
    }
    if regions.header.contains(at) {
        return header::target_at(model, regions.header, x);
    }
    if regions.footer.contains(at) {
        return footer::target_at(model, regions.footer, x);
    }
    let places = placements(model);
    places.iter().find(|(_, area)| area.contains(at)).map(|(index, _)| Target::Widget(*index))
}

/// A view for widgets that the daemon said nothing about.
static NOTHING: std::sync::LazyLock<View> = std::sync::LazyLock::new(View::default);

/// Everything that one widget's picture depends on.
pub fn context<'a>(model: &'a Model, name: &'a Name, focused: bool) -> DrawContext<'a> {
    let data = model.shown();
    let spec = data.widget(name);
    let feed = data.feed(name);
    let view = feed.map_or(&*NOTHING, |feed| &*feed.view);
    let defined = spec.and_then(|spec| spec.chart.as_ref()).map(ChartConfig::window);
    DrawContext {
        name,
        spec,
        view,
        condition: condition(model, name, &view.status),
        theme: model.themes.made_for(spec.and_then(|spec| spec.theme)),
        glyphs: model.glyphs,
        now: model.shown_now(),
        focused: focused && model.overlays.is_empty(),
        state: model.pages.widget(name),
        window: defined.map_or(Interval::ZERO, |defined| model.window_of(defined)),
    }
}

/// How far a widget's data can be trusted, counting what the daemon cannot know.
fn condition(model: &Model, name: &Name, status: &ViewStatus) -> Condition {
    let data = model.shown();
    let id = ccm_proto::model::DocumentId::new(ccm_proto::model::Kind::Widget, name.clone());
    if let Some(problem) = data.problems.get(&id) {
        return Condition::Error { cause: problem.clone(), age: None, next_in: None };
    }
    if let Some(refused) = data.feed(name).and_then(|feed| feed.refused.clone()) {
        return Condition::Error { cause: refused, age: None, next_in: None };
    }
    Condition::of(status, model.shown_now(), model.link.lost_since())
}

/// Rows of a widget after its filter, and how many of them are in sight; none for widgets that
/// have no rows to scroll.
pub fn rows_of(model: &Model, name: &Name) -> Option<(usize, usize)> {
    let page = model.page()?;
    let index = page.widgets.iter().position(|placement| placement.name == *name)?;
    let places = placements(model);
    let (_, area) = places.iter().find(|(place, _)| *place == index)?;
    widget::scrollable(&context(model, name, true), *area)
}

/// The worst state on the page, and how many widgets are in trouble of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Widgets with a critical value.
    pub critical: usize,
    /// Widgets with a value to look at.
    pub warning: usize,
    /// Widgets whose source fails.
    pub error: usize,
    /// Widgets with old data.
    pub stale: usize,
}

/// Counts what is wrong on the page.
pub fn tally(model: &Model) -> Tally {
    let mut tally = Tally::default();
    let Some(page) = model.page() else { return tally };
    for placement in &page.widgets {
        let context = context(model, &placement.name, false);
        match &context.condition {
            Condition::Error { .. } => tally.error += 1,
            Condition::Stale { .. } => tally.stale += 1,
            Condition::Live { .. } => match widget::summary(&context).state {
                Some(State::Critical) => tally.critical += 1,
                Some(State::Warning) => tally.warning += 1,
                _ => {}
            },
            Condition::Loading | Condition::Absent { .. } => {}
        }
    }
    tally
}

/// The age of the page's newest data.
pub fn data_age(model: &Model) -> Option<Interval> {
    let page = model.page()?;
    let now = model.shown_now();
    let views = page.widgets.iter().filter_map(|placement| model.shown().feed(&placement.name));
    let good = views.filter(|feed| feed.view.status.quality != Quality::Loading);
    let newest = good.filter_map(|feed| feed.view.status.sampled_at).max()?;
    Some(now.since(newest))
}

/// The focused widget's value for a clipboard: the exact number of a field, or the summary.
pub fn value_text(model: &Model, name: &Name) -> Option<String> {
    let context = context(model, name, true);
    let spec = context.spec?;
    let rows =
        matches!(spec.widget_type, WidgetType::Table | WidgetType::List | WidgetType::Custom);
    if let Some(selected) = context.state.selected.filter(|_| rows) {
        let index = *widget::ordered_rows(&context).get(selected)?;
        return Some(row_text(context.view.rows.get(index)?.cells.iter()));
    }
    match context.view.field("value") {
        Cell::Absent => {
            let text = widget::summary(&context).text;
            (!text.is_empty()).then(|| text.to_string())
        }
        cell => Some(format::exact(cell, ccm_proto::model::widget::Format::Number)),
    }
}

fn row_text<'a>(cells: impl Iterator<Item = &'a Cell>) -> String {
    let exact = |cell: &Cell| format::exact(cell, ccm_proto::model::widget::Format::Number);
    cells.map(exact).collect::<Vec<_>>().join("\t")
}

/// A widget's data for a clipboard: lines of tab-separated fields, tracks and rows.
pub fn widget_text(model: &Model, name: &Name) -> Option<String> {
    let context = context(model, name, true);
    let mut lines = Vec::new();
    for (field, cell) in &context.view.fields {
        let field = SafeText::new(field);
        lines.push(format!("{field}\t{}", row_text(std::iter::once(cell))));
    }
    for track in &context.view.tracks {
        let last = track.last().map_or_else(String::new, |value| value.to_string());
        lines.push(format!("{}\t{last}", track.label));
    }
    for index in widget::ordered_rows(&context) {
        if let Some(row) = context.view.rows.get(index) {
            lines.push(row_text(row.cells.iter()));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
