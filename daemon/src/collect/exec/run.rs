//! Runs a command to its end.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::time::Duration;

use ccm_proto::SafeText;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::group::Started;
use super::{CollectError, failed};

/// What is kept of a command's complaints: the end, where the reason stands.
const COMPLAINT_MAX: usize = 2 << 10;

/// The longest complaint that is repeated, in columns.
const COMPLAINT_WIDTH: usize = 200;

/// How long output may still arrive after the command has ended: it is in the pipe already, unless
/// something that left the group keeps the pipe open.
const DRAIN: Duration = Duration::from_millis(200);

/// What is read at once.
const CHUNK: usize = 16 << 10;

/// A command that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub status: ExitStatus,
    pub output: Vec<u8>,
    pub complaint: Complaint,
}

/// The end of what a command wrote to its standard error.
#[derive(Debug, Default)]
pub(super) struct Complaint(VecDeque<u8>);

impl Complaint {
    /// Takes more, and forgets the beginning.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let kept = bytes.get(bytes.len().saturating_sub(COMPLAINT_MAX)..).unwrap_or_default();
        self.0.extend(kept);
        let over = self.0.len().saturating_sub(COMPLAINT_MAX);
        self.0.drain(..over);
    }

    /// The last line that says something.
    pub(super) fn line(&self) -> Option<SafeText> {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let line =
            bytes.split(|byte| *byte == b'\n').rfind(|line| !line.trim_ascii().is_empty())?;
        Some(SafeText::from_bytes(line.trim_ascii()).truncate(COMPLAINT_WIDTH))
    }
}

/// Reads what a command writes until it has ended. One that writes more than `limit` bytes is
/// ended.
pub(super) async fn to_end(started: Started, limit: u64) -> Result<Finished, CollectError> {
    let Started { mut group, stdout, stderr } = started;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut output, mut complaint) = (Vec::new(), Complaint::default());
    let (mut stdout, mut stderr) = (Some(stdout), Some(stderr));
    let (mut out, mut err) = (vec![0; CHUNK], vec![0; CHUNK]);
    {
        let mut drained = std::pin::pin!(async {
            group.ended().await;
            group.sweep();
            tokio::time::sleep(DRAIN).await;
        });
        let mut over = false;
        while !over && (stdout.is_some() || stderr.is_some()) {
            tokio::select! {
                biased;
                read = some(&mut stdout, &mut out) => match read {
                    0 => stdout = None,
                    count => {
                        output.extend_from_slice(out.get(..count).unwrap_or_default());
                        if output.len() > limit {
                            return Err(too_much(limit, &complaint));
                        }
                    }
                },
                read = some(&mut stderr, &mut err) => match read {
                    0 => stderr = None,
                    count => complaint.push(err.get(..count).unwrap_or_default()),
                },
                () = &mut drained => over = true,
            }
        }
    }
    // Where it closed its output, it may go on for a while.
    group.ended().await;
    group.sweep();
    let status = group.status().await.map_err(|error| {
        failed(SafeText::from(format!("how the command ended is not known ({error}); try again")))
    })?;
    Ok(Finished { status, output, complaint })
}

/// Reads from a pipe that is still open; waits for ever on one that is not. A pipe that breaks has
/// ended.
async fn some(pipe: &mut Option<impl AsyncRead + Unpin>, chunk: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(chunk).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

fn too_much(limit: usize, complaint: &Complaint) -> CollectError {
    let said = complaint.line().map(|line| format!(" and said {line:?}")).unwrap_or_default();
    failed(SafeText::from(format!(
        "the command wrote more than {limit} bytes{said}; have it write less, or raise output_bytes"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_complaint_counts_and_its_beginning_is_forgotten() {
        let mut complaint = Complaint::default();
        assert_eq!(complaint.line(), None);
        complaint.push(b"first\n\x1b[31mlast\xff\n \n");
        let line = complaint.line().unwrap();
        assert!(line.as_str().contains("last") && !line.as_str().contains('\u{1b}'), "{line}");
        for _ in 0..10_000 {
            complaint.push(&[b'x'; 5_000]);
        }
        assert_eq!(complaint.0.len(), COMPLAINT_MAX);
    }
}
