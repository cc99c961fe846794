//! The manifest: every function that `libapilink` exports.
//!
//! The comments here become the comments of `include/apilink.h`, so they are written for C
//! programmers. Each function enters the panic boundary of `crate::entry`, turns its pointers
//! into safe values, and calls one safe function.

#![allow(
    clippy::doc_markdown,
    reason = "the comments are those of the C header"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of each pointer stands in its text"
)]
#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "handles are tokens and never followed"
)]

use std::ptr::null_mut;

use apilink_abi::input::{bytes, text, text_or_none};
use apilink_abi::output::{BytesOut, TextOut, ValueOut};
use libc::{c_char, c_void};

use crate::callbacks::{apilink_authorize_callback, apilink_log_callback, apilink_read_callback};
use crate::entry::{cancel, free, new_connection, on, on_any};
use crate::handles::{apilink_connection, apilink_request, apilink_response};

/// Version of the library as text, such as "0.1.0".
///
/// Compare it with APILINK_VERSION, the version of the header that the program was compiled with.
///
/// @return static text: never NULL, and never to be freed. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_version() -> *const c_char {
    crate::constants::VERSION_TEXT.as_ptr()
}

/// Version of the binary interface.
///
/// @return a number; a program runs safely with this library when it equals APILINK_ABI_VERSION of
///         the header that the program was compiled with. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_abi_version() -> i32 {
    crate::constants::APILINK_ABI_VERSION
}

// ---- diagnostic records ------------------------------------------------------------------------

/// Number of diagnostic records that the last call on a handle left behind.
///
/// @param handle  a connection, request or response.
/// @param count   receives the number, 0 if there are none.
/// @return APILINK_SUCCESS, APILINK_ERROR (count is NULL) or APILINK_INVALID_HANDLE.
///
/// The records stay until the next call on the same handle ends. apilink_diagnostic_... and
/// ..._cancel leave them as they are, and make none of their own. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_diagnostic_count(handle: *const c_void, count: *mut i32) -> i32 {
    on_any(handle, |object| {
        // SAFETY: the caller passes null or a valid place for an int32_t.
        let count = unsafe { ValueOut::required("count", count) }?;
        object.diagnostic_count(count)
    })
}

/// Reads one diagnostic record.
///
/// @param handle       a connection, request or response.
/// @param number       1 for the first record; the most important one comes first.
/// @param sqlstate     receives five characters and a NUL, so it has room for 6; or NULL.
/// @param native_code  receives the HTTP status (100 to 599), one of APILINK_OAUTH_..., or 0; or
///                     NULL.
/// @param message      receives the text, NUL-terminated UTF-8 in one line; or NULL.
/// @param capacity     size of message in bytes, the NUL included.
/// @param length       receives the length of the whole text in bytes, without the NUL; or NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO when the text was cut; APILINK_NO_DATA when
///         there is no record with this number; APILINK_ERROR (number below 1, capacity below 0);
///         APILINK_INVALID_HANDLE.
///
/// Leaves the records as they are, and makes none of its own. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_diagnostic_get(
    handle: *const c_void,
    number: i32,
    sqlstate: *mut c_char,
    native_code: *mut i32,
    message: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on_any(handle, |object| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let (sqlstate, native_code, message) = unsafe {
            (
                TextOut::new(sqlstate, 6, null_mut())?,
                ValueOut::optional(native_code),
                TextOut::new(message, capacity, length)?,
            )
        };
        object.diagnostic_get(number, sqlstate, native_code, message)
    })
}

// ---- connections -------------------------------------------------------------------------------

/// Allocates a connection. Nothing is opened yet.
///
/// @param connection  receives the handle; free it with apilink_connection_free.
/// @return APILINK_SUCCESS, or APILINK_ERROR when connection is NULL or there is no room for
///         another handle. There is no handle yet that could keep a record.
///
/// A connection made before a fork is dead in the child: every call answers
/// APILINK_INVALID_HANDLE there. The child makes connections of its own. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_connection_new(connection: *mut *mut apilink_connection) -> i32 {
    new_connection(|| {
        // SAFETY: the caller passes null or a valid place for a handle.
        unsafe { ValueOut::required("connection", connection) }
    })
}

/// Frees a connection, and cancels the calls that still run on it or on its requests.
///
/// @param connection  the connection; NULL is ignored.
/// @return APILINK_SUCCESS, or APILINK_INVALID_HANDLE (freed already).
///
/// Its requests and responses keep their handles and are freed on their own, before or after: a
/// request then answers 08003, a response can still be read as far as it has arrived.
/// Threads: any; never waits.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_connection_free(connection: *mut apilink_connection) -> i32 {
    free(connection)
}

/// Sets the time limit for connecting and for silence on the wire, in place of the property
/// Timeout. It does not bound the length of a download or an upload that keeps going. What is sent
/// is taken over by the system long before it is on the wire: silence begins when it would be there
/// at 16 KiB a second, at most 256 seconds after it was taken over. Linux tells when the other side
/// takes nothing any more: there, 24 seconds of that beyond the limit are silence, too.
///
/// @param connection  a connection that is not connected.
/// @param seconds     1 to 2147483647; 0 for no limit.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: seconds; HY010: connected, or another thread is
///         connecting); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_connection_set_timeout(
    connection: *mut apilink_connection,
    seconds: i64,
) -> i32 {
    on(connection, |connection, _| connection.set_timeout(seconds))
}

/// Sets how long a login in the browser may take, in place of the property LoginTimeout.
///
/// @param connection  a connection that is not connected.
/// @param seconds     1 to 2147483647.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: seconds; HY010: connected, or another thread is
///         connecting); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_connection_set_login_timeout(
    connection: *mut apilink_connection,
    seconds: i64,
) -> i32 {
    on(connection, |connection, _| {
        connection.set_login_timeout(seconds)
    })
}

/// Sends the log of a connection to the program, beside the file that Logfile names.
///
/// @param connection  a connection that is not connected.
/// @param level       1 to 5, as the property Verbosity.
/// @param callback    see apilink_log_callback; NULL ends the reporting.
/// @param user_data   handed to the callback as it is. Must stay valid until the connection, and
///                    every request and response of it, has been freed and their calls have ended.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: level; HY010: connected, or another thread is
///         connecting); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_connection_set_log_callback(
    connection: *mut apilink_connection,
    level: i32,
    callback: apilink_log_callback,
    user_data: *mut c_void,
) -> i32 {
    on(connection, |connection, _| {
        connection.set_log_callback(level, callback, user_data)
    })
}

/// Shows the authorization URL through the program instead of opening a browser, for programs
/// that have a window of their own. The library still waits for the redirect to CallbackURL. To
/// have the URL beside the system's browser, call apilink_authorization_url on another thread while
/// the login waits.
///
/// @param connection  a connection that is not connected.
/// @param callback    see apilink_authorize_callback; NULL restores the system's browser.
/// @param user_data   handed to the callback as it is. Must stay valid while
///                    apilink_connection_connect runs.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY010: connected, or another thread is connecting);
///         APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_connection_set_authorize_callback(
    connection: *mut apilink_connection,
    callback: apilink_authorize_callback,
    user_data: *mut c_void,
) -> i32 {
    on(connection, |connection, _| {
        connection.set_authorize_callback(callback, user_data)
    })
}

/// Connects with a connection string: reads it, finds or obtains a token, and returns when
/// requests can be made. With a usable token, given or stored, there is no network traffic; with
/// InitiateOAuth=GETANDREFRESH and none, the browser is opened and the call waits for the login.
///
/// @param connection         a connection that is not connected.
/// @param connection_string  UTF-8; see docs/connection-string.md. It is copied.
/// @param length             its length in bytes, or -1 if it ends with a NUL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO with warnings (01000, 01S00);
///         APILINK_ERROR; APILINK_INVALID_HANDLE.
///
/// SQLSTATEs: HY024 a property or its value, HYC00 a value of a form that is not supported (a token
/// store in the registry, a settings file that is encrypted, a thumbprint), HY090 the length, HY009
/// connection_string is NULL, 08002 already connected, HY010 another thread is connecting, 08001 the
/// service cannot be reached, 08S01 the connection to it broke, 28000 authorization missing or
/// refused, or a login needed, HYT00 time ran out, HY008 cancelled, HY000 the token store and the
/// rest.
///
/// After an error the handle is as before and can be used again. Threads: any; a second thread
/// that connects the same handle at the same time gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_connection_connect(
    connection: *mut apilink_connection,
    connection_string: *const c_char,
    length: i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null or text of this length.
        let string = unsafe { text("connection_string", connection_string, length) }?;
        connection.connect(string, records)
    })
}

/// Whether a connection is connected. Makes no request.
///
/// @param connection  the connection.
/// @param connected   receives 1 or 0.
/// @return APILINK_SUCCESS, APILINK_ERROR (HY009) or APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_connection_is_connected(
    connection: *mut apilink_connection,
    connected: *mut i32,
) -> i32 {
    on(connection, |connection, _| {
        // SAFETY: the caller passes null or a valid place for an int32_t.
        let connected = unsafe { ValueOut::required("connected", connected) }?;
        connection.is_connected(connected)
    })
}

/// Ends a connection, cancels what runs on it, and keeps the handle for the next connect. The
/// token stays where it is stored.
///
/// @param connection  the connection.
/// @return APILINK_SUCCESS; APILINK_ERROR (08003: not connected; HY010: another thread is
///         connecting); APILINK_INVALID_HANDLE. Threads: any; never waits.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_connection_disconnect(connection: *mut apilink_connection) -> i32 {
    on(connection, |connection, _| connection.disconnect())
}

/// Cancels everything that runs on a connection now: connecting, a login, token calls, and all of
/// its requests and responses. Those calls return APILINK_ERROR with HY008 within 100 ms; later
/// calls are not affected. Does nothing when nothing runs.
///
/// @param connection  the connection.
/// @return APILINK_SUCCESS or APILINK_INVALID_HANDLE. It leaves the diagnostic records alone.
///
/// Threads: any, callbacks included, but not from a signal handler; never waits.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_connection_cancel(connection: *mut apilink_connection) -> i32 {
    cancel(connection)
}

// ---- tokens ------------------------------------------------------------------------------------

/// The access token, for use outside of apilink. It is fresh: one that has expired is refreshed
/// first if InitiateOAuth allows it.
///
/// @param connection  a connection that is connected.
/// @param buffer      receives the NUL-terminated token, or NULL.
/// @param capacity    size of buffer in bytes.
/// @param length      receives the length of the whole token in bytes, without the NUL; or NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut; 01000: refreshed, but the new
///         tokens could not be stored); APILINK_NO_DATA with AuthScheme=None; APILINK_ERROR
///         (08003, HY090; and of a refresh, see apilink_token_refresh: 28000, 08001, 08S01, HYT00,
///         HY008, HY000, HY024, HYC00); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_token_text(
    connection: *mut apilink_connection,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let token = unsafe { TextOut::new(buffer, capacity, length) }?;
        connection.token_text(token, records)
    })
}

/// The type of the current access token, usually "Bearer". Makes no request.
///
/// @param connection  a connection that is connected.
/// @param buffer      receives the NUL-terminated type, or NULL.
/// @param capacity    size of buffer in bytes.
/// @param length      receives the length of the whole type in bytes, without the NUL; or NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when there is
///         no token; APILINK_ERROR (08003, HY090); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_token_type(
    connection: *mut apilink_connection,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let token_type = unsafe { TextOut::new(buffer, capacity, length) }?;
        connection.token_type(token_type, records)
    })
}

/// When the current access token expires. Makes no request.
///
/// @param connection    a connection that is connected.
/// @param unix_seconds  receives the time in seconds since 1970-01-01 00:00 UTC.
/// @return APILINK_SUCCESS; APILINK_NO_DATA when the service did not say, or there is no token;
///         APILINK_ERROR (08003, HY009); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_token_expiry(
    connection: *mut apilink_connection,
    unix_seconds: *mut i64,
) -> i32 {
    on(connection, |connection, _| {
        // SAFETY: the caller passes null or a valid place for an int64_t.
        let unix_seconds = unsafe { ValueOut::required("unix_seconds", unix_seconds) }?;
        connection.token_expiry(unix_seconds)
    })
}

/// The scope of the current access token, as the service sent it. Makes no request.
///
/// @param connection  a connection that is connected.
/// @param buffer      receives the NUL-terminated scope, or NULL.
/// @param capacity    size of buffer in bytes.
/// @param length      receives the length of the whole scope in bytes, without the NUL; or NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when the
///         service did not say (Clio does not), or there is no token; APILINK_ERROR (08003,
///         HY090); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_token_scope(
    connection: *mut apilink_connection,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let scope = unsafe { TextOut::new(buffer, capacity, length) }?;
        connection.token_scope(scope, records)
    })
}

/// Refreshes the access token now, whatever its age, and stores the new one.
///
/// @param connection  a connection that is connected.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01000: refreshed, but it could not be
///         stored); APILINK_ERROR (08003; 28000: refused, or InitiateOAuth=OFF, or no refresh
///         token; 08001, 08S01, HYT00, HY008; HY000: the token store; HY024, HYC00: the token
///         store, or a property such as SSLClientCert, proves to be one that cannot be used);
///         APILINK_INVALID_HANDLE. Threads: any.
///
/// A call that is cancelled returns at once. Nothing is left behind while the refresh waits for
/// another program's, while it connects, or between two attempts. An attempt that has its connection
/// runs to its end on a thread of its own, for Timeout at the longest (60 seconds without one),
/// because the service may have replaced the refresh token already. The system does not break off
/// the lookup of a name: the thread that waits for it ends when the system does. The same goes for
/// every call that refreshes a token on its way.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_token_refresh(connection: *mut apilink_connection) -> i32 {
    on(connection, |connection, records| {
        connection.token_refresh(records)
    })
}

/// Revokes the access token at the service and removes the tokens from their store. The
/// connection is disconnected.
///
/// @param connection  a connection that is connected.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01000: the service does not accept the
///         tokens any more; they were removed); APILINK_ERROR (08003; 28000; HYC00: the profile
///         has no revocation; 08001, 08S01, HYT00, HY008, HY000; HY024, HYC00: as
///         apilink_token_refresh); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_token_revoke(connection: *mut apilink_connection) -> i32 {
    on(connection, |connection, records| {
        connection.token_revoke(records)
    })
}

/// Builds the URL at which a person authorizes the application, for logins on another machine and
/// for web applications. Makes no request. The handle need not be connected, and remembers the
/// state and the PKCE verifier for apilink_authorization_exchange.
///
/// @param connection         any connection.
/// @param connection_string  with OAuthClientId and CallbackURL; InitiateOAuth is not looked at.
/// @param length             its length in bytes, or -1.
/// @param state              the application's own state value, or NULL for the property State or
///                           else a random one.
/// @param state_length       its length in bytes, or -1.
/// @param buffer             receives the NUL-terminated URL, or NULL.
/// @param capacity           size of buffer in bytes.
/// @param url_length         receives the length of the whole URL in bytes; or NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004; 01000, 01S00: warnings of the string);
///         APILINK_ERROR (28000: OAuthClientId is missing; HY024, HYC00: as
///         apilink_connection_connect; HY090, HY009, HY000);
///         APILINK_INVALID_HANDLE. Threads: any.
///
/// Called again with the same arguments, for a larger buffer, it makes a new URL with a new
/// random state; 2048 bytes are enough for every URL.
///
/// While apilink_connection_connect waits for a login on this connection, on another thread, and
/// state is NULL, the URL is the one that it waits for: for a person to whom the browser that was
/// opened is of no use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_authorization_url(
    connection: *mut apilink_connection,
    connection_string: *const c_char,
    length: i64,
    state: *const c_char,
    state_length: i64,
    buffer: *mut c_char,
    capacity: i64,
    url_length: *mut i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null, texts of these lengths, or buffers of the sizes named
        // above.
        let (string, state, url) = unsafe {
            (
                text("connection_string", connection_string, length)?,
                text_or_none("state", state, state_length)?,
                TextOut::new(buffer, capacity, url_length)?,
            )
        };
        connection.authorization_url(string, state, url, records)
    })
}

/// The state of the last apilink_authorization_url on this handle. A web application keeps it in
/// the user's session and compares it with the state of the redirect. Makes no request.
///
/// @param connection  any connection.
/// @param buffer      receives the NUL-terminated state, or NULL.
/// @param capacity    size of buffer in bytes.
/// @param length      receives the length of the whole state in bytes, without the NUL; or NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when no URL
///         was made; APILINK_ERROR (HY090); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_authorization_state(
    connection: *mut apilink_connection,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let state = unsafe { TextOut::new(buffer, capacity, length) }?;
        connection.authorization_state(state, records)
    })
}

/// The PKCE verifier (RFC 7636) of the last apilink_authorization_url on this handle, to be given
/// as PKCEVerifier where another handle or process exchanges the code. Makes no request.
///
/// @param connection  any connection.
/// @param buffer      receives the NUL-terminated verifier, or NULL.
/// @param capacity    size of buffer in bytes.
/// @param length      receives the length of the whole verifier in bytes, without the NUL; or
///                    NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when no URL
///         was made, or the profile does not use PKCE (Clio Manage does not); APILINK_ERROR
///         (HY090); APILINK_INVALID_HANDLE. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_authorization_pkce_verifier(
    connection: *mut apilink_connection,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let verifier = unsafe { TextOut::new(buffer, capacity, length) }?;
        connection.authorization_pkce_verifier(verifier, records)
    })
}

/// Exchanges an authorization code for tokens and puts them into the token store that the
/// connection string names. Afterwards connect with the same string.
///
/// @param connection         any connection.
/// @param connection_string  with OAuthClientId, OAuthClientSecret, CallbackURL and usually
///                           OAuthSettingsLocation: one store for each user.
/// @param length             its length in bytes, or -1.
/// @param code               the code, or the whole URL that the browser was redirected to.
/// @param code_length        its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01000, 01S00: warnings of the string);
///         APILINK_ERROR (28000: declined, refused, or the state is a foreign one; HY024: there is
///         no code in code, or a property; HYC00: as apilink_connection_connect; HY090, HY009,
///         08001, 08S01, HYT00, HY008; HY000: the token store); APILINK_INVALID_HANDLE.
///         Threads: any.
///
/// Where code is a URL, or the query of one (?code=...), its state must equal the one of the last
/// apilink_authorization_url on this handle, or else the property State if it is given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_authorization_exchange(
    connection: *mut apilink_connection,
    connection_string: *const c_char,
    length: i64,
    code: *const c_char,
    code_length: i64,
) -> i32 {
    on(connection, |connection, records| {
        // SAFETY: the caller passes null or texts of these lengths.
        let (string, code) = unsafe {
            (
                text("connection_string", connection_string, length)?,
                text("code", code, code_length)?,
            )
        };
        connection.authorization_exchange(string, code, records)
    })
}

// ---- requests ----------------------------------------------------------------------------------

/// Allocates a request on a connection. One request runs one call at a time; threads that want to
/// make requests side by side use a request each.
///
/// @param connection  the connection, which need not be connected yet.
/// @param request     receives the handle; free it with apilink_request_free.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY001: no room for another handle);
///         APILINK_INVALID_HANDLE. Threads: any.
///
/// The records are those of the connection and replace what an earlier call on it left: threads
/// that share a connection make their requests first, or read its records before another calls it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_new(
    connection: *mut apilink_connection,
    request: *mut *mut apilink_request,
) -> i32 {
    on(connection, |connection, _| {
        // SAFETY: the caller passes null or a valid place for a handle.
        let request = unsafe { ValueOut::required("request", request) }?;
        connection.new_request(request)
    })
}

/// Frees a request. A call that runs on it is cancelled; its responses stay.
///
/// @param request  the request; NULL is ignored.
/// @return APILINK_SUCCESS, or APILINK_INVALID_HANDLE (freed already). Threads: any; never waits.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_request_free(request: *mut apilink_request) -> i32 {
    free(request)
}

/// Says what to request, and forgets the query, headers, body and time limit set before. After an
/// error nothing is prepared, and apilink_request_execute answers HY010.
///
/// @param request        the request.
/// @param method         GET, POST, PATCH, PUT, DELETE, HEAD or OPTIONS.
/// @param method_length  its length in bytes, or -1.
/// @param url            a path below the API's base, such as "matters" or
///                       "matters/17?fields=id,etag"; an absolute path such as
///                       "/api/v4/matters.json"; or an absolute URL of the region's own origin.
///                       apilink_request_execute refuses anything else (HY024), so that the token
///                       cannot reach another host.
/// @param url_length     its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: method; HY090, HY009; HY010: a call is running);
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_prepare(
    request: *mut apilink_request,
    method: *const c_char,
    method_length: i64,
    url: *const c_char,
    url_length: i64,
) -> i32 {
    on(request, |request, _| {
        request.unprepare()?;
        // SAFETY: the caller passes null or texts of these lengths.
        let (method, url) = unsafe {
            (
                text("method", method, method_length)?,
                text("url", url, url_length)?,
            )
        };
        request.prepare(method, url)
    })
}

/// As apilink_request_prepare, for a signed URL that the service handed out, such as put_url of a
/// document version. Goes to any https host (or to loopback when the region is loopback), and
/// carries no token, none of CustomHeaders and CustomUrlParams: nothing but what is added here.
///
/// @param request        the request.
/// @param method         GET, POST, PATCH, PUT, DELETE, HEAD or OPTIONS.
/// @param method_length  its length in bytes, or -1.
/// @param url            an absolute URL. apilink_request_execute refuses anything else (HY024).
/// @param url_length     its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: method; HY090, HY009; HY010: a call is running);
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_prepare_signed(
    request: *mut apilink_request,
    method: *const c_char,
    method_length: i64,
    url: *const c_char,
    url_length: i64,
) -> i32 {
    on(request, |request, _| {
        request.unprepare()?;
        // SAFETY: the caller passes null or texts of these lengths.
        let (method, url) = unsafe {
            (
                text("method", method, method_length)?,
                text("url", url, url_length)?,
            )
        };
        request.prepare_signed(method, url)
    })
}

/// Adds a query parameter; name and value are percent-encoded as needed. Names may repeat.
///
/// @param request       a request that has been prepared.
/// @param name          UTF-8.
/// @param name_length   its length in bytes, or -1.
/// @param value         UTF-8.
/// @param value_length  its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: not UTF-8; HY090, HY009; HY010: prepare first,
///         or a call is running); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_add_query(
    request: *mut apilink_request,
    name: *const c_char,
    name_length: i64,
    value: *const c_char,
    value_length: i64,
) -> i32 {
    on(request, |request, _| {
        // SAFETY: the caller passes null or texts of these lengths.
        let (name, value) = unsafe {
            (
                text("name", name, name_length)?,
                text("value", value, value_length)?,
            )
        };
        request.add_query(name, value)
    })
}

/// Adds a header. Names may repeat, except that a second Content-Type replaces the first.
/// Authorization, Host, Content-Length, Transfer-Encoding and Connection are the library's own and
/// are refused.
///
/// @param request       a request that has been prepared.
/// @param name          the name, such as "If-Match".
/// @param name_length   its length in bytes, or -1.
/// @param value         the value.
/// @param value_length  its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: not a valid header, or one of the library's own;
///         HY090, HY009; HY010: prepare first, or a call is running); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_add_header(
    request: *mut apilink_request,
    name: *const c_char,
    name_length: i64,
    value: *const c_char,
    value_length: i64,
) -> i32 {
    on(request, |request, _| {
        // SAFETY: the caller passes null or texts of these lengths.
        let (name, value) = unsafe {
            (
                text("name", name, name_length)?,
                text("value", value, value_length)?,
            )
        };
        request.add_header(name, value)
    })
}

/// Sets a body from memory, in place of the body set before. It is copied.
///
/// @param request              a request that has been prepared.
/// @param data                 the bytes; may be NULL when length is 0.
/// @param length               their number, up to 2147483647; or -1 for NUL-terminated text.
/// @param content_type         such as "application/json"; NULL for the header Content-Type that
///                             was added, or else application/json.
/// @param content_type_length  its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: content_type; HY090, HY009, HY001; HY010:
///         prepare first, or a call is running); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_set_body(
    request: *mut apilink_request,
    data: *const c_void,
    length: i64,
    content_type: *const c_char,
    content_type_length: i64,
) -> i32 {
    on(request, |request, _| {
        // SAFETY: the caller passes null or data of these lengths.
        let (data, content_type) = unsafe {
            (
                bytes("data", data, length)?,
                text_or_none("content_type", content_type, content_type_length)?,
            )
        };
        request.set_body(data, content_type)
    })
}

/// Sets a body from a file, in place of the body set before. The file is read while it is sent and
/// never held in memory as a whole.
///
/// @param request              a request that has been prepared.
/// @param path                 UTF-8.
/// @param path_length          its length in bytes, or -1.
/// @param content_type         NULL for the header Content-Type that was added, or else
///                             application/octet-stream.
/// @param content_type_length  its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: content_type; HY090, HY009; HY010: prepare
///         first, or a call is running); APILINK_INVALID_HANDLE. The file is opened when the
///         request is executed, each time anew.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_set_body_file(
    request: *mut apilink_request,
    path: *const c_char,
    path_length: i64,
    content_type: *const c_char,
    content_type_length: i64,
) -> i32 {
    on(request, |request, _| {
        // SAFETY: the caller passes null or texts of these lengths.
        let (path, content_type) = unsafe {
            (
                text("path", path, path_length)?,
                text_or_none("content_type", content_type, content_type_length)?,
            )
        };
        request.set_body_file(path, content_type)
    })
}

/// Sets a body that is pulled from a callback while it is sent, in place of the body set before. It
/// can be sent only once: where a repetition would be needed (401, 429, a lost connection), the
/// reply or error is returned. Executing the request again goes on pulling.
///
/// @param request              a request that has been prepared.
/// @param callback             see apilink_read_callback.
/// @param user_data            handed to the callback as it is. Must stay valid while
///                             apilink_request_execute runs.
/// @param total                number of bytes that the callback will deliver, or -1 if unknown;
///                             the storage that signed URLs lead to wants to know it.
/// @param content_type         NULL for the header Content-Type that was added, or else
///                             application/octet-stream.
/// @param content_type_length  its length in bytes, or -1.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: content_type; HY090: total, or a length; HY009:
///         callback is NULL; HY010: prepare first, or a call is running); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_set_body_callback(
    request: *mut apilink_request,
    callback: apilink_read_callback,
    user_data: *mut c_void,
    total: i64,
    content_type: *const c_char,
    content_type_length: i64,
) -> i32 {
    on(request, |request, _| {
        // SAFETY: the caller passes null or text of this length.
        let content_type =
            unsafe { text_or_none("content_type", content_type, content_type_length) }?;
        request.set_body_callback(callback, user_data, total, content_type)
    })
}

/// Sets the time limit of this request in place of the connection's: see
/// apilink_connection_set_timeout for what it bounds.
///
/// @param request  a request that has been prepared.
/// @param seconds  1 to 2147483647; 0 for no limit.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY024: seconds; HY010: prepare first, or a call is
///         running); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_request_set_timeout(request: *mut apilink_request, seconds: i64) -> i32 {
    on(request, |request, _| request.set_timeout(seconds))
}

/// Sends the request with the token and waits for the reply. Refreshes a token that has expired,
/// waits for the rate limit (at most two of its windows), and repeats after 502, 503, 504 and a
/// lost connection what is safe to repeat. A redirect is followed, without the token if it leads
/// to another host.
///
/// @param request   a request that has been prepared. It can be executed again.
/// @param response  receives a new response; free it with apilink_response_free. Untouched
///                  after an error.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO: the reply has an HTTP status of 400 or
///         more, and the first record holds the service's own error type and message, with the
///         status as native code; or the status is below 400, and the records are warnings
///         (01000): apilink_response_status tells the two apart; APILINK_ERROR: there is no
///         reply; APILINK_INVALID_HANDLE.
///
/// SQLSTATEs: 08003 not connected, 08001 the service cannot be reached, 08S01 the connection broke,
/// HYT00 time ran out, HY008 cancelled, 28000 the token cannot be refreshed, HY024 the URL, HY024 and
/// HYC00 also as apilink_token_refresh, HY010 not prepared or a call is running, 25006 a write on a
/// Readonly connection, HY000 a body that cannot be read, or the token store, HY009 response is
/// NULL, HY001 no memory or no room for another handle.
///
/// Threads: any; a call that overlaps another one on the same request gets HY010 at once, and its
/// record can be replaced by those of the other call when that ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_execute(
    request: *mut apilink_request,
    response: *mut *mut apilink_response,
) -> i32 {
    on(request, |request, records| {
        // SAFETY: the caller passes null or a valid place for a handle.
        let response = unsafe { ValueOut::required("response", response) }?;
        request.execute(response, records)
    })
}

/// Fetches the page that follows a page of a list, with the headers of the request that fetched
/// that page. The request's own settings stay as they are.
///
/// @param request   any request of the connection, usually the one that fetched the first page.
///                  Its time limit applies.
/// @param response  a page. Stays valid.
/// @param next      receives a new response; free it with apilink_response_free. Untouched after
///                  an error and after APILINK_NO_DATA.
/// @return APILINK_NO_DATA when response is the last page; APILINK_INVALID_HANDLE also for an
///         invalid response; else as apilink_request_execute, and APILINK_ERROR with HY024 (the
///         response is of another connection), 22018 (it is not JSON, or what it names as its next
///         page is no text), HY000 (what it names as its next page is one of those that led to it,
///         so that the list would never end) or HY010 (its body was read in pieces, or a call runs
///         on it).
///
/// Threads: any; a call that overlaps another one on the same request or response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_request_next_page(
    request: *mut apilink_request,
    response: *mut apilink_response,
    next: *mut *mut apilink_response,
) -> i32 {
    on(request, |request, records| {
        // SAFETY: the caller passes null or a valid place for a handle.
        let next = unsafe { ValueOut::required("next", next) }?;
        request.next_page(response, next, records)
    })
}

/// Cancels what runs on a request now, the reading of its responses included: see
/// apilink_connection_cancel.
///
/// @param request  the request.
/// @return APILINK_SUCCESS or APILINK_INVALID_HANDLE. It leaves the diagnostic records alone.
///
/// Threads: any, callbacks included, but not from a signal handler; never waits.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_request_cancel(request: *mut apilink_request) -> i32 {
    cancel(request)
}

// ---- responses ---------------------------------------------------------------------------------

/// Frees a response, and closes its connection if the body has not been read to its end. A call
/// that runs on it is cancelled. The pointer from apilink_response_body becomes invalid.
///
/// @param response  the response; NULL is ignored.
/// @return APILINK_SUCCESS, or APILINK_INVALID_HANDLE (freed already). Threads: any; never waits.
#[unsafe(no_mangle)]
pub extern "C" fn apilink_response_free(response: *mut apilink_response) -> i32 {
    free(response)
}

/// The HTTP status.
///
/// @param response  the response.
/// @param status    receives the status, 100 to 599.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY010: a call is running);
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_status(
    response: *mut apilink_response,
    status: *mut i32,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null or a valid place for an int32_t.
        let status = unsafe { ValueOut::required("status", status) }?;
        response.status(status)
    })
}

/// A header by its name, without regard to case.
///
/// @param response     the response.
/// @param name         the name, such as "ETag".
/// @param name_length  its length in bytes, or -1.
/// @param index        0 for the first header of that name, 1 for the second, and so on.
/// @param buffer       receives the NUL-terminated value, or NULL. Bytes that are not UTF-8 are
///                     replaced by U+FFFD.
/// @param capacity     size of buffer in bytes.
/// @param length       receives the length of the whole value in bytes, without the NUL; or NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when there is
///         no such header; APILINK_ERROR (HY090, HY009, HY024: name is not UTF-8; 07009: index
///         below 0; HY010: a call is running); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_header(
    response: *mut apilink_response,
    name: *const c_char,
    name_length: i64,
    index: i32,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(response, |response, records| {
        // SAFETY: the caller passes null, text of this length, or buffers of the sizes named above.
        let (name, value) = unsafe {
            (
                text("name", name, name_length)?,
                TextOut::new(buffer, capacity, length)?,
            )
        };
        response.header(name, index, value, records)
    })
}

/// Number of headers, repeated ones counted each.
///
/// @param response  the response.
/// @param count     receives the number.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY010: a call is running);
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_header_count(
    response: *mut apilink_response,
    count: *mut i32,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null or a valid place for an int32_t.
        let count = unsafe { ValueOut::required("count", count) }?;
        response.header_count(count)
    })
}

/// A header by its position. The order is not that of the reply, but repeated headers follow each
/// other in theirs.
///
/// @param response        the response.
/// @param index           0 to the count less one.
/// @param name            receives the NUL-terminated name in lower case, or NULL.
/// @param name_capacity   size of name in bytes.
/// @param name_length     receives the length of the whole name in bytes, without the NUL; or
///                        NULL.
/// @param value           receives the NUL-terminated value, or NULL. Bytes that are not UTF-8 are
///                        replaced by U+FFFD.
/// @param value_capacity  size of value in bytes.
/// @param value_length    receives the length of the whole value in bytes, without the NUL; or
///                        NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA past the last
///         one; APILINK_ERROR (HY090; 07009: index below 0; HY010: a call is running);
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_header_at(
    response: *mut apilink_response,
    index: i32,
    name: *mut c_char,
    name_capacity: i64,
    name_length: *mut i64,
    value: *mut c_char,
    value_capacity: i64,
    value_length: *mut i64,
) -> i32 {
    on(response, |response, records| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let (name, value) = unsafe {
            (
                TextOut::new(name, name_capacity, name_length)?,
                TextOut::new(value, value_capacity, value_length)?,
            )
        };
        response.header_at(index, name, value, records)
    })
}

/// The content type as sent, such as "application/json; charset=utf-8".
///
/// @param response  the response.
/// @param buffer    receives the NUL-terminated content type, or NULL.
/// @param capacity  size of buffer in bytes.
/// @param length    receives the length of the whole content type in bytes, without the NUL; or
///                  NULL.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when there is
///         none; APILINK_ERROR (HY090; HY010: a call is running); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_content_type(
    response: *mut apilink_response,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(response, |response, records| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let content_type = unsafe { TextOut::new(buffer, capacity, length) }?;
        response.content_type(content_type, records)
    })
}

/// The whole body in memory, read to its end first.
///
/// @param response  the response.
/// @param data      receives a pointer that is valid until the response is freed; what it leads to
///                  does not change. A NUL follows the last byte, so text can be used as a C
///                  string.
/// @param length    receives the number of bytes without that NUL; or NULL.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY010: after apilink_response_read or ..._save,
///         or a call is running; 08S01, HYT00, HY008, HY001); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010, unless the body
/// was had before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_body(
    response: *mut apilink_response,
    data: *mut *const c_void,
    length: *mut i64,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null or valid places for a pointer and an int64_t.
        let (data, length) = unsafe {
            (
                ValueOut::required("data", data)?,
                ValueOut::optional(length),
            )
        };
        response.body(data, length)
    })
}

/// Reads the body in pieces, without holding all of it. JSON (up to 4 MiB), small bodies and those
/// of errors have arrived whole when the request returns; others arrive while they are read.
///
/// @param response  the response.
/// @param buffer    receives the bytes, at most 65536 in one call.
/// @param capacity  size of buffer in bytes, at least 1.
/// @param read      receives the number of bytes, at least 1 with APILINK_SUCCESS.
/// @return APILINK_SUCCESS; APILINK_NO_DATA at the end; APILINK_ERROR (HY009, HY090; HY010: a call
///         is running; 08S01, HYT00, HY008); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_read(
    response: *mut apilink_response,
    buffer: *mut c_void,
    capacity: i64,
    read: *mut i64,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null or buffers of the sizes named above.
        let (buffer, read) = unsafe {
            (
                BytesOut::new("buffer", buffer, capacity)?,
                ValueOut::required("read", read)?,
            )
        };
        response.read(buffer, read)
    })
}

/// Writes the rest of the body to a file. The file appears under its name only when it is
/// complete; an existing one is replaced then, or the one that a symbolic link leads to. Where there
/// is something else, such as a directory or a device, it is HY000, and the body can still be read.
///
/// @param response  the response.
/// @param path      UTF-8.
/// @param length    its length in bytes, or -1.
/// @param written   receives the number of bytes; or NULL.
/// @return APILINK_SUCCESS; APILINK_ERROR (HY009, HY090; HY024: path is not UTF-8; HY010: a call is
///         running; HY000: the file; 08S01, HYT00, HY008); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_save(
    response: *mut apilink_response,
    path: *const c_char,
    length: i64,
    written: *mut i64,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null, text of this length, or a valid place for an int64_t.
        let (path, written) = unsafe { (text("path", path, length)?, ValueOut::optional(written)) };
        response.save(path, written)
    })
}

/// What a JSON Pointer (RFC 6901) such as "/data/0/client/name" leads to in a JSON body, which is
/// read to its end first. The empty pointer leads to the whole document.
///
/// @param response        the response.
/// @param pointer         the JSON Pointer.
/// @param pointer_length  its length in bytes, or -1.
/// @param kind            receives one of APILINK_JSON_...; APILINK_JSON_NULL for null.
/// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere; APILINK_ERROR (22018:
///         the body is not JSON; HY024: not a pointer; HY009, HY090; HY010: the body was read in
///         pieces or saved, or a call is running; 08S01, HYT00, HY008, HY001);
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_json_type(
    response: *mut apilink_response,
    pointer: *const c_char,
    pointer_length: i64,
    kind: *mut i32,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null, text of this length, or a valid place for an int32_t.
        let (pointer, kind) = unsafe {
            (
                text("pointer", pointer, pointer_length)?,
                ValueOut::required("kind", kind)?,
            )
        };
        response.json_type(pointer, kind)
    })
}

/// A value of a JSON body as text: a string as it is, everything else as JSON.
///
/// @param response        the response.
/// @param pointer         the JSON Pointer; see apilink_response_json_type.
/// @param pointer_length  its length in bytes, or -1.
/// @param buffer          receives the NUL-terminated text, or NULL.
/// @param capacity        size of buffer in bytes.
/// @param length          receives the length of the whole text in bytes, without the NUL; or NULL.
///                        A string that holds a NUL of its own is longer than it looks in C.
/// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when the
///         pointer leads nowhere or to null; APILINK_ERROR as apilink_response_json_type;
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_json_text(
    response: *mut apilink_response,
    pointer: *const c_char,
    pointer_length: i64,
    buffer: *mut c_char,
    capacity: i64,
    length: *mut i64,
) -> i32 {
    on(response, |response, records| {
        // SAFETY: the caller passes null, text of this length, or buffers of the sizes named above.
        let (pointer, value) = unsafe {
            (
                text("pointer", pointer, pointer_length)?,
                TextOut::new(buffer, capacity, length)?,
            )
        };
        response.json_text(pointer, value, records)
    })
}

/// An integer of a JSON body, exact to 64 bits; also one that is sent as a string, or, up to 2 to the
/// power of 53, with a fraction of 0 or an exponent.
///
/// @param response        the response.
/// @param pointer         the JSON Pointer; see apilink_response_json_type.
/// @param pointer_length  its length in bytes, or -1.
/// @param value           receives the integer.
/// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
///         APILINK_ERROR (22018: not an integer; 22003: more than that; and as
///         apilink_response_json_type); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_json_integer(
    response: *mut apilink_response,
    pointer: *const c_char,
    pointer_length: i64,
    value: *mut i64,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null, text of this length, or a valid place for an int64_t.
        let (pointer, value) = unsafe {
            (
                text("pointer", pointer, pointer_length)?,
                ValueOut::required("value", value)?,
            )
        };
        response.json_integer(pointer, value)
    })
}

/// A number of a JSON body; also one that is sent as a string.
///
/// @param response        the response.
/// @param pointer         the JSON Pointer; see apilink_response_json_type.
/// @param pointer_length  its length in bytes, or -1.
/// @param value           receives the number, never infinite or NaN.
/// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
///         APILINK_ERROR (22018: not a number; 22003: too large for a double; and as
///         apilink_response_json_type); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_json_double(
    response: *mut apilink_response,
    pointer: *const c_char,
    pointer_length: i64,
    value: *mut f64,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null, text of this length, or a valid place for a double.
        let (pointer, value) = unsafe {
            (
                text("pointer", pointer, pointer_length)?,
                ValueOut::required("value", value)?,
            )
        };
        response.json_double(pointer, value)
    })
}

/// A truth value of a JSON body.
///
/// @param response        the response.
/// @param pointer         the JSON Pointer; see apilink_response_json_type.
/// @param pointer_length  its length in bytes, or -1.
/// @param value           receives 1 or 0.
/// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
///         APILINK_ERROR (22018: neither true nor false; and as apilink_response_json_type);
///         APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_json_boolean(
    response: *mut apilink_response,
    pointer: *const c_char,
    pointer_length: i64,
    value: *mut i32,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null, text of this length, or a valid place for an int32_t.
        let (pointer, value) = unsafe {
            (
                text("pointer", pointer, pointer_length)?,
                ValueOut::required("value", value)?,
            )
        };
        response.json_boolean(pointer, value)
    })
}

/// Number of elements of an array, or of members of an object, of a JSON body.
///
/// @param response        the response.
/// @param pointer         the JSON Pointer; see apilink_response_json_type.
/// @param pointer_length  its length in bytes, or -1.
/// @param value           receives the number.
/// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
///         APILINK_ERROR (22018: neither an array nor an object; and as
///         apilink_response_json_type); APILINK_INVALID_HANDLE.
///
/// Threads: any; a call that overlaps another one on the same response gets HY010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apilink_response_json_length(
    response: *mut apilink_response,
    pointer: *const c_char,
    pointer_length: i64,
    value: *mut i64,
) -> i32 {
    on(response, |response, _| {
        // SAFETY: the caller passes null, text of this length, or a valid place for an int64_t.
        let (pointer, value) = unsafe {
            (
                text("pointer", pointer, pointer_length)?,
                ValueOut::required("value", value)?,
            )
        };
        response.json_length(pointer, value)
    })
}
