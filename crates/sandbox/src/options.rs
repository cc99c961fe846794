//! What a sandbox is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// How the token endpoint takes the client's id and secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ClientAuth {
    /// In the form body, as Clio documents.
    #[default]
    Body,
    /// By HTTP Basic authentication only.
    Basic,
    /// Either way.
    Either,
}

/// What a sandbox is started with. `Options::default()` is what the program does without flags.
#[derive(Clone, Parser)]
#[command(
    name = "clio-sandbox",
    about = "A local Clio to develop, demonstrate and test against"
)]
pub struct Options {
    /// Address and port of the API and the OAuth pages; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Number of matters; everything else grows with it
    #[arg(long, default_value_t = 1000)]
    pub matters: usize,

    /// The firm's seed: the same seed gives the same firm
    #[arg(long, default_value_t = 7)]
    pub seed: u64,

    /// The firm's present, YYYY-MM-DD, or "now" for the machine's date
    #[arg(long, default_value = "2026-06-30")]
    pub today: String,

    /// The application's client id
    #[arg(long, default_value = "sandbox-client")]
    pub client_id: String,

    /// The application's client secret
    #[arg(
        long,
        env = "CLIO_SANDBOX_CLIENT_SECRET",
        hide_env_values = true,
        default_value = "sandbox-secret"
    )]
    pub client_secret: String,

    /// A redirect URI of the application (repeatable); without any, every loopback address is
    /// allowed. The approval page for out-of-band codes always is
    #[arg(long = "redirect-uri", value_name = "URI")]
    pub redirect_uris: Vec<String>,

    /// How the client's id and secret come to the token endpoint
    #[arg(long, value_enum, default_value_t)]
    pub client_auth: ClientAuth,

    /// Refuse an authorization request without a PKCE challenge
    #[arg(long)]
    pub require_pkce: bool,

    /// Life of an access token, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2592000", value_parser = seconds)]
    pub token_life: Duration,

    /// A refresh gives a new refresh token, and the old one is void at once
    #[arg(long)]
    pub rotate_refresh_tokens: bool,

    /// Requests allowed per token and window; 0 for no limit (Clio: 50 at peak hours)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rate_limit: u32,

    /// Length of the rate limit's window, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub rate_window: Duration,

    /// Answer 403 for this resource (repeatable), as without the permission: "users"
    #[arg(long = "without-permission", value_name = "RESOURCE")]
    pub without_permissions: Vec<String>,

    /// Every Nth matter is closed to the person: where other records show it, only its id is left,
    /// and its activities have no amounts; 0 for none
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub redact_every: u32,

    /// Serve https with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Write the base URL to this file when the sandbox listens
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// End when standard input closes, that is, with the process that started the sandbox
    #[arg(long)]
    pub until_stdin_closes: bool,
}

impl std::fmt::Debug for Options {
    /// All that matters but the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("matters", &self.matters)
            .field("seed", &self.seed)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        // Parsed without arguments, so that there is one place for the defaults. The
        // environment counts here too, as it does for the program.
        Self::parse_from(["clio-sandbox"])
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        use clap::CommandFactory as _;
        Options::command().debug_assert();
        let options = Options::default();
        assert_eq!(options.matters, 1000);
        assert_eq!(options.token_life, Duration::from_secs(2_592_000));
    }

    #[test]
    fn seconds_may_be_fractions() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("-1").is_err());
        assert!(seconds("soon").is_err());
    }
}
