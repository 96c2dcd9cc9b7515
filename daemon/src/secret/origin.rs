//! The one place that a credential may be sent to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

/// The longest host in bytes, by the rules of DNS.
const HOST_BYTES_MAX: usize = 253;

/// The longest text of an origin in bytes: the longest host with scheme and port, and some room.
const ORIGIN_BYTES_MAX: usize = 300;

/// Scheme, host and port of an API. A credential is pinned to one, and nothing attaches it to a
/// request for another: neither a redirect nor an edited document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinnedOrigin {
    secure: bool,
    /// In lower case and punycode; an IPv6 address in brackets.
    host: String,
    port: u16,
}

/// Why a text is not an [`PinnedOrigin`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It is no URL.
    #[error(
        "an origin is written as https://HOST or https://HOST:PORT, such as https://api.stripe.com"
    )]
    Form,
    /// Neither http nor https.
    #[error("a credential is sent over https only; the origin has another scheme")]
    Scheme,
    /// Not encrypted, and not this machine.
    #[error(
        "a credential is sent over https only, except to this machine; write https://, or the loopback address"
    )]
    Plain,
    /// There is more than scheme, host and port.
    #[error(
        "an origin ends after the host and the port; leave out the path, the query and any user name"
    )]
    Rest,
}

impl PinnedOrigin {
    /// The origin of a URL, whatever its path; none when credentials may not be sent to it.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError::Scheme),
        };
        let host = url.host().ok_or(OriginError::Form)?;
        // Punycode is longer than what was written. What is kept must be read again.
        if url.host_str().is_none_or(|host| host.len() > HOST_BYTES_MAX) {
            return Err(OriginError::Form);
        }
        if !secure && !is_loopback(&host) {
            return Err(OriginError::Plain);
        }
        let port = url.port_or_known_default().ok_or(OriginError::Form)?;
        Ok(Self { secure, host: host.to_string(), port })
    }

    /// The origin of an address that may have a path.
    pub fn of_address(address: &str) -> Result<Self, OriginError> {
        Self::of(&Url::parse(address).map_err(|_| OriginError::Form)?)
    }

    /// Whether a request to this URL may carry a credential of this origin.
    pub fn covers(&self, url: &Url) -> bool {
        Self::of(url).is_ok_and(|origin| origin == *self)
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The host in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    }
}

impl FromStr for PinnedOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text.len() > ORIGIN_BYTES_MAX {
            return Err(OriginError::Form);
        }
        let url = Url::parse(text).map_err(|_| OriginError::Form)?;
        let bare = url.path() == "/" || url.path().is_empty();
        let alone = url.query().is_none() && url.fragment().is_none();
        let unnamed = url.username().is_empty() && url.password().is_none();
        if !(bare && alone && unnamed) {
            return Err(OriginError::Rest);
        }
        Self::of(&url)
    }
}

impl fmt::Display for PinnedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = if self.secure { 443 } else { 80 };
        write!(f, "{}://{}", self.scheme(), self.host)?;
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_too_long_once_it_is_punycode_is_refused() {
        let text = format!("https://{}example", "ü.".repeat(60));
        assert!(text.len() < ORIGIN_BYTES_MAX);
        assert_eq!(text.parse::<PinnedOrigin>(), Err(OriginError::Form));
        let longest = format!("https://{}.{}:65535", "a.".repeat(94), "b".repeat(64));
        let origin: PinnedOrigin = longest.parse().unwrap();
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (text, shown) in [
            ("https://api.stripe.com", "https://api.stripe.com"),
            ("https://API.Stripe.com:443/", "https://api.stripe.com"),
            ("https://example.org:8443", "https://example.org:8443"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://localhost", "http://localhost"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            let origin: PinnedOrigin = text.parse().unwrap();
            assert_eq!(origin.to_string(), shown);
            assert_eq!(shown.parse::<PinnedOrigin>().unwrap(), origin);
        }
    }

    #[test]
    fn what_a_credential_may_not_be_sent_to_is_no_origin() {
        for (text, error) in [
            ("", OriginError::Form),
            ("api.stripe.com", OriginError::Form),
            ("http://api.stripe.com", OriginError::Plain),
            ("http://10.0.0.1", OriginError::Plain),
            ("http://localhost.evil.example", OriginError::Plain),
            ("ftp://api.stripe.com", OriginError::Scheme),
            ("file:///etc/passwd", OriginError::Rest),
            ("https://api.stripe.com/v1", OriginError::Rest),
            ("https://user@api.stripe.com", OriginError::Rest),
            ("https://api.stripe.com?x", OriginError::Rest),
            ("https://api.stripe.com#x", OriginError::Rest),
        ] {
            assert_eq!(text.parse::<PinnedOrigin>(), Err(error), "{text}");
        }
        assert_eq!(
            format!("https://{}.example", "a".repeat(400)).parse::<PinnedOrigin>(),
            Err(OriginError::Form)
        );
    }

    #[test]
    fn an_origin_covers_its_own_urls_only() {
        let origin: PinnedOrigin = "https://api.stripe.com".parse().unwrap();
        let covers = |text: &str| origin.covers(&Url::parse(text).unwrap());
        assert!(covers("https://api.stripe.com/v1/charges?limit=3"));
        assert!(covers("https://api.stripe.com:443/"));
        for other in [
            "http://api.stripe.com/",
            "https://api.stripe.com:8443/",
            "https://api.stripe.com.evil.example/",
            "https://stripe.com/",
            "https://api.stripe.com@evil.example/",
            "https://evil.example/?https://api.stripe.com",
            "ftp://api.stripe.com/",
        ] {
            assert!(!covers(other), "{other}");
        }
    }
}
