//! `ccm apply`, `ccm delete` and `ccm revert`: change documents.

use std::process::ExitCode;

use ccm_proto::SafeText;
use ccm_proto::model::DocumentId;
use ccm_proto::wire::outcome::Result as Outcome;
use ccm_proto::wire::write::Action;
use ccm_proto::wire::{self, ApplyRequest, ApplyResponse, Write};

use super::output::print;
use super::{CommandError, Connection, files};
use crate::cli::{ApplyArgs, DeleteArgs, LinkArgs, RevertArgs};

/// Sends a change and returns what became of it.
pub(super) async fn send(
    connection: &Connection,
    writes: Vec<Write>,
    reason: &str,
    dry_run: bool,
    force: bool,
) -> Result<ApplyResponse, CommandError> {
    let request = ApplyRequest {
        writes,
        scope: Some(wire::Scope::default()),
        reason: reason.to_owned(),
        dry_run,
        force,
        manager: "human".to_owned(),
    };
    Ok(connection.documents().apply(request).await?.into_inner())
}

/// Runs `ccm apply`.
pub(super) async fn apply(args: &ApplyArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let documents = files::read(&args.file, args.id.as_ref())?;
    if args.base.is_some() && documents.len() > 1 {
        return Err(CommandError::Usage("--base goes with one file".to_owned()));
    }
    let connection = Connection::open(link).await?;
    let places = files::places(&documents);
    let writes = documents
        .into_iter()
        .map(|document| Write {
            id: Some((&document.id).into()),
            base_revision: args.base,
            action: Some(Action::SpecToml(document.text)),
        })
        .collect();
    let sent = send(&connection, writes, &args.reason, args.dry_run, args.force).await;
    let response = sent.map_err(|error| error.in_files(&places))?;
    print(&report(&response))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `ccm delete`.
pub(super) async fn delete(args: &DeleteArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    one(&args.id, Action::Delete(true), &args.reason, args.dry_run, link).await
}

/// Runs `ccm revert`.
pub(super) async fn revert(args: &RevertArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    one(&args.id, Action::RevertTo(args.to), &args.reason, args.dry_run, link).await
}

async fn one(
    id: &DocumentId,
    action: Action,
    reason: &str,
    dry_run: bool,
    link: &LinkArgs,
) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let write = Write { id: Some(id.into()), base_revision: None, action: Some(action) };
    let response = send(&connection, vec![write], reason, dry_run, false).await?;
    print(&report(&response))?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each document, and what else should be known.
pub(super) fn report(response: &ApplyResponse) -> String {
    told(response, true)
}

/// As [`report`], without the fields that changed: for documents that nobody wrote by hand.
pub(super) fn brief(response: &ApplyResponse) -> String {
    told(response, false)
}

fn told(response: &ApplyResponse, fields: bool) -> String {
    let mut text = String::new();
    for outcome in &response.outcomes {
        let id = outcome.id.clone().and_then(|id| DocumentId::try_from(id).ok());
        let id = id.map_or_else(|| "?".to_owned(), |id| id.to_string());
        let what = match outcome.result() {
            Outcome::Unspecified => "done",
            Outcome::Created => "created",
            Outcome::Changed => "changed",
            Outcome::Unchanged => "unchanged",
            Outcome::Deleted => "deleted",
            Outcome::Rebased => "changed, on top of a newer revision",
        };
        let would = if response.dry_run { " (dry run)" } else { "" };
        text.push_str(&format!("{id} {what}, revision {}{would}\n", outcome.revision));
        for path in outcome.changed_paths.iter().filter(|_| fields) {
            text.push_str(&format!("  {}\n", SafeText::new(path)));
        }
        for warning in &outcome.warnings {
            text.push_str(&format!("  warning: {}\n", SafeText::new(warning)));
        }
    }
    text
}
