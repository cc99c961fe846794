//! Every function says its SQLSTATEs: what its calls are seen to fail with is in its comment.

use std::ffi::c_void;
use std::path::Path;
use std::ptr::{null, null_mut};

use apilink::constants::{APILINK_ERROR, APILINK_SUCCESS};
use apilink::exports::*;
use apilink::handles::apilink_connection;
use clio_sandbox::{Fault, FaultKind};

use crate::header_text::lists_state;
use crate::world::{
    World, connect, first_state, new_connection, new_request, prepare, records, size,
};

/// Checks that a call failed as expected, and that the header says that it can.
fn expect<H>(name: &str, code: i32, handle: *const H, state: &str, what: &str) {
    assert_eq!(code, APILINK_ERROR, "{name}: {what}");
    assert_eq!(
        first_state(handle),
        state,
        "{name}: {what}: {:?}",
        records(handle)
    );
    assert!(lists_state(name, state), "{name} does not list {state}");
}

#[test]
fn what_walk_c_sees_is_listed() {
    let source = include_str!("../sanitizers/walk.c");
    let mut seen = 0;
    for call in source.split("FAILS(\"").skip(1) {
        let (state, rest) = call.split_at(5);
        let Some((_, rest)) = rest.split_once("apilink_") else {
            panic!("a FAILS without a call");
        };
        let name = format!("apilink_{}", rest.split('(').next().unwrap());
        assert!(lists_state(&name, state), "{name} does not list {state}");
        seen += 1;
    }
    assert!(seen > 70, "walk.c was not understood");
}

fn url(connection: *mut apilink_connection, string: &str) -> i32 {
    let (text, length) = (string.as_ptr().cast(), size(string));
    unsafe {
        apilink_authorization_url(
            connection,
            text,
            length,
            null(),
            0,
            null_mut(),
            0,
            null_mut(),
        )
    }
}

fn exchange(connection: *mut apilink_connection, string: &str) -> i32 {
    let (text, length) = (string.as_ptr().cast(), size(string));
    unsafe { apilink_authorization_exchange(connection, text, length, c"code".as_ptr(), -1) }
}

/// A function that reads a connection string.
type Reader = (&'static str, fn(*mut apilink_connection, &str) -> i32);

const CONNECT: Reader = ("apilink_connection_connect", connect);
const URL: Reader = ("apilink_authorization_url", url);
const EXCHANGE: Reader = ("apilink_authorization_exchange", exchange);

fn string_with_file(world: &World, file: &Path) -> String {
    let user = world.sandbox.people()[0].id;
    let life = std::time::Duration::from_secs(60);
    format!(
        "ProfileSettings='Region={}';AuthScheme=OAuth;InitiateOAuth=REFRESH;\
         OAuthClientId=sandbox-client;OAuthClientSecret=sandbox-secret;OAuthSettingsLocation={};\
         OAuthRefreshToken={};",
        world.sandbox.base_url(),
        file.display(),
        world.sandbox.issue_token(user, life).refresh_token,
    )
}

#[test]
fn what_reading_a_connection_string_comes_to_is_listed() {
    let world = World::start();
    let encrypted = world.directory.path().join("encrypted");
    std::fs::write(&encrypted, "encrypted:abc").unwrap();
    let good = string_with_file(&world, &world.directory.path().join("tokens"));
    let with = |more: &str| format!("{more};{good}");
    let no_client = good.replace("OAuthClientId=sandbox-client;", "");
    let with_encrypted = string_with_file(&world, &encrypted);
    let all = [CONNECT, URL, EXCHANGE].as_slice();
    let with_store = [CONNECT, EXCHANGE].as_slice();
    for (functions, state, string) in [
        (all, "HY024", with("NoSuchProperty=1")),
        (
            all,
            "HYC00",
            with("OAuthSettingsLocation=register://DSN=CLIO"),
        ),
        (
            all,
            "HYC00",
            with(&format!("SSLServerCert={}", "ab".repeat(20))),
        ),
        ([URL, EXCHANGE].as_slice(), "28000", no_client),
        (with_store, "HYC00", with_encrypted),
    ] {
        for (name, call) in functions {
            let connection = new_connection();
            expect(name, call(connection, &string), connection, state, &string);
            apilink_connection_free(connection);
        }
    }
    for (name, call) in with_store {
        world
            .sandbox
            .fault(Fault::new("/oauth/token", FaultKind::Drop));
        let connection = new_connection();
        let code = call(connection, &good);
        expect(name, code, connection, "08S01", "a connection that breaks");
        apilink_connection_free(connection);
    }
}

/// The file of the tokens becomes one that cannot be used while a connection is open, whose token
/// has to be refreshed for every call.
fn fails_everywhere(spoil: impl Fn(&Path), state: &str) {
    let world = World::start();
    let file = world.directory.path().join("tokens");
    let members = serde_json::json!({"expires_in": 0});
    world.sandbox.fault(Fault {
        members: members.as_object().cloned(),
        times: 0,
        ..Fault::new("/oauth/token", FaultKind::Token)
    });
    let connection = new_connection();
    let string = string_with_file(&world, &file);
    assert_eq!(connect(connection, &string), APILINK_SUCCESS);
    let request = new_request(connection);
    prepare(request, "GET", "matters?limit=2");
    let mut page = null_mut();
    let code = unsafe { apilink_request_execute(request, &raw mut page) };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(request));

    std::fs::remove_file(&file).unwrap();
    spoil(&file);
    let of_connection: *const c_void = connection.cast_const().cast();
    let of_request: *const c_void = request.cast_const().cast();
    let mut next = null_mut();
    for (name, code, handle) in unsafe {
        [
            (
                "apilink_token_text",
                apilink_token_text(connection, null_mut(), 0, null_mut()),
                of_connection,
            ),
            (
                "apilink_request_execute",
                apilink_request_execute(request, &raw mut next),
                of_request,
            ),
        ]
    } {
        expect(name, code, handle, state, "the token file");
    }
    for (name, call) in [
        (
            "apilink_token_refresh",
            apilink_token_refresh as extern "C" fn(_) -> _,
        ),
        ("apilink_token_revoke", apilink_token_revoke),
    ] {
        expect(name, call(connection), connection, state, "the token file");
    }
    let code = unsafe { apilink_request_next_page(request, page, &raw mut next) };
    let name = "apilink_request_next_page";
    expect(name, code, request, state, "the token file");
    apilink_response_free(page);
    apilink_request_free(request);
    apilink_connection_free(connection);
}

#[test]
fn what_an_encrypted_token_file_comes_to_is_listed() {
    fails_everywhere(
        |file| std::fs::write(file, "encrypted:abc").unwrap(),
        "HYC00",
    );
}

#[cfg(unix)]
#[test]
fn what_a_token_file_that_leads_in_a_circle_comes_to_is_listed() {
    fails_everywhere(
        |file| std::os::unix::fs::symlink(file, file).unwrap(),
        "HY024",
    );
}
