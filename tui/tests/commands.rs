//! The subcommands of the real binary against a real daemon that it starts itself.

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::pty::Pty;
use common::{Home, text};

const LAYOUT: &str = "# the corner screen\ntitle = \"corner\"\n\n[[page]]\ntitle = \"one\"\n\n[[page.widget]]\nname = \"host-cpu\"\nat = { x = 0, y = 0, w = 12, h = 4 }\n";

#[test]
fn a_daemon_is_started_once_and_stopped_by_word() {
    let home = Home::new();
    let absent = home.output(&["daemon", "status"]);
    assert_eq!(absent.status.code(), Some(3));
    assert_eq!(text(&absent.stdout), "ccmd is not running\n");
    let started = home.run(&["daemon", "start"]);
    assert!(started.starts_with("ccmd started, pid "), "{started}");
    let again = home.run(&["daemon", "start"]);
    assert!(again.starts_with("ccmd is running already, pid "), "{again}");
    let status: serde_json::Value = serde_json::from_str(&home.run(&["status", "--json"])).unwrap();
    assert_eq!(status["store_state"], "read-write");
    assert!(started.contains(&format!("pid {},", status["pid"])));
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.socket()), 0o600);
    assert_eq!(mode(home.socket().parent().unwrap()), 0o700);
    assert!(home.run(&["daemon", "logs"]).contains("serving"));
    assert!(home.run(&["daemon", "stop"]).starts_with("ccmd stopped"));
    assert!(!home.socket().exists());
}

#[test]
fn a_document_lives_from_its_first_revision_to_its_revert() {
    let home = Home::new();
    let file = home.write("layouts/corner.toml", LAYOUT);
    let path = file.to_str().unwrap();
    let created = home.run(&["apply", "-f", path, "--reason", "a new screen"]);
    assert!(created.contains("layout/corner created, revision 1"), "{created}");
    assert_eq!(home.run(&["get", "layout/corner"]), LAYOUT, "comments are kept");
    assert!(
        home.run(&["apply", "-f", path, "--reason", "again"]).contains("unchanged, revision 1")
    );
    assert!(home.output(&["diff", "-f", path]).status.success());

    std::fs::write(&file, LAYOUT.replace("h = 4", "h = 6")).unwrap();
    let diff = home.output(&["diff", "-f", path]);
    assert_eq!(diff.status.code(), Some(1));
    assert!(text(&diff.stdout).contains("+at = { x = 0, y = 0, w = 12, h = 6 }"));
    let dry = home.run(&["apply", "-f", path, "--reason", "taller", "--dry-run"]);
    assert!(dry.contains("changed, revision 2 (dry run)"), "{dry}");
    assert_eq!(home.run(&["get", "layout/corner"]), LAYOUT, "a dry run changes nothing");
    home.run(&["apply", "-f", path, "--reason", "taller"]);

    let history = home.run(&["history", "layout/corner"]);
    assert!(history.contains("a new screen") && history.contains("taller"), "{history}");
    let reverted = home.run(&["revert", "layout/corner", "--to", "1", "--reason", "too tall"]);
    assert!(reverted.contains("changed, revision 3"), "{reverted}");
    assert!(home.run(&["get", "layout/corner"]).contains("h = 4"));
    let deleted = home.run(&["delete", "layout/corner", "--reason", "not needed"]);
    assert!(deleted.contains("deleted, revision 4"), "{deleted}");
    let gone = home.fail(&["get", "layout/corner"], 1);
    assert!(gone.contains("corner"), "{gone}");
}

#[test]
fn documents_outlive_the_daemon() {
    let home = Home::new();
    let file = home.write("layouts/corner.toml", LAYOUT);
    home.run(&["apply", "-f", file.to_str().unwrap(), "--reason", "a new screen"]);
    home.run(&["daemon", "stop"]);
    assert_eq!(home.run(&["get", "layout/corner"]), LAYOUT);
    assert!(home.run(&["history", "layout/corner"]).contains("a new screen"));
}

#[test]
fn a_stale_base_is_refused_with_both_versions_and_disjoint_changes_are_joined() {
    let home = Home::new();
    let file = home.write("layouts/corner.toml", LAYOUT);
    let path = file.to_str().unwrap();
    home.run(&["apply", "-f", path, "--reason", "one"]);
    std::fs::write(&file, LAYOUT.replace("\"corner\"", "\"middle\"")).unwrap();
    home.run(&["apply", "-f", path, "--reason", "two", "--base", "1"]);
    std::fs::write(&file, LAYOUT.replace("\"corner\"", "\"edge\"")).unwrap();
    let conflict = home.fail(&["apply", "-f", path, "--reason", "three", "--base", "1"], 1);
    for part in ["title", "\"corner\"", "\"middle\"", "\"edge\""] {
        assert!(conflict.contains(part), "{part} is not in:\n{conflict}");
    }
    std::fs::write(&file, LAYOUT.replace("h = 4", "h = 8")).unwrap();
    let joined = home.run(&["apply", "-f", path, "--reason", "four", "--base", "1"]);
    assert!(joined.contains("on top of a newer revision"), "{joined}");
    let both = home.run(&["get", "layout/corner", "-o", "json"]);
    let both: serde_json::Value = serde_json::from_str(&both).unwrap();
    assert_eq!(both["spec"]["title"], "middle");
    assert_eq!(both["spec"]["page"][0]["widget"][0]["at"]["h"], 8);
}

#[test]
fn a_mistake_is_shown_with_its_place_and_the_right_name() {
    let home = Home::new();
    let file = home.write("layouts/bad.toml", "titel = \"x\"\n\n[[page]]\ntitle = \"one\"\n");
    let complaint = home.fail(&["apply", "-f", file.to_str().unwrap(), "--reason", "try"], 1);
    assert!(complaint.contains("titel") && complaint.contains("title"), "{complaint}");
    assert!(complaint.contains("1:1"), "{complaint}");
    home.fail(&["get", "layout/bad"], 1);
    let blank = home.fail(&["delete", "layout/host", "--reason", "  "], 1);
    assert!(blank.contains("reason"), "{blank}");
}

#[test]
fn one_broken_file_keeps_a_whole_directory_from_being_applied() {
    let home = Home::new();
    home.write("set/layouts/good.toml", LAYOUT);
    home.write("set/layouts/bad.toml", "titel = 1\n");
    let set = home.path().join("set");
    home.fail(&["apply", "-f", set.to_str().unwrap(), "--reason", "both"], 1);
    home.fail(&["get", "layout/good"], 1);
    std::fs::remove_file(set.join("layouts/bad.toml")).unwrap();
    home.run(&["apply", "-f", set.to_str().unwrap(), "--reason", "the good one"]);
    assert_eq!(home.run(&["get", "layout/good"]), LAYOUT);
}

#[test]
fn what_cannot_be_is_said_in_one_line_with_the_documented_exit_code() {
    let home = Home::new();
    for (arguments, code, words) in [
        (vec!["get", "dashboard"], 2, "kinds are layout, widget, source, theme, egress"),
        (vec!["apply", "-f", "/nowhere.toml", "--reason", "x"], 2, "/nowhere.toml"),
        (vec!["--socket", "/nowhere.sock", "get"], 3, "/nowhere.sock"),
        (vec![], 2, "ccm snapshot"),
    ] {
        let complaint = home.fail(&arguments, code);
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
    }
}

#[test]
fn an_editor_changes_a_document_and_a_mistake_is_not_lost() {
    let home = Home::new();
    let file = home.write("layouts/corner.toml", LAYOUT);
    home.run(&["apply", "-f", file.to_str().unwrap(), "--reason", "one"]);
    let edit = |script: &str| {
        let editor = home.write("editor.sh", &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o700)).unwrap();
        let arguments = ["edit", "layout/corner", "--reason", "by hand"];
        home.ccm().env("EDITOR", &editor).env_remove("VISUAL").args(arguments).output().unwrap()
    };
    assert_eq!(text(&edit("true").stdout), "nothing changed\n");
    let changed = edit("sed -i 's/h = 4/h = 9/' \"$1\"");
    assert!(text(&changed.stdout).contains("changed, revision 2"), "{}", text(&changed.stderr));
    let broken = edit("echo 'oops = 1' > \"$1\"");
    assert_eq!(broken.status.code(), Some(1));
    let complaint = text(&broken.stderr);
    let kept = complaint.lines().find_map(|line| line.split("kept in ").nth(1)).unwrap();
    assert_eq!(std::fs::read_to_string(kept.trim()).unwrap(), "oops = 1\n");
    assert!(home.run(&["get", "layout/corner"]).contains("h = 9"));
}

#[test]
fn a_text_that_says_a_part_is_compared_and_edited_as_that_part() {
    let home = Home::new();
    let sparse = "interval = \"5s\" # slow disk\n";
    let file = home.write("sources/host.toml", sparse);
    let path = file.to_str().unwrap();
    let before = home.output(&["diff", "-f", path]);
    assert_eq!(before.status.code(), Some(1));
    assert!(text(&before.stdout).ends_with("+interval = \"5s\" # slow disk\n"));
    assert!(!text(&before.stdout).contains("-type"), "nothing else would go");
    home.run(&["apply", "-f", path, "--reason", "slow disk"]);
    assert!(home.output(&["diff", "-f", path]).status.success());
    assert!(home.run(&["get", "source/host"]).contains("type = \"system\""));

    let editor = home.write("editor.sh", "#!/bin/sh\ncp \"$1\" $0.seen\nsed -i s/5s/7s/ \"$1\"\n");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o700)).unwrap();
    let arguments = ["edit", "source/host", "--reason", "slower"];
    let edited = home.ccm().env("VISUAL", &editor).args(arguments).output().unwrap();
    assert!(edited.status.success(), "{}", text(&edited.stderr));
    let seen = std::fs::read_to_string(home.path().join("editor.sh.seen")).unwrap();
    assert_eq!(seen, sparse);
    let now = home.run(&["get", "source/host"]);
    assert!(now.contains("interval = \"7s\"") && now.contains("type = \"system\""), "{now}");
}

/// While the editor is open, someone else writes the document.
#[test]
fn an_edit_that_meets_another_change_is_united_with_it_or_shows_both() {
    let home = Home::new();
    let file = home.write("layouts/corner.toml", LAYOUT);
    home.run(&["apply", "-f", file.to_str().unwrap(), "--reason", "one"]);
    let ccm = env!("CARGO_BIN_EXE_ccm");
    let theirs = home.write("theirs.toml", &LAYOUT.replace("[[page]]", "[[page]] # checked"));
    let expected =
        LAYOUT.replace("[[page]]", "[[page]] # checked").replace("\"corner\"", "\"ours\"");
    let wide = expected.replace("w = 12", "w = 6");
    let wide = home.write("wide.toml", &wide);
    let apply = |file: &std::path::Path| {
        let script = "[ -e $0.done ] || \"$CCM\" apply -f FILE --as layout/corner --reason theirs >/dev/null; touch $0.done";
        script.replace("FILE", file.to_str().unwrap())
    };
    let edit = |script: &str| {
        let editor = home.write("editor.sh", &format!("#!/bin/sh\n{script}\n"));
        let _ = std::fs::remove_file(editor.with_extension("sh.done"));
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut variables = home.variables();
        variables.push(("EDITOR", editor));
        variables.push(("VISUAL", "".into()));
        variables.push(("CCM", ccm.into()));
        let arguments = ["edit", "layout/corner", "--reason", "by hand"];
        let mut pty = Pty::run(ccm, &arguments, &variables);
        pty.type_keys("\n");
        pty.end()
    };

    let united =
        edit(&(apply(&theirs) + "\nsed -i 's/title = \"corner\"/title = \"ours\"/' \"$1\""));
    assert!(united.written.contains("changed, on top of a newer revision"), "{}", united.written);
    let now = home.run(&["get", "layout/corner"]);
    assert_eq!(now, expected, "both writers' words and comments are there");

    let script = apply(&wide)
        + "\nif grep -q '^<<<<<<<' \"$1\"; then cp \"$1\" $0.seen; \
           sed -i '/^[<|=>]\\{7\\}/d; /w = 12/d; /w = 6,/d' \"$1\"; \
           else sed -i 's/w = 12/w = 9/' \"$1\"; fi";
    let marked = edit(&script);
    let now = home.run(&["get", "layout/corner"]);
    assert_eq!(now, expected.replace("w = 12", "w = 9"), "{}", marked.written);
    assert!(marked.written.contains("\"w\":6"), "{}", marked.written);
}

#[test]
fn a_watched_file_is_a_document_and_a_broken_one_a_notice() {
    let home = Home::new();
    home.write("config/ccm/layouts/wall.toml", LAYOUT);
    assert_eq!(home.run(&["get", "layout/wall"]), LAYOUT, "files are there at the start");
    let deleted = home.run(&["daemon", "stop"]);
    assert!(deleted.starts_with("ccmd stopped"));
    home.write(
        "config/ccm/layouts/wall.toml",
        &LAYOUT.replace("title = \"corner\"", "titel = \"corner\""),
    );
    home.run(&["daemon", "start"]);
    let status = home.run(&["status"]);
    assert!(status.contains("wall.toml:2:1"), "{status}");
    assert!(status.contains("title"), "{status}");
    assert_eq!(home.run(&["get", "layout/wall"]), LAYOUT, "the last good version stays");
}

#[test]
fn completions_and_the_manual_are_made_from_the_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(home.run(&["completions", shell]).contains("snapshot"), "{shell}");
    }
    let manual = home.run(&["man"]);
    for command in ["snapshot", "apply", "revert", "edit"] {
        assert!(manual.contains(&format!("ccm {command}")), "{command}");
    }
    assert!(!manual.contains("daemon run"), "what is hidden stays hidden");
}
