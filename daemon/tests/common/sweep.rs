//! Looks for a secret in every form in which it could have been written.
#![expect(clippy::unwrap_used, reason = "a helper of tests")]

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use rand::Rng as _;

/// A secret that nothing else looks like.
pub(crate) fn canary() -> String {
    let mut random = rand::rng();
    let tail = (0..32).map(|_| char::from(random.sample(rand::distr::Alphanumeric)));
    format!("sk_\"canary\\{}", tail.collect::<String>())
}

/// What a secret looks like in an encoding.
pub(crate) struct Needle {
    /// What the form is called.
    pub encoding: String,
    /// The form.
    pub bytes: Vec<u8>,
}

/// Every form in which a secret could be written.
pub(crate) fn needles(secret: &str) -> Vec<Needle> {
    let mut needles = Vec::new();
    let mut add = |encoding: &str, bytes: Vec<u8>| {
        needles.push(Needle { encoding: encoding.to_owned(), bytes });
    };
    let raw = secret.as_bytes();
    let hex = |upper: bool, before: &str| {
        raw.iter().fold(String::new(), |mut text, byte| {
            let _ = if upper {
                write!(text, "{before}{byte:02X}")
            } else {
                write!(text, "{before}{byte:02x}")
            };
            text
        })
    };
    let wide = |order: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(order).collect();
    add("raw", raw.to_vec());
    add("the first 8 characters of its own part", raw[11..19].to_vec());
    add("the last 8 characters", raw[raw.len() - 8..].to_vec());
    add("hex", hex(false, "").into_bytes());
    add("HEX", hex(true, "").into_bytes());
    add("percent", hex(true, "%").into_bytes());
    add("\\x", hex(false, "\\x").into_bytes());
    add("\\u", hex(false, "\\u00").into_bytes());
    add("JSON", serde_json::to_string(secret).unwrap().trim_matches('"').as_bytes().to_vec());
    add("a list of numbers", format!("{raw:?}").trim_matches(['[', ']']).as_bytes().to_vec());
    add("UTF-16LE", wide(u16::to_le_bytes));
    add("UTF-16BE", wide(u16::to_be_bytes));
    for (name, alphabet) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
        for before in 0..3 {
            let engine = GeneralPurpose::new(alphabet, NO_PAD);
            let text = engine.encode([&vec![0; before], raw].concat());
            // The characters at both ends hold bits of the neighbours.
            let first = [0, 2, 3][before];
            let inner = text.as_bytes()[first..text.len() - 2].to_vec();
            add(&format!("{name}, {before} bytes after a border"), inner);
        }
    }
    needles
}

/// Where a secret is in what stands at a place.
pub(crate) fn found(needles: &[Needle], place: &str, bytes: &[u8]) -> Vec<String> {
    let holds =
        |needle: &&Needle| bytes.windows(needle.bytes.len()).any(|window| window == needle.bytes);
    needles.iter().filter(holds).map(|needle| format!("{place}: {}", needle.encoding)).collect()
}

/// Everything below a directory.
pub(crate) fn sweep(needles: &[Needle], directory: &Path, files: &mut usize) -> Vec<String> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            hits.extend(sweep(needles, &entry, files));
        } else if let Ok(bytes) = std::fs::read(&entry) {
            *files += 1;
            hits.extend(found(needles, &entry.display().to_string(), &bytes));
        }
    }
    hits
}
