//! The callbacks of the C interface: their types, and how they are called.

#![allow(
    clippy::doc_markdown,
    reason = "the comments are those of the C header"
)]
#![allow(non_camel_case_types, reason = "the types keep their C names")]

use std::ffi::CString;
use std::io::{self, Read};
use std::sync::Arc;

use apilink_abi::output::count;
use apilink_core::log::LogSink;
use libc::{c_char, c_void};

/// Receives one line of the log.
///
/// It may be called on any thread, on several at once, and before the call that caused it
/// returns; also until the connection, and every request and response of it, has been freed and
/// their calls have ended. It may call apilink_version, apilink_abi_version and
/// apilink_..._cancel, and nothing else of apilink. It must return soon, and must not unwind or
/// longjmp.
///
/// @param user_data  as it was given to apilink_connection_set_log_callback.
/// @param level      1 to 5, as the property Verbosity.
/// @param line       NUL-terminated UTF-8 without a line break and without a secret; valid until
///                   the callback returns.
/// @param length     its length in bytes, without the NUL.
pub type apilink_log_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, level: i32, line: *const c_char, length: i64),
>;

/// Shows a person where to authorize the application.
///
/// It is called once for a login, on the thread that called apilink_connection_connect, and
/// before the library waits for the redirect. It may call apilink_version, apilink_abi_version and
/// apilink_..._cancel, and nothing else of apilink. It must return without waiting for the login,
/// and must not unwind or longjmp.
///
/// @param user_data  as it was given to apilink_connection_set_authorize_callback.
/// @param url        NUL-terminated ASCII; valid until the callback returns.
/// @param length     its length in bytes, without the NUL.
/// @return 0 to wait for the login; anything else to give it up, and the connect returns HY008.
pub type apilink_authorize_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, url: *const c_char, length: i64) -> i32>;

/// Delivers the next bytes of a request body.
///
/// It is called on the thread that called apilink_request_execute, while that call runs. It may
/// call everything of apilink but, on the same request, only apilink_request_cancel. It must not
/// unwind or longjmp. A callback that blocks is not interrupted by a cancel.
///
/// @param user_data  as it was given to apilink_request_set_body_callback.
/// @param buffer     where to put the bytes; valid until the callback returns.
/// @param capacity   how many bytes fit, at least 1.
/// @return the number of bytes, 0 at the end, or a negative number to give the request up: it then
///         fails with HY000.
pub type apilink_read_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, buffer: *mut c_void, capacity: i64) -> i64>;

/// What a program wants to have handed to its callback. Only the program follows it.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: the pointer is handed back as it came and never followed here; on which threads a
// callback comes stands in its text, so what it leads to is made for them.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    /// A method, so that closures capture the whole value and not the bare pointer in it.
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// Hands lines of the log to a callback; `None` where there is none.
pub(crate) fn log_sink(callback: apilink_log_callback, user_data: *mut c_void) -> Option<LogSink> {
    let callback = callback?;
    let user_data = UserData(user_data);
    Some(Arc::new(move |level, line| {
        let line = c_text(line);
        // SAFETY: the program says that the function takes these arguments; the text outlives it.
        unsafe {
            callback(
                user_data.get(),
                i32::from(level),
                line.as_ptr(),
                count(line.count_bytes()),
            );
        }
    }))
}

/// A callback that shows the authorization URL.
#[derive(Clone, Copy)]
pub(crate) struct Authorize {
    callback: unsafe extern "C" fn(*mut c_void, *const c_char, i64) -> i32,
    user_data: UserData,
}

impl Authorize {
    /// `None` where there is no callback.
    pub(crate) fn new(
        callback: apilink_authorize_callback,
        user_data: *mut c_void,
    ) -> Option<Self> {
        Some(Self {
            callback: callback?,
            user_data: UserData(user_data),
        })
    }

    /// Shows the URL; whether to wait for the login.
    pub(crate) fn show(self, url: &str) -> bool {
        let url = c_text(url);
        // SAFETY: the program says that the function takes these arguments; the text outlives it.
        let answer = unsafe {
            (self.callback)(self.user_data.get(), url.as_ptr(), count(url.count_bytes()))
        };
        answer == 0
    }
}

/// A callback that delivers a body.
#[derive(Clone, Copy)]
pub(crate) struct BodyCallback {
    callback: unsafe extern "C" fn(*mut c_void, *mut c_void, i64) -> i64,
    user_data: UserData,
}

impl BodyCallback {
    /// `None` where there is no callback.
    pub(crate) fn new(callback: apilink_read_callback, user_data: *mut c_void) -> Option<Self> {
        Some(Self {
            callback: callback?,
            user_data: UserData(user_data),
        })
    }
}

impl Read for BodyCallback {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let capacity = count(buffer.len());
        // SAFETY: the program says that the function takes these arguments and writes no more than
        // `capacity` bytes, and that many are there.
        let delivered =
            unsafe { (self.callback)(self.user_data.get(), buffer.as_mut_ptr().cast(), capacity) };
        match usize::try_from(delivered) {
            Ok(delivered) if delivered <= buffer.len() => Ok(delivered),
            Ok(_) => Err(io::Error::other(format!(
                "the callback says that it delivered {delivered} bytes into a buffer of {capacity}"
            ))),
            Err(_) => Err(io::Error::other(format!(
                "the callback gave it up with {delivered}"
            ))),
        }
    }
}

/// A copy with a NUL. A NUL within, which nothing here ever writes, becomes a blank.
fn c_text(text: &str) -> CString {
    CString::new(text)
        .or_else(|_| CString::new(text.replace('\0', " ")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::ffi::CStr;
    use std::ptr::null_mut;
    use std::sync::Mutex;

    use super::*;

    /// Delivers what the number behind `user_data` says, whatever fits.
    unsafe extern "C" fn deliver(
        user_data: *mut c_void,
        buffer: *mut c_void,
        capacity: i64,
    ) -> i64 {
        // SAFETY: the tests pass a pointer to an i64 and a buffer of this capacity.
        unsafe {
            let said = *user_data.cast::<i64>();
            let written = usize::try_from(said.clamp(0, capacity)).unwrap();
            buffer.cast::<u8>().write_bytes(b'x', written);
            said
        }
    }

    fn read(mut said: i64, capacity: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; capacity];
        let mut reader = BodyCallback::new(Some(deliver), (&raw mut said).cast()).unwrap();
        let count = reader.read(&mut buffer)?;
        buffer.truncate(count);
        Ok(buffer)
    }

    #[test]
    fn a_body_callback_delivers_what_it_says() {
        assert_eq!(read(3, 4).unwrap(), b"xxx");
        assert_eq!(read(4, 4).unwrap(), b"xxxx");
        assert_eq!(read(0, 4).unwrap(), b"");
        assert_eq!(read(9, 0).unwrap(), b"");
    }

    #[test]
    fn a_body_callback_that_says_too_much_or_gives_up_is_an_error() {
        assert!(
            read(5, 4)
                .unwrap_err()
                .to_string()
                .contains("5 bytes into a buffer of 4")
        );
        assert!(read(i64::MAX, 4).is_err());
        assert!(read(-2, 4).unwrap_err().to_string().contains("-2"));
        assert!(read(i64::MIN, 4).is_err());
    }

    unsafe extern "C" fn keep(data: *mut c_void, level: i32, line: *const c_char, length: i64) {
        // SAFETY: the tests pass a pointer to this type, and the library text with a NUL.
        unsafe {
            let line = CStr::from_ptr(line).to_str().unwrap().to_owned();
            assert_eq!(length, count(line.len()));
            (*data.cast::<Mutex<Vec<(i32, String)>>>())
                .lock()
                .unwrap()
                .push((level, line));
        }
    }

    #[test]
    fn log_lines_arrive_as_c_strings() {
        let lines: Mutex<Vec<(i32, String)>> = Mutex::default();
        let sink = log_sink(Some(keep), (&raw const lines).cast_mut().cast()).unwrap();
        sink(3, "one\0two é");
        drop(sink);
        assert_eq!(lines.into_inner().unwrap(), [(3, "one two é".to_owned())]);
        assert!(log_sink(None, null_mut()).is_none());
    }

    unsafe extern "C" fn answer(data: *mut c_void, url: *const c_char, _: i64) -> i32 {
        // SAFETY: the tests pass a pointer to an i32, and the library text with a NUL.
        unsafe {
            assert_eq!(CStr::from_ptr(url).to_str(), Ok("http://localhost/?a=b"));
            *data.cast::<i32>()
        }
    }

    #[test]
    fn an_authorize_callback_waits_with_0_and_gives_up_otherwise() {
        for (mut said, waits) in [(0, true), (1, false), (-1, false)] {
            let callback = Authorize::new(Some(answer), (&raw mut said).cast()).unwrap();
            assert_eq!(callback.show("http://localhost/?a=b"), waits);
        }
        assert!(Authorize::new(None, null_mut()).is_none());
    }
}
