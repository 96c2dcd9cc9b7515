//! What a person types after `/`: `x` for rows that hold x, `!x` for rows that do not, `-f x` for
//! rows that hold its letters in order.

use std::cell::RefCell;
use std::ops::Range;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

thread_local! {
    /// The matcher's working memory is large and reusable.
    static MATCHER: RefCell<Matcher> = RefCell::new(Matcher::new(Config::DEFAULT));
}

/// Chooses rows by their text. Case is ignored unless the filter has a capital.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    kind: Kind,
}

/// What was typed decides everything.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Substring { needle: String, case: bool },
    Inverse { needle: String, case: bool },
    Fuzzy(Pattern),
}

impl Filter {
    /// Reads a filter; none when it would choose every row.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text.trim();
        let kind = if let Some(pattern) = fuzzy_part(typed) {
            let pattern = Pattern::new(
                pattern.trim(),
                CaseMatching::Smart,
                Normalization::Smart,
                AtomKind::Fuzzy,
            );
            (!pattern.atoms.is_empty()).then_some(Kind::Fuzzy(pattern))
        } else if let Some(needle) = typed.strip_prefix('!') {
            plain(needle.trim()).map(|(needle, case)| Kind::Inverse { needle, case })
        } else {
            plain(typed).map(|(needle, case)| Kind::Substring { needle, case })
        };
        kind.map(|kind| Self { text: typed.to_owned(), kind })
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a row with these texts is shown.
    pub fn keeps<'a>(&self, mut texts: impl Iterator<Item = &'a str>) -> bool {
        match &self.kind {
            Kind::Substring { needle, case } => {
                texts.any(|text| find(text, needle, *case).is_some())
            }
            Kind::Inverse { needle, case } => {
                !texts.any(|text| find(text, needle, *case).is_some())
            }
            Kind::Fuzzy(pattern) => texts.any(|text| score(pattern, text).is_some()),
        }
    }

    /// The bytes of a text that matched, in order.
    pub fn matches(&self, text: &str) -> Vec<Range<usize>> {
        match &self.kind {
            Kind::Substring { needle, case } => find_all(text, needle, *case),
            Kind::Inverse { .. } => Vec::new(),
            Kind::Fuzzy(pattern) => fuzzy(pattern, text),
        }
    }
}

/// What follows `-f`, which stands alone while the rest is being typed.
fn fuzzy_part(typed: &str) -> Option<&str> {
    typed.strip_prefix("-f").filter(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The needle and whether its case counts; none when it is empty.
fn plain(needle: &str) -> Option<(String, bool)> {
    let case = needle.chars().any(char::is_uppercase);
    (!needle.is_empty()).then(|| (needle.to_owned(), case))
}

fn same(a: char, b: char, case: bool) -> bool {
    a == b || (!case && a.to_lowercase().eq(b.to_lowercase()))
}

fn find(text: &str, needle: &str, case: bool) -> Option<Range<usize>> {
    let starts = text.char_indices().map(|(start, _)| start);
    starts.into_iter().find_map(|start| {
        let mut rest = text.get(start..)?.chars();
        let mut length = 0;
        for wanted in needle.chars() {
            let found = rest.next().filter(|found| same(*found, wanted, case))?;
            length += found.len_utf8();
        }
        Some(start..start + length)
    })
}

fn find_all(text: &str, needle: &str, case: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(range) = text.get(from..).and_then(|rest| find(rest, needle, case)) {
        found.push(from + range.start..from + range.end);
        from += range.end.max(1);
    }
    found
}

fn score(pattern: &Pattern, text: &str) -> Option<u32> {
    let mut buffer = Vec::new();
    MATCHER.with_borrow_mut(|matcher| pattern.score(Utf32Str::new(text, &mut buffer), matcher))
}

fn fuzzy(pattern: &Pattern, text: &str) -> Vec<Range<usize>> {
    use unicode_segmentation::UnicodeSegmentation as _;
    let mut buffer = Vec::new();
    let mut indices = Vec::new();
    MATCHER.with_borrow_mut(|matcher| {
        pattern.indices(Utf32Str::new(text, &mut buffer), matcher, &mut indices)
    });
    // The matcher counts graphemes.
    let graphemes = text.grapheme_indices(true).enumerate();
    let chosen = graphemes.filter(|(at, _)| indices.contains(&(*at as u32)));
    chosen.map(|(_, (start, grapheme))| start..start + grapheme.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(filter: &str, texts: &[&str]) -> bool {
        Filter::parse(filter).unwrap().keeps(texts.iter().copied())
    }

    #[test]
    fn a_filter_keeps_rows_by_its_grammar() {
        let row = ["postgres", "Checkpointer"];
        let cases = [
            ("gres", true),
            ("check", true),
            ("Check", true),
            ("CHECK", false),
            ("nginx", false),
            ("!nginx", true),
            ("!gres", false),
            ("-f pgs", true),
            ("-f zz", false),
        ];
        for (filter, kept) in cases {
            assert_eq!(keeps(filter, &row), kept, "{filter}");
        }
    }

    #[test]
    fn an_empty_filter_is_none() {
        for text in ["", "  ", "!", "-f "] {
            assert_eq!(Filter::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn matches_are_byte_ranges_of_the_text() {
        let ranges = |filter: &str, text: &str| Filter::parse(filter).unwrap().matches(text);
        assert_eq!(ranges("ab", "xAbyab"), vec![1..3, 4..6]);
        assert_eq!(ranges("ü", "ÜüÜ"), vec![0..2, 2..4, 4..6]);
        assert_eq!(ranges("-f ac", "abc"), vec![0..1, 2..3]);
        assert!(ranges("!ab", "ab").is_empty());
    }
}
