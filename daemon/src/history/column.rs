//! One column of numbers, compressed by itself.

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, data_types::Number};

use super::bytes_io::{DecodeError, Input, put_varint};
use super::changes::{ChangeReader, ChangeWriter};

/// The most rows that a column may have; bounds what a damaged record can make us allocate.
pub(crate) const ROWS_MAX: usize = 16_384;

/// Levels above cost time and gain less than 3 %.
const LEVEL: usize = 4;

/// Fewer values than this are not worth what pco needs to learn of them: tens of microseconds, and
/// thirty bytes. They are told as changes, each of the one before. Chunks are shorter than they
/// should be when there are so many series that time matters more than a byte a sample.
const PCO_MIN: usize = 256;

/// What matters more of columns that are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// The time it takes: all are told as changes.
    Quick,
    /// The bytes.
    Small,
}

const MISSING: u8 = 0;
const CONSTANT: u8 = 1;
const PLAIN: u8 = 2;
const PCO: u8 = 3;
const SAME: u8 = 4;
const REGULAR: u8 = 5;
const CHANGES: u8 = 6;
const KIND: u8 = 0x0f;
/// A bit map of the rows that have a value stands before them.
const SPARSE: u8 = 0x10;

fn compress<T: Number>(values: &[T], out: &mut Vec<u8>) -> bool {
    let length = out.len();
    let config = ChunkConfig::default().with_compression_level(LEVEL);
    let written = FileCompressor::default().chunk_compressor(values, &config).and_then(|mut c| {
        c.write_meta(&mut *out)?;
        c.write_page(0, &mut *out)?;
        Ok(())
    });
    let good = written.is_ok() && out.len() - length < size_of_val(values);
    if !good {
        out.truncate(length);
    }
    good
}

fn decompress<T: Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, DecodeError> {
    let damaged = |_| DecodeError::Damaged;
    // The version of pco's format is that of our record, so its own head is not stored.
    let head = FileCompressor::default().write_header(Vec::new()).map_err(damaged)?;
    let (file, _) = FileDecompressor::new(head.as_slice()).map_err(damaged)?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(bytes).map_err(damaged)?;
    let mut values = vec![T::default(); count];
    let mut page = chunk.page_decompressor(rest, count).map_err(damaged)?;
    let progress = page.read(&mut values).map_err(damaged)?;
    if progress.n_processed == count { Ok(values) } else { Err(DecodeError::Damaged) }
}

fn put_changes(values: &[f64], out: &mut Vec<u8>) {
    let mut writer = ChangeWriter::new(out);
    let mut before = 0.0;
    for value in values {
        writer.put(before, *value);
        before = *value;
    }
    writer.finish();
}

fn take_changes(bytes: &[u8], count: usize) -> Result<Vec<f64>, DecodeError> {
    let mut reader = ChangeReader::new(bytes);
    let mut value = 0.0;
    let mut next = |_| {
        value = reader.next(value)?;
        Ok(value)
    };
    let values = (0..count).map(&mut next).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(values)
}

/// Appends ascending times.
pub(crate) fn put_times(times: &[i64], out: &mut Vec<u8>) {
    let first = times.first().copied().unwrap_or_default();
    let step = times.get(1).map_or(0, |second| second.wrapping_sub(first));
    let regular = times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step);
    if regular {
        out.push(REGULAR);
        out.extend_from_slice(&first.to_le_bytes());
        out.extend_from_slice(&step.to_le_bytes());
        return;
    }
    out.push(PCO);
    // However few: they stand once for all columns of a block.
    if !compress(times, out) {
        out.pop();
        out.push(PLAIN);
        for time in times {
            out.extend_from_slice(&time.to_le_bytes());
        }
    }
}

/// Reads what [`put_times`] wrote.
pub(crate) fn take_times(bytes: &[u8], rows: usize) -> Result<Vec<i64>, DecodeError> {
    let mut input = Input(bytes);
    match input.byte()? {
        REGULAR => {
            let (first, step) = (input.i64()?, input.i64()?);
            Ok((0..rows as i64).map(|row| first.wrapping_add(step.wrapping_mul(row))).collect())
        }
        PLAIN => (0..rows).map(|_| input.i64()).collect(),
        PCO => decompress(input.0, rows),
        _ => Err(DecodeError::Unknown),
    }
}

/// Appends a reference to an equal column.
pub(crate) fn put_same(column: usize, out: &mut Vec<u8>) {
    out.push(SAME);
    put_varint(out, column as u64);
}

/// The column that a column equals, when it is stored as a reference.
pub(crate) fn same_as(bytes: &[u8]) -> Option<usize> {
    let mut input = Input(bytes);
    (input.byte() == Ok(SAME)).then(|| input.bounded(usize::MAX).ok()).flatten()
}

/// Appends a column; not-a-number stands for a missing value.
pub(crate) fn put_column(column: &[f64], effort: Effort, out: &mut Vec<u8>) {
    let present: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    let Some(first) = present.first() else {
        out.push(MISSING);
        return;
    };
    let tag = out.len();
    out.push(0);
    let mut flags = 0;
    if present.len() < column.len() {
        flags = SPARSE;
        for rows in column.chunks(8) {
            let bit = |(index, value): (usize, &f64)| u8::from(!value.is_nan()) << index;
            out.push(rows.iter().enumerate().map(bit).sum());
        }
    }
    let few = effort == Effort::Quick || present.len() < PCO_MIN;
    let kind = if present.iter().all(|value| value.to_bits() == first.to_bits()) {
        out.extend_from_slice(&first.to_le_bytes());
        CONSTANT
    } else if !few && compress(&present, out) {
        PCO
    } else if few {
        put_changes(&present, out);
        CHANGES
    } else {
        for value in present {
            out.extend_from_slice(&value.to_le_bytes());
        }
        PLAIN
    };
    if let Some(byte) = out.get_mut(tag) {
        *byte = kind | flags;
    }
}

/// Reads what [`put_column`] wrote.
pub(crate) fn take_column(bytes: &[u8], rows: usize) -> Result<Vec<f64>, DecodeError> {
    let mut input = Input(bytes);
    let tag = input.byte()?;
    let map = if tag & SPARSE == 0 { None } else { Some(input.take(rows.div_ceil(8))?) };
    let has = |row: usize| {
        map.is_none_or(|map| map.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1))
    };
    let count = (0..rows).filter(|row| has(*row)).count();
    let present = match tag & KIND {
        MISSING => return Ok(vec![f64::NAN; rows]),
        CONSTANT => vec![input.f64()?; count],
        PLAIN => (0..count).map(|_| input.f64()).collect::<Result<_, _>>()?,
        PCO if count > 0 => decompress(input.0, count)?,
        CHANGES => take_changes(input.0, count)?,
        _ => return Err(DecodeError::Unknown),
    };
    if count == rows {
        return Ok(present);
    }
    let mut values = present.into_iter();
    let mut value = |row| if has(row) { values.next().unwrap_or(f64::NAN) } else { f64::NAN };
    Ok((0..rows).map(&mut value).collect())
}
