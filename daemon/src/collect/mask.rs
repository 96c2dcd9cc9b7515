//! A secret in what people are shown: services repeat what they are sent, in whatever form.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::Value as Json;
use zeroize::Zeroizing;

/// What stands for a secret.
const MASK: &[u8] = b"***";

/// A form that is shorter than this is not looked for: it would be found everywhere.
const FORM_MIN: usize = 4;

/// The forms of one secret, which are overwritten when this is dropped.
pub struct Mask(Vec<Zeroizing<Vec<u8>>>);

impl Mask {
    /// The forms of a secret; none when it is too short to be told from other text.
    pub fn of(secret: &[u8]) -> Option<Self> {
        if secret.len() < FORM_MIN {
            return None;
        }
        let mut forms = vec![secret.to_vec(), hex(secret, false, ""), hex(secret, true, "")];
        forms.extend([hex(secret, true, "%"), hex(secret, false, "%")]);
        forms.extend([false, true].map(|upper| percent(secret, upper)));
        let form: String = url::form_urlencoded::byte_serialize(secret).collect();
        forms.push(form.into_bytes());
        forms.extend(std::str::from_utf8(secret).ok().into_iter().flat_map(in_texts));
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            forms.push(engine.encode(secret).into_bytes());
            // Behind other bytes, as a user name and a colon are: what all of them share.
            forms.extend((0..3).map(|before| {
                let text = engine.encode([&[0; 2][..before.min(2)], secret].concat());
                let inner = text.get([0, 2, 3][before]..text.len().saturating_sub(2));
                inner.unwrap_or_default().as_bytes().to_vec()
            }));
        }
        let mut forms: Vec<_> = forms.into_iter().map(Zeroizing::new).collect();
        forms.retain(|form| form.len() >= FORM_MIN);
        // Of two that begin alike the longer one is all of it.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Some(Self(forms))
    }

    /// Bytes without the secret.
    pub fn bytes(&self, bytes: &Bytes) -> Bytes {
        let found = |at: usize| {
            let rest = bytes.get(at..).unwrap_or_default();
            self.0.iter().find(|form| rest.starts_with(form)).map(|form| form.len())
        };
        if (0..bytes.len()).all(|at| found(at).is_none()) {
            return bytes.clone();
        }
        let mut clean = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Some(length) = found(at) {
                clean.extend_from_slice(MASK);
                at += length;
            } else {
                clean.push(*byte);
                at += 1;
            }
        }
        clean.into()
    }

    /// A text without the secret.
    pub fn text(&self, text: &str) -> String {
        let clean = self.bytes(&Bytes::copy_from_slice(text.as_bytes()));
        String::from_utf8_lossy(&clean).into_owned()
    }

    /// A tree whose texts and names have no secret.
    pub fn tree(&self, tree: Json) -> Json {
        match tree {
            Json::String(text) => Json::String(self.text(&text)),
            Json::Array(items) => items.into_iter().map(|item| self.tree(item)).collect(),
            Json::Object(members) => members
                .into_iter()
                .map(|(name, value)| (self.text(&name), self.tree(value)))
                .collect(),
            other => other,
        }
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

/// Every byte as two digits, with something before each.
fn hex(secret: &[u8], upper: bool, before: &str) -> Vec<u8> {
    secret
        .iter()
        .flat_map(|byte| format!("{before}{}", digits(*byte, upper)).into_bytes())
        .collect()
}

/// As in addresses: letters, digits and `-._~` stand for themselves.
fn percent(secret: &[u8], upper: bool) -> Vec<u8> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let form = |byte: u8| match byte {
        byte if plain(byte) => vec![byte],
        byte => format!("%{}", digits(byte, upper)).into_bytes(),
    };
    secret.iter().flat_map(|byte| form(*byte)).collect()
}

fn digits(byte: u8, upper: bool) -> String {
    if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }
}

/// As JSON and HTML write it.
fn in_texts(secret: &str) -> Vec<Vec<u8>> {
    let json = Json::from(secret).to_string();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let signs = [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")];
    let careful = signs.iter().fold(json.to_owned(), |text, (sign, form)| text.replace(sign, form));
    let entities = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    let html =
        entities.iter().fold(secret.to_owned(), |text, (sign, form)| text.replace(sign, form));
    let slashed = json.replace('/', "\\/");
    [json.to_owned(), slashed, careful, html].map(String::into_bytes).to_vec()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn masked(secret: &str, text: &str) -> String {
        Mask::of(secret.as_bytes()).unwrap().text(text)
    }

    #[test]
    fn a_secret_is_masked_in_every_form_that_services_repeat() {
        let secret = "s3cret/key+\"1\"<é";
        let table = [
            ("you sent s3cret/key+\"1\"<é twice", "you sent *** twice"),
            ("{\"k\": \"s3cret/key+\\\"1\\\"<é\"}", "{\"k\": \"***\"}"),
            ("{\"k\": \"s3cret\\/key+\\\"1\\\"<é\"}", "{\"k\": \"***\"}"),
            ("{\"k\": \"s3cret/key+\\\"1\\\"\\u003cé\"}", "{\"k\": \"***\"}"),
            ("k=s3cret%2Fkey%2B%221%22%3C%C3%A9&x=1", "k=***&x=1"),
            ("k=s3cret%2fkey%2b%221%22%3c%c3%a9", "k=***"),
            ("<b>s3cret/key+&quot;1&quot;&lt;é</b>", "<b>***</b>"),
            ("7333637265742f6b65792b2231223cc3a9", "***"),
            ("s3cret/key", "s3cret/key"),
        ];
        for (text, wanted) in table {
            assert_eq!(masked(secret, text), wanted, "{text}");
        }
        assert_eq!(masked(secret, &STANDARD.encode(secret)).trim_end_matches('='), "***");
        for user in ["", "b", "bo", "bob"] {
            let pair = STANDARD.encode(format!("{user}:{secret}"));
            let clean = masked(secret, &pair);
            assert!(clean.contains("***") && clean.len() < 16, "{user}: {clean}");
        }
        assert_eq!(
            Mask::of(secret.as_bytes()).unwrap().tree(json!({ secret: [1, secret] })),
            json!({ "***": [1, "***"] })
        );
        assert!(Mask::of(b"abc").is_none());
    }

    proptest! {
        #[test]
        fn nothing_but_the_secret_is_changed(text in "[a-m ]{0,64}", secret in "[n-z]{8,16}") {
            prop_assert_eq!(masked(&secret, &text), text.clone());
            prop_assert_eq!(masked(&secret, &format!("{text}{secret}{text}")), format!("{text}***{text}"));
        }
    }
}
