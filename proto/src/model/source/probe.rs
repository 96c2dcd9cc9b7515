//! Options of a `probe` source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Problem;
use super::external_api::{Method, base_problem};

/// Asks whether something answers, how fast, and until when its certificate holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ProbeConfig {
    /// An HTTP request.
    Http {
        /// The address.
        url: String,
        /// The request's method.
        #[serde(default)]
        method: Method,
        /// Further headers.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// Status codes that are good; 200 to 299 when none is given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        status: Vec<u16>,
        /// What the answer must contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
        /// A file of certificates in PEM that is trusted beside the system's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_file: Option<String>,
    },
    /// A TCP connection.
    Tcp {
        /// Host name or address.
        host: String,
        /// The port.
        port: u16,
        /// What is sent once connected; `\r` and `\n` are written as in TOML.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        send: Option<String>,
        /// What the first answer must contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<String>,
    },
    /// A TLS handshake.
    Tls {
        /// Host name or address.
        host: String,
        /// The port.
        #[serde(default = "https")]
        port: u16,
        /// The name that the certificate must hold, where it differs from the host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server_name: Option<String>,
        /// A file of certificates in PEM that is trusted beside the system's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_file: Option<String>,
    },
    /// A question to a DNS server.
    Dns {
        /// The name that is asked for.
        name: String,
        /// The type of record.
        #[serde(default)]
        record: Record,
        /// The server, as `address` or `address:port`; the system's first one when not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
        /// Answers of which at least one must be there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        expect: Vec<String>,
    },
}

fn https() -> u16 {
    443
}

/// A type of DNS record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Record {
    /// IPv4 addresses.
    #[default]
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Another name.
    Cname,
    /// Mail servers.
    Mx,
    /// Name servers.
    Ns,
    /// Text.
    Txt,
    /// The zone's own record.
    Soa,
    /// Services.
    Srv,
}

impl ProbeConfig {
    /// Finds what the types alone cannot refuse.
    pub fn problems(&self) -> Vec<Problem> {
        let need = |field: &str, value: &str| {
            (value.trim().is_empty()).then(|| (field.to_owned(), format!("a {field} is missing")))
        };
        match self {
            Self::Http { url, status, .. } => {
                let mut problems: Vec<Problem> =
                    url_problem(url).map(|s| ("url".to_owned(), s)).into_iter().collect();
                if status.iter().any(|code| !(100..=599).contains(code)) {
                    let sentence = "a status code is from 100 to 599";
                    problems.push(("status".to_owned(), sentence.to_owned()));
                }
                problems
            }
            Self::Tcp { host, .. } | Self::Tls { host, .. } => {
                need("host", host).into_iter().collect()
            }
            Self::Dns { name, .. } => need("name", name).into_iter().collect(),
        }
    }
}

/// An address that may have a query.
fn url_problem(url: &str) -> Option<String> {
    base_problem(url.split(['?', '#']).next().unwrap_or_default())
}
