//! The labels of one series, as they stand between braces.

use std::borrow::Cow;

use super::{Cause, LABEL_BYTES_MAX, LABELS_MAX, NAME_BYTES_MAX, skip_blank};

/// The text between the braces of a series; it has been looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels<'a>(&'a str);

impl<'a> Labels<'a> {
    /// The text between the braces.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        skip_blank(self.0).is_empty()
    }

    /// Names and values in the order of the text; the values are still escaped.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (label, after) = next(rest).ok()??;
            rest = after;
            Some(label)
        })
    }
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

pub(super) fn is_name(text: &str) -> bool {
    text.bytes().all(is_name_byte) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Looks through labels up to the closing brace, which follows what is given back.
pub(super) fn scan(inside: &str) -> Result<Labels<'_>, Cause> {
    let mut names = [""; LABELS_MAX];
    let mut count = 0;
    let mut rest = inside;
    while let Some(((name, value), after)) = next(rest)? {
        let known = names.get(..count).unwrap_or_default();
        if known.contains(&name) {
            return Err(Cause::repeated(name));
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(Cause::NameTooLong);
        }
        if value.len() > LABEL_BYTES_MAX {
            return Err(Cause::LabelTooLong);
        }
        *names.get_mut(count).ok_or(Cause::TooManyLabels)? = name;
        count += 1;
        rest = after;
    }
    let end = skip_blank(rest);
    Ok(Labels(&inside[..inside.len() - end.len()]))
}

type Label<'a> = (&'a str, &'a str);

/// The next label, and what follows it and its comma; none before a closing brace or the end.
fn next(text: &str) -> Result<Option<(Label<'_>, &str)>, Cause> {
    let text = skip_blank(text);
    if text.is_empty() || text.starts_with('}') {
        return if text.is_empty() { Err(Cause::Open) } else { Ok(None) };
    }
    let end = text.bytes().position(|b| !is_name_byte(b)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.contains(':') || !is_name(name) {
        return Err(Cause::label(text));
    }
    let rest = skip_blank(rest).strip_prefix('=').ok_or_else(|| Cause::label(text))?;
    let inside = skip_blank(rest).strip_prefix('"').ok_or_else(|| Cause::label(text))?;
    let (value, rest) = inside.split_at(closing_quote(inside).ok_or(Cause::Open)?);
    let rest = skip_blank(rest.get(1..).unwrap_or_default());
    match rest.strip_prefix(',') {
        Some(after) => Ok(Some(((name, value), after))),
        None if rest.starts_with('}') || rest.is_empty() => Ok(Some(((name, value), rest))),
        None => Err(Cause::label(rest)),
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let found = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        found
    })
}

/// The text that an escaped one stands for. What is no escape stands for itself.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some(next @ ('\\' | '"'))) => plain.push(next),
            _ => {
                plain.push(c);
                continue;
            }
        }
        chars.next();
    }
    Cow::Owned(plain)
}
