//! The documents that come with the program: the lowest layer of everything people configure.
//!
//! A new shipped document needs its file and a line here.

use crate::registry::Shipped;

macro_rules! shipped {
    ($($kind:ident $name:literal at $file:literal),* $(,)?) => {
        &[$(Shipped { kind: ccm_proto::model::Kind::$kind, name: $name, toml: include_str!($file) }),*]
    };
}

/// Every shipped document, in the order of their kinds: what is referred to comes first.
pub const DOCUMENTS: &[Shipped] = shipped![];

#[cfg(test)]
mod tests {
    use crate::registry::Registry;

    use super::*;

    #[test]
    fn every_shipped_document_is_valid_and_needs_only_shipped_ones() {
        let (registry, problems) = Registry::new(DOCUMENTS);
        assert!(problems.is_empty(), "{problems:#?}");
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.documents.len(), DOCUMENTS.len(), "two documents have the same name");
        for id in snapshot.documents.keys() {
            let references = snapshot.spec(id).unwrap().references();
            for to in references {
                assert!(snapshot.documents.contains_key(&to), "{id} needs {to}");
            }
        }
    }
}
