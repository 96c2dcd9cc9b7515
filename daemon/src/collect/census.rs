//! What is known of all sources, for those who are built before there are any.
//!
//! Whoever knows writes it here now and then, and whoever asks reads the newest. Nothing but data
//! is held, so that a source may ask about all sources, itself among them, without holding on to
//! what runs it.

use std::sync::Arc;

use tokio::sync::watch;

use super::SourceStatus;

/// The newest state of every source. Clones share it.
#[derive(Clone, Debug)]
pub struct Census(Arc<watch::Sender<Arc<[SourceStatus]>>>);

impl Default for Census {
    /// Nothing is known yet.
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Arc::from([]))))
    }
}

impl Census {
    /// Takes over what is known now.
    pub fn fill(&self, sources: Vec<SourceStatus>) {
        self.0.send_replace(sources.into());
    }

    /// What was known last, by name.
    pub fn sources(&self) -> Arc<[SourceStatus]> {
        Arc::clone(&self.0.borrow())
    }

    /// What is known, now and whenever it is taken over anew.
    pub fn subscribe(&self) -> watch::Receiver<Arc<[SourceStatus]>> {
        self.0.subscribe()
    }
}
