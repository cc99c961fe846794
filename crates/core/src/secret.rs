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

/// A value of a property, to be named in a message about it: in quotes if it is short and plain,
/// `the value` otherwise. Where a `;` is missing, the next property is part of a value, and with it
/// perhaps a secret.
pub(crate) fn named(value: &str) -> String {
    const LONGEST: usize = 20;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '.';
    if !value.trim().is_empty() && value.len() <= LONGEST && value.chars().all(is_plain) {
        format!("\"{value}\"")
    } else {
        "the value".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_and_plain_values_are_named() {
        for plain in ["UK", "1.5", "United Kingdom", "12345678901234567890"] {
            assert_eq!(named(plain), format!("\"{plain}\""));
        }
        for other in [
            "",
            " ",
            "UK OAuthClientSecret=canary",
            "123456789012345678901",
            "canary-1",
            "https://user@host",
            "a\nb",
            "\u{430}pp",
        ] {
            assert_eq!(named(other), "the value", "{other}");
        }
    }

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
