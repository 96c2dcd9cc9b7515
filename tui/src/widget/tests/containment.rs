//! Whatever is measured, however it is named: drawing stays inside the widget, every cell holds
//! what a terminal shows in as many columns, and the set of characters is kept.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::widget::{Order, WidgetType};
use ccm_proto::model::{
    Cell, Interval, Quality, Row, Timestamp, Track, View, ViewStatus, WidgetSpec,
};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::{OUTSIDE, Sitter};
use crate::glyph::GlyphSet;
use crate::model::tests::fixture::NOW;
use crate::theme::ColorDepth;
use crate::widget::WidgetState;

/// What goes wrong on screens: escapes whole and in parts, what reorders or hides, wide and
/// joined characters, piles of marks.
const PIECES: [&str; 18] = [
    "\x1b[2J",
    "\x1b",
    "\u{9b}31m",
    "\n",
    "\u{202e}",
    "\u{200b}",
    "\u{e0061}",
    "漢字",
    "👩‍👩‍👧",
    "🇩🇪",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
    "ｶﾞ",
    "→",
    "é",
    "kworker/0:1",
    "/dev/mapper/vg0-root",
    "x",
    "",
];

fn words() -> impl Strategy<Value = SafeText> {
    let piece = prop_oneof![
        3 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| SafeText::from(pieces.concat()))
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..100.0,
        1 => any::<f64>(),
        1 => prop::sample::select(&[0.0, -0.0, f64::NAN, f64::INFINITY, f64::MIN, 1e-300, -1.0][..]),
    ]
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        4 => number().prop_map(Cell::Number),
        2 => any::<i64>().prop_map(Cell::Integer),
        3 => words().prop_map(Cell::Text),
        1 => any::<bool>().prop_map(Cell::Boolean),
        1 => prop::sample::select(vec!["up", "down", "critical", "title", "2026-11-20"])
            .prop_map(|word| Cell::Text(SafeText::new(word))),
        1 => Just(Cell::Absent),
    ]
}

fn row() -> impl Strategy<Value = Arc<Row>> {
    let label = words().prop_map(Cell::Text);
    (any::<u64>(), label, prop::collection::vec(cell(), 0..8)).prop_map(|(key, label, rest)| {
        let cells = std::iter::once(label).chain(rest).collect();
        Row::shared(key.to_string(), cells)
    })
}

fn track() -> impl Strategy<Value = Track> {
    let id = prop_oneof![Just("load.one".to_owned()), "[a-z.]{1,8}"];
    let values = prop::collection::vec(number(), 0..200);
    (id, words(), values, -400_000_i64..400_000, 1_u64..20_000).prop_map(
        |(id, label, values, age, step)| Track {
            id,
            label,
            start: Timestamp::from_millis(NOW.as_millis() - age),
            step: Interval::from_millis(step),
            values,
        },
    )
}

fn status() -> impl Strategy<Value = ViewStatus> {
    let quality = prop::sample::select(vec![
        Quality::Loading,
        Quality::Live,
        Quality::Stale,
        Quality::Error,
        Quality::Absent,
    ]);
    (quality, prop::option::of(-10_000_i64..1_000_000), prop::option::of(words())).prop_map(
        |(quality, age, cause)| ViewStatus {
            quality,
            sampled_at: age.map(|age| Timestamp::from_millis(NOW.as_millis() - age)),
            interval: Interval::from_secs(1),
            next_at: Some(NOW + Interval::from_secs(3)),
            cause,
            backfilling: false,
        },
    )
}

const FIELDS: [&str; 9] = [
    "value",
    "secondary.0",
    "secondary.1",
    "trend.change",
    "trend.percentage",
    "trend.direction",
    "trend.comparison",
    "correlation",
    "count",
];

/// A widget of any type, plain or with all that its type can do.
fn any_spec() -> impl Strategy<Value = WidgetSpec> {
    let plain = prop::sample::select(WidgetType::ALL.to_vec()).prop_map(super::pictures::spec_of);
    let variants = prop::sample::select(super::variants::VARIANTS.to_vec());
    prop_oneof![plain, variants.prop_map(|(_, text)| super::spec(text))]
}

fn view() -> impl Strategy<Value = View> {
    let fields = prop::collection::btree_map(
        prop::sample::select(FIELDS.to_vec()).prop_map(str::to_owned),
        cell(),
        0..9,
    );
    let rows = prop_oneof![
        6 => prop::collection::vec(row(), 0..12),
        1 => prop::collection::vec(row(), 200..300),
    ];
    (status(), fields, prop::collection::vec(track(), 0..4), rows, any::<u32>()).prop_map(
        |(status, fields, tracks, rows, rows_total)| View {
            status,
            fields,
            tracks,
            rows,
            rows_total,
        },
    )
}

fn state() -> impl Strategy<Value = WidgetState> {
    let sort = prop::option::of((0_usize..9, any::<bool>()));
    (0_usize..400, prop::option::of(0_usize..400), sort, 0_usize..9).prop_map(
        |(scroll, selected, sort, hscroll)| WidgetState {
            scroll,
            selected,
            sort: sort.map(|(column, falls)| {
                (column, if falls { Order::Descending } else { Order::Ascending })
            }),
            filter: None,
            hscroll,
        },
    )
}

fn sitter() -> impl Strategy<Value = Sitter> {
    let glyphs = prop::sample::select(vec![GlyphSet::Braille, GlyphSet::Block, GlyphSet::Ascii]);
    let depth = prop::sample::select(vec![ColorDepth::Mono, ColorDepth::TrueColor]);
    (any_spec(), view(), glyphs, depth, state()).prop_map(|(spec, view, glyphs, depth, state)| {
        Sitter { glyphs, depth, state, ..Sitter::new(spec, view) }
    })
}

/// What is wrong with a picture; nothing when it is as it must be.
fn violation(buffer: &Buffer, area: Rect, glyphs: GlyphSet) -> Option<String> {
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            let inside = area.contains((x, y).into());
            let columns = symbol.width() as u16;
            let wrong = if inside {
                SafeText::new(symbol).as_str() != symbol
                    || columns == 0
                    || x + columns > area.right()
                    || (glyphs == GlyphSet::Ascii && !symbol.is_ascii())
                    || symbol.starts_with(OUTSIDE)
            } else {
                !symbol.starts_with(OUTSIDE)
            };
            if wrong {
                return Some(format!("{symbol:?} at {x},{y} of {area:?}"));
            }
            x += columns.max(1);
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn whatever_is_shown_stays_inside_and_is_shown_as_it_counts(
        sitter in sitter(), x in 0_u16..3, y in 0_u16..3, columns in 0_u16..90, rows in 0_u16..30,
    ) {
        let area = Rect::new(x, y, columns, rows);
        let buffer = sitter.draw(area);
        prop_assert_eq!(violation(&buffer, area, sitter.glyphs), None);
    }

    #[test]
    fn the_same_is_drawn_the_same(sitter in sitter(), columns in 0_u16..90, rows in 0_u16..30) {
        let area = Rect::new(0, 0, columns, rows);
        prop_assert_eq!(sitter.draw(area), sitter.draw(area));
    }
}

#[test]
fn a_picture_that_leaves_its_place_or_holds_a_control_is_found() {
    let area = Rect::new(1, 1, 10, 3);
    let view = View::default();
    let sitter = Sitter::new(super::pictures::spec_of(WidgetType::Table), view);
    let whole = sitter.draw(area);
    assert_eq!(violation(&whole, area, GlyphSet::Braille), None);
    let damages =
        [(0, 1, 'x'), (10, 2, '漢'), (3, 2, '\u{1b}'), (3, 2, '\u{202e}'), (3, 2, '\u{200b}')];
    for (x, y, symbol) in damages {
        let mut broken = whole.clone();
        broken[(x, y)].set_char(symbol);
        assert!(violation(&broken, area, GlyphSet::Braille).is_some(), "{symbol:?} at {x},{y}");
    }
    assert!(violation(&whole, area, GlyphSet::Ascii).is_some(), "a frame of lines");
}
