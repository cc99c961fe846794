//! A reply, and the ways to read its body.

use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;
use url::Url;

use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::io;
use crate::platform;

/// A reply. Its body is in memory if it is small or JSON, and arrives while it is read otherwise.
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Body,
    json: Option<Value>,
}

/// How far the body is.
enum Body {
    /// Not touched, or being collected: `collected` is what has arrived so far.
    Whole {
        collected: Vec<u8>,
        rest: Option<Rest>,
    },
    /// Being read in pieces: `piece` is what has arrived and was not handed out yet.
    Pieces { piece: Bytes, rest: Option<Rest> },
}

/// The part of a body that is still to arrive. Dropping it closes the connection.
pub(crate) struct Rest {
    /// Pieces in order; the channel closes at the end of the body.
    pub(crate) pieces: mpsc::Receiver<Result<Bytes>>,
    /// Ends the task that fills the channel.
    pub(crate) _guard: DropGuard,
}

impl Rest {
    /// The next piece; `None` at the end.
    fn next(&mut self, cancel: &CancellationToken) -> Result<Option<Bytes>> {
        if let Ok(piece) = self.pieces.try_recv() {
            return piece.map(Some);
        }
        let pieces = &mut self.pieces;
        io::wait_for(cancel, async move { pieces.recv().await.transpose() })
    }
}

impl Response {
    pub(crate) fn new(
        status: StatusCode,
        headers: HeaderMap,
        url: Url,
        collected: Vec<u8>,
        rest: Option<Rest>,
    ) -> Self {
        Self {
            status,
            headers,
            url,
            body: Body::Whole { collected, rest },
            json: None,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The URL that was asked last, after redirects.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A header's value as text; bytes beyond UTF-8 are replaced.
    #[must_use]
    pub fn header(&self, name: &str, index: usize) -> Option<String> {
        let value = self.headers.get_all(name).iter().nth(index)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The whole body.
    ///
    /// # Errors
    /// HY010 after [`Response::read`] or [`Response::save`]; 08S01, HYT00 or HY008 when the rest
    /// of it does not arrive. What has arrived is kept, but the body cannot be completed.
    pub fn body(&mut self, cancel: &CancellationToken) -> Result<&[u8]> {
        match &mut self.body {
            Body::Whole { collected, rest } => {
                collect(collected, rest, cancel)?;
                Ok(collected)
            }
            Body::Pieces { .. } => Err(Diagnostic::new(
                SqlState::SEQUENCE,
                "The body of the response has been read in pieces already and is not kept. \
                 Execute the request again to have it as a whole.",
            )),
        }
    }

    /// Reads the next bytes into `buffer`; 0 at the end (or when the buffer is empty).
    ///
    /// # Errors
    /// 08S01, HYT00 or HY008 when the rest of the body does not arrive.
    pub fn read(&mut self, buffer: &mut [u8], cancel: &CancellationToken) -> Result<usize> {
        let (piece, rest) = self.pieces();
        if piece.is_empty()
            && let Some(source) = rest
        {
            match source.next(cancel) {
                Ok(Some(next)) => *piece = next,
                Ok(None) => *rest = None,
                Err(error) => return Err(error),
            }
        }
        let count = piece.len().min(buffer.len());
        let head = piece.split_to(count);
        if let Some(target) = buffer.get_mut(..count) {
            target.copy_from_slice(&head);
        }
        Ok(count)
    }

    /// Writes the rest of the body to a file, which appears under its name only when complete.
    /// Returns the number of bytes.
    ///
    /// # Errors
    /// HY000 naming the file; 08S01, HYT00 or HY008 when the rest of the body does not arrive.
    pub fn save(&mut self, path: &Path, cancel: &CancellationToken) -> Result<u64> {
        let problem = |error: std::io::Error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!("The file {} cannot be written: {error}.", path.display()),
            )
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".apilink-").suffix(".part");
        if let Some(permissions) = platform::usual_permissions() {
            builder.permissions(permissions);
        }
        let mut file = builder.tempfile_in(folder).map_err(problem)?;
        let mut written = 0;
        let (piece, rest) = self.pieces();
        loop {
            file.write_all(piece).map_err(problem)?;
            written += piece.len() as u64;
            *piece = Bytes::new();
            match rest {
                None => break,
                Some(source) => match source.next(cancel)? {
                    Some(next) => *piece = next,
                    None => *rest = None,
                },
            }
        }
        file.persist(path).map_err(|error| problem(error.error))?;
        Ok(written)
    }

    /// The body as JSON, read once.
    ///
    /// # Errors
    /// 22018 when it is not JSON; and as [`Response::body`].
    pub fn json(&mut self, cancel: &CancellationToken) -> Result<&Value> {
        if self.json.is_none() {
            let parsed = parse_json(self.body(cancel)?)?;
            self.json = Some(parsed);
        }
        // Always present here; written without a panic for the reader's peace of mind.
        Ok(self.json.get_or_insert(Value::Null))
    }

    /// Switches to reading in pieces, if that has not been done.
    fn pieces(&mut self) -> (&mut Bytes, &mut Option<Rest>) {
        if let Body::Whole { collected, rest } = &mut self.body {
            let piece = Bytes::from(std::mem::take(collected));
            let rest = rest.take();
            self.body = Body::Pieces { piece, rest };
        }
        match &mut self.body {
            Body::Pieces { piece, rest } => (piece, rest),
            Body::Whole { .. } => unreachable!("replaced above"),
        }
    }
}

fn collect(
    collected: &mut Vec<u8>,
    rest: &mut Option<Rest>,
    cancel: &CancellationToken,
) -> Result<()> {
    while let Some(source) = rest {
        match source.next(cancel)? {
            Some(piece) => {
                collected.try_reserve(piece.len()).map_err(|_| {
                    Diagnostic::new(
                        SqlState::OUT_OF_MEMORY,
                        "The body of the response does not fit into memory. Read it in pieces, or \
                         save it to a file.",
                    )
                })?;
                collected.extend_from_slice(&piece);
            }
            None => *rest = None,
        }
    }
    Ok(())
}

fn parse_json(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| {
        // serde_json's text can quote the body; its position cannot.
        Diagnostic::new(
            SqlState::INVALID_CAST,
            format!(
                "The body of the response is not JSON (it breaks off or goes wrong at line {}, \
                 column {}).",
                error.line(),
                error.column()
            ),
        )
    })
}
