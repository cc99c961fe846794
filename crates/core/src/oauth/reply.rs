//! The reply of a token endpoint, read tolerantly (RFC 6749 section 5.1).

use std::time::Duration;

use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// `token_type`, `Bearer` where the reply says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KindOfToken(pub(super) String);

impl oauth2::TokenType for KindOfToken {}

/// A reply with an access token. `Debug` shows no token: the types of oauth2 see to that.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct TokenReply {
    access_token: AccessToken,
    #[serde(default = "bearer", deserialize_with = "text_or_bearer")]
    token_type: KindOfToken,
    /// Services leave it out, or send it as text.
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "non_empty")]
    refresh_token: Option<RefreshToken>,
    #[serde(default, deserialize_with = "scopes")]
    scope: Option<Vec<Scope>>,
}

impl TokenResponse for TokenReply {
    type TokenType = KindOfToken;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &KindOfToken {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scope.as_ref()
    }
}

/// The type of every token that can be used, in the spelling of RFC 6750.
pub(super) const BEARER: &str = "Bearer";

fn bearer() -> KindOfToken {
    KindOfToken(BEARER.into())
}

/// `token_type` in the spelling of RFC 6750, whatever its case (RFC 6749 section 5.1).
fn text_or_bearer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KindOfToken, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() && !text.eq_ignore_ascii_case("bearer") => {
            KindOfToken(text)
        }
        _ => bearer(),
    })
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RefreshToken>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?
        .filter(|text| !text.trim().is_empty())
        .map(RefreshToken::new))
}

/// A list separated by blanks, or (not by the book) an array. `None` where it names no scope.
fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Scope>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let lists = match &value {
        Value::Array(lists) => lists.as_slice(),
        list => std::slice::from_ref(list),
    };
    let scopes: Vec<Scope> = lists
        .iter()
        .filter_map(Value::as_str)
        .flat_map(str::split_whitespace)
        .map(|scope| Scope::new(scope.to_owned()))
        .collect();
    Ok((!scopes.is_empty()).then_some(scopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TokenReply {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_documented_reply_is_read() {
        let reply = read(
            r#"{"token_type":"bearer","access_token":"A","expires_in":604800,"refresh_token":"R"}"#,
        );
        assert_eq!(reply.access_token.secret(), "A");
        assert_eq!(reply.token_type.0, "Bearer");
        assert_eq!(reply.expires_in, Some(Duration::from_secs(604_800)));
        assert_eq!(reply.refresh_token.unwrap().secret(), "R");
        assert!(reply.scope.is_none());
    }

    #[test]
    fn habits_of_other_services_are_tolerated() {
        let cases = [
            (r#"{"access_token":"A"}"#, None),
            (
                r#"{"access_token":"A","expires_in":null,"refresh_token":null}"#,
                None,
            ),
            (
                r#"{"access_token":"A","expires_in":"3600","token_type":"BEARER"}"#,
                Some(3600),
            ),
            (
                r#"{"access_token":"A","expires_in":3600.0,"refresh_token":""}"#,
                Some(3600),
            ),
            (
                r#"{"access_token":"A","expires_in":-5,"scope":["a","b"]}"#,
                None,
            ),
            (
                r#"{"access_token":"A","expires_in":"soon","scope":"a b"}"#,
                None,
            ),
        ];
        for (text, seconds) in cases {
            let reply = read(text);
            assert_eq!(reply.expires_in, seconds.map(Duration::from_secs), "{text}");
            assert_eq!(reply.token_type.0, "Bearer", "{text}");
            assert!(reply.refresh_token.is_none(), "{text}");
        }
    }

    #[test]
    fn scopes_are_words_whatever_holds_them() {
        let cases = [
            (r#""a b""#, vec!["a", "b"]),
            (r#"["","b"]"#, vec!["b"]),
            (r#"[" a b ",7]"#, vec!["a", "b"]),
            (r#"[""]"#, vec![]),
            (r#"" ""#, vec![]),
            ("7", vec![]),
        ];
        for (scope, words) in cases {
            let reply = read(&format!(r#"{{"access_token":"A","scope":{scope}}}"#));
            let read: Option<Vec<&str>> = reply
                .scopes()
                .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect());
            assert_eq!(read, (!words.is_empty()).then_some(words), "{scope}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let reply = read(r#"{"access_token":"canary1","refresh_token":"canary2"}"#);
        assert!(!format!("{reply:?}").contains("canary"));
    }
}
