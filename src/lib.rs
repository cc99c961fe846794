//! `libapilink`: the C interface of apilink, thin.
//!
//! [`exports`] is the manifest: every exported function in one line of code, with the text that
//! becomes `include/apilink.h`. The rest is safe Rust, apart from the calls of callbacks.

pub mod callbacks;
mod connection;
pub mod constants;
mod diagnostics;
mod entry;
pub mod exports;
pub mod handles;
mod json;
#[cfg(feature = "planted-faults")]
mod planted;
mod request;
mod response;
