//! A few requests over a real socket.

use axum::Router;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A router that is served until the test ends.
pub(super) async fn served(router: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

async fn sent(port: u16, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn parsed(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// The answer at a path, with header lines that each end in `\r\n`.
pub(super) async fn get(port: u16, path: &str, headers: &str) -> Answer {
    let mut stream = sent(port, path, headers).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    parsed(&String::from_utf8(bytes).unwrap())
}

/// What a stream says until it has said something.
pub(super) async fn until(port: u16, path: &str, headers: &str, said: &str) -> Answer {
    let mut stream = sent(port, path, headers).await;
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.contains(said) {
            return parsed(&text);
        }
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "the stream ended: {text}");
    }
}

/// The data of each event of a stream that has come whole; asks are left out.
pub(super) fn events(answer: &Answer) -> Vec<Value> {
    data(answer, |name| name != "ccm.ask")
}

/// The data of each ask of a stream that has come whole.
pub(super) fn asks(answer: &Answer) -> Vec<Value> {
    data(answer, |name| name == "ccm.ask")
}

fn data(answer: &Answer, wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let whole = answer.body.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let mut name = "";
    let mut found = Vec::new();
    for line in whole.lines() {
        if let Some(event) = line.strip_prefix("event: ") {
            name = event;
        } else if let Some(data) = line.strip_prefix("data: ").filter(|_| wanted(name)) {
            found.push(serde_json::from_str(data).unwrap());
        }
    }
    found
}

/// Brings JSON; the status of the answer.
pub(super) async fn post(port: u16, path: &str, body: &Value) -> u16 {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    parsed(&String::from_utf8(bytes).unwrap()).status
}
