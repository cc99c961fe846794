//! What goes out to the caller: text, bytes and single values, into places of the caller.
//!
//! Nothing here makes a Rust reference to the caller's memory: it may be unaligned, uninitialized
//! or shared with other places.

use std::ptr;

use apilink_core::{Diagnostic, Result, SqlState};
use libc::{c_char, c_void};
use secrecy::{ExposeSecret, SecretString};

use crate::input::null;

/// A buffer for text, and a place for its length.
#[derive(Debug)]
pub struct TextOut {
    buffer: *mut u8,
    capacity: usize,
    length: *mut i64,
}

/// Whether text fitted into its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All of it is there, or there is no buffer and only the length was asked for.
    Whole,
    /// Its end is missing.
    Cut,
}

impl TextOut {
    /// `buffer` and `length` may be null.
    ///
    /// # Safety
    /// Unless they are null, `capacity` bytes from `buffer` on and an `i64` at `length` must be
    /// writable until the value is dropped. `length` need not be aligned.
    ///
    /// # Errors
    /// HY090 when `capacity` is negative.
    pub unsafe fn new(buffer: *mut c_char, capacity: i64, length: *mut i64) -> Result<Self> {
        let capacity = checked_capacity(capacity, 0)?;
        Ok(Self {
            buffer: buffer.cast(),
            capacity,
            length,
        })
    }

    /// Writes as many whole characters as fit, a NUL, and the length of the whole text.
    #[must_use]
    pub fn write(self, text: &str) -> Fit {
        if !self.length.is_null() {
            // SAFETY: `new` was told that an i64 can be written there.
            unsafe { self.length.write_unaligned(count(text.len())) };
        }
        if self.buffer.is_null() {
            return Fit::Whole;
        }
        if let Some(room) = self.capacity.checked_sub(1) {
            let fitting = floor_char_boundary(text, room);
            // SAFETY: `fitting` is at most the length of the text, and less than the capacity that
            // `new` was told; memory of ours and of the caller does not overlap.
            unsafe {
                ptr::copy_nonoverlapping(text.as_ptr(), self.buffer, fitting);
                self.buffer.add(fitting).write(0);
            }
        }
        if text.len() < self.capacity {
            Fit::Whole
        } else {
            Fit::Cut
        }
    }

    /// As [`TextOut::write`]; text that was cut leaves a record 01004.
    pub fn put(self, text: &str, records: &mut Vec<Diagnostic>) {
        let capacity = self.capacity;
        if self.write(text) == Fit::Cut {
            records.push(Diagnostic::new(
                SqlState::TRUNCATED,
                format!(
                    "The text was cut: the buffer has {capacity} bytes, and the text needs {}, its \
                     NUL included.",
                    text.len().saturating_add(1)
                ),
            ));
        }
    }

    /// As [`TextOut::put`], for a secret that the caller has asked for.
    pub fn put_secret(self, secret: &SecretString, records: &mut Vec<Diagnostic>) {
        self.put(secret.expose_secret(), records);
    }
}

/// The last place at or before `end` that is not within a character.
fn floor_char_boundary(text: &str, end: usize) -> usize {
    if end >= text.len() {
        return text.len();
    }
    (0..=end)
        .rev()
        .find(|place| text.is_char_boundary(*place))
        .unwrap_or(0)
}

/// A buffer for bytes.
#[derive(Debug)]
pub struct BytesOut {
    buffer: *mut u8,
    capacity: usize,
}

impl BytesOut {
    /// A buffer that holds at least one byte.
    ///
    /// # Safety
    /// Unless it is null, `capacity` bytes from `buffer` on must be writable until the value is
    /// dropped.
    ///
    /// # Errors
    /// HY009 when `buffer` is null, HY090 when `capacity` is below 1.
    pub unsafe fn new(name: &str, buffer: *mut c_void, capacity: i64) -> Result<Self> {
        if buffer.is_null() {
            return Err(null(name));
        }
        Ok(Self {
            buffer: buffer.cast(),
            capacity: checked_capacity(capacity, 1)?,
        })
    }

    /// How many bytes fit, at least 1.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes as many of `bytes` as fit, and says how many that are.
    #[must_use]
    pub fn write(self, bytes: &[u8]) -> usize {
        let fitting = bytes.len().min(self.capacity);
        // SAFETY: `fitting` is within both; memory of ours and of the caller does not overlap.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.buffer, fitting) };
        fitting
    }
}

/// A place for one value.
#[derive(Debug)]
pub struct ValueOut<T>(*mut T);

impl<T> ValueOut<T> {
    /// A place that may be missing.
    ///
    /// # Safety
    /// Unless it is null, a `T` must be writable at `place` until the value is dropped. It need
    /// not be aligned.
    #[must_use]
    pub unsafe fn optional(place: *mut T) -> Self {
        Self(place)
    }

    /// A place that must be there.
    ///
    /// # Safety
    /// As [`ValueOut::optional`].
    ///
    /// # Errors
    /// HY009 when it is null. `name` is the argument's, for the message.
    pub unsafe fn required(name: &str, place: *mut T) -> Result<Self> {
        if place.is_null() {
            Err(null(name))
        } else {
            Ok(Self(place))
        }
    }

    /// Writes the value, if there is a place for it. What was there is not dropped.
    pub fn write(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the constructor was told that a T can be written there.
            unsafe { self.0.write_unaligned(value) };
        }
    }
}

/// A number of bytes as the C interface counts them.
#[must_use]
pub fn count(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn checked_capacity(capacity: i64, least: i64) -> Result<usize> {
    if capacity < least {
        return Err(Diagnostic::new(
            SqlState::INVALID_LENGTH,
            format!("The capacity of a buffer is {capacity}; it must be {least} or more."),
        ));
    }
    // More than the address space has is as good as all of it.
    Ok(usize::try_from(capacity).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::cast_possible_wrap
    )]

    use std::ptr::null_mut;

    use proptest::prelude::*;

    use super::*;

    const UNTOUCHED: u8 = 0xAA;

    /// Writes `text` into a buffer of `capacity`; the buffer, the length and the fit.
    fn write(text: &str, capacity: usize) -> (Vec<u8>, i64, Fit) {
        let mut buffer = vec![UNTOUCHED; capacity + 8];
        let mut length = -7;
        // SAFETY: the buffer has more than that.
        let out =
            unsafe { TextOut::new(buffer.as_mut_ptr().cast(), capacity as i64, &raw mut length) };
        let fit = out.unwrap().write(text);
        assert!(buffer[capacity..].iter().all(|byte| *byte == UNTOUCHED));
        buffer.truncate(capacity);
        (buffer, length, fit)
    }

    #[test]
    fn text_is_cut_to_what_fits() {
        assert_eq!(write("abc", 4), (b"abc\0".to_vec(), 3, Fit::Whole));
        assert_eq!(write("abc", 3), (b"ab\0".to_vec(), 3, Fit::Cut));
        assert_eq!(write("abc", 1), (b"\0".to_vec(), 3, Fit::Cut));
        assert_eq!(write("abc", 0), (Vec::new(), 3, Fit::Cut));
        assert_eq!(write("", 1), (b"\0".to_vec(), 0, Fit::Whole));
        assert_eq!(write("", 0), (Vec::new(), 0, Fit::Cut));
    }

    #[test]
    fn characters_are_never_split() {
        assert_eq!(write("aé€", 6).0[..4], *b"a\xc3\xa9\0");
        assert_eq!(write("aé€", 3).0[..2], *b"a\0");
    }

    #[test]
    fn a_null_buffer_asks_for_the_length_alone() {
        let mut length = 0;
        for capacity in [0, 1, i64::MAX] {
            // SAFETY: null is allowed, and the length is a place of ours.
            let out = unsafe { TextOut::new(null_mut(), capacity, &raw mut length) }.unwrap();
            assert_eq!(out.write("abc"), Fit::Whole);
            assert_eq!(length, 3);
        }
        // SAFETY: null is allowed.
        let out = unsafe { TextOut::new(null_mut(), 0, null_mut()) }.unwrap();
        assert_eq!(out.write("abc"), Fit::Whole);
    }

    #[test]
    fn negative_capacities_are_refused() {
        for capacity in [-1, -2, i64::MIN] {
            // SAFETY: null is allowed.
            let error = unsafe { TextOut::new(null_mut(), capacity, null_mut()) }.unwrap_err();
            assert_eq!(error.sqlstate, SqlState::INVALID_LENGTH);
        }
    }

    #[test]
    fn cut_text_leaves_a_record_with_the_size_that_is_needed() {
        let mut buffer = [0; 3];
        let mut records = Vec::new();
        // SAFETY: the buffer has 3 bytes.
        let out = unsafe { TextOut::new(buffer.as_mut_ptr(), 3, null_mut()) }.unwrap();
        out.put("ab", &mut records);
        assert!(records.is_empty());
        // SAFETY: as above.
        let out = unsafe { TextOut::new(buffer.as_mut_ptr(), 3, null_mut()) }.unwrap();
        out.put_secret(&SecretString::from("canary"), &mut records);
        assert_eq!(records[0].sqlstate, SqlState::TRUNCATED);
        assert!(records[0].message.contains("needs 7"));
        assert!(!records[0].message.contains("ca"));
    }

    #[test]
    #[allow(clippy::cast_ptr_alignment, reason = "it is unaligned on purpose")]
    fn places_may_be_unaligned() {
        let mut memory = [UNTOUCHED; 24];
        // SAFETY: 1 + 8 is within the memory.
        let place = unsafe { memory.as_mut_ptr().add(1) }.cast::<i64>();
        // SAFETY: as above.
        unsafe { ValueOut::optional(place) }.write(-1);
        assert_eq!(
            memory[..10],
            [UNTOUCHED, 255, 255, 255, 255, 255, 255, 255, 255, UNTOUCHED]
        );
        // SAFETY: as above.
        let out = unsafe { TextOut::new(null_mut(), 0, place) }.unwrap();
        assert_eq!(out.write("abc"), Fit::Whole);
        assert_eq!(memory[1..9], 3_i64.to_ne_bytes());
    }

    #[test]
    fn required_places_are_named() {
        // SAFETY: null is allowed.
        let error = unsafe { ValueOut::<i32>::required("status", null_mut()) }.unwrap_err();
        assert_eq!(error.sqlstate, SqlState::NULL_POINTER);
        assert!(error.message.contains("status"));
        // SAFETY: as above.
        unsafe { ValueOut::<i32>::optional(null_mut()) }.write(1);
    }

    #[test]
    fn bytes_are_cut_to_what_fits() {
        let mut buffer = [UNTOUCHED; 4];
        // SAFETY: the buffer has more than that.
        let out = unsafe { BytesOut::new("buffer", buffer.as_mut_ptr().cast(), 2) }.unwrap();
        assert_eq!((out.capacity(), out.write(b"abc")), (2, 2));
        assert_eq!(buffer, [b'a', b'b', UNTOUCHED, UNTOUCHED]);
        for capacity in [0, -1, i64::MIN] {
            // SAFETY: refused before it is used.
            let out = unsafe { BytesOut::new("buffer", buffer.as_mut_ptr().cast(), capacity) };
            assert_eq!(out.unwrap_err().sqlstate, SqlState::INVALID_LENGTH);
        }
        // SAFETY: null is allowed.
        let error = unsafe { BytesOut::new("buffer", null_mut(), 1) }.unwrap_err();
        assert_eq!(error.sqlstate, SqlState::NULL_POINTER);
    }

    proptest! {
        #[test]
        fn every_text_fits_every_buffer(text in "\\PC{0,12}", capacity in 0_usize..60) {
            let (buffer, length, fit) = write(&text, capacity);
            prop_assert_eq!(length, text.len() as i64);
            prop_assert_eq!(fit == Fit::Whole, text.len() < capacity);
            if capacity > 0 {
                let end = buffer.iter().position(|byte| *byte == 0).unwrap();
                let written = std::str::from_utf8(&buffer[..end]).unwrap();
                prop_assert!(text.starts_with(written));
                // As much as fits: the next character would not.
                let next = text[written.len()..].chars().next();
                prop_assert!(next.is_none_or(|next| end + next.len_utf8() >= capacity));
            }
        }
    }
}
