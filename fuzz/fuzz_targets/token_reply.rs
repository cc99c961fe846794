//! Replies of a token endpoint of any content: what is accepted can be stored and read again, and
//! what is refused is told in one line without a secret.

#![no_main]

use std::sync::LazyLock;

use apilink_core::oauth::read_token_reply;
use apilink_core::settings::Settings;
use apilink_core::token::TokenSet;
use apilink_core::token::settings_file::SettingsFile;
use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use secrecy::{ExposeSecret, SecretString};

const CLIENT_SECRET: &str = "canary-client-secret";
const REFRESH_TOKEN: &str = "canary-refresh-token";

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let string = format!("AuthScheme=OAuth;OAuthClientId=id;OAuthClientSecret={CLIENT_SECRET}");
    Settings::parse(&string).expect("it is a good one").0
});

// The first byte chooses the status.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    let status = if choice % 2 == 0 {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    match read_token_reply(&SETTINGS, &SecretString::from(REFRESH_TOKEN), status, body) {
        Ok(tokens) => check_tokens(&tokens),
        Err(problem) => {
            let message = problem.message;
            assert!(!message.contains(CLIENT_SECRET), "{message}");
            assert!(!message.contains(REFRESH_TOKEN), "{message}");
            assert!(!message.contains(char::is_control), "{message:?}");
        }
    }
});

fn check_tokens(tokens: &TokenSet) {
    let access_token = text(&tokens.access_token).expect("that is what accepting means");
    assert!(!access_token.trim().is_empty());
    let mut file = SettingsFile::parse(b"").expect("an empty file");
    // Not everything that JSON can hold fits into a line.
    if file.set_tokens(tokens).is_ok() {
        let again = file
            .tokens()
            .expect("it was just written")
            .expect("there are tokens");
        assert_eq!(text(&again.access_token), Some(access_token));
        assert_eq!(text(&again.refresh_token), text(&tokens.refresh_token));
        assert_eq!(again.scope, tokens.scope);
    }
}

fn text(secret: &Option<SecretString>) -> Option<&str> {
    secret.as_ref().map(ExposeSecret::expose_secret)
}
