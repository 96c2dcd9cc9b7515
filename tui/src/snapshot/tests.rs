use std::path::Path;

use ccm_proto::SafeText;
use ccm_proto::model::{
    Cell, Interval, Name, Quality, Row, Timestamp, Track, View, ViewStatus, WidgetSpec,
};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::{Format, Heading, Palette, Rgb, SnapshotError, WidgetData, json, render};

const PALETTE: Palette = Palette::new(Rgb(200, 200, 200), Rgb(10, 10, 10));

/// A frame with a title, letters of every kind of style, and each kind of drawn glyph.
fn sample() -> Buffer {
    let plain = Style::new();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 6));
    buffer.set_string(0, 0, "╭ cpu ───────── 42.0% ╮", plain.fg(Color::Rgb(90, 120, 150)));
    buffer.set_string(2, 0, "cpu", plain.add_modifier(Modifier::BOLD));
    buffer.set_string(0, 1, "│ <a> & \"b\" -> x  y    │", plain);
    buffer.set_string(0, 2, "│", plain);
    buffer.set_string(2, 2, "█▆▄▂ ▏▎ ░▒▓ ⣿⣀⠁ ▞", plain.fg(Color::LightGreen));
    buffer.set_string(2, 3, "日本 é", plain.fg(Color::Indexed(208)).bg(Color::Blue));
    buffer.set_string(10, 3, "stale", plain.add_modifier(Modifier::DIM | Modifier::ITALIC));
    buffer.set_string(16, 3, "chosen", plain.add_modifier(Modifier::REVERSED));
    buffer.set_string(2, 4, "link", plain.add_modifier(Modifier::UNDERLINED));
    buffer.set_string(7, 4, "    ", plain.bg(Color::Red));
    buffer.set_string(0, 5, "╰━┿━╾┄╯", plain);
    buffer
}

fn picture(buffer: &Buffer, format: Format) -> String {
    String::from_utf8(render(buffer, format, &PALETTE).unwrap()).unwrap()
}

#[test]
fn text_is_the_symbols_and_nothing_else() {
    insta::assert_snapshot!(picture(&sample(), Format::Text));
}

#[test]
fn ansi_changes_styles_only_where_they_change() {
    insta::assert_snapshot!(picture(&sample(), Format::Ansi).replace('\x1b', "␛"));
}

#[test]
fn svg_draws_lines_blocks_and_braille_as_shapes() {
    let svg = picture(&sample(), Format::Svg);
    for glyph in ['─', '│', '╭', '█', '░', '⣿', '┄'] {
        assert!(!svg.contains(glyph), "{glyph} needs a font");
    }
    insta::assert_snapshot!(svg);
}

#[test]
fn ansi_on_a_terminal_gives_the_same_cells() {
    let buffer = sample();
    let ansi = picture(&buffer, Format::Ansi).replace('\n', "\r\n");
    let size = |cells| std::num::NonZeroU16::new(cells).unwrap();
    let mut terminal = vt100::Parser::new(size(7), size(24), 0);
    terminal.process(ansi.as_bytes());
    let screen = terminal.screen();
    for (column, row) in (0..24).flat_map(|x| (0..6).map(move |y| (x, y))) {
        let cell = &buffer[(column, row)];
        let shown = screen.cell(row, column).unwrap();
        if shown.is_wide_continuation() {
            continue;
        }
        let symbol = if shown.contents().is_empty() { " " } else { shown.contents() };
        assert_eq!(symbol, cell.symbol(), "at {column},{row}");
        let red = matches!(shown.bgcolor(), vt100::Color::Idx(1));
        assert_eq!(red, cell.bg == Color::Red, "at {column},{row}");
        if cell.symbol() != " " {
            assert_eq!(shown.bold(), cell.modifier.contains(Modifier::BOLD));
            assert_eq!(shown.inverse(), cell.modifier.contains(Modifier::REVERSED));
            let green = matches!(shown.fgcolor(), vt100::Color::Idx(10));
            assert_eq!(green, cell.fg == Color::LightGreen, "at {column},{row}");
        }
    }
}

#[test]
fn controls_in_a_cell_reach_no_file() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
    #[expect(clippy::disallowed_methods, reason = "the null control: what must never happen")]
    buffer[(0, 0)].set_symbol("\x1b]52;c;x\x07");
    for format in [Format::Text, Format::Svg] {
        assert!(!picture(&buffer, format).chars().any(|c| c.is_control() && c != '\n'));
    }
    assert!(!picture(&buffer, Format::Ansi).contains("\x1b]"));
}

#[test]
fn formats_are_known_by_name_and_by_file() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert!("bmp".parse::<Format>().is_err());
    assert_eq!(Format::of_file(Path::new("a/b.PNG")), Some(Format::Png));
    assert_eq!(Format::of_file(Path::new("host.txt")), Some(Format::Text));
    assert_eq!(Format::of_file(Path::new("host")), None);
    let refused = render(&sample(), Format::Json, &PALETTE);
    assert_eq!(refused, Err(SnapshotError::NotAPicture));
}

#[test]
fn the_font_covers_what_it_is_asked_for() {
    let coverage = super::font::Coverage::of(super::font::DATA);
    assert!(" azAZ09~éßЖλ→─…°µ".chars().all(|c| coverage.has(c)));
    assert!(!coverage.has('日') && !coverage.has('⣿') && !coverage.has('🙂'));
    let cut = super::font::DATA.get(..900).unwrap();
    assert!(!super::font::Coverage::of(cut).has('a'));
    assert!(!super::font::Coverage::of(b"no font").has('a'));
}

/// Screens of any size and content, empty ones too.
fn screens() -> impl Strategy<Value = Buffer> {
    (0_u16..30, 0_u16..6, any::<u64>()).prop_map(|(columns, rows, seed)| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let pieces = ["a", "日本", " ", "│", "⣿", "é", "&", "->", "▒", "🙂", "e\u{301}"];
        let mut state = seed;
        for (x, y) in (0..columns).flat_map(|x| (0..rows).map(move |y| (x, y))) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let piece = pieces[(state >> 33) as usize % pieces.len()];
            let style = Style::new()
                .fg(Color::Indexed((state >> 40) as u8))
                .bg(if state >> 63 == 1 { Color::Reset } else { Color::Indexed(state as u8) })
                .add_modifier(Modifier::from_bits_truncate((state >> 48) as u16));
            buffer.set_stringn(x, y, piece, usize::from(columns - x), style);
        }
        buffer
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_screen_has_a_picture_and_always_the_same(buffer in screens()) {
        for format in [Format::Text, Format::Ansi, Format::Svg] {
            prop_assert_eq!(picture(&buffer, format), picture(&buffer, format));
        }
        let ansi = picture(&buffer, Format::Ansi);
        let stripped: String = ansi.split('\x1b').enumerate().map(|(index, part)| {
            if index == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) }
        }).collect();
        let trimmed = |text: &str| {
            text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
        };
        prop_assert_eq!(trimmed(&stripped), trimmed(&picture(&buffer, Format::Text)));
    }
}

#[cfg(feature = "png")]
mod pixels {
    use super::super::outline::{CELL_HEIGHT, CELL_WIDTH};
    use super::*;
    use resvg::tiny_skia::Pixmap;

    fn pixels(buffer: &Buffer) -> Pixmap {
        Pixmap::decode_png(&render(buffer, Format::Png, &PALETTE).unwrap()).unwrap()
    }

    /// How many pixels of a cell are not of the background.
    fn ink(pixels: &Pixmap, column: u16, row: u16) -> usize {
        let (width, height) = (CELL_WIDTH as u32, CELL_HEIGHT as u32);
        let (left, top) = (u32::from(column) * width, u32::from(row) * height);
        let all = (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y)));
        all.filter_map(|(x, y)| pixels.pixel(x, y))
            .filter(|pixel| (pixel.red(), pixel.green(), pixel.blue()) != (10, 10, 10))
            .count()
    }

    #[test]
    fn every_symbol_leaves_ink_and_every_blank_none() {
        let buffer = sample();
        let pixels = pixels(&buffer);
        assert_eq!((pixels.width(), pixels.height()), (24 * 9, 6 * 20));
        for (column, row) in (0..24).flat_map(|x| (0..6).map(move |y| (x, y))) {
            let cell = &buffer[(column, row)];
            let ink = ink(&pixels, column, row);
            if cell.symbol() != " " {
                assert!(ink >= 3, "{:?} at {column},{row} has {ink} pixels", cell.symbol());
            } else if *cell == ratatui::buffer::Cell::default() && row > 3 {
                assert_eq!(ink, 0, "a blank at {column},{row}");
            }
        }
        let whole = (CELL_WIDTH * CELL_HEIGHT) as usize;
        assert_eq!(ink(&pixels, 2, 2), whole, "a full block fills its cell");
        assert_eq!(ink(&pixels, 8, 4), whole, "a background fills its cell");
    }

    #[test]
    fn a_glyph_that_the_font_lacks_is_a_box() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        buffer.set_string(0, 0, "日x", Style::new());
        let pixels = pixels(&buffer);
        assert!(ink(&pixels, 0, 0) > 15 && ink(&pixels, 1, 0) > 15);
        assert!(ink(&pixels, 2, 0) > 10);
    }

    #[test]
    fn a_line_goes_on_from_cell_to_cell() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "╶──────╴", Style::new());
        let pixels = pixels(&buffer);
        let lit = (4..8 * 9 - 4).all(|x| pixels.pixel(x, 9).unwrap().red() == 200);
        assert!(lit, "the line has a gap");
    }

    #[test]
    fn bold_is_heavier_than_regular() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer.set_string(0, 0, "H", Style::new());
        buffer.set_string(1, 0, "H", Style::new().add_modifier(Modifier::BOLD));
        let pixels = pixels(&buffer);
        assert!(ink(&pixels, 1, 0) > ink(&pixels, 0, 0));
    }

    #[test]
    fn identical_cells_give_identical_bytes() {
        let once = render(&sample(), Format::Png, &PALETTE).unwrap();
        assert_eq!(once, render(&sample(), Format::Png, &PALETTE).unwrap());
        let none = Buffer::empty(Rect::new(0, 0, 0, 0));
        assert!(render(&none, Format::Png, &PALETTE).is_ok());
    }
}

fn widget(toml: &str) -> WidgetSpec {
    toml::from_str(toml).unwrap()
}

#[test]
fn json_has_labels_formats_states_and_exact_numbers() {
    let (host, cpu, tasks) = (name("host"), name("cpu"), name("tasks"));
    let stat = widget(
        r#"
        title = "CPU"
        source = "host"
        type = "stat"
        [stat.primary]
        value = "cpu.usage"
        label = "usage"
        format = "percent"
        thresholds = [{ value = 80.0, state = "critical" }]
        [[stat.secondary]]
        value = "load.one"
        label = "load"
        "#,
    );
    let table = widget(
        r#"
        title = "Processes"
        source = "host"
        type = "table"
        [table]
        rows = "processes"
        key = "pid"
        columns = [
          { field = "pid", label = "PID", format = "integer" },
          { field = "command", label = "Command", format = "text" },
          { field = "cpu", label = "CPU", format = "percent" },
        ]
        "#,
    );
    let status = ViewStatus {
        quality: Quality::Live,
        sampled_at: Some(Timestamp::from_millis(9_000)),
        interval: Interval::from_secs(1),
        ..ViewStatus::default()
    };
    let stat_view = View {
        status: status.clone(),
        fields: [
            ("value".to_owned(), Cell::Number(93.123_456_789)),
            ("secondary.0".to_owned(), Cell::Absent),
        ]
        .into(),
        tracks: vec![Track {
            id: "value".to_owned(),
            label: SafeText::new("usage"),
            start: Timestamp::from_millis(8_000),
            step: Interval::from_secs(1),
            values: vec![1.5, f64::NAN],
        }],
        ..View::default()
    };
    let cells = vec![Cell::Integer(7), Cell::Text(SafeText::new("a\x1b[31m")), Cell::Number(0.5)];
    let table_view =
        View { status, rows: vec![Row::shared("7", cells)], rows_total: 1, ..View::default() };
    let heading = Heading { layout: &host, page: "Overview", at: Timestamp::from_millis(10_000) };
    let unknown = View::default();
    let value = json(
        heading,
        [
            WidgetData { name: &cpu, spec: Some(&stat), view: &stat_view },
            WidgetData { name: &tasks, spec: Some(&table), view: &table_view },
            WidgetData { name: &tasks, spec: None, view: &unknown },
        ],
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn json_of_what_services_give_has_trends_currencies_and_named_cells() {
    let stat = widget(
        r#"
        title = "Sales"
        source = "sales"
        type = "stat"
        [stat]
        primary = { value = "total", label = "Total", format = "currency", currency = "USD" }
        trend = { compare = "yesterday" }
        "#,
    );
    let list = widget(
        r#"
        title = "Stock"
        source = "inventory"
        type = "list"
        [list]
        rows = "items"
        item = { title = "name", badge = "worth", badge_format = "currency", badge_currency = "EUR" }
        "#,
    );
    let pie = widget(
        r#"
        title = "Visits"
        source = "web"
        type = "chart"
        [chart]
        style = "donut"
        format = "count"
        unit = "visits"
        rows = { path = "by", label = "name", value = "n" }
        "#,
    );
    let stat_view = View {
        fields: [
            ("value".to_owned(), Cell::Number(15_234.5)),
            ("trend.before".to_owned(), Cell::Number(13_541.78)),
            ("trend.percentage".to_owned(), Cell::Number(12.5)),
            ("trend.direction".to_owned(), Cell::Text(SafeText::new("up"))),
        ]
        .into(),
        ..View::default()
    };
    let cells = vec![Cell::Text(SafeText::new("Tea")), Cell::Absent, Cell::Number(9.5)];
    let list_view =
        View { rows: vec![Row::shared("Tea", cells)], rows_total: 3, ..View::default() };
    let cells = vec![Cell::Text(SafeText::new("mail")), Cell::Number(5.0), Cell::Number(100.0)];
    let pie_view = View { rows: vec![Row::shared("row.mail", cells)], ..View::default() };
    let (layout, sales, stock, visits) =
        (name("shop"), name("sales"), name("stock"), name("visits"));
    let heading = Heading { layout: &layout, page: "Today", at: Timestamp::from_millis(10_000) };
    let value = json(
        heading,
        [
            WidgetData { name: &sales, spec: Some(&stat), view: &stat_view },
            WidgetData { name: &stock, spec: Some(&list), view: &list_view },
            WidgetData { name: &visits, spec: Some(&pie), view: &pie_view },
        ],
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}
