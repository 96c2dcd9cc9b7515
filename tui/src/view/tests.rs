//! The whole screen.

use ccm_proto::SafeText;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::{Interval, Notice, Severity};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{draw, title};
use crate::glyph::GlyphSet;
use crate::message::{LinkEvent, Message};
use crate::model::Model;
use crate::model::tests::fixture::{
    NOW, attached, feed_all, live, needy_offer, offers, press, unconnected,
};
use crate::update::update;

fn picture(model: &Model) -> Buffer {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = Buffer::empty(area);
    draw(model, area, &mut buffer);
    buffer
}

/// The symbols, line by line.
fn text(model: &Model) -> String {
    let buffer = picture(model);
    let lines = buffer.content.chunks(usize::from(buffer.area.width).max(1));
    let line = |cells: &[ratatui::buffer::Cell]| {
        let line: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    };
    lines.map(line).collect::<Vec<_>>().join("\n")
}

fn lose(model: &mut Model, seconds: u64) {
    let cause = SafeText::new("the daemon closed the stream");
    let lost = LinkEvent::Lost { cause, retry_in: Interval::from_secs(2) };
    update(model, Message::Link(lost), NOW);
    update(model, Message::Tick, NOW + Interval::from_secs(seconds));
}

#[test]
fn the_host_layout_at_80x24() {
    insta::assert_snapshot!(text(&live((80, 24))));
}

#[test]
fn the_host_layout_at_160x50() {
    insta::assert_snapshot!(text(&live((160, 50))));
}

#[test]
fn the_host_layout_at_20x5() {
    insta::assert_snapshot!(text(&live((20, 5))));
}

#[test]
fn the_host_layout_at_300x90() {
    insta::assert_snapshot!(text(&live((300, 90))));
}

#[test]
fn a_table_that_is_filtered_and_sorted() {
    let mut model = live((80, 24));
    let effects = press(&mut model, "6");
    feed_all(&mut model, &effects);
    press(&mut model, "/ - 3");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn help_over_the_page() {
    let mut model = live((80, 24));
    press(&mut model, "? p a g e");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn why_a_widget_shows_what_it_shows() {
    let mut model = live((100, 30));
    press(&mut model, "w");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn notices_with_their_place() {
    let mut model = live((100, 30));
    let notice = Notice {
        key: "file".to_owned(),
        severity: Severity::Error,
        summary: SafeText::new("there is no key `titel`; did you mean `title`?"),
        detail: vec![SafeText::new("3 | titel = \"cpu\""), SafeText::new("  | ^^^^^")],
        file: Some(SafeText::new("widgets/cpu.toml")),
        line: 3,
        column: 1,
        at: NOW,
        cleared: false,
    };
    model.notices.insert(notice.key.clone(), notice);
    press(&mut model, "N");
    insta::assert_snapshot!(text(&model));
}

fn with_offers(size: (u16, u16)) -> Model {
    let mut model = live(size);
    let mut found = offers(3);
    found[2].taken = true;
    update(&mut model, Message::Offers { offers: found, configured: false }, NOW);
    model
}

#[test]
fn what_was_found_at_80x24() {
    let mut model = with_offers((80, 24));
    assert!(line(&model, 23).contains("2 things found here: press D"), "{}", line(&model, 23));
    press(&mut model, "D");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn a_login_at_80x24() {
    let mut model = live((80, 24));
    let found = vec![needy_offer(CredentialKind::Basic)];
    update(&mut model, Message::Offers { offers: found, configured: false }, NOW);
    press(&mut model, "D");
    assert!(text(&model).contains("it wants a login"));
    press(&mut model, "1 a d m i n tab s e c r e t");
    assert!(!text(&model).contains("secret"));
    insta::assert_snapshot!(text(&model));
}

#[test]
fn what_was_found_at_160x50() {
    let mut model = with_offers((160, 50));
    press(&mut model, "D j");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn a_lost_daemon_is_told_of_and_the_last_values_stay() {
    let mut model = live((80, 24));
    lose(&mut model, 12);
    let shown = text(&model);
    assert!(shown.contains("daemon lost 12"), "{shown}");
    assert!(shown.contains("92") && shown.contains("stale 12"), "{shown}");
}

#[test]
fn at_20x5_what_is_wrong_and_since_when_remains() {
    let mut model = live((20, 5));
    lose(&mut model, 12);
    let shown = text(&model);
    assert!(shown.contains("lost 12"), "{shown}");
}

#[test]
fn each_condition_looks_different_without_colour() {
    let loading = text(&attached((80, 24)).0);
    let good = text(&live((80, 24)));
    let mut stale = live((80, 24));
    lose(&mut stale, 12);
    let stale = text(&stale);
    let unconnected = text(&unconnected((80, 24)));
    let all = [&loading, &good, &stale, &unconnected];
    for (index, one) in all.iter().enumerate() {
        assert!(all.iter().skip(index + 1).all(|other| one != other));
    }
    assert!(loading.contains("loading"), "{loading}");
    assert!(unconnected.contains("connecting"), "{unconnected}");
}

#[test]
fn a_terminal_of_seven_bits_gets_seven_bits() {
    for keys in ["esc", "?", ":", "T", "w", "N", "D"] {
        let mut model = live((120, 40));
        model.glyphs = GlyphSet::Ascii;
        press(&mut model, keys);
        let shown = text(&model);
        let foreign: Vec<char> = shown.chars().filter(|c| !c.is_ascii()).collect();
        assert!(foreign.is_empty(), "{keys}: {foreign:?}\n{shown}");
    }
}

#[test]
fn equal_models_give_equal_cells_at_every_size() {
    for (columns, rows) in [(0, 0), (1, 1), (3, 2), (20, 5), (59, 9), (60, 10), (159, 40)] {
        let mut model = live((160, 50));
        update(&mut model, Message::Resize(columns, rows), NOW);
        assert_eq!(picture(&model), picture(&model), "{columns}x{rows}");
    }
}

#[test]
fn a_second_changes_few_cells_when_no_data_came() {
    let mut model = live((160, 50));
    let before = picture(&model);
    update(&mut model, Message::Tick, NOW + Interval::from_secs(1));
    let after = picture(&model);
    let changed = before.diff(&after).len();
    assert!(changed <= 24, "{changed} cells for a clock and an age");
}

#[test]
fn every_border_is_whole_while_a_window_is_drawn_smaller() {
    let mut model = live((200, 60));
    for columns in (24..=200).rev().step_by(11) {
        update(&mut model, Message::Resize(columns, 40), NOW);
        let shown = text(&model);
        for (open, close) in [('╭', '╮'), ('╰', '╯')] {
            let count = |corner| shown.chars().filter(|c| *c == corner).count();
            assert_eq!(count(open), count(close), "{columns} columns\n{shown}");
        }
    }
}

/// The first or last line of the screen.
fn line(model: &Model, number: usize) -> String {
    text(model).lines().nth(number).unwrap_or_default().to_owned()
}

#[test]
fn every_page_keeps_its_number_when_titles_have_no_room() {
    let mut model = live((80, 24));
    assert!(line(&model, 0).contains("3 memory  4  5  6  7 "), "{}", line(&model, 0));
    press(&mut model, "6");
    assert!(line(&model, 0).contains("4  5  6 processes  7 "), "{}", line(&model, 0));
    update(&mut model, Message::Resize(160, 24), NOW);
    assert!(line(&model, 0).contains("6 processes  7 ccmd"), "{}", line(&model, 0));
}

#[test]
fn a_page_that_goes_on_says_so() {
    let mut model = live((50, 24));
    assert!(line(&model, 23).contains("▾"), "{}", line(&model, 23));
    press(&mut model, "G");
    assert!(line(&model, 23).contains("▴"), "{}", line(&model, 23));
    assert!(!line(&model, 23).contains("▾"), "{}", line(&model, 23));
    update(&mut model, Message::Resize(160, 50), NOW);
    assert!(!line(&model, 49).contains("lines"), "{}", line(&model, 49));
}

#[test]
fn the_windows_title_says_where_and_what_is_wrong() {
    let mut model = live((160, 50));
    assert_eq!(title(&model), "▲ 3 harbour · ccm");
    lose(&mut model, 12);
    assert_eq!(title(&model), "daemon lost harbour · ccm");
    assert_eq!(title(&unconnected((80, 24))), "ccm");
}
