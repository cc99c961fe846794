//! The handle types of the C interface: tokens with a type, never addresses.

#![allow(non_camel_case_types, reason = "the types keep their C names")]

/// A connection to a service. The pointer is a token that only apilink can read: never follow it.
pub struct apilink_connection {
    _token: [u8; 0],
}

/// A request on a connection. The pointer is a token that only apilink can read: never follow it.
pub struct apilink_request {
    _token: [u8; 0],
}

/// A reply to a request. The pointer is a token that only apilink can read: never follow it.
pub struct apilink_response {
    _token: [u8; 0],
}
