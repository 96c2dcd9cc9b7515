//! The ledger's records: every change with its actor and reason, chained by hash.
//!
//! A record is a version byte, the chain's hash after it, and the change as JSON. The hash covers
//! the previous hash, the version and the change, so that no record can be altered, left out or
//! moved without breaking the chain.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::layer::Layer;

/// The version that is written.
const VERSION: u8 = 1;

const HASH_BYTES: usize = 32;

/// The chain's hash after a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chain([u8; HASH_BYTES]);

/// One change: the full new state of every layer that it touches. Actor, reason, manager and time
/// are in each layer's provenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the order of all changes, from 1.
    pub generation: u64,
    /// The new revisions.
    pub layers: Vec<Arc<Layer>>,
}

/// Why bytes are not the next record of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Too few bytes.
    #[error("the record is cut short")]
    Short,
    /// Written by a newer program.
    #[error("the record has version {0}, which this program does not know; use a newer one")]
    Version(u8),
    /// The hash is not the expected one.
    #[error("the record does not continue the chain of hashes")]
    Chain,
    /// The hash is right and the contents are not.
    #[error("the record's contents cannot be read")]
    Contents,
    /// A generation is missing or repeated.
    #[error("the record has generation {found} where {expected} was expected")]
    Generation {
        /// The record's.
        found: u64,
        /// One more than the previous record's.
        expected: u64,
    },
}

fn next(chain: Chain, version: u8, body: &[u8]) -> Chain {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&chain.0).update(&[version]).update(body);
    Chain(*hasher.finalize().as_bytes())
}

/// Encodes the record that follows a chain.
pub fn encode(record: &Record, chain: Chain) -> Result<(Vec<u8>, Chain), serde_json::Error> {
    let body = serde_json::to_vec(record)?;
    let chain = next(chain, VERSION, &body);
    let mut bytes = Vec::with_capacity(1 + HASH_BYTES + body.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&chain.0);
    bytes.extend_from_slice(&body);
    Ok((bytes, chain))
}

/// Decodes the record that follows a chain and a generation.
pub fn decode(bytes: &[u8], chain: Chain, generation: u64) -> Result<(Record, Chain), RecordError> {
    let (version, rest) = bytes.split_first().ok_or(RecordError::Short)?;
    if *version != VERSION {
        return Err(RecordError::Version(*version));
    }
    let (hash, body) = rest.split_at_checked(HASH_BYTES).ok_or(RecordError::Short)?;
    let chain = next(chain, *version, body);
    if hash != chain.0 {
        return Err(RecordError::Chain);
    }
    let record: Record = serde_json::from_slice(body).map_err(|_| RecordError::Contents)?;
    let expected = generation + 1;
    if record.generation != expected {
        return Err(RecordError::Generation { found: record.generation, expected });
    }
    Ok((record, chain))
}
