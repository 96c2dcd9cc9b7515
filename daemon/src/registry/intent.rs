//! What a write wants its layer to say.

use ccm_proto::model::DocumentId;

use super::check::check;
use super::diagnostic::Diagnostic;
use super::layer::Managed;
use super::request::{ApplyError, HUMAN, Request, Write};
use super::rules::Rules;
use super::schema::{Origin, Text, parse};
use super::statement::{Statement, state};

/// What a write wants the layer to say.
pub(super) struct Intent {
    pub(super) statement: Statement,
    pub(super) origin: Origin,
    pub(super) toml: Option<String>,
    /// The statement is all that the layer shall say, and these are the owners.
    pub(super) managed: Option<Managed>,
}

/// People delete the whole layer; another manager takes back what it said, and leaves what others
/// said. None when there is nothing to delete.
pub(super) fn deletion(
    request: &Request,
    write: &Write,
    manager: &str,
    managed: &Managed,
) -> Option<Intent> {
    if managed.is_empty() {
        return None;
    }
    let whole = manager == HUMAN || request.force;
    Some(Intent {
        statement: Statement::new(),
        origin: Origin::nameless(&write.id.to_string()),
        toml: None,
        managed: whole.then(Managed::new),
    })
}

/// What a text says for whoever writes it.
pub(super) fn put(write: &Write, manager: &str, text: &Text) -> Result<Intent, ApplyError> {
    let named = write.id.to_string();
    let label = manager.strip_prefix("file:").unwrap_or(&named);
    let (statement, origin) = read(&write.id, text, label).map_err(ApplyError::Invalid)?;
    if statement.is_empty() {
        let empty = Diagnostic::new(label, "the document says nothing; delete it instead");
        return Err(ApplyError::Invalid(vec![empty]));
    }
    let toml = match text {
        Text::Toml(toml) => Some(toml.clone()),
        Text::Json(_) => None,
    };
    Ok(Intent { statement, origin, toml, managed: None })
}

/// What a text says.
pub(super) fn read(
    id: &DocumentId,
    text: &Text,
    label: &str,
) -> Result<(Statement, Origin), Vec<Diagnostic>> {
    let parsed = parse(text, label)?;
    let complete = || check(id.kind, &parsed.tree).is_ok();
    let replace = parsed.directives.replace.unwrap_or_else(complete);
    let statement = state(&Rules::of(id.kind), &parsed.tree, &parsed.directives, replace);
    Ok((statement, parsed.origin))
}
