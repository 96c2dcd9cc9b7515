//! The line at the bottom: the keys that matter here, or what is being typed.

use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Order, WidgetType};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Target;
use super::bar::{Bar, Piece};
use super::paint::Paint;
use crate::action::{Action, described};
use crate::model::Model;
use crate::model::link::LinkState;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let theme = &model.themes.theme;
    let footer = theme.style(Role::Footer);
    Paint::new(buffer, area).fill(area, footer);
    let mut paint = Paint::new(buffer, area);
    if let Some(text) = &model.filtering {
        let x = paint.text(area.x + 1, area.y, "filter / ", footer.patch(theme.style(Role::Key)));
        let x = paint.text(x, area.y, text, footer.patch(theme.style(Role::Text)));
        let x = paint.text(x, area.y, "_", footer.patch(theme.style(Role::Accent)));
        paint.text(x + 2, area.y, "text  !without  -f fuzzy   Enter keeps  Esc clears", footer);
        return;
    }
    if let Some((remark, _)) = &model.remark {
        paint.text(area.x + 1, area.y, remark.as_str(), footer.patch(theme.style(Role::Text)));
        return;
    }
    if let LinkState::Lost { cause, .. } | LinkState::Refused { cause } = &model.link.state {
        paint.text(area.x + 1, area.y, cause.as_str(), footer.patch(theme.style(Role::Warning)));
        return;
    }
    bar(model, area).draw(area, buffer);
}

pub(super) fn target_at(model: &Model, area: Rect, x: u16) -> Option<Target> {
    let typing = model.filtering.is_some() || model.remark.is_some();
    if typing { None } else { bar(model, area).target_at(area, x) }
}

fn bar(model: &Model, area: Rect) -> Bar {
    let theme = &model.themes.theme;
    let footer = theme.style(Role::Footer);
    let key = footer.patch(theme.style(Role::Key));
    let mut left = Vec::new();
    if model.locked {
        let keys = model.keymap.keys(Action::Lock);
        left.push(
            Piece::new(keys.first().cloned().unwrap_or_default(), key).and(" unlocks", footer),
        );
        return Bar { left, right: Vec::new() };
    }
    left.extend(found(model, footer, key));
    for (rank, action) in (1..).zip(actions(model)) {
        let hint = described(action).map_or("", |described| described.hint);
        let keys = model.keymap.keys(action);
        let Some(keys) = keys.first().filter(|_| !hint.is_empty()) else { continue };
        let piece = Piece::new(shown(keys), key).and(format!(" {hint}"), footer);
        left.push(piece.target(Target::Action(action)).rank(rank));
    }
    let daemon = model.link.welcome.as_ref().map(|welcome| welcome.daemon.to_string());
    let daemon = daemon.map(|daemon| Piece::new(daemon, footer).rank(99));
    let right = rest_of_page(model).into_iter().chain(daemon).collect();
    Bar { left, right }.fit(usize::from(area.width))
}

/// That something was found on the daemon's machine, for as long as it is news.
fn found(model: &Model, footer: Style, key: Style) -> Option<Piece> {
    model.offers.hint_until?;
    let keys = model.keymap.keys(Action::Discover);
    let keys = keys.first()?;
    let said = match model.offers.open() {
        0 => return None,
        1 => "1 thing found here: ".to_owned(),
        count => format!("{count} things found here: "),
    };
    let accent = footer.patch(model.themes.theme.style(Role::Accent));
    let piece = Piece::new(said, accent).and(format!("press {}", shown(keys)), key);
    Some(piece.target(Target::Action(Action::Discover)).rank(2))
}

/// Where the page goes on that is higher than the screen.
fn rest_of_page(model: &Model) -> Option<Piece> {
    let (content, height) = super::content_height(model);
    let above = model.pages.state().scroll.min(content.saturating_sub(height));
    let below = content.saturating_sub(height).saturating_sub(above);
    let (up, down) = (model.glyphs.sort(Order::Ascending), model.glyphs.sort(Order::Descending));
    let text = match (above, below) {
        (0, 0) => return None,
        (0, below) => format!("{down} {below} lines"),
        (above, 0) => format!("{up} {above} lines"),
        (above, below) => format!("{up} {above} {down} {below} lines"),
    };
    let theme = &model.themes.theme;
    Some(Piece::new(text, theme.style(Role::Footer).patch(theme.style(Role::Accent))))
}

/// The keys that matter for the focused widget, most telling first.
fn actions(model: &Model) -> Vec<Action> {
    let widget = model.focused().and_then(|name| model.shown().widget(name));
    let mut actions = vec![Action::Help, Action::Quit, Action::Zoom, Action::Command];
    match widget.map(|spec| spec.widget_type) {
        Some(WidgetType::Table) => actions.extend([Action::Filter, Action::SortNext]),
        Some(WidgetType::List | WidgetType::Custom | WidgetType::Map) => {
            actions.push(Action::Filter);
        }
        Some(WidgetType::Chart | WidgetType::Stat) => actions.push(Action::WindowLonger),
        _ => {}
    }
    actions.extend([Action::Why, Action::Theme, Action::Pause]);
    actions
}

/// A key as a footer shows it.
fn shown(keys: &str) -> String {
    match keys {
        "enter" => "Enter".to_owned(),
        "esc" => "Esc".to_owned(),
        other => other.to_owned(),
    }
}
