//! Where the clock on display hangs.

use ccm_proto::model::Timestamp;
use jiff::tz::TimeZone;

/// The time zone that times of day are shown in.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Universal time.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// What `TZ` or the system says, or universal time where neither says anything that is known.
    pub fn system() -> Self {
        Self(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// The time of day as `14:03:22`, with a `Z` behind it where it is universal time.
    pub fn time_of_day(&self, at: Timestamp) -> String {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let at = at.to_zoned(self.0.clone());
        let suffix = if at.time_zone() == &TimeZone::UTC { "Z" } else { "" };
        format!("{:02}:{:02}:{:02}{suffix}", at.hour(), at.minute(), at.second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_that_of_the_zone_on_that_day() {
        // 2026-07-01 and 2026-12-01, both at 12:00:00Z.
        let (summer, winter) = (1_782_907_200_000, 1_796_126_400_000);
        let berlin = Zone(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        for (zone, at, expected) in [
            (&Zone::utc(), summer, "12:00:00Z"),
            (&berlin, summer, "14:00:00"),
            (&berlin, winter, "13:00:00"),
        ] {
            assert_eq!(zone.time_of_day(Timestamp::from_millis(at)), expected);
        }
    }

    #[test]
    fn times_that_no_calendar_has_are_survived() {
        for at in [i64::MIN, i64::MAX] {
            assert_eq!(Zone::utc().time_of_day(Timestamp::from_millis(at)), "00:00:00Z");
        }
    }
}
