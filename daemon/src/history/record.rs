//! The records of the logs. Each begins with its kind and the version of its format.

use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::model::{Labels, Name, SeriesKey};

use super::block::Block;
use super::bytes_io::{DecodeError, Input, put_text, put_varint};
use super::stack::ChunkRef;
use super::{GroupId, Position, Tier};

const VERSION: u8 = 1;
const GROUP: u8 = b'g';
const ROW: u8 = b'r';
const CHUNK: u8 = b'c';
const ENTRY: u8 = b'i';

/// The most series of a group; bounds what a damaged record can make us allocate.
pub(crate) const GROUP_SERIES_MAX: usize = 1 << 20;
/// The most labels of a series, and the longest text of one.
const LABELS_MAX: usize = 64;
const TEXT_MAX: usize = 4_096;

/// A decoded record.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    /// Which series a group has.
    Group(GroupId, Arc<[SeriesKey]>),
    /// Samples that arrived together.
    Row { group: GroupId, seq: u64, time: i64, values: Vec<f64> },
    /// A sealed chunk.
    Chunk(Chunk<'a>),
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
        out.extend([CHUNK, VERSION, self.tier as u8]);
        put_varint(&mut out, u64::from(self.group.0));
        put_varint(&mut out, u64::from(self.stripe));
        put_varint(&mut out, self.end_seq);
        put_varint(&mut out, self.through);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.last.to_le_bytes());
        out.extend_from_slice(self.block);
        // The decompressor trusts its input, so a chunk vouches for itself.
        let sum = crc32c::crc32c(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }
}

/// Whether keys can be recorded: texts that are too long, too many labels and labels without a
/// name cannot.
pub(crate) fn fits(keys: &[SeriesKey]) -> bool {
    let label = |(name, value): (&str, &str)| {
        !name.is_empty() && name.len() <= TEXT_MAX && value.len() <= TEXT_MAX
    };
    let fits = |key: &SeriesKey| {
        key.metric.len() <= TEXT_MAX
            && key.labels.iter().count() <= LABELS_MAX
            && key.labels.iter().all(label)
    };
    keys.len() <= GROUP_SERIES_MAX && keys.iter().all(fits)
}

/// Encodes which series a group has. What a key shares with the one before is left out.
pub(crate) fn encode_group(group: GroupId, keys: &[SeriesKey]) -> Bytes {
    let mut out = vec![GROUP, VERSION];
    put_varint(&mut out, u64::from(group.0));
    put_varint(&mut out, keys.len() as u64);
    let mut before: Option<&SeriesKey> = None;
    for key in keys {
        let same_source = before.is_some_and(|other| other.source == key.source);
        let same_metric = before.is_some_and(|other| other.metric == key.metric);
        out.push(u8::from(same_source) | u8::from(same_metric) << 1);
        if !same_source {
            put_text(&mut out, key.source.as_str());
        }
        if !same_metric {
            put_text(&mut out, &key.metric);
        }
        put_varint(&mut out, key.labels.iter().count() as u64);
        let mut names = before.into_iter().flat_map(|other| other.labels.iter());
        for (name, value) in key.labels.iter() {
            let same = names.next().is_some_and(|(other, _)| other == name);
            // An empty text stands for the same name; real names are not empty.
            put_text(&mut out, if same { "" } else { name });
            put_text(&mut out, value);
        }
        before = Some(key);
    }
    out.into()
}

fn decode_group(mut input: Input<'_>) -> Result<Record<'_>, DecodeError> {
    let group = group_id(&mut input)?;
    let count = input.bounded(GROUP_SERIES_MAX)?;
    let mut keys: Vec<SeriesKey> = Vec::new();
    for _ in 0..count {
        let key = decode_key(&mut input, keys.last())?;
        keys.push(key);
    }
    Ok(Record::Group(group, keys.into()))
}

fn decode_key(input: &mut Input<'_>, before: Option<&SeriesKey>) -> Result<SeriesKey, DecodeError> {
    let flags = input.byte()?;
    let source = if flags & 1 == 0 {
        Name::new(input.text(TEXT_MAX)?).map_err(|_| DecodeError::Damaged)?
    } else {
        before.ok_or(DecodeError::Damaged)?.source.clone()
    };
    let metric = if flags & 2 == 0 {
        Arc::from(input.text(TEXT_MAX)?)
    } else {
        Arc::clone(&before.ok_or(DecodeError::Damaged)?.metric)
    };
    let labels = input.bounded(LABELS_MAX)?;
    let mut pairs = Vec::with_capacity(labels);
    let mut names = before.into_iter().flat_map(|other| other.labels.iter());
    for _ in 0..labels {
        let other = names.next().map_or("", |(name, _)| name);
        let name = input.text(TEXT_MAX)?;
        pairs.push((if name.is_empty() { other } else { name }, input.text(TEXT_MAX)?));
    }
    Ok(SeriesKey { source, metric, labels: Labels::new(pairs) })
}

/// Encodes samples that arrived together.
pub(crate) fn encode_row(group: GroupId, seq: u64, time: i64, values: &[f64]) -> Bytes {
    let mut out = Vec::with_capacity(40 + size_of_val(values));
    out.extend([ROW, VERSION]);
    put_varint(&mut out, u64::from(group.0));
    put_varint(&mut out, seq);
    out.extend_from_slice(&time.to_le_bytes());
    put_varint(&mut out, values.len() as u64);
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.into()
}

fn decode_row(mut input: Input<'_>) -> Result<Record<'_>, DecodeError> {
    let group = group_id(&mut input)?;
    let seq = sequence(&mut input)?;
    let time = input.i64()?;
    let count = input.bounded(GROUP_SERIES_MAX)?;
    if input.0.len() != count * size_of::<f64>() {
        return Err(DecodeError::Short);
    }
    let values = (0..count).map(|_| input.f64()).collect::<Result<_, _>>()?;
    Ok(Record::Row { group, seq, time, values })
}

fn decode_chunk(record: &[u8]) -> Result<Record<'_>, DecodeError> {
    let (bytes, sum) = record.split_last_chunk::<4>().ok_or(DecodeError::Short)?;
    if crc32c::crc32c(bytes) != u32::from_le_bytes(*sum) {
        return Err(DecodeError::Damaged);
    }
    let mut input = Input(bytes);
    input.take(2)?;
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
    let mut out = vec![ENTRY, VERSION, tier as u8];
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
        (GROUP, VERSION) => decode_group(input),
        (ROW, VERSION) => decode_row(input),
        (CHUNK, VERSION) => decode_chunk(record),
        (ENTRY, VERSION) => decode_entry(input),
        _ => Err(DecodeError::Unknown),
    }
}
