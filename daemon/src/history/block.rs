//! Blocks: some rows of one stripe, compressed by column. Pieces in memory and chunks on disk
//! hold the same bytes.

use super::bytes_io::{DecodeError, Input, put_varint};
use super::column::{
    Effort, ROWS_MAX, put_column, put_same, put_times, same_as, take_column, take_times,
};

/// The most columns of a block: the series of a stripe times the fields of a bucket.
pub(crate) const COLUMNS_MAX: usize = 4 * super::stripe::STRIPE_SERIES;

/// How far back an equal column is looked for: the minimum, or the count of the series before.
const SAME_REACH: [usize; 3] = [1, 2, 4];

/// Compresses columns of equal length.
pub(crate) fn encode(times: &[i64], columns: &[Vec<f64>], effort: Effort) -> Vec<u8> {
    let mut data = Vec::with_capacity(64 + columns.len() * 48);
    put_times(times, &mut data);
    let mut ends = vec![data.len()];
    let mut roots: Vec<usize> = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let equal = SAME_REACH.iter().filter_map(|reach| index.checked_sub(*reach)).find(|other| {
            columns.get(*other).is_some_and(|other| {
                other.iter().zip(column).all(|(a, b)| a.to_bits() == b.to_bits())
            })
        });
        let root = equal.and_then(|other| roots.get(other).copied());
        match root {
            Some(root) => put_same(root, &mut data),
            None => put_column(column, effort, &mut data),
        }
        roots.push(root.unwrap_or(index));
        ends.push(data.len());
    }
    let mut out = Vec::with_capacity(data.len() + 2 * ends.len() + 8);
    put_varint(&mut out, times.len() as u64);
    put_varint(&mut out, columns.len() as u64);
    let mut start = 0;
    for end in ends {
        put_varint(&mut out, (end - start) as u64);
        start = end;
    }
    out.extend_from_slice(&data);
    out
}

/// A block whose directory has been read; columns are decompressed one at a time.
#[derive(Clone, Debug)]
pub(crate) struct Block<'a> {
    rows: usize,
    times: &'a [u8],
    columns: Vec<&'a [u8]>,
}

impl<'a> Block<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut input = Input(bytes);
        let rows = input.bounded(ROWS_MAX)?;
        let count = input.bounded(COLUMNS_MAX)?;
        let times = input.bounded(bytes.len())?;
        let lengths: Vec<usize> =
            (0..count).map(|_| input.bounded(bytes.len())).collect::<Result<_, _>>()?;
        let times = input.take(times)?;
        let columns =
            lengths.into_iter().map(|length| input.take(length)).collect::<Result<_, _>>()?;
        if rows == 0 || !input.0.is_empty() {
            return Err(DecodeError::Damaged);
        }
        Ok(Self { rows, times, columns })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn times(&self) -> Result<Vec<i64>, DecodeError> {
        take_times(self.times, self.rows)
    }

    pub(crate) fn column(&self, index: usize) -> Result<Vec<f64>, DecodeError> {
        let bytes = *self.columns.get(index).ok_or(DecodeError::Damaged)?;
        let bytes = match same_as(bytes) {
            Some(other) if other < index => *self.columns.get(other).ok_or(DecodeError::Damaged)?,
            Some(_) => return Err(DecodeError::Damaged),
            None => bytes,
        };
        take_column(bytes, self.rows)
    }
}

/// Makes one block of several, in their order.
pub(crate) fn merge<'a>(blocks: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, DecodeError> {
    let blocks: Vec<Block<'_>> = blocks.map(Block::parse).collect::<Result<_, _>>()?;
    let width = blocks.first().map_or(0, Block::width);
    let mut times = Vec::new();
    for block in &blocks {
        times.extend(block.times()?);
    }
    if times.len() > ROWS_MAX {
        return Err(DecodeError::Damaged);
    }
    let mut columns = Vec::with_capacity(width);
    for index in 0..width {
        let mut column = Vec::with_capacity(times.len());
        for block in &blocks {
            column.extend(block.column(index)?);
        }
        columns.push(column);
    }
    Ok(encode(&times, &columns, Effort::Small))
}
