//! Arguments of `ccm cred`.

use ccm_daemon::secret::{PinnedOrigin, ProviderKind};
use ccm_proto::model::{Name, Scope};
use clap::{Args, Subcommand, ValueEnum};

/// Keep secrets of external APIs.
///
/// A secret is never an argument: it is asked for on the terminal, or read from --stdin or --fd.
#[derive(Clone, Debug, Subcommand)]
pub enum CredCommand {
    /// Keep a credential, in place of what had its name
    Set(CredSetArgs),
    /// Show what may be told of all credentials
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Replace a credential's secret; its origins stay
    Rotate(CredRotateArgs),
    /// Say what a source would be given, and try it at its API
    Test(CredTestArgs),
    /// Forget a credential, wherever it is kept
    Delete {
        /// The credential
        name: Name,
        /// Whose it is
        #[command(flatten)]
        owner: OwnerArgs,
    },
    /// Say who keeps credentials, and why others do not
    Providers {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Whose a credential is.
#[derive(Clone, Debug, Args)]
pub struct OwnerArgs {
    /// platform, tenant:TENANT, team:TENANT/TEAM or user:TENANT/USER
    #[arg(long, value_name = "SCOPE", default_value = "platform", value_parser = scope)]
    pub scope: Scope,
}

fn scope(text: &str) -> Result<Scope, String> {
    let problem = "write platform, tenant:TENANT, team:TENANT/TEAM or user:TENANT/USER";
    ccm_daemon::secret::parse_scope(text).ok_or_else(|| problem.to_owned())
}

/// Where a secret is read from, when not from the terminal.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub struct SecretArgs {
    /// Read the secret from standard input, to its end; one line end is not part of it
    #[arg(long)]
    pub stdin: bool,
    /// Read the secret from an open file descriptor, to its end; one line end is not part of it
    #[arg(long, value_name = "N")]
    pub fd: Option<u32>,
}

/// Keeps a credential.
#[derive(Clone, Debug, Args)]
pub struct CredSetArgs {
    /// The credential
    pub name: Name,
    /// Where it may be sent
    #[command(flatten)]
    pub pin: PinArgs,
    /// Where tokens of an oauth2 credential may go, beside the origin [default: the connector's
    /// address]
    #[arg(long, value_name = "URL")]
    pub api_origin: Option<PinnedOrigin>,
    /// Which fields it has [default: what the connector wants, else token]
    #[arg(long, value_enum)]
    pub kind: Option<CredKind>,
    /// The user name of a basic credential, or the client's id of an oauth2 one
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Whose it is
    #[command(flatten)]
    pub owner: OwnerArgs,
    /// Who keeps it: keyring, sealed or vault [default: who has it, else the first that takes it]
    #[arg(long, value_name = "PROVIDER")]
    pub provider: Option<ProviderKind>,
    /// Where the secret is read from
    #[command(flatten)]
    pub secret: SecretArgs,
}

/// Where a credential may be sent.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PinArgs {
    /// The only origin that the secret may be sent to, such as https://api.stripe.com
    #[arg(long, value_name = "URL")]
    pub origin: Option<PinnedOrigin>,
    /// The connector that says where it may be sent, and what it looks like
    #[arg(long, value_name = "NAME")]
    pub connector: Option<Name>,
}

/// Which fields a credential has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CredKind {
    /// One secret, such as an API key.
    #[default]
    Token,
    /// A user name and a password.
    Basic,
    /// A client's id and its secret.
    Oauth2,
}

/// Replaces a credential's secret.
#[derive(Clone, Debug, Args)]
pub struct CredRotateArgs {
    /// The credential
    pub name: Name,
    /// Another user name or client's id [default: the former]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Whose it is
    #[command(flatten)]
    pub owner: OwnerArgs,
    /// Where the secret is read from
    #[command(flatten)]
    pub secret: SecretArgs,
}

/// Tests a credential.
#[derive(Clone, Debug, Args)]
pub struct CredTestArgs {
    /// The credential
    pub name: Name,
    /// Whose source would use it
    #[command(flatten)]
    pub owner: OwnerArgs,
    /// An address of its API to ask with it
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
