//! What was found on the daemon's machine: hinted at once, listed when asked for, taken by a key.

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Offer};

use super::{login, overlay};
use crate::action::Action;
use crate::effect::Effect;
use crate::input::keymap::{Chord, Lookup};
use crate::model::Model;
use crate::model::mode::Overlay;
use crate::model::offers::HINT_LASTS;

/// Has the daemon look around when it starts a stream and nobody was told yet.
pub(super) fn first_look(model: &mut Model) -> Vec<Effect> {
    let known = model.memory.offered || model.offers.found.is_some();
    if known { Vec::new() } else { look(model) }
}

fn look(model: &mut Model) -> Vec<Effect> {
    if std::mem::replace(&mut model.offers.asked, true) {
        return Vec::new();
    }
    vec![Effect::Discover]
}

/// Opens the list, and has the daemon look again.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    model.offers.hint_until = None;
    model.offers.refusal = None;
    model.overlays.push(Overlay::Offers(0));
    look(model)
}

/// The daemon has looked around. The footer says so once in a user's life, and only to who has
/// configured nothing.
pub(super) fn found(model: &mut Model, offers: Vec<Offer>, configured: bool) -> Vec<Effect> {
    model.offers.asked = false;
    model.offers.found = Some(offers);
    let count = model.offers.list().len();
    if let Some(Overlay::Offers(at)) = model.overlays.last_mut() {
        *at = (*at).min(count.saturating_sub(1));
        return Vec::new();
    }
    if configured || model.memory.offered || model.offers.open() == 0 {
        return Vec::new();
    }
    model.offers.hint_until = Some(model.now + HINT_LASTS);
    model.memory.offered = true;
    vec![Effect::Remember(model.memory.clone())]
}

/// Time has passed.
pub(super) fn tick(model: &mut Model) {
    if model.offers.hint_until.is_some_and(|until| model.now >= until) {
        model.offers.hint_until = None;
    }
}

/// A key while the list is open.
pub(super) fn press(model: &mut Model, chord: &Chord) -> Vec<Effect> {
    let key = chord.typed().and_then(|c| model.offers.by_key(c));
    if let Some(index) = key {
        return take(model, index);
    }
    match model.keymap.lookup(std::slice::from_ref(chord)) {
        Lookup::Action(Action::Quit | Action::Back | Action::Discover) => overlay::close(model),
        Lookup::Action(action) => overlay::scroll(model, action),
        _ => Vec::new(),
    }
}

/// Takes an offer, or opens what was taken before.
pub(super) fn take(model: &mut Model, index: usize) -> Vec<Effect> {
    let Some(offer) = model.offers.list().get(index).cloned() else { return Vec::new() };
    if model.offers.taking.is_some() {
        return Vec::new();
    }
    if offer.taken {
        overlay::close(model);
        return overlay::open_layout(model, offer.key);
    }
    if let Some(effects) = login::ask(model, &offer) {
        return effects;
    }
    model.offers.refusal = None;
    model.offers.taking = Some(offer.key.clone());
    vec![Effect::Accept(Box::new(offer), None)]
}

/// The documents of an offer were written, or not.
pub(super) fn accepted(model: &mut Model, key: Name, result: Result<(), SafeText>) -> Vec<Effect> {
    model.offers.taking = None;
    if let Err(cause) = result {
        model.offers.refusal = Some(cause);
        return Vec::new();
    }
    let former = model.data.layout_name.clone();
    if let Some(offers) = &mut model.offers.found {
        offers.iter_mut().filter(|offer| offer.key == key).for_each(|offer| offer.taken = true);
    }
    if matches!(model.overlays.last(), Some(Overlay::Offers(_))) {
        overlay::close(model);
    }
    model.say(&format!("{key} is shown; `layout {former}` on the command line goes back"));
    overlay::open_layout(model, key)
}
