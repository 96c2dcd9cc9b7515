//! The document service: reads and changes documents through the registry.

use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::convert::ConvertError;
use ccm_proto::model::document::canonical;
use ccm_proto::model::{DocumentId, Kind, Name, Scope, Timestamp};
use ccm_proto::wire;
use ccm_proto::wire::document_service_server::DocumentService;
use prost::Message;
use serde_json::Value;
use tonic::{Code, Request, Response, Status};

use crate::access::Identity;
use crate::clock::Clock;
use crate::registry::actor::{Entry, Query, RegistryHandle};
use crate::registry::change::Collision;
use crate::registry::diagnostic::Diagnostic;
use crate::registry::{self, Action, Applied, ApplyError, Conflict, Layer, OutcomeResult, Text};
use crate::secret::{SecretError, SecretStore};

/// How long is looked for credentials that documents name.
const WARNINGS_LIMIT: Duration = Duration::from_secs(1);

/// The most bytes of a status' details. They travel in a header, in base64, and clients refuse
/// header lists of more than 16 KiB.
const DETAILS_BYTES_MAX: usize = 8 * 1024;

/// The most characters of a status' message, which travels in a header too, percent-encoded.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The most characters of one value in a conflict's details.
const VALUE_CHARS_MAX: usize = 500;

/// How many revisions an answer holds when the question does not say.
const HISTORY_DEFAULT: u32 = 50;

/// Answers for the registry.
#[derive(Clone)]
pub struct Documents {
    registry: RegistryHandle,
    clock: Clock,
    secrets: Option<SecretStore>,
}

impl Documents {
    /// A service over a registry.
    pub fn new(registry: RegistryHandle, clock: Clock) -> Self {
        Self { registry, clock, secrets: None }
    }

    /// With warnings about credentials that documents name and nobody has set.
    #[must_use]
    pub fn with_secrets(mut self, secrets: SecretStore) -> Self {
        self.secrets = Some(secrets);
        self
    }

    async fn warn_of_credentials(&self, applied: &mut Applied) {
        let Some(secrets) = &self.secrets else { return };
        for outcome in &mut applied.outcomes {
            let Some(name) = &outcome.credential else { continue };
            // Sources look credentials up for the platform.
            let found = secrets.find(&Scope::Platform, name).await;
            if let Err(error @ SecretError::Missing { .. }) = found {
                outcome.warnings.push(error.to_string());
            }
        }
    }
}

#[tonic::async_trait]
impl DocumentService for Documents {
    async fn get(
        &self,
        request: Request<wire::GetRequest>,
    ) -> Result<Response<wire::GetResponse>, Status> {
        let query = query(request.into_inner()).map_err(|error| malformed(&error))?;
        let found = self.registry.get(query).await;
        let (entries, generation) = found.map_err(|error| status(&error, self.clock.now()))?;
        let documents = entries.iter().map(entry).collect();
        Ok(Response::new(wire::GetResponse { documents, generation }))
    }

    async fn apply(
        &self,
        request: Request<wire::ApplyRequest>,
    ) -> Result<Response<wire::ApplyResponse>, Status> {
        let identity = identity(&request)?;
        let request = change(request.into_inner()).map_err(|error| malformed(&error))?;
        let applied = self.registry.apply(request, identity).await;
        let mut applied = applied.map_err(|error| status(&error, self.clock.now()))?;
        let warned = self.warn_of_credentials(&mut applied);
        // The change is made: a keeper of secrets that is slow must not make it look otherwise.
        let _ = tokio::time::timeout(WARNINGS_LIMIT, warned).await;
        Ok(Response::new(response(applied)))
    }

    async fn history(
        &self,
        request: Request<wire::HistoryRequest>,
    ) -> Result<Response<wire::HistoryResponse>, Status> {
        let request = request.into_inner();
        let (id, scope) = place(request.id, request.scope).map_err(|error| malformed(&error))?;
        let limit = if request.limit == 0 { HISTORY_DEFAULT } else { request.limit };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = self.registry.history(id, scope, request.before_revision, limit).await;
        let found = found.map_err(|error| status(&error, self.clock.now()))?;
        let revisions = found.revisions.iter().map(|revision| layer(revision)).collect();
        Ok(Response::new(wire::HistoryResponse { revisions, more: found.more }))
    }
}

/// Whoever the server found out to be calling. A call without one is the server's mistake.
fn identity<T>(request: &Request<T>) -> Result<Identity, Status> {
    request.extensions().get::<Identity>().cloned().ok_or_else(|| {
        Status::unauthenticated("the caller is not known; connect through the local socket")
    })
}

fn query(request: wire::GetRequest) -> Result<Query, ConvertError> {
    let kind = match request.kind {
        0 => None,
        number => {
            let known = wire::Kind::try_from(number).unwrap_or(wire::Kind::Unspecified);
            Some(Kind::try_from(known).map_err(|error| error.within("kind"))?)
        }
    };
    let name = match request.name.as_str() {
        "" => None,
        name => {
            let name = Name::new(name).map_err(|error| ConvertError::new(error.to_string()));
            Some(name.map_err(|error| error.within("name"))?)
        }
    };
    let scope = request.scope.map(Scope::try_from).transpose();
    Ok(Query { kind, name, scope: scope.map_err(|error| error.within("scope"))? })
}

fn place(
    id: Option<wire::DocumentId>,
    scope: Option<wire::Scope>,
) -> Result<(DocumentId, Scope), ConvertError> {
    let id = id.ok_or_else(|| ConvertError::missing("id"))?;
    let id = DocumentId::try_from(id).map_err(|error| error.within("id"))?;
    let scope = Scope::try_from(scope.unwrap_or_default()).map_err(|e| e.within("scope"))?;
    Ok((id, scope))
}

fn change(request: wire::ApplyRequest) -> Result<registry::Request, ConvertError> {
    let scope = request.scope.unwrap_or_default();
    let mut writes = Vec::with_capacity(request.writes.len());
    for (index, write) in request.writes.into_iter().enumerate() {
        let write = self::write(write);
        writes.push(write.map_err(|error| error.within(format!("writes[{index}]")))?);
    }
    Ok(registry::Request {
        writes,
        scope: Scope::try_from(scope).map_err(|error| error.within("scope"))?,
        reason: request.reason,
        manager: request.manager,
        force: request.force,
        dry_run: request.dry_run,
    })
}

fn write(write: wire::Write) -> Result<registry::Write, ConvertError> {
    use wire::write::Action as Wire;
    let (id, _) = place(write.id, None)?;
    let action = match write.action {
        Some(Wire::SpecJson(text)) => Action::Put(Text::Json(text)),
        Some(Wire::SpecToml(text)) => Action::Put(Text::Toml(text)),
        Some(Wire::Delete(true)) => Action::Delete,
        Some(Wire::RevertTo(revision)) => Action::RevertTo(revision),
        Some(Wire::Delete(false)) | None => return Err(ConvertError::missing("action")),
    };
    Ok(registry::Write { id, base_revision: write.base_revision, action })
}

fn entry(entry: &Entry) -> wire::DocumentEntry {
    wire::DocumentEntry {
        effective: Some(entry.document.as_ref().into()),
        layer: entry.layer.as_deref().map(layer),
    }
}

fn layer(layer: &Layer) -> wire::Layer {
    wire::Layer {
        id: Some((&layer.id).into()),
        scope: Some((&layer.scope).into()),
        revision: layer.revision,
        generation: layer.generation,
        deleted: layer.deleted,
        spec_json: if layer.deleted { String::new() } else { canonical(&layer.spec()) },
        source_toml: layer.source_toml.clone().unwrap_or_default(),
        provenance: Some((&layer.provenance).into()),
    }
}

fn response(applied: Applied) -> wire::ApplyResponse {
    use wire::outcome::Result as Wire;
    let outcome = |outcome: registry::Outcome| wire::Outcome {
        id: Some((&outcome.id).into()),
        result: match outcome.result {
            OutcomeResult::Created => Wire::Created,
            OutcomeResult::Changed => Wire::Changed,
            OutcomeResult::Unchanged => Wire::Unchanged,
            OutcomeResult::Deleted => Wire::Deleted,
            OutcomeResult::Rebased => Wire::Rebased,
        }
        .into(),
        revision: outcome.revision,
        changed_paths: outcome.changed.iter().map(ToString::to_string).collect(),
        warnings: outcome.warnings,
    };
    wire::ApplyResponse {
        outcomes: applied.outcomes.into_iter().map(outcome).collect(),
        generation: applied.generation,
        dry_run: applied.dry_run,
    }
}

fn malformed(error: &ConvertError) -> Status {
    Status::invalid_argument(clip(SafeText::new(&error.to_string()).as_str()))
}

/// The one table from the registry's refusals to gRPC's codes.
fn status(error: &ApplyError, now: Timestamp) -> Status {
    let details = match error {
        ApplyError::Conflict(conflict) => fit(collisions(conflict), |details| &mut details.paths),
        ApplyError::Invalid(found) => fit(problems(found, now), |details| &mut details.problems),
        _ => Vec::new(),
    };
    let code = match error {
        ApplyError::Access(_) => Code::PermissionDenied,
        ApplyError::ReasonMissing
        | ApplyError::ReasonTooLong
        | ApplyError::Manager(_)
        | ApplyError::TooMany(_)
        | ApplyError::TooLarge(_)
        | ApplyError::Twice(_)
        | ApplyError::Invalid(_) => Code::InvalidArgument,
        ApplyError::Conflict(_) => Code::Aborted,
        ApplyError::Owned { .. }
        | ApplyError::Breaks(_)
        | ApplyError::Circle(_)
        | ApplyError::Shipped(_) => Code::FailedPrecondition,
        ApplyError::Unknown { .. } | ApplyError::UnknownRevision { .. } => Code::NotFound,
        ApplyError::ReadOnly(_) | ApplyError::Stopped => Code::Unavailable,
    };
    let message = SafeText::new(&error.to_string());
    Status::with_details(code, clip(message.as_str()), details.into())
}

fn collisions(conflict: &Conflict) -> wire::Conflict {
    let path = |collision: &Collision| wire::ConflictPath {
        path: collision.path.to_string(),
        base_json: json(collision.base.as_ref()),
        current_json: json(collision.current.as_ref()),
        proposed_json: json(collision.proposed.as_ref()),
    };
    wire::Conflict {
        id: Some((&conflict.id).into()),
        base_revision: conflict.base_revision,
        current_revision: conflict.current_revision,
        paths: conflict.collisions.iter().map(path).collect(),
        current: conflict.current.as_ref().map(Into::into),
    }
}

/// Empty for "absent"; too long a value becomes the text of its beginning.
fn json(value: Option<&Value>) -> String {
    let text = value.map(canonical).unwrap_or_default();
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text;
    }
    let beginning: String = text.chars().take(VALUE_CHARS_MAX).collect();
    Value::String(beginning + "…").to_string()
}

fn problems(found: &[Diagnostic], now: Timestamp) -> wire::InvalidDocuments {
    let notice = |diagnostic: &Diagnostic| (&diagnostic.notice(&diagnostic.label, now)).into();
    wire::InvalidDocuments { problems: found.iter().map(notice).collect() }
}

/// Encodes details, without the last items of their list where there is too little room.
fn fit<M: Message, T>(mut details: M, list: impl Fn(&mut M) -> &mut Vec<T>) -> Vec<u8> {
    while details.encoded_len() > DETAILS_BYTES_MAX && list(&mut details).pop().is_some() {}
    details.encode_to_vec()
}

fn clip(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}
