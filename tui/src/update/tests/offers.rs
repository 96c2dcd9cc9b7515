//! What was found on the daemon's machine: the hint, the list, and taking one.

use ccm_proto::SafeText;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::{DocumentId, Interval, Kind};

use super::super::update;
use super::host::send;
use crate::effect::Effect;
use crate::message::{Gesture, Message, Pointer};
use crate::model::Model;
use crate::model::mode::Overlay;
use crate::model::offers::HINT_LASTS;
use crate::model::tests::fixture::{
    NOW, attached, frame, live, name, needy_offer, offers, press, unconnected, watched, welcome,
};
use crate::view;

fn found(model: &mut Model, count: usize, configured: bool) -> Vec<Effect> {
    update(model, Message::Offers { offers: offers(count), configured }, NOW)
}

fn footer(model: &Model) -> String {
    let area = ratatui::layout::Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = ratatui::buffer::Buffer::empty(area);
    view::draw(model, area, &mut buffer);
    let last = buffer.content.rchunks(usize::from(model.size.0)).next().unwrap();
    last.iter().map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn the_daemon_is_asked_once_when_the_first_stream_begins() {
    let (mut model, effects) = attached((80, 24));
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Discover).count(), 1);
    let again = ccm_proto::convert::FrameContents { welcome: Some(welcome(8)), ..frame() };
    assert!(!send(&mut model, again).contains(&Effect::Discover), "it has not answered yet");
    found(&mut model, 3, false);
    let again = ccm_proto::convert::FrameContents { welcome: Some(welcome(9)), ..frame() };
    assert!(!send(&mut model, again).contains(&Effect::Discover), "it has answered");
}

#[test]
fn who_was_told_is_not_asked_for_again() {
    let mut model = unconnected((80, 24));
    model.memory.offered = true;
    let first = ccm_proto::convert::FrameContents { welcome: Some(welcome(7)), ..frame() };
    assert!(!send(&mut model, first).contains(&Effect::Discover));
}

#[test]
fn something_found_is_hinted_at_for_a_while_and_remembered() {
    let mut model = live((160, 50));
    let effects = found(&mut model, 3, false);
    assert!(matches!(&effects[..], [Effect::Remember(memory)] if memory.offered));
    assert!(model.overlays.is_empty(), "nothing covers the dashboard");
    assert!(footer(&model).contains("3 things found here: press D"), "{}", footer(&model));
    update(&mut model, Message::Tick, NOW + HINT_LASTS);
    assert!(!footer(&model).contains("found here"), "{}", footer(&model));
    assert!(found(&mut model, 3, false).is_empty());
    assert!(!footer(&model).contains("found here"), "once");
}

#[test]
fn who_has_configured_something_or_nothing_to_find_gets_no_hint() {
    for (count, configured) in [(3, true), (0, false)] {
        let mut model = live((160, 50));
        assert!(found(&mut model, count, configured).is_empty());
        assert!(!footer(&model).contains("found here"));
        assert!(!model.memory.offered);
    }
}

#[test]
fn a_key_takes_an_offer_and_opens_its_layout_when_it_is_written() {
    let mut model = live((160, 50));
    found(&mut model, 3, false);
    let effects = press(&mut model, "D");
    assert_eq!(effects, [Effect::Discover], "the daemon looks again");
    assert_eq!(model.offers.hint_until, None);
    found(&mut model, 3, false);
    assert_eq!(model.overlays, [Overlay::Offers(0)]);
    let effects = press(&mut model, "2");
    let [Effect::Accept(offer, None)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(offer.key, name("found-1"));
    assert!(press(&mut model, "3").is_empty(), "one at a time");
    let accepted = Message::Accepted { key: offer.key.clone(), result: Ok(()) };
    let effects = update(&mut model, accepted, NOW);
    let watch = watched(&effects).expect("its layout is asked for");
    assert_eq!(watch.documents[0].0, DocumentId::new(Kind::Layout, name("found-1")));
    assert!(model.overlays.is_empty());
    assert!(model.remark.as_ref().unwrap().0.as_str().contains("layout host"));
    press(&mut model, "D");
    let effects = press(&mut model, "2");
    assert!(watched(&effects).is_some(), "what was taken is opened");
}

#[test]
fn a_refusal_is_told_and_the_list_stays() {
    let mut model = live((160, 50));
    found(&mut model, 2, false);
    press(&mut model, "D j enter");
    assert_eq!(model.offers.taking, Some(name("found-1")));
    let cause = SafeText::new("source/found-1 exists already");
    let refused = Message::Accepted { key: name("found-1"), result: Err(cause.clone()) };
    assert!(update(&mut model, refused, NOW).is_empty());
    assert_eq!(model.offers.refusal, Some(cause));
    assert_eq!(model.overlays, [Overlay::Offers(1)]);
    press(&mut model, "D");
    assert!(model.overlays.is_empty(), "the key that opens closes");
}

fn asked_for_a_login(kind: CredentialKind) -> Model {
    let mut model = live((80, 24));
    let found = Message::Offers { offers: vec![needy_offer(kind)], configured: false };
    update(&mut model, found, NOW);
    assert_eq!(press(&mut model, "D 1"), [Effect::Discover, Effect::Guard]);
    assert_eq!(model.overlays.last(), Some(&Overlay::Login));
    model
}

#[test]
fn what_wants_a_login_is_taken_with_it() {
    let mut model = asked_for_a_login(CredentialKind::Basic);
    press(&mut model, "enter");
    press(&mut model, "a d x backspace m enter");
    update(&mut model, Message::Paste("s3 cret\r\nsecond line".to_owned()), NOW);
    let effects = press(&mut model, "enter");
    let [Effect::Accept(offer, Some(login))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((offer.key.clone(), login.account.as_str()), (name("found-0"), "adm"));
    assert_eq!(login.secret.to_secret().expose_text(), Some("s3 cret"));
    assert_eq!(model.overlays, [Overlay::Offers(0)]);
    assert_eq!(model.offers.login, None);
    assert_eq!(model.offers.taking, Some(name("found-0")));
}

#[test]
fn a_login_can_be_left_and_a_token_is_one_field() {
    let mut model = asked_for_a_login(CredentialKind::Token);
    press(&mut model, "q tab esc");
    assert_eq!(
        (model.overlays.as_slice(), model.offers.login.is_none()),
        (&[Overlay::Offers(0)][..], true)
    );
    press(&mut model, "1 t o k");
    let effects = press(&mut model, "enter");
    let [Effect::Accept(_, Some(login))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(login.secret.to_secret().expose_text(), Some("tok"));
}

#[test]
fn the_pointer_takes_what_it_points_at() {
    let mut model = live((160, 50));
    found(&mut model, 3, false);
    press(&mut model, "D");
    let effects: Vec<Effect> = (0..50)
        .flat_map(|y| {
            let press = Pointer { x: 80, y, gesture: Gesture::Press };
            let mut model = model.clone();
            update(&mut model, Message::Pointer(press), NOW)
        })
        .collect();
    let taken: Vec<&str> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Accept(offer, _) => Some(offer.key.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(taken, ["found-0", "found-1", "found-2"]);
}

#[test]
fn no_count_of_offers_and_no_size_breaks_the_picture() {
    for count in [0, 1, 9, 40, 64] {
        for size in [(0, 0), (1, 1), (20, 5), (80, 24), (300, 90)] {
            let mut model = live(size);
            found(&mut model, count, false);
            press(&mut model, "D G");
            footer_of_any(&model);
            update(&mut model, Message::Tick, NOW + Interval::from_secs(1));
        }
    }
}

fn footer_of_any(model: &Model) {
    let area = ratatui::layout::Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = ratatui::buffer::Buffer::empty(area);
    view::draw(model, area, &mut buffer);
}
