//! Forks: an inherited handle is dead, a new connection works, nothing hangs.

use std::process::Command;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use apilink::constants::*;
use apilink::exports::*;

use crate::world::{World, connect, execute, new_connection, new_request, prepare};

/// The connection string for the process that forks. It is a process of its own, because the
/// test runner's threads should not be forked.
const STRING: &str = "APILINK_TEST_FORK_STRING";

#[test]
fn a_forked_child_starts_anew() {
    let world = World::start();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "forking::forks_when_asked_to",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(STRING, world.simple_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("25 children"),
        "{text}"
    );
}

/// Does nothing unless [`a_forked_child_starts_anew`] starts it.
#[test]
fn forks_when_asked_to() {
    let Ok(string) = std::env::var(STRING) else {
        return;
    };
    let connection = new_connection();
    assert_eq!(connect(connection, &string), APILINK_SUCCESS);
    let request = new_request(connection);
    prepare(request, "GET", "users/who_am_i");
    let response = execute(request);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Locks are held at the moment of a fork, by threads that the child does not have.
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let connection = new_connection();
                    apilink_request_free(new_request(connection));
                    apilink_connection_free(connection);
                }
            });
        }
        let mut failures = Vec::new();
        for _ in 0..25 {
            // SAFETY: the child makes calls of this library only, and leaves by _exit.
            match unsafe { libc::fork() } {
                0 => unsafe {
                    libc::alarm(30);
                    let step = child(&string, connection, request, response);
                    libc::_exit(step);
                },
                child => {
                    let mut status = 0;
                    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                    if status != 0 {
                        failures.push(status);
                    }
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(failures.is_empty(), "wait statuses {failures:?}");
    });
    // The parent goes on as before.
    apilink_response_free(response);
    apilink_response_free(execute(request));
    apilink_request_free(request);
    apilink_connection_free(connection);
    println!("25 children");
}

/// What a child does; 0, or the step that went wrong.
fn child(
    string: &str,
    connection: *mut apilink::handles::apilink_connection,
    request: *mut apilink::handles::apilink_request,
    response: *mut apilink::handles::apilink_response,
) -> i32 {
    let mut place = null_mut();
    let dead = unsafe {
        [
            apilink_connection_is_connected(connection, &mut 0),
            apilink_connection_cancel(connection),
            apilink_connection_disconnect(connection),
            apilink_request_new(connection, &mut null_mut()),
            apilink_request_execute(request, &raw mut place),
            apilink_response_body(response, &mut std::ptr::null(), null_mut()),
            apilink_diagnostic_count(connection.cast(), &mut 0),
            apilink_response_free(response),
            apilink_request_free(request),
            apilink_connection_free(connection),
        ]
    };
    if dead.iter().any(|code| *code != APILINK_INVALID_HANDLE) {
        return 1;
    }
    let mut fresh = null_mut();
    if unsafe { apilink_connection_new(&raw mut fresh) } != APILINK_SUCCESS {
        return 2;
    }
    if fresh == connection || connect(fresh, string) != APILINK_SUCCESS {
        return 3;
    }
    // The inherited tokens stay dead now that their slots are in use again.
    if apilink_connection_cancel(connection) != APILINK_INVALID_HANDLE {
        return 4;
    }
    let mut request = null_mut();
    if unsafe { apilink_request_new(fresh, &raw mut request) } != APILINK_SUCCESS {
        return 5;
    }
    prepare(request, "GET", "users/who_am_i");
    if unsafe { apilink_request_execute(request, &raw mut place) } != APILINK_SUCCESS {
        return 6;
    }
    apilink_response_free(place);
    apilink_request_free(request);
    if apilink_connection_free(fresh) == APILINK_SUCCESS {
        0
    } else {
        7
    }
}
