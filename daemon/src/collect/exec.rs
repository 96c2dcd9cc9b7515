//! Commands: what they write is the answer.
//!
//! No shell is involved. A command gets the variables that its document names and no others, bounds
//! on memory, processor time and output, and a process group of its own, which is ended as a whole
//! when the command is too slow, floods, or is not wanted any more. See [`launch`] for how the
//! bounds come about, [`group`] for the ending, and [`answer`] for what is made of the output.

pub mod answer;
mod follow;
mod group;
mod launch;
mod run;

use std::process::ExitStatus;
use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::source::exec::ExecMode;
use ccm_proto::model::{Name, Reading, SourceSpec};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::tap::{BODY_SHOWN, Exchange, Tap};
use super::{CollectError, Collector, Fetch, Moment, Retry};
use answer::Answers;
use follow::Kept;

pub use launch::{Launcher, intercept};

/// What runs the command of a source. Each run, or each line of a kept command, is shown to `tap`.
pub fn collector(
    name: &Name,
    spec: &SourceSpec,
    launcher: Launcher,
    tap: Option<Tap>,
) -> Collector {
    let Some(config) = spec.exec.as_deref().cloned() else {
        return Collector::Fetch(Box::new(Unusable(SafeText::from("there is no [exec] section"))));
    };
    let answers = match Answers::new(name, config.format, spec.extract.as_deref()) {
        Ok(answers) => answers,
        Err(cause) => return Collector::Fetch(Box::new(Unusable(cause))),
    };
    let turn = Arc::new(Semaphore::new(1));
    let task = Task { config: Arc::new(config), launcher, turn, tap };
    match task.config.mode {
        ExecMode::Interval => Collector::Fetch(Box::new(Interval { task, answers })),
        ExecMode::Kept => Collector::Follow(Box::new(Kept::new(task, answers))),
    }
}

/// A command, ready to be run.
struct Task {
    config: Arc<ccm_proto::model::source::ExecConfig>,
    launcher: Launcher,
    /// Held while the command or something that it left behind is there: it never runs twice.
    turn: Arc<Semaphore>,
    /// Sees what was run and what came of it.
    tap: Option<Tap>,
}

impl Task {
    /// Starts the command, after a former run is over.
    async fn start(&self, cpu_seconds: Option<u64>) -> Result<group::Started, CollectError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|_| CollectError::Ended)?;
        group::start(&self.launcher, &self.config, cpu_seconds, turn).map_err(|error| {
            let program = self.config.command.first().map(String::as_str).unwrap_or_default();
            let cause = answer::not_started(program, &error);
            self.show(&[], None, None, Some(&cause));
            CollectError::Source { cause, retry: Retry::Backoff }
        })
    }

    /// Shows the tap what the command wrote, how it ended and what it complained of last.
    fn show(
        &self,
        output: &[u8],
        status: Option<ExitStatus>,
        complaint: Option<SafeText>,
        error: Option<&SafeText>,
    ) {
        let Some(tap) = &self.tap else { return };
        let code = status.map(|status| match status.code() {
            Some(code) => format!("exit code: {code}"),
            None => status.to_string(),
        });
        let complaint = complaint.map(|line| format!("standard error: {line}"));
        tap.take(Exchange {
            asked: self.config.command.join(" "),
            hit: "ran",
            answer_headers: code.into_iter().chain(complaint).collect(),
            answer: Bytes::copy_from_slice(output.get(..BODY_SHOWN).unwrap_or(output)),
            answer_bytes: output.len() as u64,
            error: error.cloned(),
            ..Exchange::default()
        });
    }
}

/// A command that is run once an interval.
struct Interval {
    task: Task,
    answers: Answers,
}

impl Fetch for Interval {
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        Box::pin(async move {
            let config = &self.task.config;
            let started = self.task.start(Some(config.cpu_seconds)).await?;
            let finished =
                run::to_end(started, config.output_bytes).await.inspect_err(|error| {
                    self.task.show(&[], None, None, Some(&error.to_safe_text()));
                })?;
            let result = answer::judge(config, &finished)
                .and_then(|()| self.answers.reading(moment, &finished.output));
            let (status, complaint) = (Some(finished.status), finished.complaint.line());
            self.task.show(&finished.output, status, complaint, result.as_ref().err());
            result.map_err(failed)
        })
    }
}

fn failed(cause: SafeText) -> CollectError {
    CollectError::Source { cause, retry: Retry::Backoff }
}

/// Stands for a source whose document cannot be followed.
struct Unusable(SafeText);

impl Fetch for Unusable {
    fn fetch(&mut self, _: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        let error = CollectError::Source { cause: self.0.clone(), retry: Retry::Hold };
        Box::pin(std::future::ready(Err(error)))
    }
}
