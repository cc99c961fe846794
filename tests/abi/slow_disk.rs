//! A disk that is slower than the wire: `write` of this program, in place of the C library's, sleeps
//! first on threads that ask for it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use libc::{c_int, c_void, size_t, ssize_t};

static WRITES: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static PAUSE: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// How many slow writes there have been.
pub fn writes() -> u64 {
    WRITES.load(Ordering::Relaxed)
}

/// Every write of this thread takes so long from now on.
pub fn slow_down_this_thread(pause: Duration) {
    PAUSE.set(Some(pause));
}

#[unsafe(no_mangle)]
extern "C" fn write(file: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    if let Ok(Some(pause)) = PAUSE.try_with(Cell::get) {
        std::thread::sleep(pause);
        WRITES.fetch_add(1, Ordering::Relaxed);
    }
    let written = unsafe { libc::syscall(libc::SYS_write, file, bytes, count) };
    ssize_t::try_from(written).unwrap_or(-1)
}
