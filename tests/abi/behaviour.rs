//! What the functions do, seen from outside.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use apilink::constants::*;
use apilink::exports::*;
use clio_sandbox::{Fault, FaultKind};
use libc::{c_char, c_void};

use crate::world::{
    Shared, World, body, connect, execute, fail, first_state, json_text, new_connection,
    new_request, prepare, records, size, text_of,
};

fn is_connected(connection: *mut apilink::handles::apilink_connection) -> bool {
    let mut connected = -1;
    let code = unsafe { apilink_connection_is_connected(connection, &raw mut connected) };
    assert_eq!(code, APILINK_SUCCESS);
    connected == 1
}

#[test]
fn a_connection_goes_through_its_states() {
    let world = World::start();
    let connection = new_connection();
    let request = new_request(connection);
    prepare(request, "GET", "users/who_am_i");
    assert!(!is_connected(connection));
    assert_eq!(fail(request), "08003");
    assert_eq!(apilink_connection_disconnect(connection), APILINK_ERROR);
    assert_eq!(first_state(connection), "08003");
    assert_eq!(
        unsafe { apilink_token_text(connection, null_mut(), 0, null_mut()) },
        APILINK_ERROR
    );
    assert_eq!(first_state(connection), "08003");

    assert_eq!(
        connect(connection, "Profile=Clio;NoSuchProperty=1"),
        APILINK_ERROR
    );
    assert_eq!(first_state(connection), "HY024");
    assert!(!is_connected(connection));

    assert_eq!(connect(connection, &world.simple_string()), APILINK_SUCCESS);
    assert!(is_connected(connection) && records(connection).is_empty());
    assert_eq!(connect(connection, &world.simple_string()), APILINK_ERROR);
    assert_eq!(first_state(connection), "08002");
    for code in [
        apilink_connection_set_timeout(connection, 5),
        apilink_connection_set_login_timeout(connection, 5),
        apilink_connection_set_log_callback(connection, 1, None, null_mut()),
        apilink_connection_set_authorize_callback(connection, None, null_mut()),
    ] {
        assert_eq!(code, APILINK_ERROR);
        assert_eq!(first_state(connection), "HY010");
    }
    apilink_response_free(execute(request));

    assert_eq!(apilink_connection_disconnect(connection), APILINK_SUCCESS);
    assert!(!is_connected(connection));
    assert_eq!(fail(request), "08003");
    assert_eq!(connect(connection, &world.simple_string()), APILINK_SUCCESS);
    apilink_response_free(execute(request));
    apilink_request_free(request);
    apilink_connection_free(connection);
}

#[test]
fn time_limits_and_levels_have_bounds() {
    let connection = new_connection();
    for seconds in [-1, i64::MIN, i64::MAX, 1 << 31] {
        assert_eq!(
            apilink_connection_set_timeout(connection, seconds),
            APILINK_ERROR
        );
        assert_eq!(first_state(connection), "HY024", "{seconds}");
        assert_eq!(
            apilink_connection_set_login_timeout(connection, seconds),
            APILINK_ERROR
        );
        assert_eq!(first_state(connection), "HY024", "{seconds}");
    }
    assert_eq!(
        apilink_connection_set_login_timeout(connection, 0),
        APILINK_ERROR
    );
    for seconds in [0, 1, i64::from(i32::MAX)] {
        assert_eq!(
            apilink_connection_set_timeout(connection, seconds),
            APILINK_SUCCESS
        );
    }
    for level in [0, 6, -1, i32::MAX, 257] {
        let code = apilink_connection_set_log_callback(connection, level, None, null_mut());
        assert_eq!(
            (code, first_state(connection).as_str()),
            (APILINK_ERROR, "HY024"),
            "{level}"
        );
    }
    apilink_connection_free(connection);
}

#[test]
fn warnings_of_the_string_are_records_of_a_success() {
    let world = World::start();
    let connection = new_connection();
    let string = format!("{}Profile=Other;", world.simple_string());
    assert_eq!(connect(connection, &string), APILINK_SUCCESS_WITH_INFO);
    let warnings = records(connection);
    assert!(
        warnings
            .iter()
            .all(|record| record.sqlstate.starts_with("01")),
        "{warnings:?}"
    );
    assert!(warnings[0].message.contains("Profile"), "{warnings:?}");
    apilink_connection_free(connection);
}

#[test]
fn the_token_comes_out_with_its_properties() {
    let world = World::start();
    let mut token = [0; 256];
    let mut expiry = 0;
    let code = unsafe { apilink_token_text(world.connection, token.as_mut_ptr(), 256, null_mut()) };
    assert_eq!(code, APILINK_SUCCESS);
    assert!(text_of(&token).len() > 8);
    let code = unsafe { apilink_token_expiry(world.connection, &raw mut expiry) };
    assert_eq!(code, APILINK_SUCCESS);
    assert!(expiry > 1_700_000_000);
    let mut renewed = [0; 256];
    assert_eq!(apilink_token_refresh(world.connection), APILINK_SUCCESS);
    unsafe { apilink_token_text(world.connection, renewed.as_mut_ptr(), 256, null_mut()) };
    assert_ne!(text_of(&token), text_of(&renewed));

    assert_eq!(apilink_token_revoke(world.connection), APILINK_SUCCESS);
    assert!(!is_connected(world.connection));
    assert_eq!(fail(world.request), "08003");
}

#[test]
fn a_connection_without_authorization_has_no_token() {
    let world = World::start();
    let connection = new_connection();
    let string = format!(
        "Profile=Clio;AuthScheme=None;ProfileSettings='Region={}'",
        world.sandbox.base_url()
    );
    assert_eq!(
        connect(connection, &string),
        APILINK_SUCCESS,
        "{:?}",
        records(connection)
    );
    let mut length = -7;
    unsafe {
        for call in [apilink_token_text, apilink_token_type, apilink_token_scope] {
            assert_eq!(
                call(connection, null_mut(), 0, &raw mut length),
                APILINK_NO_DATA
            );
        }
        assert_eq!(
            apilink_token_expiry(connection, &raw mut length),
            APILINK_NO_DATA
        );
    }
    assert_eq!(length, -7);
    apilink_connection_free(connection);
}

#[test]
fn pages_follow_each_other_to_the_end() {
    let world = World::start();
    let request = world.prepared("matters");
    for (name, value) in [(c"limit", c"7"), (c"fields", c"id"), (c"order", c"id(asc)")] {
        let code =
            unsafe { apilink_request_add_query(request, name.as_ptr(), -1, value.as_ptr(), -1) };
        assert_eq!(code, APILINK_SUCCESS);
    }
    let mut ids = BTreeSet::new();
    let mut page = execute(request);
    loop {
        let mut length = -1;
        let code =
            unsafe { apilink_response_json_length(page, c"/data".as_ptr(), -1, &raw mut length) };
        assert_eq!(code, APILINK_SUCCESS);
        for index in 0..length {
            let pointer = format!("/data/{index}/id");
            let mut id = 0;
            let code = unsafe {
                let text = pointer.as_ptr().cast();
                apilink_response_json_integer(page, text, size(&pointer), &raw mut id)
            };
            assert_eq!(code, APILINK_SUCCESS);
            assert!(ids.insert(id));
        }
        let mut next = null_mut();
        let code = unsafe { apilink_request_next_page(request, page, &raw mut next) };
        apilink_response_free(page);
        if code == APILINK_NO_DATA {
            assert!(next.is_null() && records(request).is_empty());
            break;
        }
        assert_eq!(code, APILINK_SUCCESS, "{:?}", records(request));
        page = next;
    }
    assert_eq!(ids.len(), 30);
    assert_eq!(
        world.sandbox.counters().unknown_requests,
        Vec::<String>::new()
    );
    apilink_request_free(request);
}

#[test]
fn a_page_of_another_connection_is_refused() {
    let world = World::start();
    let other = world.connected();
    let request = new_request(other);
    let mut next = null_mut();
    let code = unsafe { apilink_request_next_page(request, world.response, &raw mut next) };
    assert_eq!(
        (code, first_state(request).as_str()),
        (APILINK_ERROR, "HY024")
    );
    apilink_request_free(request);
    apilink_connection_free(other);
}

#[test]
fn http_errors_are_responses_with_a_record() {
    let world = World::start();
    let request = world.prepared("matters/1?fields=nonsense");
    let mut response = null_mut();
    let code = unsafe { apilink_request_execute(request, &raw mut response) };
    assert_eq!(code, APILINK_SUCCESS_WITH_INFO);
    let record = &records(request)[0];
    let mut status = 0;
    assert_eq!(
        unsafe { apilink_response_status(response, &raw mut status) },
        APILINK_SUCCESS
    );
    assert!((400..500).contains(&status));
    assert_eq!(record.native, status, "{record:?}");
    let kind = json_text(response, "/error/type").unwrap();
    assert!(
        record.message.contains(&kind),
        "{record:?} does not name {kind}"
    );
    // The next call has records of its own.
    assert_eq!(apilink_request_set_timeout(request, 5), APILINK_SUCCESS);
    assert!(records(request).is_empty());
    apilink_response_free(response);
    apilink_request_free(request);
}

#[test]
fn headers_are_found_by_name_and_by_position() {
    let world = World::start();
    let response = world.response;
    let (mut count, mut content_type) = (-1, [0; 256]);
    unsafe {
        assert_eq!(
            apilink_response_header_count(response, &raw mut count),
            APILINK_SUCCESS
        );
        let code =
            apilink_response_content_type(response, content_type.as_mut_ptr(), 256, null_mut());
        assert_eq!(code, APILINK_SUCCESS);
    }
    assert!(text_of(&content_type).starts_with("application/json"));
    let mut found = false;
    for index in 0..count {
        let (mut name, mut value) = ([0; 256], [0; 2048]);
        let code = unsafe {
            let (name, value) = (name.as_mut_ptr(), value.as_mut_ptr());
            apilink_response_header_at(
                response,
                index,
                name,
                256,
                null_mut(),
                value,
                2048,
                null_mut(),
            )
        };
        assert_eq!(code, APILINK_SUCCESS);
        found |= text_of(&name) == "content-type" && text_of(&value) == text_of(&content_type);
    }
    assert!(count > 1 && found);
    for (index, expected, state) in [(count, APILINK_NO_DATA, ""), (-1, APILINK_ERROR, "07009")] {
        let code = unsafe {
            apilink_response_header_at(
                response,
                index,
                null_mut(),
                0,
                null_mut(),
                null_mut(),
                0,
                null_mut(),
            )
        };
        assert_eq!((code, first_state(response).as_str()), (expected, state));
    }
    for (name, index, expected) in [
        (c"CONTENT-TYPE", 0, APILINK_SUCCESS),
        (c"Content-Type", 1, APILINK_NO_DATA),
        (c"content-type", -1, APILINK_ERROR),
        (c"X-No-Such-Header", 0, APILINK_NO_DATA),
        (c"no header: at all", 0, APILINK_NO_DATA),
        (c"", 0, APILINK_NO_DATA),
    ] {
        let code = unsafe {
            apilink_response_header(
                response,
                name.as_ptr(),
                -1,
                index,
                null_mut(),
                0,
                null_mut(),
            )
        };
        assert_eq!(code, expected, "{name:?}");
    }
}

#[test]
fn json_values_come_out_typed() {
    let world = World::start();
    let response = world.response;
    let kind = |pointer: &std::ffi::CStr| {
        let mut kind = -1;
        let code =
            unsafe { apilink_response_json_type(response, pointer.as_ptr(), -1, &raw mut kind) };
        (code == APILINK_SUCCESS).then_some(kind)
    };
    assert_eq!(kind(c""), Some(APILINK_JSON_OBJECT));
    assert_eq!(kind(c"/data"), Some(APILINK_JSON_ARRAY));
    assert_eq!(kind(c"/data/0/id"), Some(APILINK_JSON_INTEGER));
    assert_eq!(kind(c"/data/0/display_number"), Some(APILINK_JSON_STRING));
    assert_eq!(kind(c"/data/2"), None);
    let number = json_text(response, "/data/0/display_number").unwrap();
    assert!(!number.starts_with('"'));
    assert!(
        json_text(response, "/data/0")
            .unwrap()
            .contains("\"display_number\":")
    );
    for (pointer, state) in [
        (c"data", "HY024"),
        (c"/data/~2", "HY024"),
        (c"/data", "22018"),
    ] {
        let mut value = -7;
        let code = unsafe {
            apilink_response_json_integer(response, pointer.as_ptr(), -1, &raw mut value)
        };
        assert_eq!((code, value), (APILINK_ERROR, -7));
        assert_eq!(first_state(response), state, "{pointer:?}");
    }
}

#[test]
fn a_body_that_is_no_json_says_so() {
    let world = World::start();
    world.sandbox.fault(Fault {
        body: Some("<html>canary</html>".into()),
        ..Fault::new("/api/v4/matters*", FaultKind::Garbage)
    });
    let mut response = null_mut();
    let code = unsafe { apilink_request_execute(world.request, &raw mut response) };
    assert!(code == APILINK_SUCCESS || code == APILINK_SUCCESS_WITH_INFO);
    let code = unsafe { apilink_response_json_type(response, c"/data".as_ptr(), -1, &mut 0) };
    assert_eq!(
        (code, first_state(response).as_str()),
        (APILINK_ERROR, "22018")
    );
    assert!(!records(response)[0].message.contains("canary"));
    assert_eq!(body(response), b"<html>canary</html>");
    apilink_response_free(response);
}

#[test]
fn the_body_stays_where_it_is_until_it_is_freed() {
    let world = World::start();
    let response = Shared(world.response);
    let pointer_to_body = move || {
        let mut data = null();
        let code = unsafe { apilink_response_body(response.get(), &raw mut data, null_mut()) };
        assert_eq!(code, APILINK_SUCCESS);
        data.addr()
    };
    let whole = body(world.response);
    let first = pointer_to_body();
    assert!(json_text(world.response, "/data/0/id").is_some());
    // Reading it in pieces as well does not touch what was handed out.
    let mut buffer = vec![0_u8; 1 << 16];
    let mut read = 0;
    let code = unsafe {
        apilink_response_read(
            world.response,
            buffer.as_mut_ptr().cast(),
            1 << 16,
            &raw mut read,
        )
    };
    assert_eq!(code, APILINK_SUCCESS);
    assert_eq!(buffer[..usize::try_from(read).unwrap()], whole);
    assert_eq!(pointer_to_body(), first);
    assert_eq!(body(world.response), whole);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || assert_eq!(pointer_to_body(), first));
        }
    });
}

#[test]
fn a_body_that_was_read_in_pieces_cannot_be_had_as_a_whole() {
    let world = World::start();
    let mut read = 0;
    let mut buffer = [0_u8; 4];
    let code = unsafe {
        apilink_response_read(world.response, buffer.as_mut_ptr().cast(), 4, &raw mut read)
    };
    assert_eq!((code, read), (APILINK_SUCCESS, 4));
    let code = unsafe { apilink_response_body(world.response, &mut null(), null_mut()) };
    assert_eq!(
        (code, first_state(world.response).as_str()),
        (APILINK_ERROR, "HY010")
    );
    // The rest can still be saved.
    let path = world.directory.path().join("rest é.json");
    let text = path.to_str().unwrap();
    let mut written = -1;
    let code = unsafe {
        apilink_response_save(
            world.response,
            text.as_ptr().cast(),
            size(text),
            &raw mut written,
        )
    };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(world.response));
    assert_eq!(
        std::fs::metadata(&path).unwrap().len(),
        u64::try_from(written).unwrap()
    );
    let code = unsafe {
        apilink_response_save(
            world.response,
            c"/no/such/directory/x".as_ptr(),
            -1,
            null_mut(),
        )
    };
    assert_eq!(
        (code, first_state(world.response).as_str()),
        (APILINK_ERROR, "HY000")
    );
}

/// What broke off must never look as if it had come to its end.
#[test]
fn a_body_that_broke_off_stays_broken() {
    let world = World::start();
    let id = world.sandbox.add_document(8 << 20);
    let request = world.prepared(&format!("documents/{id}/download"));
    let broken = || {
        world.sandbox.fault(Fault {
            bytes: Some(1 << 20),
            ..Fault::new("/storage/*", FaultKind::Drop)
        });
        execute(request)
    };

    let response = broken();
    for _ in 0..3 {
        let code = unsafe { apilink_response_body(response, &mut null(), null_mut()) };
        assert_eq!(code, APILINK_ERROR);
        assert_eq!(first_state(response), "08S01");
    }
    apilink_response_free(response);

    let response = broken();
    let mut buffer = vec![0_u8; 1 << 16];
    let mut read = 0;
    let mut next = || unsafe {
        apilink_response_read(response, buffer.as_mut_ptr().cast(), 1 << 16, &raw mut read)
    };
    while next() == APILINK_SUCCESS {}
    for _ in 0..3 {
        assert_eq!(next(), APILINK_ERROR);
        assert_eq!(first_state(response), "08S01");
    }
    apilink_response_free(response);
    apilink_request_free(request);
}

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

unsafe extern "C" fn give_up(_: *mut c_void, _: *mut c_void, _: i64) -> i64 {
    -1
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

unsafe extern "C" fn keep_line(data: *mut c_void, level: i32, line: *const c_char, length: i64) {
    let line = unsafe { std::ffi::CStr::from_ptr(line) }
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(size(&line), length);
    assert!(!line.contains('\n'));
    let lines = unsafe { &*data.cast::<Mutex<Vec<(i32, String)>>>() };
    lines.lock().unwrap().push((level, line));
}

#[test]
fn the_log_comes_to_the_program_without_secrets() {
    let world = World::start();
    let lines: Mutex<Vec<(i32, String)>> = Mutex::default();
    let connection = new_connection();
    let user_data = (&raw const lines).cast_mut().cast();
    let code = apilink_connection_set_log_callback(connection, 3, Some(keep_line), user_data);
    assert_eq!(code, APILINK_SUCCESS);
    let string = world.simple_string();
    assert_eq!(connect(connection, &string), APILINK_SUCCESS);
    let request = new_request(connection);
    prepare(request, "GET", "users/who_am_i");
    apilink_response_free(execute(request));
    apilink_request_free(request);
    apilink_connection_free(connection);
    let lines = lines.into_inner().unwrap();
    let token = string
        .split("OAuthAccessToken=")
        .nth(1)
        .unwrap()
        .trim_end_matches(';');
    assert!(
        lines.iter().any(|(_, line)| line.contains("who_am_i")),
        "{lines:?}"
    );
    assert!(lines.iter().all(|(level, _)| (1..=3).contains(level)));
    assert!(
        lines.iter().all(|(_, line)| !line.contains(token)),
        "{lines:?}"
    );
}

/// The URL that a callback was given, and its answer.
struct Shown {
    url: String,
    answer: i32,
    thread: std::thread::ThreadId,
}

unsafe extern "C" fn show(user_data: *mut c_void, url: *const c_char, length: i64) -> i32 {
    let shown = unsafe { &mut *user_data.cast::<Shown>() };
    shown.url = unsafe { std::ffi::CStr::from_ptr(url) }
        .to_str()
        .unwrap()
        .into();
    assert_eq!(size(&shown.url), length);
    assert_eq!(shown.thread, std::thread::current().id());
    shown.answer
}

#[test]
fn a_login_can_be_given_up_where_it_is_shown() {
    let world = World::start();
    let connection = new_connection();
    let mut shown = Shown {
        url: String::new(),
        answer: 1,
        thread: std::thread::current().id(),
    };
    let user_data = (&raw mut shown).cast();
    let code = apilink_connection_set_authorize_callback(connection, Some(show), user_data);
    assert_eq!(code, APILINK_SUCCESS);
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let string = format!(
        "Profile=Clio;ProfileSettings='Region={}';InitiateOAuth=GETANDREFRESH;\
         OAuthClientId=sandbox-client;OAuthClientSecret=canary;\
         CallbackUrl=http://127.0.0.1:{port};OAuthSettingsLocation=memory://shown-{port};",
        world.sandbox.base_url()
    );
    assert_eq!(connect(connection, &string), APILINK_ERROR);
    assert_eq!(
        first_state(connection),
        "HY008",
        "{:?}",
        records(connection)
    );
    assert!(
        shown
            .url
            .starts_with(&format!("{}/oauth/authorize?", world.sandbox.base_url()))
    );
    assert!(!shown.url.contains("canary"));
    apilink_connection_free(connection);
}

#[test]
fn an_authorization_url_is_made_and_its_code_exchanged() {
    let world = World::start();
    let connection = new_connection();
    let string = format!(
        "Profile=Clio;ProfileSettings='Region={}';OAuthClientId=sandbox-client;\
         OAuthClientSecret=sandbox-secret;CallbackUrl=http://localhost:33333;\
         OAuthSettingsLocation={};InitiateOAuth=REFRESH",
        world.sandbox.base_url(),
        world.directory.path().join("tokens.txt").display()
    );
    let (mut url, mut state) = ([0; 2048], [0; 256]);
    let code = unsafe { apilink_authorization_state(connection, null_mut(), 0, null_mut()) };
    assert_eq!(code, APILINK_NO_DATA);
    let code = unsafe {
        let (text, length) = (string.as_ptr().cast(), size(&string));
        let url = url.as_mut_ptr();
        apilink_authorization_url(connection, text, length, null(), 0, url, 2048, null_mut())
    };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(connection));
    unsafe { apilink_authorization_state(connection, state.as_mut_ptr(), 256, null_mut()) };
    assert!(text_of(&url).contains(&format!("state={}", text_of(&state))));
    assert!(!text_of(&url).contains("sandbox-secret"));
    let code =
        unsafe { apilink_authorization_pkce_verifier(connection, null_mut(), 0, null_mut()) };
    assert_eq!(code, APILINK_NO_DATA, "Clio does not use PKCE");

    let exchange = |code: &str| unsafe {
        let (text, length) = (string.as_ptr().cast(), size(&string));
        apilink_authorization_exchange(connection, text, length, code.as_ptr().cast(), size(code))
    };
    let foreign = "http://localhost:33333/?code=abc&state=foreign";
    assert_eq!(exchange(foreign), APILINK_ERROR);
    assert_eq!(first_state(connection), "28000");
    assert_eq!(exchange("no-such-code"), APILINK_ERROR);
    let record = &records(connection)[0];
    assert_eq!(
        (record.sqlstate.as_str(), record.native),
        ("28000", APILINK_OAUTH_INVALID_GRANT)
    );

    let redirect = approve(&text_of(&url));
    assert_eq!(
        exchange(&redirect),
        APILINK_SUCCESS,
        "{:?}",
        records(connection)
    );
    assert_eq!(
        connect(connection, &string),
        APILINK_SUCCESS,
        "{:?}",
        records(connection)
    );
    assert!(is_connected(connection));
    apilink_connection_free(connection);
}

/// Approves as a person would, and gives the URL that the browser is redirected to.
fn approve(url: &str) -> String {
    let page = http("GET", url, "");
    let mut fields = Vec::new();
    for input in page.split("<input").skip(1) {
        let tag = input.split('>').next().unwrap();
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        if let (Some(name), Some(value)) = (attribute("name"), attribute("value")) {
            fields.push(format!("{name}={}", encode(&value)));
        }
    }
    // The button and the person, as the page names them.
    let user = page
        .split("name=\"user\"")
        .nth(1)
        .and_then(|rest| rest.split("value=\"").nth(1));
    if let Some(user) = user.and_then(|rest| rest.split('"').next()) {
        fields.push(format!("user={user}"));
    }
    fields.push("decision=approve".into());
    let (origin, _) = url.split_once("/oauth").unwrap();
    let reply = http(
        "POST",
        &format!("{origin}/oauth/authorize"),
        &fields.join("&"),
    );
    let location = reply
        .lines()
        .find_map(|line| {
            line.split_once(": ")
                .filter(|(name, _)| name.eq_ignore_ascii_case("location"))
        })
        .unwrap_or_else(|| panic!("no redirect: {reply}"));
    location.1.trim().to_owned()
}

fn encode(text: &str) -> String {
    text.replace("&amp;", "&")
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// One plain HTTP request; the whole reply as text.
fn http(method: &str, url: &str, form: &str) -> String {
    use std::io::Write as _;
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
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
