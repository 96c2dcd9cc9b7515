use proptest::prelude::*;

use super::{NAME_MAX, Name, NameError};

#[test]
fn names_hold_what_is_safe_everywhere() {
    for text in ["host", "0", "a-b_c.d", "x".repeat(NAME_MAX).as_str()] {
        assert_eq!(Name::new(text).map(|name| name.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    let character = |found, position| NameError::Character { found, position };
    let table = [
        ("", NameError::Empty),
        ("Host", character('H', 1)),
        ("-x", character('-', 1)),
        (".hidden", character('.', 1)),
        ("a/b", character('/', 2)),
        ("aé", character('é', 2)),
        ("a b", character(' ', 2)),
        ("a\x1b", character('\x1b', 2)),
    ];
    for (text, error) in table {
        assert_eq!(Name::new(text), Err(error), "{text:?}");
    }
    assert_eq!(Name::new(&"x".repeat(NAME_MAX + 1)), Err(NameError::TooLong(NAME_MAX + 1)));
    let shown = Name::new("a\x1b").unwrap_err().to_string();
    assert!(!shown.contains('\x1b'), "an error shows no control: {shown:?}");
}

proptest! {
    #[test]
    fn a_name_is_one_step_of_a_path_and_needs_no_quotes(text in "\\PC{0,12}|[a-z0-9._-]{0,12}") {
        if let Ok(name) = Name::new(&text) {
            prop_assert_eq!(name.as_str(), text.as_str());
            prop_assert!(text != "." && text != ".." && !text.contains(['/', '\\', '\0']));
            let json = serde_json::to_string(&name).unwrap();
            prop_assert_eq!(serde_json::from_str::<Name>(&json).unwrap(), name);
        } else {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert!(serde_json::from_str::<Name>(&json).is_err());
        }
    }
}
