//! Forks of the process, counted without a system call.

use std::sync::atomic::{AtomicBool, Ordering};

use apilink_core::process;

/// Sees to it that every `fork` is counted, so that what belongs to the process
/// ([`process::PerProcess`]) need not ask the system for the process's number each time. Every call
/// from outside begins with it, before it touches anything that belongs to the process.
///
/// A child that comes into being without `fork`, by a system call of its own, is not noticed.
pub fn watch() {
    static IS_WATCHED: AtomicBool = AtomicBool::new(false);
    // Threads that race register twice, and a fork counts twice, which does not matter. A lock
    // could be held by a thread that a child does not have.
    if !IS_WATCHED.load(Ordering::Acquire) && register() {
        process::expect_counted_forks();
        IS_WATCHED.store(true, Ordering::Release);
    }
}

#[cfg(unix)]
fn register() -> bool {
    extern "C" fn in_child() {
        process::count_fork();
    }
    // SAFETY: the handler adds to an atomic number, which is allowed in a child of a process with
    // many threads; the library is never unloaded, so that it stays where it is.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) == 0 }
}

#[cfg(not(unix))]
fn register() -> bool {
    // Nothing forks.
    true
}
