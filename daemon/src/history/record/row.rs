//! Rows of the head log: samples that arrived together, told as changes of the row before.

use std::collections::HashMap;

use super::{GROUP_SERIES_MAX, ROW, SMALL, group_id, sequence};
use crate::history::GroupId;
use crate::history::bytes_io::{DecodeError, Input, put_varint, unzigzag, zigzag};
use crate::history::changes::{ChangeReader, ChangeWriter};

/// A row is told whole at least so often. Damage to a segment costs at most so many rows of a
/// group behind it; a row told whole takes several times the bytes of one told as changes.
const WHOLE_EVERY: u8 = 16;

/// The record of a row.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) group: GroupId,
    pub(crate) seq: u64,
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    /// Eight bytes a number.
    Plain { time: i64, values: &'a [u8] },
    /// Changes of a row of so many zeros.
    Whole { time: i64, count: usize, changes: &'a [u8] },
    /// Changes of the row so many numbers back.
    Changed { back: u64, time_change: i64, changes: &'a [u8] },
}

/// The newest row of a group in a segment.
#[derive(Debug)]
struct Base {
    seq: u64,
    time: i64,
    values: Box<[f64]>,
    /// Rows since the one that was told whole.
    since_whole: u8,
}

/// Writes rows. What a row is a change of lies in the same segment, so that every segment can be
/// read, and dropped, by itself.
#[derive(Debug, Default)]
pub(crate) struct RowWriter {
    segment: u64,
    bases: HashMap<GroupId, Base>,
    /// The row that was encoded last.
    record: Vec<u8>,
    since_whole: u8,
}

impl RowWriter {
    /// The record of a row that is about to be appended to `segment`; none when it is not known
    /// where it will be, so that the row is told whole.
    pub(crate) fn encode(
        &mut self,
        segment: Option<u64>,
        (group, seq): (GroupId, u64),
        time: i64,
        values: &[f64],
    ) -> &[u8] {
        self.enter(segment.unwrap_or_default());
        let base = self.bases.get(&group).filter(|base| {
            let fits = base.values.len() == values.len() && base.seq < seq;
            fits && base.since_whole + 1 < WHOLE_EVERY
        });
        self.since_whole = base.map_or(0, |base| base.since_whole + 1);
        let out = &mut self.record;
        out.clear();
        out.extend([ROW, SMALL]);
        put_varint(out, u64::from(group.0));
        put_varint(out, seq);
        if let Some(base) = base {
            put_varint(out, seq - base.seq);
            put_varint(out, zigzag(time.wrapping_sub(base.time)));
            put_changes(base.values.iter().copied(), values, out);
        } else {
            put_varint(out, 0);
            put_varint(out, zigzag(time));
            put_varint(out, values.len() as u64);
            put_changes(std::iter::repeat(0.0), values, out);
        }
        out
    }

    /// The row that was encoded last is in `segment` now, and the next one is told as changes of
    /// it.
    pub(crate) fn appended(
        &mut self,
        segment: u64,
        (group, seq): (GroupId, u64),
        time: i64,
        values: Vec<f64>,
    ) {
        self.enter(segment);
        let (values, since_whole) = (values.into_boxed_slice(), self.since_whole);
        self.bases.insert(group, Base { seq, time, values, since_whole });
    }

    fn enter(&mut self, segment: u64) {
        if segment != self.segment {
            self.bases.clear();
            self.segment = segment;
        }
    }

    /// Nothing of a group will follow.
    pub(crate) fn forget(&mut self, group: GroupId) {
        self.bases.remove(&group);
    }
}

fn put_changes(before: impl Iterator<Item = f64>, after: &[f64], out: &mut Vec<u8>) {
    let mut writer = ChangeWriter::new(out);
    for (before, after) in before.zip(after) {
        writer.put(before, *after);
    }
    writer.finish();
}

/// Makes the next row out of the one before, in place. After an error it is of no use.
fn take_changes(bytes: &[u8], row: &mut [f64]) -> Result<(), DecodeError> {
    let mut reader = ChangeReader::new(bytes);
    for value in row {
        *value = reader.next(*value)?;
    }
    reader.finish()
}

/// Reads rows again, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct RowReader {
    newest: HashMap<GroupId, Newest>,
}

#[derive(Debug, Default)]
struct Newest {
    segment: u64,
    seq: u64,
    time: i64,
    values: Vec<f64>,
}

impl RowReader {
    /// The time and the values of a row that was found in `segment`.
    ///
    /// # Errors
    ///
    /// When the row that it is a change of has not been read before, or the changes are damaged;
    /// then the rows up to the next one that is told whole fail as well.
    pub(crate) fn read(
        &mut self,
        segment: u64,
        row: &Row<'_>,
    ) -> Result<(i64, &[f64]), DecodeError> {
        let mut newest = self.newest.remove(&row.group).unwrap_or_default();
        newest.time = match row.form {
            Form::Plain { time, values } => {
                newest.values.clear();
                let values = values.as_chunks::<8>().0.iter();
                newest.values.extend(values.map(|bytes| f64::from_le_bytes(*bytes)));
                time
            }
            Form::Whole { time, count, changes } => {
                newest.values.clear();
                newest.values.resize(count, 0.0);
                take_changes(changes, &mut newest.values)?;
                time
            }
            Form::Changed { back, time_change, changes } => {
                if newest.segment != segment || newest.seq.checked_add(back) != Some(row.seq) {
                    return Err(DecodeError::BaseMissing);
                }
                take_changes(changes, &mut newest.values)?;
                newest.time.wrapping_add(time_change)
            }
        };
        (newest.segment, newest.seq) = (segment, row.seq);
        let newest = self.newest.entry(row.group).insert_entry(newest).into_mut();
        Ok((newest.time, &newest.values))
    }
}

/// Reads the record of a row of version 1.
pub(super) fn decode_plain(mut input: Input<'_>) -> Result<Row<'_>, DecodeError> {
    let group = group_id(&mut input)?;
    let seq = sequence(&mut input)?;
    let time = input.i64()?;
    let count = input.bounded(GROUP_SERIES_MAX)?;
    let values = input.0;
    if values.len() != count * size_of::<f64>() {
        return Err(DecodeError::Short);
    }
    Ok(Row { group, seq, form: Form::Plain { time, values } })
}

/// Reads the record of a row of version 2.
pub(super) fn decode_small(mut input: Input<'_>) -> Result<Row<'_>, DecodeError> {
    let group = group_id(&mut input)?;
    let seq = sequence(&mut input)?;
    let back = sequence(&mut input)?;
    let time = unzigzag(input.varint()?);
    let form = if back == 0 {
        let count = input.bounded(GROUP_SERIES_MAX)?;
        Form::Whole { time, count, changes: input.0 }
    } else {
        Form::Changed { back, time_change: time, changes: input.0 }
    };
    Ok(Row { group, seq, form })
}

/// As version 1 had it.
#[cfg(test)]
pub(crate) fn encode_plain(group: GroupId, seq: u64, time: i64, values: &[f64]) -> Vec<u8> {
    let mut out = vec![ROW, super::PLAIN];
    put_varint(&mut out, u64::from(group.0));
    put_varint(&mut out, seq);
    out.extend_from_slice(&time.to_le_bytes());
    put_varint(&mut out, values.len() as u64);
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out
}
