//! Times as RFC 3339 writes them.

use crate::model::Timestamp;

const DAY_SECONDS: i64 = 86_400;

/// The time that a text such as `2026-11-20T14:03:22Z` or `2026-11-20T15:03:22.5+01:00` names;
/// none when it is not written so. A leap second is the second before it.
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes.len() > 40 || !text.is_ascii() {
        return None;
    }
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = &text[from..to];
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| bytes[*at] != *mark)
        || !matches!(bytes[10], b'T' | b't' | b' ')
    {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    if !(1..=12).contains(&month)
        || !(1..=days_of(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (millis, zone) = fraction(&text[19..])?;
    let seconds = days_since_epoch(year, month, day) * DAY_SECONDS
        + hour * 3_600
        + minute * 60
        + second.min(59)
        - zone;
    Some(Timestamp::from_millis(seconds * 1_000 + millis))
}

/// Milliseconds and the zone's offset in seconds of what follows the seconds.
fn fraction(text: &str) -> Option<(i64, i64)> {
    let (millis, zone) = match text.strip_prefix('.') {
        None => (0, text),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            if end == 0 {
                return None;
            }
            let three: String = rest[..end].chars().chain("00".chars()).take(3).collect();
            (three.parse().ok()?, &rest[end..])
        }
    };
    if zone == "Z" || zone == "z" {
        return Some((millis, 0));
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let two = |part: &str, most: i64| -> Option<i64> {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|number| plain && *number <= most)
    };
    Some((millis, sign * (two(hours, 23)? * 3_600 + two(minutes, 59)? * 60)))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the years 0 to 9999.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    // 719_162 days lie between 0001-01-01 and 1970-01-01.
    let years = before * 365 + leap_days - 719_162;
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_zones_and_fractions() {
        let table = [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.5Z", 500),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2026-11-20T14:03:22Z", 1_795_183_402_000),
            ("2024-02-29T12:00:00.123456789-05:30", 1_709_227_800_123),
            ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ];
        for (text, millis) in table {
            assert_eq!(parse(text), Some(Timestamp::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-11-20",
            "2026-11-20T14:03:22",
            "2026-11-20T14:03:22.Z",
            "2026-13-20T14:03:22Z",
            "2025-02-29T14:03:22Z",
            "2026-11-20T24:03:22Z",
            "2026-11-20T14:03:22+1:00",
            "2026-11-20T14:03:22+25:00",
            "+026-11-20T14:03:22Z",
            "2026-11-20T14:03:22Z trailing",
            "２026-11-20T14:03:22Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
