//! One small question to a listener of this machine.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a listener has for its answer: on loopback that is long.
const LIMIT: Duration = Duration::from_millis(300);

/// The most that is read of an answer.
const ANSWER_MAX: usize = 8 << 10;

/// Asks listeners.
pub trait Ask: Send + Sync {
    /// The beginning of the answer to `GET path`, head and all; none when there is none in time.
    fn ask<'a>(&'a self, address: SocketAddr, path: &'a str) -> BoxFuture<'a, Option<String>>;
}

/// Asks on loopback, and nowhere else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loopback;

impl Ask for Loopback {
    fn ask<'a>(&'a self, address: SocketAddr, path: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move {
            if !address.ip().is_loopback() {
                return None;
            }
            let mut answer = Vec::new();
            // What came until the time was over is an answer too.
            let _ = tokio::time::timeout(LIMIT, exchange(address, path, &mut answer)).await;
            (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
        })
    }
}

async fn exchange(address: SocketAddr, path: &str, answer: &mut Vec<u8>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let question = format!(
        "GET {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: ccmd/{}\r\nConnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(question.as_bytes()).await?;
    let mut chunk = [0; 1 << 10];
    while answer.len() < ANSWER_MAX {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_read_as_far_as_it_comes_and_no_further() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = vec![0; 1_024];
            let count = stream.read(&mut question).await.unwrap();
            assert!(question[..count].starts_with(b"GET /-/healthy HTTP/1.0\r\n"));
            let _ = stream.write_all(&vec![b'x'; 100_000]).await;
            // A second question would be one too many.
            assert_eq!(stream.read(&mut question).await.unwrap_or(0), 0);
        });
        let answer = Loopback.ask(address, "/-/healthy").await.unwrap();
        assert!(answer.len() < ANSWER_MAX + 1_024);
    }

    #[tokio::test]
    async fn nobody_beyond_this_machine_is_asked() {
        let elsewhere = "192.0.2.1:80".parse().unwrap();
        assert_eq!(Loopback.ask(elsewhere, "/").await, None);
    }
}
