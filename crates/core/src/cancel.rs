//! Cancelling calls from other threads.

use std::sync::{Mutex, PoisonError};

pub use tokio_util::sync::CancellationToken;

/// What runs on a handle now, as far as cancelling is concerned.
///
/// A call takes a token when it begins. [`CancelScope::cancel`] cancels the tokens handed out so
/// far and none that come later, so the handle stays usable, and it never waits for the calls.
#[derive(Debug, Default)]
pub struct CancelScope {
    current: Mutex<CancellationToken>,
}

impl CancelScope {
    /// A scope in which nothing runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The token of a call that begins now.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.lock().child_token()
    }

    /// Makes the token of a call that begins now, which also ends with `outer`, the one of a wider
    /// scope.
    #[must_use]
    pub fn token_within(&self, outer: &Self) -> CancellationToken {
        let token = outer.token();
        *self.lock() = token.clone();
        token
    }

    /// Cancels every call that runs now.
    pub fn cancel(&self) {
        let running = std::mem::take(&mut *self.lock());
        running.cancel();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancels_what_runs_and_not_what_comes_later() {
        let scope = CancelScope::new();
        let running = scope.token();
        scope.cancel();
        assert!(running.is_cancelled());
        assert!(!scope.token().is_cancelled());
    }

    #[test]
    fn a_wider_scope_cancels_the_narrower_one_but_not_the_reverse() {
        let connection = CancelScope::new();
        let first = CancelScope::new();
        let second = CancelScope::new();
        let a = first.token_within(&connection);
        let b = second.token_within(&connection);
        first.cancel();
        assert!(a.is_cancelled() && !b.is_cancelled());
        connection.cancel();
        assert!(b.is_cancelled());
    }
}
