//! Reading the configuration directory.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use ccm_proto::SafeText;
use ccm_proto::model::{DocumentId, Kind, Name};

use super::ByPath;
use crate::registry::schema::DOCUMENT_BYTES_MAX;

/// The most files that are read; more would be a mistake, such as a directory of backups.
pub const FILES_MAX: usize = 4_096;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The files by path within the directory.
    pub files: ByPath<FoundFile>,
    /// All directories could be read: a file that is not among the found ones is gone.
    pub is_complete: bool,
    /// What is wrong with the directory itself.
    pub problem: Option<String>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// The document that it is; none when its name cannot be one.
    pub id: Option<DocumentId>,
    /// What it holds.
    pub contents: Contents,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Text.
    Text(String),
    /// Nothing that can be used: one sentence with a remedy.
    Unreadable(String),
}

/// Reads the directory. A directory that does not exist has no opinion: neither that there are
/// files, nor that there are none, because it may be a volume that is not mounted yet.
pub fn scan(directory: &Path) -> Found {
    let mut found = Found { is_complete: directory.is_dir(), ..Found::default() };
    for kind in Kind::ALL {
        let folder = directory.join(kind.directory());
        match read_folder(kind, &folder, &mut found) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                found.is_complete = false;
                let folder = SafeText::new(&folder.display().to_string());
                found.problem = Some(format!(
                    "the directory {folder} cannot be read: {error}; what its files said holds"
                ));
            }
        }
    }
    found
}

fn read_folder(kind: Kind, folder: &Path, found: &mut Found) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let name = file_name.to_string_lossy();
        // Editors' swap files and mounted volumes' bookkeeping begin with a dot.
        let Some(stem) = name.strip_suffix(".toml").filter(|_| !name.starts_with('.')) else {
            continue;
        };
        if found.files.len() >= FILES_MAX {
            found.is_complete = false;
            found.problem = Some(format!(
                "there are more than {FILES_MAX} documents in the configuration directory; the \
                 rest is left out"
            ));
            return Ok(());
        }
        if let Some(file) = read_file(kind, stem, &entry.path()) {
            found.files.insert(format!("{}/{name}", kind.directory()), file);
        }
    }
    Ok(())
}

/// None when the file is gone by now, or is a directory.
fn read_file(kind: Kind, stem: &str, path: &Path) -> Option<FoundFile> {
    let name = match Name::new(stem) {
        Ok(name) => name,
        Err(error) => {
            let problem = format!("the file cannot be a document: {error}; rename it");
            return Some(FoundFile { id: None, contents: Contents::Unreadable(problem) });
        }
    };
    let contents = match contents(path) {
        Ok(contents) => contents?,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            Contents::Unreadable(format!("the file cannot be read: {error}; what it said holds"))
        }
    };
    Some(FoundFile { id: Some(DocumentId::new(kind, name)), contents })
}

fn contents(path: &Path) -> io::Result<Option<Contents>> {
    // Opening a pipe or a device could block for ever, so look before.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Ok(None);
    }
    if !metadata.is_file() {
        return Ok(Some(Contents::Unreadable("this is not a regular file; remove it".to_owned())));
    }
    let limit = DOCUMENT_BYTES_MAX as u64;
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > DOCUMENT_BYTES_MAX {
        let problem = format!(
            "the file has more than {DOCUMENT_BYTES_MAX} bytes; make it smaller, what it said holds"
        );
        return Ok(Some(Contents::Unreadable(problem)));
    }
    Ok(Some(match String::from_utf8(bytes) {
        Ok(text) => Contents::Text(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Contents::Unreadable(format!(
                "the file is not UTF-8 from byte {at} on; save it as UTF-8, what it said holds"
            ))
        }
    }))
}
