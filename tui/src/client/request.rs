//! What the client says, as messages of the stream.

use ccm_proto::PROTOCOL_VERSION;
use ccm_proto::model::Name;
use ccm_proto::wire::client_message::Message;
use ccm_proto::wire::{self, ClientMessage};

use crate::effect::{FeedRequest, WatchRequest};

/// The first message of a stream. Frames are wanted at most every `frame_interval_ms`.
pub fn hello(frame_interval_ms: u32) -> ClientMessage {
    let client = concat!("ccm ", env!("CARGO_PKG_VERSION")).to_owned();
    message(Message::Hello(wire::Hello { protocol: PROTOCOL_VERSION, client, frame_interval_ms }))
}

/// All that is watched.
pub fn watch(request: &WatchRequest) -> ClientMessage {
    let documents =
        request.documents.iter().map(|(id, with_references, have)| wire::DocumentWatch {
            id: Some(id.into()),
            with_references: *with_references,
            have: have.map(|version| version.0.to_vec().into()).unwrap_or_default(),
        });
    let feeds = request.feeds.iter().map(feed).collect();
    let documents = documents.collect();
    message(Message::Watch(wire::Watch { serial: request.serial, documents, feeds }))
}

fn feed(request: &FeedRequest) -> wire::FeedWatch {
    let (have, have_epoch) = request.have;
    wire::FeedWatch {
        slot: request.slot,
        widget: request.widget.to_string(),
        window_ms: u32::try_from(request.window.as_millis()).unwrap_or(u32::MAX),
        max_points: request.max_points,
        have,
        have_epoch,
    }
}

fn message(message: Message) -> ClientMessage {
    ClientMessage { message: Some(message) }
}

/// Widgets whose sources should be read now.
pub fn refresh(widgets: &[Name]) -> ClientMessage {
    let widgets = widgets.iter().map(Name::to_string).collect();
    message(Message::Refresh(wire::Refresh { widgets }))
}
