//! What a trial sees of what goes out and comes back.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ccm_proto::SafeText;

use super::mask::Mask;

/// The most exchanges of one trial that are shown.
pub const EXCHANGES_MAX: usize = 32;

/// What is shown of a body.
pub const BODY_SHOWN: usize = 64 << 10;

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
    /// What hides the secret that went with it in what is made of the answer.
    pub mask: Option<Arc<Mask>>,
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
        let Some(mask) = Mask::of(secret) else { return };
        self.answer = mask.bytes(&self.answer);
        self.request_body = mask.bytes(&self.request_body);
        for text in self.answer_headers.iter_mut().chain(&mut self.request_headers) {
            *text = mask.text(text);
        }
        self.asked = mask.text(&self.asked);
        self.mask = Some(Arc::new(mask));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        let mut exchange = Exchange {
            asked: "GET https://a.example/x?k=s3cret%2Fkey%2B1".to_owned(),
            answer: Bytes::from_static(b"you sent s3cret/key+1 twice: s3cret/key+1"),
            answer_headers: vec!["x-echo: s3cret/key+1".to_owned()],
            ..Exchange::default()
        };
        exchange.mask(b"s3cret/key+1");
        assert_eq!(exchange.answer, "you sent *** twice: ***");
        assert_eq!(exchange.answer_headers, ["x-echo: ***"]);
        assert_eq!(exchange.asked, "GET https://a.example/x?k=***");
        assert!(exchange.mask.is_some(), "what is made of the answer is masked too");
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
