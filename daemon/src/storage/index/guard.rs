//! Opening and closing sled without trusting it: in a thread of its own, with a deadline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::files::{Files, Seal};
use super::store::{IndexError, Store, Tally};
use super::{Index, IndexState};

/// How a store is opened; a parameter, so that tests can have it hang or panic.
pub(super) type Opener = fn(&Path) -> Result<(Store, Tally), IndexError>;

/// Opens an index, whatever it takes.
pub(super) fn open(directory: &Path, deadline: Duration, opener: Opener) -> (Index, IndexState) {
    let absent = |error: &IndexError| {
        let reason = error.reason.clone();
        (Index::in_memory(), IndexState::Absent { reason })
    };
    let (mut files, existed) = match Files::find(directory) {
        Ok(found) => found,
        Err(error) => return absent(&IndexError::of_io(&error)),
    };
    let doubt = match open_found(&files, existed, deadline, opener) {
        Ok((store, tally)) => {
            let state = if existed { IndexState::Whole } else { IndexState::New };
            return (Index::with(store, Some(files), tally, deadline), state);
        }
        Err(error) if error.no_room => return absent(&error),
        Err(error) => error,
    };
    if let Err(error) = files.set_aside().and_then(|()| files.unseal()) {
        return absent(&IndexError::of_io(&error));
    }
    match within(deadline, &files, opener) {
        Ok((store, tally)) => {
            let index = Index::with(store, Some(files), tally, deadline);
            (index, IndexState::Rebuilt { reason: doubt.reason })
        }
        Err(error) => absent(&error),
    }
}

fn open_found(
    files: &Files,
    existed: bool,
    deadline: Duration,
    opener: Opener,
) -> Result<(Store, Tally), IndexError> {
    let of_io = |error: std::io::Error| IndexError::of_io(&error);
    if files.seal() == Seal::Broken {
        return Err(IndexError::new("its files are not as they were left"));
    }
    if existed {
        files.remove_unfinished_snapshots().map_err(of_io)?;
    }
    files.unseal().map_err(of_io)?;
    within(deadline, files, opener)
}

fn within(deadline: Duration, files: &Files, opener: Opener) -> Result<(Store, Tally), IndexError> {
    let path = files.store();
    run(deadline, move || opener(&path))
        .unwrap_or_else(|| Err(IndexError::new("opening it took too long")))
}

/// Flushes and closes a store, and seals its files if that worked in time.
pub(super) fn close(store: Store, files: Files, deadline: Duration) {
    let closed = run(deadline, move || {
        store.flush()?;
        drop(store);
        let sealed = files.wait_until_released().and_then(|_released| files.write_seal());
        sealed.map_err(|error| IndexError::of_io(&error))
    });
    match closed {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "the index is not sealed"),
        None => tracing::warn!("closing the index took too long; it is not sealed"),
    }
}

/// Runs a call in a thread of its own and waits no longer than the deadline. A thread that hangs
/// is left behind, as nothing can end it.
fn run<T: Send + 'static>(
    deadline: Duration,
    call: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Option<Result<T, IndexError>> {
    let (sender, receiver) = sync_channel(1);
    let body = move || {
        let result = catch_unwind(AssertUnwindSafe(call))
            .unwrap_or_else(|_| Err(IndexError::new("its engine panicked")));
        // Nobody waits any more when the deadline has passed.
        let _ = sender.send(result);
    };
    if let Err(error) = thread::Builder::new().name("index".to_owned()).spawn(body) {
        return Some(Err(IndexError::of_io(&error)));
    }
    match receiver.recv_timeout(deadline) {
        Ok(result) => Some(result),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Err(IndexError::new("its thread ended"))),
    }
}
