use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use super::{Class, ELLIPSIS, GRAPHEME_BYTES_MAX, GRAPHEMES_MAX, MARKS_MAX, SafeText, wcwidth};

fn safe(text: &str) -> String {
    SafeText::new(text).to_string()
}

#[test]
fn plain_text_stays_as_it_is() {
    for text in
        ["", "plain", "a b", "naïve café", "Привет", "日本語", "ｶﾞ", "שלום", "नमस्ते", "→ ± °C —"]
    {
        assert_eq!(safe(text), text);
    }
}

#[test]
fn each_rule_has_its_visible_result() {
    let table = [
        ("\x1b[31mred\x1b[0m", "<U+001B>[31mred<U+001B>[0m"),
        ("\x1b]52;c;aGk=\x07", "<U+001B>]52;c;aGk=<U+0007>"),
        ("\u{9b}31m", "<U+009B>31m"),
        ("del\x7f nul\0", "del<U+007F> nul<U+0000>"),
        ("a\tb\nc\r\nd\re", "a b c d<U+000D>e"),
        ("evil\u{202e}txt.exe", "evil<U+202E>txt.exe"),
        ("a\u{200b}b\u{200d}c\u{feff}", "a<U+200B>b<U+200D>c<U+FEFF>"),
        ("\u{e0041}\u{fff9}\u{115f}\u{3164}\u{ffa0}", "<U+E0041><U+FFF9><U+115F><U+3164><U+FFA0>"),
        ("a\u{2028}b\u{2029}", "a<U+2028>b<U+2029>"),
        ("\u{e000}\u{fdd0}\u{378}\u{10ffff}", "<U+E000><U+FDD0><U+0378><U+10FFFF>"),
        ("wide\u{3000}no-break\u{a0}end", "wide  no-break end"),
        ("❤\u{fe0f} 1\u{fe0f}\u{20e3}", "❤ 1<U+20E3>"),
        ("👨\u{200d}👩\u{200d}👧", "👨👩👧"),
        ("👍\u{1f3fd}", "👍"),
        ("\u{1f3fd}", "<U+1F3FD>"),
        ("🇩🇪", "DE"),
        ("سلام", "سﻼم"),
        ("e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}x", "e\u{301}\u{302}\u{303}\u{304}<+2>x"),
        ("\u{301}x", "<U+0301>x"),
        ("-\u{301}", "-<U+0301>"),
        ("\u{1112}\u{1161}", "<U+1112><U+1161>"),
    ];
    for (text, expected) in table {
        let expected = expected.replace('ﻼ', "\u{fefb}");
        assert_eq!(safe(text), expected, "of {text:?}");
    }
}

#[test]
fn every_shown_character_has_one_width_in_all_models() {
    for c in ('\u{a0}'..=char::MAX).filter(|c| Class::of(*c).is_some()) {
        let class = Class::of(c).map(Class::width);
        assert_eq!(c.width(), class, "unicode-width of U+{:04X}", u32::from(c));
        assert_eq!(
            Some(wcwidth::width(&c.to_string())),
            class,
            "wcwidth of U+{:04X}",
            u32::from(c)
        );
        assert!(!c.is_control());
    }
}

#[test]
fn the_table_is_in_order() {
    let table = super::table::SHOWN;
    assert!(table.iter().all(|(first, last, _)| first <= last));
    assert!(table.windows(2).all(|pair| pair[0].1 < pair[1].0));
}

#[test]
fn invalid_bytes_are_shown() {
    let text = SafeText::from_bytes(b"ok\xff\x9b31m\xc3(\xe2\x82");
    assert_eq!(text, "ok<0xFF><0x9B>31m<0xC3>(<0xE2><0x82>");
    assert_eq!(SafeText::from_bytes("ä\x1b".as_bytes()), "ä<U+001B>");
    assert!(SafeText::from_bytes(&vec![0xff; 1 << 20]).as_str().ends_with(ELLIPSIS));
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    for unit in ["a", "é", "日", "e\u{301}\u{302}", "\x1b", "क्ष"] {
        let text = safe(&unit.repeat(GRAPHEMES_MAX * 2));
        assert!(text.graphemes(true).count() <= GRAPHEMES_MAX, "of {unit:?}");
        assert!(text.ends_with(ELLIPSIS), "of {unit:?}");
        assert_eq!(safe(&text), text);
    }
    let whole = "a".repeat(GRAPHEMES_MAX);
    assert_eq!(safe(&whole), whole);
    let whole = "é".repeat(GRAPHEMES_MAX);
    assert_eq!(safe(&whole), whole);
}

#[test]
fn truncation_counts_columns_and_keeps_graphemes_whole() {
    let table = [
        ("hello", 5, "hello"),
        ("hello", 4, "hel…"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("日本語", 2, "…"),
        ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
        ("x", 0, ""),
    ];
    for (text, width, expected) in table {
        assert_eq!(SafeText::new(text).truncate(width), expected, "{text:?} to {width}");
    }
}

#[test]
fn padding_counts_columns() {
    let text = SafeText::new("日本");
    assert_eq!(format!("{text:>6}|{text:<6}|{text:.^6}|{text:.3}|"), "  日本|日本  |.日本.|日…|");
}

#[test]
fn ambiguous_characters_can_be_avoided() {
    let text = SafeText::new("→ 20 °C, Grüße, 日本…").unambiguous();
    assert_eq!(text.as_str().width(), text.as_str().width_cjk());
    assert_eq!(text, "? 20 ?C, Grüße, 日本?");
}

/// Text made of what attackers and languages bring: pieces where rules meet, between any chars.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => (0x0300_u32..0x3000).prop_filter_map("no char", char::from_u32).prop_map(String::from),
        1 => "[ -~]{1,4}",
        2 => prop::sample::select(PIECES).prop_map(str::to_owned),
        2 => (prop::sample::select(PIECES), 1_usize..40).prop_map(|(piece, n)| piece.repeat(n)),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const PIECES: &[&str] = &[
    "\x1b",
    "\x1b[",
    "\x1b]0;",
    "\x07",
    "\u{9b}",
    "\u{9d}",
    "\u{9c}",
    "\x1bP",
    "\x18",
    "\r",
    "\n",
    "\t",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{fe0e}",
    "\u{fe0f}",
    "\u{fe00}",
    "\u{e0061}",
    "\u{e0100}",
    "\u{20e3}",
    "\u{301}",
    "\u{338}",
    "\u{488}",
    "\u{34f}",
    "1",
    "#",
    "❤",
    "👍",
    "👨",
    "👩",
    "\u{1f3fd}",
    "🇩",
    "🇪",
    "\u{1100}",
    "\u{1161}",
    "\u{11a8}",
    "가",
    "ل",
    "ا",
    "آ",
    "ڸ",
    "\u{64b}",
    "א",
    "ក",
    "\u{17d2}",
    "ꓹ",
    "ꓼ",
    "ⵏ",
    "\u{2d7f}",
    "ⴾ",
    "ᨕ",
    "\u{1a17}",
    "ᨐ",
    "क",
    "\u{94d}",
    "ष",
    "\u{93f}",
    "\u{9be}",
    "ก",
    "ำ",
    "‘",
    "”",
    "\u{fe01}",
    "<",
    "=",
    "か",
    "\u{3099}",
    "\u{ff9e}",
    "ｶ",
    "…",
    "\u{115f}",
];

/// What hides or reorders, or what not every terminal knows, written down by hand.
const HIDDEN: &[std::ops::RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{e000}'..='\u{f8ff}',
    '\u{fdd0}'..='\u{fdef}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{ffff}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{1f1e6}'..='\u{1f1ff}',
    '\u{e0000}'..='\u{10ffff}',
];

fn hides(c: char) -> bool {
    HIDDEN.iter().any(|range| range.contains(&c))
}

/// The rule that a text breaks, by oracles that share nothing with the way it was made.
fn violation(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("a control");
    }
    if text.chars().any(hides) {
        return Some("a hidden character");
    }
    if text.width() != wcwidth::width(text) {
        return Some("two widths");
    }
    if text.graphemes(true).map(UnicodeWidthStr::width).sum::<usize>() != text.width() {
        return Some("cells that are not as wide as the text");
    }
    let marks = |text: &str| text.chars().filter(|c| c.width() == Some(0)).count();
    let piles = |text: &str| text.len() > GRAPHEME_BYTES_MAX || marks(text) > MARKS_MAX;
    text.graphemes(true).any(piles).then_some("a pile")
}

/// The rules that texts break when they are only made as safe as `broken` does it.
fn caught(broken: impl Fn(&str) -> String) -> std::collections::BTreeSet<&'static str> {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts = (0..500).map(|_| hostile().new_tree(&mut runner).unwrap().current());
    texts.filter_map(|text| violation(&broken(&text))).collect()
}

#[test]
fn a_broken_sanitiser_is_caught() {
    assert!(caught(str::to_owned).contains("a control"));
    let without_controls = |text: &str| text.replace(char::is_control, "");
    assert!(caught(without_controls).contains("a hidden character"));
    let without_hidden = |text: &str| without_controls(text).replace(hides, "");
    let rest = caught(without_hidden);
    assert!(rest.contains("two widths") && rest.contains("a pile"), "{rest:?}");
    assert!(caught(safe).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn no_text_breaks_a_rule(text in hostile()) {
        let text = safe(&text);
        prop_assert_eq!(violation(&text), None, "{:?}", text);
        prop_assert_eq!(SafeText::new(&text).width(), text.width());
        for c in text.chars() {
            prop_assert!(c == ' ' || c.is_ascii_graphic() || Class::of(c).is_some(), "{:?}", c);
        }
    }

    #[test]
    fn safe_text_made_safe_again_is_the_same(text in hostile()) {
        let once = safe(&text);
        prop_assert_eq!(&safe(&once), &once);
        for width in [0, 1, 7, 40] {
            let cut = SafeText::new(&once).truncate(width);
            prop_assert!(cut.width() <= width);
            prop_assert_eq!(safe(cut.as_str()), cut.to_string());
        }
    }

    #[test]
    fn any_bytes_become_safe(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = SafeText::from_bytes(&bytes).to_string();
        prop_assert_eq!(&safe(&text), &text);
    }

    #[test]
    fn splitting_a_text_anywhere_makes_no_control(text in hostile(), at in any::<prop::sample::Index>()) {
        let cut = text.floor_char_boundary(at.index(text.len() + 1));
        let joined = safe(&text[..cut]) + &safe(&text[cut..]);
        prop_assert!(!joined.chars().any(char::is_control));
    }

    #[test]
    fn a_terminal_shows_the_text_and_does_nothing_else(text in hostile()) {
        let text = SafeText::new(&text).truncate(400);
        let mut terminal = vt100::Parser::new(size(2), size(600), 0);
        terminal.process(text.as_str().as_bytes());
        let screen = terminal.screen();
        let shown = screen.contents();
        prop_assert_eq!(shown.trim_end(), text.as_str().trim_end());
        prop_assert_eq!(usize::from(screen.cursor_position().1), text.width());
    }
}

fn size(cells: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(cells).unwrap()
}
