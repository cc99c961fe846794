//! A reply, and the ways to read its body.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;
use url::Url;

use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::http::trail::Trail;
use crate::http::wire::Wire;
use crate::io;
use crate::platform;

/// A reply. Its body is in memory if it is small or JSON, and arrives while it is read otherwise.
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Body,
    json: Option<Value>,
    /// The request that it answers, for the request of the next page.
    asked: Asked,
    /// What the rate limit had to do with it.
    limit: LimitSeen,
    /// What it came over.
    wire: Wire,
}

/// What a call saw of the rate limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LimitSeen {
    /// How long the call waited because the rate limit was used up.
    pub(crate) waited: Duration,
    /// How many requests the service last said are left in the current window.
    pub(crate) calls_left: Option<u64>,
}

/// What a reply answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) headers: HeaderMap,
    /// The request, and those that led there where it is a next page.
    pub(crate) trail: Trail,
}

/// How far the body is.
enum Body {
    /// Not touched, or being collected: `collected` is what has arrived so far.
    Arriving {
        collected: Vec<u8>,
        rest: Option<Rest>,
    },
    /// All of it.
    Whole(WholeBody),
    /// Being read in pieces: `piece` is what has arrived and was not handed out yet.
    Pieces { piece: Bytes, rest: Option<Rest> },
    /// A part of it went into a file that was given up.
    Lost,
}

/// A whole body, shared and not copied. A zero byte that is not part of it follows it in memory, for
/// programs in C.
#[derive(Clone)]
pub struct WholeBody(Bytes);

impl WholeBody {
    /// Takes `body`, unless there is no memory for one byte more.
    fn take(body: &mut Vec<u8>) -> Result<Self> {
        body.try_reserve_exact(1).map_err(|_| too_large())?;
        body.push(0);
        Ok(Self(Bytes::from(std::mem::take(body))))
    }

    /// The body with the zero byte behind it. It stays where it is in memory as long as this value
    /// or a clone of it lives.
    #[must_use]
    pub fn with_nul(&self) -> &[u8] {
        &self.0
    }

    fn len(&self) -> usize {
        self.0.len().saturating_sub(1)
    }
}

impl std::ops::Deref for WholeBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.get(..self.len()).unwrap_or_default()
    }
}

/// The part of a body that is still to arrive. Dropping it closes the connection.
pub(crate) struct Rest {
    arriving: mpsc::Receiver<Arrival>,
    /// Why it broke off, if it did.
    failure: Option<Diagnostic>,
    /// Ends the task that fills the channel.
    _guard: DropGuard,
    /// Keeps that task going between calls.
    _needs: io::Dependent,
}

/// What comes through the channel of a [`Rest`].
pub(crate) enum Arrival {
    Piece(Bytes),
    /// The body is complete.
    End,
    /// It broke off, and stays broken.
    Failure(Diagnostic),
}

impl Rest {
    pub(crate) fn new(
        arriving: mpsc::Receiver<Arrival>,
        guard: DropGuard,
        needs: io::Dependent,
    ) -> Self {
        Self {
            arriving,
            failure: None,
            _guard: guard,
            _needs: needs,
        }
    }

    /// The next piece; `None` at the end. A body that broke off stays broken; one whose reading was
    /// cancelled can be read on.
    fn next(&mut self, cancel: &CancellationToken) -> Result<Option<Bytes>> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        // A reader that is slower than the wire never comes to wait.
        if cancel.is_cancelled() {
            return Err(Diagnostic::cancelled());
        }
        let arriving = &mut self.arriving;
        let arrival = match arriving.try_recv() {
            Ok(arrival) => Some(arrival),
            Err(_) => io::wait_for(cancel, async { Ok(arriving.recv().await) })?,
        };
        let failure = match arrival {
            Some(Arrival::Piece(piece)) => return Ok(Some(piece)),
            Some(Arrival::End) => return Ok(None),
            Some(Arrival::Failure(failure)) => failure,
            None => Diagnostic::new(
                SqlState::LINK_FAILURE,
                "The body of the response broke off. This is a bug in apilink; please report it.",
            ),
        };
        self.failure = Some(failure.clone());
        Err(failure)
    }
}

impl Response {
    pub(crate) fn new(
        status: StatusCode,
        headers: HeaderMap,
        url: Url,
        collected: Vec<u8>,
        rest: Option<Rest>,
        wire: Wire,
    ) -> Self {
        Self {
            status,
            headers,
            url,
            body: Body::Arriving { collected, rest },
            json: None,
            asked: Asked::default(),
            limit: LimitSeen::default(),
            wire,
        }
    }

    /// Keeps what it answers, and what the call saw of the rate limit.
    pub(crate) fn answering(self, asked: Asked, limit: LimitSeen) -> Self {
        Self {
            asked,
            limit,
            ..self
        }
    }

    /// The connection that it came over.
    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// What it answers.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The HTTP status. Where the service sent an error with a status of success, the one that the
    /// error has by the profile.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Takes the reply as one with another status.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
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

    /// How long the call waited for the service's rate limit, over all of its attempts. Zero: not
    /// at all.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.limit.waited
    }

    /// How many more requests the service said it takes in the current window of its rate limit,
    /// by the last of its replies to the call (the header that the profile names:
    /// `X-RateLimit-Remaining` for Clio). `None`: it did not say.
    #[must_use]
    pub fn calls_left(&self) -> Option<u64> {
        self.limit.calls_left
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
        self.whole_body(cancel).map(|body| &**body)
    }

    /// The whole body, to be kept apart from the reply.
    ///
    /// # Errors
    /// As [`Response::body`].
    pub fn whole_body(&mut self, cancel: &CancellationToken) -> Result<&WholeBody> {
        if let Body::Arriving { collected, rest } = &mut self.body {
            collect(collected, rest, cancel)?;
            self.body = Body::Whole(WholeBody::take(collected)?);
        }
        match &self.body {
            Body::Whole(body) => Ok(body),
            Body::Pieces { .. } => Err(Diagnostic::new(
                SqlState::SEQUENCE,
                "The body of the response has been read in pieces already and is not kept. \
                 Execute the request again to have it as a whole.",
            )),
            Body::Arriving { .. } | Body::Lost => Err(lost()),
        }
    }

    /// Reads the next bytes into `buffer`; 0 at the end (or when the buffer is empty).
    ///
    /// # Errors
    /// 08S01, HYT00 or HY008 when the rest of the body does not arrive.
    pub fn read(&mut self, buffer: &mut [u8], cancel: &CancellationToken) -> Result<usize> {
        let (piece, rest) = self.pieces()?;
        // A piece can be empty, which is not the end.
        while piece.is_empty()
            && let Some(source) = rest
        {
            match source.next(cancel)? {
                Some(next) => *piece = next,
                None => *rest = None,
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
    /// HY000 naming the file; 08S01, HYT00 or HY008 when the rest of the body does not arrive. What
    /// had arrived is lost then, and the body cannot be read any more (HY010).
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
        let (piece, rest) = self.pieces()?;
        let written = write_rest(&mut file, piece, rest, cancel, &problem).and_then(|written| {
            file.persist(path).map_err(|error| problem(error.error))?;
            Ok(written)
        });
        if written.is_err() {
            self.body = Body::Lost;
        }
        written
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

    /// The body as JSON, if all of it is at hand: nothing is waited for.
    pub(crate) fn json_at_hand(&self) -> Option<Value> {
        parse_json(self.body_at_hand()?).ok()
    }

    /// The body, if all of it is at hand.
    pub(crate) fn body_at_hand(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Arriving {
                collected,
                rest: None,
            } => Some(collected),
            Body::Whole(body) => Some(body),
            _ => None,
        }
    }

    /// The whole body, unless it is longer than `limit`.
    ///
    /// # Errors
    /// As [`Response::body`].
    pub(crate) fn body_up_to(
        &mut self,
        limit: usize,
        cancel: &CancellationToken,
    ) -> Result<Option<Vec<u8>>> {
        let (piece, rest) = self.pieces()?;
        let mut body = Vec::new();
        loop {
            body.extend_from_slice(&std::mem::take(piece));
            if body.len() > limit {
                return Ok(None);
            }
            let Some(source) = rest else {
                return Ok(Some(body));
            };
            match source.next(cancel)? {
                Some(next) => *piece = next,
                None => *rest = None,
            }
        }
    }

    /// Switches to reading in pieces, if that has not been done.
    fn pieces(&mut self) -> Result<(&mut Bytes, &mut Option<Rest>)> {
        let begun = match &mut self.body {
            Body::Arriving { collected, rest } => {
                Some((Bytes::from(std::mem::take(collected)), rest.take()))
            }
            Body::Whole(body) => Some((body.0.slice(..body.len()), None)),
            Body::Pieces { .. } | Body::Lost => None,
        };
        if let Some((piece, rest)) = begun {
            self.body = Body::Pieces { piece, rest };
        }
        match &mut self.body {
            Body::Pieces { piece, rest } => Ok((piece, rest)),
            Body::Arriving { .. } | Body::Whole(_) | Body::Lost => Err(lost()),
        }
    }
}

fn lost() -> Diagnostic {
    Diagnostic::new(
        SqlState::SEQUENCE,
        "A part of the body of the response went into a file that could not be completed. Execute \
         the request again.",
    )
}

fn too_large() -> Diagnostic {
    Diagnostic::new(
        SqlState::OUT_OF_MEMORY,
        "The body of the response does not fit into memory. Read it in pieces, or save it to a \
         file.",
    )
}

fn write_rest(
    file: &mut impl Write,
    piece: &mut Bytes,
    rest: &mut Option<Rest>,
    cancel: &CancellationToken,
    problem: &impl Fn(std::io::Error) -> Diagnostic,
) -> Result<u64> {
    let mut written = 0;
    loop {
        file.write_all(piece).map_err(problem)?;
        written += piece.len() as u64;
        *piece = Bytes::new();
        let Some(source) = rest else {
            return Ok(written);
        };
        match source.next(cancel)? {
            Some(next) => *piece = next,
            None => *rest = None,
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
                collected
                    .try_reserve(piece.len())
                    .map_err(|_| too_large())?;
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
