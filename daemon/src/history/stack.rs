//! One tier of one stripe: open rows, compressed pieces, and the chunks on disk.

use std::ops::RangeBounds;
use std::sync::Arc;

use ccm_proto::model::Timestamp;

use super::block::{self, Block};
use super::bytes_io::DecodeError;
use super::column::Effort;
use super::open_rows::OpenRows;
use super::{Position, Tier};

/// Pieces of equal size that are merged into one; more would cost memory, fewer time.
const FAN_IN: usize = 4;

/// Some rows, compressed, in memory.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) rows: u64,
    /// Rows of the stack up to and with this piece.
    pub(crate) end_seq: u64,
    /// Rows of the next finer tier that are contained up to and with this piece.
    pub(crate) through: u64,
    pub(crate) block: Box<[u8]>,
}

/// A chunk on disk, as queries and retention need to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRef {
    /// Where it is in its tier's log.
    pub position: Position,
    /// The time of its first row, in Unix milliseconds.
    pub first: i64,
    /// The time of its last row.
    pub last: i64,
    /// Rows of the stack up to and with this chunk.
    pub end_seq: u64,
    /// Rows of the next finer tier that are contained up to and with this chunk.
    pub through: u64,
    /// Its size on disk.
    pub bytes: u32,
}

/// Rows of `columns` numbers, the oldest first.
#[derive(Debug)]
pub(crate) struct Stack {
    tier: Tier,
    open: OpenRows,
    /// So many open rows are compressed, and so many after them.
    limit: usize,
    usual_limit: usize,
    pub(crate) pieces: Vec<Arc<Piece>>,
    /// What they take and hold: asked for once a second of every stack there is.
    piece_bytes: usize,
    piece_rows: u64,
    /// How many of the pieces, from the first, the store has been asked to seal.
    pub(crate) sealing: usize,
    pub(crate) chunks: Vec<ChunkRef>,
    /// Rows ever pushed.
    pub(crate) end_seq: u64,
    /// Rows of the next finer tier that are contained.
    pub(crate) through: u64,
    /// Not before this moment is the store asked again, after it failed.
    pub(crate) retry_at: Option<Timestamp>,
}

impl Stack {
    /// `phase` spreads the first pieces of many stripes over time.
    pub(crate) fn new(tier: Tier, series: usize, phase: usize) -> Self {
        let most = tier.piece_rows();
        Self {
            tier,
            open: OpenRows::new(series * tier.fields(), most),
            limit: most / 2 + phase % most.div_ceil(2) + 1,
            usual_limit: most,
            pieces: Vec::new(),
            piece_bytes: 0,
            piece_rows: 0,
            sealing: 0,
            chunks: Vec::new(),
            end_seq: 0,
            through: 0,
            retry_at: None,
        }
    }

    /// Adds a row. A row that is too short is filled up with missing values.
    pub(crate) fn push(&mut self, time: i64, row: impl Iterator<Item = f64>) {
        self.open.push(time, row);
        self.end_seq += 1;
    }

    /// Whether there are open rows.
    pub(crate) fn has_open(&self) -> bool {
        self.open.len() > 0
    }

    /// Whether the open rows should be compressed.
    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= self.limit
    }

    /// The open rows, each with its sequence number.
    pub(crate) fn open_rows(&self) -> impl Iterator<Item = (u64, i64, &[f64])> {
        let first = self.end_seq - self.open.len() as u64;
        (first..).zip(self.open.iter()).map(|(seq, (time, row))| (seq, time, row))
    }

    /// Compresses the open rows into a piece.
    pub(crate) fn close(&mut self) {
        let bulk = self.usual_limit > self.tier.piece_rows();
        let effort = if bulk { Effort::Quick } else { Effort::Small };
        let times = self.open.times();
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            return;
        };
        let piece = Piece {
            first: *first,
            last: *last,
            rows: times.len() as u64,
            end_seq: self.end_seq,
            through: self.through,
            block: block::encode(times, &self.open.columns(), effort).into_boxed_slice(),
        };
        self.add(piece);
        self.open.clear();
        self.limit = self.usual_limit;
        if self.tier != Tier::Raw {
            self.compact();
        }
    }

    /// Many rows are about to come at once: compressing them by the chunk costs a fraction of
    /// compressing and merging small pieces, and quickly, since someone waits and the store makes
    /// them small when it seals them. To be followed by [`Stack::end_bulk`].
    pub(crate) fn begin_bulk(&mut self) {
        self.usual_limit = usize::try_from(self.tier.chunk_rows()).unwrap_or(usize::MAX);
        self.limit = self.usual_limit;
    }

    /// From now on rows come one by one again.
    pub(crate) fn end_bulk(&mut self) {
        if self.open.len() >= self.tier.piece_rows() {
            self.close();
            self.shrink();
        }
        self.usual_limit = self.tier.piece_rows();
        self.limit = self.usual_limit;
    }

    /// Merges the newest pieces as long as there are [`FAN_IN`] of about one size.
    fn compact(&mut self) {
        let mut rows = self.tier.piece_rows() as u64;
        loop {
            let alike = |piece: &&Arc<Piece>| piece.rows <= rows;
            let count = self.pieces.iter().skip(self.sealing).rev().take_while(alike).count();
            if count < FAN_IN {
                return;
            }
            let from = self.pieces.len() - count;
            let Some(merged) = self.pieces.get(from..).and_then(merge) else {
                return;
            };
            self.remove(from..);
            self.add(merged);
            rows *= FAN_IN as u64;
        }
    }

    /// Frees what empty rows hold, once nothing more is expected.
    pub(crate) fn shrink(&mut self) {
        self.open.shrink();
    }

    /// Rows in pieces that the store has not been asked to seal.
    pub(crate) fn waiting_rows(&self) -> u64 {
        let all = self.piece_rows;
        debug_assert_eq!(all, self.pieces.iter().map(|piece| piece.rows).sum::<u64>());
        if self.sealing == 0 {
            return all;
        }
        self.pieces.iter().skip(self.sealing).map(|piece| piece.rows).sum()
    }

    /// The time of the oldest row that is only in memory.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.pieces.get(self.sealing).map(|piece| piece.first).or(self
            .open
            .times()
            .first()
            .copied())
    }

    /// The time of the newest row in memory or on disk.
    pub(crate) fn newest(&self) -> Option<i64> {
        let piece = self.pieces.last().map(|piece| piece.last);
        self.open.times().last().copied().or(piece).or(self.chunks.last().map(|chunk| chunk.last))
    }

    /// Whether all rows are on disk.
    pub(crate) fn is_sealed(&self) -> bool {
        self.open.len() == 0 && self.pieces.is_empty()
    }

    /// The finer tier's rows that are contained in chunks on disk.
    pub(crate) fn sealed_through(&self) -> u64 {
        self.chunks.last().map_or(0, |chunk| chunk.through)
    }

    /// Puts a chunk in place of the pieces it was made of.
    pub(crate) fn keep(&mut self, chunk: ChunkRef) {
        let covered = self.pieces.iter().take_while(|piece| piece.end_seq <= chunk.end_seq).count();
        self.remove(..covered);
        self.sealing = self.sealing.saturating_sub(covered);
        self.chunks.push(chunk);
    }

    /// Gives the oldest piece up that is not being written; says how many rows that were.
    pub(crate) fn give_up(&mut self) -> u64 {
        match self.pieces.first() {
            Some(oldest) if self.sealing == 0 && self.pieces.len() > 1 => {
                let rows = oldest.rows;
                self.remove(..1);
                rows
            }
            _ => 0,
        }
    }

    fn add(&mut self, piece: Piece) {
        self.piece_bytes += piece.block.len();
        self.piece_rows += piece.rows;
        self.pieces.push(Arc::new(piece));
    }

    fn remove(&mut self, which: impl RangeBounds<usize>) {
        for piece in self.pieces.drain(which) {
            self.piece_bytes -= piece.block.len();
            self.piece_rows -= piece.rows;
        }
    }

    /// Bytes of pieces.
    pub(crate) fn piece_bytes(&self) -> usize {
        debug_assert_eq!(
            self.piece_bytes,
            self.pieces.iter().map(|piece| piece.block.len()).sum::<usize>()
        );
        self.piece_bytes
    }

    /// Bytes that this holds besides itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.piece_bytes()
            + self.pieces.len() * (size_of::<Piece>() + 2 * size_of::<usize>())
            + self.pieces.capacity() * size_of::<Arc<Piece>>()
            + self.chunks.capacity() * size_of::<ChunkRef>()
            + self.open.heap_bytes()
    }
}

fn merge(pieces: &[Arc<Piece>]) -> Option<Piece> {
    let (first, last) = (pieces.first()?, pieces.last()?);
    let merged = block::merge(pieces.iter().map(|piece| &*piece.block)).ok()?;
    Some(Piece {
        first: first.first,
        last: last.last,
        rows: pieces.iter().map(|piece| piece.rows).sum(),
        end_seq: last.end_seq,
        through: last.through,
        block: merged.into_boxed_slice(),
    })
}

/// The rows of a block, each as `columns` numbers.
pub(crate) fn rows_of(block: &[u8]) -> Result<Vec<(i64, Vec<f64>)>, DecodeError> {
    let block = Block::parse(block)?;
    let times = block.times()?;
    let mut rows: Vec<(i64, Vec<f64>)> =
        times.into_iter().map(|time| (time, Vec::with_capacity(block.width()))).collect();
    for index in 0..block.width() {
        for ((_, row), value) in rows.iter_mut().zip(block.column(index)?) {
            row.push(value);
        }
    }
    Ok(rows)
}
