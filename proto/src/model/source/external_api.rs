//! Options of an `external_api` source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Param, Problem};
use crate::model::{Interval, Name};

/// The most pages that are fetched for one reading.
pub const PAGES_MAX: u32 = 100;

/// A request to a service's HTTP interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalApiConfig {
    /// The connector that knows the service; what it says holds where nothing is said here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<Name>,
    /// Where the interface begins, such as `https://api.example.com/v2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The path below it, or the name of one of the connector's endpoints.
    pub endpoint: String,
    /// The request's method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Query parameters; a table becomes `name[key]=value`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// A JSON body, whose texts may be templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<serde_json::Value>>,
    /// How moments that templates name are written; RFC 3339 when nobody says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_format: Option<TimeFormat>,
    /// The time zone that `today` is of, such as `Europe/Berlin`; UTC when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The credential that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Name>,
    /// How the credential is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Box<Auth>>,
    /// How an answer of several pages is put together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Box<Pagination>>,
    /// How long an answer may be used again, whatever its headers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Interval>,
    /// How much of the service may be used; shared by all sources of one connector or origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ApiLimits>,
    /// Headers that tell how much is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Box<QuotaHeaders>>,
    /// A file of certificates in PEM that is trusted beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

/// A request's method: those that read, and POST, by which some services are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
}

impl Method {
    /// The word of the request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

/// How a moment is written in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// `2026-03-01T00:00:00Z`.
    #[default]
    Rfc3339,
    /// `2026-03-01`.
    Date,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
}

/// How a credential is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: Basic …`.
    Basic,
    /// In a header or a query parameter of its own.
    ApiKey {
        /// The header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<String>,
        /// The query parameter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        param: Option<String>,
        /// What stands before the key, such as `Token token=`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
    },
    /// A token that is fetched with the credential, and fetched anew before it expires.
    Oauth2 {
        /// Where tokens are given.
        token_url: String,
        /// What the token is asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        scopes: Vec<String>,
        /// How the token is asked for.
        #[serde(default)]
        grant: Grant,
    },
}

/// How a token is asked for (RFC 6749).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// By the client's id and secret.
    #[default]
    ClientCredentials,
    /// By a refresh token, with the client's id and secret.
    RefreshToken,
}

/// How an answer of several pages is put together. `items` is the dotted path of the list that grows
/// from page to page; an empty one stands for the answer itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Pagination {
    /// The header `Link` names the next page (RFC 8288).
    Link {
        /// The list.
        #[serde(default)]
        items: String,
        /// The most pages.
        #[serde(default = "pages")]
        max_pages: u32,
    },
    /// The answer names where the next page begins.
    Cursor {
        /// The list.
        items: String,
        /// The query parameter that takes the cursor.
        param: String,
        /// JSONPath of the cursor, such as `$.data[-1].id`.
        cursor: String,
        /// JSONPath of what says that there is more; when not given, a cursor says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<String>,
        /// The most pages.
        #[serde(default = "pages")]
        max_pages: u32,
    },
    /// Pages are numbered.
    Page {
        /// The list.
        items: String,
        /// The query parameter that takes the number.
        #[serde(default = "page_param")]
        param: String,
        /// The first page's number.
        #[serde(default = "one")]
        first: u32,
        /// What the number grows by: 1 for pages, the page's size for offsets.
        #[serde(default = "one")]
        step: u32,
        /// Items on a full page; a shorter one is the last.
        size: u32,
        /// The most pages.
        #[serde(default = "pages")]
        max_pages: u32,
    },
}

fn pages() -> u32 {
    10
}

fn page_param() -> String {
    "page".to_owned()
}

fn one() -> u32 {
    1
}

impl Pagination {
    /// The dotted path of the list that grows.
    pub fn items(&self) -> &str {
        match self {
            Self::Link { items, .. } | Self::Cursor { items, .. } | Self::Page { items, .. } => {
                items
            }
        }
    }

    /// The most pages.
    pub const fn max_pages(&self) -> u32 {
        match self {
            Self::Link { max_pages, .. }
            | Self::Cursor { max_pages, .. }
            | Self::Page { max_pages, .. } => *max_pages,
        }
    }
}

/// How much of a service may be used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiLimits {
    /// Calls a second on the long run; may be less than one.
    pub per_second: f64,
    /// Calls at once after a pause.
    pub burst: u32,
    /// Calls under way at the same time.
    pub concurrent: u32,
    /// Calls a day that are thought of as the budget, for `ccm source plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u64>,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self { per_second: 10.0, burst: 20, concurrent: 4, per_day: None }
    }
}

/// The headers by which a service tells how much may still be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaHeaders {
    /// The header of what is allowed in a window.
    pub limit: Option<String>,
    /// The header of what is left of it.
    pub remaining: Option<String>,
    /// The header of when the window ends: seconds from now, or seconds since 1970.
    pub reset: Option<String>,
}

impl ExternalApiConfig {
    /// Finds what the types alone cannot refuse.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.connector.is_none() && self.base_url.is_none() {
            let sentence = "name a connector, or say where the interface begins with base_url";
            problems.push(("base_url".to_owned(), sentence.to_owned()));
        }
        if self.endpoint.is_empty() {
            problems.push((
                "endpoint".to_owned(),
                "an endpoint is a path such as /v1/items".to_owned(),
            ));
        }
        problems.extend(
            self.base_url
                .iter()
                .filter_map(|url| base_problem(url))
                .map(|sentence| ("base_url".to_owned(), sentence)),
        );
        problems.extend(auth_problems(self.auth.as_deref()));
        if self.auth.is_some() && self.credential.is_none() {
            let sentence = "auth needs the name of a credential; set one with ccm cred set";
            problems.push(("credential".to_owned(), sentence.to_owned()));
        }
        problems.extend(pagination_problems(self.pagination.as_deref()));
        problems.extend(limit_problems(self.limits.as_ref()));
        if self.body.is_some() && self.method.is_some_and(|method| method != Method::Post) {
            problems.push(("body".to_owned(), "only a POST request has a body".to_owned()));
        }
        problems
    }
}

/// What is wrong with where an interface begins.
pub(crate) fn base_problem(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        None => Some("an address begins with https:// or http://".to_owned()),
        Some(rest) if rest.split('/').next().unwrap_or_default().contains('@') => Some(
            "an address holds no user and password; set a credential with ccm cred set".to_owned(),
        ),
        Some(rest) if rest.is_empty() || rest.contains(['?', '#', ' ']) => Some(
            "an address is scheme, host and path, such as https://api.example.com/v2".to_owned(),
        ),
        Some(_) => None,
    }
}

/// What is wrong with how a credential is sent.
pub(crate) fn auth_problems(auth: Option<&Auth>) -> Vec<Problem> {
    match auth {
        Some(Auth::ApiKey { header: None, param: None, .. }) => {
            vec![("auth".to_owned(), "an API key needs a header or a param".to_owned())]
        }
        Some(Auth::ApiKey { header: Some(_), param: Some(_), .. }) => {
            vec![("auth".to_owned(), "an API key is sent once: as header or as param".to_owned())]
        }
        Some(Auth::Oauth2 { token_url, .. }) => {
            base_problem(token_url).map(|s| ("auth.token_url".to_owned(), s)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What is wrong with how pages are put together.
pub(crate) fn pagination_problems(pagination: Option<&Pagination>) -> Vec<Problem> {
    let Some(pagination) = pagination else { return Vec::new() };
    let mut problems = Vec::new();
    if !(1..=PAGES_MAX).contains(&pagination.max_pages()) {
        let sentence = format!("one reading has from 1 to {PAGES_MAX} pages");
        problems.push(("pagination.max_pages".to_owned(), sentence));
    }
    if let Pagination::Page { size: 0, .. } = pagination {
        problems.push(("pagination.size".to_owned(), "a page holds at least one item".to_owned()));
    }
    problems
}

/// What is wrong with limits.
pub(crate) fn limit_problems(limits: Option<&ApiLimits>) -> Vec<Problem> {
    let Some(limits) = limits else { return Vec::new() };
    let mut problems = Vec::new();
    if !(limits.per_second > 0.0 && limits.per_second <= 1e6) {
        let sentence = "a rate is more than 0 calls a second and at most 1000000";
        problems.push(("limits.per_second".to_owned(), sentence.to_owned()));
    }
    if limits.burst == 0 {
        problems.push(("limits.burst".to_owned(), "a burst is at least one call".to_owned()));
    }
    if limits.concurrent == 0 {
        let sentence = "at least one call must be possible at a time";
        problems.push(("limits.concurrent".to_owned(), sentence.to_owned()));
    }
    problems
}
