#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod names;
mod oauth;
mod secrecy;
mod transport;

use ::secrecy::ExposeSecret;

use super::*;

const CONTRACT: &str = r"Profile=C:\profiles\Clio.apip;ProfileSettings='Region=your_region';Authscheme=OAuth;InitiateOAuth=GETANDREFRESH;OAuthClientId=your_client_id;OAuthClientSecret=your_client_secret;CallbackUrl=your_callback_url;";

/// A self-signed certificate for `test.example` and its key, made for these tests alone.
const CERTIFICATE: &str = include_str!("test_certificate.pem");
const KEY: &str = include_str!("test_key.pem");

fn parse(text: &str) -> Settings {
    Settings::parse(text).unwrap().0
}

fn warnings(text: &str) -> Vec<Diagnostic> {
    Settings::parse(text).unwrap().1
}

fn error(text: &str) -> String {
    Settings::parse(text).unwrap_err().message
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

/// The value as it is written between single quotes.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
