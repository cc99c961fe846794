//! What holds for every function: bad handles are answered, panics stay inside.

use std::collections::BTreeSet;
use std::ptr::{null, null_mut, without_provenance_mut};

use apilink::constants::*;
use apilink::exports::*;
use apilink_abi::boundary::{FaultPoint, arm, is_armed};
use libc::c_void;

use crate::header_text::functions;
use crate::world::{World, execute, new_connection, new_request, records};

/// What kind of handle a function takes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Connection,
    Request,
    Response,
    Any,
    None,
}

/// A function, called with a handle and otherwise good arguments.
struct Call {
    name: &'static str,
    kind: Kind,
    run: fn(&World, *mut c_void) -> i32,
}

macro_rules! calls {
    ($($kind:ident $name:ident |$world:pat_param, $handle:pat_param| ($($argument:expr),* $(,)?);)*) => {
        &[$(Call {
            name: stringify!($name),
            kind: Kind::$kind,
            #[allow(unused_unsafe, reason = "some functions are safe")]
            run: |$world, $handle| unsafe { $name($($argument),*) },
        }),*]
    };
}

const CALLS: &[Call] = calls! {
    Any apilink_diagnostic_count |_, h| (h, &mut 0);
    Any apilink_diagnostic_get |_, h| (h, 1, null_mut(), null_mut(), null_mut(), 0, null_mut());
    None apilink_connection_new |_, _| (&mut null_mut());
    Connection apilink_connection_free |_, h| (h.cast());
    Connection apilink_connection_set_timeout |_, h| (h.cast(), 5);
    Connection apilink_connection_set_login_timeout |_, h| (h.cast(), 5);
    Connection apilink_connection_set_log_callback |_, h| (h.cast(), 1, None, null_mut());
    Connection apilink_connection_set_authorize_callback |_, h| (h.cast(), None, null_mut());
    Connection apilink_connection_connect |w, h| (h.cast(), w.string.as_ptr(), -1);
    Connection apilink_connection_is_connected |_, h| (h.cast(), &mut 0);
    Connection apilink_connection_disconnect |_, h| (h.cast());
    Connection apilink_connection_cancel |_, h| (h.cast());
    Connection apilink_token_text |_, h| (h.cast(), null_mut(), 0, null_mut());
    Connection apilink_token_type |_, h| (h.cast(), null_mut(), 0, null_mut());
    Connection apilink_token_expiry |_, h| (h.cast(), &mut 0);
    Connection apilink_token_scope |_, h| (h.cast(), null_mut(), 0, null_mut());
    Connection apilink_token_refresh |_, h| (h.cast());
    Connection apilink_token_revoke |_, h| (h.cast());
    Connection apilink_authorization_url |w, h|
        (h.cast(), w.string.as_ptr(), -1, null(), 0, null_mut(), 0, null_mut());
    Connection apilink_authorization_state |_, h| (h.cast(), null_mut(), 0, null_mut());
    Connection apilink_authorization_pkce_verifier |_, h| (h.cast(), null_mut(), 0, null_mut());
    Connection apilink_authorization_exchange |w, h|
        (h.cast(), w.string.as_ptr(), -1, c"code".as_ptr(), -1);
    Connection apilink_request_new |_, h| (h.cast(), &mut null_mut());
    Request apilink_request_free |_, h| (h.cast());
    Request apilink_request_prepare |_, h| (h.cast(), c"GET".as_ptr(), -1, c"users".as_ptr(), -1);
    Request apilink_request_prepare_signed |_, h|
        (h.cast(), c"PUT".as_ptr(), -1, c"https://localhost/".as_ptr(), -1);
    Request apilink_request_add_query |_, h| (h.cast(), c"limit".as_ptr(), -1, c"1".as_ptr(), -1);
    Request apilink_request_add_header |_, h| (h.cast(), c"X-A".as_ptr(), -1, c"1".as_ptr(), -1);
    Request apilink_request_set_body |_, h| (h.cast(), c"{}".as_ptr().cast(), -1, null(), 0);
    Request apilink_request_set_body_file |_, h| (h.cast(), c"file".as_ptr(), -1, null(), 0);
    Request apilink_request_set_body_callback |_, h|
        (h.cast(), Some(no_body), null_mut(), -1, null(), 0);
    Request apilink_request_set_timeout |_, h| (h.cast(), 5);
    Request apilink_request_execute |_, h| (h.cast(), &mut null_mut());
    Request apilink_request_next_page |w, h| (h.cast(), w.response, &mut null_mut());
    Request apilink_request_cancel |_, h| (h.cast());
    Response apilink_response_free |_, h| (h.cast());
    Response apilink_response_status |_, h| (h.cast(), &mut 0);
    Response apilink_response_header |_, h|
        (h.cast(), c"ETag".as_ptr(), -1, 0, null_mut(), 0, null_mut());
    Response apilink_response_header_count |_, h| (h.cast(), &mut 0);
    Response apilink_response_header_at |_, h|
        (h.cast(), 0, null_mut(), 0, null_mut(), null_mut(), 0, null_mut());
    Response apilink_response_content_type |_, h| (h.cast(), null_mut(), 0, null_mut());
    Response apilink_response_body |_, h| (h.cast(), &mut null(), null_mut());
    Response apilink_response_read |_, h| (h.cast(), [0_u8; 9].as_mut_ptr().cast(), 9, &mut 0);
    Response apilink_response_save |w, h|
        (h.cast(), file_in(w).as_ptr(), -1, null_mut());
    Response apilink_response_json_type |_, h| (h.cast(), c"/data".as_ptr(), -1, &mut 0);
    Response apilink_response_json_text |_, h|
        (h.cast(), c"/data".as_ptr(), -1, null_mut(), 0, null_mut());
    Response apilink_response_json_integer |_, h|
        (h.cast(), c"/data/0/id".as_ptr(), -1, &mut 0);
    Response apilink_response_json_double |_, h|
        (h.cast(), c"/data/0/id".as_ptr(), -1, &mut 0.0);
    Response apilink_response_json_boolean |_, h| (h.cast(), c"/data".as_ptr(), -1, &mut 0);
    Response apilink_response_json_length |_, h| (h.cast(), c"/data".as_ptr(), -1, &mut 0);
};

/// They take nothing and return a constant, so there is nothing in them that could panic.
const CONSTANTS: [&str; 2] = ["apilink_version", "apilink_abi_version"];

unsafe extern "C" fn no_body(_: *mut c_void, _: *mut c_void, _: i64) -> i64 {
    0
}

fn file_in(world: &World) -> std::ffi::CString {
    let path = world.directory.path().join("saved");
    std::ffi::CString::new(path.to_str().unwrap()).unwrap()
}

/// A handle that is good for a call.
fn fresh(world: &World, kind: Kind) -> *mut c_void {
    match kind {
        Kind::None => null_mut(),
        Kind::Connection | Kind::Any => world.connected().cast(),
        Kind::Request => world.prepared("matters?limit=1").cast(),
        Kind::Response => execute(world.request).cast(),
    }
}

fn free(kind: Kind, handle: *mut c_void) -> i32 {
    match kind {
        Kind::None => APILINK_SUCCESS,
        Kind::Connection | Kind::Any => apilink_connection_free(handle.cast()),
        Kind::Request => apilink_request_free(handle.cast()),
        Kind::Response => apilink_response_free(handle.cast()),
    }
}

#[test]
fn the_table_has_every_function_of_the_header() {
    let functions = functions();
    let declared: BTreeSet<&str> = functions.iter().map(|f| f.name.as_str()).collect();
    let tabled: BTreeSet<&str> = CALLS
        .iter()
        .map(|call| call.name)
        .chain(CONSTANTS)
        .collect();
    assert_eq!(declared, tabled);
    assert_eq!(CALLS.len() + CONSTANTS.len(), functions.len());
}

#[test]
fn handles_that_are_none_are_answered_everywhere() {
    let world = World::start();
    let on_stack = 0_u64;
    let on_heap = Box::new(0_u64);
    let garbage = [
        without_provenance_mut(1),
        without_provenance_mut(0xdead_beef),
        without_provenance_mut(usize::MAX),
        without_provenance_mut(1 << (usize::BITS / 2)),
        (&raw const on_stack).cast_mut().cast(),
        (&raw const *on_heap).cast_mut().cast(),
    ];
    for call in CALLS.iter().filter(|call| call.kind != Kind::None) {
        let freed = fresh(&world, call.kind);
        assert_eq!(free(call.kind, freed), APILINK_SUCCESS);
        let foreign = [
            (Kind::Connection, world.connection.cast()),
            (Kind::Request, world.request.cast()),
            (Kind::Response, world.response.cast::<c_void>()),
        ]
        .into_iter()
        .filter(|(kind, _)| *kind != call.kind && call.kind != Kind::Any)
        .map(|(_, handle)| handle);
        for handle in garbage.into_iter().chain(foreign).chain([freed]) {
            let code = (call.run)(&world, handle);
            assert_eq!(code, APILINK_INVALID_HANDLE, "{} of {handle:p}", call.name);
        }
        // As free does in C.
        let of_null = if call.name.ends_with("_free") {
            APILINK_SUCCESS
        } else {
            APILINK_INVALID_HANDLE
        };
        assert_eq!(
            (call.run)(&world, null_mut()),
            of_null,
            "{} of NULL",
            call.name
        );
    }
}

#[test]
fn a_second_handle_that_is_none_is_answered_too() {
    let world = World::start();
    let mut next = null_mut();
    let freed = execute(world.request);
    apilink_response_free(freed);
    for response in [
        null_mut(),
        freed,
        world.request.cast(),
        without_provenance_mut(usize::MAX),
    ] {
        let code = unsafe { apilink_request_next_page(world.request, response, &raw mut next) };
        assert_eq!(code, APILINK_INVALID_HANDLE);
        assert!(next.is_null() && records(world.request).is_empty());
    }
}

#[test]
fn a_panic_anywhere_in_a_call_is_an_error_and_the_next_call_works() {
    let world = World::start();
    for call in CALLS {
        let name = call.name;
        let handle = fresh(&world, call.kind);
        for point in [FaultPoint::Entry, FaultPoint::Registry, FaultPoint::Call] {
            arm(point);
            assert_eq!(
                (call.run)(&world, handle),
                APILINK_ERROR,
                "{name} with {point:?}"
            );
            assert!(!is_armed(), "{name} does not pass {point:?}");
            let keeps_records = name.starts_with("apilink_diagnostic")
                || ["_new", "_free", "_cancel"]
                    .iter()
                    .any(|end| name.ends_with(end));
            if point == FaultPoint::Call && !keeps_records {
                let records = records(handle);
                assert_eq!(records.len(), 1, "{name}");
                assert_eq!(records[0].sqlstate, "HY000", "{name}");
                assert!(records[0].message.contains("internal error"), "{name}");
            }
        }
        let code = (call.run)(&world, handle);
        assert_ne!(code, APILINK_INVALID_HANDLE, "{name} lost its handle");
        if call.kind != Kind::None && !name.ends_with("_free") {
            let internal = |record: &crate::world::Record| record.message.contains("internal");
            assert!(
                name.ends_with("_cancel") || !records(handle).iter().any(internal),
                "{name}"
            );
            assert_eq!(free(call.kind, handle), APILINK_SUCCESS, "{name}");
        }
    }
    // The world still turns.
    apilink_response_free(execute(world.request));
}

/// A function, called without a place that it needs.
struct MissingPlace {
    name: &'static str,
    parameter: &'static str,
    run: fn(&World) -> i32,
}

macro_rules! missing {
    ($($name:ident $parameter:ident |$world:pat_param| ($($argument:expr),* $(,)?);)*) => {
        &[$(MissingPlace {
            name: stringify!($name),
            parameter: stringify!($parameter),
            run: |$world| unsafe { $name($($argument),*) },
        }),*]
    };
}

const ID: *const libc::c_char = c"/data/0/id".as_ptr();

const MISSING: &[MissingPlace] = missing! {
    apilink_diagnostic_count count |w| (w.connection.cast(), null_mut());
    apilink_connection_new connection |_| (null_mut());
    apilink_connection_is_connected connected |w| (w.connection, null_mut());
    apilink_token_expiry unix_seconds |w| (w.connection, null_mut());
    apilink_request_new request |w| (w.connection, null_mut());
    apilink_request_set_body data |w| (w.request, null(), 1, null(), 0);
    apilink_request_set_body_callback callback |w| (w.request, None, null_mut(), -1, null(), 0);
    apilink_request_execute response |w| (w.request, null_mut());
    apilink_request_next_page next |w| (w.request, w.response, null_mut());
    apilink_response_status status |w| (w.response, null_mut());
    apilink_response_header_count count |w| (w.response, null_mut());
    apilink_response_body data |w| (w.response, null_mut(), null_mut());
    apilink_response_read buffer |w| (w.response, null_mut(), 1, &mut 0);
    apilink_response_read read |w| (w.response, [0_u8; 1].as_mut_ptr().cast(), 1, null_mut());
    apilink_response_json_type kind |w| (w.response, ID, -1, null_mut());
    apilink_response_json_integer value |w| (w.response, ID, -1, null_mut());
    apilink_response_json_double value |w| (w.response, ID, -1, null_mut());
    apilink_response_json_boolean value |w| (w.response, ID, -1, null_mut());
    apilink_response_json_length value |w| (w.response, ID, -1, null_mut());
};

#[test]
fn places_that_are_needed_are_named_when_they_are_null() {
    let world = World::start();
    for MissingPlace {
        name,
        parameter,
        run,
    } in MISSING
    {
        assert_eq!(run(&world), APILINK_ERROR, "{name}");
        if matches!(*name, "apilink_diagnostic_count" | "apilink_connection_new") {
            continue;
        }
        let handle: *const c_void = match name.split('_').nth(1) {
            Some("response") => world.response.cast(),
            Some("request") if *name != "apilink_request_new" => world.request.cast(),
            _ => world.connection.cast(),
        };
        let record = &records(handle)[0];
        assert_eq!(record.sqlstate, "HY009", "{name}: {record:?}");
        assert!(record.message.contains(parameter), "{name}: {record:?}");
    }
    let executed = world
        .sandbox
        .counters()
        .requests("GET /api/v4/matters.json");
    assert_eq!(
        executed, 1,
        "a request without a place for its response must not be sent"
    );
    // A call that could not be made takes nothing away: the response is unread.
    assert!(!crate::world::body(world.response).is_empty());
}

#[test]
fn every_place_of_the_header_is_needed_here_or_may_be_null_there() {
    let of_values = [
        "int32_t *",
        "int64_t *",
        "double *",
        "const void **",
        "apilink_connection **",
        "apilink_request **",
        "apilink_response **",
    ];
    for function in functions() {
        for parameter in of_values.iter().flat_map(|kind| function.of_type(kind)) {
            let is_needed = MISSING
                .iter()
                .any(|place| place.name == function.name && place.parameter == parameter);
            let (_, text) = function
                .comment
                .split_once(&format!("@param {parameter} "))
                .unwrap();
            let text = text.split('@').next().unwrap();
            let words: Vec<&str> = text.split_whitespace().collect();
            let may_be_null = words
                .windows(2)
                .any(|pair| pair[0] == "or" && pair[1].starts_with("NULL"));
            assert_ne!(is_needed, may_be_null, "{} {parameter}", function.name);
        }
    }
}

#[test]
fn handles_are_freed_in_any_order() {
    let world = World::start();
    let connection = world.connected();
    let request = new_request(connection);
    crate::world::prepare(request, "GET", "users/who_am_i");
    let response = execute(request);
    assert_eq!(apilink_connection_free(connection), APILINK_SUCCESS);
    assert_eq!(apilink_connection_free(connection), APILINK_INVALID_HANDLE);
    assert_eq!(crate::world::fail(request), "08003");
    assert!(crate::world::json_text(response, "/data/id").is_some());
    assert_eq!(apilink_request_free(request), APILINK_SUCCESS);
    assert!(!crate::world::body(response).is_empty());
    assert_eq!(apilink_response_free(response), APILINK_SUCCESS);
    let unused = new_connection();
    assert_eq!(apilink_connection_free(unused), APILINK_SUCCESS);
}
