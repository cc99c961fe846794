//! Requests and replies as the parts of the sandbox see them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

/// A request whose body has been read.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// The raw query string.
    pub query: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether it comes from this machine.
    pub local: bool,
}

impl Request {
    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    }
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl Reply {
    /// A reply with a body of a content type.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status,
            headers,
            body: Body::Full(Some(body.into())),
        }
    }

    /// A JSON reply.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json; charset=utf-8", body)
    }

    /// An HTML reply.
    pub fn html(status: u16, body: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", body)
    }

    /// A reply without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Full(None),
        }
    }

    /// A redirection.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::empty(status).with("location", to)
    }

    /// Adds a header. A value that cannot be one is left out.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// The body, if it is not a stream.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Full(bytes) => bytes.as_ref(),
            Body::Stream { .. } => None,
        }
    }
}

impl From<Reply> for hyper::Response<Body> {
    fn from(reply: Reply) -> Self {
        let mut response = Self::new(reply.body);
        *response.status_mut() =
            StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = reply.headers;
        response
    }
}

/// The body of a reply.
#[derive(Debug)]
pub enum Body {
    /// All at once.
    Full(Option<Bytes>),
    /// In pieces, as another task sends them. An error closes the connection.
    Stream {
        /// The pieces.
        pieces: mpsc::Receiver<io::Result<Bytes>>,
        /// How many bytes are promised.
        length: Option<u64>,
    },
}

impl Body {
    /// A body that `send` writes into a channel.
    pub fn stream<F>(length: Option<u64>, send: impl FnOnce(Pieces) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, pieces) = mpsc::channel(4);
        tokio::spawn(send(Pieces(sender)));
        Self::Stream { pieces, length }
    }
}

/// The sending end of a body.
#[derive(Debug)]
pub struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Pieces {
    /// Sends a piece; false if the client is gone.
    pub async fn send(&self, piece: Bytes) -> bool {
        self.0.send(Ok(piece)).await.is_ok()
    }

    /// Breaks the connection off.
    pub async fn abort(&self) {
        let error = io::Error::new(io::ErrorKind::ConnectionAborted, "dropped on demand");
        // If the client is gone already, the connection is broken off anyway.
        let _ = self.0.send(Err(error)).await;
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { pieces, .. } => pieces
                .poll_recv(context)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream {
                length: Some(length),
                ..
            } => SizeHint::with_exact(*length),
            Self::Stream { length: None, .. } => SizeHint::default(),
        }
    }
}

/// A text for an HTML page.
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
