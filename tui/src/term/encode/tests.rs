//! A terminal that is given the bytes shows the frame.

use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::*;

const AREA: Rect = Rect { x: 0, y: 0, width: 20, height: 4 };

fn shown(parser: &vt100::Parser) -> Vec<String> {
    parser.screen().rows(0, AREA.width).map(|row| row.trim_end().to_owned()).collect()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let line = |cells: &[Cell]| {
        let (mut text, mut x) = (String::new(), 0);
        while let Some(cell) = cells.get(x) {
            text.push_str(cell.symbol());
            // What a wide symbol covers is not shown.
            x += usize::from(columns(cell));
        }
        text.trim_end().to_owned()
    };
    buffer.content.chunks(usize::from(AREA.width)).map(line).collect()
}

fn frame(words: &[(u16, u16, &str, Style)]) -> Buffer {
    let mut buffer = Buffer::empty(AREA);
    for (x, y, text, style) in words {
        buffer.set_stringn(*x, *y, text, usize::from(AREA.width - x), *style);
    }
    buffer
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let mut encoder = Encoder::default();
    let one = frame(&[(0, 0, "cpu 12 %", Style::new())]);
    encoder.encode(&Buffer::empty(Rect::ZERO), &one);
    assert_eq!(encoder.encode(&one, &one.clone()), b"");
}

#[test]
fn one_changed_digit_is_a_jump_and_a_digit() {
    let mut encoder = Encoder::default();
    let one = frame(&[(0, 1, "cpu 12 %", Style::new())]);
    let two = frame(&[(0, 1, "cpu 13 %", Style::new())]);
    encoder.encode(&Buffer::empty(Rect::ZERO), &one);
    assert_eq!(encoder.encode(&one, &two), b"\x1b[2;6H3");
}

#[test]
fn after_a_glyph_of_uncertain_width_the_column_is_said_again() {
    let mut encoder = Encoder::default();
    let frame = frame(&[(0, 0, "é1", Style::new())]);
    let bytes = encoder.encode(&Buffer::empty(AREA), &frame);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("é\x1b[1;2H1"), "{text:?}");
}

#[test]
fn what_looks_alike_is_written_together_when_that_is_shorter() {
    let (bright, dim) = (Color::Rgb(205, 214, 244), Color::Rgb(108, 112, 134));
    let rows = |value: &'static str, unit: &'static str| {
        let line = |y| [(0, y, value, Style::new().fg(bright)), (4, y, unit, Style::new().fg(dim))];
        frame(&[line(0), line(1), line(2)].concat())
    };
    let mut encoder = Encoder::default();
    let (one, two) = (rows("999", "KiB"), rows("1.0", "MiB"));
    encoder.encode(&Buffer::empty(Rect::ZERO), &one);
    let bytes = String::from_utf8(encoder.encode(&one, &two)).unwrap();
    assert_eq!(bytes.matches("38;2;").count(), 1, "the pen was dim already: {bytes:?}");
    assert!(bytes.starts_with("\u{1b}[1;5HM"), "{bytes:?}");
}

fn cells() -> impl Strategy<Value = Vec<(u16, u16, String, Style)>> {
    let colour = prop_oneof![
        Just(Color::Reset),
        (0..16_u8).prop_map(Color::Indexed),
        (16..=255_u8).prop_map(Color::Indexed),
        any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
    ];
    let modifier = (0..32_u16).prop_map(|bits| {
        let all = MODIFIERS.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0);
        all.fold(Modifier::empty(), |sum, (_, (modifier, ..))| sum | *modifier)
    });
    let style = (colour.clone(), colour, modifier)
        .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier));
    let text = "[ -~│█⣿é漢]{1,8}";
    proptest::collection::vec((0..AREA.width, 0..AREA.height, text, style), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_terminal_shows_every_frame_of_a_sequence(
        frames in proptest::collection::vec(cells(), 1..5),
    ) {
        let mut encoder = Encoder::default();
        let size = |cells: u16| std::num::NonZero::new(cells).unwrap();
        let mut parser = vt100::Parser::new(size(AREA.height), size(AREA.width), 0);
        parser.process(b"\x1b[?7l");
        let mut former = Buffer::empty(Rect::ZERO);
        for words in frames {
            let words: Vec<(u16, u16, &str, Style)> =
                words.iter().map(|(x, y, text, style)| (*x, *y, text.as_str(), *style)).collect();
            let next = frame(&words);
            parser.process(&encoder.encode(&former, &next));
            prop_assert_eq!(shown(&parser), lines(&next));
            for position in AREA.positions() {
                let cell = &next[position];
                let seen = parser.screen().cell(position.y, position.x).unwrap();
                if !seen.is_wide_continuation() {
                    let blank = cell.symbol() == " ";
                    // The oracle holds one weight alone, and a blank has none to be seen.
                    if !blank && !cell.modifier.contains(Modifier::DIM) {
                        prop_assert_eq!(seen.bold(), cell.modifier.contains(Modifier::BOLD));
                    }
                    prop_assert_eq!(seen.inverse(), cell.modifier.contains(Modifier::REVERSED));
                    let reversed = cell.modifier.contains(Modifier::REVERSED);
                    if !blank || reversed {
                        prop_assert_eq!(seen.fgcolor(), vt_colour(cell.fg));
                    }
                    prop_assert_eq!(seen.bgcolor(), vt_colour(cell.bg));
                }
            }
            former = next;
        }
    }
}

fn vt_colour(colour: Color) -> vt100::Color {
    match colour {
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
        _ => vt100::Color::Default,
    }
}
