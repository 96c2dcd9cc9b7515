//! What is asked of a service: a source's document and its connector's, put together. Pure.

use std::collections::BTreeMap;

use ccm_proto::SafeText;
use ccm_proto::model::connector::Endpoint;
use ccm_proto::model::source::external_api::{
    ApiLimits, Auth, Method, Pagination, QuotaHeaders, TimeFormat,
};
use ccm_proto::model::source::{ExternalApiConfig, Extract, Param};
use ccm_proto::model::{ConnectorSpec, Interval, Name, SourceSpec, Timestamp};
use jiff::tz::TimeZone;
use url::Url;

use crate::collect::template::{self, Scene, TemplateError};

/// Why a source cannot be asked: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The document names a connector that is not there.
    #[error("there is no connector {0}; apply a document connector/{0}")]
    NoConnector(Name),
    /// The connector does not allow this.
    #[error("the connector does not allow the endpoint {wanted}; it allows {allowed}")]
    Endpoint {
        /// What the source asks for.
        wanted: SafeText,
        /// What may be asked for.
        allowed: String,
    },
    /// The connector does not allow this.
    #[error(
        "the connector does not let a source give the parameter {param}; this endpoint takes {allowed}"
    )]
    Param {
        /// The parameter.
        param: SafeText,
        /// What may be given.
        allowed: String,
    },
    /// The connector does not allow this.
    #[error("a source of a connector cannot change {0}; leave it out, or do without the connector")]
    Fixed(&'static str),
    /// A parameter that the endpoint needs has no value.
    #[error("the endpoint needs the parameter {0}; give it in [external_api.params]")]
    Missing(SafeText),
    /// A value of the path leads elsewhere.
    #[error("the parameter {0} cannot stand in a path; it is one plain value that is not a dot")]
    PathValue(SafeText),
    /// Nobody says where the service is.
    #[error("nobody says where the service is; give base_url in [external_api]")]
    NoBase,
    /// The address cannot be read.
    #[error("{0} is no address of a service; it is like https://api.example.com/v2")]
    Base(SafeText),
    /// A template has no value.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// What is asked, how, and what becomes of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What shares limits with others: the connector's name, with the endpoint's where that is
    /// limited apart, or none for the host's.
    pub api: Option<String>,
    /// Where the service begins, without a slash at the end.
    pub base: Url,
    /// The path below it, with parameters in braces.
    path: String,
    /// The method.
    pub method: Method,
    /// Headers beside the usual.
    pub headers: BTreeMap<String, String>,
    params: BTreeMap<String, Param>,
    body: Option<serde_json::Value>,
    variables: BTreeMap<String, Param>,
    time_format: TimeFormat,
    zone: TimeZone,
    /// The credential.
    pub credential: Option<Name>,
    /// How it is sent.
    pub auth: Option<Auth>,
    /// How pages are put together.
    pub pagination: Option<Pagination>,
    /// How long an answer may be used again.
    pub cache: Option<Interval>,
    /// How much of the service may be used.
    pub limits: Option<ApiLimits>,
    /// Headers that tell the quota.
    pub quota: Option<QuotaHeaders>,
    /// What is taken out of an answer.
    pub extract: Option<Extract>,
}

/// One request, with all templates resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The address with its query.
    pub url: Url,
    /// The body.
    pub body: Option<String>,
}

impl Plan {
    /// Puts a source and its connector together. What the source says counts, as far as the
    /// connector lets it.
    pub fn new(spec: &SourceSpec, connector: Option<&ConnectorSpec>) -> Result<Self, PlanError> {
        let config = spec.external_api.as_deref().ok_or(PlanError::NoBase)?;
        if let (Some(name), None) = (&config.connector, connector) {
            return Err(PlanError::NoConnector(name.clone()));
        }
        let endpoint = connector.map(|connector| endpoint_of(config, connector)).transpose()?;
        let entry = connector.and_then(|connector| connector.entry(&config.endpoint));
        let apart = entry.filter(|(_, it)| it.limits.is_some()).map(|(name, _)| name);
        let of_connector = |text: Option<&String>| text.cloned();
        let base = of_connector(config.base_url.as_ref())
            .or_else(|| of_connector(connector.and_then(|c| c.base_url.as_ref())))
            .ok_or(PlanError::NoBase)?;
        let mut headers = connector.map(|c| c.headers.clone()).unwrap_or_default();
        headers.extend(config.headers.clone());
        let mut params = endpoint.map(|endpoint| endpoint.params.clone()).unwrap_or_default();
        params.extend(config.params.clone());
        Ok(Self {
            api: config.connector.as_ref().map(|name| match apart {
                Some(apart) => format!("{name}/{apart}"),
                None => name.to_string(),
            }),
            base: base_url(&base)?,
            path: endpoint.map_or_else(|| config.endpoint.clone(), |e| e.path.clone()),
            method: config.method.unwrap_or_else(|| method(config, endpoint)),
            headers,
            params,
            body: config.body.as_deref().cloned().or_else(|| endpoint.and_then(|e| e.body.clone())),
            variables: spec.variables.clone(),
            time_format: config
                .time_format
                .or_else(|| endpoint.and_then(|endpoint| endpoint.time_format))
                .or_else(|| connector.map(|connector| connector.time_format))
                .unwrap_or_default(),
            zone: template::zone(config.time_zone.as_deref())?,
            credential: config.credential.clone(),
            auth: config
                .auth
                .as_deref()
                .cloned()
                .or_else(|| connector.and_then(|c| c.auth.clone())),
            pagination: config
                .pagination
                .as_deref()
                .cloned()
                .or_else(|| endpoint.and_then(|e| e.pagination.clone())),
            cache: config.cache.or_else(|| endpoint.and_then(|e| e.cache)),
            limits: config
                .limits
                .or_else(|| endpoint.and_then(|e| e.limits))
                .or_else(|| connector.and_then(|c| c.limits)),
            quota: config
                .quota
                .as_deref()
                .cloned()
                .or_else(|| connector.and_then(|c| c.quota.clone())),
            extract: extract(spec, connector, endpoint),
        })
    }

    /// Whether what goes on requests is a token that may be fetched anew.
    pub fn has_tokens(&self) -> bool {
        matches!(self.auth, Some(Auth::Oauth2 { .. }))
    }

    /// The first request of a reading, with further parameters of the query that take the place of
    /// those of the same name.
    pub fn ask(&self, now: Timestamp, more: &[(String, String)]) -> Result<Asked, PlanError> {
        let scene = Scene {
            now,
            zone: self.zone.clone(),
            format: self.time_format,
            variables: &self.variables,
        };
        let mut params = BTreeMap::new();
        for (name, param) in &self.params {
            params.insert(name.as_str(), scene.resolve(param)?);
        }
        let mut url = self.base.clone();
        let path = fill(&self.path, &mut params)?;
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let pairs = pairs(&params, more);
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        let body =
            self.body.as_ref().map(|body| template::resolve_json(&scene, body)).transpose()?;
        Ok(Asked { url, body: body.map(|body| body.to_string()) })
    }
}

/// What is taken out of an answer. The connector says how the service counts money, unless the rules
/// themselves do.
fn extract(
    spec: &SourceSpec,
    connector: Option<&ConnectorSpec>,
    endpoint: Option<&Endpoint>,
) -> Option<Extract> {
    let own = spec.extract.as_deref();
    let mut extract = own.or_else(|| endpoint?.extract.as_ref())?.clone();
    for (code, count) in connector.into_iter().flat_map(|connector| &connector.decimals) {
        extract.decimals.entry(code.clone()).or_insert(*count);
    }
    Some(extract)
}

fn method(config: &ExternalApiConfig, endpoint: Option<&Endpoint>) -> Method {
    match endpoint {
        Some(endpoint) => endpoint.method,
        None if config.body.is_some() => Method::Post,
        None => Method::Get,
    }
}

/// The connector's endpoint that a source means, by name or path, and whether it may say what it
/// says.
fn endpoint_of<'c>(
    config: &ExternalApiConfig,
    connector: &'c ConnectorSpec,
) -> Result<&'c Endpoint, PlanError> {
    let wanted = config.endpoint.as_str();
    let Some(endpoint) = connector.endpoint(wanted) else {
        let names: Vec<&str> = connector.endpoints.keys().map(Name::as_str).collect();
        let (wanted, allowed) = (SafeText::new(wanted), names.join(", "));
        return Err(PlanError::Endpoint { wanted, allowed });
    };
    if let Some(param) = config.params.keys().find(|param| !endpoint.allows(param)) {
        let (param, allowed) = (SafeText::new(param), endpoint.allowed());
        return Err(PlanError::Param { param, allowed });
    }
    if let Some(param) = endpoint.needed().find(|param| !config.params.contains_key(*param)) {
        return Err(PlanError::Missing(SafeText::new(param)));
    }
    let fixed = [
        ("method", config.method.is_some_and(|method| method != endpoint.method)),
        ("headers", !config.headers.is_empty()),
        ("auth", config.auth.is_some() && connector.auth.is_some()),
        ("body", config.body.is_some() && endpoint.method != Method::Post),
    ];
    match fixed.into_iter().find(|(_, changed)| *changed) {
        Some((what, _)) => Err(PlanError::Fixed(what)),
        None => Ok(endpoint),
    }
}

fn base_url(text: &str) -> Result<Url, PlanError> {
    let url = Url::parse(text).map_err(|_| PlanError::Base(SafeText::new(text)))?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(PlanError::Base(SafeText::new(text))) }
}

/// The path with its parameters, which are taken out of `params`. A value is one segment whatever
/// it holds.
fn fill(path: &str, params: &mut BTreeMap<&str, Param>) -> Result<String, PlanError> {
    let mut filled = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        filled.push('/');
    }
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let value = params.remove(name).ok_or_else(|| PlanError::Missing(SafeText::new(name)))?;
        let text = value.to_string();
        if text.is_empty() || text == "." || text == ".." {
            return Err(PlanError::PathValue(SafeText::new(name)));
        }
        filled.push_str(&segment(&text));
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A text as one segment of a path: everything but unreserved characters (RFC 3986) is encoded.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Names and values of the query: tables as `name[key]`, lists as the name again and again.
fn pairs(params: &BTreeMap<&str, Param>, more: &[(String, String)]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, param) in params {
        if !more.iter().any(|(other, _)| other == name) {
            flatten((*name).to_owned(), param, &mut pairs);
        }
    }
    pairs.extend(more.iter().cloned());
    pairs
}

fn flatten(name: String, param: &Param, pairs: &mut Vec<(String, String)>) {
    match param {
        Param::Table(entries) => {
            for (key, item) in entries {
                flatten(format!("{name}[{key}]"), item, pairs);
            }
        }
        Param::List(items) => items.iter().for_each(|item| flatten(name.clone(), item, pairs)),
        plain => pairs.push((name, plain.to_string())),
    }
}

#[cfg(test)]
mod tests;
