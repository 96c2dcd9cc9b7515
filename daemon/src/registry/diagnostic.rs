//! What is wrong with a document, where, and what to do about it.

use std::fmt;
use std::ops::Range;

use ccm_proto::SafeText;
use ccm_proto::model::{Notice, Severity, Timestamp};

/// The most columns of a source line that an excerpt shows; longer lines are cut around the place.
const EXCERPT_COLUMNS: usize = 120;

/// One problem of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, or the document's name when there is no file.
    pub label: String,
    /// From 1; 0 when unknown.
    pub line: u32,
    /// In characters, from 1; 0 when unknown.
    pub column: u32,
    /// One sentence without the place.
    pub sentence: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// The annotated excerpt; empty when the place is unknown.
    pub excerpt: Vec<String>,
}

impl Diagnostic {
    /// A problem with the document as a whole.
    pub fn new(label: &str, sentence: impl Into<String>) -> Self {
        Self { label: label.to_owned(), sentence: sentence.into(), ..Self::default() }
    }

    /// Says what was probably meant.
    #[must_use]
    pub fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// Points at a range of bytes of the text.
    #[must_use]
    pub fn at(mut self, text: &str, span: &Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        // A span may begin in the line's end, behind what the line shows.
        let line_end = (line_start + line.len()).max(start);
        let end = floor_boundary(text, span.end.clamp(start, line_end));
        let width = text.get(start..end).unwrap_or_default().chars().count().max(1);
        self.line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
        self.column = u32::try_from(column + 1).unwrap_or(u32::MAX);
        self.excerpt = excerpt(&self, line, column, width);
        self
    }

    /// The sentence with what was probably meant.
    pub fn summary(&self) -> String {
        match &self.suggestion {
            None => self.sentence.clone(),
            Some(suggestion) => format!("{}; did you mean {suggestion}?", self.sentence),
        }
    }

    /// As a notice with this key.
    pub fn notice(&self, key: &str, at: Timestamp) -> Notice {
        Notice {
            key: key.to_owned(),
            severity: Severity::Error,
            summary: SafeText::new(&self.summary()),
            detail: self.excerpt.iter().map(|line| SafeText::new(line)).collect(),
            file: Some(SafeText::new(&self.label)),
            line: self.line,
            column: self.column,
            at,
            cleared: false,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = SafeText::new(&self.label);
        let summary = SafeText::new(&self.summary());
        if self.line == 0 {
            return write!(f, "{label}: {summary}");
        }
        write!(f, "{label}:{}:{}: {summary}", self.line, self.column)
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn excerpt(diagnostic: &Diagnostic, line: &str, column: usize, width: usize) -> Vec<String> {
    // Characters that have no width or several would shift the mark away from its place.
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let skipped = column.saturating_sub(EXCERPT_COLUMNS / 2);
    let shown: String = line.chars().skip(skipped).take(EXCERPT_COLUMNS).map(plain).collect();
    let shown = shown.trim_end();
    let number = diagnostic.line.to_string();
    let margin = " ".repeat(number.len());
    let before = column - skipped;
    let indent: String =
        shown.chars().take(before).map(|c| " ".repeat(unicode_columns(c))).collect::<String>();
    let mark = "^".repeat(width.min(EXCERPT_COLUMNS.saturating_sub(before)).max(1));
    vec![
        format!("{margin}--> {}:{}:{}", diagnostic.label, diagnostic.line, diagnostic.column),
        format!("{margin} |"),
        format!("{number} | {shown}"),
        format!("{margin} | {indent}{mark} {}", diagnostic.summary()),
    ]
}

fn unicode_columns(c: char) -> usize {
    SafeText::new(c.encode_utf8(&mut [0; 4])).width()
}

/// The name nearest to a misspelt one, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}
