//! Documents in files, as `apply` and `diff` take them.

use std::path::{Path, PathBuf};

use ccm_proto::model::{DocumentId, Kind, Name};

use super::CommandError;

/// A file that holds more is no document.
const FILE_MAX_BYTES: u64 = 256 << 10;

/// A document as a file has it.
#[derive(Debug)]
pub(super) struct DocumentFile {
    /// Which document.
    pub id: DocumentId,
    /// Where it was read.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// Which document was read where.
pub(super) fn places(documents: &[DocumentFile]) -> Vec<(DocumentId, PathBuf)> {
    documents.iter().map(|document| (document.id.clone(), document.path.clone())).collect()
}

/// Reads one file or a directory of documents, in the order in which they refer to each other.
pub(super) fn read(
    path: &Path,
    id: Option<&DocumentId>,
) -> Result<Vec<DocumentFile>, CommandError> {
    let failed = |error| CommandError::io(format!("cannot read {}", path.display()), error);
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        let id = id.cloned().map_or_else(|| identify(path), Ok)?;
        return Ok(vec![read_file(path, id)?]);
    }
    if id.is_some() {
        return Err(CommandError::Usage(
            "--as names one document and goes with one file".to_owned(),
        ));
    }
    let mut documents = Vec::new();
    for kind in Kind::ALL {
        let inner = path.join(kind.directory());
        let own = path.file_name().is_some_and(|name| name == kind.directory());
        // A directory of all kinds may itself be called as one of them.
        let folder = if own && !inner.is_dir() { path.to_owned() } else { inner };
        let mut files: Vec<PathBuf> = match std::fs::read_dir(&folder) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(_) => continue,
        };
        files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
        files.sort();
        for file in files {
            let id = identify(&file)?;
            documents.push(read_file(&file, id)?);
        }
    }
    if documents.is_empty() {
        return Err(CommandError::Usage(format!(
            "{} holds no documents; they are NAME.toml in a folder of their kind: {}",
            path.display(),
            folders()
        )));
    }
    Ok(documents)
}

/// The folders of all kinds.
fn folders() -> String {
    Kind::ALL.map(Kind::directory).join(", ")
}

/// Kind and name by folder and file name.
fn identify(path: &Path) -> Result<DocumentId, CommandError> {
    let usage = |problem: String| CommandError::Usage(format!("{}: {problem}", path.display()));
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let kind: Kind = folder
        .unwrap_or_default()
        .parse()
        .map_err(|_| usage(format!("its folder is none of {}; say --as KIND/NAME", folders())))?;
    let stem = absolute.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = Name::new(stem).map_err(|error| usage(error.to_string()))?;
    Ok(DocumentId::new(kind, name))
}

fn read_file(path: &Path, id: DocumentId) -> Result<DocumentFile, CommandError> {
    let failed = |error| CommandError::io(format!("cannot read {}", path.display()), error);
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_MAX_BYTES {
        return Err(CommandError::Usage(format!(
            "{} holds {bytes} bytes; a document has at most {FILE_MAX_BYTES}",
            path.display()
        )));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(DocumentFile { id, path: path.to_owned(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_holds_documents_by_kind_whatever_it_is_called_itself() {
        let home = tempfile::tempdir().unwrap();
        let write = |file: &str| {
            let file = home.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        };
        let ids = |folder: &str| -> Vec<String> {
            let read = read(&home.path().join(folder), None).unwrap();
            read.iter().map(|document| document.id.to_string()).collect()
        };
        write("modules/modules/queues.toml");
        write("modules/sources/long.toml");
        assert_eq!(ids("modules"), ["module/queues", "source/long"]);
        assert_eq!(ids("modules/sources"), ["source/long"]);
        write("others/notes.txt");
        let empty = read(&home.path().join("others"), None).unwrap_err().to_string();
        assert!(empty.contains("modules") && empty.contains("egress"), "{empty}");
    }
}
