//! Actions.

use ccm_proto::SafeText;
use ccm_proto::model::Name;
use ccm_proto::model::widget::{Order, WidgetType};

use super::{offers, overlay, watch};
use crate::action::Action;
use crate::effect::Effect;
use crate::model::mode::{List, Overlay};
use crate::model::{Model, Paused};
use crate::view;

/// Text for a clipboard beyond this is refused: terminals drop long ones without a word.
const COPY_MAX: usize = 74_000;

/// Windows from 1/8 to 64 times the defined one.
const WINDOW_EXPONENTS: (i8, i8) = (-3, 6);

/// Does one action.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Help => open(model, Overlay::Help(List::default())),
        Action::Command => {
            let mut effects = open(model, Overlay::Palette(List::default()));
            effects.push(Effect::ListLayouts);
            effects
        }
        Action::Theme => {
            let former = model.themes.chosen.clone();
            open(model, Overlay::Themes(List::default(), former))
        }
        Action::Notices => open(model, Overlay::Notices(0)),
        Action::Discover => offers::open(model),
        Action::Why => match model.focused().cloned() {
            Some(name) => open(model, Overlay::Why(name, 0)),
            None => Vec::new(),
        },
        Action::Filter => filter(model),
        Action::Back => back(model),
        Action::Quit if !model.overlays.is_empty() => overlay::close(model),
        Action::Quit | Action::QuitNow => vec![Effect::Quit],
        Action::Suspend => vec![Effect::Suspend],
        Action::PageNext | Action::PagePrevious | Action::Page(_) => turn(model, action),
        Action::FocusNext | Action::FocusPrevious => focus_in_order(model, action),
        Action::FocusLeft | Action::FocusDown | Action::FocusUp | Action::FocusRight => {
            focus_towards(model, action)
        }
        Action::Zoom => {
            let state = model.pages.state_mut();
            state.zoomed = !state.zoomed;
            Vec::new()
        }
        Action::Down
        | Action::Up
        | Action::HalfDown
        | Action::HalfUp
        | Action::First
        | Action::Last => scroll(model, action),
        Action::Left | Action::Right => sideways(model, action),
        Action::SortNext | Action::SortReverse => sort(model, action),
        Action::WindowLonger | Action::WindowShorter | Action::WindowReset => window(model, action),
        Action::Pause => pause(model),
        Action::Refresh => refresh(model),
        Action::Repaint => vec![Effect::Repaint],
        Action::CopyValue | Action::CopyWidget => copy(model, action),
        Action::Mouse => {
            model.mouse = !model.mouse;
            let word = if model.mouse { "the mouse is taken" } else { "the mouse is released" };
            model.say(word);
            vec![Effect::Mouse(model.mouse)]
        }
        Action::Lock => {
            model.locked = !model.locked;
            Vec::new()
        }
    }
}

fn open(model: &mut Model, overlay: Overlay) -> Vec<Effect> {
    model.overlays.push(overlay);
    Vec::new()
}

fn filter(model: &mut Model) -> Vec<Effect> {
    let Some(name) = model.focused() else { return Vec::new() };
    let text = model.pages.widget(name).filter.as_ref().map(|filter| filter.text().to_owned());
    model.filtering = Some(text.unwrap_or_default());
    Vec::new()
}

/// One level back: filter, selection, zoom, pause.
fn back(model: &mut Model) -> Vec<Effect> {
    model.remark = None;
    if let Some(name) = model.focused().cloned() {
        let state = model.pages.widget_mut(&name);
        if state.filter.take().is_some() {
            state.scroll = 0;
            return Vec::new();
        }
        if state.selected.take().is_some() {
            return Vec::new();
        }
    }
    let state = model.pages.state_mut();
    if state.zoomed {
        state.zoomed = false;
        return Vec::new();
    }
    if model.paused.is_some() {
        return pause(model);
    }
    Vec::new()
}

fn turn(model: &mut Model, action: Action) -> Vec<Effect> {
    let count = model.shown().layout().map_or(0, |layout| layout.pages.len());
    if count == 0 {
        return Vec::new();
    }
    let current = model.pages.current;
    let target = match action {
        Action::PageNext => (current + 1) % count,
        Action::PagePrevious => (current + count - 1) % count,
        Action::Page(number) => usize::from(number).saturating_sub(1),
        _ => current,
    };
    if target >= count {
        model.say(&format!("there are {count} pages"));
        return Vec::new();
    }
    go_to_page(model, target)
}

/// Shows a page, from 0.
pub(super) fn go_to_page(model: &mut Model, page: usize) -> Vec<Effect> {
    if page == model.pages.current {
        return Vec::new();
    }
    model.pages.current = page;
    model.filtering = None;
    watch(model)
}

fn focus_in_order(model: &mut Model, action: Action) -> Vec<Effect> {
    let count = model.page().map_or(0, |page| page.widgets.len());
    if count == 0 {
        return Vec::new();
    }
    let step = if action == Action::FocusNext { 1 } else { count - 1 };
    let focus = (model.pages.state().focus.min(count - 1) + step) % count;
    set_focus(model, focus)
}

/// Focuses a widget by its place on the page, and brings it into sight.
pub(super) fn set_focus(model: &mut Model, focus: usize) -> Vec<Effect> {
    model.pages.state_mut().focus = focus;
    let scroll = view::scroll_to_show(model, focus);
    model.pages.state_mut().scroll = scroll;
    Vec::new()
}

/// To the nearest widget in a direction, by the distance between middles.
fn focus_towards(model: &mut Model, action: Action) -> Vec<Effect> {
    let places = view::placements(model);
    let focus = model.pages.state().focus;
    let Some((_, from)) = places.iter().find(|(index, _)| *index == focus) else {
        return Vec::new();
    };
    let middle = |area: &ratatui::layout::Rect| {
        (
            i32::from(area.x) * 2 + i32::from(area.width),
            i32::from(area.y) * 4 + i32::from(area.height) * 2,
        )
    };
    let (x, y) = middle(from);
    let towards = |area: &ratatui::layout::Rect| {
        let (to_x, to_y) = middle(area);
        let (along, across) = match action {
            Action::FocusLeft => (x - to_x, (y - to_y).abs()),
            Action::FocusRight => (to_x - x, (y - to_y).abs()),
            Action::FocusUp => (y - to_y, (x - to_x).abs()),
            _ => (to_y - y, (x - to_x).abs()),
        };
        (along > 0).then_some(along + 2 * across)
    };
    let nearest = places
        .iter()
        .filter(|(index, _)| *index != focus)
        .filter_map(|(index, area)| Some((towards(area)?, *index)))
        .min();
    match nearest {
        Some((_, index)) => set_focus(model, index),
        None => Vec::new(),
    }
}

/// Scrolls the focused widget's rows, or the page when the widget has nothing to scroll.
fn scroll(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(name) = model.focused().cloned() else { return Vec::new() };
    let Some((rows, page)) = view::rows_of(model, &name) else { return scroll_page(model, action) };
    let state = model.pages.widget_mut(&name);
    let last = rows.saturating_sub(1);
    let at = state.selected.unwrap_or(state.scroll);
    let begun = state.selected.is_some();
    let half = (page / 2).max(1);
    let to = match action {
        Action::Down if begun => at.saturating_add(1),
        Action::Up => at.saturating_sub(1),
        Action::HalfDown => at.saturating_add(half),
        Action::HalfUp => at.saturating_sub(half),
        Action::First => 0,
        Action::Last => last,
        _ => at,
    }
    .min(last);
    state.selected = Some(to);
    state.scroll = state.scroll.min(to).max((to + 1).saturating_sub(page.max(1)));
    Vec::new()
}

fn scroll_page(model: &mut Model, action: Action) -> Vec<Effect> {
    let (content, height) = view::content_height(model);
    let most = content.saturating_sub(height);
    let half = (height / 2).max(1);
    let state = model.pages.state_mut();
    let to = match action {
        Action::Down => state.scroll.saturating_add(1),
        Action::Up => state.scroll.saturating_sub(1),
        Action::HalfDown => state.scroll.saturating_add(half),
        Action::HalfUp => state.scroll.saturating_sub(half),
        Action::First => 0,
        _ => most,
    };
    state.scroll = to.min(most);
    Vec::new()
}

fn sideways(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(name) = model.focused().cloned() else { return Vec::new() };
    let table = model.shown().widget(&name).and_then(|spec| spec.table.as_ref());
    let Some(columns) = table.map(|table| table.columns.len()) else { return Vec::new() };
    let state = model.pages.widget_mut(&name);
    state.hscroll = match action {
        Action::Left => state.hscroll.saturating_sub(1),
        _ => (state.hscroll + 1).min(columns.saturating_sub(2)),
    };
    Vec::new()
}

fn sort(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(name) = model.focused().cloned() else { return Vec::new() };
    let Some(table) = model.shown().widget(&name).and_then(|spec| spec.table.clone()) else {
        model.say("only tables have an order");
        return Vec::new();
    };
    let defined = table.sort.as_ref();
    let defined = defined.and_then(|sort| table.columns.iter().position(|c| c.field == *sort));
    let state = model.pages.widget_mut(&name);
    let (column, order) = state.sort.unwrap_or((defined.unwrap_or(0), table.order));
    state.sort = Some(match (action, order) {
        (Action::SortNext, _) => ((column + 1) % table.columns.len().max(1), Order::Descending),
        (_, Order::Descending) => (column, Order::Ascending),
        (_, Order::Ascending) => (column, Order::Descending),
    });
    state.scroll = 0;
    Vec::new()
}

fn window(model: &mut Model, action: Action) -> Vec<Effect> {
    let exponent = match action {
        Action::WindowLonger => model.window_exponent + 1,
        Action::WindowShorter => model.window_exponent - 1,
        _ => 0,
    };
    let exponent = exponent.clamp(WINDOW_EXPONENTS.0, WINDOW_EXPONENTS.1);
    if exponent == model.window_exponent {
        return Vec::new();
    }
    model.window_exponent = exponent;
    let charts = |spec: &&ccm_proto::model::WidgetSpec| {
        spec.widget_type == WidgetType::Chart
            && spec.chart.as_ref().is_some_and(|chart| chart.style.is_over_time())
    };
    let page = model.page().cloned();
    let chart = page.iter().flat_map(|page| &page.widgets).find_map(|placement| {
        model.data.widget(&placement.name).filter(charts).and_then(|spec| spec.chart.as_ref())
    });
    if let Some(defined) = chart.map(ccm_proto::model::widget::ChartConfig::window) {
        let window = model.window_of(defined);
        model.say(&format!("charts show {window}"));
    }
    watch(model)
}

fn pause(model: &mut Model) -> Vec<Effect> {
    model.paused = match model.paused.take() {
        Some(_) => None,
        None => Some(Paused { since: model.now, data: model.data.clone(), now: model.now }),
    };
    Vec::new()
}

fn refresh(model: &mut Model) -> Vec<Effect> {
    let Some(page) = model.page() else { return Vec::new() };
    let names: Vec<Name> = page.widgets.iter().map(|placement| placement.name.clone()).collect();
    model.say("reading now");
    vec![Effect::Refresh(names)]
}

fn copy(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(name) = model.focused().cloned() else { return Vec::new() };
    let text = match action {
        Action::CopyValue => view::value_text(model, &name),
        _ => view::widget_text(model, &name),
    };
    match text {
        Some(text) if text.len() <= COPY_MAX => {
            model.say(&format!(
                "copied from {name}: {}",
                SafeText::new(text.lines().next().unwrap_or_default())
            ));
            vec![Effect::Copy(text)]
        }
        Some(_) => {
            model.say("too long for a clipboard; use `ccm snapshot --format json`");
            Vec::new()
        }
        None => {
            model.say("there is nothing to copy");
            Vec::new()
        }
    }
}
