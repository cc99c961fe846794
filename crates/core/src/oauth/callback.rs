//! The redirect that ends an authorization (RFC 6749 section 4.1.2), as a request to the loopback
//! listener, or as text that a person copied.

use secrecy::SecretString;
use url::{Url, form_urlencoded};

use crate::error::{Diagnostic, Result, SqlState, native};

/// The longest request head that is read; a redirect is far shorter.
pub const MAX_HEAD: usize = 16 << 10;

/// What the parameters of a redirect say.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// `state`, if it is there.
    pub state: Option<String>,
    /// The answer.
    pub answer: Answer,
}

/// The answer to an authorization request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Approved: an authorization code.
    Code(SecretString),
    /// Declined or failed: `error` and `error_description`.
    Error {
        /// The error code, such as `access_denied`.
        code: String,
        /// The text of the authorization server, if it sent one.
        description: Option<String>,
    },
}

impl Redirect {
    /// Reads a query string. `None` when it is not the end of an authorization.
    #[must_use]
    pub fn from_query(query: &str) -> Option<Self> {
        let find = |wanted| parameter(query, wanted);
        let answer = match (find("error"), find("code")) {
            (Some(code), _) => Answer::Error {
                code,
                description: find("error_description"),
            },
            (None, Some(code)) => Answer::Code(code.into()),
            (None, None) => return None,
        };
        Some(Self {
            state: state_in(query),
            answer,
        })
    }

    /// Reads what a person copied: a bare code, a whole redirected URL, its query, or the title of
    /// an out-of-band page (`Success code=...`).
    ///
    /// # Errors
    /// HY024 when there is no code in it.
    pub fn from_copied_text(text: &str) -> Result<Self> {
        let text = text.trim();
        let nothing = || {
            Diagnostic::invalid_value(
                "The authorization code is not a code, and not a URL with a code in it. Copy the \
                 whole address of the page that the browser was sent to after the login.",
            )
        };
        if let Ok(url) = Url::parse(text)
            && url.has_host()
        {
            return url.query().and_then(Self::from_query).ok_or_else(nothing);
        }
        let query = text
            .strip_prefix("Success ")
            .or_else(|| text.strip_prefix("Failure "))
            .unwrap_or(text)
            .trim_start_matches('?');
        if is_query(query) {
            return Self::from_query(query).ok_or_else(nothing);
        }
        // Browsers show an address without its scheme, and some copy it so.
        if let Some((_, query)) = text.split_once('?')
            && let Some(redirect) = Self::from_query(query)
        {
            return Ok(redirect);
        }
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(nothing());
        }
        Ok(Self {
            state: None,
            answer: Answer::Code(text.to_owned().into()),
        })
    }

    /// The code, if the state (where there is one to expect) is the right one.
    ///
    /// # Errors
    /// 28000 when the state is a foreign one, or the answer an error.
    pub fn into_code(self, expected_state: Option<&str>) -> Result<SecretString> {
        if let (Some(expected), Some(state)) = (expected_state, &self.state)
            && expected != state
        {
            return Err(another_login());
        }
        match self.answer {
            Answer::Code(code) => Ok(code),
            Answer::Error { code, description } => Err(refusal(&code, description.as_deref())),
        }
    }
}

fn parameter(query: &str, wanted: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.into_owned())
        .filter(|value| !value.is_empty())
}

/// The state in the query of a redirect.
pub(crate) fn state_in(query: &str) -> Option<String> {
    parameter(query, "state")
}

/// The record for a redirect of the right login that says nothing.
pub(crate) fn no_answer() -> Diagnostic {
    Diagnostic::new(
        SqlState::AUTHORIZATION,
        "The redirect that ended the login has neither a code nor an error in it. Connect again to \
         be asked again; if it goes on, check OAuthAuthorizationURL, or ask the service.",
    )
}

fn is_query(text: &str) -> bool {
    ["code=", "error=", "state="]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Whether what a person copied must hold the state of the login (RFC 6749 section 4.1.2): a URL,
/// with or without its scheme, and the query of one. A bare code does not, nor does the page for
/// out-of-band codes, by its title or by its path.
pub(crate) fn must_hold_state(copied: &str, out_of_band_path: Option<&str>) -> bool {
    let text = copied.trim();
    let Some((place, query)) = text.split_once('?') else {
        return is_query(text);
    };
    let is_redirect = Redirect::from_query(query).is_some();
    let path = match Url::parse(place) {
        Ok(url) if url.has_host() => Some(url),
        _ => Url::parse(&format!("https://{place}")).ok(),
    };
    is_redirect && path.is_none_or(|url| Some(url.path()) != out_of_band_path)
}

/// The record for a redirect that answers another authorization request.
pub(crate) fn another_login() -> Diagnostic {
    Diagnostic::new(
        SqlState::AUTHORIZATION,
        "The redirected URL belongs to another login: its state is not the expected one. Start the \
         login again with a new authorization URL.",
    )
}

/// The record for an authorization that was declined or failed.
#[must_use]
pub fn refusal(code: &str, description: Option<&str>) -> Diagnostic {
    let code = printable(code);
    let message = if code == "access_denied" {
        "The login was declined. Nothing was changed; connect again to be asked again.".to_owned()
    } else {
        let description = description.map(printable).unwrap_or_default();
        let separator = if description.is_empty() { "" } else { ": " };
        format!("The service refused the login with {code}{separator}{description}.")
    };
    Diagnostic::new(SqlState::AUTHORIZATION, message).with_native(native::of_oauth_error(&code))
}

/// Text from outside, fit for a one-line message.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect()
}

/// A request to the loopback listener, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
pub enum Head {
    /// More bytes are needed.
    Incomplete,
    /// Not HTTP, or larger than [`MAX_HEAD`].
    Broken,
    /// A GET of this path, with this query.
    Get {
        /// The path, `/` at least.
        path: String,
        /// What follows the `?`, or nothing.
        query: String,
    },
    /// Another method.
    OtherMethod,
}

/// Reads the head of an HTTP/1 request.
#[must_use]
pub fn read_head(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Head::Incomplete,
        Ok(httparse::Status::Partial) | Err(_) => return Head::Broken,
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Head::Broken;
    };
    if method != "GET" {
        return Head::OtherMethod;
    }
    // A target is a path, or (to a proxy) an absolute URL; a fragment never arrives.
    let target = match Url::parse(target) {
        Ok(url) if url.has_host() => match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        },
        _ => target.to_owned(),
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    if !path.starts_with('/') {
        return Head::Broken;
    }
    Head::Get {
        path: path.to_owned(),
        query: query.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn code(text: &str) -> String {
        let redirect = Redirect::from_copied_text(text).unwrap();
        redirect.into_code(None).unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_code_is_found_in_everything_a_person_may_copy() {
        assert_eq!(code("s9jG"), "s9jG");
        assert_eq!(code("  s9jG\n"), "s9jG");
        assert_eq!(
            code("http://localhost:33333/?code=s9%2FjG&state=x"),
            "s9/jG"
        );
        assert_eq!(
            code("https://app.clio.com/oauth/approval?code=5IzZ"),
            "5IzZ"
        );
        assert_eq!(code("Success code=5IzZ"), "5IzZ");
        assert_eq!(code("?code=a&state=b"), "a");
        assert_eq!(code("localhost:33333/?code=a&state=b"), "a");
    }

    #[test]
    fn whatever_comes_from_a_redirect_must_hold_the_state() {
        for text in [
            "http://localhost:33333/?code=a",
            " localhost:33333/?code=a",
            "localhost/?code=a",
            "?code=a",
            "/?code=a",
            "code=a&x=y",
            "code=a",
            "https://app.clio.com/other?code=a",
        ] {
            assert!(must_hold_state(text, Some("/oauth/approval")), "{text}");
        }
        for text in [
            "a",
            "a?b",
            "Success code=a",
            "https://app.clio.com/oauth/approval?code=a",
            "app.clio.com/oauth/approval?code=a",
        ] {
            assert!(!must_hold_state(text, Some("/oauth/approval")), "{text}");
        }
    }

    #[test]
    fn what_holds_no_code_is_refused() {
        for text in [
            "",
            " ",
            "two words",
            "http://localhost:33333/",
            "code=",
            "https://x/?a=b",
        ] {
            let error = Redirect::from_copied_text(text).unwrap_err();
            assert_eq!(error.sqlstate, SqlState::INVALID_VALUE, "{text}");
        }
    }

    #[test]
    fn a_foreign_state_and_a_refusal_are_told_apart() {
        let redirect = Redirect::from_query("code=a&state=theirs").unwrap();
        let error = redirect.clone().into_code(Some("ours")).unwrap_err();
        assert!(error.message.contains("another login"));
        assert!(redirect.into_code(Some("theirs")).is_ok());
        let declined = Redirect::from_query("error=access_denied&state=s").unwrap();
        let error = declined.into_code(Some("s")).unwrap_err();
        assert_eq!(error.native, native::OAUTH_ACCESS_DENIED);
    }

    #[test]
    fn heads_are_read() {
        assert_eq!(
            read_head(b"GET /cb?code=a HTTP/1.1\r\nHost: x\r\n"),
            Head::Incomplete
        );
        assert_eq!(
            read_head(b"GET /cb?code=a HTTP/1.1\r\nHost: x\r\n\r\n"),
            Head::Get {
                path: "/cb".into(),
                query: "code=a".into()
            }
        );
        assert_eq!(
            read_head(b"GET http://localhost:1/cb?code=a HTTP/1.1\r\n\r\n"),
            Head::Get {
                path: "/cb".into(),
                query: "code=a".into()
            }
        );
        assert_eq!(read_head(b"POST / HTTP/1.1\r\n\r\n"), Head::OtherMethod);
        assert_eq!(read_head(b"\x16\x03\x01\x02\x00\x01"), Head::Broken);
        assert_eq!(read_head(&[b'a'; MAX_HEAD]), Head::Broken);
    }

    proptest::proptest! {
        #[test]
        fn nothing_from_outside_makes_a_parser_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
            text in ".{0,200}",
        ) {
            let _ = read_head(&bytes);
            let _ = Redirect::from_copied_text(&text);
            let _ = must_hold_state(&text, Some("/"));
            let _ = Redirect::from_query(&text);
        }
    }
}
