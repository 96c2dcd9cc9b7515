//! What the client wants done outside of its model.

use ccm_proto::model::{DocumentId, Interval, Name, Offer, Version};

use crate::model::login::Login;
use crate::model::memory::Memory;

/// One thing to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the daemon what is watched now.
    Watch(WatchRequest),
    /// Have these widgets' sources read now.
    Refresh(Vec<Name>),
    /// Ask the daemon which layouts there are.
    ListLayouts,
    /// Have the daemon look around on its machine.
    Discover,
    /// Write the documents of an offer, with the credential that they need.
    Accept(Box<Offer>, Option<Box<Login>>),
    /// Keep others out of this process' memory: a secret is about to be typed.
    Guard,
    /// Keep this for the next client.
    Remember(Memory),
    /// Put text on the clipboard of the user's terminal.
    Copy(String),
    /// Take or release the mouse.
    Mouse(bool),
    /// Draw every cell anew.
    Repaint,
    /// Stop and let the shell have the terminal.
    Suspend,
    /// Leave.
    Quit,
}

/// All that is watched, with the versions at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchRequest {
    /// Rises with every request of a stream.
    pub serial: u32,
    /// Documents, whether with all they refer to, and the version at hand.
    pub documents: Vec<(DocumentId, bool, Option<Version>)>,
    /// Feeds of the widgets in sight.
    pub feeds: Vec<FeedRequest>,
}

/// One watched feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRequest {
    /// The client's number for it.
    pub slot: u32,
    /// The widget.
    pub widget: Name,
    /// How far back tracks look; zero stands for the widget's own window.
    pub window: Interval,
    /// How many values a track may have.
    pub max_points: u32,
    /// Version and epoch at hand; zero for none.
    pub have: (u64, u64),
}
