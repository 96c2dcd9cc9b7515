//! What happens to the client.

use ccm_proto::SafeText;
use ccm_proto::convert::FrameContents;
use ccm_proto::model::{Interval, Name, Offer};

use crate::input::keymap::Chord;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Chord),
    /// The pointer did something.
    Pointer(Pointer),
    /// Text was pasted; it is text, never keys.
    Paste(String),
    /// The terminal has this size now.
    Resize(u16, u16),
    /// The link to the daemon changed.
    Link(LinkEvent),
    /// The daemon sent a frame.
    Frame(Box<FrameContents>),
    /// The layouts that can be opened, with their titles.
    Layouts(Vec<(Name, SafeText)>),
    /// What was found on the daemon's machine.
    Offers {
        /// Each can be taken.
        offers: Vec<Offer>,
        /// Somebody has written documents already.
        configured: bool,
    },
    /// An offer was taken, or not.
    Accepted {
        /// Which.
        key: Name,
        /// Why not, in one sentence.
        result: Result<(), SafeText>,
    },
    /// Time has passed; about once a second.
    Tick,
    /// The terminal is ours again after a suspension.
    Resumed,
}

/// What the pointer did, and in which cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Column, from 0.
    pub x: u16,
    /// Row, from 0.
    pub y: u16,
    /// What was done.
    pub gesture: Gesture,
}

/// What the pointer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// The main button went down.
    Press,
    /// The wheel turned away.
    WheelUp,
    /// The wheel turned towards the user.
    WheelDown,
}

/// A change of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// A connection is being made.
    Connecting,
    /// A stream is open; the client may say what it watches.
    Connected,
    /// The stream is gone.
    Lost {
        /// One sentence.
        cause: SafeText,
        /// The next attempt is made after this long.
        retry_in: Interval,
    },
    /// There is no use in trying again.
    Refused {
        /// One sentence with a remedy.
        cause: SafeText,
    },
}
