//! Scripts of messages, and daemons that mean no good.

mod host;
mod hostile;
mod offers;

use std::collections::BTreeMap;

use ccm_proto::convert::{Binding, FeedChange, FrameContents, Welcome};
use ccm_proto::model::{
    Cell, Document, DocumentId, Kind, Name, Quality, Row, Version, View, ViewStatus,
};
use ccm_proto::wire;
use proptest::prelude::*;
use prost::Message as _;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::glyph::GlyphSet;
use crate::input::keymap::{Chord, Keymap};
use crate::message::LinkEvent;
use crate::model::Beginning;
use crate::model::memory::Memory;
use crate::model::mode::Overlay;
use crate::theme::ColorDepth;
use crate::view;
use crate::zone::Zone;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn model() -> Model {
    let beginning = Beginning {
        size: (80, 24),
        layout: name("desk"),
        page: 0,
        theme: None,
        default_theme: name("dark"),
        depth: ColorDepth::TrueColor,
        glyphs: GlyphSet::Braille,
        keymap: Keymap::default(),
        mouse: true,
        zone: Zone::utc(),
        memory: Memory::default(),
    };
    Model::new(beginning, at(0))
}

fn frame() -> FrameContents {
    wire::Frame { now_ms: at(0).as_millis(), ..wire::Frame::default() }.try_into().unwrap()
}

fn document(kind: Kind, id: &str, toml: &str) -> (DocumentId, Option<Document>) {
    let id = DocumentId::new(kind, name(id));
    let spec: serde_json::Value = toml::from_str(toml).unwrap();
    let version = Version::of(&spec.to_string());
    (id.clone(), Some(Document { id, spec, version, layers: Vec::new() }))
}

const LAYOUT: &str = "title = 'desk'\n\
    [[page]]\ntitle = 'one'\n\
    [[page.widget]]\nname = 'procs'\nat = { x = 0, y = 0, w = 6, h = 4 }\n\
    [[page.widget]]\nname = 'load'\nat = { x = 6, y = 0, w = 6, h = 4 }\n\
    [[page]]\ntitle = 'two'\n\
    [[page.widget]]\nname = 'load'\nat = { x = 0, y = 0, w = 12, h = 4 }\n";

const TABLE: &str = "title = 'processes'\nsource = 'host'\ntype = 'table'\n[table]\nrows = 'p'\nkey = 'pid'\n\
    columns = [{ field = 'pid', label = 'pid' }, { field = 'name', label = 'name', format = 'text' }]\n";

const STAT: &str = "title = 'load'\nsource = 'host'\ntype = 'stat'\n[stat]\n\
    primary = { value = 'load', label = 'load' }\n";

/// A client with a page of a table of 50 rows and a stat, and what it said to the daemon.
fn connected() -> (Model, Vec<Effect>) {
    let mut model = model();
    update(&mut model, Message::Link(LinkEvent::Connected), at(0));
    let welcome = Welcome {
        protocol: 1,
        daemon: "ccmd test".into(),
        hostname: "web-1".into(),
        epoch: 9,
        started_at: None,
        identity: "uid:1".into(),
        heartbeat: Interval::from_secs(1),
    };
    let documents = vec![
        document(Kind::Layout, "desk", LAYOUT),
        document(Kind::Widget, "procs", TABLE),
        document(Kind::Widget, "load", STAT),
    ];
    let greeting = FrameContents { welcome: Some(welcome), documents, ..frame() };
    let effects = update(&mut model, Message::Frame(Box::new(greeting)), at(1));
    let slots: BTreeMap<String, u32> =
        watched(&effects).iter().map(|feed| (feed.widget.to_string(), feed.slot)).collect();
    let bindings = vec![
        Binding { slot: slots["procs"], feed: Ok(1) },
        Binding { slot: slots["load"], feed: Ok(2) },
    ];
    let feeds = vec![change(1, 1, None, &table(50)), change(2, 1, None, &stat(1.5))];
    let data = FrameContents { bindings, feeds, watch_serial: model.serial, ..frame() };
    update(&mut model, Message::Frame(Box::new(data)), at(2));
    (model, effects)
}

fn watched(effects: &[Effect]) -> Vec<FeedRequest> {
    let watch = effects.iter().find_map(|effect| match effect {
        Effect::Watch(watch) => Some(watch.feeds.clone()),
        _ => None,
    });
    watch.expect("nothing is watched")
}

fn live() -> ViewStatus {
    ViewStatus {
        quality: Quality::Live,
        sampled_at: Some(at(0)),
        interval: Interval::from_secs(1),
        ..ViewStatus::default()
    }
}

fn table(rows: usize) -> View {
    let row = |index: usize| {
        Row::shared(
            index.to_string(),
            vec![Cell::Integer(index as i64), Cell::Text(format!("process {index}").into())],
        )
    };
    View {
        status: live(),
        rows: (0..rows).map(row).collect(),
        rows_total: rows as u32,
        ..View::default()
    }
}

fn stat(value: f64) -> View {
    let fields = BTreeMap::from([("value".to_owned(), Cell::Number(value))]);
    View { status: live(), fields, ..View::default() }
}

fn change(feed: u64, version: u64, base: Option<u64>, view: &View) -> FeedChange {
    FeedChange { feed, version, base, delta: view.to_delta() }
}

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split(' ') {
        let chord = Chord::parse(key).unwrap();
        effects.extend(update(model, Message::Key(chord), at(10)));
    }
    effects
}

fn type_text(model: &mut Model, text: &str) {
    for c in text.chars() {
        update(model, Message::Key(Chord::character(c)), at(10));
    }
}

fn screen(model: &Model) -> String {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = Buffer::empty(area);
    view::draw(model, area, &mut buffer);
    String::from_utf8(
        crate::snapshot::render(&buffer, crate::snapshot::Format::Text, &palette()).unwrap(),
    )
    .unwrap()
}

fn palette() -> crate::snapshot::Palette {
    use crate::snapshot::Rgb;
    crate::snapshot::Palette::new(Rgb(255, 255, 255), Rgb(0, 0, 0))
}

#[test]
fn the_page_on_display_is_what_is_watched() {
    let (mut model, effects) = connected();
    let names: Vec<String> = watched(&effects).iter().map(|feed| feed.widget.to_string()).collect();
    assert_eq!(names, ["procs", "load"]);
    let effects = press(&mut model, "2");
    let feeds = watched(&effects);
    assert_eq!(feeds.len(), 1);
    assert_eq!(
        (feeds[0].widget.as_str(), feeds[0].have),
        ("load", (1, 9)),
        "what is at hand is said"
    );
    assert!(press(&mut model, "7").is_empty());
    assert!(screen(&model).contains("there are 2 pages"));
}

#[test]
fn pages_keep_focus_filter_and_scroll() {
    let (mut model, _) = connected();
    press(&mut model, "G /");
    type_text(&mut model, "4");
    press(&mut model, "enter");
    let before = (model.pages.state().clone(), model.pages.widget(&name("procs")).clone());
    press(&mut model, "2");
    press(&mut model, "1");
    let after = (model.pages.state().clone(), model.pages.widget(&name("procs")).clone());
    assert_eq!(before, after);
    let screen = screen(&model);
    assert!(screen.contains("process 44") && !screen.contains("process 13"), "{screen}");
}

#[test]
fn escape_goes_one_level_back_and_never_leaves() {
    let (mut model, _) = connected();
    press(&mut model, "enter /");
    type_text(&mut model, "x");
    press(&mut model, "enter");
    assert!(model.pages.state().zoomed && model.pages.widget(&name("procs")).filter.is_some());
    press(&mut model, "esc");
    assert!(model.pages.state().zoomed && model.pages.widget(&name("procs")).filter.is_none());
    press(&mut model, "esc");
    assert!(!model.pages.state().zoomed);
    assert!(press(&mut model, "esc esc esc").is_empty());
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
}

#[test]
fn help_finds_by_name_and_by_key_and_runs() {
    let (mut model, _) = connected();
    press(&mut model, "?");
    type_text(&mut model, "}");
    press(&mut model, "enter");
    assert_eq!((model.pages.current, model.overlays.len()), (1, 0));
    press(&mut model, "?");
    type_text(&mut model, "page-prev");
    press(&mut model, "enter");
    assert_eq!(model.pages.current, 0);
}

#[test]
fn a_theme_that_was_only_looked_at_goes_with_its_picker() {
    let (mut model, _) = connected();
    let before = model.themes.theme.name.clone();
    press(&mut model, "T down down");
    assert_ne!(model.themes.theme.name, before, "the picker shows the theme at once");
    press(&mut model, "esc");
    assert_eq!(model.themes.theme.name, before);
    press(&mut model, "T");
    type_text(&mut model, "light");
    press(&mut model, "enter");
    assert_eq!(model.themes.theme.name, name("light"));
}

#[test]
fn a_paused_display_stands_still_while_data_arrives() {
    let (mut model, _) = connected();
    press(&mut model, "p");
    let before = screen(&model);
    let newer = FrameContents { feeds: vec![change(2, 2, None, &stat(9.75))], ..frame() };
    update(&mut model, Message::Frame(Box::new(newer)), at(10));
    assert_eq!(screen(&model), before);
    assert!(before.contains("PAUSED"));
    press(&mut model, "p");
    assert!(screen(&model).contains("9.75"));
}

#[test]
fn three_seconds_of_silence_make_everything_stale() {
    let (mut model, _) = connected();
    update(&mut model, Message::Tick, at(2_500));
    assert!(!screen(&model).contains("daemon lost"));
    update(&mut model, Message::Tick, at(3_100));
    let lost = screen(&model);
    assert!(lost.contains("daemon lost") && lost.contains("stale"), "{lost}");
    assert!(lost.contains("process 0"), "the last values stay");
    let again = FrameContents { now: at(3_200), ..frame() };
    update(&mut model, Message::Frame(Box::new(again)), at(3_200));
    assert!(!screen(&model).contains("daemon lost"));
}

#[test]
fn a_locked_client_passes_no_key_on() {
    let (mut model, _) = connected();
    press(&mut model, "ctrl-g");
    assert!(press(&mut model, "q 2 ?").is_empty());
    assert_eq!((model.pages.current, model.overlays.len()), (0, 0));
    press(&mut model, "ctrl-g");
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
}

#[test]
fn a_paste_is_text_and_never_keys() {
    let (mut model, _) = connected();
    assert!(update(&mut model, Message::Paste("q\rq".to_owned()), at(10)).is_empty());
    press(&mut model, ":");
    update(&mut model, Message::Paste("quit\rrm".to_owned()), at(10));
    assert!(matches!(model.overlays.last(), Some(Overlay::Palette(list)) if list.query == "quit"));
}

#[test]
fn a_change_that_does_not_fit_has_the_whole_asked_for() {
    let (mut model, _) = connected();
    let wrong = FrameContents { feeds: vec![change(2, 9, Some(8), &stat(3.0))], ..frame() };
    let effects = update(&mut model, Message::Frame(Box::new(wrong)), at(10));
    let feeds = watched(&effects);
    let load = feeds.iter().find(|feed| feed.widget == name("load")).unwrap();
    assert_eq!(load.have.0, 0);
}

#[test]
fn another_start_of_the_daemon_begins_anew() {
    let (mut model, _) = connected();
    let welcome = model.link.welcome.clone().map(|welcome| Welcome { epoch: 10, ..welcome });
    update(&mut model, Message::Link(LinkEvent::Connected), at(20));
    update(&mut model, Message::Frame(Box::new(FrameContents { welcome, ..frame() })), at(21));
    let effects = press(&mut model, "2");
    assert_eq!(watched(&effects)[0].have.0, 0);
}

/// Text that would take over a terminal, move its cursor or hide what it says.
const HOSTILE: &[&str] = &[
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J\x1b[H",
    "\u{9b}31m",
    "\u{202e}evil",
    "a\u{200b}b",
    "\u{e0041}\u{e007f}",
    "\x00\x08\x7f",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦",
    "\r\n",
    "漢字漢字漢字",
    "\u{2028}",
];

#[test]
fn hostile_text_reaches_no_cell() {
    for text in HOSTILE {
        let (mut model, _) = connected();
        let row = Row::shared(*text, vec![Cell::Text((*text).into()); 2]);
        let view = View {
            status: ViewStatus { quality: Quality::Error, cause: Some((*text).into()), ..live() },
            rows: vec![row],
            ..View::default()
        };
        let notice = ccm_proto::model::Notice {
            key: "n".to_owned(),
            summary: (*text).into(),
            detail: vec![(*text).into()],
            file: Some((*text).into()),
            ..Default::default()
        };
        let hostile = FrameContents {
            feeds: vec![change(1, 2, None, &view)],
            notices: vec![notice],
            ..frame()
        };
        update(&mut model, Message::Frame(Box::new(hostile)), at(10));
        for keys in ["N", "esc w", "esc / x", "esc enter"] {
            press(&mut model, keys);
            let text = screen(&model);
            let bad = text.chars().find(|c| {
                (c.is_control() && *c != '\n') || "\u{202e}\u{200b}\u{2028}".contains(*c)
            });
            assert_eq!(bad, None, "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_frame_ends_the_client(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        size in (0..120_u16, 0..40_u16),
    ) {
        let (mut model, _) = connected();
        let honest = wire::Frame {
            now_ms: 5,
            feeds: vec![wire::FeedUpdate { feed: 1, version: 2, base: 1, delta: Some((&table(5).to_delta()).into()) }],
            ..wire::Frame::default()
        };
        let mut mutated = honest.encode_to_vec();
        for (index, byte) in flips {
            let at = index.index(mutated.len());
            mutated[at] = byte;
        }
        for bytes in [bytes, mutated] {
            let Ok(frame) = wire::Frame::decode(bytes.as_slice()) else { continue };
            let Ok(frame) = FrameContents::try_from(frame) else { continue };
            update(&mut model, Message::Frame(Box::new(frame)), at(10));
            update(&mut model, Message::Resize(size.0, size.1), at(11));
            update(&mut model, Message::Tick, at(12));
            screen(&model);
        }
    }

    #[test]
    fn no_sequence_of_keys_ends_the_client(
        keys in proptest::collection::vec(prop::sample::select(ALL_KEYS.to_vec()), 0..40),
        size in (1..120_u16, 1..40_u16),
    ) {
        let (mut model, _) = connected();
        update(&mut model, Message::Resize(size.0, size.1), at(5));
        for key in keys {
            update(&mut model, Message::Key(Chord::parse(key).unwrap()), at(10));
            screen(&model);
        }
    }
}

const ALL_KEYS: &[&str] = &[
    "q",
    "esc",
    "enter",
    "tab",
    "backtab",
    "space",
    "backspace",
    "?",
    ":",
    "/",
    "1",
    "2",
    "9",
    "j",
    "k",
    "h",
    "l",
    "H",
    "J",
    "K",
    "L",
    "g",
    "G",
    "s",
    "S",
    "+",
    "-",
    "0",
    "p",
    "r",
    "T",
    "w",
    "N",
    "y",
    "Y",
    "m",
    "ctrl-g",
    "ctrl-d",
    "ctrl-u",
    "ctrl-l",
    "down",
    "up",
    "pagedown",
    "pageup",
    "x",
    "f",
];
