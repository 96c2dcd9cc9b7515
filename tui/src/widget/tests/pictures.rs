//! Every type of widget at the sizes where it changes its form, and in every condition.

use ccm_proto::SafeText;
use ccm_proto::model::widget::WidgetType;
use ccm_proto::model::{Cell, Interval, Quality, Row, Track, View, WidgetSpec};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::variants::VARIANTS;
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
        WidgetType::List => {
            r#"
            title = "Low stock"
            source = "inventory"
            type = "list"
            [list]
            rows = "items"
            sort = "stock_level"
            order = "ascending"
            [list.item]
            title = "product_name"
            subtitle = "sku"
            badge = "stock_level"
            badge_format = "count"
            badge_thresholds = [
                { value = 0, state = "critical" },
                { value = 5, state = "warning" },
                { value = 10, state = "ok" },
            ]
            "#
        }
        WidgetType::Map => {
            r#"
            title = "Latency by region"
            source = "probes"
            type = "map"
            [map]
            rows = "regions"
            label = "name"
            value = "latency"
            format = "milliseconds"
            thresholds = [
                { value = 0, state = "ok" },
                { value = 90, state = "warning" },
                { value = 200, state = "critical" },
            ]
            "#
        }
        WidgetType::Custom => {
            r#"
            title = "Deployments"
            source = "deploy"
            type = "custom"
            custom = { lines = "lines" }
            "#
        }
    })
}

/// A widget of [`VARIANTS`] with plausible data.
fn variant(name: &str, text: &str) -> Sitter {
    let spec = spec(text);
    let mut view = fixture::view(&spec);
    if name == "chart-bar" {
        let hours = |high: f64| (0..24).map(|hour| f64::from(hour * 7 % 11) * high).collect();
        let track = |id: &str, label: &str, values| Track {
            id: id.to_owned(),
            label: SafeText::new(label),
            start: NOW.floor(HOUR) - HOUR.times(23),
            step: HOUR,
            values,
        };
        view.tracks = vec![
            track("rows.0", "Successful", hours(52_300.0)),
            track("rows.1", "Failed", hours(9_100.0)),
        ];
    }
    Sitter::new(spec, view)
}

const HOUR: Interval = Interval::from_secs(3_600);

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
fn each_variant_at_each_size() {
    for (name, text) in VARIANTS {
        let sitter = variant(name, text);
        let sizes = [(80, 24), (60, 14), (40, 8), (20, 4), (24, 3), (24, 1)];
        let ascii =
            Sitter { glyphs: GlyphSet::Ascii, depth: ColorDepth::Mono, ..variant(name, text) };
        let sheets = [sheet(&sitter, &sizes), sheet(&ascii, &sizes[1..4])];
        insta::assert_snapshot!(name, sheets.join("\nin seven bits\n"));
    }
}

/// Writes what there is to look at as pixel pictures into the directory that `CCM_PICTURES` names.
#[test]
#[ignore = "for a person to look at, with CCM_PICTURES=DIRECTORY"]
fn pictures_to_look_at() {
    use crate::snapshot::{self, Palette, Rgb};
    let Some(directory) = std::env::var_os("CCM_PICTURES").map(std::path::PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(&directory).unwrap();
    let types = WidgetType::ALL.map(|kind| (kind.as_str(), sitter(kind)));
    let variants = VARIANTS.map(|(name, text)| (name, variant(name, text)));
    for (name, sitter) in types.into_iter().chain(variants) {
        let mut sheet = Buffer::empty(Rect::new(0, 0, 124, 36));
        for area in [
            Rect::new(0, 0, 80, 24),
            Rect::new(82, 0, 40, 10),
            Rect::new(82, 11, 20, 4),
            Rect::new(82, 16, 40, 1),
            Rect::new(82, 18, 30, 6),
            Rect::new(0, 25, 120, 10),
        ] {
            let drawn = sitter.draw(area);
            for position in area.positions() {
                sheet[position] = drawn[position].clone();
            }
        }
        let palette = Palette::new(Rgb(216, 216, 216), Rgb(16, 18, 22));
        let png = snapshot::render(&sheet, snapshot::Format::Png, &palette).unwrap();
        std::fs::write(directory.join(format!("{name}.png")), png).unwrap();
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
