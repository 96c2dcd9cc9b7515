//! Every type of widget at the sizes where it changes its form, and in every condition.

use ccm_proto::SafeText;
use ccm_proto::model::widget::WidgetType;
use ccm_proto::model::{Cell, Interval, Quality, Row, View, WidgetSpec};

use super::{Sitter, spec};
use crate::glyph::GlyphSet;
use crate::model::tests::fixture::{self, NOW};
use crate::theme::ColorDepth;

/// A small widget of each type with all that its type has.
pub(super) fn spec_of(kind: WidgetType) -> WidgetSpec {
    spec(match kind {
        WidgetType::Stat => {
            r#"
            title = "Load"
            source = "host"
            type = "stat"
            [stat]
            window = "5m"
            primary = { value = "load.one", label = "1 min", format = "number" }
            secondary = [
                { value = "load.five", label = "5 min" },
                { value = "load.fifteen", label = "15 min" },
            ]
            "#
        }
        WidgetType::Gauge => {
            r#"
            title = "Health"
            source = "host"
            type = "gauge"
            [gauge]
            value = "health.score"
            breakdown = "health.parts"
            format = "integer"
            thresholds = [
                { value = 0, state = "critical", label = "ill" },
                { value = 60, state = "warning", label = "strained" },
                { value = 85, state = "ok", label = "healthy" },
            ]
            "#
        }
        WidgetType::Chart => {
            r#"
            title = "Load"
            source = "host"
            type = "chart"
            [chart]
            style = "line"
            series = [
                { metric = "load.one", label = "1 min" },
                { metric = "load.five", label = "5 min" },
            ]
            "#
        }
        WidgetType::Bars => {
            r#"
            title = "Cores"
            source = "host"
            type = "bars"
            [bars]
            rows = { path = "cpu.cores", label = "name", value = "usage" }
            format = "percent"
            thresholds = [
                { value = 80, state = "warning" },
                { value = 95, state = "critical" },
            ]
            "#
        }
        WidgetType::Table => {
            r#"
            title = "Processes"
            source = "host"
            type = "table"
            [table]
            rows = "processes"
            key = "pid"
            sort = "cpu"
            columns = [
                { field = "pid", label = "PID", format = "integer" },
                { field = "cpu", label = "CPU", format = "percent", bar = true },
                { field = "memory", label = "MEM", format = "bytes" },
                { field = "command", label = "COMMAND", format = "text", grow = true },
            ]
            "#
        }
    })
}

fn sitter(kind: WidgetType) -> Sitter {
    let spec = spec_of(kind);
    let view = fixture::view(&spec);
    Sitter::new(spec, view)
}

/// As many meters as asked for, the first idle, the last busy.
fn meters(count: usize) -> Sitter {
    let spec = spec_of(WidgetType::Bars);
    let mut view = View { rows_total: count as u32, ..fixture::view(&spec) };
    let part = |index: usize| 100.0 * index as f64 / (count - 1).max(1) as f64;
    let row = |index: usize| {
        Row::shared(
            index.to_string(),
            vec![
                Cell::Text(SafeText::from(format!("core {index}"))),
                Cell::Number(part(index)),
                Cell::Number(100.0),
            ],
        )
    };
    view.rows = (0..count).map(row).collect();
    Sitter::new(spec, view)
}

/// The pictures below each other, with their sizes.
fn sheet(sitter: &Sitter, sizes: &[(u16, u16)]) -> String {
    let sheet = sizes
        .iter()
        .map(|(columns, rows)| format!("{columns}x{rows}\n{}", sitter.text(*columns, *rows)));
    sheet.collect::<Vec<_>>().join("\n")
}

const SIZES: [(u16, u16); 7] = [(60, 14), (40, 8), (24, 5), (24, 3), (24, 1), (12, 1), (2, 1)];

#[test]
fn each_type_at_each_size() {
    for kind in WidgetType::ALL {
        insta::assert_snapshot!(kind.as_str(), sheet(&sitter(kind), &SIZES));
    }
}

#[test]
fn each_type_in_seven_bits() {
    for kind in WidgetType::ALL {
        let sitter = Sitter { glyphs: GlyphSet::Ascii, depth: ColorDepth::Mono, ..sitter(kind) };
        let name = format!("{}-ascii", kind.as_str());
        insta::assert_snapshot!(name, sheet(&sitter, &SIZES[..3]));
    }
}

#[test]
fn each_type_in_each_condition() {
    let conditions = [
        (Quality::Loading, None),
        (Quality::Stale, None),
        (Quality::Error, Some("connection refused by 127.0.0.1:9100")),
        (Quality::Absent, Some("this machine has no sensors")),
    ];
    for kind in WidgetType::ALL {
        let mut sheets = Vec::new();
        for (quality, cause) in conditions {
            let mut sitter = sitter(kind);
            sitter.view.status.quality = quality;
            sitter.view.status.cause = cause.map(SafeText::new);
            sitter.view.status.sampled_at = Some(NOW - Interval::from_secs(75));
            if matches!(quality, Quality::Loading | Quality::Absent) {
                sitter.view = View { status: sitter.view.status, ..View::default() };
            }
            sheets.push(format!("{quality:?}\n{}", sheet(&sitter, &[(40, 6), (24, 1), (6, 1)])));
        }
        insta::assert_snapshot!(format!("{}-conditions", kind.as_str()), sheets.join("\n"));
    }
}

#[test]
fn meters_from_one_to_many() {
    let sheets = [(1, (40, 6)), (8, (60, 6)), (40, (80, 16)), (256, (160, 34)), (256, (60, 10))];
    let sheets =
        sheets.map(|(count, size)| format!("{count} at {}", sheet(&meters(count), &[size])));
    insta::assert_snapshot!("meters", sheets.join("\n"));
}

#[test]
fn an_empty_meter_and_a_full_one_differ_without_colour() {
    for glyphs in [GlyphSet::Braille, GlyphSet::Block, GlyphSet::Ascii] {
        for depth in [ColorDepth::Mono, ColorDepth::TrueColor] {
            let sitter = Sitter { glyphs, depth, ..meters(2) };
            let text = sitter.text(40, 4);
            let meter = |line: usize| -> String {
                let line: Vec<char> = text.lines().nth(line).unwrap().chars().collect();
                line[12..28].iter().collect()
            };
            assert_ne!(meter(1), meter(2), "{text}");
        }
    }
}

#[test]
fn the_smallest_widget_of_meters_keeps_its_worst_value() {
    for (columns, rows) in [(24, 3), (24, 1), (12, 1)] {
        let text = meters(4).text(columns, rows);
        assert!(text.contains("100"), "{columns}x{rows}:\n{text}");
    }
}
