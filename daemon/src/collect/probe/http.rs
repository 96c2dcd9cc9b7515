//! HTTP requests. Redirects are not followed: where one is the good answer, its status is named.

use std::collections::BTreeMap;

use bytes::Bytes;
use ccm_proto::model::source::external_api::Method;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use url::{Position, Url};

use super::outcome::Outcome;
use super::{Failure, Tools, down, fault, tls};
use crate::collect::Moment;

/// The most of a body that is searched.
const BODY_MAX: usize = 1 << 20;

/// The most that the head of an answer may have, in bytes.
const HEAD_MAX: usize = 32 << 10;

/// The most headers of an answer.
const HEADERS_MAX: usize = 100;

/// What is asked.
pub(super) struct Ask<'a> {
    pub url: &'a str,
    pub method: Method,
    pub headers: &'a BTreeMap<String, String>,
    pub ca_file: Option<&'a str>,
}

/// What makes an answer good.
pub(super) struct Wanted<'a> {
    /// Status codes; 200 to 299 when there are none.
    pub status: &'a [u16],
    pub contains: Option<&'a str>,
}

pub(super) async fn probe(
    ask: &Ask<'_>,
    wanted: &Wanted<'_>,
    tools: &Tools<'_>,
    moment: Moment,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let url = Url::parse(ask.url)
        .map_err(|error| fault(format!("the url is none ({error}); correct it")))?;
    let host = url.host_str().ok_or_else(|| fault("the url has no host; correct it"))?;
    let port =
        url.port_or_known_default().ok_or_else(|| fault("the url has no port; correct it"))?;
    let request = request(ask, &url)?;
    let stream = tools.dial(host, port, outcome).await?;
    if url.scheme() == "https" {
        let stream = tls::shake(stream, host, ask.ca_file, tools, moment, outcome).await?;
        exchange(TokioIo::new(stream), request, wanted, tools, outcome).await
    } else {
        exchange(TokioIo::new(stream), request, wanted, tools, outcome).await
    }
}

fn request(ask: &Ask<'_>, url: &Url) -> Result<Request<Empty<Bytes>>, Failure> {
    let bad = |what: &str| fault(format!("the {what} cannot be sent; correct it"));
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault("the url holds a user name or password; probes send none"));
    }
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(authority).map_err(|_| bad("host"))?;
    let agent = HeaderValue::from_static(concat!("ccmd/", env!("CARGO_PKG_VERSION")));
    let mut request = Request::builder()
        .method(ask.method.as_str())
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .body(Empty::new())
        .map_err(|_| bad("url"))?;
    request.headers_mut().insert(USER_AGENT, agent);
    for (name, value) in ask.headers {
        let header = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = header.ok_or_else(|| bad(&format!("header {name:?}")))?;
        request.headers_mut().insert(name, value);
    }
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

async fn exchange(
    io: impl Read + Write + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
    wanted: &Wanted<'_>,
    tools: &Tools<'_>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let begun = tools.clock.elapsed();
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX).max_headers(HEADERS_MAX);
    let opened = builder.handshake(io).await;
    let (mut sender, connection) = opened.map_err(|error| down(broken(&error)))?;
    let talk = async {
        let answer = sender.send_request(request).await.map_err(|error| down(broken(&error)))?;
        outcome.answer = Some(tools.clock.elapsed().saturating_sub(begun));
        let status = answer.status().as_u16();
        outcome.status = Some(status);
        let good = match wanted.status {
            [] => (200..300).contains(&status),
            codes => codes.contains(&status),
        };
        if !good {
            return Err(down(format!("it answered with status {status}")));
        }
        search(answer, wanted.contains).await
    };
    // The connection is looked after for as long as somebody talks, and closed with the talk.
    let mut connection = std::pin::pin!(connection);
    let mut talk = std::pin::pin!(talk);
    tokio::select! {
        biased;
        said = &mut talk => return said,
        _ = &mut connection => {}
    }
    talk.await
}

/// Whether the body holds what it should; it is read no further than that.
async fn search(answer: Response<Incoming>, contains: Option<&str>) -> Result<(), Failure> {
    let Some(text) = contains.filter(|text| !text.is_empty()) else { return Ok(()) };
    let mut body = answer.into_body();
    let mut seen: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| down(broken(&error)))?;
        let Ok(data) = frame.into_data() else { continue };
        // What was searched already need not be searched again, but for a text cut in two.
        let from = seen.len().saturating_sub(text.len());
        seen.extend_from_slice(
            data.get(..BODY_MAX.saturating_sub(seen.len()).min(data.len())).unwrap_or_default(),
        );
        if seen
            .get(from..)
            .unwrap_or_default()
            .windows(text.len())
            .any(|part| part == text.as_bytes())
        {
            return Ok(());
        }
        if seen.len() >= BODY_MAX {
            break;
        }
    }
    Err(down("its answer does not hold what it should"))
}

/// What went wrong with an exchange, in words of ours.
fn broken(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "its answer has too many or too large headers"
    } else if error.is_parse() {
        "it does not speak HTTP properly"
    } else if error.is_incomplete_message() {
        "it hung up before the answer was complete"
    } else {
        "it broke the connection"
    }
}
