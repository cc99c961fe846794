//! The constants of the C interface.

#![allow(
    clippy::doc_markdown,
    reason = "the comments are those of the C header"
)]

use std::ffi::CStr;

use apilink_abi::code;
use apilink_core::error::native;

/// Version of the binary interface. It grows with every incompatible change.
pub const APILINK_ABI_VERSION: i32 = 1;

/// The call did what was asked.
pub const APILINK_SUCCESS: i32 = 0;
/// The call did what was asked, and left diagnostic records with something to know.
pub const APILINK_SUCCESS_WITH_INFO: i32 = 1;
/// There is nothing (more) to be had. Not an error; no record is left.
pub const APILINK_NO_DATA: i32 = 100;
/// The call failed. Its diagnostic records say why; the handle can be used further.
pub const APILINK_ERROR: i32 = -1;
/// The handle is NULL, freed, of another type, or of another process. No record is left.
pub const APILINK_INVALID_HANDLE: i32 = -2;

/// A length that stands for "up to the NUL".
pub const APILINK_NTS: i64 = -1;

/// null.
pub const APILINK_JSON_NULL: i32 = 0;
/// true or false.
pub const APILINK_JSON_BOOLEAN: i32 = 1;
/// A number without fraction and exponent that fits into 64 bits.
pub const APILINK_JSON_INTEGER: i32 = 2;
/// Any other number.
pub const APILINK_JSON_DOUBLE: i32 = 3;
/// A string.
pub const APILINK_JSON_STRING: i32 = 4;
/// An array.
pub const APILINK_JSON_ARRAY: i32 = 5;
/// An object.
pub const APILINK_JSON_OBJECT: i32 = 6;

/// Native code of the OAuth error invalid_request.
pub const APILINK_OAUTH_INVALID_REQUEST: i32 = 1001;
/// Native code of the OAuth error invalid_client: client id or secret are wrong.
pub const APILINK_OAUTH_INVALID_CLIENT: i32 = 1002;
/// Native code of the OAuth error invalid_grant: a new login is needed.
pub const APILINK_OAUTH_INVALID_GRANT: i32 = 1003;
/// Native code of the OAuth error unauthorized_client.
pub const APILINK_OAUTH_UNAUTHORIZED_CLIENT: i32 = 1004;
/// Native code of the OAuth error unsupported_grant_type.
pub const APILINK_OAUTH_UNSUPPORTED_GRANT_TYPE: i32 = 1005;
/// Native code of the OAuth error invalid_scope.
pub const APILINK_OAUTH_INVALID_SCOPE: i32 = 1006;
/// Native code of the OAuth error access_denied: the person declined.
pub const APILINK_OAUTH_ACCESS_DENIED: i32 = 1007;
/// Native code of the OAuth error unsupported_response_type.
pub const APILINK_OAUTH_UNSUPPORTED_RESPONSE_TYPE: i32 = 1008;
/// Native code of the OAuth error server_error.
pub const APILINK_OAUTH_SERVER_ERROR: i32 = 1009;
/// Native code of the OAuth error temporarily_unavailable.
pub const APILINK_OAUTH_TEMPORARILY_UNAVAILABLE: i32 = 1010;
/// Native code of any other error of an authorization server.
pub const APILINK_OAUTH_OTHER: i32 = 1099;

// cbindgen writes literals only, so the values stand twice; this keeps them equal.
const _: () = {
    assert!(APILINK_SUCCESS == code::SUCCESS);
    assert!(APILINK_SUCCESS_WITH_INFO == code::SUCCESS_WITH_INFO);
    assert!(APILINK_NO_DATA == code::NO_DATA);
    assert!(APILINK_ERROR == code::ERROR);
    assert!(APILINK_INVALID_HANDLE == code::INVALID_HANDLE);
    assert!(APILINK_OAUTH_INVALID_REQUEST == native::OAUTH_INVALID_REQUEST);
    assert!(APILINK_OAUTH_INVALID_CLIENT == native::OAUTH_INVALID_CLIENT);
    assert!(APILINK_OAUTH_INVALID_GRANT == native::OAUTH_INVALID_GRANT);
    assert!(APILINK_OAUTH_UNAUTHORIZED_CLIENT == native::OAUTH_UNAUTHORIZED_CLIENT);
    assert!(APILINK_OAUTH_UNSUPPORTED_GRANT_TYPE == native::OAUTH_UNSUPPORTED_GRANT_TYPE);
    assert!(APILINK_OAUTH_INVALID_SCOPE == native::OAUTH_INVALID_SCOPE);
    assert!(APILINK_OAUTH_ACCESS_DENIED == native::OAUTH_ACCESS_DENIED);
    assert!(APILINK_OAUTH_UNSUPPORTED_RESPONSE_TYPE == native::OAUTH_UNSUPPORTED_RESPONSE_TYPE);
    assert!(APILINK_OAUTH_SERVER_ERROR == native::OAUTH_SERVER_ERROR);
    assert!(APILINK_OAUTH_TEMPORARILY_UNAVAILABLE == native::OAUTH_TEMPORARILY_UNAVAILABLE);
    assert!(APILINK_OAUTH_OTHER == native::OAUTH_OTHER);
};

/// The version of the library with its NUL, as `apilink_version` hands it out.
pub(crate) const VERSION_TEXT: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    };
