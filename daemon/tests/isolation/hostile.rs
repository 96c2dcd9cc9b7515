//! Servers that hang, flood or lie.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with every request.
pub(super) enum Manner {
    /// Answers this.
    Says(Vec<u8>),
    /// Answers the first and then the second again and again, as fast as it is read.
    Floods(Vec<u8>, Vec<u8>),
    /// Answers the first and then the second again and again, just often enough to seem alive.
    Drips(Vec<u8>, Vec<u8>),
    /// Answers this and then nothing any more.
    Hangs(Vec<u8>),
    /// Hangs up.
    Resets,
}

/// Starts a server, which ends with the runtime; gives its port.
pub(super) async fn serve(manner: Manner) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let manner = Arc::new(manner);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&manner)));
        }
    });
    port
}

async fn answer(mut stream: TcpStream, manner: Arc<Manner>) {
    let mut heard = Vec::new();
    while stream.read_buf(&mut heard).await.is_ok_and(|count| count > 0) {
        if !heard.ends_with(b"\r\n\r\n") {
            continue;
        }
        heard.clear();
        let is_over = match &*manner {
            Manner::Says(bytes) => stream.write_all(bytes).await.is_err(),
            Manner::Resets => true,
            Manner::Hangs(bytes) => {
                let _ = stream.write_all(bytes).await;
                // Until the other side has had enough.
                let _ = stream.read(&mut [0; 16]).await;
                true
            }
            Manner::Floods(bytes, again) => {
                let _ = stream.write_all(bytes).await;
                while stream.write_all(again).await.is_ok() {}
                true
            }
            Manner::Drips(bytes, again) => {
                let _ = stream.write_all(bytes).await;
                while stream.write_all(again).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                true
            }
        };
        if is_over {
            return;
        }
    }
}

/// An answer with a body.
pub(super) fn with(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn json(body: &[u8]) -> Manner {
    Manner::Says(with("200 OK", "content-type: application/json\r\n", body))
}

fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 64 << 20]).unwrap();
    encoder.finish().unwrap()
}

/// Every kind: a name, what the server does, and parts of the sentence that its source ends with.
pub(super) fn all() -> Vec<(&'static str, Manner, [&'static str; 2])> {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let unbounded = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n".to_vec();
    let headers: String = (0..2_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let keys = format!("{{{}\"z\": 1}}", "\"a\":1,".repeat(1_000_000));
    let late = "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n";
    let skewed =
        "date: Sat, 05 Mar 2016 10:00:00 GMT\r\nretry-after: Sat, 05 Mar 2016 10:00:20 GMT\r\n";
    let far = "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 253402300799\r\n";
    vec![
        ("hang", Manner::Hangs(Vec::new()), ["2s", "timeout"]),
        (
            "hang-within",
            Manner::Hangs(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
            ["2s", "timeout"],
        ),
        (
            "slow-loris",
            Manner::Drips(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), b"y".to_vec()),
            ["2s", "timeout"],
        ),
        ("slow-body", Manner::Drips(chunked, b"1\r\nx\r\n".to_vec()), ["2s", "timeout"]),
        ("endless", Manner::Floods(unbounded, vec![b'x'; 1 << 16]), ["127.0.0.1", "8388608 bytes"]),
        ("ten-gibibytes", Manner::Hangs(huge), ["127.0.0.1", "8388608 bytes"]),
        (
            "bomb",
            Manner::Says(with("200 OK", "content-encoding: gzip\r\n", &bomb())),
            ["127.0.0.1", "100 times"],
        ),
        ("headers", Manner::Says(with("200 OK", &headers, b"{}")), ["127.0.0.1", "headers"]),
        ("deep", json("[".repeat(100_000).as_bytes()), ["nested more than", "deep"]),
        ("keys", json(keys.as_bytes()), ["more than", "values"]),
        ("nan", json(b"{\"a\": NaN}"), ["not JSON", "ccm source test"]),
        ("utf8", json(b"{\"a\": \"\xff\xfe\"}"), ["not JSON", "ccm source test"]),
        (
            "html",
            Manner::Says(with("200 OK", "content-type: text/html\r\n", b"<html>")),
            ["not JSON", "ccm source test"],
        ),
        (
            "loop",
            Manner::Says(with("302 Found", "location: /again\r\n", b"")),
            ["redirects", "3 times"],
        ),
        ("year-9999", Manner::Says(with("429 Slow", late, b"")), ["fewer calls", "1h"]),
        (
            "far-quota",
            Manner::Says(with("429 Slow", far, b"")),
            ["fewer calls", "next attempt after 5s"],
        ),
        (
            "skewed",
            Manner::Says(with("503 Busy", skewed, b"")),
            ["fewer calls", "next attempt after 20s"],
        ),
        ("reset", Manner::Resets, ["127.0.0.1 hung up", "log"]),
        ("broken", Manner::Says(with("500 Oops", "", b"")), ["status 500", "log"]),
        (
            "no-http",
            Manner::Says(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()),
            ["127.0.0.1 does not speak HTTP", "log"],
        ),
    ]
}
