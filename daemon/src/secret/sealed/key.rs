//! The key that seals, and where it comes from.

use std::path::PathBuf;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::TryRngCore as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::secret::Secret;
use crate::secret::private::{self, Guard, PrivateError};
use crate::storage::disk::RealDisk;

/// Bytes of a nonce: so many that random ones do not meet.
pub(super) const NONCE_BYTES: usize = 24;

/// Bytes of a tag.
const TAG_BYTES: usize = 16;

/// A seal over bytes that stay readable: a nonce and a tag.
pub(super) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// The most memory that a file's head may ask for, in KiB: a gibibyte.
const MEMORY_KIB_MAX: u32 = 1 << 20;

/// The most passes that a file's head may ask for.
const PASSES_MAX: u32 = 64;

/// The longest passphrase in bytes.
const PASSPHRASE_BYTES_MAX: usize = 4_096;

/// What a guess at the passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Cost {
    /// 64 MiB and three passes: some tenths of a second once a start, and for each guess.
    pub(super) const FULL: Self = Self { memory_kib: 64 * 1024, passes: 3 };
}

/// How a file's key is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Derivation {
    /// It is the content of the key file.
    KeyFile,
    /// It is made from a passphrase by Argon2id.
    Passphrase { salt: [u8; 16], cost: Cost },
}

/// Where the key comes from.
pub(in crate::secret) enum KeySource {
    /// A file of 32 random bytes, which is made when it is first needed.
    File(PathBuf),
    /// A passphrase.
    Passphrase(Secret),
    /// A file that holds the passphrase.
    PassphraseFile(PathBuf),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] PrivateError),
    /// What was sealed cannot be opened any more.
    #[error("the key file {} is gone; put it back from a backup", .0.display())]
    Gone(PathBuf),
    /// It is no key.
    #[error("the key file {} does not hold {KEY_BYTES} bytes; put it back from a backup", .0.display())]
    Length(PathBuf),
    /// It is empty.
    #[error("the passphrase is empty; name a file or a descriptor that holds one")]
    Empty,
    /// The file is not there.
    #[error("the passphrase file {} does not exist", .0.display())]
    NoPassphrase(PathBuf),
    /// The file was sealed otherwise.
    #[error("it was sealed with {0}; set that again in [credentials] of the settings")]
    Other(&'static str),
    /// The head asks for more than anything should.
    #[error("its head asks for more memory or time than is allowed")]
    Cost,
}

/// Seals and opens. The cipher's memory is overwritten when it is dropped.
pub(super) struct SealKey(XChaCha20Poly1305);

impl SealKey {
    fn new(mut bytes: [u8; KEY_BYTES]) -> Self {
        let mut key = Key::from(bytes);
        bytes.zeroize();
        let cipher = XChaCha20Poly1305::new(&key);
        key.as_mut_slice().zeroize();
        Self(cipher)
    }

    /// A key for tests.
    #[cfg(test)]
    pub(super) fn fixed(byte: u8) -> Self {
        Self::new([byte; KEY_BYTES])
    }

    /// Seals bytes together with what they are bound to.
    pub(super) fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        associated: &[u8],
        plain: &[u8],
    ) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: associated };
        // Only lengths beyond the cipher's 256 GiB fail; nothing is what cannot be opened again.
        self.0.encrypt(&XNonce::from(*nonce), payload).unwrap_or_default()
    }

    /// Opens bytes; none when they or what they are bound to are not what was sealed.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        associated: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let payload = Payload { msg: sealed, aad: associated };
        self.0.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    /// A seal over bytes that stay readable.
    pub(super) fn seal_nothing(&self, associated: &[u8]) -> [u8; SEAL_BYTES] {
        let nonce: [u8; NONCE_BYTES] = random();
        let tag = self.seal(&nonce, associated, &[]);
        let mut seal = [0; SEAL_BYTES];
        for (to, from) in seal.iter_mut().zip(nonce.iter().chain(&tag)) {
            *to = *from;
        }
        seal
    }

    /// Whether a seal is the one over these bytes.
    pub(super) fn check(&self, associated: &[u8], seal: &[u8; SEAL_BYTES]) -> Option<()> {
        let (nonce, tag) = seal.split_first_chunk::<NONCE_BYTES>()?;
        self.open(nonce, associated, tag).map(drop)
    }
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if rand::rngs::OsRng.try_fill_bytes(&mut bytes).is_err() {
        // The system has none before it has gathered any; this generator waits for them.
        rand::Rng::fill(&mut rand::rng(), bytes.as_mut_slice());
    }
    bytes
}

impl KeySource {
    /// How the key of a new file is made.
    pub(super) fn derivation(&self, cost: Cost) -> Derivation {
        match self {
            Self::File(_) => Derivation::KeyFile,
            Self::Passphrase(_) | Self::PassphraseFile(_) => {
                Derivation::Passphrase { salt: random(), cost }
            }
        }
    }

    /// Says what is in the way of a first key, as far as that can be seen without making one.
    pub(super) fn look(&self) -> Result<(), KeyError> {
        match self {
            Self::File(path) => {
                let bytes = private::read(path, KEY_BYTES, Guard::Owner)?;
                let whole = bytes.is_none_or(|bytes| bytes.len() == KEY_BYTES);
                if whole { Ok(()) } else { Err(KeyError::Length(path.clone())) }
            }
            Self::Passphrase(passphrase) if passphrase.is_empty() => Err(KeyError::Empty),
            Self::Passphrase(_) => Ok(()),
            Self::PassphraseFile(path) => {
                let bytes = private::read(path, PASSPHRASE_BYTES_MAX, Guard::Owner)?;
                bytes.map(drop).ok_or_else(|| KeyError::NoPassphrase(path.clone()))
            }
        }
    }

    /// The key of a file. A key file that is missing is made when nothing is sealed yet.
    pub(super) fn key(&self, derivation: &Derivation, fresh: bool) -> Result<SealKey, KeyError> {
        match (self, derivation) {
            (Self::File(path), Derivation::KeyFile) => key_file(path, fresh),
            (Self::Passphrase(passphrase), Derivation::Passphrase { salt, cost }) => {
                derive(passphrase.expose(), salt, *cost)
            }
            (Self::PassphraseFile(path), Derivation::Passphrase { salt, cost }) => {
                let bytes = private::read(path, PASSPHRASE_BYTES_MAX, Guard::Owner)?;
                let mut bytes = bytes.ok_or_else(|| KeyError::NoPassphrase(path.clone()))?;
                let passphrase = Secret::new(std::mem::take(&mut *bytes)).without_line_end();
                derive(passphrase.expose(), salt, *cost)
            }
            (_, Derivation::KeyFile) => Err(KeyError::Other("a key file")),
            (_, Derivation::Passphrase { .. }) => Err(KeyError::Other("a passphrase")),
        }
    }
}

fn key_file(path: &std::path::Path, fresh: bool) -> Result<SealKey, KeyError> {
    let bytes = private::read(path, KEY_BYTES, Guard::Owner)?;
    let bytes = match bytes {
        Some(bytes) => bytes,
        None if fresh => {
            let bytes = Zeroizing::new(random::<KEY_BYTES>());
            private::replace(&RealDisk, path, bytes.as_slice())?;
            Zeroizing::new(bytes.to_vec())
        }
        None => return Err(KeyError::Gone(path.to_owned())),
    };
    let bytes = bytes.as_slice().try_into().map_err(|_| KeyError::Length(path.to_owned()))?;
    Ok(SealKey::new(bytes))
}

fn derive(passphrase: &[u8], salt: &[u8], cost: Cost) -> Result<SealKey, KeyError> {
    if passphrase.is_empty() {
        return Err(KeyError::Empty);
    }
    if cost.memory_kib > MEMORY_KIB_MAX || cost.passes > PASSES_MAX {
        return Err(KeyError::Cost);
    }
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(KEY_BYTES));
    let params = params.map_err(|_| KeyError::Cost)?;
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, bytes.as_mut_slice())
        .map_err(|_| KeyError::Cost)?;
    Ok(SealKey::new(*bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_passphrase_is_stretched_as_much_as_was_promised() {
        const { assert!(Cost::FULL.memory_kib >= 64 * 1024 && Cost::FULL.passes >= 3) }
        let source = KeySource::Passphrase(Secret::from("correct horse"));
        let derivation = source.derivation(Cost::FULL);
        let one = source.key(&derivation, true).ok().unwrap();
        let two = source.key(&derivation, false).ok().unwrap();
        assert!(two.check(b"x", &one.seal_nothing(b"x")).is_some());
    }

    #[test]
    fn a_key_file_is_made_once_and_never_again_in_place_of_a_lost_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("key");
        let source = KeySource::File(path.clone());
        let key = |fresh| source.key(&Derivation::KeyFile, fresh);
        assert!(matches!(key(false), Err(KeyError::Gone(_))));
        let seal = key(true).ok().unwrap().seal_nothing(b"x");
        assert!(key(false).ok().unwrap().check(b"x", &seal).is_some());
        assert!(key(true).ok().unwrap().check(b"x", &seal).is_some());
        std::fs::write(&path, b"short").unwrap();
        assert!(matches!(key(true), Err(KeyError::Length(_))));
    }

    #[test]
    fn a_head_that_asks_for_too_much_and_an_empty_passphrase_are_refused() {
        let source = KeySource::Passphrase(Secret::from("x"));
        for cost in [
            Cost { memory_kib: MEMORY_KIB_MAX + 1, passes: 1 },
            Cost { memory_kib: 8, passes: PASSES_MAX + 1 },
            Cost { memory_kib: 0, passes: 0 },
        ] {
            let derivation = Derivation::Passphrase { salt: [1; 16], cost };
            assert!(matches!(source.key(&derivation, false), Err(KeyError::Cost)));
        }
        let empty = KeySource::Passphrase(Secret::from(""));
        let derivation = empty.derivation(Cost { memory_kib: 8, passes: 1 });
        assert!(matches!(empty.key(&derivation, true), Err(KeyError::Empty)));
    }

    #[test]
    fn no_two_nonces_are_the_same() {
        let key = SealKey::fixed(1);
        let nonce = |_| key.seal_nothing(b"")[..NONCE_BYTES].to_vec();
        let nonces: BTreeSet<Vec<u8>> = (0..20_000).map(nonce).collect();
        assert_eq!(nonces.len(), 20_000);
    }
}
