//! Responses through the C interface: status, headers, pages, bodies and JSON.

use std::collections::BTreeSet;
use std::ptr::{null, null_mut};

use apilink::constants::*;
use apilink::exports::*;
#[cfg(unix)]
use apilink::handles::apilink_response;
use clio_sandbox::{Fault, FaultKind};

use crate::world::{
    Shared, World, body, execute, first_state, json_text, new_request, records, size, text_of,
};

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

#[cfg(unix)]
fn save(response: *mut apilink_response, path: &std::path::Path) -> (i32, String) {
    let text = path.to_str().unwrap();
    let code =
        unsafe { apilink_response_save(response, text.as_ptr().cast(), size(text), null_mut()) };
    (code, first_state(response))
}

#[cfg(unix)]
#[test]
fn a_body_replaces_nothing_but_files_and_what_links_lead_to() {
    let world = World::start();
    let place = |name: &str| world.directory.path().join(name);
    let fifo = std::ffi::CString::new(place("fifo").to_str().unwrap()).unwrap();
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    std::fs::create_dir(place("directory")).unwrap();
    std::os::unix::fs::symlink("fifo", place("link to fifo")).unwrap();
    std::os::unix::fs::symlink("circle", place("circle")).unwrap();
    for name in ["fifo", "directory", "link to fifo", "circle"] {
        let refused = (APILINK_ERROR, "HY000".to_owned());
        assert_eq!(save(world.response, &place(name)), refused, "{name}");
        assert!(!place(name).is_file(), "{name}");
    }
    // The body is still there.
    let whole = body(world.response);
    std::fs::write(place("old"), "old").unwrap();
    for (link, target) in [("link to old", "old"), ("link to new", "new")] {
        std::os::unix::fs::symlink(target, place(link)).unwrap();
        let response = execute(world.prepared("matters"));
        let expected = body(response);
        let response = execute(world.prepared("matters"));
        assert_eq!(save(response, &place(link)).0, APILINK_SUCCESS);
        assert!(place(link).is_symlink());
        assert_eq!(std::fs::read(place(target)).unwrap(), expected);
    }
    assert!(!whole.is_empty());
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
