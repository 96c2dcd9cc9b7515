//! The board of notices: what an operator should know, for as long as its cause lasts.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::Notice;
use tokio::sync::watch;

/// The most notices that are kept; beyond it new keys are dropped, which the log tells.
const NOTICES_MAX: usize = 256;

/// All standing notices by key.
pub type Notices = Arc<BTreeMap<String, Notice>>;

/// Shared by every part that raises notices; clones are the same board.
#[derive(Clone, Debug)]
pub struct NoticeBoard {
    notices: watch::Sender<Notices>,
}

impl Default for NoticeBoard {
    fn default() -> Self {
        Self { notices: watch::Sender::new(Notices::default()) }
    }
}

impl NoticeBoard {
    /// Puts a notice up, in place of a former one with the same key.
    pub fn raise(&self, notice: Notice) {
        self.notices.send_modify(|notices| {
            let notices = Arc::make_mut(notices);
            if notices.len() < NOTICES_MAX || notices.contains_key(&notice.key) {
                notices.insert(notice.key.clone(), notice);
            } else {
                tracing::warn!(key = notice.key, "the notice board is full");
            }
        });
    }

    /// Takes a notice down.
    pub fn clear(&self, key: &str) {
        self.notices.send_if_modified(|notices| {
            notices.contains_key(key) && Arc::make_mut(notices).remove(key).is_some()
        });
    }

    /// The standing notices, now and whenever they change.
    pub fn subscribe(&self) -> watch::Receiver<Notices> {
        self.notices.subscribe()
    }
}
