//! When the screen is drawn: at once for what a person does, and for data as often as the terminal
//! can take it.

use ccm_proto::model::{Interval, Timestamp};

/// Data is drawn at most this often. The daemon sends ten frames a second at most; those of one
/// second's readings arrive close together.
const DRAW_INTERVAL: Interval = Interval::from_millis(20);

/// How long a new second waits for its readings: one picture shows both.
const TICK_WAIT: Interval = Interval::from_millis(100);

/// A picture that the terminal took its time for is followed by the next one after so many times
/// as long, so that a slow line is never full of pictures that are old when they arrive.
const SLOWNESS: u64 = 4;

/// A slow terminal still gets this often a picture.
const SLOWEST: Interval = Interval::from_secs(1);

/// How long the first picture waits for its data, rather than showing for a blink that there is
/// none.
pub const FIRST_WAIT: Interval = Interval::from_millis(200);

/// What may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something a person did, or the link's end: it is shown at once.
    Urgent,
    /// Data.
    Data,
    /// A second is over: the clock and ages have moved.
    Tick,
}

/// When to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// At once.
    Now,
    /// After this long, if nothing is to be drawn earlier.
    In(Interval),
    /// When the data is complete, or [`FIRST_WAIT`] is over.
    WhenComplete,
}

/// Remembers the last picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    drawn_at: Option<Timestamp>,
    interval: Interval,
}

impl Pace {
    /// A picture was drawn, which began and ended at these times; the terminal's slowness in
    /// taking it is part of that.
    pub fn drawn(&mut self, began: Timestamp, ended: Timestamp) {
        let spent = ended.since(began).as_millis();
        let interval = Interval::from_millis(spent.saturating_mul(SLOWNESS));
        self.interval = interval.max(DRAW_INTERVAL).min(SLOWEST);
        self.drawn_at = Some(ended);
    }

    /// When to show some news; `complete` says whether the page's first data is there.
    pub fn after(&self, news: News, complete: bool, now: Timestamp) -> Draw {
        let Some(drawn_at) = self.drawn_at else {
            return if complete || news == News::Urgent { Draw::Now } else { Draw::WhenComplete };
        };
        let left = self.interval.as_millis().saturating_sub(now.since(drawn_at).as_millis());
        match news {
            News::Urgent => Draw::Now,
            News::Tick => Draw::In(TICK_WAIT.max(Interval::from_millis(left))),
            News::Data if left == 0 => Draw::Now,
            News::Data => Draw::In(Interval::from_millis(left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[test]
    fn the_first_picture_waits_for_its_data_and_for_nothing_a_person_does() {
        let pace = Pace::default();
        assert_eq!(pace.after(News::Data, false, at(0)), Draw::WhenComplete);
        assert_eq!(pace.after(News::Tick, false, at(0)), Draw::WhenComplete);
        assert_eq!(pace.after(News::Data, true, at(0)), Draw::Now);
        assert_eq!(pace.after(News::Urgent, false, at(0)), Draw::Now);
    }

    #[test]
    fn data_is_shown_at_once_after_a_pause_and_else_at_the_end_of_the_interval() {
        let mut pace = Pace::default();
        pace.drawn(at(0), at(0));
        for (news, now, expected) in [
            (News::Data, 20, Draw::Now),
            (News::Data, 5, Draw::In(Interval::from_millis(15))),
            (News::Urgent, 1, Draw::Now),
            (News::Tick, 900, Draw::In(TICK_WAIT)),
            // A clock that was set back must not keep the screen still.
            (News::Data, -5_000, Draw::In(DRAW_INTERVAL)),
        ] {
            assert_eq!(pace.after(news, true, at(now)), expected, "{news:?} at {now}");
        }
    }

    #[test]
    fn a_slow_terminal_gets_fewer_pictures_and_a_quick_one_all_again() {
        let mut pace = Pace::default();
        for (spent, expected) in [(50, 200), (5_000, 1_000), (1, 20)] {
            pace.drawn(at(0), at(spent));
            let next = pace.after(News::Data, true, at(spent));
            assert_eq!(next, Draw::In(Interval::from_millis(expected)), "{spent} ms");
        }
    }
}
