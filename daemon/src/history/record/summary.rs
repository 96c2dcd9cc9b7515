//! Summaries: what a chunk comes to in the next coarser tier.

use super::{GROUP_SERIES_MAX, PLAIN, Record, SUMMARY, group_id, sealed, sequence, unsealed};
use crate::history::block;
use crate::history::bytes_io::{DecodeError, Input, put_varint};
use crate::history::column::{Effort, ROWS_MAX};
use crate::history::stack::rows_of;
use crate::history::summary::Part;
use crate::history::{GroupId, Tier};

/// The record of a chunk's summary, and which chunk that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) tier: Tier,
    pub(crate) group: GroupId,
    pub(crate) stripe: u32,
    pub(crate) end_seq: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Counts of rows, and then a block of one row each part.
    parts: &'a [u8],
}

impl Summary<'_> {
    /// The parts.
    pub(crate) fn parts(&self) -> Result<Vec<Part>, DecodeError> {
        let mut input = Input(self.parts);
        let count = input.bounded(ROWS_MAX)?;
        let counts = (0..count).map(|_| input.bounded(ROWS_MAX)).collect::<Result<Vec<_>, _>>()?;
        let rows = rows_of(input.0)?;
        if rows.len() != counts.len() {
            return Err(DecodeError::Damaged);
        }
        let part = |(rows, (start, values))| Part { rows: rows as u64, start, values };
        Ok(counts.into_iter().zip(rows).map(part).collect())
    }
}

/// Encodes the summary of a chunk.
pub(crate) fn encode(chunk: &super::Chunk<'_>, parts: &[Part]) -> Vec<u8> {
    let mut out = vec![SUMMARY, PLAIN, chunk.tier as u8];
    for number in [u64::from(chunk.group.0), u64::from(chunk.stripe), chunk.end_seq] {
        put_varint(&mut out, number);
    }
    out.extend_from_slice(&chunk.first.to_le_bytes());
    out.extend_from_slice(&chunk.last.to_le_bytes());
    put_varint(&mut out, parts.len() as u64);
    for part in parts {
        put_varint(&mut out, part.rows);
    }
    let times: Vec<i64> = parts.iter().map(|part| part.start).collect();
    let width = parts.first().map_or(0, |part| part.values.len());
    let column = |index: usize| -> Vec<f64> {
        parts.iter().map(|part| part.values.get(index).copied().unwrap_or(f64::NAN)).collect()
    };
    let columns: Vec<Vec<f64>> = (0..width).map(column).collect();
    out.extend_from_slice(&block::encode(&times, &columns, Effort::Quick));
    sealed(out)
}

pub(super) fn decode(record: &[u8]) -> Result<Record<'_>, DecodeError> {
    let mut input = unsealed(record)?;
    let tier = Tier::from_index(input.byte()?).ok_or(DecodeError::Unknown)?;
    let group = group_id(&mut input)?;
    let stripe = input.bounded(GROUP_SERIES_MAX)? as u32;
    let end_seq = sequence(&mut input)?;
    let (first, last) = (input.i64()?, input.i64()?);
    Ok(Record::Summary(Summary { tier, group, stripe, end_seq, first, last, parts: input.0 }))
}
