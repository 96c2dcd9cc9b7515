//! Connectors: what is known of one external service, as data.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::source::external_api::{
    ApiLimits, Auth, Method, Pagination, QuotaHeaders, TimeFormat, auth_problems, base_problem,
    limit_problems, pagination_problems,
};
use super::source::extract::{Decimals, decimals_problems};
use super::source::{Extract, Param, Problem};
use super::{Interval, Name, WidgetSpec};

/// The most endpoints and the most widgets of one connector.
pub const PARTS_MAX: usize = 64;

/// A service: where it is, how it is asked, what may be asked, and what can be shown of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorSpec {
    /// The service's name as people write it.
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its interface is described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// Where its interface begins. One that everybody runs themselves, such as Home Assistant, has
    /// none: each source says its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// What a source's own address looks like, where there is no common one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url_example: Option<String>,
    /// How a credential is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What the credential is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialSchema>,
    /// Headers of every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How moments are written.
    #[serde(default)]
    pub time_format: TimeFormat,
    /// How much of the service may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ApiLimits>,
    /// Headers that tell how much is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaHeaders>,
    /// Decimals of currencies where the service counts otherwise than ISO 4217, by their codes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decimals: Decimals,
    /// What may be asked, by name; nothing else may.
    pub endpoints: BTreeMap<Name, Endpoint>,
    /// What can be shown, by name: documents of widgets whose source is the endpoint of that name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub widgets: BTreeMap<Name, PackWidget>,
}

/// What a service's credential is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSchema {
    /// Its form.
    pub kind: CredentialKind,
    /// What the service calls it.
    pub label: String,
    /// Where it is found, and what it should be allowed to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What it begins with; one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
}

/// The form of a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// One secret text.
    #[default]
    Token,
    /// User name and password.
    Basic,
    /// A client's id and secret.
    Oauth2,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Token, Self::Basic, Self::Oauth2];

    /// `token`, `basic` or `oauth2`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Basic => "basic",
            Self::Oauth2 => "oauth2",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no [`CredentialKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a credential's kind is token, basic or oauth2")]
pub struct CredentialKindError;

impl FromStr for CredentialKind {
    type Err = CredentialKindError;

    fn from_str(text: &str) -> Result<Self, CredentialKindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(CredentialKindError)
    }
}

/// Something that may be asked of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The path below the base; `{name}` stands for the parameter of that name.
    pub path: String,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The request's method.
    #[serde(default)]
    pub method: Method,
    /// Parameters that are sent when a source does not say otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// Further parameters that a source may give; `*` stands for any, where they are names of the
    /// user's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_params: Vec<String>,
    /// Parameters that a source must give, beside those of the path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// How much of this endpoint may be used, where the service counts it apart from the others: then
    /// it has a quota, a queue and a circuit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ApiLimits>,
    /// How moments are written, where it differs from the service's other endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_format: Option<TimeFormat>,
    /// A JSON body, whose texts may be templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// How an answer of several pages is put together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// What is taken out of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<Extract>,
    /// How often it is worth asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// How long an answer may be used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Interval>,
}

/// A widget of a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackWidget {
    /// The endpoint that it shows.
    pub endpoint: Name,
    /// The widget's document without its source.
    pub widget: serde_json::Value,
}

impl ConnectorSpec {
    /// The endpoint that a source means, by its name or its path.
    pub fn endpoint(&self, wanted: &str) -> Option<&Endpoint> {
        self.entry(wanted).map(|(_, endpoint)| endpoint)
    }

    /// The same with its name.
    pub fn entry(&self, wanted: &str) -> Option<(&Name, &Endpoint)> {
        let meant = |(name, endpoint): &(&Name, &Endpoint)| {
            name.as_str() == wanted || endpoint.path == wanted
        };
        self.endpoints.iter().find(meant)
    }

    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(
            self.base_url
                .iter()
                .filter_map(|url| base_problem(url))
                .map(|s| ("base_url".to_owned(), s)),
        );
        problems.extend(auth_problems(self.auth.as_ref()));
        problems.extend(limit_problems(self.limits.as_ref()));
        problems.extend(decimals_problems(&self.decimals));
        if self.endpoints.is_empty() {
            let sentence = "a connector allows at least one endpoint";
            problems.push(("endpoints".to_owned(), sentence.to_owned()));
        }
        for (section, count) in
            [("endpoints", self.endpoints.len()), ("widgets", self.widgets.len())]
        {
            if count > PARTS_MAX {
                problems.push((section.to_owned(), format!("at most {PARTS_MAX} are taken")));
            }
        }
        for (name, endpoint) in &self.endpoints {
            let at = |(path, sentence): Problem| (format!("endpoints.{name}.{path}"), sentence);
            problems.extend(endpoint.problems().into_iter().map(at));
        }
        for (name, widget) in &self.widgets {
            if !self.endpoints.contains_key(&widget.endpoint) {
                let sentence = format!("there is no endpoint {}", widget.endpoint);
                problems.push((format!("widgets.{name}.endpoint"), sentence));
            }
            match widget.spec(&widget.endpoint) {
                Ok(spec) => {
                    let at = |(path, sentence): Problem| {
                        (format!("widgets.{name}.widget.{path}"), sentence)
                    };
                    problems.extend(spec.problems().into_iter().map(at));
                }
                Err(error) => {
                    problems.push((format!("widgets.{name}.widget"), error.to_string()));
                }
            }
        }
        problems
    }
}

impl PackWidget {
    /// The widget of a source that reads its endpoint. Fails where the text is no widget, or names a
    /// source by itself.
    pub fn spec(&self, source: &Name) -> Result<WidgetSpec, serde_json::Error> {
        let mut tree = self.widget.clone();
        let Some(table) = tree.as_object_mut() else {
            return Err(serde::de::Error::custom("a widget is a table"));
        };
        if table.insert("source".to_owned(), source.as_str().into()).is_some() {
            let sentence =
                "a connector's widget names an endpoint; its source is said by whoever uses it";
            return Err(serde::de::Error::custom(sentence));
        }
        serde_json::from_value(tree)
    }
}

impl Endpoint {
    /// The parameters that stand in the path. A source must give those without a default.
    pub fn path_params(&self) -> impl Iterator<Item = &str> {
        let parts = self.path.split('{').skip(1);
        parts.filter_map(|part| part.split_once('}').map(|(name, _)| name))
    }

    /// The parameters that a source must give: those of the path and those that are required, as far
    /// as they have no default.
    pub fn needed(&self) -> impl Iterator<Item = &str> {
        let required = self.required.iter().map(String::as_str);
        self.path_params().chain(required).filter(|name| !self.params.contains_key(*name))
    }

    /// Whether a source may give this parameter.
    pub fn allows(&self, param: &str) -> bool {
        self.params.contains_key(param)
            || self.allow_params.iter().any(|allowed| allowed == param || allowed == "*")
            || self.required.iter().any(|required| required == param)
            || self.path_params().any(|name| name == param)
    }

    /// The parameters that a source may give, as a list for people.
    pub fn allowed(&self) -> String {
        let known = self.params.keys().map(String::as_str);
        let more = self.required.iter().chain(&self.allow_params).map(String::as_str);
        let allowed: Vec<&str> = known.chain(more).chain(self.path_params()).collect();
        if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.path.starts_with('/') {
            problems.push(("path".to_owned(), "a path begins with /".to_owned()));
        }
        let braces = |brace| self.path.matches(brace).count();
        let named = self.path_params().filter(|name| is_param(name)).count();
        if named != braces('{') || named != braces('}') {
            let sentence =
                "a parameter in a path is a name of letters, digits and _ between braces";
            problems.push(("path".to_owned(), sentence.to_owned()));
        }
        if self.body.is_some() && self.method != Method::Post {
            problems.push(("body".to_owned(), "only a POST request has a body".to_owned()));
        }
        for (index, name) in self.required.iter().enumerate() {
            if self.params.contains_key(name) {
                let sentence = format!("{name} has a value in params; a source need not give it");
                problems.push((format!("required[{index}]"), sentence));
            }
        }
        problems.extend(limit_problems(self.limits.as_ref()));
        problems.extend(pagination_problems(self.pagination.as_ref()));
        if let Some(extract) = &self.extract {
            let at = |(path, sentence): Problem| (format!("extract.{path}"), sentence);
            problems.extend(extract.problems().into_iter().map(at));
        }
        problems
    }
}

fn is_param(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(plain)
}

#[cfg(test)]
mod tests;
