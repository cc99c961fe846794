//! Every function that returns text: null and short buffers, and capacities of all kinds.

use std::collections::BTreeSet;
use std::ptr::null_mut;

use apilink::constants::*;
use apilink::exports::*;
use apilink::handles::apilink_connection;
use libc::{c_char, c_void};

use crate::header_text::functions;
use crate::world::{World, connect, first_state, new_connection, records};

/// The handles that the calls need.
struct Handles {
    world: World,
    /// Has made an authorization URL with PKCE.
    authorizing: *mut apilink_connection,
    /// Has a record.
    failed: *mut apilink_connection,
}

struct TextCall {
    name: &'static str,
    /// The parameter that receives the text.
    parameter: &'static str,
    handle: fn(&Handles) -> *const c_void,
    run: fn(&Handles, *mut c_char, i64, *mut i64) -> i32,
}

macro_rules! texts {
    ($($name:ident $parameter:ident $field:ident $(. $inner:ident)?
        |$handles:pat_param, $b:pat_param, $c:pat_param, $l:pat_param| ($($argument:expr),* $(,)?);)*) => {
        &[$(TextCall {
            name: stringify!($name),
            parameter: stringify!($parameter),
            handle: |handles| handles.$field$(.$inner)?.cast_const().cast(),
            run: |$handles, $b, $c, $l| unsafe { $name($($argument),*) },
        }),*]
    };
}

const TEXTS: &[TextCall] = texts! {
    apilink_diagnostic_get message failed |h, b, c, l|
        (h.failed.cast(), 1, null_mut(), null_mut(), b, c, l);
    apilink_token_text buffer world.connection |h, b, c, l| (h.world.connection, b, c, l);
    apilink_token_type buffer world.connection |h, b, c, l| (h.world.connection, b, c, l);
    apilink_token_scope buffer world.connection |h, b, c, l| (h.world.connection, b, c, l);
    apilink_authorization_url buffer failed |h, b, c, l|
        (h.failed, URL_STRING.as_ptr(), -1, c"mine".as_ptr(), -1, b, c, l);
    apilink_authorization_state buffer authorizing |h, b, c, l| (h.authorizing, b, c, l);
    apilink_authorization_pkce_verifier buffer authorizing |h, b, c, l| (h.authorizing, b, c, l);
    apilink_response_header buffer world.response |h, b, c, l|
        (h.world.response, c"content-type".as_ptr(), -1, 0, b, c, l);
    apilink_response_header_at name world.response |h, b, c, l|
        (h.world.response, 0, b, c, l, null_mut(), 0, null_mut());
    apilink_response_header_at value world.response |h, b, c, l|
        (h.world.response, 0, null_mut(), 0, null_mut(), b, c, l);
    apilink_response_content_type buffer world.response |h, b, c, l| (h.world.response, b, c, l);
    apilink_response_json_text buffer world.response |h, b, c, l|
        (h.world.response, c"/data".as_ptr(), -1, b, c, l);
};

const URL_STRING: &std::ffi::CStr =
    c"Profile=Clio;OAuthClientId=an-id;CallbackUrl=http://localhost:33333";

const UNTOUCHED: u8 = 0xAA;

#[test]
fn the_table_has_every_text_that_the_header_returns() {
    let functions = functions();
    let declared: BTreeSet<(&str, &str)> = functions
        .iter()
        .flat_map(|f| {
            f.of_type("char *")
                .map(|parameter| (f.name.as_str(), parameter))
        })
        // It has a fixed size and no capacity.
        .filter(|(_, parameter)| *parameter != "sqlstate")
        .collect();
    let tabled: BTreeSet<(&str, &str)> = TEXTS
        .iter()
        .map(|text| (text.name, text.parameter))
        .collect();
    assert_eq!(declared, tabled);
}

fn handles() -> Handles {
    let world = World::start();
    let authorizing = new_connection();
    let code = unsafe {
        let string = world.string.as_ptr();
        let null = std::ptr::null();
        apilink_authorization_url(authorizing, string, -1, null, 0, null_mut(), 0, null_mut())
    };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(authorizing));
    let failed = new_connection();
    assert_eq!(connect(failed, "é=€"), APILINK_ERROR);
    Handles {
        world,
        authorizing,
        failed,
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        assert_eq!(apilink_connection_free(self.authorizing), APILINK_SUCCESS);
        assert_eq!(apilink_connection_free(self.failed), APILINK_SUCCESS);
    }
}

/// Calls with a buffer of `room` bytes and says that it has `capacity`: return code, buffer,
/// length.
fn call(text: &TextCall, handles: &Handles, room: usize, capacity: i64) -> (i32, Vec<u8>, i64) {
    let mut buffer = vec![UNTOUCHED; room];
    let mut length = -7;
    let code = (text.run)(
        handles,
        buffer.as_mut_ptr().cast(),
        capacity,
        &raw mut length,
    );
    (code, buffer, length)
}

#[test]
fn every_text_fits_is_cut_or_is_measured() {
    let handles = handles();
    for text in TEXTS {
        let name = text.name;
        let (code, whole, length) = call(text, &handles, 1 << 16, 1 << 16);
        assert_eq!(
            code,
            APILINK_SUCCESS,
            "{name}: {:?}",
            records((text.handle)(&handles))
        );
        let size = usize::try_from(length).unwrap();
        let whole = std::str::from_utf8(&whole[..=size])
            .unwrap()
            .strip_suffix('\0')
            .unwrap();
        assert!(size > 1 && !whole.contains('\0'), "{name}: {whole}");
        // The record of the failure is asked for again and again, so it must not be replaced.
        let leaves_record = name != "apilink_diagnostic_get";

        for capacity in 0..=size + 2 {
            let (code, buffer, length) =
                call(text, &handles, size + 9, i64::try_from(capacity).unwrap());
            assert_eq!(length, i64::try_from(size).unwrap(), "{name}");
            let fits = capacity > size;
            assert_eq!(
                code,
                if fits {
                    APILINK_SUCCESS
                } else {
                    APILINK_SUCCESS_WITH_INFO
                },
                "{name}"
            );
            if leaves_record {
                let state = first_state((text.handle)(&handles));
                assert_eq!(state, if fits { "" } else { "01004" }, "{name}");
            }
            assert!(
                buffer[capacity.min(size + 1)..]
                    .iter()
                    .all(|byte| *byte == UNTOUCHED),
                "{name}"
            );
            if capacity > 0 {
                let end = buffer.iter().position(|byte| *byte == 0).unwrap();
                let written = std::str::from_utf8(&buffer[..end]).expect("whole characters");
                assert!(whole.starts_with(written), "{name}: {written}");
                assert!(
                    end + 4 >= capacity.min(size),
                    "{name}: too little was written"
                );
            }
        }

        for capacity in [0, 1, i64::MAX] {
            let mut length = -7;
            let code = (text.run)(&handles, null_mut(), capacity, &raw mut length);
            assert_eq!(
                (code, length),
                (APILINK_SUCCESS, i64::try_from(size).unwrap()),
                "{name}"
            );
        }
        assert_eq!(
            (text.run)(&handles, null_mut(), 0, null_mut()),
            APILINK_SUCCESS,
            "{name}"
        );
        let (code, buffer, _) = call(text, &handles, size + 9, i64::MAX);
        assert_eq!((code, buffer[size]), (APILINK_SUCCESS, 0), "{name}");

        for capacity in [-1, -2, i64::MIN] {
            let (code, buffer, length) = call(text, &handles, 16, capacity);
            assert_eq!((code, length), (APILINK_ERROR, -7), "{name}");
            assert!(buffer.iter().all(|byte| *byte == UNTOUCHED), "{name}");
            if leaves_record {
                assert_eq!(first_state((text.handle)(&handles)), "HY090", "{name}");
                // Puts the record of the failure back.
                connect(handles.failed, "é=€");
            }
        }
    }
}

#[test]
fn places_may_be_unaligned() {
    let world = World::start();
    let mut memory = [UNTOUCHED; 24];
    let place: *mut c_void = unsafe { memory.as_mut_ptr().add(1) }.cast();
    unsafe {
        assert_eq!(
            apilink_response_status(world.response, place.cast()),
            APILINK_SUCCESS
        );
        assert_eq!(memory[1..6], [200, 0, 0, 0, UNTOUCHED]);
        let token = apilink_token_text(world.connection, null_mut(), 0, place.cast());
        assert_eq!(token, APILINK_SUCCESS);
        assert_ne!(memory[1..9], [UNTOUCHED; 8]);
        let pointer = c"/data/0/id".as_ptr();
        let code = apilink_response_json_double(world.response, pointer, -1, place.cast());
        assert_eq!(code, APILINK_SUCCESS);
        assert!(f64::from_ne_bytes(memory[1..9].try_into().unwrap()) >= 1.0);
        let code = apilink_request_new(world.connection, place.cast());
        assert_eq!(code, APILINK_SUCCESS);
        let request = usize::from_ne_bytes(memory[1..=size_of::<usize>()].try_into().unwrap());
        let request = std::ptr::without_provenance_mut(request);
        assert_eq!(apilink_request_free(request), APILINK_SUCCESS);
    }
    assert_eq!((memory[0], memory[9]), (UNTOUCHED, UNTOUCHED));
}

#[test]
fn bodies_are_read_into_buffers_of_every_size() {
    let world = World::start();
    for capacity in [1, 2, 3, 7, 64, 4096, 1 << 20] {
        let response = crate::world::execute(world.request);
        let whole = crate::world::body(response);
        let response = {
            apilink_response_free(response);
            crate::world::execute(world.request)
        };
        let mut pieces = Vec::new();
        loop {
            let mut buffer = vec![UNTOUCHED; capacity + 8];
            let mut read = -7;
            let code = unsafe {
                let capacity = i64::try_from(capacity).unwrap();
                let buffer = buffer.as_mut_ptr().cast();
                apilink_response_read(response, buffer, capacity, &raw mut read)
            };
            if code == APILINK_NO_DATA {
                assert_eq!(read, -7);
                break;
            }
            assert_eq!(code, APILINK_SUCCESS);
            let read = usize::try_from(read).unwrap();
            assert!((1..=capacity).contains(&read));
            assert!(buffer[read..].iter().all(|byte| *byte == UNTOUCHED));
            pieces.extend_from_slice(&buffer[..read]);
        }
        assert_eq!(pieces, whole);
        for capacity in [0, -1, i64::MIN] {
            let mut buffer = [UNTOUCHED; 8];
            let code = unsafe {
                apilink_response_read(response, buffer.as_mut_ptr().cast(), capacity, &mut 0)
            };
            assert_eq!(code, APILINK_ERROR);
            assert_eq!(first_state(response), "HY090");
            assert_eq!(buffer, [UNTOUCHED; 8]);
        }
        apilink_response_free(response);
    }
}
