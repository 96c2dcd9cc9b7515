//! `ccm`: the live dashboard.

use std::path::PathBuf;
use std::process::ExitCode;

use ccm_daemon::settings::{Paths, Settings};
use ccm_proto::model::Name;

use crate::autostart::Target;
use crate::cli::{LinkArgs, LookArgs};
use crate::command::CommandError;
use crate::input::keymap::Keymap;
use crate::memory_file;
use crate::model::Beginning;
use crate::model::memory::Memory;
use crate::runtime::{self, RunOptions};
use crate::term::Terminal;
use crate::term::capability::{self, Capabilities};
use crate::zone::Zone;

/// The layout that is opened when none is named.
const LAYOUT: &str = "host";

/// Opens the dashboard and returns when it was left.
pub async fn run(look: LookArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let memory_file =
        Paths::resolve(&Settings::default()).ok().map(|p| p.data.join(memory_file::FILE));
    dashboard(look, link, memory_file).await.map(exit)
}

/// Opens the dashboard, which remembers in a file, and returns its exit code when it was left; above
/// 128 stands the signal that ended it.
pub(crate) async fn dashboard(
    look: LookArgs,
    link: &LinkArgs,
    memory_file: Option<PathBuf>,
) -> Result<u8, CommandError> {
    let target = Target::resolve(link.socket.as_deref())?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let capabilities = capability::resolve(look.color, look.glyphs, &variable);
    let (keymap, mut remarks) = keymap(&look)?;
    let (memory, remark) = memory_file.as_deref().map(memory_file::load).unwrap_or_default();
    remarks.extend(remark);
    let beginning = Beginning { memory, ..beginning(look, capabilities, keymap)? };
    let modern = capabilities.modern;
    let options = RunOptions { target, beginning, modern, remarks, memory_file };
    let code = runtime::run(options).await;
    code.map_err(|error| CommandError::io("the terminal failed", error))
}

/// Ends as the dashboard did.
pub(crate) fn exit(code: u8) -> ExitCode {
    if let Some(signal) = code.checked_sub(128) {
        // Whoever waits for this process, a shell's loop for one, asks how it ended.
        let _ = signal_hook::low_level::emulate_default_handler(signal.into());
    }
    ExitCode::from(code)
}

fn beginning(
    look: LookArgs,
    capabilities: Capabilities,
    keymap: Keymap,
) -> Result<Beginning, CommandError> {
    let name = |text: &str| Name::new(text).map_err(|error| CommandError::Usage(error.to_string()));
    let size =
        Terminal::size().map_err(|error| CommandError::io("the terminal has no size", error))?;
    Ok(Beginning {
        size,
        layout: look.layout.map_or_else(|| name(LAYOUT), Ok)?,
        page: look.page.map_or(0, |page| page.saturating_sub(1)),
        theme: look.theme,
        default_theme: name(if capabilities.bright { "light" } else { "dark" })?,
        depth: capabilities.depth,
        glyphs: capabilities.glyphs,
        keymap,
        mouse: !look.no_mouse,
        zone: Zone::system(),
        memory: Memory::default(),
    })
}

/// The key map under the user's file. A named file must be there; the usual one may be missing.
pub(crate) fn keymap(look: &LookArgs) -> Result<(Keymap, Vec<String>), CommandError> {
    let usual = || Some(Paths::resolve(&Settings::default()).ok()?.config.join("keys.toml"));
    let Some(path) = look.keys.clone().or_else(usual) else {
        return Ok((Keymap::default(), Vec::new()));
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let (keymap, warnings) = Keymap::with_overrides(&text);
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((keymap, warnings.into_iter().map(|warning| format!("{file} {warning}")).collect()))
        }
        Err(_) if look.keys.is_none() => Ok((Keymap::default(), Vec::new())),
        Err(error) => Err(CommandError::io(format!("cannot read {}", path.display()), error)),
    }
}
