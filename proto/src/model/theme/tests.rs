use std::collections::BTreeSet;

use super::{Role, TERMINAL_COLOURS, ThemeSpec};

fn theme(text: &str) -> ThemeSpec {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_role_ends_at_text_or_background() {
    assert_eq!(Role::ALL.iter().collect::<BTreeSet<_>>().len(), Role::ALL.len());
    for role in Role::ALL {
        let chain: Vec<Role> =
            std::iter::successors(Some(role), |role| role.fallback()).take(10).collect();
        let end = chain.last();
        assert!(chain.len() < 5, "{chain:?}");
        assert!(matches!(end, Some(Role::Text | Role::Background)), "{chain:?}");
    }
}

#[test]
fn colours_are_written_in_four_ways() {
    let mut colours = vec!["#00ff7F", "0", "255", "default", "rose"];
    colours.extend(TERMINAL_COLOURS);
    for colour in colours {
        let text = format!(
            r##"{{"title": "t", "palette": {{"rose": "#aa5566"}}, "role": {{"ok": {{"fg": "{colour}"}}}}}}"##
        );
        assert_eq!(theme(&text).problems(), [], "{colour}");
    }
}

#[test]
fn what_is_no_colour_is_named() {
    for colour in ["", "#12345", "#1234567", "#gggggg", "#ééé", "256", "-1", "pink", "rose "] {
        let role = format!(r#"{{"title": "t", "role": {{"border_focus": {{"bg": "{colour}"}}}}}}"#);
        let problems = theme(&role).problems();
        assert_eq!(problems.len(), 1, "{colour:?}");
        assert_eq!(problems[0].0, "role.border_focus.bg");
        let palette = format!(r#"{{"title": "t", "palette": {{"x": "{colour}"}}}}"#);
        assert_eq!(theme(&palette).problems()[0].0, "palette.x");
    }
}

#[test]
fn roles_and_keys_that_nobody_knows_are_refused() {
    for text in [
        r#"{"title": "t", "role": {"okay": {}}}"#,
        r#"{"title": "t", "role": {"ok": {"foreground": "red"}}}"#,
        r#"{"title": "t", "role": {"ok": {"modifiers": ["blink"]}}}"#,
        r#"{"title": "t", "varint": "dark"}"#,
    ] {
        assert!(serde_json::from_str::<ThemeSpec>(text).is_err(), "{text}");
    }
}
