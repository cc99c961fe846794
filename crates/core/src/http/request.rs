//! What to send.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, RANGE, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::error::{Diagnostic, Result};

/// A request without its body.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    target: Target,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    timeout: Option<Option<Duration>>,
}

/// Where a request goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// The API: a path below its base, an absolute path, or an absolute URL of the region's
    /// origin. Carries the token.
    Api(String),
    /// A signed URL that the service handed out. Carries no token and nothing of the connection.
    Signed(String),
}

impl std::fmt::Debug for Target {
    /// A signed URL is a secret for as long as it is valid.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Api(url) => f.debug_tuple("Api").field(url).finish(),
            Self::Signed(_) => f.debug_tuple("Signed").field(&"*****").finish(),
        }
    }
}

/// The body of a request.
pub enum RequestBody<'a> {
    /// No body.
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, opened anew for each attempt.
    File(&'a Path),
    /// Bytes that can be had once only.
    Reader {
        /// Delivers the bytes, on the thread that makes the call.
        reader: &'a mut dyn Read,
        /// How many bytes it delivers, if that is known.
        length: Option<u64>,
    },
}

impl RequestBody<'_> {
    /// Whether the body can be sent a second time.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Reader { .. })
    }
}

impl Request {
    /// A request with nothing but a method and a target.
    ///
    /// # Errors
    /// HY024 for a method other than GET, POST, PATCH, PUT, DELETE, HEAD and OPTIONS.
    pub fn new(method: &str, target: Target) -> Result<Self> {
        Ok(Self {
            method: parse_method(method)?,
            target,
            query: Vec::new(),
            headers: HeaderMap::new(),
            timeout: None,
        })
    }

    /// A GET of the API.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            target: Target::Api(url.into()),
            query: Vec::new(),
            headers: HeaderMap::new(),
            timeout: None,
        }
    }

    /// A GET of the API that follows another request, with its headers; those that ask for a part,
    /// or for changes only, were meant for that request alone.
    pub(crate) fn get_after(headers: HeaderMap, url: impl Into<String>) -> Self {
        let mut request = Self::get(url);
        request.headers = headers;
        for name in [
            IF_MATCH,
            IF_NONE_MATCH,
            IF_MODIFIED_SINCE,
            IF_UNMODIFIED_SINCE,
            RANGE,
        ] {
            request.headers.remove(name);
        }
        request
    }

    /// Adds a query parameter.
    pub fn add_query(&mut self, name: &str, value: &str) {
        self.query.push((name.to_owned(), value.to_owned()));
    }

    /// Adds a header.
    ///
    /// # Errors
    /// HY024 when it is not a valid header, or one that belongs to the library.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<()> {
        let (name, value) = parse_header(name, value)?;
        self.headers.append(name, value);
        Ok(())
    }

    /// Sets the `Content-Type`, `default` where the caller says nothing.
    ///
    /// # Errors
    /// HY024 when it is not a valid header value.
    pub fn set_content_type(&mut self, content_type: &str) -> Result<()> {
        let (name, value) = parse_header("content-type", content_type)?;
        self.headers.insert(name, value);
        Ok(())
    }

    /// Sets the bound on connecting and on silence in place of the connection's; `None` inside:
    /// no bound.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = Some(timeout);
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The query parameters that were added.
    #[must_use]
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The headers that were added.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The time limit of this request, if it has one of its own.
    #[must_use]
    pub fn timeout(&self) -> Option<Option<Duration>> {
        self.timeout
    }
}

fn parse_method(method: &str) -> Result<Method> {
    const ALLOWED: [Method; 7] = [
        Method::GET,
        Method::POST,
        Method::PATCH,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    ALLOWED
        .into_iter()
        .find(|allowed| allowed.as_str().eq_ignore_ascii_case(method))
        .ok_or_else(|| {
            Diagnostic::invalid_value(
                "The method of the request is not one of GET, POST, PATCH, PUT, DELETE, HEAD and \
                 OPTIONS.",
            )
        })
}

/// Reads a header. The value is left out of every message and marked as sensitive, because it may
/// be a secret.
pub(crate) fn parse_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    const OWN: [HeaderName; 5] = [
        AUTHORIZATION,
        HOST,
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        CONNECTION,
    ];
    let name = HeaderName::try_from(name).map_err(|_| {
        Diagnostic::invalid_value(
            "The name of a header has characters that are not allowed there (RFC 9110 section 5.1).",
        )
    })?;
    if OWN.contains(&name) {
        return Err(Diagnostic::invalid_value(format!(
            "The header {name} belongs to the library and cannot be set. Leave it out."
        )));
    }
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        Diagnostic::invalid_value(format!(
            "The value of the header {name} has characters that are not allowed there, such as \
             line breaks (RFC 9110 section 5.5)."
        ))
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_without_case_and_others_refused() {
        assert_eq!(
            Request::new("patch", Target::Api("x".into()))
                .unwrap()
                .method,
            Method::PATCH
        );
        for method in ["", "TRACE", "CONNECT", "GET\r\nX: y"] {
            assert!(
                Request::new(method, Target::Api("x".into())).is_err(),
                "{method:?}"
            );
        }
    }

    #[test]
    fn headers_of_the_library_and_broken_ones_are_refused_without_their_value() {
        let mut request = Request::get("matters");
        for (name, value) in [
            ("Authorization", "Bearer canary"),
            ("host", "canary"),
            ("X-A", "canary\r\nX-B: c"),
            ("X A", "canary"),
        ] {
            let error = request.add_header(name, value).unwrap_err();
            assert!(!error.message.contains("canary"), "{error}");
        }
        request.add_header("If-None-Match", "\"abc\"").unwrap();
        assert_eq!(request.headers().len(), 1);
    }

    #[test]
    fn debug_shows_neither_signed_urls_nor_header_values() {
        let mut request =
            Request::new("PUT", Target::Signed("https://s3/?sig=canary".into())).unwrap();
        request.add_header("X-Key", "canary").unwrap();
        assert!(!format!("{request:?}").contains("canary"));
    }
}
