//! A line of pieces, left and right: the shape of header and footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Target;
use super::paint::Paint;
use crate::format::width;

/// A piece of a line.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub parts: Vec<(String, Style)>,
    pub target: Option<Target>,
    /// Pieces of a higher rank go first when there is no room.
    pub rank: u8,
    /// Parts that stay, rather than none, when it goes.
    pub kept: usize,
}

impl Piece {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { parts: vec![(text.into(), style)], target: None, rank: 0, kept: 0 }
    }

    pub(super) fn and(mut self, text: impl Into<String>, style: Style) -> Self {
        self.parts.push((text.into(), style));
        self
    }

    pub(super) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    pub(super) fn rank(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Keeps its first part when the rest has no room.
    pub(super) fn kept(mut self) -> Self {
        self.kept = 1;
        self
    }

    fn is_whole(&self) -> bool {
        self.parts.len() > self.kept
    }

    fn width(&self) -> usize {
        self.parts.iter().map(|(text, _)| width(text)).sum()
    }
}

/// Pieces at the left and at the right, with one gap between any two.
#[derive(Clone, Debug, Default)]
pub(super) struct Bar {
    pub left: Vec<Piece>,
    pub right: Vec<Piece>,
}

/// Columns between two pieces.
const GAP: usize = 2;

impl Bar {
    /// Leaves pieces out, the highest rank first, until the rest has room; those that can be cut
    /// are cut before any goes.
    pub(super) fn fit(mut self, columns: usize) -> Self {
        while self.width() > columns && self.cut() {}
        while self.width() > columns {
            let highest = |pieces: &[Piece]| {
                let ranked = pieces.iter().enumerate().map(|(index, piece)| (piece.rank, index));
                ranked.max().filter(|(rank, _)| *rank > 0)
            };
            match (highest(&self.left), highest(&self.right)) {
                (None, None) => break,
                (Some(left), right) if right.is_none_or(|right| left.0 >= right.0) => {
                    self.left.remove(left.1);
                }
                (_, Some(right)) => drop(self.right.remove(right.1)),
                (Some(left), None) => drop(self.left.remove(left.1)),
            }
        }
        self
    }

    /// Cuts the last piece at the left that can be; says whether there was one.
    fn cut(&mut self) -> bool {
        let whole = |piece: &&mut Piece| piece.kept > 0 && piece.is_whole();
        let Some(piece) = self.left.iter_mut().rev().find(whole) else { return false };
        piece.parts.truncate(piece.kept);
        for (text, _) in &mut piece.parts {
            text.truncate(text.trim_end().len());
        }
        true
    }

    fn width(&self) -> usize {
        let pieces = self.left.iter().chain(&self.right);
        pieces.map(|piece| piece.width() + GAP).sum::<usize>().saturating_sub(GAP) + 2
    }

    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let mut paint = Paint::new(buffer, area);
        for (piece, x) in self.places(area) {
            let mut x = x;
            for (text, style) in &piece.parts {
                x = paint.text(x, area.y, text, *style);
            }
        }
    }

    /// Every piece and its first column; one column stays free at both ends.
    fn places(&self, area: Rect) -> Vec<(&Piece, u16)> {
        let mut places = Vec::with_capacity(self.left.len() + self.right.len());
        let mut x = usize::from(area.x) + usize::from(area.width > 40);
        for piece in &self.left {
            places.push((piece, x as u16));
            x += piece.width() + GAP;
        }
        let total: usize = self.right.iter().map(|piece| piece.width() + GAP).sum();
        let end = usize::from(area.right()).saturating_sub(usize::from(area.width > 40));
        let mut at = (end + GAP).saturating_sub(total).max(x);
        for piece in &self.right {
            places.push((piece, at as u16));
            at += piece.width() + GAP;
        }
        places
    }

    pub(super) fn target_at(&self, area: Rect, x: u16) -> Option<Target> {
        let at = usize::from(x);
        self.places(area).into_iter().find_map(|(piece, start)| {
            let start = usize::from(start);
            piece.target.filter(|_| (start..start + piece.width()).contains(&at))
        })
    }
}
