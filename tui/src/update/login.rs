//! The login that an offer needs: typed, and sent with the offer.

use ccm_proto::model::Offer;

use super::overlay;
use crate::effect::Effect;
use crate::input::keymap::Chord;
use crate::model::Model;
use crate::model::login::{Field, Login};
use crate::model::mode::Overlay;

/// Asks for the login of an offer, where it needs one.
pub(super) fn ask(model: &mut Model, offer: &Offer) -> Option<Vec<Effect>> {
    model.offers.login = Some(Login::of(offer)?);
    model.offers.refusal = None;
    model.overlays.push(Overlay::Login);
    Some(vec![Effect::Guard])
}

/// A key while it is typed.
pub(super) fn press(model: &mut Model, chord: &Chord) -> Vec<Effect> {
    match chord.as_str() {
        "esc" => return overlay::close(model),
        "ctrl-c" => return vec![Effect::Quit],
        "ctrl-z" => return vec![Effect::Suspend],
        "enter" => return enter(model),
        _ => {}
    }
    let Some(login) = &mut model.offers.login else { return overlay::close(model) };
    match chord.as_str() {
        "tab" | "backtab" | "up" | "down" | "ctrl-n" | "ctrl-p" => login.turn(),
        "backspace" => login.pop(),
        "ctrl-u" => login.clear(),
        _ => login.push(&chord.typed().map(String::from).unwrap_or_default()),
    }
    Vec::new()
}

/// Goes to what is missing, else takes the offer.
fn enter(model: &mut Model) -> Vec<Effect> {
    let Some(login) = &mut model.offers.login else { return overlay::close(model) };
    if let Some(field) = login.missing() {
        login.field = field;
        return Vec::new();
    }
    let login = model.offers.login.take().map(Box::new);
    overlay::close(model);
    let Some(offer) = login.as_ref().map(|login| login.offer.clone()) else { return Vec::new() };
    model.offers.taking = Some(offer.key.clone());
    vec![Effect::Accept(Box::new(offer), login)]
}

/// Text that was pasted: one line, of a user name without what is around it.
pub(super) fn paste(login: &mut Login, text: &str) {
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    login.push(if login.field == Field::Account { line.trim() } else { line });
}
