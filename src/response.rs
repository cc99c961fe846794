//! Responses: status, headers, and the body in all its forms.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use apilink_abi::cancel::CancelScope;
use apilink_abi::code::Outcome;
use apilink_abi::diagnostics::Records;
use apilink_abi::output::{BytesOut, TextOut, ValueOut, count};
use apilink_core::http::{self, WholeBody};
use apilink_core::{Diagnostic, Result, SqlState};
use libc::c_void;
use once_cell::sync::OnceCell;
use serde_json::Value;

use crate::connection::Connection;
use crate::entry::Kind;
use crate::json;

/// How much is read at once, in bytes, however large the buffer of the program is.
const PIECE: usize = 64 << 10;

/// A response.
pub(crate) struct Response {
    connection: Arc<Connection>,
    /// Locked as long as a call runs; nobody waits for it.
    reply: Mutex<Reply>,
    /// The whole body, once it was asked for. Kept here, because the program has a pointer to it
    /// whatever becomes of the reply.
    whole: OnceCell<WholeBody>,
    scope: Arc<CancelScope>,
    records: Records,
}

struct Reply {
    reply: http::Response,
    /// Where pieces are put on their way to the program.
    piece: Vec<u8>,
}

impl Kind for Response {
    fn records(&self) -> &Records {
        &self.records
    }

    fn scope(&self) -> &CancelScope {
        &self.scope
    }
}

impl Response {
    /// A response to a request whose calls run in `scope`.
    pub(crate) fn new(
        connection: &Arc<Connection>,
        scope: &Arc<CancelScope>,
        reply: http::Response,
    ) -> Arc<Self> {
        Arc::new(Self {
            connection: Arc::clone(connection),
            reply: Mutex::new(Reply {
                reply,
                piece: Vec::new(),
            }),
            whole: OnceCell::new(),
            scope: CancelScope::within(scope),
            records: Records::default(),
        })
    }

    /// Whether it came over this connection.
    pub(crate) fn is_of(&self, connection: &Arc<Connection>) -> bool {
        Arc::ptr_eq(&self.connection, connection)
    }

    /// Runs a call with the reply of the core.
    pub(crate) fn with_reply<R>(
        &self,
        call: impl FnOnce(&mut http::Response) -> Result<R>,
    ) -> Result<R> {
        call(&mut self.lock()?.reply)
    }

    pub(crate) fn status(&self, status: ValueOut<i32>) -> Result<Outcome> {
        status.write(self.lock()?.reply.status().as_u16().into());
        Ok(Outcome::Done)
    }

    // ---- headers -------------------------------------------------------------------------------

    pub(crate) fn header(
        &self,
        name: &str,
        index: i32,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let index = position(index)?;
        let Some(value) = self.lock()?.reply.header(name, index) else {
            return Ok(Outcome::NoData);
        };
        text.put(&value, records);
        Ok(Outcome::Done)
    }

    pub(crate) fn header_count(&self, number: ValueOut<i32>) -> Result<Outcome> {
        let headers = self.lock()?.reply.headers().len();
        number.write(i32::try_from(headers).unwrap_or(i32::MAX));
        Ok(Outcome::Done)
    }

    pub(crate) fn header_at(
        &self,
        index: i32,
        name: TextOut,
        value: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let index = position(index)?;
        let reply = self.lock()?;
        let Some((found, content)) = reply.reply.headers().iter().nth(index) else {
            return Ok(Outcome::NoData);
        };
        name.put(found.as_str(), records);
        value.put(&String::from_utf8_lossy(content.as_bytes()), records);
        Ok(Outcome::Done)
    }

    pub(crate) fn content_type(
        &self,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        self.header("content-type", 0, text, records)
    }

    // ---- the body ------------------------------------------------------------------------------

    pub(crate) fn body(
        &self,
        data: ValueOut<*const c_void>,
        length: ValueOut<i64>,
    ) -> Result<Outcome> {
        let whole = match self.whole.get() {
            Some(whole) => whole,
            None => self.fetch_whole()?,
        };
        data.write(whole.with_nul().as_ptr().cast());
        length.write(count(whole.len()));
        Ok(Outcome::Done)
    }

    fn fetch_whole(&self) -> Result<&WholeBody> {
        let mut reply = self.lock()?;
        let whole = reply.reply.whole_body(&self.scope.token())?.clone();
        Ok(self.whole.get_or_init(|| whole))
    }

    pub(crate) fn read(&self, buffer: BytesOut, read: ValueOut<i64>) -> Result<Outcome> {
        let mut reply = self.lock()?;
        let Reply { reply, piece } = &mut *reply;
        piece.resize(buffer.capacity().min(PIECE), 0);
        let arrived = reply.read(piece, &self.scope.token())?;
        if arrived == 0 {
            return Ok(Outcome::NoData);
        }
        read.write(count(
            buffer.write(piece.get(..arrived).unwrap_or_default()),
        ));
        Ok(Outcome::Done)
    }

    pub(crate) fn save(&self, path: &str, written: ValueOut<i64>) -> Result<Outcome> {
        let bytes = self
            .lock()?
            .reply
            .save(Path::new(path), &self.scope.token())?;
        written.write(i64::try_from(bytes).unwrap_or(i64::MAX));
        Ok(Outcome::Done)
    }

    // ---- JSON ----------------------------------------------------------------------------------

    pub(crate) fn json_type(&self, pointer: &str, kind: ValueOut<i32>) -> Result<Outcome> {
        self.with_json(pointer, |value| {
            kind.write(json::kind(value));
            Ok(Outcome::Done)
        })
    }

    pub(crate) fn json_text(
        &self,
        pointer: &str,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        self.with_json_value(pointer, |value| {
            text.put(&json::text(value), records);
            Ok(())
        })
    }

    pub(crate) fn json_integer(&self, pointer: &str, place: ValueOut<i64>) -> Result<Outcome> {
        self.with_json_value(pointer, |value| {
            json::integer(value).map(|value| place.write(value))
        })
    }

    pub(crate) fn json_double(&self, pointer: &str, place: ValueOut<f64>) -> Result<Outcome> {
        self.with_json_value(pointer, |value| {
            json::double(value).map(|value| place.write(value))
        })
    }

    pub(crate) fn json_boolean(&self, pointer: &str, place: ValueOut<i32>) -> Result<Outcome> {
        self.with_json_value(pointer, |value| {
            json::boolean(value).map(|value| place.write(value.into()))
        })
    }

    pub(crate) fn json_length(&self, pointer: &str, place: ValueOut<i64>) -> Result<Outcome> {
        self.with_json_value(pointer, |value| {
            json::length(value).map(|value| place.write(count(value)))
        })
    }

    /// As [`Response::with_json`]; null is as good as nothing.
    fn with_json_value(
        &self,
        pointer: &str,
        call: impl FnOnce(&Value) -> Result<()>,
    ) -> Result<Outcome> {
        self.with_json(pointer, |value| match value {
            Value::Null => Ok(Outcome::NoData),
            value => call(value).map(|()| Outcome::Done),
        })
    }

    /// Runs a call with what a JSON Pointer leads to.
    fn with_json(
        &self,
        pointer: &str,
        call: impl FnOnce(&Value) -> Result<Outcome>,
    ) -> Result<Outcome> {
        let mut reply = self.lock()?;
        let document = reply.reply.json(&self.scope.token())?;
        json::find(document, pointer)?.map_or(Ok(Outcome::NoData), call)
    }

    /// Begins a call, unless one runs.
    fn lock(&self) -> Result<MutexGuard<'_, Reply>> {
        match self.reply.try_lock() {
            Ok(reply) => Ok(reply),
            // Status and headers never change, and a body that lost a piece does not come to its
            // end: it reports that the connection broke.
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Diagnostic::new(
                SqlState::SEQUENCE,
                "Another call runs on this response. Wait for it, or cancel it with \
                 apilink_request_cancel.",
            )),
        }
    }
}

/// A position counted from 0.
fn position(index: i32) -> Result<usize> {
    usize::try_from(index).map_err(|_| {
        Diagnostic::new(
            SqlState::INVALID_INDEX,
            format!("The index of a header is {index}; it must be 0 or more."),
        )
    })
}
