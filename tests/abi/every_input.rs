//! Every text that a function takes: null, lengths that make no sense, and what is not UTF-8.

use std::collections::BTreeSet;
use std::ptr::{null, null_mut};

use apilink::constants::*;
use apilink::exports::*;
use libc::{c_char, c_void};

use crate::header_text::{functions, lists_state};
use crate::world::{World, prepare, records};

/// Whether NULL says that a text is not given.
#[derive(PartialEq, Eq)]
enum Need {
    Needed,
    Optional,
}

/// A function, called with one of its texts as given and the others good.
struct InputCall {
    name: &'static str,
    parameter: &'static str,
    need: Need,
    handle: fn(&World) -> *const c_void,
    run: fn(&World, *const c_char, i64) -> i32,
}

macro_rules! inputs {
    ($($need:ident $name:ident $parameter:ident $field:ident
        |$world:pat_param, $t:pat_param, $l:pat_param| ($($argument:expr),* $(,)?);)*) => {
        &[$(InputCall {
            name: stringify!($name),
            parameter: stringify!($parameter),
            need: Need::$need,
            handle: |world| world.$field.cast_const().cast(),
            run: |$world, $t, $l| unsafe { $name($($argument),*) },
        }),*]
    };
}

const GOOD: *const c_char = c"a".as_ptr();

const INPUTS: &[InputCall] = inputs! {
    Needed apilink_connection_connect connection_string connection |w, t, l| (w.connection, t, l);
    Needed apilink_authorization_url connection_string connection |w, t, l|
        (w.connection, t, l, null(), 0, null_mut(), 0, null_mut());
    Optional apilink_authorization_url state connection |w, t, l|
        (w.connection, w.string.as_ptr(), -1, t, l, null_mut(), 0, null_mut());
    Needed apilink_authorization_exchange connection_string connection |w, t, l|
        (w.connection, t, l, GOOD, -1);
    Needed apilink_authorization_exchange code connection |w, t, l|
        (w.connection, w.string.as_ptr(), -1, t, l);
    Needed apilink_request_prepare method request |w, t, l| (w.request, t, l, GOOD, -1);
    Needed apilink_request_prepare url request |w, t, l|
        (w.request, c"GET".as_ptr(), -1, t, l);
    Needed apilink_request_prepare_signed method request |w, t, l| (w.request, t, l, GOOD, -1);
    Needed apilink_request_prepare_signed url request |w, t, l|
        (w.request, c"GET".as_ptr(), -1, t, l);
    Needed apilink_request_add_query name request |w, t, l| (w.request, t, l, GOOD, -1);
    Needed apilink_request_add_query value request |w, t, l| (w.request, GOOD, -1, t, l);
    Needed apilink_request_add_header name request |w, t, l| (w.request, t, l, GOOD, -1);
    Needed apilink_request_add_header value request |w, t, l| (w.request, GOOD, -1, t, l);
    Optional apilink_request_set_body content_type request |w, t, l|
        (w.request, null(), 0, t, l);
    Needed apilink_request_set_body_file path request |w, t, l| (w.request, t, l, null(), 0);
    Optional apilink_request_set_body_file content_type request |w, t, l|
        (w.request, GOOD, -1, t, l);
    Optional apilink_request_set_body_callback content_type request |w, t, l|
        (w.request, Some(no_body), null_mut(), -1, t, l);
    Needed apilink_response_header name response |w, t, l|
        (w.response, t, l, 0, null_mut(), 0, null_mut());
    Needed apilink_response_save path response |w, t, l| (w.response, t, l, null_mut());
    Needed apilink_response_json_type pointer response |w, t, l| (w.response, t, l, &mut 0);
    Needed apilink_response_json_text pointer response |w, t, l|
        (w.response, t, l, null_mut(), 0, null_mut());
    Needed apilink_response_json_integer pointer response |w, t, l| (w.response, t, l, &mut 0);
    Needed apilink_response_json_double pointer response |w, t, l|
        (w.response, t, l, &mut 0.0);
    Needed apilink_response_json_boolean pointer response |w, t, l| (w.response, t, l, &mut 0);
    Needed apilink_response_json_length pointer response |w, t, l| (w.response, t, l, &mut 0);
};

unsafe extern "C" fn no_body(_: *mut c_void, _: *mut c_void, _: i64) -> i64 {
    0
}

#[test]
fn the_table_has_every_text_that_the_header_takes() {
    let functions = functions();
    let declared: BTreeSet<(&str, &str)> = functions
        .iter()
        .flat_map(|f| {
            f.of_type("const char *")
                .map(|parameter| (f.name.as_str(), parameter))
        })
        .collect();
    let tabled: BTreeSet<(&str, &str)> = INPUTS
        .iter()
        .map(|input| (input.name, input.parameter))
        .collect();
    assert_eq!(declared, tabled);
}

fn expect(world: &World, input: &InputCall, text: *const c_char, length: i64, sqlstate: &str) {
    let what = format!("{} {} of length {length}", input.name, input.parameter);
    assert_eq!((input.run)(world, text, length), APILINK_ERROR, "{what}");
    let record = &records((input.handle)(world))[0];
    assert_eq!(record.sqlstate, sqlstate, "{what}: {record:?}");
    assert!(
        lists_state(input.name, sqlstate),
        "{} does not list {sqlstate}",
        input.name
    );
    assert!(
        record.message.contains(input.parameter),
        "{what}: {record:?}"
    );
}

#[test]
fn texts_that_cannot_be_are_refused_by_name() {
    let world = World::start();
    let endless = vec![b'a'; (1 << 20) + 1];
    for input in INPUTS {
        // A preparation that fails leaves nothing prepared.
        prepare(world.request, "GET", "matters");
        for length in [-1, 1, -2, i64::MIN, i64::MAX] {
            if input.need == Need::Optional {
                let code = (input.run)(&world, null(), length);
                assert_eq!(code, APILINK_SUCCESS, "{} {}", input.name, input.parameter);
            } else {
                expect(&world, input, null(), length, "HY009");
            }
        }
        for length in [-2, i64::MIN, i64::MAX, (1 << 20) + 1] {
            expect(&world, input, c"a".as_ptr(), length, "HY090");
        }
        expect(&world, input, endless.as_ptr().cast(), -1, "HY090");
        for (bytes, length) in [(&b"\xff\0"[..], -1), (b"a\xc3", 2), (b"\xed\xa0\x80\0", -1)] {
            expect(&world, input, bytes.as_ptr().cast(), length, "HY024");
        }
    }
}

#[test]
fn a_length_ends_a_text_before_its_nul() {
    let world = World::start();
    let mut kind = -1;
    let pointer = "/data/0/id and more";
    let code = unsafe {
        apilink_response_json_type(world.response, pointer.as_ptr().cast(), 10, &raw mut kind)
    };
    assert_eq!((code, kind), (APILINK_SUCCESS, APILINK_JSON_INTEGER));
    // The empty pointer is the whole document, and may be NULL.
    for text in [null(), pointer.as_ptr().cast()] {
        let code = unsafe { apilink_response_json_type(world.response, text, 0, &raw mut kind) };
        assert_eq!((code, kind), (APILINK_SUCCESS, APILINK_JSON_OBJECT));
    }
}

#[test]
fn bodies_that_cannot_be_are_refused() {
    let world = World::start();
    let set = |data: *const c_void, length| unsafe {
        apilink_request_set_body(world.request, data, length, null(), 0)
    };
    for length in [-2, i64::MIN, 1 << 31, i64::MAX] {
        assert_eq!(set(c"a".as_ptr().cast(), length), APILINK_ERROR);
        assert_eq!(records(world.request)[0].sqlstate, "HY090");
    }
    assert_eq!(set(null(), 0), APILINK_SUCCESS);
    assert_eq!(set(c"{}".as_ptr().cast(), -1), APILINK_SUCCESS);
    for total in [-2, i64::MIN] {
        let code = unsafe {
            let request = world.request;
            apilink_request_set_body_callback(request, Some(no_body), null_mut(), total, null(), 0)
        };
        assert_eq!(code, APILINK_ERROR);
        assert_eq!(records(world.request)[0].sqlstate, "HY090");
    }
}
