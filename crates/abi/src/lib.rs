//! What every C ABI of apilink needs, written once.
//!
//! - [`registry`]: handles that are tokens, never addresses
//! - [`boundary`]: panics stay inside the library
//! - [`fork`]: forks are counted
//! - [`broken_pipe`]: a connection that the other side closes does not end the program
//! - [`code`]: the return codes, in the manner of ODBC
//! - [`diagnostics`]: the records that a call leaves on its handle
//! - [`cancel`]: what runs on a handle, so that it can be cancelled
//! - [`input`] and [`output`]: the only places that follow a caller's pointers

#[cfg(panic = "abort")]
compile_error!(
    "A panic must be able to unwind to the boundary of the C interface: set panic = \"unwind\"."
);

pub mod boundary;
pub mod broken_pipe;
pub mod cancel;
pub mod code;
pub mod diagnostics;
pub mod fork;
pub mod input;
pub mod output;
pub mod registry;
