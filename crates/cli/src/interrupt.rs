//! Ctrl-C: it cancels what runs, and ends the process where nothing runs or nothing reacts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use apilink_core::cancel::CancellationToken;

use crate::failure::INTERRUPTED;

/// What runs and can be cancelled.
static RUNNING: Mutex<Option<CancellationToken>> = Mutex::new(None);

/// Begins something that Ctrl-C cancels, until the result is dropped.
pub fn begin() -> Interruptible {
    install();
    let token = CancellationToken::new();
    *running() = Some(token.clone());
    Interruptible(token)
}

/// Something that Ctrl-C cancels.
pub struct Interruptible(CancellationToken);

impl std::ops::Deref for Interruptible {
    type Target = CancellationToken;

    fn deref(&self) -> &CancellationToken {
        &self.0
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        *running() = None;
    }
}

fn install() {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        // Without a handler, Ctrl-C ends the process, which is not worse.
        let _ = ctrlc::set_handler(on_interrupt);
    });
}

fn on_interrupt() {
    match &*running() {
        Some(token) if !token.is_cancelled() => token.cancel(),
        _ => std::process::exit(INTERRUPTED.into()),
    }
}

fn running() -> MutexGuard<'static, Option<CancellationToken>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
