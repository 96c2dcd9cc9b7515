//! Options of an `exec` source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Problem;

/// The most that a command may write for one reading, in bytes.
pub const OUTPUT_MAX: u64 = 8 << 20;

/// A command whose standard output is the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecConfig {
    /// Program and arguments. No shell is involved; the program is an absolute path.
    pub command: Vec<String>,
    /// Run once an interval, or kept running and giving an answer a line.
    #[serde(default)]
    pub mode: ExecMode,
    /// What the answer is.
    #[serde(default)]
    pub format: ExecFormat,
    /// Variables of the daemon's environment that the command gets; it gets no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pass_env: Vec<String>,
    /// Further variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The directory that it runs in; the root directory when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The most address space that it may take, in bytes.
    #[serde(default = "memory")]
    pub memory_bytes: u64,
    /// The most processor time that one run may take, in seconds; a kept one has no such limit.
    #[serde(default = "cpu")]
    pub cpu_seconds: u64,
    /// The most that it may write for one reading, in bytes.
    #[serde(default = "output")]
    pub output_bytes: u64,
    /// Exit codes beside 0 that come with a good answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ok_codes: Vec<i32>,
}

/// How a command is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecMode {
    /// Once an interval, to its end.
    #[default]
    Interval,
    /// Kept running; every line is an answer. It is started again when it ends.
    Kept,
}

/// What a command's answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecFormat {
    /// One JSON value.
    #[default]
    Json,
    /// Lines of `name value`.
    Lines,
    /// Prometheus text.
    Prometheus,
}

fn memory() -> u64 {
    512 << 20
}

fn cpu() -> u64 {
    10
}

fn output() -> u64 {
    1 << 20
}

impl ExecConfig {
    /// Finds what the types alone cannot refuse.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let program = self.command.first().map(String::as_str).unwrap_or_default();
        if !program.starts_with('/') {
            let sentence = "a command begins with the absolute path of a program, as in [\"/usr/bin/df\", \"--output=pcent\"]";
            problems.push(("command".to_owned(), sentence.to_owned()));
        }
        if self.command.iter().any(|word| word.contains('\0')) {
            problems.push(("command".to_owned(), "no word of a command holds a NUL".to_owned()));
        }
        if !(1..=OUTPUT_MAX).contains(&self.output_bytes) {
            let sentence = format!("an answer has from 1 to {OUTPUT_MAX} bytes");
            problems.push(("output_bytes".to_owned(), sentence));
        }
        if self.memory_bytes < 16 << 20 {
            let sentence = "a program does not start in less than 16 MiB (16777216)";
            problems.push(("memory_bytes".to_owned(), sentence.to_owned()));
        }
        if self.cpu_seconds == 0 {
            let sentence = "a run takes at least 1 second of processor time";
            problems.push(("cpu_seconds".to_owned(), sentence.to_owned()));
        }
        if self.mode == ExecMode::Kept && self.format != ExecFormat::Json {
            let sentence = "a kept command writes a JSON value a line";
            problems.push(("format".to_owned(), sentence.to_owned()));
        }
        problems
    }
}
