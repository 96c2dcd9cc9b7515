//! What can be asked of the registry, and what it answers.

use std::fmt;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{DocumentId, Name, Provenance, Scope};

use super::change::{Collision, Owned};
use super::diagnostic::Diagnostic;
use super::layer::Layer;
use super::path::Path;
use super::schema::Text;
use crate::access::AccessError;

/// The most documents of one request; all of them or none are written, in one record.
pub const WRITES_MAX: usize = 1_000;

/// The most text of one request. It becomes one record of the ledger, which holds the text and what
/// it says, and has its own limit.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest reason and manager, in bytes.
pub const REASON_BYTES_MAX: usize = 1_024;

/// The manager of what people write themselves.
pub const HUMAN: &str = "human";

/// The manager of what is shipped; nobody can write as it.
pub const BUILTIN: &str = "builtin";

/// A change of one or many documents.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What to write: all of it or nothing.
    pub writes: Vec<Write>,
    /// Whose layers.
    pub scope: Scope,
    /// Why; may be blank only in a dry run.
    pub reason: String,
    /// Through what: `human`, `file:<path>`, `import:<source>`. Empty means `human`.
    pub manager: String,
    /// Takes places over from their owners.
    pub force: bool,
    /// Says what would happen and changes nothing.
    pub dry_run: bool,
}

/// A change of one document.
#[derive(Clone, Debug)]
pub struct Write {
    /// The document.
    pub id: DocumentId,
    /// The revision that the change was made on: none stands for the newest, 0 for "there is none".
    pub base_revision: Option<u64>,
    /// What to do.
    pub action: Action,
}

/// What to do with a document.
#[derive(Clone, Debug)]
pub enum Action {
    /// Say this, all of it.
    Put(Text),
    /// Say nothing any more.
    Delete,
    /// Say again what this revision said.
    RevertTo(u64),
}

/// What became of a request, or would become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// One for each write, in their order.
    pub outcomes: Vec<Outcome>,
    /// Position of the change in the order of all; 0 when nothing changes.
    pub generation: u64,
    /// Nothing was changed.
    pub dry_run: bool,
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The document.
    pub id: DocumentId,
    /// What happened.
    pub result: OutcomeResult,
    /// The layer's revision afterwards.
    pub revision: u64,
    /// Places whose effective value changed, sorted.
    pub changed: Vec<Path>,
    /// What does not keep the change from happening but should be known.
    pub warnings: Vec<String>,
    /// The credential that the document names afterwards.
    pub credential: Option<Name>,
}

/// What happened to a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeResult {
    /// There was none.
    Created,
    /// It has a new revision.
    Changed,
    /// It said that already.
    Unchanged,
    /// It says nothing any more.
    Deleted,
    /// It has a new revision, which unites the change with newer ones.
    Rebased,
}

/// Two changes of the same places.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The document.
    pub id: DocumentId,
    /// What the change was made on.
    pub base_revision: u64,
    /// What there is now.
    pub current_revision: u64,
    /// The places, with all three values.
    pub collisions: Vec<Collision>,
    /// Who wrote the current revision.
    pub current: Option<Provenance>,
}

/// Why a request was refused. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// The identity may not write there.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No reason was given.
    #[error("a change needs a reason; say in a few words why it is made")]
    ReasonMissing,
    /// The reason is too long.
    #[error("a reason has at most {REASON_BYTES_MAX} bytes")]
    ReasonTooLong,
    /// Not a manager that may be named.
    #[error("{0:?} is no manager; it is human, file:PATH or import:SOURCE")]
    Manager(String),
    /// Too many writes in a request.
    #[error("{0} documents are too many for one request; write at most {WRITES_MAX} at a time")]
    TooMany(usize),
    /// Too much text in a request.
    #[error("{0} bytes are too many for one request; write at most {REQUEST_BYTES_MAX} at a time")]
    TooLarge(usize),
    /// The same document twice.
    #[error("{0} is written twice in one request; write it once")]
    Twice(DocumentId),
    /// The documents are not right.
    #[error("{}", summary(.0))]
    Invalid(Vec<Diagnostic>),
    /// Someone else changed the same places.
    #[error("{}", conflict(.0))]
    Conflict(Box<Conflict>),
    /// Places belong to another manager.
    #[error("{}", owned(.id, .places))]
    Owned {
        /// The document.
        id: DocumentId,
        /// The places and their owners.
        places: Vec<Owned>,
    },
    /// What would be gone is still needed.
    #[error("{}", breaks(.0))]
    Breaks(Vec<Break>),
    /// Documents that need each other in a circle: themes that inherit, queries of queries.
    #[error("{} need each other in a circle; let one of them stand alone", circle(.0))]
    Circle(Vec<DocumentId>),
    /// There is no such document.
    #[error("there is no {id}{}", .nearest.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        id: DocumentId,
        /// The nearest name of the same kind.
        nearest: Option<DocumentId>,
    },
    /// Only what is shipped is there.
    #[error("{0} is shipped with CCM and has no changes that could be deleted")]
    Shipped(DocumentId),
    /// There is no such revision.
    #[error("{id} has no revision {revision}; its history tells which there are")]
    UnknownRevision {
        /// The document.
        id: DocumentId,
        /// What was asked for.
        revision: u64,
    },
    /// Nothing can be written at present.
    #[error("{0}")]
    ReadOnly(SafeText),
    /// The daemon is going down.
    #[error("the daemon is stopping; try again when it is back")]
    Stopped,
}

/// A reference that would lead nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Who refers.
    pub from: DocumentId,
    /// To what would be gone.
    pub to: DocumentId,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs {}", self.from, self.to)
    }
}

/// The most parts that a sentence lists.
const LISTED_MAX: usize = 5;

fn list<T: fmt::Display>(items: &[T]) -> String {
    let shown: Vec<String> = items.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    match items.len().saturating_sub(LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => "the document is not valid".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

fn conflict(conflict: &Conflict) -> String {
    let paths: Vec<&Path> = conflict.collisions.iter().map(|collision| &collision.path).collect();
    format!(
        "{} was changed since revision {} (now {}) in the same places: {}; look at both and write again",
        conflict.id,
        conflict.base_revision,
        conflict.current_revision,
        list(&paths)
    )
}

fn owned(id: &DocumentId, places: &[Owned]) -> String {
    let owner = |place: &Owned| format!("{} belongs to {}", place.path, place.manager);
    let places: Vec<String> = places.iter().map(owner).collect();
    format!("{id}: {}; change it there, or force the change to take it over", list(&places))
}

fn breaks(breaks: &[Break]) -> String {
    format!("{}; change what needs it first", list(breaks))
}

fn circle(circle: &[DocumentId]) -> String {
    circle.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> ")
}

/// Finds earlier revisions of layers.
pub trait Revisions {
    /// A layer as it was at a revision; none when there is no such revision (any more).
    fn revision(&self, id: &DocumentId, scope: &Scope, revision: u64) -> Option<Arc<Layer>>;
}
