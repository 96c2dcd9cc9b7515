//! A client that is connected to a daemon with the shipped layout `host`, for tests.

use std::path::Path;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::convert::{Binding, FeedChange, FrameContents, Welcome};
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::document::LayerRef;
use ccm_proto::model::offer::CredentialNeed;
use ccm_proto::model::widget::{Column, Format, WidgetType};
use ccm_proto::model::{
    Cell, Document, DocumentId, Interval, Kind, Name, Offer, Provenance, Quality, Row, Scope,
    Timestamp, Track, Version, View, ViewStatus, WidgetSpec,
};

use crate::effect::{Effect, WatchRequest};
use crate::glyph::GlyphSet;
use crate::input::keymap::{Chord, Keymap};
use crate::message::{LinkEvent, Message};
use crate::model::memory::Memory;
use crate::model::{Beginning, Model};
use crate::theme::ColorDepth;
use crate::update::update;
use crate::zone::Zone;

/// 2026-11-20T14:03:22Z, when everything happens.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_183_402_000);

/// Values of a track.
const POINTS: u64 = 150;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A client that has not heard of the daemon.
pub(crate) fn unconnected(size: (u16, u16)) -> Model {
    let beginning = Beginning {
        size,
        layout: name("host"),
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
    Model::new(beginning, NOW)
}

/// A client with every document of the layout and no data.
pub(crate) fn attached(size: (u16, u16)) -> (Model, Vec<Effect>) {
    let mut model = unconnected(size);
    update(&mut model, Message::Link(LinkEvent::Connected), NOW);
    let frame = FrameContents { welcome: Some(welcome(7)), documents: documents(), ..frame() };
    let effects = update(&mut model, Message::Frame(Box::new(frame)), NOW);
    (model, effects)
}

/// A client that shows the first page with data.
pub(crate) fn live(size: (u16, u16)) -> Model {
    let (mut model, effects) = attached(size);
    feed_all(&mut model, &effects);
    model
}

/// Answers a watch: every feed is bound and sent whole.
pub(crate) fn feed_all(model: &mut Model, effects: &[Effect]) {
    let watch = watched(effects).expect("a watch to answer");
    let feeds = watch.feeds.iter().map(|feed| {
        let spec = model.data.widget(&feed.widget).expect("the widget's document");
        FeedChange {
            feed: u64::from(feed.slot) + 100,
            version: 1,
            base: None,
            delta: view(spec).to_delta(),
        }
    });
    let bound = |slot: u32| Binding { slot, feed: Ok(u64::from(slot) + 100) };
    let frame = FrameContents {
        bindings: watch.feeds.iter().map(|feed| bound(feed.slot)).collect(),
        feeds: feeds.collect(),
        watch_serial: watch.serial,
        ..frame()
    };
    update(model, Message::Frame(Box::new(frame)), NOW);
}

/// The newest watch among effects.
pub(crate) fn watched(effects: &[Effect]) -> Option<&WatchRequest> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Watch(watch) => Some(watch),
        _ => None,
    })
}

/// Presses keys written as in key files, with a space between.
pub(crate) fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let chords = keys.split(' ').map(|key| Chord::parse(key).unwrap());
    chords.flat_map(|chord| update(model, Message::Key(chord), NOW)).collect()
}

/// A frame that says nothing but the time.
pub(crate) fn frame() -> FrameContents {
    FrameContents {
        now: NOW,
        welcome: None,
        bindings: Vec::new(),
        documents: Vec::new(),
        feeds: Vec::new(),
        notices: Vec::new(),
        watch_serial: 0,
        skipped: Vec::new(),
        goodbye: None,
    }
}

pub(crate) fn welcome(epoch: u64) -> Welcome {
    Welcome {
        protocol: ccm_proto::PROTOCOL_VERSION,
        daemon: SafeText::new("ccmd 0.1.0"),
        hostname: SafeText::new("harbour"),
        epoch,
        started_at: Some(NOW),
        identity: SafeText::new("uid:1000"),
        heartbeat: Interval::from_secs(1),
    }
}

/// The layout, its widgets and sources, as they are shipped.
pub(crate) fn documents() -> Vec<(DocumentId, Option<Document>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = [
        (Kind::Layout, "layouts"),
        (Kind::Widget, "daemon/src/packs/widgets"),
        (Kind::Source, "daemon/src/packs/sources"),
    ];
    let mut documents = Vec::new();
    for (kind, folder) in folders {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let id = DocumentId::new(kind, name(path.file_stem().unwrap().to_str().unwrap()));
            let spec = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            documents.push((id.clone(), Some(document(id, spec))));
        }
    }
    documents
}

pub(crate) fn document(id: DocumentId, spec: serde_json::Value) -> Document {
    let version = Version::of(&spec.to_string());
    let provenance = Provenance {
        actor: "ccm".to_owned(),
        manager: "builtin".to_owned(),
        reason: "shipped".to_owned(),
        at: NOW,
    };
    let layers = vec![LayerRef { scope: Scope::Platform, revision: 1, provenance }];
    Document { id, spec, version, layers }
}

/// Things that were found on the daemon's machine.
pub(crate) fn offers(count: usize) -> Vec<Offer> {
    let titles = ["Prometheus", "node exporter", "Redis"];
    let offer = |index: usize| {
        let key = name(&format!("found-{index}"));
        let documents = vec![(DocumentId::new(Kind::Layout, key.clone()), String::new())];
        let evidence = ["listens on 127.0.0.1:9090", "the process is prometheus"];
        Offer {
            key,
            title: SafeText::new(titles[index % titles.len()]),
            what: SafeText::new("its metrics, read every 10 s"),
            evidence: evidence.map(SafeText::new).to_vec(),
            documents,
            needs_credential: None,
            taken: false,
        }
    };
    (0..count).map(offer).collect()
}

/// Something that was found and wants a login.
pub(crate) fn needy_offer(kind: CredentialKind) -> Offer {
    let mut offer = offers(1).remove(0);
    let origin = SafeText::new("http://127.0.0.1:9090");
    offer.needs_credential = Some(CredentialNeed { name: offer.key.clone(), kind, origin });
    offer
}

/// Plausible data for a widget, the same every time.
pub(crate) fn view(spec: &WidgetSpec) -> View {
    let status = ViewStatus {
        quality: Quality::Live,
        sampled_at: Some(NOW - Interval::from_millis(400)),
        interval: Interval::from_secs(1),
        next_at: Some(NOW + Interval::from_millis(600)),
        cause: None,
        backfilling: false,
    };
    let mut view = View { status, ..View::default() };
    match spec.widget_type {
        WidgetType::Stat => stat(spec, &mut view),
        WidgetType::Gauge => gauge(&mut view),
        WidgetType::Chart => chart(spec, &mut view),
        WidgetType::Bars => bars(spec, &mut view),
        WidgetType::Table => table(spec, &mut view),
        WidgetType::List => list(&mut view),
        WidgetType::Map => map(&mut view),
        WidgetType::Custom => custom(&mut view),
    }
    view.rows_total = view.rows.len() as u32;
    view
}

fn stat(spec: &WidgetSpec, view: &mut View) {
    let stat = spec.stat.as_ref().unwrap();
    let money = stat.primary.format == Format::Currency;
    let value = if money { 15_234.5 } else { 1.24 };
    view.fields.insert("value".to_owned(), Cell::Number(value));
    for index in 0..stat.secondary.len() {
        view.fields.insert(format!("secondary.{index}"), Cell::Number(1.0 + index as f64));
    }
    if stat.trend.is_some() {
        let words = [("trend.direction", "up"), ("trend.comparison", "yesterday")];
        let numbers = [("trend.change", 0.14), ("trend.percentage", 12.5)];
        let cells = words.map(|(name, word)| (name, Part::from(word).cell()));
        let cells =
            cells.into_iter().chain(numbers.map(|(name, n)| (name, Part::Number(n).cell())));
        view.fields.extend(cells.map(|(name, cell)| (name.to_owned(), cell)));
    }
    if stat.window.is_some() {
        view.tracks.push(track("value", "value", 2.0));
    }
}

fn gauge(view: &mut View) {
    view.fields.insert("value".to_owned(), Cell::Number(92.0));
    for (part, score) in [("processor", 97.0), ("memory", 88.0), ("disks", 91.0)] {
        let cells = [part.into(), score.into(), 1.0.into(), "as it should be".into()];
        view.rows.push(row(part, cells.map(Part::cell).to_vec()));
    }
}

fn chart(spec: &WidgetSpec, view: &mut View) {
    use ccm_proto::model::widget::ChartStyle;
    match spec.chart.as_ref().unwrap().style {
        ChartStyle::Line | ChartStyle::Area | ChartStyle::Bar => {}
        ChartStyle::Pie | ChartStyle::Donut => return parts(view, &SOURCES),
        ChartStyle::Funnel => return stages(view),
        ChartStyle::Scatter => return dots(view),
    }
    for (index, series) in spec.chart.as_ref().unwrap().series.iter().enumerate() {
        let high = 30.0 + 15.0 * index as f64;
        view.tracks.push(track(&series.metric, &series.label, high));
    }
}

const SOURCES: [(&str, f64); 5] =
    [("search", 4_210.0), ("direct", 2_100.0), ("mail", 840.0), ("social", 420.0), ("other", 61.0)];

fn parts(view: &mut View, parts: &[(&str, f64)]) {
    let whole: f64 = parts.iter().map(|(_, value)| value).sum();
    for (label, value) in parts {
        let cells = [(*label).into(), (*value).into(), (value / whole * 100.0).into()];
        let key = if *label == "other" { "other".to_owned() } else { format!("row.{label}") };
        view.rows.push(row(&key, cells.map(Part::cell).to_vec()));
    }
}

fn stages(view: &mut View) {
    let stages = [("leads", 1_204.0), ("qualified", 602.0), ("proposal", 210.0), ("won", 51.0)];
    let mut before = 1_204.0;
    for (label, value) in stages {
        let (all, step) = (value / 1_204.0 * 100.0, value / before * 100.0);
        let cells = [label.into(), value.into(), all.into(), step.into()];
        view.rows.push(row(label, cells.map(Part::cell).to_vec()));
        before = value;
    }
}

fn dots(view: &mut View) {
    for index in 0..24 {
        let x = 150.0 + f64::from(index) * 2.5;
        let y = 40.0 + f64::from(index) + 9.0 * f64::from(index * 7 % 5);
        let cells = ["dot".into(), x.into(), y.into()];
        view.rows.push(row(&index.to_string(), cells.map(Part::cell).to_vec()));
    }
    view.fields.insert("correlation".to_owned(), Cell::Number(0.4267));
    view.fields.insert("count".to_owned(), Cell::Integer(24));
}

fn list(view: &mut View) {
    let items = [
        ("Espresso beans 1 kg", "COF-1000", 2),
        ("Oat milk", "MLK-0110", 4),
        ("Paper cups 250 ml", "CUP-0250", 7),
        ("Sugar sticks", "SUG-0005", 9),
        ("Filter papers no. 4", "FIL-0004", 12),
    ];
    for (title, subtitle, badge) in items {
        let mut cells = [title, subtitle].map(|part| Part::from(part).cell()).to_vec();
        cells.push(Cell::Integer(badge));
        view.rows.push(row(subtitle, cells));
    }
    view.rows_total = 5;
}

fn map(view: &mut View) {
    let places = [
        ("Frankfurt", 50.11, 8.68, 12.0),
        ("Virginia", 38.95, -77.45, 31.0),
        ("Sydney", -33.87, 151.21, 240.0),
        ("Tokyo", 35.68, 139.69, 48.0),
        ("Sao Paulo", -23.55, -46.63, 95.0),
    ];
    for (label, lat, lon, value) in places {
        let cells = [label.into(), lat.into(), lon.into(), value.into()];
        view.rows.push(row(label, cells.map(Part::cell).to_vec()));
    }
}

fn custom(view: &mut View) {
    let lines = [
        ("Deployments", "title"),
        ("web     v2.14.0   3 of 3", "ok"),
        ("worker  v2.13.9   1 of 3", "critical"),
        ("last change 4 min ago", "muted"),
    ];
    for (index, (text, style)) in lines.into_iter().enumerate() {
        let cells = [text, style].map(|part| Part::from(part).cell()).to_vec();
        view.rows.push(row(&index.to_string(), cells));
    }
}

fn bars(spec: &WidgetSpec, view: &mut View) {
    let bars = spec.bars.as_ref().unwrap();
    let labels: Vec<String> = if bars.items.is_empty() {
        (0..4).map(|index| format!("item {index}")).collect()
    } else {
        bars.items.iter().map(|item| item.label.clone()).collect()
    };
    for (index, label) in labels.iter().enumerate() {
        let value = 40.0 / (index + 1) as f64;
        let cells = [label.as_str().into(), value.into(), 100.0.into()];
        view.rows.push(row(label, cells.map(Part::cell).to_vec()));
    }
}

fn table(spec: &WidgetSpec, view: &mut View) {
    let columns = &spec.table.as_ref().unwrap().columns;
    for index in 0..40 {
        let cells = columns.iter().map(|column| table_cell(column, index)).collect();
        view.rows.push(row(&format!("row-{index}"), cells));
    }
}

fn table_cell(column: &Column, index: usize) -> Cell {
    let falling = 90.0 / (index + 1) as f64;
    match column.format {
        Format::Text => Cell::Text(SafeText::from(format!("{}-{index}", column.field))),
        Format::Integer => Cell::Integer(1_000 + index as i64),
        Format::Bytes => Cell::Number(falling * 1e8),
        _ => Cell::Number(falling),
    }
}

/// A wave that looks like load.
fn track(id: &str, label: &str, high: f64) -> Track {
    let step = Interval::from_secs(2);
    let value = |at: u64| high * (1.0 + (at as f64 / 9.0).sin()) / 2.0;
    Track {
        id: id.to_owned(),
        label: SafeText::new(label),
        start: NOW - step.times(POINTS),
        step,
        values: (0..POINTS).map(value).collect(),
    }
}

fn row(key: &str, cells: Vec<Cell>) -> Arc<Row> {
    Row::shared(key, cells)
}

/// What a cell is made of.
enum Part {
    Text(String),
    Number(f64),
}

impl Part {
    fn cell(self) -> Cell {
        match self {
            Self::Text(text) => Cell::Text(SafeText::from(text)),
            Self::Number(number) => Cell::Number(number),
        }
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Part {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}
