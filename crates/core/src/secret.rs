//! Keeping secrets out of text that comes from outside.

use secrecy::{ExposeSecret, SecretString};

/// What stands in place of a secret.
pub const MASK: &str = "*****";

/// `text` without the given secrets, which a service may echo in its own words. Secrets of fewer
/// than four characters are left: replacing them would garble the text and hide nothing.
#[must_use]
pub fn scrub<'a>(text: &str, secrets: impl IntoIterator<Item = &'a SecretString>) -> String {
    const SHORTEST: usize = 4;
    secrets
        .into_iter()
        .map(ExposeSecret::expose_secret)
        .fold(text.to_owned(), |text, secret| {
            if secret.len() < SHORTEST {
                text
            } else {
                text.replace(secret, MASK)
            }
        })
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
}
