//! A record on disk: a header that proves itself, then the payload.
//!
//! Both checksums cover the place (segment and offset), so that a page that was written to, or
//! read from, the wrong place does not pass. The header's own checksum makes the length
//! trustworthy, so that a damaged payload costs one record only. `synced` says how far the
//! segment was known to be on disk when the record was written: damage below the largest such
//! mark cannot be a torn tail.

/// Bytes in front of each payload: length, payload checksum, synced mark, header checksum.
pub const FRAME_BYTES: u64 = 16;

/// The largest payload. Large enough for any document or sealed chunk; small enough that a reader
/// can hold one.
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The part in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) payload_bytes: u32,
    pub(super) payload_checksum: u32,
    pub(super) synced: u32,
}

impl Frame {
    /// Where the next record begins.
    pub(super) fn end(self, offset: u64) -> u64 {
        offset + FRAME_BYTES + u64::from(self.payload_bytes)
    }

    /// Whether this is the payload that was written here.
    pub(super) fn proves(self, segment: u64, offset: u64, payload: &[u8]) -> bool {
        payload.len() as u64 == u64::from(self.payload_bytes)
            && payload_checksum(segment, offset, payload) == self.payload_checksum
    }

    /// Reads what [`encode`] wrote; nothing if it was not written at this place.
    pub(super) fn decode(segment: u64, offset: u64, bytes: &[u8]) -> Option<Self> {
        let [payload_bytes, payload_checksum, synced, checksum] =
            [0, 4, 8, 12].map(|at| u32_at(bytes, at));
        let frame = Self {
            payload_bytes: payload_bytes?,
            payload_checksum: payload_checksum?,
            synced: synced?,
        };
        let proven = header_checksum(segment, offset, bytes.get(..12)?) == checksum?;
        (proven && frame.payload_bytes as usize <= RECORD_BYTES_MAX).then_some(frame)
    }
}

/// Writes a record as it stands on disk at this place.
pub(super) fn encode(segment: u64, offset: u64, synced: u64, payload: &[u8], into: &mut Vec<u8>) {
    let start = into.len();
    into.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    into.extend_from_slice(&payload_checksum(segment, offset, payload).to_le_bytes());
    into.extend_from_slice(&(synced as u32).to_le_bytes());
    let checksum = header_checksum(segment, offset, into.get(start..).unwrap_or_default());
    into.extend_from_slice(&checksum.to_le_bytes());
    into.extend_from_slice(payload);
}

fn place(segment: u64, offset: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&segment.to_le_bytes()), &offset.to_le_bytes())
}

fn payload_checksum(segment: u64, offset: u64, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(place(segment, offset), payload)
}

fn header_checksum(segment: u64, offset: u64, header: &[u8]) -> u32 {
    // Turned around, so that no header passes as an (empty) payload's checksum or the reverse.
    !crc32c::crc32c_append(place(segment, offset), header)
}

/// A little-endian number at a place in a slice.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A little-endian number at a place in a slice.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
