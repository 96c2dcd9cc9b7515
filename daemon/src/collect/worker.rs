//! The thread of one collector. It may hang: nobody joins it.

use std::sync::mpsc;
use std::time::Duration;

use ccm_proto::model::Reading;
use tokio::sync::oneshot;

use super::{CollectError, Moment, Read};

/// Runs a collector on a thread of its own, one call at a time. The thread ends when this is
/// dropped, after the call it is in.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::SyncSender<Job>,
}

/// The answer to a call, when it comes.
pub(super) type Answer = oneshot::Receiver<Result<Reading, CollectError>>;

enum Job {
    Prime(Duration, oneshot::Sender<()>),
    Read(Moment, oneshot::Sender<Result<Reading, CollectError>>),
}

impl Worker {
    /// Starts the thread, which makes the collector too: that may touch the outside.
    pub(super) fn start(
        name: &str,
        make: impl FnOnce() -> Box<dyn Read> + Send + 'static,
    ) -> Result<Self, CollectError> {
        // One job at a time is all the scheduler ever gives; a second would be a mistake there.
        let (jobs, receiver) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("read-{name}"));
        thread
            .spawn(move || run(make(), &receiver))
            .map_err(|error| CollectError::NoThread(error.to_string()))?;
        Ok(Self { jobs })
    }

    /// Has the collector remember its counters.
    pub(super) fn prime(&self, elapsed: Duration) -> Result<oneshot::Receiver<()>, CollectError> {
        let (sender, receiver) = oneshot::channel();
        self.jobs.try_send(Job::Prime(elapsed, sender)).map_err(|_| CollectError::Ended)?;
        Ok(receiver)
    }

    /// Has the collector take a reading.
    pub(super) fn read(&self, moment: Moment) -> Result<Answer, CollectError> {
        let (sender, receiver) = oneshot::channel();
        self.jobs.try_send(Job::Read(moment, sender)).map_err(|_| CollectError::Ended)?;
        Ok(receiver)
    }
}

fn run(mut collector: Box<dyn Read>, jobs: &mpsc::Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        // An answer that nobody waits for any more is dropped.
        match job {
            Job::Prime(elapsed, done) => {
                collector.prime(elapsed);
                let _ = done.send(());
            }
            Job::Read(moment, answer) => {
                let _ = answer.send(collector.read(moment));
            }
        }
    }
}
