//! Keeping secrets out of text that comes from outside.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// What stands in place of a secret.
pub const MASK: &str = "*****";

/// `text` without the given secrets, which a service may echo in its own words. Secrets of fewer
/// than four characters are left: replacing them would garble the text and hide nothing.
#[must_use]
pub fn scrub<'a>(text: &str, secrets: impl IntoIterator<Item = &'a SecretString>) -> String {
    const SHORTEST: usize = 4;
    let mut secrets: Vec<&str> = secrets
        .into_iter()
        .map(ExposeSecret::expose_secret)
        .filter(|secret| secret.len() >= SHORTEST)
        .collect();
    // One secret may be the beginning of another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
        .into_iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

/// What the Basic scheme (RFC 7617) makes of a name and a password; it hides neither.
pub(crate) fn basic(name: &str, password: &str) -> SecretString {
    STANDARD.encode(format!("{name}:{password}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_kept() {
        let secrets = [SecretString::from("canary-1"), SecretString::from("a")];
        assert_eq!(
            scrub("bad canary-1, say again", &secrets),
            "bad *****, say again"
        );
    }

    #[test]
    fn a_secret_that_begins_another_one_leaves_nothing_of_it() {
        let secrets = [SecretString::from("canary"), SecretString::from("canary-1")];
        assert_eq!(scrub("canary-1 and canary", &secrets), "***** and *****");
    }
}
