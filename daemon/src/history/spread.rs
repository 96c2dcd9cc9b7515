//! Work for all cores at once, while a start waits for it.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, available_parallelism};

/// More threads than this would wait for the disk and for memory.
const THREADS_MAX: usize = 8;

/// How many threads do work at once.
pub(crate) fn threads() -> usize {
    available_parallelism().map_or(1, usize::from).min(THREADS_MAX)
}

/// Does the work of every item, on this thread and on others for as long as there is any. The
/// answers come in no order.
pub(crate) fn spread<T, A: Send>(
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> A + Sync,
) -> Vec<A> {
    let items = Mutex::new(items);
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let some = || std::iter::from_fn(next).map(&work).collect::<Vec<A>>();
    std::thread::scope(|scope| {
        let start = |_| Builder::new().name("restore".to_owned()).spawn_scoped(scope, some).ok();
        // What cannot be started leaves its share to the others.
        let others: Vec<_> = (1..threads()).filter_map(start).collect();
        let mut answers = some();
        for other in others {
            match other.join() {
                Ok(more) => answers.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        answers
    })
}
