//! Overlays: help, palette, themes, "why", notices; what was found and its login have their own.

use ccm_proto::model::Name;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{act, login, offers, watch};
use crate::action::{ACTIONS, Action};
use crate::effect::Effect;
use crate::input::keymap::{Chord, Lookup};
use crate::model::Model;
use crate::model::mode::{Choice, Item, List, Overlay};
use crate::model::pages::Pages;

/// The longest query that can be typed.
const QUERY_MAX: usize = 128;

/// The text that is being typed into the topmost overlay.
pub(super) fn query(model: &mut Model) -> Option<&mut String> {
    match model.overlays.last_mut()? {
        Overlay::Help(list) | Overlay::Palette(list) | Overlay::Themes(list, _) => {
            Some(&mut list.query)
        }
        Overlay::Why(..) | Overlay::Notices(_) | Overlay::Offers(_) | Overlay::Login => None,
    }
}

/// What was typed changed.
pub(super) fn typed(model: &mut Model) {
    if let Some(list) = list(model) {
        list.selected = 0;
    }
    preview(model);
}

fn list(model: &mut Model) -> Option<&mut List> {
    match model.overlays.last_mut()? {
        Overlay::Help(list) | Overlay::Palette(list) | Overlay::Themes(list, _) => Some(list),
        Overlay::Why(..) | Overlay::Notices(_) | Overlay::Offers(_) | Overlay::Login => None,
    }
}

/// A key while an overlay is open.
pub(super) fn press(model: &mut Model, chord: &Chord) -> Vec<Effect> {
    if matches!(model.overlays.last(), Some(Overlay::Login)) {
        return login::press(model, chord);
    }
    match chord.as_str() {
        "esc" => return close(model),
        "ctrl-c" => return vec![Effect::Quit],
        "ctrl-z" => return vec![Effect::Suspend],
        "enter" => return choose(model),
        "down" | "ctrl-n" | "tab" => return scroll(model, Action::Down),
        "up" | "ctrl-p" | "backtab" => return scroll(model, Action::Up),
        "pagedown" => return scroll(model, Action::HalfDown),
        "pageup" => return scroll(model, Action::HalfUp),
        _ => {}
    }
    if matches!(model.overlays.last(), Some(Overlay::Offers(_))) {
        return offers::press(model, chord);
    }
    let Some(query) = query(model) else { return read_only_key(model, chord) };
    match chord.as_str() {
        "backspace" => drop(query.pop()),
        "ctrl-u" => query.clear(),
        _ => {
            let Some(c) = chord.typed().filter(|_| query.chars().count() < QUERY_MAX) else {
                return Vec::new();
            };
            query.push(c);
        }
    }
    typed(model);
    Vec::new()
}

/// In an overlay without typing the usual keys scroll and close.
fn read_only_key(model: &mut Model, chord: &Chord) -> Vec<Effect> {
    let Lookup::Action(action) = model.keymap.lookup(std::slice::from_ref(chord)) else {
        return Vec::new();
    };
    match (action, model.overlays.last()) {
        (Action::Quit | Action::Back, _) => close(model),
        (Action::Why, Some(Overlay::Why(..))) => close(model),
        (Action::Notices, Some(Overlay::Notices(_))) => close(model),
        (Action::Suspend | Action::Repaint, _) => act::act(model, action),
        _ => scroll(model, action),
    }
}

/// Closes the topmost overlay; a theme that was only looked at goes with it.
pub(super) fn close(model: &mut Model) -> Vec<Effect> {
    if model.overlays.pop() == Some(Overlay::Login) {
        model.offers.login = None;
    }
    if model.themes.preview.take().is_some() {
        model.themes.refresh(&model.data);
    }
    Vec::new()
}

/// Moves the choice, or the text.
pub(super) fn scroll(model: &mut Model, action: Action) -> Vec<Effect> {
    const PAGE: usize = 10;
    let count = match model.overlays.last() {
        Some(Overlay::Offers(_)) => model.offers.list().len(),
        _ => items(model).len(),
    };
    let moved = |at: usize, last: usize| match action {
        Action::Down => (at + 1).min(last),
        Action::Up => at.saturating_sub(1),
        Action::HalfDown => (at + PAGE).min(last),
        Action::HalfUp => at.saturating_sub(PAGE),
        Action::First => 0,
        Action::Last => last,
        _ => at,
    };
    match model.overlays.last_mut() {
        Some(Overlay::Why(_, at) | Overlay::Notices(at)) => *at = moved(*at, usize::from(u16::MAX)),
        Some(Overlay::Offers(at)) => *at = moved(*at, count.saturating_sub(1)),
        Some(Overlay::Help(list) | Overlay::Palette(list) | Overlay::Themes(list, _)) => {
            list.selected = moved(list.selected, count.saturating_sub(1));
        }
        Some(Overlay::Login) | None => {}
    }
    preview(model);
    Vec::new()
}

/// Shows the chosen theme while the picker is open.
fn preview(model: &mut Model) {
    let Some(Overlay::Themes(list, _)) = model.overlays.last() else { return };
    let selected = list.selected;
    if let Some(Item { choice: Choice::Theme(name), .. }) = items(model).into_iter().nth(selected) {
        model.themes.preview = Some(name);
        model.themes.refresh(&model.data);
    }
}

/// Does what the chosen item stands for.
fn choose(model: &mut Model) -> Vec<Effect> {
    if let Some(Overlay::Offers(at)) = model.overlays.last() {
        return offers::take(model, *at);
    }
    let Some(selected) = list(model).map(|list| list.selected) else { return close(model) };
    choose_item(model, selected)
}

/// Does what an item of the topmost overlay stands for.
pub(super) fn choose_item(model: &mut Model, index: usize) -> Vec<Effect> {
    if matches!(model.overlays.last(), Some(Overlay::Offers(_))) {
        return offers::take(model, index);
    }
    let Some(item) = items(model).into_iter().nth(index) else { return Vec::new() };
    model.overlays.pop();
    match item.choice {
        Choice::Action(action) => act::act(model, action),
        Choice::Page(page) => act::go_to_page(model, page),
        Choice::Widget(name) => focus_widget(model, &name),
        Choice::Layout(name) => open_layout(model, name),
        Choice::Theme(name) => {
            model.themes.preview = None;
            model.themes.chosen = Some(name.clone());
            model.themes.refresh(&model.data);
            model.memory.theme = Some(name);
            let mut effects = watch(model);
            effects.push(Effect::Remember(model.memory.clone()));
            effects
        }
    }
}

/// Shows another layout, from its first page on.
pub(super) fn open_layout(model: &mut Model, name: Name) -> Vec<Effect> {
    model.paused = None;
    model.filtering = None;
    model.pages = Pages::new(0);
    model.data.open(name);
    model.themes.refresh(&model.data);
    watch(model)
}

fn focus_widget(model: &mut Model, name: &Name) -> Vec<Effect> {
    let Some(layout) = model.shown().layout() else { return Vec::new() };
    let place = layout.pages.iter().enumerate().find_map(|(page, spec)| {
        let index = spec.widgets.iter().position(|placement| placement.name == *name)?;
        Some((page, index))
    });
    let Some((page, index)) = place else { return Vec::new() };
    let effects = act::go_to_page(model, page);
    act::set_focus(model, index);
    effects
}

/// The items of the topmost overlay that match what was typed.
fn items(model: &Model) -> Vec<Item> {
    match model.overlays.last() {
        Some(Overlay::Help(list)) => help_items(model, &list.query),
        Some(Overlay::Palette(list)) => palette_items(model, &list.query),
        Some(Overlay::Themes(list, _)) => theme_items(model, &list.query),
        _ => Vec::new(),
    }
}

fn action_items(model: &Model) -> Vec<Item> {
    let item = |described: &crate::action::Described| Item {
        name: described.name.to_owned(),
        description: described.description.to_owned(),
        keys: model.keymap.keys(described.action).join("  "),
        choice: Choice::Action(described.action),
    };
    ACTIONS.iter().map(item).collect()
}

/// Actions whose name, description or key contains what was typed, in the order of the list.
pub fn help_items(model: &Model, query: &str) -> Vec<Item> {
    let wanted = query.to_lowercase();
    let by_key = |item: &Item| item.keys.split("  ").any(|keys| keys == query);
    let mut items = action_items(model);
    let (exact, rest): (Vec<Item>, Vec<Item>) = items.drain(..).partition(by_key);
    let by_text = |item: &Item| {
        wanted.is_empty() || item.name.contains(&wanted) || item.description.contains(&wanted)
    };
    exact.into_iter().chain(rest.into_iter().filter(by_text)).collect()
}

/// Everything that can be done or gone to, the best match first.
pub fn palette_items(model: &Model, query: &str) -> Vec<Item> {
    let mut items = action_items(model);
    if let Some(layout) = model.shown().layout() {
        for (index, page) in layout.pages.iter().enumerate() {
            let name = format!("page {}", ccm_proto::SafeText::new(&page.title));
            items.push(item(name, "go to the page", Choice::Page(index)));
        }
        for name in layout.widget_names() {
            items.push(item(
                format!("widget {name}"),
                "focus the widget",
                Choice::Widget(name.clone()),
            ));
        }
    }
    for (name, title) in &model.layouts {
        let description = format!("open the layout: {title}");
        items.push(item(format!("layout {name}"), &description, Choice::Layout(name.clone())));
    }
    for name in model.themes.names(model.shown()) {
        items.push(item(format!("theme {name}"), "use the theme", Choice::Theme(name)));
    }
    fuzzy(items, query)
}

/// Themes that match.
pub fn theme_items(model: &Model, query: &str) -> Vec<Item> {
    let names = model.themes.names(model.shown());
    let items = names.into_iter().map(|name| {
        let title = model.shown().theme(&name).or_else(|| crate::theme::builtin(&name));
        let title = title.map(|spec| ccm_proto::SafeText::new(&spec.title).to_string());
        item(name.to_string(), &title.unwrap_or_default(), Choice::Theme(name))
    });
    fuzzy(items.collect(), query)
}

fn item(name: String, description: &str, choice: Choice) -> Item {
    Item { name, description: description.to_owned(), keys: String::new(), choice }
}

fn fuzzy(items: Vec<Item>, query: &str) -> Vec<Item> {
    if query.trim().is_empty() {
        return items;
    }
    let pattern = Pattern::parse(query, CaseMatching::Smart, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Item)> = items
        .into_iter()
        .filter_map(|item| {
            let name = pattern.score(Utf32Str::new(&item.name, &mut buffer), &mut matcher);
            let text = pattern.score(Utf32Str::new(&item.description, &mut buffer), &mut matcher);
            // A match in the name counts more than one in the description.
            let score = name.map(|score| score * 2).into_iter().chain(text).max()?;
            Some((score, item))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, item)| item).collect()
}
