//! Token state: what a token is, where it is kept, and how it is kept fresh.

pub(crate) mod keeper;
pub mod settings_file;
pub mod store;

use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Everything known about one authorization. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The access token, unless only a refresh token is known.
    pub access_token: Option<SecretString>,
    /// `token_type` of the reply, `Bearer` when unknown.
    pub token_type: String,
    /// The refresh token, if there is one.
    pub refresh_token: Option<SecretString>,
    /// `scope` of the reply, if it had one.
    pub scope: Option<String>,
    /// When the access token was asked for, to the millisecond.
    pub issued_at: Option<SystemTime>,
    /// How long the access token lives from `issued_at`. `None`: unknown.
    pub expires_in: Option<Duration>,
    /// Which refresh tokens and codes this descends from.
    pub lineage: Lineage,
}

/// SHA-256 (hexadecimal) of a refresh token or authorization code that tokens descend from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed(pub String);

/// What tokens descend from, the oldest first: the refresh token or authorization code of a
/// connection string, and the refresh tokens that were replaced since. It lets a store recognise
/// that its tokens descend from a string, so that an old string, whichever of the refresh tokens it
/// holds, does not undo a rotation, and a code is exchanged only once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage(Vec<Seed>);

impl Lineage {
    /// How many seeds are kept.
    const LONGEST: usize = 32;

    /// The lineage that words name.
    #[must_use]
    pub fn of_words(words: &str) -> Self {
        let seeds = words.split_whitespace();
        Self(seeds.map(|seed| Seed(seed.to_owned())).collect())
    }

    /// Its seeds as words. `None` where there are none.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let seeds: Vec<&str> = self.0.iter().map(|seed| seed.0.as_str()).collect();
        (!seeds.is_empty()).then(|| seeds.join(" "))
    }

    /// Whether the tokens descend from this credential.
    #[must_use]
    pub fn is_from(&self, seed: &Seed) -> bool {
        self.0.contains(seed)
    }

    /// Adds a seed, as the latest one. Of too many, the first and the latest are kept: an old
    /// string holds what there was in the beginning.
    pub fn add(&mut self, seed: Seed) {
        if self.0.first() == Some(&seed) {
            return;
        }
        self.0.retain(|known| *known != seed);
        self.0.push(seed);
        while self.0.len() > Self::LONGEST {
            self.0.remove(1);
        }
    }
}

impl From<Option<Seed>> for Lineage {
    fn from(seed: Option<Seed>) -> Self {
        Self(seed.into_iter().collect())
    }
}

impl Seed {
    /// The seed of a credential.
    #[must_use]
    pub fn of(credential: &SecretString) -> Self {
        Self(digest(credential))
    }
}

impl TokenSet {
    /// When the access token ends, if that is known.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.issued_at?.checked_add(self.expires_in?)
    }

    /// Whether there is an access token that will still be good for a while: until `margin`, or a
    /// tenth of its life if that is shorter, before its end. A token whose end is not known is
    /// good until the service refuses it.
    #[must_use]
    pub fn is_usable(&self, now: SystemTime, margin: Duration) -> bool {
        if self.access_token.is_none() {
            return false;
        }
        let life = self.expires_in.unwrap_or(Duration::MAX);
        if life.is_zero() {
            return false;
        }
        self.expires_at()
            .is_none_or(|end| now + margin.min(life / 10) < end)
    }

    /// Whether the access token is this one.
    #[must_use]
    pub fn is_access_token(&self, token: &SecretString) -> bool {
        self.access_token
            .as_ref()
            .is_some_and(|own| own.expose_secret() == token.expose_secret())
    }
}

/// A name for a secret that does not give it away: its SHA-256, hexadecimal.
pub(crate) fn digest(secret: &SecretString) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(secret.expose_secret().as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(issued_at: Option<SystemTime>, expires_in: Option<u64>) -> TokenSet {
        TokenSet {
            access_token: Some("A".into()),
            token_type: "Bearer".into(),
            refresh_token: None,
            scope: None,
            issued_at,
            expires_in: expires_in.map(Duration::from_secs),
            lineage: Lineage::default(),
        }
    }

    #[test]
    fn the_margin_is_at_most_a_tenth_of_the_life() {
        let now = SystemTime::now();
        let margin = Duration::from_secs(60);
        let ago = |seconds| Some(now - Duration::from_secs(seconds));
        assert!(token(ago(0), Some(3600)).is_usable(now, margin));
        assert!(!token(ago(3550), Some(3600)).is_usable(now, margin));
        assert!(token(ago(8), Some(10)).is_usable(now, margin));
        assert!(!token(ago(9), Some(10)).is_usable(now, margin));
    }

    #[test]
    fn of_a_long_lineage_the_first_and_the_latest_are_kept() {
        let seed = |number: usize| Seed(number.to_string());
        let mut lineage = Lineage::from(Some(seed(0)));
        for number in 1..100 {
            lineage.add(seed(number));
            // What is named again and again stays.
            lineage.add(seed(3));
            lineage.add(seed(0));
        }
        let kept: Vec<usize> = (0..100)
            .filter(|number| lineage.is_from(&seed(*number)))
            .collect();
        let expected: Vec<usize> = [0, 3].into_iter().chain(70..100).collect();
        assert_eq!(kept, expected);
        let words = lineage.words().unwrap();
        assert_eq!(Lineage::of_words(&words), lineage);
        assert_eq!(Lineage::default().words(), None);
    }

    #[test]
    fn an_unknown_end_is_good_and_a_life_of_zero_is_not() {
        let now = SystemTime::now();
        assert!(token(None, None).is_usable(now, Duration::ZERO));
        assert!(token(None, Some(3600)).is_usable(now, Duration::ZERO));
        assert!(!token(None, Some(0)).is_usable(now, Duration::ZERO));
        assert!(
            !TokenSet {
                access_token: None,
                ..token(None, None)
            }
            .is_usable(now, Duration::ZERO)
        );
    }
}
