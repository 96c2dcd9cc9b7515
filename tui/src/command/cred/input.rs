//! Where a secret comes from: the terminal, standard input or a descriptor. Never an argument,
//! which every user of the machine can see, nor the environment.

use std::io::{self, IsTerminal as _, Read};

use ccm_daemon::secret::Secret;

use super::prompt;
use crate::cli::SecretArgs;
use crate::command::CommandError;

/// Reads a secret from where the arguments say, else asks for it on the terminal.
pub(super) fn read(args: &SecretArgs, question: &str) -> Result<Secret, CommandError> {
    let failed = |error| CommandError::io("the secret cannot be read", error);
    let secret = if let Some(number) = args.fd {
        Secret::from_descriptor(number).map_err(failed)?.without_line_end()
    } else if args.stdin {
        Secret::read(&mut Unbuffered).map_err(failed)?.without_line_end()
    } else if io::stdin().is_terminal() {
        prompt::ask(question)?
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

/// Standard input without the buffer of the standard library, which nobody would overwrite.
struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), buffer)?)
    }
}
