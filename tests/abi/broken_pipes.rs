//! A service that closes the connection in the middle of an upload: by default, to write on raises a
//! signal that ends a C program.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::ptr::null_mut;

use apilink::constants::*;
use apilink::exports::*;

use crate::world::{connect, first_state, new_connection, new_request, prepare, records};

/// More than the system holds back, so that the library has to write after the end.
const BODY: usize = 16 << 20;

fn hang_up_on_everybody(listener: &TcpListener) {
    for stream in listener.incoming() {
        let mut stream: TcpStream = stream.unwrap();
        let _ = stream.read(&mut [0; 1000]);
    }
}

/// As a C program has it: Rust's has the signal ignored.
fn signals_as_in_c() {
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

fn holds_back_or_has_pending() -> bool {
    unsafe {
        let mut masked = std::mem::zeroed();
        let mut pending = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut masked);
        libc::sigpending(&raw mut pending);
        libc::sigismember(&raw const masked, libc::SIGPIPE) == 1
            || libc::sigismember(&raw const pending, libc::SIGPIPE) == 1
    }
}

/// Uploads from memory, which this thread does itself, and from a file, which a thread of the
/// library does.
#[test]
fn a_connection_that_ends_in_an_upload_does_not_end_the_program() {
    signals_as_in_c();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let region = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || hang_up_on_everybody(&listener));
    let file = tempfile::NamedTempFile::new().unwrap();
    let body = vec![b'x'; BODY];
    std::fs::write(file.path(), &body).unwrap();

    let connection = new_connection();
    let string = format!("Region={region};InitiateOAuth=OFF;OAuthAccessToken=t");
    let code = connect(connection, &string);
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(connection));
    let request = new_request(connection);
    for from_file in [false, true] {
        prepare(request, "PUT", "documents/1");
        let code = unsafe {
            let json = c"application/json".as_ptr();
            if from_file {
                let path = file.path().to_str().unwrap();
                let size = i64::try_from(path.len()).unwrap();
                apilink_request_set_body_file(
                    request,
                    path.as_ptr().cast(),
                    size,
                    json,
                    APILINK_NTS,
                )
            } else {
                let size = i64::try_from(BODY).unwrap();
                apilink_request_set_body(request, body.as_ptr().cast(), size, json, APILINK_NTS)
            }
        };
        assert_eq!(code, APILINK_SUCCESS, "{:?}", records(request));
        let mut response = null_mut();
        let code = unsafe { apilink_request_execute(request, &raw mut response) };
        assert_eq!(code, APILINK_ERROR);
        assert_eq!(first_state(request), "08S01", "{:?}", records(request));
        assert!(!holds_back_or_has_pending());
    }
    apilink_connection_free(connection);
}
