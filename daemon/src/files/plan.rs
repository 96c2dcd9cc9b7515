//! From what is known of files and what was found to what is to be done. Pure.

use ccm_proto::model::{DocumentId, Kind};

use super::ByPath;
use super::scan::{Contents, Found};

/// Files that the registry holds statements of, or that were tried.
pub type Known = ByPath<FileState>;

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileState {
    /// The document that the registry holds a statement of the file for.
    pub holds: Option<DocumentId>,
    /// Hash of the text that was applied last, when nothing has been wrong since.
    pub settled: Option<Hash>,
}

/// Hash of a file's text.
pub type Hash = [u8; 32];

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say what the file says.
    Apply {
        /// The file.
        path: String,
        /// Its document.
        id: DocumentId,
        /// Its text.
        text: String,
        /// The text's hash.
        hash: Hash,
    },
    /// Take back what a file said that is gone.
    Remove {
        /// The file.
        path: String,
        /// Its document.
        id: DocumentId,
    },
    /// Tell why a file cannot be read. What it said holds.
    Complain {
        /// The file.
        path: String,
        /// One sentence with a remedy.
        problem: String,
    },
    /// Stop telling of a file that is gone and said nothing.
    Forget {
        /// The file.
        path: String,
    },
}

/// What is to be done, in an order in which every document comes after those that it needs, and
/// goes before them. Files that were refused are tried again, because what stood in their way may
/// be gone.
pub fn steps(known: &Known, found: &Found) -> Vec<Step> {
    let mut steps = Vec::new();
    for (path, file) in &found.files {
        match (&file.contents, &file.id) {
            (Contents::Unreadable(problem), _) => {
                steps.push(Step::Complain { path: path.clone(), problem: problem.clone() });
            }
            (Contents::Text(text), Some(id)) => {
                let hash = *blake3::hash(text.as_bytes()).as_bytes();
                let state = known.get(path);
                if state.is_none_or(|state| state.settled != Some(hash)) {
                    let (path, id, text) = (path.clone(), id.clone(), text.clone());
                    steps.push(Step::Apply { path, id, text, hash });
                }
            }
            (Contents::Text(_), None) => {}
        }
    }
    // A directory that cannot be read says nothing about its files.
    let gone =
        known.iter().filter(|(path, _)| found.is_complete && !found.files.contains_key(*path));
    for (path, state) in gone {
        let path = path.clone();
        steps.push(match state.holds.clone() {
            Some(id) => Step::Remove { path, id },
            None => Step::Forget { path },
        });
    }
    steps.sort_by_key(order);
    steps
}

fn order(step: &Step) -> (usize, usize) {
    let rank = |kind: Kind| Kind::ALL.iter().position(|other| *other == kind).unwrap_or(0);
    match step {
        Step::Complain { .. } | Step::Forget { .. } => (0, 0),
        Step::Apply { id, .. } => (1, rank(id.kind)),
        Step::Remove { id, .. } => (2, Kind::ALL.len() - rank(id.kind)),
    }
}

/// The reason that a file's first line gives, as in `# reason: calmer at night`.
pub fn reason(text: &str) -> &str {
    let comments = text.lines().take_while(|line| line.starts_with('#') || line.trim().is_empty());
    let stated = comments
        .filter_map(|line| line.trim_start_matches('#').trim_start().strip_prefix("reason:"))
        .map(str::trim)
        .find(|reason| !reason.is_empty());
    stated.map_or("file changed", |reason| clip(reason))
}

/// Within the registry's limit, at a character's boundary.
fn clip(reason: &str) -> &str {
    const REASON_CHARS_MAX: usize = 200;
    reason
        .char_indices()
        .nth(REASON_CHARS_MAX)
        .map_or(reason, |(end, _)| reason.get(..end).unwrap_or_default())
}
