//! Where a secret comes from: the terminal, standard input or a descriptor. Never an argument,
//! which every user of the machine can see, nor the environment.

use std::io::{self, IsTerminal as _, Read};

use ccm_daemon::secret::Secret;

use super::prompt;
use super::question::Question;
use crate::cli::SecretArgs;
use crate::command::CommandError;

/// Reads a secret from where the arguments say, else asks for it on the terminal.
pub(super) fn read(args: &SecretArgs, question: &Question) -> Result<Secret, CommandError> {
    let failed = |error| CommandError::io("the secret cannot be read", error);
    let secret = if let Some(number) = args.fd {
        Secret::from_descriptor(number).map_err(failed)?.without_line_end()
    } else if args.stdin {
        Secret::read(&mut Unbuffered).map_err(failed)?.without_line_end()
    } else if io::stdin().is_terminal() {
        asked(question)?
    } else {
        return Err(CommandError::Usage(
            "there is no terminal to ask on: say --stdin, or --fd N".to_owned(),
        ));
    };
    if secret.is_empty() {
        return Err(CommandError::Usage("the secret is empty; nothing was changed".to_owned()));
    }
    Ok(secret)
}

/// Asks on the terminal; two answers are two lines of one secret.
fn asked(question: &Question) -> Result<Secret, CommandError> {
    for line in &question.before {
        prompt::say(&format!("{line}\n"));
    }
    let first = prompt::ask(question.first.as_str())?;
    let Some(second) = question.second.as_ref().filter(|_| !first.is_empty()) else {
        return Ok(first);
    };
    let second = prompt::ask(second.as_str())?;
    if second.is_empty() {
        return Ok(first);
    }
    // All of it at once: a vector that grows leaves a copy behind.
    let mut lines = Vec::with_capacity(first.len() + second.len() + 1);
    lines.extend_from_slice(first.expose());
    lines.push(b'\n');
    lines.extend_from_slice(second.expose());
    Ok(Secret::new(lines))
}

/// Standard input without the buffer of the standard library, which nobody would overwrite.
struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), buffer)?)
    }
}
