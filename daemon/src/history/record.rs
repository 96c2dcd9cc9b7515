//! The records of the logs. Each begins with its kind and the version of its format.

use super::block::Block;
use super::bytes_io::{DecodeError, Input, put_varint};
use super::stack::ChunkRef;
use super::{GroupId, Position, Tier};

pub(crate) mod definition;
pub(crate) mod row;
pub(crate) mod summary;

pub(crate) use definition::{Definition, fits};
pub(crate) use row::{Row, RowReader, RowWriter};
pub(crate) use summary::Summary;

/// The first version of every record.
const PLAIN: u8 = 1;
/// Definitions deflated, and rows as changes.
const SMALL: u8 = 2;
const GROUP: u8 = b'g';
const ROW: u8 = b'r';
const CHUNK: u8 = b'c';
const ENTRY: u8 = b'i';
const SUMMARY: u8 = b's';

/// The most series of a group; bounds what a damaged record can make us allocate.
pub(crate) const GROUP_SERIES_MAX: usize = 1 << 20;

/// A decoded record.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    /// Which series a group has.
    Group(Definition<'a>),
    /// Samples that arrived together.
    Row(Row<'a>),
    /// A sealed chunk.
    Chunk(Chunk<'a>),
    /// What a sealed chunk comes to in the next coarser tier.
    Summary(Summary<'a>),
    /// Where a sealed chunk is.
    Entry { tier: Tier, group: GroupId, stripe: u32, chunk: ChunkRef },
}

/// A sealed chunk with its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) tier: Tier,
    pub(crate) group: GroupId,
    pub(crate) stripe: u32,
    pub(crate) end_seq: u64,
    pub(crate) through: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) block: &'a [u8],
}

impl Chunk<'_> {
    /// How queries and retention know it, once it is written.
    pub(crate) fn at(&self, position: Position, bytes: usize) -> ChunkRef {
        ChunkRef {
            position,
            first: self.first,
            last: self.last,
            end_seq: self.end_seq,
            through: self.through,
            bytes: bytes as u32,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.block.len() + 64);
        out.extend([CHUNK, PLAIN, self.tier as u8]);
        put_varint(&mut out, u64::from(self.group.0));
        put_varint(&mut out, u64::from(self.stripe));
        put_varint(&mut out, self.end_seq);
        put_varint(&mut out, self.through);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.last.to_le_bytes());
        out.extend_from_slice(self.block);
        sealed(out)
    }
}

/// The decompressor trusts its input, so a record with a block vouches for itself.
fn sealed(mut record: Vec<u8>) -> Vec<u8> {
    let sum = crc32c::crc32c(&record);
    record.extend_from_slice(&sum.to_le_bytes());
    record
}

/// What follows the kind and the version of a record that [`sealed`] made.
fn unsealed(record: &[u8]) -> Result<Input<'_>, DecodeError> {
    let (bytes, sum) = record.split_last_chunk::<4>().ok_or(DecodeError::Short)?;
    if crc32c::crc32c(bytes) != u32::from_le_bytes(*sum) {
        return Err(DecodeError::Damaged);
    }
    let mut input = Input(bytes);
    input.take(2)?;
    Ok(input)
}

fn decode_chunk(record: &[u8]) -> Result<Record<'_>, DecodeError> {
    let mut input = unsealed(record)?;
    let tier = Tier::from_index(input.byte()?).ok_or(DecodeError::Unknown)?;
    let group = group_id(&mut input)?;
    let stripe = input.bounded(GROUP_SERIES_MAX)? as u32;
    let end_seq = sequence(&mut input)?;
    let through = sequence(&mut input)?;
    let (first, last) = (input.i64()?, input.i64()?);
    let rows = Block::parse(input.0)?.rows() as u64;
    if rows > end_seq {
        return Err(DecodeError::Damaged);
    }
    let block = input.0;
    Ok(Record::Chunk(Chunk { tier, group, stripe, end_seq, through, first, last, block }))
}

/// Encodes where a sealed chunk is.
pub(crate) fn encode_entry(tier: Tier, group: GroupId, stripe: u32, chunk: &ChunkRef) -> Vec<u8> {
    let mut out = vec![ENTRY, PLAIN, tier as u8];
    for number in [u64::from(group.0), u64::from(stripe), chunk.position.segment] {
        put_varint(&mut out, number);
    }
    for number in [chunk.position.offset, chunk.end_seq, chunk.through, u64::from(chunk.bytes)] {
        put_varint(&mut out, number);
    }
    out.extend_from_slice(&chunk.first.to_le_bytes());
    out.extend_from_slice(&chunk.last.to_le_bytes());
    out
}

fn decode_entry(mut input: Input<'_>) -> Result<Record<'_>, DecodeError> {
    let tier = Tier::from_index(input.byte()?).ok_or(DecodeError::Unknown)?;
    let group = group_id(&mut input)?;
    let stripe = input.bounded(GROUP_SERIES_MAX)? as u32;
    let position = Position { segment: input.varint()?, offset: input.varint()? };
    let (end_seq, through) = (sequence(&mut input)?, sequence(&mut input)?);
    let bytes = u32::try_from(input.varint()?).map_err(|_| DecodeError::Damaged)?;
    let (first, last) = (input.i64()?, input.i64()?);
    let chunk = ChunkRef { position, first, last, end_seq, through, bytes };
    Ok(Record::Entry { tier, group, stripe, chunk })
}

fn group_id(input: &mut Input<'_>) -> Result<GroupId, DecodeError> {
    u32::try_from(input.varint()?).map(GroupId).map_err(|_| DecodeError::Damaged)
}

/// Sequence numbers leave room to count on.
fn sequence(input: &mut Input<'_>) -> Result<u64, DecodeError> {
    let value = input.varint()?;
    if value > i64::MAX as u64 { Err(DecodeError::Damaged) } else { Ok(value) }
}

/// Decodes any record.
pub(crate) fn decode(record: &[u8]) -> Result<Record<'_>, DecodeError> {
    let mut input = Input(record);
    let (kind, version) = (input.byte()?, input.byte()?);
    match (kind, version) {
        (GROUP, PLAIN) => definition::decode(input, false).map(Record::Group),
        (GROUP, SMALL) => definition::decode(input, true).map(Record::Group),
        (ROW, PLAIN) => row::decode_plain(input).map(Record::Row),
        (ROW, SMALL) => row::decode_small(input).map(Record::Row),
        (CHUNK, PLAIN) => decode_chunk(record),
        (ENTRY, PLAIN) => decode_entry(input),
        (SUMMARY, PLAIN) => summary::decode(record),
        _ => Err(DecodeError::Unknown),
    }
}
