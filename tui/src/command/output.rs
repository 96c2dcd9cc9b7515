//! Writing to standard output: data there, talk on standard error.

use std::io::{ErrorKind, Write as _};

use ccm_proto::SafeText;
use unicode_width::UnicodeWidthStr as _;

use super::CommandError;

/// Writes text as it is. A reader that went away early, such as `head`, is no error.
pub fn print(text: &str) -> Result<(), CommandError> {
    print_bytes(text.as_bytes())
}

/// Writes bytes as they are.
pub fn print_bytes(bytes: &[u8]) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CommandError::io("cannot write to standard output", error))
        }
        _ => Ok(()),
    }
}

/// Lines of aligned columns.
#[derive(Debug)]
pub struct Output {
    rows: Vec<Vec<SafeText>>,
}

impl Output {
    /// Begins with the headings.
    pub fn table(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| SafeText::new(heading)).collect()] }
    }

    /// Adds a row; missing cells stay empty.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        self.rows.push(cells.iter().map(|cell| SafeText::new(cell.as_ref())).collect());
    }

    /// The lines, columns two spaces apart, nothing behind the last one.
    pub fn to_text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(SafeText::width)
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell.as_str());
                let pad = width.saturating_sub(cell.as_str().width()) + 2;
                line.extend(std::iter::repeat_n(' ', pad));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Unix milliseconds as a date and time in UTC.
pub(super) fn utc(millis: i64) -> String {
    let seconds = millis.div_euclid(1_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a count of days since 1970-01-01 in the proleptic Gregorian calendar.
/// The year is taken to begin in March, so that a leap day is the last day of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_at_the_edges() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00Z");
        assert_eq!(utc(4_102_444_799_000), "2099-12-31 23:59:59Z");
        assert_eq!(utc(-1), "1969-12-31 23:59:59Z");
    }

    #[test]
    fn columns_are_aligned_by_display_width() {
        let mut table = Output::table(&["name", "what"]);
        table.row(&["漢字", "x"]);
        assert_eq!(table.to_text(), "name  what\n漢字  x\n");
    }
}
