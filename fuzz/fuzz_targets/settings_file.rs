//! The settings file: whatever is in it, reading neither panics nor invents, a file that is not
//! changed is written as it was read, and tokens that were put in come out again.

#![no_main]

use apilink_core::token::TokenSet;
use apilink_core::token::settings_file::SettingsFile;
use libfuzzer_sys::fuzz_target;
use secrecy::{ExposeSecret, SecretString};

fuzz_target!(|content: &[u8]| {
    let Ok(mut file) = SettingsFile::parse(content) else {
        return;
    };
    assert_eq!(
        file.to_bytes()
            .expect("it was small enough to read")
            .as_slice(),
        content
    );
    if let Ok(Some(tokens)) = file.tokens() {
        file.set_tokens(&tokens)
            .expect("what was read can be written");
        if let Ok(written) = file.to_bytes() {
            let again = SettingsFile::parse(&written).expect("what was written can be read");
            let again = again
                .tokens()
                .expect("its values too")
                .expect("there are tokens");
            assert_eq!(fields(&again), fields(&tokens));
        }
    }
    file.clear_tokens();
    if let Ok(cleared) = file.to_bytes() {
        let cleared = SettingsFile::parse(&cleared).expect("a cleared file can be read");
        assert!(cleared.tokens().is_ok_and(|tokens| tokens.is_none()));
    }
});

/// All that a token set says, comparable.
fn fields(tokens: &TokenSet) -> impl PartialEq + std::fmt::Debug + use<> {
    let exposed =
        |secret: &Option<SecretString>| secret.as_ref().map(|s| s.expose_secret().to_owned());
    (
        exposed(&tokens.access_token),
        exposed(&tokens.refresh_token),
        (
            tokens.token_type.clone(),
            tokens.scope.clone(),
            tokens.lineage.clone(),
        ),
        (tokens.issued_at, tokens.expires_in),
    )
}
