//! Redirects: followed by hand, so that each step is judged. Pure.

use ccm_proto::SafeText;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use url::Url;

/// The most steps. Services need one or two; more is a loop.
pub const STEPS_MAX: u32 = 3;

/// Why a redirect is not followed: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// More steps than there may be.
    #[error("{host} redirects more than {limit} times; use the URL that it ends at")]
    TooMany {
        /// The host asked first.
        host: SafeText,
        /// The limit.
        limit: u32,
    },
    /// To another origin while a credential is attached.
    #[error(
        "{host} redirects to another origin, where the credential is not sent; use that URL, with a credential of its own"
    )]
    Origin {
        /// The host asked.
        host: SafeText,
    },
    /// From TLS to none.
    #[error("{host} redirects from https to http, which is not followed; see what answers there")]
    Downgrade {
        /// The host asked.
        host: SafeText,
    },
    /// A place that is no URL.
    #[error("{host} redirects to something that is no http URL; see what answers there")]
    Place {
        /// The host asked.
        host: SafeText,
    },
}

/// What was asked and how far it has been redirected.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The host, to be named in errors.
    pub host: &'a SafeText,
    /// The URL.
    pub url: &'a Url,
    /// The method.
    pub method: &'a Method,
    /// Whether a credential is attached.
    pub credential: bool,
    /// Redirects so far.
    pub steps: u32,
    /// How many there may be.
    pub limit: u32,
}

/// The next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
}

/// What a response asks to do next: nothing when it is no redirect.
pub fn next(
    asked: Asked<'_>,
    status: StatusCode,
    location: Option<&HeaderValue>,
) -> Result<Option<Next>, RedirectError> {
    let host = || asked.host.clone();
    let Some(location) = location else { return Ok(None) };
    let becomes_get = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *asked.method == Method::POST,
        StatusCode::SEE_OTHER => *asked.method != Method::HEAD,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return Ok(None),
    };
    if asked.steps >= asked.limit {
        return Err(RedirectError::TooMany { host: host(), limit: asked.limit });
    }
    let place = || RedirectError::Place { host: host() };
    let location = location.to_str().map_err(|_| place())?;
    let mut url = asked.url.join(location).map_err(|_| place())?;
    url.set_fragment(None);
    if !matches!(url.scheme(), "http" | "https") {
        return Err(place());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(place());
    }
    let other_origin = url.origin() != asked.url.origin();
    if other_origin && asked.credential {
        return Err(RedirectError::Origin { host: host() });
    }
    if asked.url.scheme() == "https" && url.scheme() == "http" {
        return Err(RedirectError::Downgrade { host: host() });
    }
    let method = if becomes_get { Method::GET } else { asked.method.clone() };
    Ok(Some(Next { method, url }))
}

#[cfg(test)]
mod tests;
