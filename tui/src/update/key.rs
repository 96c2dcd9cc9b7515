//! Keys: to the text that is being typed, or through the key map to actions.

use super::{act, overlay};
use crate::action::Action;
use crate::effect::Effect;
use crate::input::keymap::{Chord, Lookup};
use crate::model::Model;
use crate::widget::Filter;

/// The longest filter that can be typed.
const FILTER_MAX: usize = 256;

/// A key was pressed.
pub(super) fn press(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if model.locked {
        if model.keymap.lookup(std::slice::from_ref(&chord)) == Lookup::Action(Action::Lock) {
            return act::act(model, Action::Lock);
        }
        return Vec::new();
    }
    if !model.overlays.is_empty() {
        return overlay::press(model, &chord);
    }
    if model.filtering.is_some() {
        return filter_key(model, &chord);
    }
    model.pending.push(chord);
    match model.keymap.lookup(&model.pending) {
        Lookup::Action(action) => {
            model.pending.clear();
            act::act(model, action)
        }
        Lookup::Prefix => Vec::new(),
        Lookup::None => {
            // The last key may begin something by itself.
            let last = model.pending.pop();
            let had_prefix = !model.pending.is_empty();
            model.pending.clear();
            match last {
                Some(chord) if had_prefix => press(model, chord),
                _ => Vec::new(),
            }
        }
    }
}

/// A key while a filter is typed.
fn filter_key(model: &mut Model, chord: &Chord) -> Vec<Effect> {
    let Some(filter) = &mut model.filtering else { return Vec::new() };
    match chord.as_str() {
        "enter" => model.filtering = None,
        "esc" => {
            model.filtering = None;
            if let Some(name) = model.focused().cloned() {
                model.pages.widget_mut(&name).filter = None;
            }
        }
        "backspace" => {
            filter.pop();
            apply_filter(model);
        }
        "ctrl-u" => {
            filter.clear();
            apply_filter(model);
        }
        "ctrl-c" => return vec![Effect::Quit],
        _ => {
            if let Some(c) = chord.typed().filter(|_| filter.chars().count() < FILTER_MAX) {
                filter.push(c);
                apply_filter(model);
            }
        }
    }
    Vec::new()
}

/// Filters the focused widget by what has been typed.
pub(super) fn apply_filter(model: &mut Model) {
    let Some(text) = model.filtering.clone() else { return };
    let Some(name) = model.focused().cloned() else { return };
    let state = model.pages.widget_mut(&name);
    state.filter = Filter::parse(&text);
    state.scroll = 0;
    state.selected = state.selected.map(|_| 0);
}
