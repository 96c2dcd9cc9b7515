//! The pointer: a press focuses or does what it points at, the wheel scrolls.

use super::{act, overlay};
use crate::action::Action;
use crate::effect::Effect;
use crate::message::{Gesture, Pointer};
use crate::model::Model;
use crate::view::{self, Target};

/// Rows that one notch of the wheel scrolls.
const WHEEL_ROWS: usize = 3;

/// The pointer did something.
pub(super) fn point(model: &mut Model, pointer: Pointer) -> Vec<Effect> {
    if model.locked {
        return Vec::new();
    }
    let target = view::target_at(model, pointer.x, pointer.y);
    match (pointer.gesture, target) {
        (Gesture::Press, Some(Target::Action(action))) => act::act(model, action),
        (Gesture::Press, Some(Target::Page(page))) => act::go_to_page(model, page),
        (Gesture::Press, Some(Target::Widget(index))) => act::set_focus(model, index),
        (Gesture::Press, Some(Target::Item(item))) => overlay::choose_item(model, item),
        (Gesture::Press, Some(Target::Close)) => overlay::close(model),
        (Gesture::WheelUp | Gesture::WheelDown, target) => wheel(model, pointer.gesture, target),
        (Gesture::Press, None) => Vec::new(),
    }
}

fn wheel(model: &mut Model, gesture: Gesture, target: Option<Target>) -> Vec<Effect> {
    let action = if gesture == Gesture::WheelUp { Action::Up } else { Action::Down };
    if !model.overlays.is_empty() {
        return overlay::scroll(model, action);
    }
    if let Some(Target::Widget(index)) = target {
        act::set_focus(model, index);
    }
    let mut effects = Vec::new();
    for _ in 0..WHEEL_ROWS {
        effects.extend(act::act(model, action));
    }
    effects
}
