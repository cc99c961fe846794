//! What comes in from the caller: text and bytes, checked before they are used.

use std::slice;

use apilink_core::{Diagnostic, Result, SqlState};
pub use bytes::Bytes;
use libc::{c_char, c_void};

/// The longest text that is accepted, in bytes: 1 MiB. It also ends the search for a NUL.
pub const TEXT_LIMIT: usize = 1 << 20;

/// The most bytes that are accepted: 2 GiB less one. It also ends the search for a NUL.
pub const BYTES_LIMIT: usize = i32::MAX as usize;

/// Text of the caller. A null pointer is empty text when `length` is 0.
///
/// # Safety
/// Unless `data` is null, `length` bytes from `data` on, or those up to a NUL when `length` is −1,
/// must be readable and unchanged for `'a`, which is the call that the text came with.
///
/// # Errors
/// HY009 for a null pointer; HY090 for a `length` below −1 or above [`TEXT_LIMIT`], or no NUL
/// within it; HY024 for text that is not UTF-8. `name` is the argument's, for the message.
pub unsafe fn text<'a>(name: &str, data: *const c_char, length: i64) -> Result<&'a str> {
    // SAFETY: the contract is the same.
    let bytes = unsafe { slice_of(name, data.cast(), length, TEXT_LIMIT) }?;
    str::from_utf8(bytes).map_err(|error| {
        Diagnostic::invalid_value(format!(
            "The argument {name} is not UTF-8: it goes wrong at byte {}, counted from 1.",
            error.valid_up_to().saturating_add(1)
        ))
    })
}

/// As [`text`]; a null pointer is `None`, whatever the length.
///
/// # Safety
/// As [`text`].
///
/// # Errors
/// As [`text`].
pub unsafe fn text_or_none<'a>(
    name: &str,
    data: *const c_char,
    length: i64,
) -> Result<Option<&'a str>> {
    if data.is_null() {
        return Ok(None);
    }
    // SAFETY: the contract is the same.
    unsafe { text(name, data, length) }.map(Some)
}

/// A copy of bytes of the caller. A null pointer is no bytes when `length` is 0.
///
/// # Safety
/// Unless `data` is null, `length` bytes from `data` on, or those up to a NUL when `length` is −1,
/// must be readable and unchanged during this call.
///
/// # Errors
/// HY009 for a null pointer; HY090 for a `length` below −1 or above [`BYTES_LIMIT`], or no NUL
/// within it; HY001 when there is no memory for the copy.
pub unsafe fn bytes(name: &str, data: *const c_void, length: i64) -> Result<Bytes> {
    // SAFETY: the contract is the same.
    let bytes = unsafe { slice_of(name, data.cast(), length, BYTES_LIMIT) }?;
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| {
        Diagnostic::new(
            SqlState::OUT_OF_MEMORY,
            format!(
                "There is no memory for a copy of the {} bytes of {name}.",
                bytes.len()
            ),
        )
    })?;
    copy.extend_from_slice(bytes);
    Ok(copy.into())
}

/// # Safety
/// As [`text`].
unsafe fn slice_of<'a>(name: &str, data: *const u8, length: i64, limit: usize) -> Result<&'a [u8]> {
    if data.is_null() {
        return if length == 0 {
            Ok(&[])
        } else {
            Err(null(name))
        };
    }
    let length = match length {
        // SAFETY: the caller says that a NUL comes, or that the limit can be read up to; nothing
        // behind either is read.
        -1 => unsafe { libc::strnlen(data.cast(), limit.saturating_add(1)) },
        _ => usize::try_from(length).map_err(|_| negative(name, length))?,
    };
    if length > limit {
        return Err(too_long(name, limit));
    }
    // SAFETY: the caller says that these bytes are readable, and they are fewer than isize::MAX.
    Ok(unsafe { slice::from_raw_parts(data, length) })
}

pub(crate) fn null(name: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::NULL_POINTER,
        format!("The argument {name} is NULL. If it comes from a variable, is that set?"),
    )
}

fn negative(name: &str, length: i64) -> Diagnostic {
    Diagnostic::new(
        SqlState::INVALID_LENGTH,
        format!(
            "The length of {name} is {length}. Give a number of bytes, or -1 for text that ends \
             with a NUL."
        ),
    )
}

fn too_long(name: &str, limit: usize) -> Diagnostic {
    Diagnostic::new(
        SqlState::INVALID_LENGTH,
        format!("The argument {name} has more than {limit} bytes, or no NUL ends it."),
    )
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::cast_possible_wrap
    )]

    use std::ptr::null;

    use super::*;

    fn text_of(data: &[u8], length: i64) -> Result<&str> {
        assert!(length < 0 || length > TEXT_LIMIT as i64 || length <= data.len() as i64);
        // SAFETY: the length is that of the slice, -1 with a NUL in it, or refused.
        unsafe { text("name", data.as_ptr().cast(), length) }
    }

    fn state(result: Result<&str>) -> &'static str {
        result.unwrap_err().sqlstate.as_str()
    }

    #[test]
    fn text_has_a_length_or_a_nul() {
        assert_eq!(text_of(b"abc\0", -1), Ok("abc"));
        assert_eq!(text_of(b"abc\0", 4), Ok("abc\0"));
        assert_eq!(text_of(b"abc\0", 2), Ok("ab"));
        assert_eq!(text_of(b"abc\0", 0), Ok(""));
        assert_eq!(text_of(b"\0", -1), Ok(""));
    }

    #[test]
    fn null_is_named_unless_the_length_is_0() {
        for length in [-2, -1, 1, i64::MAX, i64::MIN] {
            // SAFETY: a null pointer is allowed.
            let error = unsafe { text("path", null(), length) }.unwrap_err();
            assert_eq!(error.sqlstate, SqlState::NULL_POINTER);
            assert!(error.message.contains("path"));
            // SAFETY: as above.
            assert_eq!(unsafe { text_or_none("path", null(), length) }, Ok(None));
            // SAFETY: as above.
            assert!(unsafe { bytes("data", null(), length) }.is_err());
        }
        // SAFETY: as above.
        assert_eq!(unsafe { text("path", null(), 0) }, Ok(""));
        // SAFETY: as above.
        assert!(unsafe { bytes("data", null(), 0) }.unwrap().is_empty());
    }

    #[test]
    fn lengths_that_make_no_sense_are_refused_before_anything_is_read() {
        for length in [-2, i64::MIN, TEXT_LIMIT as i64 + 1, i64::MAX] {
            assert_eq!(state(text_of(b"a\0", length)), "HY090", "{length}");
        }
    }

    #[test]
    fn the_search_for_a_nul_ends_at_the_limit() {
        let mut long = vec![b'a'; TEXT_LIMIT + 1];
        assert_eq!(state(text_of(&long, -1)), "HY090");
        long[TEXT_LIMIT] = 0;
        assert_eq!(text_of(&long, -1).unwrap().len(), TEXT_LIMIT);
    }

    #[test]
    fn what_is_not_utf8_is_named_with_its_place() {
        for (data, place) in [
            (&b"\xff"[..], "byte 1,"),
            (b"ab\xc3", "byte 3,"),
            (b"a\xed\xa0\x80", "byte 2,"),
        ] {
            let error = text_of(data, data.len() as i64).unwrap_err();
            assert_eq!(error.sqlstate, SqlState::INVALID_VALUE);
            assert!(error.message.contains(place), "{error}");
        }
    }

    #[test]
    fn bytes_are_copied_as_they_are() {
        let data = b"a\xff\0b\0";
        // SAFETY: the lengths are those of the data, or up to its NUL.
        let copy = |length| unsafe { bytes("data", data.as_ptr().cast(), length) }.unwrap();
        assert_eq!(copy(4), &data[..4]);
        assert_eq!(copy(-1), &data[..2]);
    }
}
