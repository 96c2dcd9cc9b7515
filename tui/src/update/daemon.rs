//! What the daemon and the link to it do.

use ccm_proto::convert::FrameContents;
use ccm_proto::model::DocumentId;

use super::{offers, watch};
use crate::effect::Effect;
use crate::message::LinkEvent;
use crate::model::link::LinkState;
use crate::model::{Model, NOTICES_MAX};

/// The link changed.
pub(super) fn link(model: &mut Model, event: LinkEvent) -> Vec<Effect> {
    match event {
        LinkEvent::Connecting => Vec::new(),
        LinkEvent::Connected => {
            model.link.state = LinkState::Connected;
            model.serial = 0;
            watch(model)
        }
        LinkEvent::Lost { cause, retry_in } => {
            let retry_at = Some(model.now + retry_in);
            let since = match &model.link.state {
                LinkState::Lost { since, .. } => *since,
                _ => model.now,
            };
            model.link.state = LinkState::Lost { since, cause, retry_at };
            Vec::new()
        }
        LinkEvent::Refused { cause } => {
            model.link.state = LinkState::Refused { cause };
            Vec::new()
        }
    }
}

/// The daemon said something.
pub(super) fn frame(model: &mut Model, frame: FrameContents) -> Vec<Effect> {
    let mut effects = Vec::new();
    model.link.heard_at = Some(model.now);
    model.link.skew_ms = frame.now.as_millis().saturating_sub(model.now.as_millis());
    // It was silent for a while on the same stream; what was turned to meanwhile was not asked for.
    let resumed = matches!(model.link.state, LinkState::Lost { .. });
    if resumed {
        model.link.state = LinkState::Connected;
    }
    if let Some(welcome) = frame.welcome {
        let anew = model.data.epoch != welcome.epoch;
        model.data.begin_stream(welcome.epoch);
        model.link.welcome = Some(welcome);
        if anew {
            model.notices.clear();
            effects.extend(offers::first_look(model));
        }
    }
    for binding in frame.bindings {
        model.data.bind(binding);
    }
    let documents = !frame.documents.is_empty();
    for (id, document) in frame.documents {
        take_document(model, id, document);
    }
    let mut fits = true;
    for change in frame.feeds {
        fits &= model.data.change(change);
    }
    for (feed, count) in frame.skipped {
        model.data.count_skipped(feed, count);
    }
    for notice in frame.notices {
        if notice.cleared {
            model.notices.remove(&notice.key);
        } else if model.notices.len() < NOTICES_MAX || model.notices.contains_key(&notice.key) {
            model.notices.insert(notice.key.clone(), notice);
        }
    }
    if frame.watch_serial != 0 {
        model.answered = frame.watch_serial;
    }
    if let Some(goodbye) = frame.goodbye {
        let cause = goodbye.reason;
        model.link.state = LinkState::Lost { since: model.now, cause, retry_at: None };
        return effects;
    }
    if documents {
        model.themes.refresh(&model.data);
    }
    if documents || !fits || resumed {
        effects.extend(watch(model));
    }
    effects
}

fn take_document(model: &mut Model, id: DocumentId, document: Option<ccm_proto::model::Document>) {
    model.data.take_document(id, document);
    let pages = model.data.layout().map_or(1, |layout| layout.pages.len());
    model.pages.current = model.pages.current.min(pages.saturating_sub(1));
}
