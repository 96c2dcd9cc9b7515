//! Requests: where they go and what they carry, checked once and sent many times. Pure.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::SafeText;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Uri};
use url::{Position, Url};

use super::tls::Trust;

/// The longest URL: what servers commonly take.
pub const URL_MAX: usize = 8 << 10;

/// The most headers that a request is given; responses are bounded likewise.
pub const HEADERS_MAX: usize = 64;

/// What the daemon calls itself.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("ccmd/", env!("CARGO_PKG_VERSION")));

/// Why a request cannot be made: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a URL.
    #[error("{0:?} is not a URL ({1}); write it as in https://api.example.com/v1/orders")]
    Form(SafeText, &'static str),
    /// A scheme that is not spoken.
    #[error("the URL begins with {0:?}; write http: or https:")]
    Scheme(SafeText),
    /// User name or password in it.
    #[error("the URL holds a user name or password; store it by `ccm cred set` and name it")]
    UserInfo,
    /// Longer than [`URL_MAX`].
    #[error("the URL is longer than {URL_MAX} bytes; send fewer parameters")]
    TooLong,
    /// A header that the client writes itself.
    #[error("the header {0} is written by the daemon; leave it out")]
    Header(SafeText),
    /// Nowhere to send it to.
    #[error("a module that reports by itself has no address; read a source of the type push")]
    NoAddress,
    /// More headers than [`HEADERS_MAX`].
    #[error("the request has more than {HEADERS_MAX} headers; leave some out")]
    Headers,
}

/// Scheme, host and port: what a credential belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of a URL, checked as [`Request::new`] does.
    pub fn of(url: &Url) -> Result<Self, RequestError> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(RequestError::Scheme(SafeText::new(other))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RequestError::UserInfo);
        }
        let form = |why| RequestError::Form(SafeText::new(url.as_str()).truncate(80), why);
        let host = url.host_str().ok_or_else(|| form("it has no host"))?;
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.is_empty() {
            return Err(form("it has no host"));
        }
        let port = url.port_or_known_default().filter(|port| *port != 0);
        let port = port.ok_or_else(|| form("it has no port"))?;
        Ok(Self { secure, host: host.to_owned(), port })
    }

    /// Whether it is reached by TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as in a URL: lower case, IPv6 in brackets, without a trailing dot.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address when the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        literal(&self.host)
    }

    /// The host with the port where it is not the scheme's own.
    fn authority(&self) -> String {
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

/// The address that a host in the form of a URL is.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl FromStr for Origin {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        Self::of(&parse(text)?)
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A host, by the egress guard.
    Tcp(Origin),
    /// A socket of this machine. No URL names one: only [`Request::to_socket`] does.
    Unix(Arc<Path>),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(origin) => origin.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A URL from text, in the normal form of the WHATWG: hosts in lower case, IPv4 in any notation
/// as four numbers.
pub fn parse(text: &str) -> Result<Url, RequestError> {
    if text.len() > URL_MAX {
        return Err(RequestError::TooLong);
    }
    let form = |why| RequestError::Form(SafeText::new(text).truncate(80), why);
    Url::parse(text).map_err(|error| form(reason(error)))
}

fn reason(error: url::ParseError) -> &'static str {
    use url::ParseError;
    match error {
        ParseError::EmptyHost => "it has no host",
        ParseError::InvalidPort => "its port is no number up to 65535",
        ParseError::InvalidIpv4Address | ParseError::InvalidIpv6Address => "its address is wrong",
        ParseError::InvalidDomainCharacter | ParseError::IdnaError => "its host is no host name",
        ParseError::RelativeUrlWithoutBase => "it has no scheme",
        _ => "it is malformed",
    }
}

/// A request, checked. It holds no secret: credentials are attached while it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    place: Arc<Place>,
    path: PathAndQuery,
    headers: HeaderMap,
    body: Bytes,
    shown: Arc<str>,
}

/// What connections are told apart by: one made for a place serves no other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) target: Target,
    pub(super) trust: Option<Arc<Trust>>,
}

impl Request {
    /// A request to a URL.
    pub fn new(method: Method, url: &Url) -> Result<Self, RequestError> {
        if url.as_str().len() > URL_MAX {
            return Err(RequestError::TooLong);
        }
        let origin = Origin::of(url)?;
        let path = path_of(url)?;
        let host = origin.authority();
        let shown = shown(&origin.to_string(), url);
        Self::checked(method, Target::Tcp(origin), path, &host, &shown)
    }

    /// A request to a URL given as text.
    pub fn get(url: &str) -> Result<Self, RequestError> {
        Self::new(Method::GET, &parse(url)?)
    }

    /// A request to a socket of this machine; the path begins with a slash.
    pub fn to_socket(method: Method, socket: PathBuf, path: &str) -> Result<Self, RequestError> {
        let url = parse("http://localhost")?;
        let form = |why| RequestError::Form(SafeText::new(path).truncate(80), why);
        if !path.starts_with('/') {
            return Err(form("the path begins with no slash"));
        }
        // A path such as `//host` must not be read as a host.
        let url = url.join(&format!("http://localhost{path}")).map_err(|e| form(reason(e)))?;
        let target = Target::Unix(socket.into());
        let shown = shown(&target.to_string(), &url);
        Self::checked(method, target, path_of(&url)?, "localhost", &shown)
    }

    fn checked(
        method: Method,
        target: Target,
        path: PathAndQuery,
        host: &str,
        shown: &str,
    ) -> Result<Self, RequestError> {
        let host = HeaderValue::from_str(host)
            .map_err(|_| RequestError::Form(SafeText::new(host), "its host is no host name"))?;
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(header::HOST, host);
        headers.insert(header::USER_AGENT, USER_AGENT);
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        let shown = SafeText::new(shown).as_str().into();
        let place = Arc::new(Place { target, trust: None });
        Ok(Self { method, place, path, headers, body: Bytes::new(), shown })
    }

    /// With a header, in place of one of the same name.
    pub fn with_header(
        mut self,
        name: HeaderName,
        value: HeaderValue,
    ) -> Result<Self, RequestError> {
        if is_ours(&name) {
            return Err(RequestError::Header(SafeText::new(name.as_str())));
        }
        if self.headers.len() >= HEADERS_MAX {
            return Err(RequestError::Headers);
        }
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With a body.
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// Trusting further certificates.
    pub fn with_trust(mut self, trust: Arc<Trust>) -> Self {
        let target = self.place.target.clone();
        self.place = Arc::new(Place { target, trust: Some(trust) });
        self
    }

    /// Without compression of the answer, for those that are read as they come.
    pub fn uncompressed(mut self) -> Self {
        self.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        self
    }

    /// With the validators of an answer that is kept, so that it need not come again.
    pub(super) fn conditional(
        &self,
        etag: Option<&HeaderValue>,
        modified: Option<&HeaderValue>,
    ) -> Self {
        let mut request = self.clone();
        for (name, value) in [(header::IF_NONE_MATCH, etag), (header::IF_MODIFIED_SINCE, modified)]
        {
            if let Some(value) = value {
                request.headers.insert(name, value.clone());
            }
        }
        request
    }

    /// The request that a redirect asks for. Another origin is told nothing but what is wanted:
    /// configured headers stay behind.
    pub(super) fn redirected(&self, method: Method, url: &Url) -> Result<Self, RequestError> {
        let mut next = Self::new(method, url)?;
        let same_origin = next.place.target == self.place.target;
        for (name, value) in &self.headers {
            let harmless =
                matches!(*name, header::ACCEPT | header::ACCEPT_LANGUAGE | header::ACCEPT_ENCODING);
            let of_body = matches!(*name, header::CONTENT_TYPE | header::CONTENT_ENCODING);
            let keeps_body = next.method == self.method;
            if *name != header::HOST && (harmless || same_origin) && (keeps_body || !of_body) {
                next.headers.insert(name, value.clone());
            }
        }
        if next.method == self.method && same_origin {
            next.body = self.body.clone();
        }
        match &self.place.trust {
            Some(trust) => Ok(next.with_trust(Arc::clone(trust))),
            None => Ok(next),
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Where it goes.
    pub fn target(&self) -> &Target {
        &self.place.target
    }

    /// Tells apart which further certificates are trusted.
    pub(super) fn trust_id(&self) -> [u8; 16] {
        self.place.trust.as_ref().map(|trust| trust.id()).unwrap_or_default()
    }

    /// What its connection is told apart by.
    pub(super) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Path and query.
    pub fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The URL as it may be shown: without the values of its query.
    pub fn shown(&self) -> &Arc<str> {
        &self.shown
    }

    /// The URL that a `Location` is relative to. Nothing for a socket.
    pub(super) fn url(&self) -> Option<Url> {
        match &self.place.target {
            Target::Tcp(origin) => Url::parse(&format!("{origin}{}", self.path)).ok(),
            Target::Unix(_) => None,
        }
    }

    /// The request line's target.
    pub(super) fn uri(&self) -> Uri {
        Uri::from(self.path.clone())
    }
}

/// Headers that say where a message goes and ends; a second opinion on those is how requests are
/// smuggled.
fn is_ours(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::HOST
            | header::CONTENT_LENGTH
            | header::TRANSFER_ENCODING
            | header::CONNECTION
            | header::UPGRADE
            | header::TE
            | header::TRAILER
            | header::EXPECT
            | header::ACCEPT_ENCODING
            | header::PROXY_AUTHORIZATION
            | header::PROXY_AUTHENTICATE
    ) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

fn path_of(url: &Url) -> Result<PathAndQuery, RequestError> {
    url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| {
        RequestError::Form(SafeText::new(url.as_str()).truncate(80), "its path is malformed")
    })
}

/// A URL without the values of its query.
fn shown(origin: &str, url: &Url) -> String {
    let mut shown = format!("{origin}{}", url.path());
    for (index, pair) in url.query().unwrap_or_default().split('&').enumerate() {
        let name = pair.split('=').next().unwrap_or_default();
        if pair.contains('=') {
            shown.push(if index == 0 { '?' } else { '&' });
            shown.push_str(name);
            shown.push_str("=…");
        } else if !pair.is_empty() {
            // A query without names may be a secret by itself.
            shown.push_str(if index == 0 { "?…" } else { "&…" });
        }
    }
    shown
}

#[cfg(test)]
mod tests;
