//! The documents of `docs/examples`: each is read as what its folder says, and needs nothing that
//! the program does not know.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of a test fail as its assertions do"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ccm_daemon::packs;
use ccm_daemon::registry::Registry;
use ccm_daemon::registry::check::{Spec, check};
use ccm_proto::model::{DocumentId, Kind, Name};

/// Every TOML file below a directory.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

/// The document of a file, by its folder and name.
fn document(path: &Path) -> (DocumentId, Spec) {
    let shown = path.display();
    let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let kind = Kind::ALL.into_iter().find(|kind| kind.directory() == folder);
    let kind = kind.unwrap_or_else(|| panic!("{shown}: {folder} is no folder of a kind"));
    let name = Name::new(path.file_stem().unwrap().to_str().unwrap()).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let tree: serde_json::Value =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let spec = check(kind, &tree).unwrap_or_else(|problems| panic!("{shown}: {problems:#?}"));
    (DocumentId::new(kind, name), spec)
}

#[test]
fn every_example_is_a_document_of_its_folder_and_needs_only_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    let (registry, _) = Registry::new(packs::DOCUMENTS);
    let shipped = &registry.snapshot().documents;
    let mut seen = 0;
    for part in std::fs::read_dir(&root).unwrap() {
        let part = part.unwrap().path();
        if !part.is_dir() {
            continue;
        }
        let mut found = Vec::new();
        files(&part, &mut found);
        let documents: BTreeMap<DocumentId, Spec> =
            found.iter().map(|path| document(path)).collect();
        assert_eq!(documents.len(), found.len(), "{}: a name is there twice", part.display());
        for (id, spec) in &documents {
            for to in spec.references() {
                // What a query derives from is the reader's own, as the example says.
                if (id.kind, to.kind) == (Kind::Source, Kind::Source) {
                    continue;
                }
                let there = documents.contains_key(&to) || shipped.contains_key(&to);
                // What a module contributes has the module's name in front.
                let module = |known: &DocumentId| {
                    known.kind == Kind::Module
                        && to.name.as_str().starts_with(&format!("{}-", known.name))
                };
                let contributed = documents.keys().any(module);
                assert!(there || contributed, "{}: {id} needs {to}", part.display());
            }
        }
        seen += documents.len();
    }
    assert!(seen > 20, "{seen} examples");
}
