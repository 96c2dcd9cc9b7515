//! The file of what the client remembers from one time to the next.

use std::io::{self, Write as _};
use std::path::Path;

use crate::model::memory::Memory;

/// The file's name within the state directory.
pub const FILE: &str = "client.toml";

/// What is remembered, and a sentence when the file cannot be used. No file is no memory.
pub fn load(path: &Path) -> (Memory, Option<String>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Default::default(),
        Err(error) => return (Memory::default(), Some(format!("{}: {error}", path.display()))),
    };
    match toml::from_str(&text) {
        Ok(memory) => (memory, None),
        Err(error) => {
            let line = error.span().map_or(1, |span| {
                1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
            });
            let path = path.display();
            (Memory::default(), Some(format!("{path}:{line}: {}; it is ignored", error.message())))
        }
    }
}

/// Replaces what is remembered, whole or not at all.
pub fn save(memory: &Memory, path: &Path) -> io::Result<()> {
    let text = toml::to_string(memory).map_err(io::Error::other)?;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // Two clients may do so at once.
    let fresh = path.with_extension(format!("toml.{}", std::process::id()));
    let mut file = std::fs::File::create(&fresh)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&fresh, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Name;

    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new").join(FILE);
        assert_eq!(load(&path), (Memory::default(), None));
        let memory = Memory { theme: Some(Name::new("light").unwrap()), offered: true };
        save(&memory, &path).unwrap();
        assert_eq!(load(&path), (memory, None));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_of_with_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, "# mine\ntheme = 3\n").unwrap();
        let (memory, remark) = load(&path);
        assert_eq!(memory, Memory::default());
        assert!(remark.unwrap().contains("client.toml:2: "));
    }
}
