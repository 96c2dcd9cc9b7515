//! The client's core: a message goes in, the model changes, effects come out.

mod act;
mod daemon;
mod key;
mod login;
mod offers;
mod overlay;
mod pointer;
#[cfg(test)]
mod tests;

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Kind, Name, Timestamp};

use crate::effect::{Effect, FeedRequest, WatchRequest};
use crate::message::Message;
use crate::model::Model;
use crate::model::link::LinkState;

pub use overlay::{help_items, palette_items, theme_items};

/// Pasted text beyond this is cut: nobody filters by more.
const PASTE_MAX: usize = 256;

/// Values of a track that any screen can use, and the least that is asked for.
const POINTS: (u32, u32) = (128, 2_048);

/// Folds one message into the model.
pub fn update(model: &mut Model, message: Message, now: Timestamp) -> Vec<Effect> {
    model.now = now;
    match message {
        Message::Key(chord) => key::press(model, chord),
        Message::Pointer(pointer) => pointer::point(model, pointer),
        Message::Paste(text) => paste(model, &text),
        Message::Resize(columns, rows) => {
            model.size = (columns, rows);
            watch_if_changed(model)
        }
        Message::Link(event) => daemon::link(model, event),
        Message::Frame(frame) => daemon::frame(model, *frame),
        Message::Layouts(layouts) => {
            model.layouts = layouts;
            Vec::new()
        }
        Message::Offers { offers, configured } => offers::found(model, offers, configured),
        Message::Accepted { key, result } => offers::accepted(model, key, result),
        Message::Tick => tick(model),
        Message::Resumed => vec![Effect::Repaint],
    }
}

/// Time has passed: remarks go, and a silent link is a lost one.
fn tick(model: &mut Model) -> Vec<Effect> {
    if model.remark.as_ref().is_some_and(|(_, until)| model.now >= *until) {
        model.remark = None;
    }
    offers::tick(model);
    if model.link.is_silent(model.now) {
        let cause = SafeText::new("the daemon has not been heard for 3 s");
        model.link.state = LinkState::Lost { since: model.now, cause, retry_at: None };
    }
    Vec::new()
}

/// Text goes where text is being typed, and nowhere else.
fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(login) = &mut model.offers.login {
        login::paste(login, text);
        return Vec::new();
    }
    let line: String = SafeText::new(text.split(['\r', '\n']).next().unwrap_or_default())
        .as_str()
        .chars()
        .take(PASTE_MAX)
        .collect();
    if let Some(query) = overlay::query(model) {
        query.push_str(&line);
        overlay::typed(model);
    } else if let Some(filter) = &mut model.filtering {
        filter.push_str(&line);
        key::apply_filter(model);
    }
    Vec::new()
}

/// What the page on display needs of the daemon.
fn wanted_feeds(model: &mut Model) -> Vec<FeedRequest> {
    let points = (u32::from(model.size.0) * 2).next_power_of_two().clamp(POINTS.0, POINTS.1);
    let Some(page) = model.page().cloned() else { return Vec::new() };
    let mut feeds = Vec::with_capacity(page.widgets.len());
    for placement in &page.widgets {
        let window = asked_window(model, &placement.name);
        let epoch = model.data.epoch;
        let feed = model.data.slot(&placement.name, (window, points));
        let have = if feed.epoch == epoch { feed.version } else { 0 };
        feeds.push(FeedRequest {
            slot: feed.slot,
            widget: placement.name.clone(),
            window,
            max_points: points,
            have: (have, feed.epoch),
        });
    }
    feeds
}

/// Zero, unless the user looks at another window than the widget is defined with.
fn asked_window(model: &Model, widget: &Name) -> Interval {
    let spec = model.data.widget(widget);
    let chart = spec
        .and_then(|spec| spec.chart.as_ref())
        .filter(|chart| chart.style.is_over_time())
        .map(ccm_proto::model::widget::ChartConfig::window);
    let stat = spec.and_then(|spec| spec.stat.as_ref().and_then(|stat| stat.window));
    match chart.or(stat) {
        Some(defined) if model.window_exponent != 0 => model.window_of(defined),
        _ => Interval::ZERO,
    }
}

/// Tells the daemon everything that is watched.
fn watch(model: &mut Model) -> Vec<Effect> {
    if model.link.state != LinkState::Connected {
        return Vec::new();
    }
    let feeds = wanted_feeds(model);
    let layout = model.data.layout_id();
    let version = |document: &std::sync::Arc<ccm_proto::model::Document>| document.version;
    let mut documents =
        vec![(layout.clone(), true, model.data.documents.get(&layout).map(version))];
    let others = model.data.documents.iter().filter(|(id, _)| **id != layout);
    documents.extend(others.map(|(id, document)| (id.clone(), false, Some(document.version))));
    let theme = ccm_proto::model::DocumentId::new(Kind::Theme, model.themes.wanted(&model.data));
    if !model.data.documents.contains_key(&theme) {
        documents.push((theme, true, None));
    }
    model.serial = model.serial.wrapping_add(1).max(1);
    vec![Effect::Watch(WatchRequest { serial: model.serial, documents, feeds })]
}

/// Tells the daemon again when the points that the screen can use changed.
fn watch_if_changed(model: &mut Model) -> Vec<Effect> {
    let points = (u32::from(model.size.0) * 2).next_power_of_two().clamp(POINTS.0, POINTS.1);
    let focused = model.focused().cloned();
    let known = focused.and_then(|name| model.data.feed(&name).map(|feed| feed.shape.1));
    if known.is_some_and(|known| known == points) { Vec::new() } else { watch(model) }
}
