//! What a trial sees of what goes out and comes back.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ccm_proto::SafeText;

/// The most exchanges of one trial that are shown.
pub const EXCHANGES_MAX: usize = 32;

/// What is shown of a body.
pub const BODY_SHOWN: usize = 64 << 10;

/// What stands for a secret.
const MASK: &[u8] = b"***";

/// A secret that is shorter than this is not looked for within texts: it would be found everywhere.
const MASKED_MIN: usize = 4;

/// One request and its answer.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// Method and address, or the command.
    pub asked: String,
    /// `name: value`; what carries the credential is not among them.
    pub request_headers: Vec<String>,
    /// What was sent.
    pub request_body: Bytes,
    /// The credential that went with it.
    pub credential: Option<String>,
    /// Where the answer came from.
    pub hit: &'static str,
    /// The status, when there was an answer.
    pub status: Option<u16>,
    /// `name: value`.
    pub answer_headers: Vec<String>,
    /// The beginning of the answer.
    pub answer: Bytes,
    /// Bytes of the answer as they came.
    pub answer_bytes: u64,
    /// Parts of the time, in milliseconds.
    pub phases: Vec<(&'static str, f64)>,
    /// Why there is no answer that counts.
    pub error: Option<SafeText>,
}

/// Takes exchanges down. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tap(Arc<Mutex<Vec<Exchange>>>);

impl Tap {
    /// Takes one down, shortened; beyond [`EXCHANGES_MAX`] nothing more.
    pub fn take(&self, mut exchange: Exchange) {
        exchange.answer = shortened(&exchange.answer);
        exchange.request_body = shortened(&exchange.request_body);
        let mut exchanges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if exchanges.len() < EXCHANGES_MAX {
            exchanges.push(exchange);
        }
    }

    /// What was taken down.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn shortened(body: &Bytes) -> Bytes {
    body.slice(..body.len().min(BODY_SHOWN))
}

impl Exchange {
    /// Masks a secret wherever it stands: services repeat what they are sent.
    pub fn mask(&mut self, secret: &[u8]) {
        if secret.len() < MASKED_MIN {
            return;
        }
        let forms = [
            secret.to_vec(),
            STANDARD.encode(secret).into_bytes(),
            URL_SAFE_NO_PAD.encode(secret).into_bytes(),
            url::form_urlencoded::byte_serialize(secret).collect::<String>().into_bytes(),
        ];
        for form in &forms {
            self.answer = masked(&self.answer, form);
            self.request_body = masked(&self.request_body, form);
            for text in self.answer_headers.iter_mut().chain(&mut self.request_headers) {
                let clean = masked(&Bytes::copy_from_slice(text.as_bytes()), form);
                *text = String::from_utf8_lossy(&clean).into_owned();
            }
            let clean = masked(&Bytes::copy_from_slice(self.asked.as_bytes()), form);
            self.asked = String::from_utf8_lossy(&clean).into_owned();
        }
    }
}

fn masked(text: &Bytes, secret: &[u8]) -> Bytes {
    let found = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with(secret));
    let Some(first) = (0..text.len()).find(found) else { return text.clone() };
    let mut clean = text.get(..first).unwrap_or_default().to_vec();
    let mut at = first;
    while let Some(byte) = text.get(at) {
        if found(&at) {
            clean.extend_from_slice(MASK);
            at += secret.len();
        } else {
            clean.push(*byte);
            at += 1;
        }
    }
    clean.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_form_that_services_repeat() {
        let secret = b"s3cret/key+1";
        let mut exchange = Exchange {
            asked: "GET https://a.example/x?k=s3cret%2Fkey%2B1".to_owned(),
            answer: Bytes::from(format!(
                "you sent s3cret/key+1 and {} twice: s3cret/key+1",
                STANDARD.encode(secret)
            )),
            answer_headers: vec!["x-echo: s3cret/key+1".to_owned()],
            ..Exchange::default()
        };
        exchange.mask(secret);
        assert_eq!(exchange.answer, "you sent *** and *** twice: ***");
        assert_eq!(exchange.answer_headers, ["x-echo: ***"]);
        assert_eq!(exchange.asked, "GET https://a.example/x?k=***");
    }

    #[test]
    fn a_trial_keeps_so_much_and_no_more() {
        let tap = Tap::default();
        for _ in 0..EXCHANGES_MAX + 5 {
            let answer = Bytes::from(vec![b'x'; BODY_SHOWN + 1]);
            tap.take(Exchange { answer, ..Exchange::default() });
        }
        let exchanges = tap.exchanges();
        assert_eq!(exchanges.len(), EXCHANGES_MAX);
        assert!(exchanges.iter().all(|exchange| exchange.answer.len() == BODY_SHOWN));
    }
}
