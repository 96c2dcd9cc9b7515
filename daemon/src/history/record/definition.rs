//! Definitions: which series a group has. They repeat much, so they are deflated.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::model::{Labels, Name, SeriesKey};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::{GROUP, GROUP_SERIES_MAX, PLAIN, SMALL, group_id};
use crate::history::GroupId;
use crate::history::bytes_io::{DecodeError, Input, put_text, put_varint};

/// The most labels of a series, and the longest text of one.
const LABELS_MAX: usize = 64;
const TEXT_MAX: usize = 4_096;

/// The most bytes of a definition, unpacked.
const UNPACKED_MAX: usize = 256 << 20;

/// The record of which series a group has. Unpacked when it is asked for: every segment repeats
/// it, and mostly it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition<'a> {
    pub(crate) group: GroupId,
    deflated: bool,
    bytes: &'a [u8],
}

impl Definition<'_> {
    /// The series.
    pub(crate) fn keys(&self) -> Result<Arc<[SeriesKey]>, DecodeError> {
        if !self.deflated {
            return decode_keys(Input(self.bytes));
        }
        let mut plain = Vec::new();
        let mut inflated = DeflateDecoder::new(self.bytes).take(UNPACKED_MAX as u64 + 1);
        inflated.read_to_end(&mut plain).map_err(|_| DecodeError::Damaged)?;
        if plain.len() > UNPACKED_MAX {
            return Err(DecodeError::Damaged);
        }
        decode_keys(Input(&plain))
    }
}

/// Reads the record of a definition of either version.
pub(super) fn decode(mut input: Input<'_>, deflated: bool) -> Result<Definition<'_>, DecodeError> {
    let group = group_id(&mut input)?;
    Ok(Definition { group, deflated, bytes: input.0 })
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
    keys.len() <= GROUP_SERIES_MAX
        && keys.iter().all(fits)
        && keys.iter().map(bytes_at_most).sum::<usize>() <= UNPACKED_MAX
}

/// The most bytes that a key takes in a definition, unpacked: its texts and their lengths.
fn bytes_at_most(key: &SeriesKey) -> usize {
    let label = |(name, value): (&str, &str)| 4 + name.len() + value.len();
    8 + key.source.as_str().len() + key.metric.len() + key.labels.iter().map(label).sum::<usize>()
}

/// Encodes which series a group has.
pub(crate) fn encode(group: GroupId, keys: &[SeriesKey]) -> Bytes {
    let mut head = vec![GROUP, SMALL];
    put_varint(&mut head, u64::from(group.0));
    let plain = encode_keys(keys);
    let mut deflated = DeflateEncoder::new(head.clone(), Compression::fast());
    match deflated.write_all(&plain).and_then(|()| deflated.finish()) {
        Ok(record) => record.into(),
        // Memory takes all that is written to it; were it otherwise, this is as good a record.
        Err(_) => encode_plain(group, keys).into(),
    }
}

/// As version 1 has it: not deflated.
pub(crate) fn encode_plain(group: GroupId, keys: &[SeriesKey]) -> Vec<u8> {
    let mut out = vec![GROUP, PLAIN];
    put_varint(&mut out, u64::from(group.0));
    out.extend(encode_keys(keys));
    out
}

/// What a key shares with the one before is left out.
fn encode_keys(keys: &[SeriesKey]) -> Vec<u8> {
    let mut out = Vec::new();
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
    out
}

fn decode_keys(mut input: Input<'_>) -> Result<Arc<[SeriesKey]>, DecodeError> {
    let count = input.bounded(GROUP_SERIES_MAX)?;
    let mut keys: Vec<SeriesKey> = Vec::new();
    for _ in 0..count {
        let key = decode_key(&mut input, keys.last())?;
        keys.push(key);
    }
    Ok(keys.into())
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
