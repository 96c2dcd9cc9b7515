//! What a chunk comes to in buckets of the next coarser tier. It is written beside the chunk, so
//! that a start need not read the chunk to roll it up again.

use super::Tier;
use super::block::Block;
use super::bytes_io::DecodeError;
use super::stripe::{floor, merge_bucket, samples_bucket};

/// A chunk of fewer rows for each bucket is as quickly rolled up as its summary is read.
const ROWS_PER_BUCKET_MIN: usize = 12;

/// Rows of a chunk, one after the other, that fall into one bucket of the next coarser tier.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// How many.
    pub(crate) rows: u64,
    /// The start of the bucket.
    pub(crate) start: i64,
    /// Min, max, sum and count of each series.
    pub(crate) values: Vec<f64>,
}

/// The parts of a chunk's rows, in their order; none where the chunk itself serves as well.
pub(crate) fn parts(tier: Tier, block: &Block<'_>) -> Result<Option<Vec<Part>>, DecodeError> {
    let Some(coarser) = tier.coarser() else {
        return Ok(None);
    };
    let times = block.times()?;
    let mut parts: Vec<Part> = times
        .chunk_by(|a, b| floor(*a, coarser) == floor(*b, coarser))
        .map(|rows| Part {
            rows: rows.len() as u64,
            start: rows.first().map_or(0, |time| floor(*time, coarser)),
            values: Vec::with_capacity(block.width() / tier.fields() * coarser.fields()),
        })
        .collect();
    if times.len() < ROWS_PER_BUCKET_MIN * parts.len() {
        return Ok(None);
    }
    let mut fields = Vec::with_capacity(tier.fields());
    for series in 0..block.width() / tier.fields() {
        fields.clear();
        for field in 0..tier.fields() {
            fields.push(block.column(series * tier.fields() + field)?);
        }
        let mut from = 0;
        for part in &mut parts {
            let rows = from..from + part.rows as usize;
            part.values.extend(bucket(&fields, rows.clone()));
            from = rows.end;
        }
    }
    Ok(Some(parts))
}

/// One series' rows as one bucket.
fn bucket(fields: &[Vec<f64>], rows: std::ops::Range<usize>) -> [f64; 4] {
    match fields {
        [samples] => samples_bucket(samples.get(rows).unwrap_or_default()),
        [min, max, sum, count] => {
            let mut bucket = [f64::NAN; 4];
            for row in rows {
                let of = |column: &[f64]| column.get(row).copied().unwrap_or(f64::NAN);
                merge_bucket(&mut bucket, [of(min), of(max), of(sum), of(count)]);
            }
            bucket
        }
        _ => [f64::NAN; 4],
    }
}
