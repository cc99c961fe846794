//! Faults, planted on purpose: where a sanitizer does not report them, it does not see into
//! this library, and its silence about the rest means nothing. See scripts/sanitizers.sh.

use std::cell::UnsafeCell;

/// Reads memory that has been freed.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub extern "C" fn apilink_test_use_after_free() -> i32 {
    let place = Box::into_raw(Box::new(17));
    // SAFETY: the pointer comes from a box.
    drop(unsafe { Box::from_raw(place) });
    // SAFETY: there is none. This is the fault.
    unsafe { place.read_volatile() }
}

/// Allocates memory and forgets it.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub extern "C" fn apilink_test_leak() {
    // Written to, or the allocation would be optimized away.
    let leaked = Box::leak(Box::new([0_u8; 64]));
    std::hint::black_box(leaked);
}

/// Adds to a number that all threads share, without a lock. Returns the sum, which is too small
/// when calls have overlapped.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub extern "C" fn apilink_test_race() -> i32 {
    static SHARED: Unlocked = Unlocked(UnsafeCell::new(0));
    let shared = SHARED.0.get();
    // SAFETY: the place is valid, but nothing keeps other threads from it. This is the fault.
    unsafe {
        shared.write(shared.read().wrapping_add(1));
        shared.read()
    }
}

/// A number without a lock.
struct Unlocked(UnsafeCell<i32>);

// SAFETY: there is none. This is the fault.
unsafe impl Sync for Unlocked {}
