//! What is typed behind `ccm connector`.

use ccm_proto::model::Name;
use ccm_proto::model::source::Param;
use clap::{Args, Subcommand};

/// Show external services that are known, and begin to use one.
#[derive(Clone, Debug, Subcommand)]
pub enum ConnectorCommand {
    /// Show every connector, and whether its credential is there
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a connector needs and gives
    Show {
        /// The connector
        name: Name,
    },
    /// Write the sources and widgets of a connector's endpoints
    Use(UseArgs),
}

/// Uses a connector.
#[derive(Clone, Debug, Args)]
pub struct UseArgs {
    /// The connector
    pub name: Name,
    /// An endpoint, as often as wanted [default: all whose parameters are known]
    #[arg(long = "endpoint", value_name = "NAME")]
    pub endpoints: Vec<Name>,
    /// The credential [default: one that is there for this service, else the connector's name]
    #[arg(long, value_name = "NAME")]
    pub credential: Option<Name>,
    /// Send no credential
    #[arg(long, conflicts_with = "credential")]
    pub no_credential: bool,
    /// Where the service is, when everybody has an address of their own
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// A parameter for the endpoints that take it, as often as needed
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    pub params: Vec<(String, Param)>,
    /// What the names of the documents begin with [default: the connector's name]
    #[arg(long, value_name = "NAME")]
    pub prefix: Option<Name>,
    /// Write a layout with this name, too, that arranges the widgets
    #[arg(long, value_name = "NAME")]
    pub layout: Option<Name>,
    /// Say what would happen and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Why
    #[arg(short, long)]
    pub reason: String,
}

/// A number or true and false where it is one, else text.
fn param(text: &str) -> Result<(String, Param), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("{text:?} is no parameter; write NAME=VALUE"))?;
    let number = || value.parse().ok().filter(|number: &f64| number.is_finite());
    let param = match value {
        "true" => Param::Boolean(true),
        "false" => Param::Boolean(false),
        _ => match (value.parse(), number()) {
            (Ok(whole), _) => Param::Integer(whole),
            (Err(_), Some(number)) => Param::Number(number),
            (Err(_), None) => Param::Text(value.to_owned()),
        },
    };
    Ok((name.to_owned(), param))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_a_number_where_it_is_one() {
        for (text, value) in [
            ("a=1", Param::Integer(1)),
            ("a=-1.5", Param::Number(-1.5)),
            ("a=true", Param::Boolean(true)),
            ("a=b=c", Param::from("b=c")),
            ("a=", Param::from("")),
            ("a=inf", Param::from("inf")),
        ] {
            assert_eq!(param(text), Ok(("a".to_owned(), value)), "{text}");
        }
        assert!(param("a").is_err() && param("=a").is_err());
    }
}
