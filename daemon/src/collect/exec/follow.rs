//! A command that is kept running and writes an answer a line.

use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::Reading;
use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::time::Sleep;

use super::answer::{self, Answers};
use super::group::{GRACE, Group, Started};
use super::run::Complaint;
use super::{CollectError, Task, failed};
use crate::clock::Clock;
use crate::collect::{Follow, Moment};

/// Between two readings. Of the answers that come sooner the newest counts, so that a command
/// that floods costs no more than one that speaks this often.
const GAP: Duration = Duration::from_millis(100);

/// What is read at once.
const CHUNK: usize = 16 << 10;

/// See the module.
pub(super) struct Kept {
    task: Task,
    answers: Answers,
    running: Option<Running>,
    /// No reading before this has passed.
    gap: Option<std::pin::Pin<Box<Sleep>>>,
}

/// A command that has not ended yet.
struct Running {
    group: Group,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    /// The line that is being read.
    line: Vec<u8>,
    /// The newest whole line that was not given yet.
    newest: Option<Vec<u8>>,
    /// Bytes read since the last reading.
    since: usize,
    complaint: Complaint,
}

impl Kept {
    /// Starts nothing yet.
    pub(super) fn new(task: Task, answers: Answers) -> Self {
        Self { task, answers, running: None, gap: None }
    }

    async fn next_reading(&mut self, clock: &Clock) -> Result<Reading, CollectError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Running::new(self.task.start(None).await?),
        };
        let limit = usize::try_from(self.task.config.output_bytes).unwrap_or(usize::MAX);
        // A failure drops the command, which ends it.
        let line = match running.next_line(limit, &mut self.gap).await {
            Ok(line) => line,
            Err(Stop::TooLong) => {
                return Err(failed(SafeText::from(format!(
                    "the command wrote a line of more than {limit} bytes; have it write less, or raise output_bytes"
                ))));
            }
            Err(Stop::Ended) => return Err(self.ended(running).await),
        };
        let moment = Moment { at: clock.now(), elapsed: clock.elapsed() };
        let reading = self.answers.reading(moment, &line);
        self.task.show(&line, None, running.complaint.line(), reading.as_ref().err());
        let reading = reading.map_err(failed)?;
        self.gap = Some(Box::pin(tokio::time::sleep(GAP)));
        self.running = Some(running);
        Ok(reading)
    }

    /// Why a command that should go on has ended.
    async fn ended(&self, mut running: Running) -> CollectError {
        if tokio::time::timeout(GRACE, running.group.ended()).await.is_err() {
            let sentence =
                "the command has closed its output; it should write a line for every answer";
            return failed(SafeText::from(sentence));
        }
        running.group.sweep();
        let status = running.group.status().await;
        let said = running.complaint.line();
        self.task.show(&[], status.as_ref().ok().copied(), said.clone(), None);
        let ended = match status {
            Ok(status) => answer::ended(&self.task.config, status, said.as_ref()),
            Err(error) => format!("ended in an unknown way ({error})"),
        };
        failed(SafeText::from(format!("the command should go on but {ended}")))
    }
}

impl Follow for Kept {
    fn next<'a>(&'a mut self, clock: &'a Clock) -> BoxFuture<'a, Result<Reading, CollectError>> {
        Box::pin(self.next_reading(clock))
    }
}

/// Why there is no further line.
enum Stop {
    Ended,
    TooLong,
}

impl Running {
    fn new(started: Started) -> Self {
        let Started { group, stdout, stderr } = started;
        Self {
            group,
            stdout,
            stderr: Some(stderr),
            line: Vec::new(),
            newest: None,
            since: 0,
            complaint: Complaint::default(),
        }
    }

    /// The newest line once the gap has passed.
    async fn next_line(
        &mut self,
        limit: usize,
        gap: &mut Option<std::pin::Pin<Box<Sleep>>>,
    ) -> Result<Vec<u8>, Stop> {
        let (mut out, mut err) = (vec![0; CHUNK], vec![0; CHUNK]);
        loop {
            if gap.is_none()
                && let Some(line) = self.newest.take()
            {
                self.since = 0;
                return Ok(line);
            }
            // A flood waits in the pipe, and with it the command.
            let has_room = self.newest.is_none() || self.since <= limit;
            tokio::select! {
                () = passed(gap) => *gap = None,
                read = self.stdout.read(&mut out), if has_room => {
                    let count = read.unwrap_or(0);
                    if count == 0 {
                        return self.last_line(gap).await;
                    }
                    self.take(out.get(..count).unwrap_or_default(), limit)?;
                }
                count = complaints(&mut self.stderr, &mut err) => match count {
                    0 => self.stderr = None,
                    count => self.complaint.push(err.get(..count).unwrap_or_default()),
                },
            }
        }
    }

    /// The output has ended: a line that was not given yet still counts.
    async fn last_line(
        &mut self,
        gap: &mut Option<std::pin::Pin<Box<Sleep>>>,
    ) -> Result<Vec<u8>, Stop> {
        let line = self.newest.take().ok_or(Stop::Ended)?;
        if gap.is_some() {
            passed(gap).await;
            *gap = None;
        }
        Ok(line)
    }

    fn take(&mut self, bytes: &[u8], limit: usize) -> Result<(), Stop> {
        self.since = self.since.saturating_add(bytes.len());
        let mut parts = bytes.split(|byte| *byte == b'\n');
        self.line.extend_from_slice(parts.next().unwrap_or_default());
        for part in parts {
            let line = std::mem::replace(&mut self.line, part.to_vec());
            if line.len() > limit {
                return Err(Stop::TooLong);
            }
            if !line.trim_ascii().is_empty() {
                self.newest = Some(line);
            }
        }
        if self.line.len() > limit { Err(Stop::TooLong) } else { Ok(()) }
    }
}

/// Waits for the gap; for ever when there is none, as nothing waits for it then.
async fn passed(gap: &mut Option<std::pin::Pin<Box<Sleep>>>) {
    match gap {
        Some(gap) => gap.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn complaints(stderr: &mut Option<ChildStderr>, chunk: &mut [u8]) -> usize {
    match stderr {
        Some(stderr) => stderr.read(chunk).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}
