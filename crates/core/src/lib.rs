//! The core of apilink: everything between a connection string and an authenticated reply.
//!
//! Safe Rust without any knowledge of C or SQL. What happens, in order:
//! [`connection_string`] splits the text, [`settings`] types and validates it against the table
//! in [`properties`] and the [`profile`], [`token`] keeps the token state, [`oauth`] obtains
//! tokens, [`http`] sends requests, and [`session`] ties them together.

pub mod broken_pipe;
pub mod cancel;
pub mod connection_string;
pub mod error;
pub mod http;
pub mod io;
pub mod log;
pub mod oauth;
mod platform;
pub mod process;
pub mod profile;
pub mod properties;
pub mod region;
mod secret;
pub mod session;
pub mod settings;
pub mod token;

pub use error::{Diagnostic, Result, SqlState};

/// The version of apilink, as in `Cargo.toml`; also the `User-Agent` (`apilink/VERSION`).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
