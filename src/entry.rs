//! How every exported function runs: within the panic boundary, on an object that its handle
//! names, with records that replace those of the call before.

use std::sync::Arc;

use apilink_abi::boundary::{FaultPoint, catch, pass};
use apilink_abi::cancel::CancelScope;
use apilink_abi::code::{self, Outcome};
use apilink_abi::diagnostics::Records;
use apilink_abi::output::ValueOut;
use apilink_abi::registry::Registry;
use apilink_core::process::PerProcess;
use apilink_core::{Diagnostic, Result, SqlState};
use libc::c_void;

use crate::connection::Connection;
use crate::handles::{apilink_connection, apilink_request, apilink_response};
use crate::request::Request;
use crate::response::Response;

/// The handles of this process. A forked child has none, and does not touch those it inherited.
static HANDLES: PerProcess<Registry<Object>> = PerProcess::new(Registry::new);

/// What a handle stands for.
#[derive(Clone)]
pub(crate) enum Object {
    Connection(Arc<Connection>),
    Request(Arc<Request>),
    Response(Arc<Response>),
}

impl Object {
    pub(crate) fn records(&self) -> &Records {
        match self {
            Self::Connection(connection) => connection.records(),
            Self::Request(request) => request.records(),
            Self::Response(response) => response.records(),
        }
    }
}

/// What all kinds of objects have.
pub(crate) trait Kind {
    /// The records of the last call.
    fn records(&self) -> &Records;

    /// The calls that run on it.
    fn scope(&self) -> &CancelScope;

    /// Ends its use, because its handle is freed. Calls that run end soon; nothing is waited for.
    fn close(&self) {
        self.scope().cancel();
    }
}

/// The type that a handle has in C.
pub(crate) trait Handle: Sized {
    /// What the handle stands for.
    type Object: Kind;

    /// Makes an object of any kind of one of this kind.
    fn wrap(object: Arc<Self::Object>) -> Object;

    /// The object, if it is one of this kind.
    fn unwrap(object: &Object) -> Option<&Arc<Self::Object>>;
}

macro_rules! handle {
    ($handle:ty, $kind:ident) => {
        impl Handle for $handle {
            type Object = $kind;

            fn wrap(object: Arc<$kind>) -> Object {
                Object::$kind(object)
            }

            fn unwrap(object: &Object) -> Option<&Arc<$kind>> {
                match object {
                    Object::$kind(object) => Some(object),
                    _ => None,
                }
            }
        }
    };
}

handle!(apilink_connection, Connection);
handle!(apilink_request, Request);
handle!(apilink_response, Response);

/// Makes a handle for an object.
pub(crate) fn issue<H: Handle>(object: Arc<H::Object>) -> Result<*mut H> {
    let token = HANDLES.with(|handles| handles.insert(H::wrap(object)))?;
    Ok(std::ptr::without_provenance_mut(token))
}

/// The object that a handle stands for.
pub(crate) fn find<H: Handle>(handle: *const H) -> Option<Arc<H::Object>> {
    H::unwrap(&find_any(handle.addr())?).cloned()
}

fn find_any(token: usize) -> Option<Object> {
    // Not even the registry is made for a null handle.
    if token == 0 {
        None
    } else {
        HANDLES.with(|handles| handles.get(token))
    }
}

/// Runs a call on the object of a handle.
pub(crate) fn on<H: Handle>(
    handle: *mut H,
    call: impl FnOnce(&Arc<H::Object>, &mut Vec<Diagnostic>) -> Result<Outcome>,
) -> i32 {
    bounded(|| {
        let Some(object) = find(handle) else {
            return code::INVALID_HANDLE;
        };
        let mut records = Vec::new();
        let result = catch(|| {
            pass(FaultPoint::Call);
            call(&object, &mut records)
        });
        object
            .records()
            .finish(result.unwrap_or_else(|| Err(internal_error())), records)
    })
}

/// Runs a call on an object of any kind that leaves its records alone.
pub(crate) fn on_any(handle: *const c_void, call: impl FnOnce(&Object) -> Result<i32>) -> i32 {
    bounded(|| {
        let Some(object) = find_any(handle.addr()) else {
            return code::INVALID_HANDLE;
        };
        pass(FaultPoint::Call);
        call(&object).unwrap_or(code::ERROR)
    })
}

/// Makes a connection and its handle.
pub(crate) fn new_connection(
    place: impl FnOnce() -> Result<ValueOut<*mut apilink_connection>>,
) -> i32 {
    bounded(|| {
        pass(FaultPoint::Call);
        let made = place().and_then(|place| {
            place.write(issue(Connection::new())?);
            Ok(code::SUCCESS)
        });
        // There is no handle yet that could keep the record.
        made.unwrap_or(code::ERROR)
    })
}

/// Ends a handle. Null is ignored.
pub(crate) fn free<H: Handle>(handle: *mut H) -> i32 {
    bounded(|| {
        pass(FaultPoint::Call);
        if handle.is_null() {
            return code::SUCCESS;
        }
        let removed = HANDLES
            .with(|handles| handles.remove(handle.addr(), |object| H::unwrap(object).is_some()));
        match removed.as_ref().and_then(H::unwrap) {
            Some(object) => {
                object.close();
                code::SUCCESS
            }
            None => code::INVALID_HANDLE,
        }
    })
}

/// Cancels what runs on an object now.
pub(crate) fn cancel<H: Handle>(handle: *mut H) -> i32 {
    bounded(|| {
        let Some(object) = find(handle) else {
            return code::INVALID_HANDLE;
        };
        pass(FaultPoint::Call);
        object.scope().cancel();
        code::SUCCESS
    })
}

/// The panic boundary around a whole call.
fn bounded(call: impl FnOnce() -> i32) -> i32 {
    catch(|| {
        pass(FaultPoint::Entry);
        call()
    })
    .unwrap_or(code::ERROR)
}

fn internal_error() -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        "An internal error: apilink has a bug here. The call was given up; the handle can be used \
         further. Please report it, with the message on the standard error output.",
    )
}
