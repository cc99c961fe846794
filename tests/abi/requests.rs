//! Requests through the C interface: what is sent, and what is refused before.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::ptr::{null, null_mut};

use apilink::constants::*;
use apilink::exports::*;
use libc::c_void;

use crate::world::{
    World, connect, execute, fail, first_state, json_text, new_connection, new_request, prepare,
    records, size,
};

/// Bytes that a callback delivers a few at a time.
struct Source {
    bytes: std::io::Cursor<Vec<u8>>,
    calls: u32,
    thread: std::thread::ThreadId,
}

unsafe extern "C" fn deliver(user_data: *mut c_void, buffer: *mut c_void, capacity: i64) -> i64 {
    let source = unsafe { &mut *user_data.cast::<Source>() };
    assert_eq!(source.thread, std::thread::current().id());
    assert!(capacity >= 1);
    source.calls += 1;
    let mut piece = [0; 5];
    let room = usize::try_from(capacity).unwrap().min(piece.len());
    let count = source.bytes.read(&mut piece[..room]).unwrap();
    unsafe { std::ptr::copy_nonoverlapping(piece.as_ptr(), buffer.cast(), count) };
    i64::try_from(count).unwrap()
}

unsafe extern "C" fn give_up(_: *mut c_void, _: *mut c_void, _: i64) -> i64 {
    -1
}

/// The id of what was created.
fn created(request: *mut apilink::handles::apilink_request) -> String {
    let response = execute(request);
    let mut status = 0;
    unsafe { apilink_response_status(response, &raw mut status) };
    assert_eq!(status, 201);
    let id = json_text(response, "/data/id").unwrap();
    apilink_response_free(response);
    id
}

#[test]
fn bodies_come_from_memory_from_a_file_and_from_a_callback() {
    let world = World::start();
    let json = r#"{"data":{"type":"Company","name":"Añoranza & Söhne"}}"#;
    let request = world.prepared("contacts");
    let mut ids = BTreeSet::new();

    prepare(request, "POST", "contacts?fields=id,name");
    let code =
        unsafe { apilink_request_set_body(request, json.as_ptr().cast(), size(json), null(), 0) };
    assert_eq!(code, APILINK_SUCCESS);
    ids.insert(created(request));
    // A request can be executed again.
    ids.insert(created(request));

    let path = world.directory.path().join("body.json");
    std::fs::write(&path, json).unwrap();
    let text = path.to_str().unwrap();
    prepare(request, "POST", "contacts");
    let code = unsafe {
        let (path, size) = (text.as_ptr().cast(), size(text));
        apilink_request_set_body_file(request, path, size, c"application/json".as_ptr(), -1)
    };
    assert_eq!(code, APILINK_SUCCESS);
    ids.insert(created(request));

    for total in [size(json), -1] {
        let mut source = Source {
            bytes: std::io::Cursor::new(json.into()),
            calls: 0,
            thread: std::thread::current().id(),
        };
        prepare(request, "POST", "contacts");
        let code = unsafe {
            let user_data = (&raw mut source).cast();
            let content_type = c"application/json".as_ptr();
            apilink_request_set_body_callback(
                request,
                Some(deliver),
                user_data,
                total,
                content_type,
                -1,
            )
        };
        assert_eq!(code, APILINK_SUCCESS);
        ids.insert(created(request));
        assert!(source.calls > 1);
    }
    assert_eq!(ids.len(), 5);
    assert_eq!(
        world.sandbox.counters().unknown_requests,
        Vec::<String>::new()
    );
    apilink_request_free(request);
}

#[test]
fn a_body_that_cannot_be_had_is_an_error_and_the_request_stays_usable() {
    let world = World::start();
    let request = world.prepared("contacts");
    prepare(request, "POST", "contacts");
    let code = unsafe {
        apilink_request_set_body_callback(request, Some(give_up), null_mut(), -1, null(), 0)
    };
    assert_eq!(code, APILINK_SUCCESS);
    assert_eq!(fail(request), "HY000");
    let code =
        unsafe { apilink_request_set_body_file(request, c"/no/such/file".as_ptr(), -1, null(), 0) };
    assert_eq!(code, APILINK_SUCCESS);
    assert_eq!(fail(request), "HY000");
    assert!(records(request)[0].message.contains("/no/such/file"));
    prepare(request, "GET", "contacts?limit=1");
    apilink_response_free(execute(request));
    apilink_request_free(request);
}

#[test]
fn requests_are_checked_before_they_are_sent() {
    let world = World::start();
    let request = new_request(world.connection);
    assert_eq!(fail(request), "HY010");
    assert_eq!(apilink_request_set_timeout(request, 5), APILINK_ERROR);
    assert_eq!(first_state(request), "HY010");
    let prepared = |method: &std::ffi::CStr, url: &std::ffi::CStr| unsafe {
        apilink_request_prepare(request, method.as_ptr(), -1, url.as_ptr(), -1)
    };
    assert_eq!(prepared(c"BREW", c"matters"), APILINK_ERROR);
    assert_eq!(first_state(request), "HY024");
    assert_eq!(
        prepared(c"get", c"https://example.com/api/v4/matters"),
        APILINK_SUCCESS
    );
    assert_eq!(fail(request), "HY024");
    let header = |name: &std::ffi::CStr, value: &std::ffi::CStr| unsafe {
        apilink_request_add_header(request, name.as_ptr(), -1, value.as_ptr(), -1)
    };
    for (name, value) in [
        (c"Authorization", c"Bearer canary"),
        (c"X A", c"canary"),
        (c"X-A", c"canary\r\nX-B: c"),
    ] {
        assert_eq!(header(name, value), APILINK_ERROR);
        let record = &records(request)[0];
        assert_eq!(record.sqlstate, "HY024");
        assert!(!record.message.contains("canary"), "{record:?}");
    }
    apilink_request_free(request);
}

#[test]
fn a_request_has_one_content_type() {
    let world = World::start();
    let json = r#"{"data":{"type":"Company","name":"One Type"}}"#;
    let request = world.prepared("contacts");
    for header_comes_first in [true, false] {
        prepare(request, "POST", "contacts");
        let add_header = || unsafe {
            let value = c"application/json; charset=utf-8".as_ptr();
            let code = apilink_request_add_header(request, c"CONTENT-type".as_ptr(), -1, value, -1);
            assert_eq!(code, APILINK_SUCCESS);
        };
        if header_comes_first {
            add_header();
        }
        let code = unsafe {
            apilink_request_set_body(request, json.as_ptr().cast(), size(json), null(), 0)
        };
        assert_eq!(code, APILINK_SUCCESS);
        if !header_comes_first {
            add_header();
        }
        created(request);
    }
    apilink_request_free(request);
}

#[test]
fn a_read_only_connection_refuses_to_write() {
    let world = World::start();
    let connection = new_connection();
    let string = format!("{}Readonly=true;", world.simple_string());
    assert_eq!(connect(connection, &string), APILINK_SUCCESS);
    let request = new_request(connection);
    prepare(request, "DELETE", "matters/1");
    assert_eq!(fail(request), "25006");
    prepare(request, "GET", "matters?limit=1");
    apilink_response_free(execute(request));
    apilink_request_free(request);
    apilink_connection_free(connection);
}

#[test]
fn a_preparation_that_fails_leaves_nothing_to_be_sent() {
    let world = World::start();
    let request = world.prepared("contacts");
    let mut response = null_mut();
    for (method, url) in [("LIST", c"matters".as_ptr()), ("GET", null())] {
        prepare(request, "POST", "contacts");
        let method_length = i64::try_from(method.len()).unwrap();
        let code = unsafe {
            apilink_request_prepare(request, method.as_ptr().cast(), method_length, url, -1)
        };
        assert_eq!(code, APILINK_ERROR);
        let code = unsafe { apilink_request_execute(request, &raw mut response) };
        assert_eq!(code, APILINK_ERROR);
        assert_eq!(records(request)[0].sqlstate, "HY010");
    }
    let counters = world.sandbox.counters();
    assert_eq!(counters.requests("POST /api/v4/contacts.json"), 0);
}
