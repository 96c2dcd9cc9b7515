//! Numbers as targets write them.

/// The longest whole number that a double holds exactly whatever its digits are.
const EXACT_DIGITS: usize = 15;

/// A number, infinity or not-a-number, in any case of letters.
pub fn parse_number(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// A whole number up to the line's end, and how many bytes that takes: most values are such.
pub(super) fn whole_line(bytes: &[u8]) -> Option<(f64, usize)> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(EXACT_DIGITS + 1).enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'\n' if index > 0 => return Some((number as f64, index + 1)),
            _ => return None,
        }
    }
    None
}

/// Seconds, with a fraction, as milliseconds.
pub(super) fn millis(word: &str) -> Option<i64> {
    let millis = (word.parse::<f64>().ok()? * 1_000.0).round();
    (millis.abs() < 9e15).then_some(millis as i64)
}
