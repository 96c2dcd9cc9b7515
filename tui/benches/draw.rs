//! One full draw of a page, as the live client does it for every frame.
//!
//! To reach: 160x50 <= 1 ms, 400x120 with 64 widgets <= 5 ms.

#![expect(clippy::unwrap_used, reason = "a bench")]

use std::collections::BTreeMap;
use std::hint::black_box;

use ccm::glyph::GlyphSet;
use ccm::input::keymap::Keymap;
use ccm::message::{LinkEvent, Message};
use ccm::model::memory::Memory;
use ccm::model::{Beginning, Model};
use ccm::theme::ColorDepth;
use ccm::update::update;
use ccm::view;
use ccm::zone::Zone;
use ccm_proto::convert::{Binding, FeedChange, FrameContents};
use ccm_proto::model::{
    Cell, Document, DocumentId, Interval, Kind, Name, Quality, Row, Timestamp, Track, Version,
    View, ViewStatus,
};
use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn document(kind: Kind, id: &str, toml: &str) -> (DocumentId, Option<Document>) {
    let id = DocumentId::new(kind, name(id));
    let spec: serde_json::Value = toml::from_str(toml).unwrap();
    let version = Version::of(&spec.to_string());
    (id.clone(), Some(Document { id, spec, version, layers: Vec::new() }))
}

/// Definition and data of one widget of each type in turn.
fn widget(index: usize) -> (String, View) {
    let mut view = View {
        status: ViewStatus {
            quality: Quality::Live,
            sampled_at: Some(NOW),
            interval: Interval::from_secs(1),
            ..ViewStatus::default()
        },
        ..View::default()
    };
    let wave = |at: usize| 50.0 + 40.0 * ((at + index * 7) as f64 / 9.0).sin();
    let (kind, config) = match index % 4 {
        0 => {
            for line in 0..3 {
                view.tracks.push(Track {
                    id: format!("m{line}"),
                    label: format!("line {line}").into(),
                    start: NOW - Interval::from_secs(300),
                    step: Interval::from_secs(1),
                    values: (0..300).map(|at| wave(at + line * 11)).collect(),
                });
            }
            let series: Vec<String> = (0..3)
                .map(|line| format!("{{ metric = 'm{line}', label = 'line {line}' }}"))
                .collect();
            (
                "chart",
                format!("style = 'area'\nformat = 'percent'\nseries = [{}]", series.join(", ")),
            )
        }
        1 => {
            view.rows = (0..200)
                .map(|row| {
                    Row::shared(
                        row.to_string(),
                        vec![
                            Cell::Integer(row as i64),
                            Cell::Number(wave(row)),
                            Cell::Text(format!("process number {row}").into()),
                        ],
                    )
                })
                .collect();
            view.rows_total = 200;
            let columns = "{ field = 'pid', label = 'pid', format = 'integer' }, \
                { field = 'cpu', label = 'cpu', format = 'percent', bar = true }, \
                { field = 'name', label = 'name', format = 'text', grow = true }";
            ("table", format!("rows = 'p'\nkey = 'pid'\nsort = 'cpu'\ncolumns = [{columns}]"))
        }
        2 => {
            view.rows = (0..16)
                .map(|row| {
                    Row::shared(
                        row.to_string(),
                        vec![
                            Cell::Text(format!("core {row}").into()),
                            Cell::Number(wave(row)),
                            Cell::Number(100.0),
                            Cell::Absent,
                        ],
                    )
                })
                .collect();
            (
                "bars",
                "format = 'percent'\nrows = { path = 'c', label = 'n', value = 'v' }".to_owned(),
            )
        }
        _ => {
            view.fields = BTreeMap::from([("value".to_owned(), Cell::Number(wave(1)))]);
            ("gauge", "value = 'v'\nthresholds = [{ value = 0, state = 'ok' }]".to_owned())
        }
    };
    (
        format!("title = 'widget {index}'\nsource = 'host'\ntype = '{kind}'\n[{kind}]\n{config}\n"),
        view,
    )
}

/// A client with a page of `columns` x `rows` widgets.
fn model(size: (u16, u16), columns: u16, rows: u16) -> Model {
    let beginning = Beginning {
        size,
        layout: name("bench"),
        page: 0,
        theme: None,
        default_theme: name("dark"),
        depth: ColorDepth::TrueColor,
        glyphs: GlyphSet::Braille,
        keymap: Keymap::default(),
        mouse: false,
        zone: Zone::utc(),
        memory: Memory::default(),
    };
    let mut layout = "title = 'bench'\n[[page]]\ntitle = 'page'\n".to_owned();
    let (width, count) = (12 / columns, usize::from(columns * rows));
    for index in 0..count as u16 {
        let (x, y) = (index % columns * width, index / columns * 4);
        layout.push_str(&format!(
            "[[page.widget]]\nname = 'w{index}'\nat = {{ x = {x}, y = {y}, w = {width}, h = 4 }}\n"
        ));
    }
    let mut documents = vec![document(Kind::Layout, "bench", &layout)];
    let mut feeds = Vec::new();
    for index in 0..count {
        let (toml, view) = widget(index);
        documents.push(document(Kind::Widget, &format!("w{index}"), &toml));
        let feed = index as u64 + 1;
        feeds.push(FeedChange { feed, version: 1, base: None, delta: view.to_delta() });
    }
    let frame = |documents, bindings, feeds| {
        let empty = FrameContents::try_from(ccm_proto::wire::Frame::default()).unwrap();
        let contents = FrameContents { now: NOW, documents, bindings, feeds, ..empty };
        Message::Frame(Box::new(contents))
    };
    let mut model = Model::new(beginning, NOW);
    update(&mut model, Message::Link(LinkEvent::Connected), NOW);
    update(&mut model, frame(documents, Vec::new(), Vec::new()), NOW);
    // Slots are handed out in the order of the page.
    let slots =
        (0..count as u32).map(|index| Binding { slot: index + 1, feed: Ok(u64::from(index) + 1) });
    update(&mut model, frame(Vec::new(), slots.collect(), feeds), NOW);
    model
}

fn draw(criterion: &mut Criterion) {
    for (label, size, columns, rows) in [
        ("160x50, 9 widgets", (160, 50), 3, 3),
        ("300x90, 24 widgets", (300, 90), 4, 6),
        ("400x120, 64 widgets", (400, 120), 4, 16),
    ] {
        let model = model(size, columns, rows);
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        criterion.bench_function(&format!("draw {label}"), |bencher| {
            bencher.iter(|| {
                buffer.reset();
                view::draw(black_box(&model), area, &mut buffer);
            });
        });
        assert!(buffer.content.iter().any(|cell| cell.symbol() == "⣿"), "no chart was drawn");
    }
}

criterion_group!(benches, draw);
criterion_main!(benches);
