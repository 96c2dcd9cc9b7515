//! Bytes that nobody but their receiver may see.

use std::io::{self, Read};

use bytes::Bytes;
use zeroize::{Zeroize as _, Zeroizing};

/// The longest secret in bytes: room for a private key in PEM or a long token, and nothing that
/// would be data.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

/// A secret. It has no `Display`, `Debug` or `Serialize` and no `Clone`, so that no format string,
/// log line or message can take it along; its memory is overwritten when it is dropped.
///
/// ```compile_fail
/// let secret = ccm_daemon::secret::Secret::from("sk_live");
/// println!("{secret}");
/// ```
///
/// ```compile_fail
/// let secret = ccm_daemon::secret::Secret::from("sk_live");
/// println!("{secret:?}");
/// ```
///
/// ```compile_fail
/// let secret = ccm_daemon::secret::Secret::from("sk_live");
/// let _ = serde_json::to_string(&secret);
/// ```
///
/// ```compile_fail
/// let secret = ccm_daemon::secret::Secret::from("sk_live");
/// let _ = secret.clone();
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes bytes over. The vector is kept as it is, so that no copy of it stays behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads to the end of a reader, at most [`SECRET_BYTES_MAX`] bytes. The buffer never grows,
    /// as growing leaves a copy behind.
    pub fn read(reader: &mut dyn Read) -> io::Result<Self> {
        let mut buffer = Zeroizing::new(vec![0; SECRET_BYTES_MAX + 1]);
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match reader.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if filled > SECRET_BYTES_MAX {
            let problem = format!("a secret has at most {SECRET_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(Self::new(buffer.get(..filled).unwrap_or_default().to_vec()))
    }

    /// Reads what an open descriptor of this process gives, to its end, at most
    /// [`SECRET_BYTES_MAX`] bytes.
    pub fn from_descriptor(number: u32) -> io::Result<Self> {
        Self::read(&mut std::fs::File::open(format!("/dev/fd/{number}"))?)
    }

    /// Takes over what a message brought. The message's own bytes are overwritten, unless others
    /// still hold them.
    pub fn from_message(bytes: Bytes) -> Self {
        match bytes.try_into_mut() {
            Ok(mut bytes) => {
                let secret = Self::new(bytes.to_vec());
                bytes.as_mut().zeroize();
                secret
            }
            Err(bytes) => Self::new(bytes.to_vec()),
        }
    }

    /// Bytes for a message, which are overwritten once it has been sent.
    pub fn into_message(self) -> Bytes {
        Bytes::from_owner(self.0)
    }

    /// The bytes, for the one place that sends or seals them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, for a header or a form; none when they are not UTF-8.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// A second holder of the same bytes, which are overwritten there too.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.to_vec())
    }

    /// Without the line end that files and prompts put behind a secret.
    #[must_use]
    pub fn without_line_end(mut self) -> Self {
        if self.0.last() == Some(&b'\n') {
            self.0.pop();
            if self.0.last() == Some(&b'\r') {
                self.0.pop();
            }
        }
        self
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

/// Fails to compile when a type that holds secrets learns to show or send itself.
///
/// Each trait makes a second way to call the function for the types that have it, and two ways are
/// one too many.
macro_rules! assert_silent {
    ($($hidden:ty),+) => {$(
        const _: fn() = || {
            trait Silent<Way> {
                fn silent() {}
            }
            struct Shown;
            struct Told;
            struct Sent;
            impl<T: ?Sized> Silent<()> for T {}
            impl<T: ?Sized + std::fmt::Display> Silent<Shown> for T {}
            impl<T: ?Sized + std::fmt::Debug> Silent<Told> for T {}
            impl<T: ?Sized + serde::Serialize> Silent<Sent> for T {}
            <$hidden as Silent<_>>::silent();
        };
    )+};
}
pub(crate) use assert_silent;

/// As [`assert_silent`], and fails to compile when the type learns to multiply itself too.
macro_rules! assert_hidden {
    ($($hidden:ty),+) => {$(
        $crate::secret::bytes::assert_silent!($hidden);
        const _: fn() = || {
            trait Single<Way> {
                fn single() {}
            }
            struct Multiplied;
            impl<T: ?Sized> Single<()> for T {}
            impl<T: ?Sized + Clone> Single<Multiplied> for T {}
            <$hidden as Single<_>>::single();
        };
    )+};
}
pub(crate) use assert_hidden;

assert_hidden!(Secret);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_gives_back_what_it_was_given() {
        let secret = Secret::from("s3cret");
        assert_eq!(secret.expose(), b"s3cret");
        assert_eq!(secret.expose_text(), Some("s3cret"));
        assert_eq!(secret.duplicate().expose(), secret.expose());
        assert_eq!(secret.len(), 6);
        assert!(Secret::new(Vec::new()).is_empty());
        assert!(Secret::new(vec![0xff]).expose_text().is_none());
    }

    #[test]
    fn reading_takes_all_and_refuses_what_is_too_long() {
        let longest = vec![7; SECRET_BYTES_MAX];
        assert_eq!(Secret::read(&mut longest.as_slice()).unwrap().expose(), longest);
        assert!(Secret::read(&mut vec![7; SECRET_BYTES_MAX + 1].as_slice()).is_err());
    }

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        for (given, kept) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a ", "a "), ("", "")]
        {
            assert_eq!(Secret::from(given).without_line_end().expose(), kept.as_bytes());
        }
    }
}
