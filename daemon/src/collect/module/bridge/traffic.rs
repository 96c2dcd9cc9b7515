//! What went between a module and others, counted.

use ccm_proto::SafeText;

/// What went between a module and others since the daemon began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Its asks that were answered well.
    pub asks: u64,
    /// Its asks that were let through and not answered well.
    pub asks_failed: u64,
    /// Asks of others that it answered well.
    pub answered: u64,
    /// Its events that were told to those who listen, none of them included.
    pub published: u64,
    /// Its asks and events that were not let through.
    pub refused: u64,
    /// Events of others that it took.
    pub delivered: u64,
    /// Events and answers that did not reach it: it did not work, or took them too slowly.
    pub dropped: u64,
    /// The newest reason why something of it was not let through.
    pub refusal: Option<SafeText>,
}

impl Traffic {
    /// The counts, by the names that tables and metrics have for them.
    pub const fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("asks", self.asks),
            ("asks_failed", self.asks_failed),
            ("answered", self.answered),
            ("published", self.published),
            ("refused", self.refused),
            ("delivered", self.delivered),
            ("dropped", self.dropped),
        ]
    }
}
