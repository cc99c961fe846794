//! The C interface, called as C calls it, against a sandbox in the same process.
//!
//! What must hold for every function is tested over tables whose completeness is checked against
//! `include/apilink.h`, so that a new function without a line in them fails.

#![allow(
    clippy::borrow_as_ptr,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    reason = "tests; every unsafe block here is a call of the C interface with places of its own"
)]

mod cancelling;
mod connections;
mod every_buffer;
mod every_function;
mod every_input;
#[cfg(unix)]
mod forking;
mod header;
mod header_text;
mod requests;
mod responses;
#[cfg(target_os = "linux")]
mod slow_disk;
#[cfg(target_os = "linux")]
mod slow_names;
mod sqlstates;
mod world;
