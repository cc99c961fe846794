//! Faults on demand: what can go wrong between a client and Clio, to be played when a request
//! matches.

use std::time::Duration;

use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::{Body, Reply};

/// Something that is to go wrong, for requests that match.
///
/// As JSON it is one flat object: `{"path":"/api/v4/matters*","times":2,"kind":"status","status":503}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The path, with `*` for any text. It is compared without the query, on both hosts.
    pub path: String,
    /// Only this method; any if absent.
    #[serde(default)]
    pub method: Option<String>,
    /// How many requests it meets; 0 for all until it is removed.
    #[serde(default = "one")]
    pub times: u32,
    /// How many matching requests it lets pass first.
    #[serde(default)]
    pub skip: u32,
    /// What goes wrong.
    pub kind: Kind,
    /// `latency`, `drip`: milliseconds (before the reply, or between pieces).
    #[serde(default)]
    pub milliseconds: Option<u64>,
    /// `status`: the status of the reply.
    #[serde(default)]
    pub status: Option<u16>,
    /// `status`, `token`, `garbage`: the body of the reply.
    #[serde(default)]
    pub body: Option<String>,
    /// `status`: a `Retry-After` header, as it is.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// `drop`: break off after so many bytes of the body; without it, before any reply.
    /// `drip`: the size of a piece (default 1). `huge`: the size of the body.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// `unauthorized`: which of the two bodies of a 401 (default `string`).
    #[serde(default)]
    pub shape: Option<Shape>,
    /// `token`: replaces members of the token reply; null removes one.
    #[serde(default)]
    pub members: Option<serde_json::Map<String, Value>>,
}

fn one() -> u32 {
    1
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The reply comes late.
    Latency,
    /// The request is carried out, and the connection breaks, in the middle of the reply's body
    /// or before any of it.
    Drop,
    /// The request is not carried out; another status comes back.
    Status,
    /// The request is carried out, and the body is not what it should be.
    Garbage,
    /// The reply's body comes in small pieces with pauses.
    Drip,
    /// No reply ever comes.
    Stall,
    /// The body is very long, and valid JSON.
    Huge,
    /// The request is not carried out; 401.
    Unauthorized,
    /// A successful token reply is changed.
    Token,
}

/// The two bodies that a 401 of Clio can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `{"error":"invalid_token","error_description":…}` (RFC 6750).
    #[default]
    String,
    /// `{"error":{"type":…,"message":…}}`.
    Object,
}

impl Fault {
    /// A fault of a kind for the next request to a path.
    #[must_use]
    pub fn new(path: &str, kind: Kind) -> Self {
        Self {
            path: path.to_owned(),
            method: None,
            times: 1,
            skip: 0,
            kind,
            milliseconds: None,
            status: None,
            body: None,
            retry_after: None,
            bytes: None,
            shape: None,
            members: None,
        }
    }

    /// Reads one from JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let fault: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let missing = match fault.kind {
            Kind::Latency | Kind::Drip if fault.milliseconds.is_none() => "milliseconds",
            Kind::Status if fault.status.is_none() => "status",
            Kind::Huge if fault.bytes.is_none() => "bytes",
            Kind::Token if fault.members.is_none() && fault.body.is_none() => "members or body",
            _ => return Ok(fault),
        };
        Err(format!("a fault of this kind needs {missing}"))
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Latency => "latency",
            Kind::Drop => "drop",
            Kind::Status => "status",
            Kind::Garbage => "garbage",
            Kind::Drip => "drip",
            Kind::Stall => "stall",
            Kind::Huge => "huge",
            Kind::Unauthorized => "unauthorized",
            Kind::Token => "token",
        }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method
            .as_deref()
            .is_none_or(|mine| mine.eq_ignore_ascii_case(method))
            && matches_pattern(&self.path, path)
    }

    /// Its pause.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.milliseconds.unwrap_or(0))
    }

    /// The reply that comes instead, if the request is not to be carried out.
    #[must_use]
    pub fn instead(&self) -> Option<Reply> {
        match self.kind {
            Kind::Status => {
                let status = self.status.unwrap_or(500);
                let reply = match &self.body {
                    Some(body) => Reply::json(status, body.clone()),
                    // Proxies in front of the service answer in HTML.
                    None => Reply::html(
                        status,
                        format!("<html><body><h1>{status}</h1></body></html>"),
                    ),
                };
                Some(match &self.retry_after {
                    Some(value) => reply.with("retry-after", value),
                    None => reply,
                })
            }
            Kind::Huge => {
                let length = self.bytes.unwrap_or(0);
                let mut reply = Reply::json(200, Bytes::new());
                reply.body = huge_json(length);
                Some(reply)
            }
            _ => None,
        }
    }

    /// Changes a reply.
    pub async fn change(&self, mut reply: Reply) -> Reply {
        match self.kind {
            Kind::Garbage => {
                let body = self
                    .body
                    .clone()
                    .unwrap_or_else(|| "\u{1}<!-- not \"JSON".to_owned());
                reply.headers.remove("content-encoding");
                reply.body = Body::Full(Some(body.into()));
                reply
            }
            Kind::Drip => {
                let size = usize::try_from(self.bytes.unwrap_or(1)).unwrap_or(1).max(1);
                let pause = self.pause();
                let bytes = collect(&mut reply.body).await;
                reply.body = Body::stream(Some(bytes.len() as u64), move |pieces| async move {
                    for start in (0..bytes.len()).step_by(size) {
                        tokio::time::sleep(pause).await;
                        let piece = bytes.slice(start..bytes.len().min(start + size));
                        if !pieces.send(piece).await {
                            return;
                        }
                    }
                });
                reply
            }
            Kind::Drop => {
                let after = self.bytes.unwrap_or(0);
                let promised = hyper::body::Body::size_hint(&reply.body).exact();
                let mut body = std::mem::replace(&mut reply.body, Body::Full(None));
                reply.body = Body::stream(promised, move |pieces| async move {
                    let mut left = after;
                    while left > 0
                        && let Some(piece) = next_piece(&mut body).await
                    {
                        let take =
                            usize::try_from(left).map_or(piece.len(), |l| l.min(piece.len()));
                        left -= take as u64;
                        if !pieces.send(piece.slice(..take)).await {
                            return;
                        }
                    }
                    pieces.abort().await;
                });
                reply
            }
            _ => reply,
        }
    }
}

async fn next_piece(body: &mut Body) -> Option<Bytes> {
    match body {
        Body::Full(bytes) => bytes.take(),
        Body::Stream { pieces, .. } => pieces.recv().await.and_then(Result::ok),
    }
}

async fn collect(body: &mut Body) -> Bytes {
    let mut all = Vec::new();
    while let Some(piece) = next_piece(body).await {
        all.extend_from_slice(&piece);
    }
    all.into()
}

/// A JSON document of exactly `length` bytes: `{"data":"xxx…"}`.
fn huge_json(length: u64) -> Body {
    let (start, end) = ("{\"data\":\"", "\"}");
    let fill = length.saturating_sub((start.len() + end.len()) as u64);
    let length = fill + (start.len() + end.len()) as u64;
    Body::stream(Some(length), move |pieces| async move {
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        let mut left = fill;
        if !pieces.send(Bytes::from_static(start.as_bytes())).await {
            return;
        }
        while left > 0 {
            let take = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
            if !pieces.send(chunk.slice(..take)).await {
                return;
            }
            left -= take as u64;
        }
        pieces.send(Bytes::from_static(end.as_bytes())).await;
    })
}

/// Whether a path is like a pattern in which `*` stands for any text.
fn matches_pattern(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| {
            after.is_empty()
                || (0..=rest.len())
                    .filter_map(|at| rest.get(at..))
                    .any(|tail| matches_pattern(after, tail))
        }),
    }
}

/// The faults that wait for their requests.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Those that are waiting.
    pub fn waiting(&self) -> &[Fault] {
        &self.0
    }

    /// The faults for a request. Each is used once; of those that answer instead of the service
    /// the first is taken, so that a second can be waiting behind it.
    pub fn take(&mut self, method: &str, path: &str) -> Vec<Fault> {
        let mut taken: Vec<Fault> = Vec::new();
        self.0.retain_mut(|fault| {
            if !fault.matches(method, path)
                || (fault.kind != Kind::Latency && taken.iter().any(|t| t.kind != Kind::Latency))
            {
                return true;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                return true;
            }
            taken.push(fault.clone());
            match fault.times {
                0 => true,
                1 => false,
                _ => {
                    fault.times -= 1;
                    true
                }
            }
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_match() {
        assert!(matches_pattern("/api/v4/matters*", "/api/v4/matters.json"));
        assert!(matches_pattern(
            "*/download*",
            "/api/v4/documents/5/download.json"
        ));
        assert!(!matches_pattern("/oauth/token", "/oauth/token/"));
        assert!(matches_pattern("*", "/"));
    }

    #[test]
    fn faults_are_used_up() {
        let mut faults = Faults::default();
        let mut fault = Fault::new("/a*", Kind::Stall);
        fault.times = 2;
        fault.skip = 1;
        faults.add(fault);
        let count = |faults: &mut Faults, path| faults.take("GET", path).len();
        assert_eq!(count(&mut faults, "/b"), 0);
        assert_eq!(count(&mut faults, "/a"), 0);
        assert_eq!(count(&mut faults, "/a"), 1);
        assert_eq!(count(&mut faults, "/a1"), 1);
        assert_eq!(count(&mut faults, "/a"), 0);
        assert!(faults.waiting().is_empty());
    }

    #[test]
    fn json_is_checked() {
        assert!(Fault::parse(br#"{"path":"*","kind":"status","status":503}"#).is_ok());
        assert!(Fault::parse(br#"{"path":"*","kind":"status"}"#).is_err());
        assert!(Fault::parse(br#"{"path":"*","kind":"stall","colour":1}"#).is_err());
        assert!(Fault::parse(br#"{"path":"*","kind":"melt"}"#).is_err());
    }
}
