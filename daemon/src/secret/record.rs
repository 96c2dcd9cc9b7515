//! A credential as bytes, for the providers that keep bytes.
//!
//! ```text
//! layout u8 | kind u8 | scope | name | account | origin | api origin |
//!     version u32 | created i64 | rotated i64 | secret
//! ```
//!
//! Texts and the secret are preceded by their length as u32; all numbers are little endian. The API's
//! origin is empty where there is none; layout 1 does not have it.

use ccm_proto::model::Timestamp;
use zeroize::Zeroizing;

use super::{Credential, CredentialId, CredentialKind, Material, Pins, Secret};

/// The layout above.
const LAYOUT: u8 = 2;

/// The layout without the API's origin, which is still read.
const LAYOUT_OF_ONE_ORIGIN: u8 = 1;

/// The longest record in bytes: the longest secret and what goes with it.
pub(super) const RECORD_BYTES_MAX: usize = super::SECRET_BYTES_MAX + 4_096;

/// Bytes that are no record, or another credential's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record is not one of this credential; delete the credential and set it again")]
pub(super) struct RecordError;

/// The bytes of a credential.
pub(super) fn encode(id: &CredentialId, credential: &Credential) -> Zeroizing<Vec<u8>> {
    // All of it at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(RECORD_BYTES_MAX));
    bytes.push(LAYOUT);
    bytes.push(credential.material.kind() as u8);
    put(&mut bytes, id.scope().to_string().as_bytes());
    put(&mut bytes, id.name().as_str().as_bytes());
    put(&mut bytes, credential.material.account().as_bytes());
    put(&mut bytes, credential.pins.origin.to_string().as_bytes());
    let api_origin = credential.pins.api_origin.as_ref().map(ToString::to_string);
    put(&mut bytes, api_origin.unwrap_or_default().as_bytes());
    bytes.extend_from_slice(&credential.version.to_le_bytes());
    bytes.extend_from_slice(&credential.created.as_millis().to_le_bytes());
    bytes.extend_from_slice(&credential.rotated.as_millis().to_le_bytes());
    put(&mut bytes, credential.material.secret().expose());
    bytes
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(part);
}

/// The credential of `id` in bytes.
pub(super) fn decode(id: &CredentialId, bytes: &[u8]) -> Result<Credential, RecordError> {
    let mut rest = Reader(bytes);
    let [layout] = rest.take::<1>()?;
    if !matches!(layout, LAYOUT | LAYOUT_OF_ONE_ORIGIN) {
        return Err(RecordError);
    }
    let [kind] = rest.take::<1>()?;
    let kind = CredentialKind::ALL.into_iter().find(|known| *known as u8 == kind);
    let kind = kind.ok_or(RecordError)?;
    if rest.text()? != id.scope().to_string() || rest.text()? != id.name().as_str() {
        return Err(RecordError);
    }
    let account = rest.text()?.to_owned();
    let origin = rest.text()?.parse().map_err(|_| RecordError)?;
    let api_origin = match layout {
        LAYOUT_OF_ONE_ORIGIN => "",
        _ => rest.text()?,
    };
    let api_origin = match api_origin {
        "" => None,
        text => Some(text.parse().map_err(|_| RecordError)?),
    };
    let version = u32::from_le_bytes(rest.take()?);
    let created = Timestamp::from_millis(i64::from_le_bytes(rest.take()?));
    let rotated = Timestamp::from_millis(i64::from_le_bytes(rest.take()?));
    let secret = Secret::new(rest.part()?.to_vec());
    if !rest.0.is_empty() {
        return Err(RecordError);
    }
    let material = Material::new(kind, account, secret);
    let pins = Pins { origin, api_origin };
    Ok(Credential { material, pins, version, created, rotated })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn slice(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (part, rest) = self.0.split_at_checked(length).ok_or(RecordError)?;
        self.0 = rest;
        Ok(part)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        self.slice(N)?.try_into().map_err(|_| RecordError)
    }

    fn part(&mut self) -> Result<&'a [u8], RecordError> {
        let length = u32::from_le_bytes(self.take()?);
        self.slice(usize::try_from(length).map_err(|_| RecordError)?)
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.part()?).map_err(|_| RecordError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::testing::{credential, id};

    #[test]
    fn a_record_says_what_was_put_into_it() {
        for kind in CredentialKind::ALL {
            let id = id("tenant:acme", "stripe");
            let mut given = credential("s3cret", "https://api.stripe.com");
            given.material = Material::new(kind, "someone".to_owned(), Secret::from("s3cret"));
            given.version = 7;
            let read = decode(&id, &encode(&id, &given)).ok().unwrap();
            assert_eq!(read.material.kind(), kind);
            assert_eq!(read.material.secret().expose(), b"s3cret");
            assert_eq!(read.material.account(), given.material.account().to_owned());
            assert_eq!(read.info(id.clone()), given.info(id));
        }
    }

    #[test]
    fn a_record_keeps_both_origins_and_one_of_the_former_layout_still_opens() {
        let id = id("platform", "google");
        let mut given = credential("s3cret", "https://oauth2.googleapis.com");
        let former = [
            &[LAYOUT_OF_ONE_ORIGIN, CredentialKind::Token as u8][..],
            b"\x08\0\0\0platform\x06\0\0\0google\0\0\0\0\x1d\0\0\0https://oauth2.googleapis.com",
            b"\x01\0\0\0\xe8\x03\0\0\0\0\0\0\xe8\x03\0\0\0\0\0\0\x06\0\0\0s3cret",
        ];
        let read = decode(&id, &former.concat()).ok().unwrap();
        assert_eq!(read.info(id.clone()), given.info(id.clone()));
        assert_eq!(read.material.secret().expose(), b"s3cret");
        given.pins.api_origin = Some("https://analyticsdata.googleapis.com".parse().unwrap());
        let read = decode(&id, &encode(&id, &given)).ok().unwrap();
        assert_eq!(read.info(id.clone()), given.info(id));
    }

    #[test]
    fn the_record_of_another_credential_is_refused() {
        let bytes = encode(&id("platform", "stripe"), &credential("x", "https://api.stripe.com"));
        assert!(decode(&id("platform", "sendgrid"), &bytes).is_err());
        assert!(decode(&id("tenant:acme", "stripe"), &bytes).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&id("platform", "stripe"), &bytes);
        }

        #[test]
        fn a_record_that_is_cut_is_none(length in any::<prop::sample::Index>()) {
            let id = id("platform", "stripe");
            let bytes = encode(&id, &credential("s3cret", "https://api.stripe.com"));
            prop_assert!(decode(&id, &bytes[..length.index(bytes.len())]).is_err());
        }
    }
}
