//! Requests: saying what to send, and sending it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use apilink_abi::cancel::CancelScope;
use apilink_abi::code::Outcome;
use apilink_abi::diagnostics::Records;
use apilink_abi::input::Bytes;
use apilink_abi::output::ValueOut;
use apilink_core::http::{self, RequestBody, Target};
use apilink_core::{Diagnostic, Result, SqlState};
use libc::c_void;

use crate::callbacks::{BodyCallback, apilink_read_callback};
use crate::connection::{Connection, time_limit};
use crate::entry::{Kind, find, issue};
use crate::handles::apilink_response;
use crate::response::Response;

/// A request, which runs one call at a time.
pub(crate) struct Request {
    connection: Arc<Connection>,
    /// Locked as long as a call runs; nobody waits for it.
    prepared: Mutex<Option<Prepared>>,
    scope: Arc<CancelScope>,
    records: Records,
}

/// What to send.
struct Prepared {
    request: http::Request,
    body: Body,
}

enum Body {
    Empty,
    Bytes(Bytes),
    File(PathBuf),
    Callback {
        callback: BodyCallback,
        total: Option<u64>,
    },
}

impl Kind for Request {
    fn records(&self) -> &Records {
        &self.records
    }

    fn scope(&self) -> &CancelScope {
        &self.scope
    }
}

impl Request {
    pub(crate) fn new(connection: &Arc<Connection>) -> Arc<Self> {
        Arc::new(Self {
            connection: Arc::clone(connection),
            prepared: Mutex::default(),
            scope: CancelScope::within(connection.cancel_scope()),
            records: Records::default(),
        })
    }

    pub(crate) fn prepare(&self, method: &str, url: &str) -> Result<Outcome> {
        self.prepare_for(method, Target::Api(url.to_owned()))
    }

    pub(crate) fn prepare_signed(&self, method: &str, url: &str) -> Result<Outcome> {
        self.prepare_for(method, Target::Signed(url.to_owned()))
    }

    /// Forgets what was prepared, so that a preparation that fails leaves nothing to be sent.
    pub(crate) fn unprepare(&self) -> Result<()> {
        *self.lock()? = None;
        Ok(())
    }

    fn prepare_for(&self, method: &str, target: Target) -> Result<Outcome> {
        let mut prepared = self.lock()?;
        let request = http::Request::new(method, target)?;
        *prepared = Some(Prepared {
            request,
            body: Body::Empty,
        });
        Ok(Outcome::Done)
    }

    pub(crate) fn add_query(&self, name: &str, value: &str) -> Result<Outcome> {
        self.change(|prepared| {
            prepared.request.add_query(name, value);
            Ok(())
        })
    }

    pub(crate) fn add_header(&self, name: &str, value: &str) -> Result<Outcome> {
        self.change(|prepared| {
            // A message has one content type at most (RFC 9110 section 8.3).
            if name.eq_ignore_ascii_case(CONTENT_TYPE) {
                prepared.request.set_content_type(value)
            } else {
                prepared.request.add_header(name, value)
            }
        })
    }

    pub(crate) fn set_body(&self, data: Bytes, content_type: Option<&str>) -> Result<Outcome> {
        self.set_any_body(Body::Bytes(data), content_type, "application/json")
    }

    pub(crate) fn set_body_file(&self, path: &str, content_type: Option<&str>) -> Result<Outcome> {
        self.set_any_body(Body::File(path.into()), content_type, OCTETS)
    }

    pub(crate) fn set_body_callback(
        &self,
        callback: apilink_read_callback,
        user_data: *mut c_void,
        total: i64,
        content_type: Option<&str>,
    ) -> Result<Outcome> {
        let callback = BodyCallback::new(callback, user_data).ok_or_else(|| {
            Diagnostic::new(SqlState::NULL_POINTER, "The argument callback is NULL.")
        })?;
        let total = match total {
            -1 => None,
            _ => Some(u64::try_from(total).map_err(|_| {
                Diagnostic::new(
                    SqlState::INVALID_LENGTH,
                    format!("The argument total is {total}. Give a number of bytes, or -1."),
                )
            })?),
        };
        self.set_any_body(Body::Callback { callback, total }, content_type, OCTETS)
    }

    fn set_any_body(
        &self,
        body: Body,
        content_type: Option<&str>,
        default: &str,
    ) -> Result<Outcome> {
        self.change(|prepared| {
            match content_type {
                Some(content_type) => prepared.request.set_content_type(content_type)?,
                None if prepared.request.headers().contains_key(CONTENT_TYPE) => {}
                None => prepared.request.set_content_type(default)?,
            }
            prepared.body = body;
            Ok(())
        })
    }

    pub(crate) fn set_timeout(&self, seconds: i64) -> Result<Outcome> {
        let timeout = time_limit(seconds)?;
        self.change(|prepared| {
            prepared.request.set_timeout(timeout);
            Ok(())
        })
    }

    fn change(&self, change: impl FnOnce(&mut Prepared) -> Result<()>) -> Result<Outcome> {
        change(self.lock()?.as_mut().ok_or_else(not_prepared)?)?;
        Ok(Outcome::Done)
    }

    pub(crate) fn execute(
        &self,
        response: ValueOut<*mut apilink_response>,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let mut prepared = self.lock()?;
        let Prepared { request, body } = prepared.as_mut().ok_or_else(not_prepared)?;
        let (session, cancel) = self.connection.session(&self.scope)?;
        let body = match body {
            Body::Empty => RequestBody::Empty,
            Body::Bytes(bytes) => RequestBody::Bytes(bytes.clone()),
            Body::File(path) => RequestBody::File(path),
            Body::Callback { callback, total } => RequestBody::Reader {
                reader: callback,
                length: *total,
            },
        };
        let reply = session.execute(request, body, &cancel, records)?;
        response.write(issue(Response::new(&self.connection, &self.scope, reply))?);
        Ok(Outcome::Done)
    }

    pub(crate) fn next_page(
        &self,
        response: *mut apilink_response,
        next: ValueOut<*mut apilink_response>,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let Some(page) = find(response) else {
            return Ok(Outcome::InvalidHandle);
        };
        let prepared = self.lock()?;
        if !page.is_of(&self.connection) {
            return Err(Diagnostic::invalid_value(
                "The response is of another connection than the request. Use a request of the \
                 connection that fetched the page.",
            ));
        }
        let timeout = prepared
            .as_ref()
            .and_then(|prepared| prepared.request.timeout());
        let (session, cancel) = self.connection.session(&self.scope)?;
        let reply = page.with_reply(|page| session.next_page(page, timeout, &cancel, records))?;
        match reply {
            Some(reply) => {
                next.write(issue(Response::new(&self.connection, &self.scope, reply))?);
                Ok(Outcome::Done)
            }
            None => Ok(Outcome::NoData),
        }
    }

    /// Begins a call, unless one runs.
    fn lock(&self) -> Result<MutexGuard<'_, Option<Prepared>>> {
        match self.prepared.try_lock() {
            Ok(prepared) => Ok(prepared),
            // What is prepared is complete after every step, so a panic has not spoiled it.
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Diagnostic::new(
                SqlState::SEQUENCE,
                "Another call runs on this request. Wait for it, cancel it, or use a request for \
                 each thread.",
            )),
        }
    }
}

const CONTENT_TYPE: &str = "content-type";
const OCTETS: &str = "application/octet-stream";

fn not_prepared() -> Diagnostic {
    Diagnostic::new(
        SqlState::SEQUENCE,
        "The request has not been prepared. Prepare it first.",
    )
}
