//! The connection to the daemon, as far as people should know.

use ccm_proto::SafeText;
use ccm_proto::convert::Welcome;
use ccm_proto::model::{Interval, Timestamp};

/// A silence that means that the link is lost: three heartbeats.
pub const SILENCE_MAX: Interval = Interval::from_secs(3);

/// The link.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// How it stands.
    pub state: LinkState,
    /// What the daemon said of itself, of the newest stream.
    pub welcome: Option<Welcome>,
    /// The local time of the newest frame.
    pub heard_at: Option<Timestamp>,
    /// The daemon's clock minus the local one, in milliseconds.
    pub skew_ms: i64,
}

/// How the link stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// The first connection is being made.
    #[default]
    Connecting,
    /// Frames arrive.
    Connected,
    /// No frames arrive.
    Lost {
        /// Since when, by the local clock.
        since: Timestamp,
        /// Why.
        cause: SafeText,
        /// When the next attempt is made, by the local clock.
        retry_at: Option<Timestamp>,
    },
    /// There is no use in trying.
    Refused {
        /// Why, with a remedy.
        cause: SafeText,
    },
}

impl Link {
    /// The daemon's time at a local time.
    pub fn daemon_time(&self, local: Timestamp) -> Timestamp {
        Timestamp::from_millis(local.as_millis().saturating_add(self.skew_ms))
    }

    /// Since when no data arrives, by the daemon's clock: the time of the newest frame.
    pub fn lost_since(&self) -> Option<Timestamp> {
        match &self.state {
            LinkState::Lost { since, .. } => {
                Some(self.daemon_time(self.heard_at.unwrap_or(*since)))
            }
            LinkState::Refused { .. } => self.heard_at.map(|at| self.daemon_time(at)),
            LinkState::Connecting | LinkState::Connected => None,
        }
    }

    /// Whether a connected link has been silent for too long.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        self.state == LinkState::Connected
            && self.heard_at.is_some_and(|heard| now.since(heard) >= SILENCE_MAX)
    }
}
