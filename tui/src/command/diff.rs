//! `ccm diff`: how files differ from the documents.

use std::process::ExitCode;

use ccm_daemon::registry::Text;
use ccm_daemon::registry::check::check;
use ccm_daemon::registry::schema::parse;
use similar::TextDiff;

use super::output::print;
use super::{CommandError, Connection, EXIT_REFUSED, files, get};
use crate::cli::{DiffArgs, LinkArgs};

/// Runs the command; the exit code is 1 when something differs.
pub(super) async fn run(args: &DiffArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let documents = files::read(&args.file, args.id.as_ref())?;
    let connection = Connection::open(link).await?;
    let mut text = String::new();
    for document in &documents {
        let all = get::fetch(&connection, Some(document.id.kind), None).await?;
        let entry = all.iter().find(|entry| entry.document.id == document.id);
        let current = match entry {
            None => String::new(),
            Some(entry) if is_whole(document) => entry.to_toml()?,
            Some(entry) => entry.layer_toml()?.unwrap_or_default(),
        };
        if same_value(&current, &document.text) {
            continue;
        }
        let (old, new) = (document.id.to_string(), document.path.display().to_string());
        let diff = TextDiff::from_lines(&current, &document.text);
        text.push_str(&diff.unified_diff().context_radius(3).header(&old, &new).to_string());
    }
    let differs = !text.is_empty();
    print(&visible(&text))?;
    Ok(if differs { ExitCode::from(EXIT_REFUSED) } else { ExitCode::SUCCESS })
}

/// Whether a text stands for the whole document. One that does not changes parts of what is below
/// it, and is compared with what was written there before.
fn is_whole(document: &files::DocumentFile) -> bool {
    let text = Text::Toml(document.text.clone());
    // What cannot be read is told when it is applied.
    let Ok(parsed) = parse(&text, "") else { return true };
    let complete = || check(document.id.kind, &parsed.tree).is_ok();
    parsed.directives.replace.unwrap_or_else(complete)
}

/// Whether two texts say the same, whatever their comments, order and white space.
fn same_value(a: &str, b: &str) -> bool {
    match (toml::from_str::<serde_json::Value>(a), toml::from_str::<serde_json::Value>(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// Line by line what a terminal may be shown.
fn visible(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", ccm_proto::SafeText::new(line))).collect()
}
