//! What can be refused without looking at documents.

use std::collections::BTreeSet;

use super::layer::MODULE_MANAGER;
use super::request::{
    Action, ApplyError, HUMAN, REASON_BYTES_MAX, REQUEST_BYTES_MAX, Request, WRITES_MAX, Write,
};
use super::schema::Text;
use crate::access::{Identity, authorize};

/// Refuses what can be refused without looking at documents; gives the manager.
pub(super) fn admit<'a>(request: &'a Request, identity: &Identity) -> Result<&'a str, ApplyError> {
    authorize(identity, &request.scope)?;
    if request.reason.trim().is_empty() && !request.dry_run {
        return Err(ApplyError::ReasonMissing);
    }
    if request.reason.len() > REASON_BYTES_MAX {
        return Err(ApplyError::ReasonTooLong);
    }
    if request.writes.len() > WRITES_MAX {
        return Err(ApplyError::TooMany(request.writes.len()));
    }
    let size = |write: &Write| match &write.action {
        Action::Put(Text::Toml(text) | Text::Json(text)) => text.len(),
        Action::Delete | Action::RevertTo(_) => 0,
    };
    let bytes = request.writes.iter().map(size).sum();
    if bytes > REQUEST_BYTES_MAX {
        return Err(ApplyError::TooLarge(bytes));
    }
    let mut seen = BTreeSet::new();
    for write in &request.writes {
        if !seen.insert(&write.id) {
            return Err(ApplyError::Twice(write.id.clone()));
        }
    }
    manager(&request.manager, identity)
}

fn manager<'a>(named: &'a str, identity: &Identity) -> Result<&'a str, ApplyError> {
    // What a module offers comes through the daemon; nobody else speaks for a module.
    let prefixes: &[&str] = if identity.is_daemon() {
        &["file:", "import:", MODULE_MANAGER]
    } else {
        &["file:", "import:"]
    };
    let prefixed = prefixes
        .iter()
        .any(|prefix| named.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()));
    match named {
        "" => Ok(HUMAN),
        HUMAN | "file" | "import" => Ok(named),
        _ if prefixed && named.len() <= REASON_BYTES_MAX => Ok(named),
        _ => Err(ApplyError::Manager(named.chars().take(80).collect())),
    }
}
