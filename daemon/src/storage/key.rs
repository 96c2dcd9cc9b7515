//! Keys of the index: ordered, and with the tenant in front.
//!
//! Text is written with each zero byte as `00 ff` and ends with `00 01`. So texts sort as they
//! are, and no written text is a prefix of another: a range over one tenant's prefix can never
//! reach a second tenant's keys, whatever the tenants are called.

const PLATFORM: u8 = 1;
const TENANT: u8 = 2;

const TEXT: u8 = 1;
const NUMBER: u8 = 2;

const ESCAPED_ZERO: [u8; 2] = [0, 0xff];
const END: [u8; 2] = [0, 1];

/// A key, or the common prefix of keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// A piece of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A text.
    Text(String),
    /// A number; numbers sort by size.
    Number(u64),
}

impl Key {
    /// The prefix of what belongs to the platform and no tenant.
    pub fn platform() -> Self {
        Self(vec![PLATFORM])
    }

    /// The prefix of what belongs to one tenant.
    pub fn tenant(tenant: &str) -> Self {
        let mut key = Self(vec![TENANT]);
        key.push_text(tenant);
        key
    }

    /// The key with a text behind it.
    pub fn text(mut self, text: &str) -> Self {
        self.0.push(TEXT);
        self.push_text(text);
        self
    }

    /// The key with a number behind it.
    pub fn number(mut self, number: u64) -> Self {
        self.0.push(NUMBER);
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn push_text(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                0 => self.0.extend_from_slice(&ESCAPED_ZERO),
                byte => self.0.push(byte),
            }
        }
        self.0.extend_from_slice(&END);
    }

    /// The key as it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes a stored key apart: the tenant, if any, and the pieces. Nothing if these bytes are
    /// no key.
    pub fn parse(bytes: &[u8]) -> Option<(Option<String>, Vec<Part>)> {
        let (&first, mut rest) = bytes.split_first()?;
        let tenant = match first {
            PLATFORM => None,
            TENANT => Some(take_text(&mut rest)?),
            _ => return None,
        };
        let mut parts = Vec::new();
        while let Some((&kind, behind)) = rest.split_first() {
            rest = behind;
            parts.push(match kind {
                TEXT => Part::Text(take_text(&mut rest)?),
                NUMBER => {
                    let (number, behind) = rest.split_first_chunk()?;
                    rest = behind;
                    Part::Number(u64::from_be_bytes(*number))
                }
                _ => return None,
            });
        }
        Some((tenant, parts))
    }
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        if byte != 0 {
            text.push(byte);
            continue;
        }
        let (&mark, behind) = rest.split_first()?;
        *rest = behind;
        match [0, mark] {
            END => return String::from_utf8(text).ok(),
            ESCAPED_ZERO => text.push(0),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> impl Strategy<Value = String> {
        prop_oneof!["[a\u{0}\u{1}\u{7f}]{0,4}", ".{0,8}"]
    }

    proptest! {
        #[test]
        fn no_tenants_prefix_is_a_prefix_of_another(one in names(), other in names()) {
            let (first, second) = (Key::tenant(&one), Key::tenant(&other));
            prop_assert_eq!(second.as_bytes().starts_with(first.as_bytes()), one == other);
            prop_assert!(!first.as_bytes().starts_with(Key::platform().as_bytes()));
        }

        #[test]
        fn keys_of_one_tenant_are_never_in_the_range_of_another(
            one in names(), other in names(), text in names(), number: u64,
        ) {
            let key = Key::tenant(&one).text(&text).number(number);
            let inside = key.as_bytes().starts_with(Key::tenant(&other).as_bytes());
            prop_assert_eq!(inside, one == other);
        }

        #[test]
        fn keys_sort_by_their_pieces(
            one in (names(), names(), any::<u64>()), other in (names(), names(), any::<u64>()),
        ) {
            let key = |(tenant, text, number): &(String, String, u64)| {
                Key::tenant(tenant).text(text).number(*number)
            };
            prop_assert_eq!(key(&one).cmp(&key(&other)), one.cmp(&other));
        }

        #[test]
        fn a_key_is_taken_apart_as_it_was_made(tenant in names(), text in names(), number: u64) {
            let key = Key::tenant(&tenant).number(number).text(&text);
            let parts = vec![Part::Number(number), Part::Text(text)];
            prop_assert_eq!(Key::parse(key.as_bytes()), Some((Some(tenant), parts)));
        }

        #[test]
        fn any_bytes_are_a_key_or_not(bytes: Vec<u8>) {
            let _ = Key::parse(&bytes);
        }
    }
}
