//! The panic boundary: no panic crosses into the program that called.
//!
//! Since Rust 1.81 an `extern "C"` function that unwinds aborts the process, so every exported
//! function runs its work in [`catch`]. What panicked may have left its own data half changed; that
//! is why locks of the ABI recover from poisoning only where a value is replaced as a whole.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{broken_pipe, fork};

/// Runs `work`; `None` when it panicked.
///
/// The message of the panic is left out, because it could quote a secret. The standard panic hook
/// has written it to the standard error already, unless the program replaced the hook.
pub fn catch<R>(work: impl FnOnce() -> R) -> Option<R> {
    fork::watch();
    broken_pipe::watch();
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Some(result),
        Err(payload) => {
            dispose(payload);
            None
        }
    }
}

/// Drops what a panic carried, which can panic again.
fn dispose(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // It may go on like that for ever, so this one is leaked.
        std::mem::forget(second);
    }
}

/// A place where a test can make the next call panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPoint {
    /// At the start of an exported function, before its handle is looked up.
    Entry,
    /// In the registry of handles, while its lock is held.
    Registry,
    /// In the call proper, after its handle was found.
    Call,
}

#[cfg(feature = "fault-injection")]
pub use fault::{arm, is_armed};

#[cfg(feature = "fault-injection")]
mod fault {
    use std::cell::Cell;

    use super::FaultPoint;

    thread_local! {
        static ARMED: Cell<Option<FaultPoint>> = const { Cell::new(None) };
    }

    /// Makes the next pass of this thread through `point` panic.
    pub fn arm(point: FaultPoint) {
        ARMED.set(Some(point));
    }

    /// Whether the point that was armed has not been passed yet; it is disarmed now.
    #[must_use]
    pub fn is_armed() -> bool {
        ARMED.take().is_some()
    }

    #[allow(clippy::panic, reason = "this is what the feature is for")]
    pub(super) fn pass(point: FaultPoint) {
        if ARMED.get() == Some(point) {
            ARMED.set(None);
            // A payload that panics again when it is dropped is the worst case.
            std::panic::panic_any(PanicsWhenDropped);
        }
    }

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        #[allow(clippy::panic, reason = "this is what the type is for")]
        fn drop(&mut self) {
            std::panic::panic_any("a panic while dropping the payload of a panic");
        }
    }
}

/// Panics here if a test has armed this point. Does nothing without the feature `fault-injection`.
pub fn pass(point: FaultPoint) {
    #[cfg(feature = "fault-injection")]
    fault::pass(point);
    let _ = point;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    struct Nasty(u32);

    impl Drop for Nasty {
        fn drop(&mut self) {
            if self.0 > 0 {
                std::panic::panic_any(Nasty(self.0 - 1));
            }
        }
    }

    #[test]
    fn results_pass_and_panics_stay() {
        assert_eq!(catch(|| 7), Some(7));
        assert_eq!(catch(|| -> i32 { panic!("a test") }), None);
    }

    #[test]
    fn payloads_that_panic_when_dropped_stay_too() {
        for depth in 0..3 {
            assert_eq!(
                catch(|| -> i32 { std::panic::panic_any(Nasty(depth)) }),
                None
            );
        }
    }
}
