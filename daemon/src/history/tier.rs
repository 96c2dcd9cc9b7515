//! Tiers: the same series at different densities, and how long each is kept.

use ccm_proto::model::Interval;

/// How dense values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Every sample.
    Raw,
    /// Buckets of a minute.
    Minute,
    /// Buckets of an hour.
    Hour,
}

impl Tier {
    /// All tiers, the densest first.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Minute, Self::Hour];

    /// The width of a bucket; zero for raw samples.
    pub const fn step(self) -> Interval {
        match self {
            Self::Raw => Interval::ZERO,
            Self::Minute => Interval::from_secs(60),
            Self::Hour => Interval::from_secs(3_600),
        }
    }

    /// The next coarser tier.
    pub const fn coarser(self) -> Option<Self> {
        match self {
            Self::Raw => Some(Self::Minute),
            Self::Minute => Some(Self::Hour),
            Self::Hour => None,
        }
    }

    /// The next finer tier.
    pub const fn finer(self) -> Option<Self> {
        match self {
            Self::Raw => None,
            Self::Minute => Some(Self::Raw),
            Self::Hour => Some(Self::Minute),
        }
    }

    /// The name of its directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    /// Columns that one series takes: the value, or min, max, sum and count.
    pub(crate) const fn fields(self) -> usize {
        match self {
            Self::Raw => 1,
            Self::Minute | Self::Hour => 4,
        }
    }

    /// Rows that are gathered before they are compressed into a piece. Fewer would compress
    /// badly, more would cost 8 (raw) or 32 bytes each and series. Pieces of buckets are merged
    /// as they become more, so that few will do.
    pub(crate) const fn piece_rows(self) -> usize {
        match self {
            Self::Raw => 32,
            Self::Minute | Self::Hour => 4,
        }
    }

    /// Rows of a chunk on disk: pco needs hundreds; a restart replays up to this many of the
    /// next finer tier.
    pub(crate) const fn chunk_rows(self) -> u64 {
        match self {
            Self::Raw | Self::Minute => 720,
            Self::Hour => 168,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    pub(crate) const fn from_index(index: u8) -> Option<Self> {
        match index {
            0 => Some(Self::Raw),
            1 => Some(Self::Minute),
            2 => Some(Self::Hour),
            _ => None,
        }
    }
}

/// How much history is kept. Whole segments of the logs are dropped, so a little more remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The greatest age by tier, in the order of [`Tier::ALL`].
    pub age: [Interval; 3],
    /// The most bytes by tier; `u64::MAX` for no bound of its own.
    pub bytes: [u64; 3],
    /// The most bytes of all tiers together.
    pub total_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY_S: u64 = 86_400;
        Self {
            age: [
                Interval::from_secs(2 * DAY_S),
                Interval::from_secs(30 * DAY_S),
                Interval::from_secs(730 * DAY_S),
            ],
            bytes: [u64::MAX; 3],
            total_bytes: 1 << 30,
        }
    }
}
