//! What runs on a handle now, as far as cancelling is concerned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apilink_core::cancel::CancellationToken;

/// The calls that run on a handle, within those of the handle it belongs to.
///
/// A call takes a token when it begins. [`CancelScope::cancel`] cancels the tokens handed out so
/// far, those of inner scopes included, and none that come later: the handle stays usable. It
/// never waits for the calls.
#[derive(Debug, Default)]
pub struct CancelScope {
    outer: Option<Arc<Self>>,
    /// The parent of the tokens that are handed out, until it is cancelled.
    current: Mutex<Option<CancellationToken>>,
}

impl CancelScope {
    /// A scope of its own.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A scope whose calls end with those of `outer`, but not the other way round.
    #[must_use]
    pub fn within(outer: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            outer: Some(Arc::clone(outer)),
            current: Mutex::default(),
        })
    }

    /// The token of a call that begins now.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.parent().child_token()
    }

    /// Cancels every call that runs now.
    pub fn cancel(&self) {
        let running = self.lock().take();
        if let Some(running) = running {
            running.cancel();
        }
    }

    fn parent(&self) -> CancellationToken {
        let mut current = self.lock();
        match &*current {
            Some(token) if !token.is_cancelled() => token.clone(),
            _ => {
                let token = match &self.outer {
                    Some(outer) => outer.parent().child_token(),
                    None => CancellationToken::new(),
                };
                *current = Some(token.clone());
                token
            }
        }
    }

    /// The value is replaced as a whole, so a panic cannot have left it half changed.
    fn lock(&self) -> MutexGuard<'_, Option<CancellationToken>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::cast_possible_wrap
    )]

    use super::*;

    #[test]
    fn cancels_all_that_runs_and_nothing_that_comes_later() {
        let scope = CancelScope::new();
        scope.cancel();
        let (first, second) = (scope.token(), scope.token());
        scope.cancel();
        assert!(first.is_cancelled() && second.is_cancelled());
        assert!(!scope.token().is_cancelled());
    }

    #[test]
    fn outer_scopes_cancel_inner_ones_and_not_the_reverse() {
        let connection = CancelScope::new();
        let request = CancelScope::within(&connection);
        let response = CancelScope::within(&request);
        let of_connection = connection.token();
        let of_request = request.token();
        let of_response = response.token();
        response.cancel();
        assert!(of_response.is_cancelled() && !of_request.is_cancelled());
        let of_response = response.token();
        request.cancel();
        assert!(of_response.is_cancelled() && of_request.is_cancelled());
        assert!(!of_connection.is_cancelled());
        let of_response = response.token();
        connection.cancel();
        assert!(of_response.is_cancelled() && of_connection.is_cancelled());
        assert!(!response.token().is_cancelled());
    }

    #[test]
    fn calls_that_overlap_in_one_scope_are_all_cancelled_from_outside() {
        let connection = CancelScope::new();
        let request = CancelScope::within(&connection);
        let tokens = [request.token(), request.token(), request.token()];
        connection.cancel();
        assert!(tokens.iter().all(CancellationToken::is_cancelled));
    }
}
