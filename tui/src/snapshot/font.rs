//! The font that pictures without a viewer are drawn with.

/// JetBrains Mono Regular, under the SIL Open Font License (see `assets`).
pub(super) const DATA: &[u8] = include_bytes!("../../assets/JetBrainsMono-Regular.ttf");

/// The characters that a font has glyphs for.
pub(super) struct Coverage {
    /// First and last character, in order.
    ranges: Vec<(u32, u32)>,
}

impl Coverage {
    /// Reads a font's character map; a font without a Unicode one covers nothing.
    pub(super) fn of(font: &[u8]) -> Self {
        Self { ranges: segments(font).unwrap_or_default() }
    }

    /// Whether there is a glyph.
    pub(super) fn has(&self, c: char) -> bool {
        let code = u32::from(c);
        let index = self.ranges.partition_point(|(_, last)| *last < code);
        self.ranges.get(index).is_some_and(|(first, _)| *first <= code)
    }
}

/// The groups of the segmented character map (format 12), which spans all of Unicode.
fn segments(font: &[u8]) -> Option<Vec<(u32, u32)>> {
    let tables = usize::from(number16(font, 4)?);
    let map = (0..tables)
        .map(|index| 12 + index * 16)
        .find(|entry| font.get(*entry..entry + 4) == Some(b"cmap"))
        .and_then(|entry| offset(font, entry + 8))?;
    let maps = usize::from(number16(font, map + 2)?);
    let groups = (0..maps)
        .filter_map(|index| offset(font, map + 4 + index * 8 + 4))
        .map(|at| map + at)
        .find(|at| number16(font, *at) == Some(12))?;
    let count = offset(font, groups + 12)?.min(font.len() / 12);
    (0..count)
        .map(|index| groups + 16 + index * 12)
        .map(|at| Some((number32(font, at)?, number32(font, at + 4)?)))
        .collect()
}

fn number16(font: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(font.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn number32(font: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(font.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn offset(font: &[u8], at: usize) -> Option<usize> {
    usize::try_from(number32(font, at)?).ok()
}
