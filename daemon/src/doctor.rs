//! Looks after a data directory that no daemon is using: tells what is damaged, and mends what can
//! be mended.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::registry::actor::{Examined, examine, proven};
use crate::storage::log::{Log, LogOptions, LogReader};
use crate::storage::{Storage, StorageError};

/// What to do beside looking.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct DoctorArgs {
    /// Make the index anew from the ledger
    #[arg(long)]
    pub rebuild: bool,
    /// Keep the changes before the damage of a damaged ledger and put the rest aside
    #[arg(long)]
    pub repair: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// One for each part and each thing that was done.
    pub lines: Vec<String>,
    /// Nothing is damaged, or not any more.
    pub sound: bool,
}

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// Nothing is there.
    #[error("{} does not exist; no daemon has kept anything there", .0.display())]
    Nothing(PathBuf),
    /// It is in use, or cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Looks at a data directory. Reads all of it; beside what `args` says only that is done which a
/// start of the daemon does.
pub fn look(directory: &Path, args: DoctorArgs) -> Result<Findings, DoctorError> {
    if !directory.is_dir() {
        return Err(DoctorError::Nothing(directory.to_owned()));
    }
    let mut findings = Findings { lines: Vec::new(), sound: true };
    let Storage { ledger, index, index_state, recovery, keeper } = Storage::open(directory)?;
    findings.lines.extend(recovery.iter().cloned());
    let examined = examine(&ledger, index, args.rebuild);
    ledger_findings(&examined, &size(&ledger.reader()), args, &mut findings);
    for name in histories(directory) {
        history_findings(directory, &name, &mut findings)?;
    }
    if examined.damage.is_none() {
        return Ok(findings);
    }
    if !args.repair {
        let hint = "documents cannot be changed until a backup is put in its place, or doctor \
                    --repair keeps what is before the damage";
        findings.lines.push(hint.to_owned());
        findings.sound = false;
        return Ok(findings);
    }
    let records = proven(&ledger);
    // The index has been brought to just what is kept.
    let storage = Storage {
        ledger,
        index: crate::storage::index::Index::in_memory(),
        index_state,
        recovery,
        keeper,
    };
    let aside = storage.replace_ledger(&records)?;
    let (kept, aside) = (examined.changes, aside.display());
    findings
        .lines
        .push(format!("repaired: kept {}, the damaged ledger is {aside}", count(kept, "change")));
    Ok(findings)
}

fn ledger_findings(examined: &Examined, size: &str, args: DoctorArgs, findings: &mut Findings) {
    let Examined { changes, damage, index_problem } = examined;
    let state = match damage {
        None => "sound".to_owned(),
        Some(_) => format!("damaged after change {changes}"),
    };
    findings.lines.push(format!("ledger: {}, {size}, {state}", count(*changes, "change")));
    let index = match (index_problem, args.rebuild) {
        (Some(problem), _) => format!("cannot be written: {problem}"),
        (None, true) => "made anew".to_owned(),
        (None, false) => "goes with the ledger".to_owned(),
    };
    findings.sound &= index_problem.is_none();
    findings.lines.push(format!("index: {index}"));
}

fn history_findings(
    directory: &Path,
    name: &str,
    findings: &mut Findings,
) -> Result<(), StorageError> {
    let path = directory.join("history").join(name);
    let (log, recovery) = Log::open(&path, LogOptions::default())?;
    let reader = log.reader();
    let damages: BTreeSet<String> = recovery
        .damages
        .iter()
        .map(ToString::to_string)
        .chain(reader.verify().iter().map(ToString::to_string))
        .collect();
    let state = if damages.is_empty() { "sound" } else { "damaged; its other samples are kept" };
    findings.sound &= damages.is_empty();
    findings.lines.push(format!("history/{name}: {}, {state}", size(&reader)));
    findings.lines.extend(recovery.cut.iter().map(ToString::to_string).chain(damages));
    Ok(())
}

fn size(log: &LogReader) -> String {
    let segments = log.segments();
    let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    format!("{}, {bytes} bytes", count(segments.len() as u64, "segment"))
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The names of history's logs.
fn histories(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory.join("history")).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
