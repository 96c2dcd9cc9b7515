//! Which keys do what: the defaults of the action list under a file of the user's own.

use std::collections::BTreeMap;
use std::fmt;

use crate::action::{ACTIONS, Action, described, named};

/// One key with its modifiers, in the way key files write it: `g`, `G`, `ctrl-d`, `enter`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chord(String);

/// Names of keys that are not a character.
pub const KEY_NAMES: &[&str] = &[
    "enter",
    "esc",
    "tab",
    "backtab",
    "space",
    "backspace",
    "delete",
    "insert",
    "home",
    "end",
    "pageup",
    "pagedown",
    "left",
    "right",
    "up",
    "down",
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "f6",
    "f7",
    "f8",
    "f9",
    "f10",
    "f11",
    "f12",
];

const MODIFIERS: [&str; 3] = ["ctrl-", "alt-", "shift-"];

impl Chord {
    /// Checks a written key.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut canonical = String::new();
        for modifier in MODIFIERS {
            if let Some(after) = rest.strip_prefix(modifier).filter(|after| !after.is_empty()) {
                canonical.push_str(modifier);
                rest = after;
            }
        }
        let single = rest.chars().count() == 1 && !rest.chars().any(|c| c.is_control() || c == ' ');
        if !single && !KEY_NAMES.contains(&rest) {
            return None;
        }
        canonical.push_str(rest);
        Some(Self(canonical))
    }

    /// A key that is one character.
    pub fn character(c: char) -> Self {
        if c == ' ' { Self("space".to_owned()) } else { Self(c.to_string()) }
    }

    /// The character, when the key types one.
    pub fn typed(&self) -> Option<char> {
        let mut chars = self.0.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Some(c),
            _ if self.0 == "space" => Some(' '),
            _ => None,
        }
    }

    /// The written key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a sequence of keys means so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// An action.
    Action(Action),
    /// More keys could make it one.
    Prefix,
    /// Nothing.
    None,
}

/// Sequences of keys and their actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bindings: BTreeMap<Vec<Chord>, Action>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut bindings = BTreeMap::new();
        for described in ACTIONS {
            for keys in described.keys {
                if let Some(sequence) = sequence(keys) {
                    bindings.insert(sequence, described.action);
                }
            }
        }
        Self { bindings }
    }
}

fn sequence(text: &str) -> Option<Vec<Chord>> {
    let chords: Option<Vec<Chord>> = text.split_whitespace().map(Chord::parse).collect();
    chords.filter(|chords| !chords.is_empty())
}

impl Keymap {
    /// The defaults under a file of lines `action = "key"` or `action = ["key", "g g"]`. An action
    /// that is named loses its default keys; an empty list leaves it without any. What cannot be
    /// used is a warning that begins with its line number.
    pub fn with_overrides(text: &str) -> (Self, Vec<String>) {
        let mut keymap = Self::default();
        let mut warnings = Vec::new();
        let table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map_or(1, |span| line_at(text, span.start));
                warnings.push(format!("line {line}: {}", error.message().trim_end()));
                return (keymap, warnings);
            }
        };
        let mut taken: BTreeMap<Vec<Chord>, String> = BTreeMap::new();
        for (name, value) in &table {
            let line = line_of(text, name);
            let Some(action) = named(name) else {
                let names = ACTIONS.iter().map(|described| described.name);
                let nearest = names.max_by(|a, b| {
                    strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name))
                });
                let hint = nearest.unwrap_or_default();
                warnings.push(format!(
                    "line {line}: there is no action {name:?}; did you mean {hint:?}?"
                ));
                continue;
            };
            keymap.bindings.retain(|_, bound| *bound != action);
            for keys in written(value) {
                let Some(sequence) = keys.as_deref().and_then(sequence) else {
                    let keys = keys.unwrap_or_else(|| value.to_string());
                    warnings.push(format!(
                        "line {line}: {keys:?} is not a key; write it as in \"ctrl-d\" or \"g g\""
                    ));
                    continue;
                };
                if let Some(other) = taken.get(&sequence) {
                    let keys = keys.unwrap_or_default();
                    warnings.push(format!(
                        "line {line}: {keys:?} is bound to {other} already; {name} has it now"
                    ));
                }
                taken.insert(sequence.clone(), name.clone());
                keymap.bindings.insert(sequence, action);
            }
        }
        for (sequence, name) in &taken {
            let conflict = keymap.displaced(sequence, &table).or_else(|| keymap.hidden(sequence));
            let line = line_of(text, name);
            warnings.extend(conflict.map(|conflict| format!("line {line}: {conflict}")));
        }
        (keymap, warnings)
    }

    /// Tells of a default key that an action lost to another without a word of the file.
    fn displaced(&self, keys: &[Chord], table: &toml::Table) -> Option<String> {
        let holder = self.bindings.get(keys)?;
        let former = *Self::default().bindings.get(keys)?;
        let former = described(former).filter(|_| former != *holder)?.name;
        if table.contains_key(former) {
            return None;
        }
        let keys = joined(keys);
        Some(format!(
            "{keys:?} is a key of {former}, which loses it; name {former} to give it another"
        ))
    }

    /// Tells of longer keys that can never be typed, because these are done at once.
    fn hidden(&self, keys: &[Chord]) -> Option<String> {
        let shorter = (1..keys.len()).find_map(|length| {
            let first = keys.get(..length)?;
            Some((first, self.bindings.get(first)?))
        });
        if let Some((first, action)) = shorter {
            let (name, keys) = (described(*action)?.name, joined(keys));
            return Some(format!(
                "{keys:?} cannot be typed: {:?} is {name} already",
                joined(first)
            ));
        }
        let longer = self
            .bindings
            .iter()
            .find(|(longer, _)| longer.len() > keys.len() && longer.starts_with(keys));
        let (longer, action) = longer?;
        let name = described(*action)?.name;
        Some(format!("{:?} of {name} cannot be typed any more", joined(longer)))
    }

    /// What a sequence of keys means.
    pub fn lookup(&self, keys: &[Chord]) -> Lookup {
        if let Some(action) = self.bindings.get(keys) {
            return Lookup::Action(*action);
        }
        let longer = self.bindings.range(keys.to_vec()..).next();
        if longer.is_some_and(|(sequence, _)| sequence.starts_with(keys)) {
            return Lookup::Prefix;
        }
        Lookup::None
    }

    /// The keys of an action, the default's order first, each as one text such as `g g`.
    pub fn keys(&self, action: Action) -> Vec<String> {
        let mut keys: Vec<String> = self
            .bindings
            .iter()
            .filter(|(_, bound)| **bound == action)
            .map(|(sequence, _)| joined(sequence))
            .collect();
        let defaults = described(action).map_or(&[] as &[&str], |d| d.keys);
        let rank = |key: &String| defaults.iter().position(|d| d == key).unwrap_or(usize::MAX);
        keys.sort_by_key(rank);
        keys
    }
}

/// A sequence in the way key files write it.
fn joined(sequence: &[Chord]) -> String {
    sequence.iter().map(Chord::as_str).collect::<Vec<_>>().join(" ")
}

/// Texts of a binding; none for what is no text.
fn written(value: &toml::Value) -> Vec<Option<String>> {
    match value {
        toml::Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        other => vec![other.as_str().map(str::to_owned)],
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}

fn line_of(text: &str, name: &str) -> usize {
    let defines = |line: &str| {
        let line = line.trim_start().trim_start_matches('"');
        line.strip_prefix(name)
            .is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with('='))
    };
    text.lines().position(defines).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Chord> {
        sequence(text).unwrap()
    }

    #[test]
    fn every_default_key_is_a_key_and_bound_once() {
        let mut seen = BTreeMap::new();
        for described in ACTIONS {
            for key in described.keys {
                let sequence = sequence(key).unwrap_or_else(|| panic!("{key:?} is not a key"));
                let former = seen.insert(sequence, described.name);
                assert_eq!(former, None, "{key:?} is bound twice");
            }
        }
    }

    #[test]
    fn a_sequence_is_a_prefix_until_it_is_whole() {
        let keymap = Keymap::default();
        assert_eq!(keymap.lookup(&keys("g")), Lookup::Prefix);
        assert_eq!(keymap.lookup(&keys("g g")), Lookup::Action(Action::First));
        assert_eq!(keymap.lookup(&keys("g x")), Lookup::None);
        assert_eq!(keymap.lookup(&keys("z")), Lookup::None);
    }

    #[test]
    fn an_override_replaces_the_default_keys_of_its_action() {
        let (keymap, warnings) =
            Keymap::with_overrides("quit = [\"ctrl-x\", \"Z Z\"]\nhelp = []\n");
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(keymap.lookup(&keys("q")), Lookup::None);
        assert_eq!(keymap.lookup(&keys("ctrl-x")), Lookup::Action(Action::Quit));
        assert_eq!(keymap.lookup(&keys("Z")), Lookup::Prefix);
        assert_eq!(keymap.lookup(&keys("?")), Lookup::None);
    }

    #[test]
    fn mistakes_are_warnings_with_their_line() {
        let text = "# keys\nquitt = \"x\"\nzoom = \"hyper-z\"\npause = \"x\"\nwhy = \"x\"\n";
        let (keymap, warnings) = Keymap::with_overrides(text);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[0].starts_with("line 2:") && warnings[0].contains("\"quit\""));
        assert!(warnings[1].starts_with("line 3:") && warnings[1].contains("hyper-z"));
        assert!(warnings[2].starts_with("line 5:") && warnings[2].contains("pause"));
        assert_eq!(keymap.lookup(&keys("x")), Lookup::Action(Action::Why));
        let (_, broken) = Keymap::with_overrides("a = [\n\n b");
        assert!(broken[0].starts_with("line "), "{broken:?}");
    }

    #[test]
    fn a_default_key_is_never_taken_from_its_action_without_a_word() {
        let (keymap, warnings) = Keymap::with_overrides("zoom = \"q\"\n");
        assert_eq!(keymap.lookup(&keys("q")), Lookup::Action(Action::Zoom));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("line 1:") && warnings[0].contains("quit"));
        let (_, swapped) = Keymap::with_overrides("zoom = \"q\"\nquit = \"f\"\n");
        assert!(swapped.is_empty(), "{swapped:?}");
    }

    #[test]
    fn keys_that_hide_each_other_are_warned_of() {
        for (text, hidden) in [("zoom = \"g\"\n", "g g"), ("zoom = \"q x\"\n", "q x")] {
            let (_, warnings) = Keymap::with_overrides(text);
            assert_eq!(warnings.len(), 1, "{text}: {warnings:?}");
            assert!(warnings[0].contains(hidden), "{warnings:?}");
        }
    }
}
