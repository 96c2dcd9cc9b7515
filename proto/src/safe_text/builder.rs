//! Builds safe text one character after the other.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{Class, ELLIPSIS, GRAPHEME_BYTES_MAX, GRAPHEMES_MAX, MARKS_MAX};

const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// The safe form of a text.
pub(super) fn build(text: &str) -> String {
    let mut builder =
        Builder { out: String::with_capacity(text.len().min(GRAPHEMES_MAX)), ..Builder::default() };
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        builder.push(c, rest.peek().copied());
        if builder.is_full {
            break;
        }
    }
    builder.finish()
}

/// The text so far. Its decisions depend only on what it has written, never on what it left out:
/// that is why building safe text again changes nothing.
#[derive(Default)]
struct Builder {
    out: String,
    /// Graphemes written.
    count: usize,
    /// Where the newest grapheme begins.
    newest: usize,
    /// Where the grapheme before it begins.
    previous: usize,
    /// Where the last grapheme that has room begins, once it is reached.
    last: usize,
    /// Marks in the newest grapheme.
    marks: usize,
    /// Whether a linker stands since the newest grapheme's last letter.
    is_linked: bool,
    /// Whether the newest grapheme begins with a letter or digit, which may carry marks.
    is_letter: bool,
    /// Marks left out since the newest character.
    left_out: usize,
    is_full: bool,
}

impl Builder {
    fn push(&mut self, c: char, next: Option<char>) {
        match c {
            ' '..='~' => self.base(c),
            '\t' | '\n' => self.base(' '),
            '\r' if next == Some('\n') => {}
            '\u{1F1E6}'..='\u{1F1FF}' => self.base(flag_letter(c)),
            '\u{3000}' => {
                self.base(' ');
                self.base(' ');
            }
            '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' => self.base(' '),
            '\u{FE0E}' | '\u{FE0F}' if self.takes_selector() => {}
            ZERO_WIDTH_JOINER if self.ends_with_symbol() && next.is_some_and(is_symbol) => {}
            '\u{1F3FB}'..='\u{1F3FF}' if self.ends_with_symbol() => {}
            _ => match Class::of(c) {
                Some(Class::Narrow | Class::Wide) => self.letter(c),
                Some(class) => self.mark(c, class),
                None => self.escape(c),
            },
        }
    }

    /// Begins a grapheme.
    fn base(&mut self, c: char) {
        self.tell_left_out();
        if self.count == GRAPHEMES_MAX {
            self.is_full = true;
            return;
        }
        self.count += 1;
        self.previous = self.newest;
        self.newest = self.out.len();
        if self.count == GRAPHEMES_MAX {
            self.last = self.newest;
        }
        self.marks = 0;
        self.is_linked = false;
        self.is_letter = c.is_alphanumeric();
        self.out.push(c);
    }

    /// Adds a character that has columns of its own.
    fn letter(&mut self, c: char) {
        if self.left_out == 0
            && self.out.ends_with('\u{644}')
            && let Some(ligature) = lam_alef(c)
        {
            self.out.truncate(self.out.len() - '\u{644}'.len_utf8());
            self.out.push(ligature);
            return;
        }
        if self.left_out > 0 || !self.is_linked {
            return if self.has_certain_width(c) { self.base(c) } else { self.escape(c) };
        }
        let fits = self.out.len() - self.newest + c.len_utf8() <= GRAPHEME_BYTES_MAX;
        if fits && self.has_certain_width(c) {
            self.is_linked = false;
            self.out.push(c);
        } else {
            self.escape(c);
        }
    }

    /// Adds to the newest grapheme.
    fn mark(&mut self, c: char, class: Class) {
        if !self.is_letter || !self.has_certain_width(c) {
            self.escape(c);
            return;
        }
        let bytes = self.out.len() - self.newest + c.len_utf8();
        if self.left_out > 0 || self.marks == MARKS_MAX || bytes > GRAPHEME_BYTES_MAX {
            self.left_out += 1;
            return;
        }
        self.marks += 1;
        self.is_linked |= class == Class::Linker;
        self.out.push(c);
    }

    /// Shows a character by its number.
    fn escape(&mut self, c: char) {
        self.ascii(&format!("<U+{:04X}>", u32::from(c)));
    }

    /// Says how many marks were left out.
    fn tell_left_out(&mut self) {
        let count = std::mem::take(&mut self.left_out);
        if count > 0 {
            let mut text = String::new();
            let _ = write!(text, "<+{count}>");
            self.ascii(&text);
        }
    }

    fn ascii(&mut self, text: &str) {
        text.chars().for_each(|c| self.base(c));
    }

    /// Whether the columns of the newest graphemes with `c` are the sum of the characters'. Some
    /// scripts have ligatures that only some width models know.
    fn has_certain_width(&self, c: char) -> bool {
        if c < '\u{590}' || Class::of(c) == Some(Class::Wide) {
            return true;
        }
        let mut tail = self.out.get(self.previous..).unwrap_or_default().to_owned();
        tail.push(c);
        tail.width() == tail.chars().map(columns).sum::<usize>()
    }

    /// Whether a selector of emoji or text presentation may stand here.
    fn takes_selector(&self) -> bool {
        let keycap = |c: char| c.is_ascii_digit() || matches!(c, '#' | '*');
        self.out.chars().next_back().is_some_and(|c| keycap(c) || is_symbol(c))
    }

    fn ends_with_symbol(&self) -> bool {
        self.out.chars().next_back().is_some_and(is_symbol)
    }

    fn finish(mut self) -> String {
        self.tell_left_out();
        if self.is_full {
            self.out.truncate(self.last);
            self.out.push(ELLIPSIS);
        }
        self.out
    }
}

/// Columns of a character that may stand in safe text.
fn columns(c: char) -> usize {
    if c.is_ascii() { 1 } else { Class::of(c).map_or(0, Class::width) }
}

/// Whether a character may be part of an emoji sequence.
fn is_symbol(c: char) -> bool {
    !c.is_ascii()
        && !c.is_alphanumeric()
        && matches!(Class::of(c), Some(Class::Narrow | Class::Wide))
}

/// The letter of a regional indicator; two of them are a flag.
fn flag_letter(c: char) -> char {
    u32::from(c).checked_sub(0x1F1E6 - 0x41).and_then(char::from_u32).unwrap_or('?')
}

/// The one character for lam and the given alef, which stand in one column or in two.
const fn lam_alef(alef: char) -> Option<char> {
    match alef {
        '\u{622}' => Some('\u{FEF5}'),
        '\u{623}' => Some('\u{FEF7}'),
        '\u{625}' => Some('\u{FEF9}'),
        '\u{627}' => Some('\u{FEFB}'),
        _ => None,
    }
}
