//! A running `SQLite` statement together with its connection: the one thing that rusqlite cannot
//! hold, because there the one borrows the other.

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use rusqlite::{Connection, ffi};

use crate::value::ValueRef;

/// A statement that is being run, and the connection that it belongs to.
pub(crate) struct Running {
    statement: NonNull<ffi::sqlite3_stmt>,
    /// After the statement: fields are dropped in order, and [`Drop`] ends the statement first.
    connection: Connection,
    columns: c_int,
}

// SAFETY: the statement belongs to the connection beside it, which nothing else holds; both go to
// another thread together, and SQLite is built to allow that (SQLITE_THREADSAFE=1).
unsafe impl Send for Running {}

impl Running {
    /// Prepares a statement.
    pub(crate) fn new(connection: Connection, sql: &str) -> rusqlite::Result<Self> {
        let length = c_int::try_from(sql.len())
            .map_err(|_| rusqlite::Error::ModuleError("the statement is too long".into()))?;
        let mut statement = ptr::null_mut();
        // SAFETY: the handle is that of an open connection, the text is valid for its length, and
        // SQLite writes the statement to a place that lives through the call.
        let code = unsafe {
            ffi::sqlite3_prepare_v2(
                connection.handle(),
                sql.as_ptr().cast(),
                length,
                &raw mut statement,
                ptr::null_mut(),
            )
        };
        match NonNull::new(statement) {
            Some(statement) if code == ffi::SQLITE_OK => {
                // SAFETY: the statement was just made.
                let columns = unsafe { ffi::sqlite3_column_count(statement.as_ptr()) };
                Ok(Self {
                    statement,
                    connection,
                    columns,
                })
            }
            _ => Err(failure(&connection, code)),
        }
    }

    /// Moves to the next row; `false` after the last.
    pub(crate) fn step(&mut self) -> rusqlite::Result<bool> {
        // SAFETY: the statement lives as long as `self`.
        match unsafe { ffi::sqlite3_step(self.statement.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => Err(failure(&self.connection, code)),
        }
    }

    /// A value of the present row; NULL where there is no such column.
    pub(crate) fn value(&self, at: usize) -> ValueRef<'_> {
        let at = match c_int::try_from(at) {
            Ok(at) if at < self.columns => at,
            _ => return ValueRef::Null,
        };
        let statement = self.statement.as_ptr();
        // SAFETY: `at` is below the number of columns. The pointer to a text or to bytes has the
        // length that SQLite says, and is valid until the next step or a conversion of the value:
        // a step needs `self` mutably, and each value is only asked for as what it is.
        unsafe {
            match ffi::sqlite3_column_type(statement, at) {
                ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_column_int64(statement, at)),
                ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_column_double(statement, at)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_column_text(statement, at);
                    let bytes = bytes(text, ffi::sqlite3_column_bytes(statement, at));
                    std::str::from_utf8(bytes).map_or(ValueRef::Bytes(bytes), ValueRef::Text)
                }
                ffi::SQLITE_BLOB => {
                    let blob = ffi::sqlite3_column_blob(statement, at);
                    let length = ffi::sqlite3_column_bytes(statement, at);
                    ValueRef::Bytes(bytes(blob.cast(), length))
                }
                _ => ValueRef::Null,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: the statement is ended once, here, before its connection is closed.
        unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

/// # Safety
/// `start` is null or valid for `length` bytes while the result is used.
unsafe fn bytes<'a>(start: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        Ok(length) if length > 0 && !start.is_null() => {
            // SAFETY: as the caller promises.
            unsafe { std::slice::from_raw_parts(start, length) }
        }
        _ => &[],
    }
}

/// What `SQLite` said last.
fn failure(connection: &Connection, code: c_int) -> rusqlite::Error {
    // SAFETY: the message of an open connection is a text that ends with NUL, valid until the next
    // call for this connection.
    let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(connection.handle())) }
        .to_string_lossy()
        .into_owned();
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(message))
}
