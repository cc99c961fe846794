//! A sandbox, a connection to it, a request and a response, and helpers to look at them.

use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::ptr::null_mut;
use std::time::Duration;

use apilink::constants::{APILINK_NO_DATA, APILINK_NTS, APILINK_SUCCESS};
use apilink::exports::*;
use apilink::handles::{apilink_connection, apilink_request, apilink_response};
use clio_sandbox::{Fault, FaultKind, Options, Sandbox};
use libc::c_void;

/// What every test needs. All handles are freed at its end.
pub struct World {
    pub sandbox: Sandbox,
    /// Connected with a token that has a scope.
    pub connection: *mut apilink_connection,
    /// Prepared for a page of matters.
    pub request: *mut apilink_request,
    /// A page of matters, and not the last one.
    pub response: *mut apilink_response,
    /// What `connection` is connected with. Its profile uses PKCE.
    pub string: CString,
    pub directory: tempfile::TempDir,
}

/// A handle on its way to another thread, which is what handles are made for.
pub struct Shared<H>(pub *mut H);

impl<H> Clone for Shared<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Shared<H> {}

unsafe impl<H> Send for Shared<H> {}

impl<H> Shared<H> {
    pub fn get(self) -> *mut H {
        self.0
    }
}

/// A diagnostic record.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub sqlstate: String,
    pub native: i32,
    pub message: String,
}

impl World {
    pub fn start() -> Self {
        let sandbox = Sandbox::start(Options {
            matters: 30,
            ..Options::default()
        })
        .expect("a sandbox");
        let directory = tempfile::tempdir().unwrap();
        let string = CString::new(format!(
            "Profile={};ProfileSettings='Region={}';AuthScheme=OAuth;InitiateOAuth=REFRESH;\
             OAuthClientId=sandbox-client;OAuthClientSecret=sandbox-secret;\
             CallbackUrl=http://localhost:33333;OAuthSettingsLocation=memory://{};\
             OAuthRefreshToken={};",
            pkce_profile(&directory).display(),
            sandbox.base_url(),
            sandbox.base_url(),
            sandbox
                .issue_token(sandbox.people()[0].id, Duration::from_secs(60))
                .refresh_token,
        ))
        .unwrap();
        let members = serde_json::json!({"scope": "read of everything, and écriture €"});
        sandbox.fault(Fault {
            members: members.as_object().cloned(),
            ..Fault::new("/oauth/token", FaultKind::Token)
        });
        let mut world = Self {
            sandbox,
            connection: null_mut(),
            request: null_mut(),
            response: null_mut(),
            string,
            directory,
        };
        world.connection = world.connected();
        world.request = world.prepared("matters?limit=2&fields=id,display_number&order=id(asc)");
        world.response = execute(world.request);
        world
    }

    /// A connection string with a fresh token and nothing else.
    pub fn simple_string(&self) -> String {
        let person = self.sandbox.people()[0].id;
        let token = self
            .sandbox
            .issue_token(person, Duration::from_secs(3600))
            .access_token;
        format!(
            "Profile=Clio;ProfileSettings='Region={}';AuthScheme=OAuth;OAuthAccessToken={token};",
            self.sandbox.base_url()
        )
    }

    /// A new connection that is connected.
    pub fn connected(&self) -> *mut apilink_connection {
        let connection = new_connection();
        let code =
            unsafe { apilink_connection_connect(connection, self.string.as_ptr(), APILINK_NTS) };
        assert_eq!(code, APILINK_SUCCESS, "{:?}", records(connection));
        connection
    }

    /// A new request of the connection.
    pub fn prepared(&self, url: &str) -> *mut apilink_request {
        let request = new_request(self.connection);
        prepare(request, "GET", url);
        request
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert_eq!(apilink_response_free(self.response), APILINK_SUCCESS);
        assert_eq!(apilink_request_free(self.request), APILINK_SUCCESS);
        assert_eq!(apilink_connection_free(self.connection), APILINK_SUCCESS);
        // Whatever a test is about: no reply was one that Clio would not give.
        let undocumented = self.sandbox.counters().undocumented_replies;
        assert!(
            std::thread::panicking() || undocumented.is_empty(),
            "{undocumented:?}"
        );
    }
}

/// The profile of Clio with PKCE.
fn pkce_profile(directory: &tempfile::TempDir) -> PathBuf {
    let path = directory.path().join("Firm.apip");
    let clio = include_str!("../../profiles/clio/profile.json");
    let mut profile: serde_json::Value = serde_json::from_str(clio).unwrap();
    profile["oauth"]["pkce"] = "S256".into();
    std::fs::write(&path, profile.to_string()).unwrap();
    path
}

pub fn new_connection() -> *mut apilink_connection {
    let mut connection = null_mut();
    assert_eq!(
        unsafe { apilink_connection_new(&raw mut connection) },
        APILINK_SUCCESS
    );
    assert!(!connection.is_null());
    connection
}

pub fn connect(connection: *mut apilink_connection, string: &str) -> i32 {
    unsafe { apilink_connection_connect(connection, string.as_ptr().cast(), size(string)) }
}

pub fn new_request(connection: *mut apilink_connection) -> *mut apilink_request {
    let mut request = null_mut();
    assert_eq!(
        unsafe { apilink_request_new(connection, &raw mut request) },
        APILINK_SUCCESS
    );
    request
}

pub fn prepare(request: *mut apilink_request, method: &str, url: &str) {
    let code = unsafe {
        let (method, method_size) = (method.as_ptr().cast(), size(method));
        apilink_request_prepare(request, method, method_size, url.as_ptr().cast(), size(url))
    };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(request));
}

/// Executes a request that succeeds.
pub fn execute(request: *mut apilink_request) -> *mut apilink_response {
    let mut response = null_mut();
    let code = unsafe { apilink_request_execute(request, &raw mut response) };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(request));
    response
}

/// Executes a request that gets no reply; the SQLSTATE.
pub fn fail(request: *mut apilink_request) -> String {
    let mut response = null_mut();
    let code = unsafe { apilink_request_execute(request, &raw mut response) };
    assert_eq!(code, apilink::constants::APILINK_ERROR);
    assert!(response.is_null());
    first_state(request)
}

pub fn size(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap()
}

/// The records of a handle.
pub fn records<H>(handle: *const H) -> Vec<Record> {
    let handle: *const c_void = handle.cast();
    let mut count = -1;
    assert_eq!(
        unsafe { apilink_diagnostic_count(handle, &raw mut count) },
        APILINK_SUCCESS
    );
    let records: Vec<Record> = (1..=count).map(|number| record(handle, number)).collect();
    let none = unsafe {
        apilink_diagnostic_get(
            handle,
            count + 1,
            null_mut(),
            null_mut(),
            null_mut(),
            0,
            null_mut(),
        )
    };
    assert_eq!(none, APILINK_NO_DATA);
    records
}

fn record(handle: *const c_void, number: i32) -> Record {
    let (mut sqlstate, mut native, mut length) = ([0; 6], 0, 0);
    let mut message = vec![0; 4096];
    let code = unsafe {
        apilink_diagnostic_get(
            handle,
            number,
            sqlstate.as_mut_ptr(),
            &raw mut native,
            message.as_mut_ptr(),
            4096,
            &raw mut length,
        )
    };
    assert_eq!(code, APILINK_SUCCESS);
    let message = text_of(&message);
    assert_eq!(size(&message), length);
    Record {
        sqlstate: text_of(&sqlstate),
        native,
        message,
    }
}

/// The SQLSTATE of the first record; empty if there is none.
pub fn first_state<H>(handle: *const H) -> String {
    records(handle)
        .into_iter()
        .next()
        .map(|record| record.sqlstate)
        .unwrap_or_default()
}

pub fn text_of(buffer: &[libc::c_char]) -> String {
    assert!(buffer.contains(&0));
    unsafe { CStr::from_ptr(buffer.as_ptr()) }
        .to_str()
        .unwrap()
        .to_owned()
}

/// A text of a JSON body.
pub fn json_text(response: *mut apilink_response, pointer: &str) -> Option<String> {
    let mut buffer = vec![0; 65536];
    let code = unsafe {
        apilink_response_json_text(
            response,
            pointer.as_ptr().cast(),
            size(pointer),
            buffer.as_mut_ptr(),
            65536,
            null_mut(),
        )
    };
    match code {
        APILINK_NO_DATA => None,
        code => {
            assert_eq!(code, APILINK_SUCCESS, "{:?}", records(response));
            Some(text_of(&buffer))
        }
    }
}

/// The body of a response.
pub fn body(response: *mut apilink_response) -> Vec<u8> {
    let (mut data, mut length) = (std::ptr::null(), -1);
    let code = unsafe { apilink_response_body(response, &raw mut data, &raw mut length) };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(response));
    let length = usize::try_from(length).unwrap();
    let with_nul = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length + 1) };
    assert_eq!(with_nul[length], 0);
    with_nul[..length].to_vec()
}

/// A port of this machine that nothing listens at.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
