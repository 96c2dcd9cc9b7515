//! Paths into a document's statement.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Facts about a place that are not one of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The order in which the items of a keyed list stand.
    Order,
    /// The set is stated, even if it has no members.
    Set,
    /// The map is stated, even if it has no entries.
    Map,
    /// Limits for what more specific layers may say here.
    Bounds,
    /// Here an ancestor is read at a fixed revision.
    Pin,
}

impl Mark {
    const ALL: [Self; 5] = [Self::Order, Self::Set, Self::Map, Self::Bounds, Self::Pin];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "@order",
            Self::Set => "@set",
            Self::Map => "@map",
            Self::Bounds => "@bounds",
            Self::Pin => "@pin",
        }
    }

    /// Whether the mark directs resolution instead of being part of the value.
    pub const fn is_directive(self) -> bool {
        matches!(self, Self::Bounds | Self::Pin)
    }
}

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Into a map's entry, a keyed list's item or a set's member.
    Key(String),
    /// To a fact about the place itself.
    Mark(Mark),
}

/// A place in a statement, written `page.Overview.widget.cpu.at`. Items of keyed lists are named by
/// their key; names that are not plain words are quoted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Segment>);

/// Why a text is not a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A quote without its partner.
    #[error("the path {0:?} has a quote that is never closed")]
    Quote(String),
    /// Two dots in a row, or a dot at an end.
    #[error("the path {0:?} has an empty step; quote it as \"\" if it is meant")]
    Empty(String),
}

impl Path {
    /// The whole document.
    pub const ROOT: Self = Self(Vec::new());

    /// The place one key further down.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    /// A fact about this place.
    #[must_use]
    pub fn mark(&self, mark: Mark) -> Self {
        self.with(Segment::Mark(mark))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// The steps from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The keys from the root, marks left out.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Mark(_) => None,
        })
    }

    /// The mark at the end, if there is one.
    pub fn ending(&self) -> Option<Mark> {
        match self.0.last() {
            Some(Segment::Mark(mark)) => Some(*mark),
            _ => None,
        }
    }

    /// The place one step up; none for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// Whether the other place is this one or lies within it.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Whether one of the two lies within the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            match segment {
                Segment::Mark(mark) => f.write_str(mark.as_str())?,
                Segment::Key(key) if is_plain(key) => f.write_str(key)?,
                Segment::Key(key) => {
                    write!(f, "\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text == "." {
            return Ok(Self::ROOT);
        }
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, tail) = step(text, rest)?;
            segments.push(segment);
            match tail.strip_prefix('.') {
                Some(tail) => rest = tail,
                None if tail.is_empty() => return Ok(Self(segments)),
                None => return Err(PathError::Quote(text.to_owned())),
            }
        }
    }
}

/// Reads one step from the beginning of `rest`.
fn step<'a>(text: &str, rest: &'a str) -> Result<(Segment, &'a str), PathError> {
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find('.').unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if word.is_empty() {
            return Err(PathError::Empty(text.to_owned()));
        }
        let mark = Mark::ALL.into_iter().find(|mark| mark.as_str() == word);
        return Ok((mark.map_or_else(|| Segment::Key(word.to_owned()), Segment::Mark), tail));
    };
    let mut key = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Segment::Key(key), quoted.get(at + 1..).unwrap_or_default())),
            '\\' => key.extend(chars.next().map(|(_, escaped)| escaped)),
            other => key.push(other),
        }
    }
    Err(PathError::Quote(text.to_owned()))
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment() -> impl Strategy<Value = Segment> {
        prop_oneof![
            any::<String>().prop_map(Segment::Key),
            "[a-z.@\"\\\\]{0,6}".prop_map(Segment::Key),
            prop::sample::select(Mark::ALL.to_vec()).prop_map(Segment::Mark),
        ]
    }

    proptest! {
        #[test]
        fn a_written_path_reads_back_as_itself(
            segments in prop::collection::vec(segment(), 0..5),
        ) {
            let path = Path(segments);
            prop_assert_eq!(path.to_string().parse::<Path>(), Ok(path));
        }

        #[test]
        fn reading_a_path_never_panics(text in any::<String>()) {
            let _ = text.parse::<Path>();
        }
    }

    #[test]
    fn only_a_place_and_what_lies_within_it_is_covered() {
        let page: Path = "page.One".parse().unwrap();
        assert!(page.covers(&"page.One.widget".parse().unwrap()));
        assert!(page.covers(&page));
        assert!(Path::ROOT.covers(&page));
        assert!(!page.covers(&"page.On".parse().unwrap()));
        assert!(!page.covers(&"page".parse().unwrap()));
    }
}
