//! A name that the system looks up without end: `getaddrinfo` of this program, in place of the C
//! library's, waits before it looks up that one.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use libc::{addrinfo, c_char, c_int};

/// A name that does not exist.
pub const NAME: &str = "slow.invalid";

static LOOKUPS: AtomicU64 = AtomicU64::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// How many lookups of the name have begun.
pub fn lookups() -> u64 {
    LOOKUPS.load(Ordering::SeqCst)
}

/// Lookups of the name come to their end.
pub fn release() {
    IS_OVER.store(true, Ordering::SeqCst);
}

type GetAddrInfo = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const addrinfo,
    *mut *mut addrinfo,
) -> c_int;

#[unsafe(no_mangle)]
extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    let is_slow = !node.is_null() && unsafe { CStr::from_ptr(node) }.to_bytes() == NAME.as_bytes();
    if is_slow {
        LOOKUPS.fetch_add(1, Ordering::SeqCst);
        while !IS_OVER.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        return libc::EAI_NONAME;
    }
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr()) };
    assert!(!next.is_null());
    let next: GetAddrInfo = unsafe { std::mem::transmute(next) };
    unsafe { next(node, service, hints, result) }
}
