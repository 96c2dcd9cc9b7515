//! What an answer means for the API and for whoever called it. Pure.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Timestamp};
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::super::quota::Quota;
use super::super::retry_after::{WAIT_MAX, retry_after};
use super::api::Outcome;
use super::{Answers, Call, FetchError, Wait};

/// How long an API that says "too many" without saying how long is left alone.
const HOLD: Interval = Interval::from_secs(5);

/// What an answer means.
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) quota: Option<Quota>,
    pub(super) error: Option<FetchError>,
}

impl Judged {
    /// By the status and the headers.
    pub(super) fn of(call: &Call, status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Self {
        let quota = call.quota.as_ref().and_then(|names| Quota::read(names, headers, now));
        if call.answers == Answers::Any {
            return Self { outcome: Outcome::Good, quota, error: None };
        }
        let api = || SafeText::new(&call.api);
        let code = status.as_u16();
        let asked = retry_after(headers, now);
        let exhausted = quota.and_then(|quota| quota.exhausted(now, WAIT_MAX));
        let hold = match code {
            429 => Some(asked.or(exhausted).unwrap_or(HOLD)),
            // Some say so by the status of a refusal.
            403 => asked.or(exhausted),
            503 => asked,
            _ => None,
        };
        if let Some(after) = hold {
            let wait = Wait::Asked;
            let error = Some(FetchError::TryLater { api: api(), after, wait });
            return Self { outcome: Outcome::Hold(after), quota, error };
        }
        let (outcome, error) = match code {
            200..=299 => (Outcome::Good, None),
            401..=403 => {
                let credential = call.credential.as_ref();
                let revision = credential.map_or(0, |attached| attached.revision);
                let name = credential.map(|attached| Arc::clone(&attached.name));
                let refused =
                    FetchError::Refused { api: api(), status: code, credential: name, tries: 1 };
                let of_credential = code == 401 && credential.is_some();
                let outcome =
                    if of_credential { Outcome::Refused(revision) } else { Outcome::Nothing };
                (outcome, Some(refused))
            }
            500.. => (Outcome::Failed, Some(FetchError::Status { api: api(), status: code })),
            _ => (Outcome::Good, Some(FetchError::Status { api: api(), status: code })),
        };
        Self { outcome, quota, error }
    }
}
