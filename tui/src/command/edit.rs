//! `ccm edit`: a document in the user's editor, checked before it is written.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ccm_proto::SafeText;
use ccm_proto::wire::Write;
use ccm_proto::wire::write::Action;

use super::output::print;
use super::{CommandError, Connection, apply, get};
use crate::cli::{EditArgs, LinkArgs};

/// Runs the command.
pub(super) async fn run(args: &EditArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let mut base = current(&connection, args).await?;
    let file = Draft::create(args, &base.text)?;
    let mut reason = args.reason.clone();
    loop {
        file.edit()?;
        let text = file.read()?;
        if text == base.text {
            print("nothing changed\n")?;
            file.remove();
            return Ok(ExitCode::SUCCESS);
        }
        let why = match reason.take() {
            Some(reason) => reason,
            None => ask("reason: ")?,
        };
        let write = Write {
            id: Some((&args.id).into()),
            base_revision: Some(base.revision),
            action: Some(Action::SpecToml(text.clone())),
        };
        let sent = apply::send(&connection, vec![write], &why, false, false).await;
        reason = Some(why);
        match sent {
            Ok(response) => {
                print(&apply::report(&response))?;
                file.remove();
                return Ok(ExitCode::SUCCESS);
            }
            Err(CommandError::Refused(refusal)) => {
                if !again(&refusal.to_string(), &file)? {
                    return Err(CommandError::Refused(refusal));
                }
                if refusal.conflict.is_some() {
                    let newer = current(&connection, args).await?;
                    file.write(&united(&base.text, &text, &newer))?;
                    base = newer;
                }
            }
            Err(error) => {
                say(&format!("your text is kept in {}", file.path.display()));
                return Err(error);
            }
        }
    }
}

struct Base {
    text: String,
    revision: u64,
}

async fn current(connection: &Connection, args: &EditArgs) -> Result<Base, CommandError> {
    let name = args.id.name.as_str();
    let entries = get::fetch(connection, Some(args.id.kind), Some(name)).await?;
    let entry = entries.first();
    let entry = entry.ok_or_else(|| CommandError::Usage(format!("there is no {}", args.id)))?;
    // A layer that changes only parts of what is shipped shall still do no more than that.
    let text = entry.layer_toml()?.map_or_else(|| entry.to_toml(), Ok)?;
    Ok(Base { text, revision: entry.revision() })
}

/// The user's text on top of a newer one. Where both changed the same lines, both versions stand
/// there between marks, as version control shows them; marks are no TOML, so that nothing is
/// written before they are resolved.
fn united(base: &str, mine: &str, newer: &Base) -> String {
    match diffy::merge(base, mine, &newer.text) {
        Ok(text) => text,
        Err(marked) => format!(
            "{NOTE}The same lines were changed twice: `ours` is yours, `theirs` is revision {}.\n\
             {NOTE}Keep what is right and take the marks away. These two lines go by themselves.\n\
             {marked}",
            newer.revision
        ),
    }
}

/// Begins the lines at the top of a draft that are not part of the document.
const NOTE: &str = "#: ";

/// A private file that the editor is given.
struct Draft {
    directory: PathBuf,
    path: PathBuf,
}

impl Draft {
    fn create(args: &EditArgs, text: &str) -> Result<Self, CommandError> {
        let directory = std::env::temp_dir().join(format!("ccm-edit-{}", std::process::id()));
        ccm_daemon::settings::make_private(&directory)
            .map_err(|error| CommandError::Usage(error.to_string()))?;
        let path = directory.join(format!("{}.toml", args.id.name));
        let draft = Self { directory, path };
        draft.write(text)?;
        Ok(draft)
    }

    fn write(&self, text: &str) -> Result<(), CommandError> {
        let failed =
            |error| CommandError::io(format!("cannot write {}", self.path.display()), error);
        std::fs::write(&self.path, text).map_err(failed)
    }

    fn edit(&self) -> Result<(), CommandError> {
        let mut named =
            ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
        let editor = named.find(|editor| !editor.trim().is_empty());
        let editor = editor.unwrap_or_else(|| "vi".to_owned());
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or("vi");
        let status = std::process::Command::new(program).args(words).arg(&self.path).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(CommandError::Usage(format!(
                "{program} ended with {status}; nothing was written, your text is in {}",
                self.path.display()
            ))),
            Err(error) => Err(CommandError::io(format!("cannot run {program}; set EDITOR"), error)),
        }
    }

    fn read(&self) -> Result<String, CommandError> {
        let failed =
            |error| CommandError::io(format!("cannot read {}", self.path.display()), error);
        let text = std::fs::read_to_string(&self.path).map_err(failed)?;
        let notes: usize = text
            .split_inclusive('\n')
            .take_while(|line| line.starts_with(NOTE))
            .map(str::len)
            .sum();
        Ok(text.get(notes..).unwrap_or_default().to_owned())
    }

    fn remove(&self) {
        // What is left behind lies in a private directory of the temporary one.
        let _ = remove(&self.path, &self.directory);
    }
}

fn remove(path: &Path, directory: &Path) -> std::io::Result<()> {
    std::fs::remove_file(path)?;
    std::fs::remove_dir(directory)
}

fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    for line in line.lines() {
        let _ = writeln!(stderr, "{}", SafeText::new(line));
    }
}

fn again(problem: &str, file: &Draft) -> Result<bool, CommandError> {
    say(problem);
    if !std::io::stdin().is_terminal() {
        say(&format!("your text is kept in {}", file.path.display()));
        return Ok(false);
    }
    let answer = ask("edit again? [Y/n] ")?;
    let again = !answer.trim().eq_ignore_ascii_case("n");
    if !again {
        say(&format!("your text is kept in {}", file.path.display()));
    }
    Ok(again)
}

fn ask(question: &str) -> Result<String, CommandError> {
    let failed = |error| CommandError::io("cannot ask", error);
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(failed)?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if read == 0 {
        return Err(CommandError::Usage("a reason is needed: say --reason TEXT".to_owned()));
    }
    Ok(answer.trim().to_owned())
}
