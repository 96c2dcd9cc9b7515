//! What was found on the daemon's machine, and what became of it.

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Name, Offer, Timestamp};

use super::login::Login;

/// How long the footer says that something was found.
pub const HINT_LASTS: Interval = Interval::from_secs(60);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Everything, as the daemon tells it; none before it has.
    pub found: Option<Vec<Offer>>,
    /// The daemon was asked and has not answered.
    pub asked: bool,
    /// The footer says how many there are until this moment.
    pub hint_until: Option<Timestamp>,
    /// The one that is being taken.
    pub taking: Option<Name>,
    /// Why the last one was not taken.
    pub refusal: Option<SafeText>,
    /// The login that is being typed for one.
    pub login: Option<Login>,
}

/// The keys of offers, in their order.
const KEYS: &str = "123456789abcdefghijklmnopqrstuvwxyz";

impl Offers {
    /// Everything that was found.
    pub fn list(&self) -> &[Offer] {
        self.found.as_deref().unwrap_or_default()
    }

    /// How many are not shown yet.
    pub fn open(&self) -> usize {
        self.list().iter().filter(|offer| !offer.taken).count()
    }

    /// The key that takes an offer; none beyond the last key.
    pub fn key(index: usize) -> Option<char> {
        KEYS.chars().nth(index)
    }

    /// The offer that a key takes.
    pub fn by_key(&self, key: char) -> Option<usize> {
        KEYS.chars().position(|other| other == key).filter(|index| *index < self.list().len())
    }
}
