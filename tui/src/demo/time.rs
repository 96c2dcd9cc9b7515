//! Days, weeks and how busy their hours are; all in UTC, so that a demo is the same everywhere.

use ccm_proto::model::{Interval, Timestamp};

/// A day.
pub const DAY: Interval = Interval::from_secs(86_400);

/// An hour.
pub const HOUR: Interval = Interval::from_secs(3_600);

/// 1970-01-05, a Monday, in days since the epoch.
const FIRST_MONDAY: i64 = 4;

/// How busy each hour of a day is, in percent of the mean.
const DAY_CURVE: [u32; 24] = [
    22, 14, 10, 8, 8, 14, 34, 62, 98, 132, 158, 166, 172, 160, 150, 148, 152, 160, 172, 180, 168,
    130, 82, 50,
];

/// How busy each day of a week is, from Monday, in percent of the mean.
const WEEK_CURVE: [u32; 7] = [104, 98, 96, 100, 116, 106, 80];

/// Days since 1970-01-01.
pub fn day_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY.as_millis() as i64)
}

/// The beginning of a day.
pub fn start_of_day(day: i64) -> Timestamp {
    Timestamp::from_millis(day.saturating_mul(DAY.as_millis() as i64))
}

/// Weeks since the one of 1970-01-05.
pub fn week_of(at: Timestamp) -> i64 {
    (day_of(at) - FIRST_MONDAY).div_euclid(7)
}

/// The beginning of a week.
pub fn start_of_week(week: i64) -> Timestamp {
    start_of_day(week * 7 + FIRST_MONDAY)
}

/// 0 for Monday up to 6 for Sunday.
pub fn weekday_of(day: i64) -> usize {
    (day - FIRST_MONDAY).rem_euclid(7) as usize
}

/// Whether people are in their offices on a day.
pub fn is_workday(day: i64) -> bool {
    weekday_of(day) < 5
}

/// Hours since midnight, with their fraction.
pub fn hour_of(at: Timestamp) -> f64 {
    at.since(start_of_day(day_of(at))).as_secs_f64() / 3_600.0
}

/// How busy a moment is, 1 on average: hours run into each other.
pub fn busyness(at: Timestamp) -> f64 {
    let hour = hour_of(at);
    let before = hour as usize % 24;
    let after = (before + 1) % 24;
    let share = hour.fract();
    let day = f64::from(DAY_CURVE[before]) * (1.0 - share) + f64::from(DAY_CURVE[after]) * share;
    day / 100.0 * f64::from(WEEK_CURVE[weekday_of(day_of(at))]) / 100.0
}

/// A moment as RFC 3339.
pub fn written(at: Timestamp) -> String {
    let parts = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    parts.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A day as in `2026-11-20`.
pub fn written_day(day: i64) -> String {
    written(start_of_day(day)).chars().take(10).collect()
}
