//! The house rules that a reader relies on: arrows run one way, and rooms stay small.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Rust files of a module: `NAME.rs` and everything below `NAME/`, tests left out.
fn module(path: &str) -> Vec<PathBuf> {
    let base = root().join(path);
    let mut files = Vec::new();
    let file = base.with_extension("rs");
    if file.is_file() {
        files.push(file);
    }
    walk(&base, &mut files);
    assert!(!files.is_empty(), "there is no module {path}");
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap().path()) {
        let stem = entry.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if stem == "tests" {
            continue;
        }
        if entry.is_dir() {
            walk(&entry, files);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            files.push(entry);
        }
    }
}

/// The code of a file without its tests, comments and doc comments.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    let plain = |line: &&str| !line.trim_start().starts_with("//");
    text[..end].lines().filter(plain).collect::<Vec<_>>().join("\n")
}

fn violations(modules: &[&str], banned: &[&str], except: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in modules.iter().flat_map(|path| module(path)) {
        let shown = file.strip_prefix(root()).unwrap().display().to_string();
        if except.iter().any(|edge| shown.starts_with(edge)) {
            continue;
        }
        let code = code(&file);
        let hits = banned.iter().filter(|word| code.contains(**word));
        found.extend(hits.map(|word| format!("{shown}: {word}")));
    }
    found
}

const OUTSIDE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::process::",
    "std::os::unix",
    "std::env::",
    "SystemTime",
    "Instant::now",
    "rustix::",
    "sled::",
    "tonic::",
    "crossterm::",
];

#[test]
fn pure_modules_of_the_daemon_touch_nothing_outside() {
    let pure = [
        "daemon/src/project",
        "daemon/src/query",
        "daemon/src/engine",
        "daemon/src/history",
        "daemon/src/registry",
    ];
    // The loops around the cores, and the edges that read and write for them.
    let edges = [
        "daemon/src/engine/run",
        "daemon/src/engine/handle",
        "daemon/src/history/store",
        "daemon/src/registry/actor",
    ];
    assert_eq!(violations(&pure, OUTSIDE, &edges), Vec::<String>::new());
}

#[test]
fn pure_modules_of_the_client_touch_nothing_outside() {
    let pure = [
        "tui/src/model",
        "tui/src/update",
        "tui/src/view",
        "tui/src/widget",
        "tui/src/grid",
        "tui/src/theme",
        "tui/src/format",
        "tui/src/glyph",
        "tui/src/action",
    ];
    // Keys are crossterm's values; its functions are what touches the terminal.
    let banned: Vec<&str> = OUTSIDE.iter().copied().filter(|word| *word != "crossterm::").collect();
    assert_eq!(violations(&pure, &banned, &[]), Vec::<String>::new());
}

#[test]
fn the_model_knows_neither_the_wire_nor_the_outside() {
    let mut banned = OUTSIDE.to_vec();
    banned.extend(["crate::wire", "prost::"]);
    assert_eq!(violations(&["proto/src/model"], &banned, &[]), Vec::<String>::new());
}

#[test]
fn only_edges_name_wire_types() {
    let cores = [
        "daemon/src/engine",
        "daemon/src/history",
        "daemon/src/project",
        "daemon/src/query",
        "daemon/src/storage",
        "tui/src/model",
        "tui/src/update",
        "tui/src/view",
        "tui/src/widget",
        "tui/src/grid",
        "tui/src/theme",
        "tui/src/format",
    ];
    assert_eq!(violations(&cores, &["ccm_proto::wire"], &[]), Vec::<String>::new());
}

/// Lines from a function's opening to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

fn is_function(line: &str) -> bool {
    let words = line.trim_start();
    // What is visible in a part of the crate only has a bracket before its name.
    let words = match words.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")) {
        Some((_, rest)) => rest,
        None => words,
    };
    let signature = words.split('(').next().unwrap_or_default();
    signature.starts_with("fn ") || (signature.contains(" fn ") && !signature.contains(['"', '=']))
}

#[test]
fn functions_are_a_screen_long_at_most() {
    let mut files = Vec::new();
    for tree in ["proto/src", "daemon/src", "tui/src"] {
        walk(&root().join(tree), &mut files);
    }
    let mut long = Vec::new();
    for file in files {
        let mut open: Option<(usize, String, String)> = None;
        for (number, line) in code(&file).lines().enumerate() {
            let indent = " ".repeat(line.len() - line.trim_start().len());
            if open.is_none() && is_function(line) {
                open = Some((number, format!("{indent}}}"), line.trim().to_owned()));
            }
            if let Some((start, end, name)) = &open
                && line.trim_end() == end
            {
                if number - start > FUNCTION_LINES_MAX {
                    long.push(format!("{}: {name} has {} lines", file.display(), number - start));
                }
                open = None;
            }
        }
    }
    assert_eq!(long, Vec::<String>::new());
}
