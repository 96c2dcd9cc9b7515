//! The sealed file as bytes.
//!
//! ```text
//! "CCMSEAL1" | id [16] | derivation | seal of the header
//! generation u64 | count u32
//! count times: scope | name | version u32 | nonce [24] | sealed record
//! seal of all bytes before
//! ```
//!
//! Texts and sealed records are preceded by their length as u32; all numbers are little endian. A
//! record is sealed together with its scope, name and version, so that records cannot change
//! places; the last seal covers the number of records, their order and the generation. Which
//! generation is the newest is told by the [`Anchor`], a file of its own, so that an older file
//! put in place of a newer one is noticed.

use std::collections::BTreeMap;

use ccm_proto::model::Name;

use super::key::{Cost, Derivation, NONCE_BYTES, SEAL_BYTES, SealKey, random};
use crate::secret::CredentialId;
use crate::secret::credential::parse_scope;

const MAGIC: &[u8; 8] = b"CCMSEAL1";
const ANCHOR_MAGIC: &[u8; 8] = b"CCMANCH1";

/// Credentials of one file: every API that a site may use, several times.
pub(super) const RECORDS_MAX: usize = 1_024;

/// The largest file: nobody has so many long secrets.
pub(super) const FILE_BYTES_MAX: usize = 16 << 20;

/// The anchor's length.
pub(super) const ANCHOR_BYTES: usize = 8 + 8 + SEAL_BYTES;

/// Why bytes are not a sealed file that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContainerError {
    /// Something else.
    #[error("it is no sealed file of this version of ccmd")]
    Foreign,
    /// The key opens nothing.
    #[error("it was sealed with another key or passphrase, or its head was changed")]
    Key,
    /// It was changed.
    #[error("it was changed or damaged since it was sealed")]
    Changed,
}

/// A record as it lies in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub version: u32,
    nonce: [u8; NONCE_BYTES],
    bytes: Vec<u8>,
}

/// What a sealed file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Container {
    /// Chosen at random when the file was first made.
    pub id: [u8; 16],
    pub derivation: Derivation,
    /// One more with each change.
    pub generation: u64,
    pub records: BTreeMap<CredentialId, Sealed>,
}

impl Container {
    /// A file without records, of generation 0, which is never written.
    pub(super) fn empty(derivation: Derivation) -> Self {
        Self { id: random(), derivation, generation: 0, records: BTreeMap::new() }
    }

    /// How the key of the file in bytes is made.
    pub(super) fn derivation(bytes: &[u8]) -> Result<Derivation, ContainerError> {
        Ok(Head::read(&mut Reader(bytes))?.derivation)
    }

    /// Reads and checks a whole file.
    pub(super) fn decode(bytes: &[u8], key: &SealKey) -> Result<Self, ContainerError> {
        let mut rest = Reader(bytes);
        let Head { id, derivation } = Head::read(&mut rest)?;
        let head = bytes.get(..bytes.len() - rest.0.len()).unwrap_or_default();
        key.check(head, &rest.take()?).ok_or(ContainerError::Key)?;
        let body = bytes.len().checked_sub(SEAL_BYTES).ok_or(ContainerError::Changed)?;
        let (body, seal) = bytes.split_at_checked(body).ok_or(ContainerError::Changed)?;
        let seal = seal.try_into().map_err(|_| ContainerError::Changed)?;
        key.check(body, &seal).ok_or(ContainerError::Changed)?;
        // What follows is as it was written by us.
        let generation = u64::from_le_bytes(rest.take()?);
        let count = u32::from_le_bytes(rest.take()?);
        let mut records = BTreeMap::new();
        for _ in 0..count.min(RECORDS_MAX as u32) {
            let scope = parse_scope(rest.text()?).ok_or(ContainerError::Changed)?;
            let name = Name::new(rest.text()?).map_err(|_| ContainerError::Changed)?;
            let version = u32::from_le_bytes(rest.take()?);
            let nonce = rest.take()?;
            let bytes = rest.part()?.to_vec();
            records.insert(CredentialId::new(scope, name), Sealed { version, nonce, bytes });
        }
        Ok(Self { id, derivation, generation, records })
    }

    /// The bytes of the whole file; none when the system gives no random numbers.
    pub(super) fn encode(&self, key: &SealKey) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.id);
        self.derivation.encode(&mut bytes);
        let head = key.seal_nothing(&bytes);
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(self.records.len()).unwrap_or(0).to_le_bytes());
        for (id, record) in &self.records {
            put(&mut bytes, id.scope().to_string().as_bytes());
            put(&mut bytes, id.name().as_str().as_bytes());
            bytes.extend_from_slice(&record.version.to_le_bytes());
            bytes.extend_from_slice(&record.nonce);
            put(&mut bytes, &record.bytes);
        }
        let whole = key.seal_nothing(&bytes);
        bytes.extend_from_slice(&whole);
        bytes
    }

    /// Seals a record in place of what was there.
    pub(super) fn insert(&mut self, key: &SealKey, id: &CredentialId, version: u32, plain: &[u8]) {
        let nonce = random();
        let bytes = key.seal(&nonce, &self.associated(id, version), plain);
        self.records.insert(id.clone(), Sealed { version, nonce, bytes });
    }

    /// Opens a record; none when it is not the one that was sealed there.
    pub(super) fn open(
        &self,
        key: &SealKey,
        id: &CredentialId,
        record: &Sealed,
    ) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        key.open(&record.nonce, &self.associated(id, record.version), &record.bytes)
    }

    /// What a record is bound to.
    fn associated(&self, id: &CredentialId, version: u32) -> Vec<u8> {
        let mut bytes = b"ccm credential".to_vec();
        bytes.extend_from_slice(&self.id);
        put(&mut bytes, id.scope().to_string().as_bytes());
        put(&mut bytes, id.name().as_str().as_bytes());
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes
    }
}

/// The beginning of a file, which says how its key is made.
struct Head {
    id: [u8; 16],
    derivation: Derivation,
}

impl Head {
    fn read(rest: &mut Reader<'_>) -> Result<Self, ContainerError> {
        if rest.take::<8>().map_err(|_| ContainerError::Foreign)? != *MAGIC {
            return Err(ContainerError::Foreign);
        }
        let id = rest.take()?;
        let derivation = match rest.take::<1>()? {
            [0] => Derivation::KeyFile,
            [1] => Derivation::Passphrase {
                salt: rest.take()?,
                cost: Cost {
                    memory_kib: u32::from_le_bytes(rest.take()?),
                    passes: u32::from_le_bytes(rest.take()?),
                },
            },
            _ => return Err(ContainerError::Foreign),
        };
        Ok(Self { id, derivation })
    }
}

impl Derivation {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::KeyFile => bytes.push(0),
            Self::Passphrase { salt, cost } => {
                bytes.push(1);
                bytes.extend_from_slice(salt);
                bytes.extend_from_slice(&cost.memory_kib.to_le_bytes());
                bytes.extend_from_slice(&cost.passes.to_le_bytes());
            }
        }
    }
}

/// Which generation of a file is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub generation: u64,
}

impl Anchor {
    /// The bytes for the file of an id.
    pub(super) fn encode(self, key: &SealKey, id: [u8; 16]) -> Vec<u8> {
        let mut bytes = ANCHOR_MAGIC.to_vec();
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        let seal = key.seal_nothing(&[bytes.as_slice(), &id].concat());
        bytes.extend_from_slice(&seal);
        bytes
    }

    /// Reads and checks the anchor of the file of an id.
    pub(super) fn decode(
        bytes: &[u8],
        key: &SealKey,
        id: [u8; 16],
    ) -> Result<Self, ContainerError> {
        let mut rest = Reader(bytes);
        if rest.take::<8>()? != *ANCHOR_MAGIC {
            return Err(ContainerError::Changed);
        }
        let generation = rest.take::<8>()?;
        let seal = rest.take()?;
        let bound = [ANCHOR_MAGIC.as_slice(), &generation, &id].concat();
        key.check(&bound, &seal).ok_or(ContainerError::Changed)?;
        let end = if rest.0.is_empty() { Ok(()) } else { Err(ContainerError::Changed) };
        end.map(|()| Self { generation: u64::from_le_bytes(generation) })
    }
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(part);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn slice(&mut self, length: usize) -> Result<&'a [u8], ContainerError> {
        let (part, rest) = self.0.split_at_checked(length).ok_or(ContainerError::Changed)?;
        self.0 = rest;
        Ok(part)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ContainerError> {
        self.slice(N)?.try_into().map_err(|_| ContainerError::Changed)
    }

    fn part(&mut self) -> Result<&'a [u8], ContainerError> {
        let length = u32::from_le_bytes(self.take()?);
        self.slice(usize::try_from(length).map_err(|_| ContainerError::Changed)?)
    }

    fn text(&mut self) -> Result<&'a str, ContainerError> {
        std::str::from_utf8(self.part()?).map_err(|_| ContainerError::Changed)
    }
}
