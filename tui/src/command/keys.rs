//! `ccm keys`: the key bindings, to be read or to begin a key file with.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::CommandError;
use super::output::print;
use crate::action::ACTIONS;
use crate::cli::LookArgs;
use crate::input::keymap::Keymap;
use crate::live;

/// Prints the bindings in force; what is wrong with the key file goes to standard error.
pub(super) fn run(look: &LookArgs) -> Result<ExitCode, CommandError> {
    let (keymap, warnings) = live::keymap(look)?;
    print(&key_file(&keymap))?;
    if warnings.is_empty() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(CommandError::Usage(warnings.join("\n")))
    }
}

/// A key file that says what is in force.
fn key_file(keymap: &Keymap) -> String {
    let mut text = String::from(
        "# Key bindings of ccm. Save as keys.toml in the configuration directory and keep the lines\n\
         # that differ: an action that is named has only the keys that are named with it.\n\n",
    );
    for described in ACTIONS {
        let keys: Vec<toml::Value> =
            keymap.keys(described.action).into_iter().map(toml::Value::String).collect();
        let line = format!("{} = {}", described.name, toml::Value::Array(keys));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line:<40} # {}", described.description);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_a_key_file_that_changes_nothing() {
        let (again, warnings) = Keymap::with_overrides(&key_file(&Keymap::default()));
        assert_eq!((again, warnings), (Keymap::default(), Vec::new()));
    }
}
