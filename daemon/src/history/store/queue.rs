//! What waits for the store's thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::history::HistoryOutput;

/// Bytes of samples that may wait for the head log; about ten seconds of 400,000 samples each. Beyond it,
/// samples are not saved before they are sealed, which is counted.
const HEAD_BYTES_MAX: usize = 32 << 20;

/// How often the thread looks up by itself, to sync what nothing follows.
const LOOK_UP: Duration = Duration::from_millis(500);

/// What has been taken from the queue.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Definitions and head records.
    pub(super) heads: VecDeque<HistoryOutput>,
    /// Everything else; at most one sealing for each tier of each stripe.
    pub(super) seals: VecDeque<HistoryOutput>,
    /// Samples that found no room.
    pub(super) unsaved: u64,
    /// No more will come.
    pub(super) closed: bool,
}

#[derive(Debug, Default)]
struct State {
    work: Work,
    head_bytes: usize,
}

/// The queue between the engine and the store's thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, outputs: impl IntoIterator<Item = HistoryOutput>) {
        let mut state = self.lock();
        for output in outputs {
            match &output {
                HistoryOutput::Define { .. } => state.work.heads.push_back(output),
                HistoryOutput::Head { values, .. } => {
                    let bytes = size_of_val(values.as_slice());
                    if state.head_bytes + bytes > HEAD_BYTES_MAX {
                        state.work.unsaved += values.len() as u64;
                        continue;
                    }
                    state.head_bytes += bytes;
                    state.work.heads.push_back(output);
                }
                _ => state.work.seals.push_back(output),
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    pub(super) fn close(&self) {
        self.lock().work.closed = true;
        self.wake.notify_one();
    }

    /// Takes what there is; waits for it a little when `idle`.
    pub(super) fn take(&self, idle: bool) -> Work {
        let mut state = self.lock();
        let empty = |state: &mut State| {
            let work = &state.work;
            work.heads.is_empty() && work.seals.is_empty() && !work.closed && work.unsaved == 0
        };
        if idle {
            let waited = self.wake.wait_timeout_while(state, LOOK_UP, empty);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.head_bytes = 0;
        let closed = state.work.closed;
        let work = std::mem::take(&mut state.work);
        state.work.closed = closed;
        work
    }
}

/// Gives the store work. Never blocks.
#[derive(Debug)]
pub struct StoreHandle {
    pub(super) queue: Arc<Queue>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl StoreHandle {
    /// Hands outputs over, in order.
    pub fn push(&self, outputs: impl IntoIterator<Item = HistoryOutput>) {
        self.queue.push(outputs);
    }

    /// Writes and syncs what has been handed over and ends the thread. Blocks until then. What
    /// is not sealed yet stays in the head log.
    pub fn close(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes history has panicked");
        }
    }
}

impl Drop for StoreHandle {
    fn drop(&mut self) {
        self.join();
    }
}
