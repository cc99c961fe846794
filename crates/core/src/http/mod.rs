//! HTTP: one configuration of the client, single attempts, and what to do between attempts.

pub(crate) mod client;
pub(crate) mod interruptible;
pub(crate) mod lines;
pub(crate) mod rate_limit;
pub mod request;
pub mod response;
pub(crate) mod retry;
pub(crate) mod tls;
pub(crate) mod trail;
pub(crate) mod transport;
pub(crate) mod upload;
pub(crate) mod wire;

pub use request::{Request, RequestBody, Target};
pub use response::{Response, WholeBody};
