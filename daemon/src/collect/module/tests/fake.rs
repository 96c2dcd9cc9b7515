//! A way to a module that answers what a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;

use crate::collect::module::way::{Answer, Asked, Chunks, Purpose, Way, WayError};

pub(super) fn text(status: u16, content_type: &str, body: &str) -> Answer {
    Answer {
        status,
        content_type: content_type.to_owned(),
        retry_after: None,
        body: Bytes::copy_from_slice(body.as_bytes()),
        latency: Interval::from_millis(3),
    }
}

pub(super) fn json(body: &str) -> Answer {
    text(200, "application/json", body)
}

type Given = Result<Answer, WayError>;

/// Answers by path, until another one is given.
#[derive(Default)]
pub(super) struct Fake {
    answers: Mutex<BTreeMap<String, Given>>,
    asked: Mutex<Vec<String>>,
    posted: Mutex<Vec<Posted>>,
    /// Paths whose answer never comes.
    silent: Mutex<Vec<String>>,
    news: tokio::sync::Notify,
}

/// What was brought to a module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Posted {
    pub(super) socket: String,
    pub(super) path: String,
    pub(super) source: String,
    pub(super) purpose: Purpose,
    pub(super) body: serde_json::Value,
}

impl Fake {
    pub(super) fn new(answers: &[(&str, &str)]) -> Arc<Self> {
        let fake = Arc::new(Self::default());
        for (path, body) in answers {
            fake.give(path, Ok(json(body)));
        }
        fake
    }

    pub(super) fn give(&self, path: &str, answer: Given) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(super) fn silence(&self, path: &str) {
        self.silent.lock().unwrap().push(path.to_owned());
    }

    /// What was brought since the last time.
    pub(super) fn posted(&self) -> Vec<Posted> {
        std::mem::take(&mut self.posted.lock().unwrap())
    }

    /// Waits until so many things were brought, and takes them.
    pub(super) async fn wait_posted(&self, count: usize) -> Vec<Posted> {
        while self.posted.lock().unwrap().len() < count {
            self.news.notified().await;
        }
        self.posted()
    }

    pub(super) fn refuse_all(&self) {
        for answer in self.answers.lock().unwrap().values_mut() {
            *answer = Err(WayError::NotListening(SafeText::new("connection refused")));
        }
    }

    /// What was asked since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Way for Fake {
    fn get(&self, asked: Asked) -> BoxFuture<'_, Given> {
        self.asked.lock().unwrap().push(asked.path.clone());
        let path = asked.path.split('?').next().unwrap();
        let answer = self.answers.lock().unwrap().get(path).cloned();
        let answer = answer.unwrap_or_else(|| Ok(text(404, "", "")));
        if self.silent.lock().unwrap().iter().any(|silent| silent == path) {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(answer))
    }

    fn post(&self, asked: Asked, body: Bytes) -> BoxFuture<'_, Given> {
        let posted = Posted {
            socket: asked.spec.endpoint.to_string(),
            path: asked.path.clone(),
            source: asked.source.to_string(),
            purpose: asked.purpose.clone(),
            body: serde_json::from_slice(&body).unwrap(),
        };
        self.posted.lock().unwrap().push(posted);
        self.news.notify_one();
        self.get(asked)
    }

    fn open(
        &self,
        asked: Asked,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Result<Chunks, Answer>, WayError>> {
        let answer = self.get(asked);
        Box::pin(async { Ok(Ok(chunks(&[&answer.await?.body]))) })
    }
}

/// A stream that says some bytes and ends.
pub(super) fn chunks(bytes: &[&[u8]]) -> Chunks {
    let owned: Vec<Result<Bytes, WayError>> =
        bytes.iter().map(|bytes| Ok(Bytes::copy_from_slice(bytes))).collect();
    futures_util::stream::iter(owned).boxed()
}
