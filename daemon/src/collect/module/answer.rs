//! What a module's answers say: its manifest, its health, its events, and its errors.

use ccm_proto::SafeText;
use ccm_proto::model::module::{Ask, Health, Manifest, ModuleEvent};
use serde::de::DeserializeOwned;

use super::sse::Frame;
use super::way::Answer;

/// How much of an error is shown.
const SHOWN_MAX: usize = 200;

/// Why an answer says nothing: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// An error, with what the module says about it.
    #[error("it answered {status}: {said}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The problem's title and detail, or what else was there.
        said: SafeText,
    },
    /// Not JSON.
    #[error("it answered {0} instead of JSON")]
    MediaType(SafeText),
    /// JSON that is something else.
    #[error("its {what} is not as the contract has it: {problem}")]
    Form {
        /// What was asked for.
        what: &'static str,
        /// Where it is wrong, and how.
        problem: SafeText,
    },
}

fn shown(text: &str) -> SafeText {
    let short: String = text.chars().take(SHOWN_MAX).collect();
    SafeText::new(&short)
}

/// The body of a good answer.
pub fn body(answer: &Answer) -> Result<&[u8], AnswerError> {
    if answer.status < 300 {
        return Ok(&answer.body);
    }
    Err(AnswerError::Status { status: answer.status, said: problem(answer) })
}

/// The body of a good answer in JSON.
pub fn json(answer: &Answer) -> Result<&[u8], AnswerError> {
    let body = body(answer)?;
    let media = answer.content_type.split(';').next().unwrap_or_default().trim();
    let media = media.to_ascii_lowercase();
    if media == "application/json" || media.ends_with("+json") {
        Ok(body)
    } else if media.is_empty() {
        Err(AnswerError::MediaType(SafeText::new("something without a media type")))
    } else {
        Err(AnswerError::MediaType(shown(&media)))
    }
}

/// What an error says about itself: a problem of RFC 9457, else the beginning of its text.
fn problem(answer: &Answer) -> SafeText {
    #[derive(serde::Deserialize)]
    struct Problem {
        title: Option<String>,
        detail: Option<String>,
    }
    let said = serde_json::from_slice::<Problem>(&answer.body).ok().and_then(|problem| {
        match (problem.title, problem.detail) {
            (Some(title), Some(detail)) => Some(format!("{title}, {detail}")),
            (title, detail) => title.or(detail),
        }
    });
    let text = said.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
    if text.trim().is_empty() { SafeText::new("without a word") } else { shown(text.trim()) }
}

fn typed<T: DeserializeOwned>(
    what: &'static str,
    body: &[u8],
    problems: impl Fn(&T) -> Vec<(String, String)>,
) -> Result<T, AnswerError> {
    let form = |problem: String| AnswerError::Form { what, problem: shown(&problem) };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        form(if path == "." { cause.to_string() } else { format!("{path}: {cause}") })
    })?;
    deserializer.end().map_err(|error| form(error.to_string()))?;
    match problems(&value).into_iter().next() {
        None => Ok(value),
        Some((path, problem)) => Err(form(format!("{path}: {problem}"))),
    }
}

/// What a module that reports by itself says it is.
pub fn pushed_manifest(json: &[u8]) -> Result<Manifest, AnswerError> {
    typed("manifest", json, Manifest::problems)
}

/// How a module that reports by itself says it is.
pub fn pushed_health(json: &[u8]) -> Result<Health, AnswerError> {
    typed("health", json, Health::problems)
}

/// A manifest.
pub fn manifest(answer: &Answer) -> Result<Manifest, AnswerError> {
    pushed_manifest(json(answer)?)
}

/// A module's health.
pub fn health(answer: &Answer) -> Result<Health, AnswerError> {
    pushed_health(json(answer)?)
}

/// An ask of a stream.
pub fn ask(frame: &Frame) -> Result<Ask, AnswerError> {
    typed("ask", frame.data.as_bytes(), Ask::problems)
}

/// An event of a stream.
pub fn event(frame: &Frame) -> Result<ModuleEvent, AnswerError> {
    typed("event", frame.data.as_bytes(), ModuleEvent::problems)
}
