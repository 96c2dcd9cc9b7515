use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DocumentId, DocumentIdError, Kind, Version, canonical};
use crate::model::Name;

#[test]
fn kinds_are_known_by_their_words_and_folders() {
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(kind.directory().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert_eq!("gadget".parse::<Kind>(), Err(DocumentIdError::Kind("gadget".to_owned())));
}

#[test]
fn what_is_referred_to_is_applied_first() {
    let position = |kind| Kind::ALL.iter().position(|other| *other == kind);
    assert!(position(Kind::Theme) < position(Kind::Layout));
    assert!(position(Kind::Source) < position(Kind::Widget));
    assert!(position(Kind::Widget) < position(Kind::Layout));
}

#[test]
fn an_id_is_read_as_it_is_written() {
    let id = DocumentId::new(Kind::Layout, Name::new("host").unwrap());
    assert_eq!(id.to_string(), "layout/host");
    assert_eq!("layout/host".parse(), Ok(id.clone()));
    assert_eq!("layouts/host".parse(), Ok(id));
    assert_eq!("host".parse::<DocumentId>(), Err(DocumentIdError::Form));
    assert!(matches!("layout/".parse::<DocumentId>(), Err(DocumentIdError::Name(_))));
    assert!(matches!("layout/a/b".parse::<DocumentId>(), Err(DocumentIdError::Name(_))));
}

#[test]
fn canonical_json_sorts_keys_at_every_depth_and_keeps_lists() {
    let value = json!({"b": [{"z": 1, "a": 2}, 3], "a": null});
    assert_eq!(canonical(&value), r#"{"a":null,"b":[{"a":2,"z":1},3]}"#);
}

#[test]
fn versions_tell_documents_apart() {
    let (one, other) = (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}));
    assert_eq!(Version::of(&canonical(&one)), Version::of(&canonical(&other)));
    assert_ne!(Version::of("{}"), Version::of("[]"));
    assert_ne!(Version::of(""), Version::default());
}

proptest! {
    #[test]
    fn canonical_json_says_the_same_and_stays_as_it_is(
        map in prop::collection::hash_map("\\PC{0,4}", prop::collection::vec(any::<i64>(), 0..3), 0..6),
    ) {
        let value = serde_json::to_value(map).unwrap();
        let text = canonical(&value);
        let again: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &value);
        prop_assert_eq!(canonical(&again), text);
    }
}
