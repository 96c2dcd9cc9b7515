//! TCP connections, and a word through them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::outcome::Outcome;
use super::{Failure, Tools, down};

/// The most that is read in search of what is expected.
const ANSWER_MAX: usize = 4 << 10;

pub(super) async fn probe(
    (host, port): (&str, u16),
    send: Option<&str>,
    expect: Option<&str>,
    tools: &Tools<'_>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let mut stream = tools.dial(host, port, outcome).await?;
    let begun = tools.clock.elapsed();
    if let Some(text) = send {
        let sent = stream.write_all(text.as_bytes()).await;
        sent.map_err(|_| down("it hung up when it was spoken to"))?;
    }
    let Some(expected) = expect.filter(|expected| !expected.is_empty()) else { return Ok(()) };
    let mut answer = vec![0; ANSWER_MAX];
    let mut length = 0;
    while length < ANSWER_MAX {
        let room = answer.get_mut(length..).unwrap_or_default();
        let count = stream.read(room).await.map_err(|_| down("it broke the connection"))?;
        if count == 0 {
            return Err(down("it hung up without the expected answer"));
        }
        outcome.answer.get_or_insert(tools.clock.elapsed().saturating_sub(begun));
        length += count;
        let so_far = answer.get(..length).unwrap_or_default();
        if so_far.windows(expected.len()).any(|part| part == expected.as_bytes()) {
            return Ok(());
        }
    }
    Err(down("its answer does not hold what is expected"))
}
