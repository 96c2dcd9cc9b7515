//! What can go wrong with a subcommand, as one sentence and an exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use ccm_proto::SafeText;
use ccm_proto::model::DocumentId;
use ccm_proto::wire;
use prost::Message as _;
use tonic::{Code, Status};

use super::{EXIT_NO_DAEMON, EXIT_REFUSED, EXIT_USAGE};
use crate::autostart::AutostartError;

/// Why a subcommand did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The arguments make no sense together, or name what is not there.
    #[error("{0}")]
    Usage(String),
    /// There is no daemon.
    #[error(transparent)]
    NoDaemon(#[from] AutostartError),
    /// The daemon went away or cannot be understood.
    #[error("the daemon does not answer: {0}; see `ccm daemon logs`")]
    Link(String),
    /// The daemon refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Something could not be read or written.
    #[error("{what}: {error}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Why the daemon refused, in lines.
#[derive(Debug)]
pub struct Refusal {
    /// What the status said.
    pub sentence: String,
    /// Both versions of every conflicting path, or the annotated problems.
    pub details: Vec<SafeText>,
    /// What the daemon has instead, when the change was made on something older.
    pub conflict: Option<wire::Conflict>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", SafeText::new(&self.sentence))?;
        for line in &self.details {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

impl CommandError {
    /// Something could not be read or written.
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        Self::Io { what: what.into(), error }
    }

    /// With the files' paths where the daemon, which does not know them, names documents and
    /// lines: `source/shop:4:2` is `sources/shop.toml:4:2`.
    pub fn in_files(mut self, files: &[(DocumentId, PathBuf)]) -> Self {
        if let Self::Refused(refusal) = &mut self {
            for (id, path) in files {
                let (label, place) = (format!("{id}:"), format!("{}:", path.display()));
                let located = |text: &str| place_lines(text, &label, &place);
                refusal.sentence = located(&refusal.sentence);
                for line in &mut refusal.details {
                    *line = SafeText::new(&located(line.as_str()));
                }
            }
        }
        self
    }

    /// The process' exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) | Self::Io { .. } => EXIT_USAGE,
            Self::NoDaemon(_) | Self::Link(_) => EXIT_NO_DAEMON,
            Self::Refused(_) => EXIT_REFUSED,
        })
    }
}

impl From<Status> for CommandError {
    fn from(status: Status) -> Self {
        let sentence = status.message().to_owned();
        match status.code() {
            Code::Aborted => match wire::Conflict::decode(status.details()) {
                Ok(conflict) => Self::Refused(Box::new(Refusal {
                    sentence,
                    details: conflict_lines(&conflict),
                    conflict: Some(conflict),
                })),
                Err(_) => Self::Refused(Box::new(Refusal {
                    sentence,
                    details: Vec::new(),
                    conflict: None,
                })),
            },
            Code::InvalidArgument => {
                let problems = wire::InvalidDocuments::decode(status.details()).unwrap_or_default();
                let details = problems.problems.iter().flat_map(problem_lines).collect();
                Self::Refused(Box::new(Refusal { sentence, details, conflict: None }))
            }
            Code::Unavailable | Code::Unknown | Code::Internal if status.details().is_empty() => {
                Self::Link(SafeText::new(&sentence).to_string())
            }
            _ => Self::Refused(Box::new(Refusal { sentence, details: Vec::new(), conflict: None })),
        }
    }
}

/// `text` with `place` for every `label` that a line number follows and no word goes before.
fn place_lines(text: &str, label: &str, place: &str) -> String {
    let mut placed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(label) {
        let (before, found) = rest.split_at(at);
        let after = found.get(label.len()..).unwrap_or_default();
        let alone = before.chars().next_back().is_none_or(char::is_whitespace);
        let numbered = after.starts_with(|c: char| c.is_ascii_digit());
        placed.push_str(before);
        placed.push_str(if alone && numbered { place } else { label });
        rest = after;
    }
    placed + rest
}

fn conflict_lines(conflict: &wire::Conflict) -> Vec<SafeText> {
    let mut lines = Vec::new();
    if let Some(current) = &conflict.current {
        lines.push(SafeText::new(&format!(
            "  revision {} is by {}: {}",
            conflict.current_revision, current.actor, current.reason
        )));
    }
    for path in &conflict.paths {
        let shown = |json: &str| if json.is_empty() { "–".to_owned() } else { json.to_owned() };
        lines.push(SafeText::new(&format!("  {}", path.path)));
        lines.push(SafeText::new(&format!("    it was   {}", shown(&path.base_json))));
        lines.push(SafeText::new(&format!("    it is    {}", shown(&path.current_json))));
        lines.push(SafeText::new(&format!("    you want {}", shown(&path.proposed_json))));
    }
    lines
}

/// A problem with its place and the annotated excerpt.
pub(super) fn problem_lines(problem: &wire::Notice) -> Vec<SafeText> {
    let place = match (problem.file.as_str(), problem.line, problem.column) {
        ("", 0, _) => String::new(),
        ("", line, column) => format!("{line}:{column}: "),
        (file, 0, _) => format!("{file}: "),
        (file, line, column) => format!("{file}:{line}:{column}: "),
    };
    let mut lines = vec![SafeText::new(&format!("  {place}{}", problem.summary))];
    lines.extend(problem.detail.lines().map(|line| SafeText::new(&format!("    {line}"))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_the_file_that_was_read() {
        let refusal = Refusal {
            sentence: "source/shop:4:2: there is no key `url` here (and 1 more)".to_owned(),
            details: vec![
                SafeText::new("     --> source/shop:4:2"),
                SafeText::new("  source/my-source/shop:1:1: source/shop: is a name"),
            ],
            conflict: None,
        };
        let id = "source/shop".parse().unwrap();
        let files = [(id, PathBuf::from("./sources/shop.toml"))];
        let error = CommandError::Refused(Box::new(refusal)).in_files(&files).to_string();
        let expected = "./sources/shop.toml:4:2: there is no key `url` here (and 1 more)\n     \
                        --> ./sources/shop.toml:4:2\n  source/my-source/shop:1:1: source/shop: is a name";
        assert_eq!(error, expected);
    }
}
