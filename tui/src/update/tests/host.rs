//! Scripts of messages on the shipped layout.

use ccm_proto::SafeText;
use ccm_proto::convert::{FeedChange, Goodbye};
use ccm_proto::model::widget::Order;
use ccm_proto::model::{DocumentId, Interval, Kind, Notice, Row, Severity, Timestamp};

use super::super::update;
use crate::action::Action;
use crate::effect::Effect;
use crate::message::{Gesture, LinkEvent, Message, Pointer};
use crate::model::Model;
use crate::model::link::LinkState;
use crate::model::mode::Overlay;
use crate::model::tests::fixture::{
    NOW, attached, feed_all, frame, live, name, press, unconnected, watched,
};
use crate::view::{self, Target};
use crate::widget::Condition;

const SIZE: (u16, u16) = (160, 50);

fn at(seconds: u64) -> Timestamp {
    NOW + Interval::from_secs(seconds)
}

pub(super) fn processes() -> Model {
    let mut model = live(SIZE);
    let effects = press(&mut model, "6");
    feed_all(&mut model, &effects);
    model
}

fn condition(model: &Model, widget: &str) -> Condition {
    view::context(model, &name(widget), false).condition
}

pub(super) fn send(model: &mut Model, contents: ccm_proto::convert::FrameContents) -> Vec<Effect> {
    update(model, Message::Frame(Box::new(contents)), model.now)
}

#[test]
fn a_new_link_asks_for_the_layout_and_then_for_the_feeds_in_sight() {
    let mut model = unconnected(SIZE);
    let effects = update(&mut model, Message::Link(LinkEvent::Connected), NOW);
    let first = watched(&effects).unwrap();
    assert_eq!(first.documents[0], (DocumentId::new(Kind::Layout, name("host")), true, None));
    assert!(first.feeds.is_empty());
    let (model, effects) = attached(SIZE);
    let second = watched(&effects).unwrap();
    let wanted: Vec<_> = second.feeds.iter().map(|feed| feed.widget.clone()).collect();
    let page = model.page().unwrap();
    let there: Vec<_> = page.widgets.iter().map(|placement| placement.name.clone()).collect();
    assert_eq!(wanted, there, "the first page and nothing else");
    assert!(second.serial > first.serial);
}

#[test]
fn a_reconnection_resumes_from_the_versions_at_hand() {
    let mut model = live(SIZE);
    let lost = LinkEvent::Lost { cause: "gone".into(), retry_in: Interval::from_secs(1) };
    update(&mut model, Message::Link(lost), at(1));
    let effects = update(&mut model, Message::Link(LinkEvent::Connected), at(2));
    let watch = watched(&effects).unwrap();
    assert!(watch.feeds.iter().all(|feed| feed.have == (1, 7)), "{:?}", watch.feeds);
    let sent = watch.documents.iter().filter(|(id, ..)| id.kind != Kind::Theme);
    assert!(sent.into_iter().all(|(_, _, have)| have.is_some()), "every document that was sent");
}

#[test]
fn a_page_turned_to_in_silence_is_watched_when_the_stream_goes_on() {
    let mut model = live(SIZE);
    update(&mut model, Message::Tick, at(3));
    assert_eq!(watched(&press(&mut model, "6")), None, "nobody hears it");
    let effects = send(&mut model, frame());
    assert_eq!(model.link.state, LinkState::Connected);
    let watch = watched(&effects).expect("the new page is asked for");
    assert_eq!(watch.feeds[0].widget, name("host-processes"));
}

#[test]
fn a_goodbye_is_a_lost_link_with_its_reason() {
    let mut model = live(SIZE);
    let goodbye = Goodbye { reason: SafeText::new("told to stop") };
    send(&mut model, ccm_proto::convert::FrameContents { goodbye: Some(goodbye), ..frame() });
    let LinkState::Lost { cause, .. } = &model.link.state else { panic!("not lost") };
    assert_eq!(*cause, "told to stop");
}

#[test]
fn a_refused_feed_says_why_in_its_own_place() {
    let (mut model, effects) = attached(SIZE);
    let slot = watched(&effects).unwrap().feeds[0].slot;
    let bindings =
        vec![ccm_proto::convert::Binding { slot, feed: Err(SafeText::new("not for you")) }];
    send(&mut model, ccm_proto::convert::FrameContents { bindings, ..frame() });
    let Condition::Error { cause, .. } = condition(&model, "host-health") else { panic!("fine") };
    assert_eq!(cause, "not for you");
    assert_eq!(condition(&model, "host-cpu"), Condition::Loading, "the others are unhurt");
}

#[test]
fn notices_are_replaced_by_key_withdrawn_and_bounded() {
    let mut model = live(SIZE);
    let notice = |key: &str, summary: &str, cleared| Notice {
        key: key.to_owned(),
        severity: Severity::Warning,
        summary: summary.into(),
        cleared,
        ..Notice::default()
    };
    let contents = |notices| ccm_proto::convert::FrameContents { notices, ..frame() };
    send(&mut model, contents(vec![notice("a", "old", false), notice("b", "other", false)]));
    send(&mut model, contents(vec![notice("a", "new", false), notice("b", "", true)]));
    assert_eq!(model.notices.len(), 1);
    assert_eq!(model.notices["a"].summary, "new");
    let flood = (0..5_000).map(|n| notice(&format!("n{n}"), "x", false)).collect();
    send(&mut model, contents(flood));
    assert_eq!(model.notices.len(), crate::model::NOTICES_MAX);
}

#[test]
fn documents_that_are_gone_are_told_of_within_bounds() {
    let mut model = live(SIZE);
    let gone = |n: usize| (DocumentId::new(Kind::Widget, name(&format!("w{n}"))), None);
    for first in [0, 4_000, 8_000] {
        let documents = (first..first + 4_000).map(gone).collect();
        send(&mut model, ccm_proto::convert::FrameContents { documents, ..frame() });
    }
    assert!(model.data.problems.len() <= 4_096, "{}", model.data.problems.len());
}

#[test]
fn pages_turn_by_number_and_in_a_circle() {
    let mut model = live(SIZE);
    press(&mut model, "{");
    assert_eq!(model.pages.current, 6);
    press(&mut model, "}");
    assert_eq!(model.pages.current, 0);
    press(&mut model, "9");
    assert_eq!(model.pages.current, 0);
    assert_eq!(model.remark.as_ref().unwrap().0, "there are 7 pages");
    update(&mut model, Message::Tick, at(5));
    assert_eq!(model.remark, None, "remarks pass");
}

#[test]
fn focus_moves_in_order_and_towards_a_side() {
    let mut model = live(SIZE);
    let focused = |model: &Model| model.focused().unwrap().to_string();
    press(&mut model, "L");
    assert_eq!(focused(&model), "host-cpu");
    press(&mut model, "H");
    assert_eq!(focused(&model), "host-health");
    press(&mut model, "J");
    assert_eq!(focused(&model), "host-filesystems");
    press(&mut model, "backtab");
    assert_eq!(focused(&model), "host-load");
}

#[test]
fn focus_brings_its_widget_into_sight() {
    let mut model = live((80, 24));
    let widgets = model.page().unwrap().widgets.len();
    for _ in 0..widgets {
        let focus = model.pages.state().focus;
        let (_, area) = *view::placements(&model).iter().find(|(at, _)| *at == focus).unwrap();
        assert!(area.height > 0, "{focus} is out of sight");
        press(&mut model, "tab");
    }
}

#[test]
fn zoom_and_a_resize_keep_focus_filter_and_cursor() {
    let mut model = processes();
    press(&mut model, "j j j f");
    let before = (model.pages.state().clone(), model.pages.widget(&name("host-processes")).clone());
    for size in [(20, 5), (1, 1), (0, 0), (300, 90), (160, 50)] {
        update(&mut model, Message::Resize(size.0, size.1), NOW);
    }
    let after = (model.pages.state().clone(), model.pages.widget(&name("host-processes")).clone());
    assert_eq!(before, after);
    assert_eq!(view::placements(&model).len(), 1);
    press(&mut model, "esc esc");
    assert!(!model.pages.state().zoomed);
}

#[test]
fn rows_scroll_by_one_by_half_a_page_and_to_the_ends() {
    let mut model = processes();
    let selected = |model: &Model| model.pages.widget(&name("host-processes")).selected;
    press(&mut model, "j j");
    assert_eq!(selected(&model), Some(1));
    press(&mut model, "G");
    assert_eq!(selected(&model), Some(39));
    press(&mut model, "j");
    assert_eq!(selected(&model), Some(39));
    press(&mut model, "g g k");
    assert_eq!(selected(&model), Some(0));
    press(&mut model, "ctrl-d");
    assert!(selected(&model).unwrap() > 1);
}

#[test]
fn a_broken_sequence_still_hears_its_last_key() {
    let mut model = processes();
    press(&mut model, "G g G");
    assert!(model.pending.is_empty());
    assert_eq!(model.pages.widget(&name("host-processes")).selected, Some(39));
}

#[test]
fn sorting_goes_through_the_columns_and_turns_around() {
    let mut model = processes();
    let sort = |model: &Model| model.pages.widget(&name("host-processes")).sort;
    press(&mut model, "S");
    assert_eq!(sort(&model), Some((2, Order::Ascending)), "from the definition's own order");
    press(&mut model, "s");
    assert_eq!(sort(&model), Some((3, Order::Descending)));
    press(&mut model, "s s s s s");
    assert_eq!(sort(&model), Some((0, Order::Descending)));
}

#[test]
fn a_filter_applies_while_it_is_typed_and_escape_clears_it_first() {
    let mut model = processes();
    let rows = |model: &Model| view::rows_of(model, &name("host-processes")).unwrap().0;
    assert_eq!(rows(&model), 40);
    press(&mut model, "/ c o m m a n d - 3");
    assert_eq!(rows(&model), 11, "3 and 30 to 39");
    press(&mut model, "backspace ctrl-u ! - 3");
    assert_eq!(rows(&model), 29);
    press(&mut model, "enter f");
    assert!(model.pages.state().zoomed, "the filter is no longer typed into");
    press(&mut model, "esc");
    assert_eq!(rows(&model), 40);
    assert!(model.pages.state().zoomed, "one level at a time");
}

#[test]
fn the_palette_finds_pages_widgets_and_themes() {
    let mut model = live(SIZE);
    let paste = |model: &mut Model, text: &str| {
        press(model, ":");
        update(model, Message::Paste(text.to_owned()), NOW);
        press(model, "enter")
    };
    paste(&mut model, "page memory");
    assert_eq!(model.pages.current, 2);
    paste(&mut model, "widget host-network");
    assert_eq!(model.focused().unwrap().as_str(), "host-network");
    assert_eq!(model.pages.current, 0);
    paste(&mut model, "theme light");
    assert_eq!(model.themes.theme.name.as_str(), "light");
    assert!(model.overlays.is_empty());
}

#[test]
fn leaving_closes_what_is_open_first() {
    let mut model = live(SIZE);
    assert!(press(&mut model, "w q").is_empty());
    assert!(model.overlays.is_empty());
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
    press(&mut model, "?");
    assert_eq!(press(&mut model, "ctrl-c"), [Effect::Quit]);
    assert_eq!(press(&mut model, "esc esc esc"), []);
}

#[test]
fn longer_and_shorter_times_are_asked_of_the_daemon() {
    let mut model = live(SIZE);
    let window = |effects: &[Effect]| {
        let watch = watched(effects)?;
        Some(watch.feeds.iter().find(|feed| feed.widget.as_str() == "host-cpu")?.window)
    };
    let minutes = |count: u64| Some(Interval::from_secs(60 * count));
    assert_eq!(window(&press(&mut model, "-")), minutes(10));
    assert_eq!(window(&press(&mut model, "-")), minutes(20));
    assert_eq!(window(&press(&mut model, "0")), Some(Interval::ZERO), "the widget's own");
    assert_eq!(window(&press(&mut model, "+")), Some(Interval::from_secs(150)));
    for _ in 0..200 {
        press(&mut model, "-");
    }
    assert_eq!(model.window_of(Interval::from_secs(300)), Interval::from_secs(300 * 64));
}

#[test]
fn values_are_copied_exactly_and_long_ones_not_at_all() {
    let mut model = live(SIZE);
    assert_eq!(press(&mut model, "y"), [Effect::Copy("92".to_owned())]);
    let Effect::Copy(text) = &press(&mut model, "Y")[0] else { panic!("nothing was copied") };
    assert!(text.contains("processor\t97"), "{text}");
}

#[test]
fn refresh_names_the_widgets_in_sight() {
    let mut model = live(SIZE);
    let [Effect::Refresh(names)] = &press(&mut model, "r")[..] else { panic!("no refresh") };
    assert_eq!(names.len(), model.page().unwrap().widgets.len());
}

/// The cell of a target in a row of the screen.
fn find(model: &Model, y: u16, wanted: Target) -> Option<Message> {
    let x = (0..model.size.0).find(|x| view::target_at(model, *x, y) == Some(wanted))?;
    Some(Message::Pointer(Pointer { x, y, gesture: Gesture::Press }))
}

#[test]
fn header_footer_and_widgets_can_be_pressed() {
    let mut model = live(SIZE);
    let page = find(&model, 0, Target::Page(1)).unwrap();
    let effects = update(&mut model, page, NOW);
    assert_eq!(model.pages.current, 1);
    feed_all(&mut model, &effects);
    let widget = find(&model, 3, Target::Widget(1)).unwrap();
    update(&mut model, widget, NOW);
    assert_eq!(model.focused().unwrap().as_str(), "host-cores");
    let help = find(&model, 49, Target::Action(Action::Help)).unwrap();
    update(&mut model, help, NOW);
    assert!(matches!(model.overlays[..], [Overlay::Help(_)]));
}

#[test]
fn items_of_an_overlay_are_chosen_and_a_press_beside_it_closes_it() {
    let mut model = live(SIZE);
    press(&mut model, "T");
    let item = (0..50).find_map(|y| find(&model, y, Target::Item(2))).expect("a third theme");
    let wanted = super::super::theme_items(&model, "")[2].name.clone();
    update(&mut model, item, NOW);
    assert!(model.overlays.is_empty());
    assert_eq!(model.themes.theme.name.as_str(), wanted);
    press(&mut model, "?");
    let help = Message::Pointer(Pointer { x: 2, y: 49, gesture: Gesture::Press });
    update(&mut model, help, NOW);
    assert!(model.overlays.is_empty(), "overlays do not pile up");
}

#[test]
fn the_wheel_moves_what_is_under_the_pointer() {
    let mut model = processes();
    let wheel = Pointer { x: 10, y: 10, gesture: Gesture::WheelDown };
    update(&mut model, Message::Pointer(wheel), NOW);
    assert_eq!(model.pages.widget(&name("host-processes")).selected, Some(2));
}

#[test]
fn another_layout_is_opened_from_the_palette_in_the_same_stream() {
    let mut model = live(SIZE);
    press(&mut model, "3 tab");
    let effects = press(&mut model, ":");
    assert!(effects.contains(&Effect::ListLayouts));
    let layouts =
        vec![(name("desk"), SafeText::new("my desk")), (name("host"), SafeText::new("host"))];
    update(&mut model, Message::Layouts(layouts), at(1));
    let effects = press(&mut model, "l a y o u t space d e s k enter");
    let watch = watched(&effects).expect("the new layout is asked for");
    assert_eq!(watch.documents[0].0, DocumentId::new(Kind::Layout, name("desk")));
    assert_eq!((watch.documents[0].1, watch.documents[0].2), (true, None));
    assert_eq!((model.pages.current, model.data.epoch), (0, 7));
    assert!(model.data.widget(&name("host-cpu")).is_some(), "what was said is not said again");
    let again = press(&mut model, ": l a y o u t space h o s t enter");
    assert!(watched(&again).unwrap().feeds.len() > 5, "a layout that is known is watched at once");
}

#[test]
fn a_chosen_theme_is_remembered_and_one_that_is_only_looked_at_is_not() {
    let mut model = live(SIZE);
    let remembered = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Remember(memory) if memory.theme == Some(name("light"))))
    };
    let effects = press(&mut model, "T l i g h t");
    assert_eq!(model.themes.theme.name, name("light"));
    assert!(!remembered(&effects));
    press(&mut model, "esc");
    assert_eq!((model.themes.theme.name.as_str(), &model.memory.theme), ("dark", &None));
    let effects = press(&mut model, "T l i g h t enter");
    assert!(remembered(&effects), "{effects:?}");
}

#[test]
fn meters_that_have_no_room_scroll_and_those_that_have_room_leave_it_to_the_page() {
    let mut model = live((24, 40));
    let cores = name("host-cores");
    let effects = press(&mut model, "2");
    feed_all(&mut model, &effects);
    let rows = |model: &Model| view::rows_of(model, &cores);
    assert_eq!(rows(&model), None, "the fixture has few");
    let mut view = model.data.feed(&cores).unwrap().view.as_ref().clone();
    let many = |index: usize| Row::shared(index.to_string(), view.rows[0].cells.clone());
    view.rows = (0..60).map(many).collect();
    let slot = model.data.feed(&cores).unwrap().slot;
    let change =
        FeedChange { feed: u64::from(slot) + 100, version: 2, base: None, delta: view.to_delta() };
    send(&mut model, ccm_proto::convert::FrameContents { feeds: vec![change], ..frame() });
    let (count, seen) = rows(&model).expect("more than fit");
    assert!(count == 60 && seen < 60, "{count} {seen}");
}
