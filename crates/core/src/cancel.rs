//! Cancelling calls from other threads.
//!
//! Every call that may take long has a [`CancellationToken`]. When it is cancelled, the call
//! returns HY008, and what it had under way is dropped.

pub use tokio_util::sync::CancellationToken;
