//! Damage to everything that is shipped, and documents that no daemon would accept.

use ccm_proto::convert::FrameContents;
use ccm_proto::wire;
use proptest::prelude::*;
use prost::Message as _;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::update;
use super::host::{processes, send};
use crate::message::Message;
use crate::model::Model;
use crate::model::tests::fixture::{NOW, document, documents, frame, live, name, press};
use crate::view;

/// Draws at the sizes where something collapses.
fn draw(model: &mut Model) {
    for (columns, rows) in [(0, 0), (1, 1), (20, 5), (47, 11), (80, 24)] {
        update(model, Message::Resize(columns, rows), NOW);
        let area = Rect::new(0, 0, columns, rows);
        view::draw(model, area, &mut Buffer::empty(area));
    }
}

/// A frame with everything in it, as bytes.
fn whole_frame(model: &Model) -> Vec<u8> {
    let documents = documents().into_iter().map(|(id, document)| wire::DocumentUpdate {
        id: Some((&id).into()),
        document: document.as_ref().map(Into::into),
    });
    let page = &model.page().unwrap().widgets;
    let feeds = page.iter().filter_map(|placement| {
        let feed = model.data.feed(&placement.name)?;
        let delta = Some((&feed.view.to_delta()).into());
        Some(wire::FeedUpdate { feed: u64::from(feed.slot) + 100, version: 2, base: 0, delta })
    });
    let frame = wire::Frame {
        now_ms: NOW.as_millis(),
        documents: documents.collect(),
        feeds: feeds.collect(),
        watch_serial: 3,
        ..wire::Frame::default()
    };
    frame.encode_to_vec()
}

fn take(model: &mut Model, bytes: &[u8]) {
    let decoded = wire::Frame::decode(bytes).ok();
    if let Some(contents) = decoded.and_then(|frame| FrameContents::try_from(frame).ok()) {
        send(model, contents);
    }
}

proptest! {
    // Each case decodes and draws every shipped widget.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_damaged_frame_is_survived(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut model = processes();
        let mut bytes = whole_frame(&model);
        for (at, value) in &damage {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        take(&mut model, &bytes);
        draw(&mut model);
        press(&mut model, "j G k ctrl-d s S l h / a esc w esc N esc y Y tab J { }");
        draw(&mut model);
    }
}

#[test]
fn the_undamaged_frame_is_taken() {
    let mut model = processes();
    let bytes = whole_frame(&model);
    take(&mut model, &bytes);
    assert_eq!(model.answered, 3, "else the damaged ones prove nothing");
}

#[test]
fn layouts_that_no_daemon_would_accept_are_survived() {
    let area = |x, y, w, h| serde_json::json!({ "x": x, "y": y, "w": w, "h": h });
    let widget = |at| serde_json::json!({ "name": "host-cpu", "at": at });
    let most = u16::MAX;
    let pages = [
        serde_json::json!([]),
        serde_json::json!([{ "title": "" }]),
        serde_json::json!([{ "title": "\u{1b}[2J", "widget": [widget(area(0, 0, 0, 0))] }]),
        serde_json::json!([{ "title": "x", "widget": [widget(area(most, most, most, most))] }]),
        serde_json::json!([{ "title": "x", "widget": vec![widget(area(0, 0, 12, most)); 300] }]),
        serde_json::json!(vec![serde_json::json!({ "title": "many" }); 5_000]),
    ];
    for page in pages {
        let mut model = live((80, 24));
        press(&mut model, "7");
        let id = model.data.layout_id();
        let spec = serde_json::json!({ "title": "hostile", "page": page });
        let documents = vec![(id.clone(), Some(document(id, spec)))];
        send(&mut model, FrameContents { documents, ..frame() });
        draw(&mut model);
        press(&mut model, "tab L J G g g f } { 9 w esc y Y - r ?");
        draw(&mut model);
    }
}

#[test]
fn times_at_the_ends_of_the_calendar_are_survived() {
    for now in [i64::MIN, -1, 0, i64::MAX] {
        let mut model = live((80, 24));
        let now = ccm_proto::model::Timestamp::from_millis(now);
        send(&mut model, FrameContents { now, ..frame() });
        draw(&mut model);
        press(&mut model, "w");
        draw(&mut model);
        assert_eq!(model.focused(), Some(&name("host-health")));
    }
}
