//! Diagnostic records: the only error type of the core, and the form its warnings take.

use std::fmt;
use std::time::Duration;

/// Result of every fallible operation of the core.
pub type Result<T> = std::result::Result<T, Diagnostic>;

/// A five-character SQLSTATE, as listed in appendix A of the ODBC reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(&'static str);

impl SqlState {
    /// 01000: a warning that fits no other code.
    pub const GENERAL_WARNING: Self = Self("01000");
    /// 01004: text did not fit into the buffer and was cut.
    pub const TRUNCATED: Self = Self("01004");
    /// 01S00: a connection-string attribute is not valid.
    pub const INVALID_ATTRIBUTE: Self = Self("01S00");
    /// 01S02: a value was replaced by another one.
    pub const VALUE_CHANGED: Self = Self("01S02");
    /// 07009: an index is out of range.
    pub const INVALID_INDEX: Self = Self("07009");
    /// 08001: the client cannot establish a connection.
    pub const CANNOT_CONNECT: Self = Self("08001");
    /// 08002: the connection handle is already connected.
    pub const ALREADY_CONNECTED: Self = Self("08002");
    /// 08003: the connection handle is not connected.
    pub const NOT_CONNECTED: Self = Self("08003");
    /// 08S01: the link failed while a request was under way.
    pub const LINK_FAILURE: Self = Self("08S01");
    /// 22018: a value cannot be read as the type asked for.
    pub const INVALID_CAST: Self = Self("22018");
    /// 22007: a text that is to be a date, a time or a timestamp is none.
    pub const INVALID_DATETIME: Self = Self("22007");
    /// 22003: a number is out of range for the type asked for.
    pub const OUT_OF_RANGE: Self = Self("22003");
    /// 25006: a write where only reading is allowed.
    pub const READ_ONLY: Self = Self("25006");
    /// 28000: the authorization was refused or is missing.
    pub const AUTHORIZATION: Self = Self("28000");
    /// 07002: too few or too many values for the parameters of a statement.
    pub const WRONG_PARAMETERS: Self = Self("07002");
    /// 22012: a division by zero.
    pub const DIVISION_BY_ZERO: Self = Self("22012");
    /// 42000: a statement that is not valid.
    pub const SYNTAX: Self = Self("42000");
    /// 42S02: a table that does not exist.
    pub const NO_SUCH_TABLE: Self = Self("42S02");
    /// 42S22: a column that does not exist.
    pub const NO_SUCH_COLUMN: Self = Self("42S22");
    /// HY000: an error that fits no other code.
    pub const GENERAL_ERROR: Self = Self("HY000");
    /// HY001: memory ran out.
    pub const OUT_OF_MEMORY: Self = Self("HY001");
    /// HY008: the operation was cancelled.
    pub const CANCELLED: Self = Self("HY008");
    /// HY009: a null pointer where one is not allowed.
    pub const NULL_POINTER: Self = Self("HY009");
    /// HY010: the calls came in an order that is not allowed.
    pub const SEQUENCE: Self = Self("HY010");
    /// HY024: a value that is not allowed for this property or argument.
    pub const INVALID_VALUE: Self = Self("HY024");
    /// HY090: a length that is negative or too large.
    pub const INVALID_LENGTH: Self = Self("HY090");
    /// HYC00: a feature that is not available here.
    pub const NOT_IMPLEMENTED: Self = Self("HYC00");
    /// HYT00: a time limit ran out.
    pub const TIMEOUT: Self = Self("HYT00");

    /// The five characters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether records with this code are warnings (class 01).
    #[must_use]
    pub fn is_warning(self) -> bool {
        self.0.starts_with("01")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Native codes of OAuth errors (RFC 6749 §4.1.2.1 and §5.2, RFC 7009 §2.2.1). HTTP statuses use
/// the range 100 to 599; everything else is 0.
pub mod native {
    /// No native code.
    pub const NONE: i32 = 0;
    /// `invalid_request`.
    pub const OAUTH_INVALID_REQUEST: i32 = 1001;
    /// `invalid_client`.
    pub const OAUTH_INVALID_CLIENT: i32 = 1002;
    /// `invalid_grant`.
    pub const OAUTH_INVALID_GRANT: i32 = 1003;
    /// `unauthorized_client`.
    pub const OAUTH_UNAUTHORIZED_CLIENT: i32 = 1004;
    /// `unsupported_grant_type`.
    pub const OAUTH_UNSUPPORTED_GRANT_TYPE: i32 = 1005;
    /// `invalid_scope`.
    pub const OAUTH_INVALID_SCOPE: i32 = 1006;
    /// `access_denied`: the person declined.
    pub const OAUTH_ACCESS_DENIED: i32 = 1007;
    /// `unsupported_response_type`.
    pub const OAUTH_UNSUPPORTED_RESPONSE_TYPE: i32 = 1008;
    /// `server_error`.
    pub const OAUTH_SERVER_ERROR: i32 = 1009;
    /// `temporarily_unavailable`.
    pub const OAUTH_TEMPORARILY_UNAVAILABLE: i32 = 1010;
    /// Any other error code of an authorization server.
    pub const OAUTH_OTHER: i32 = 1099;

    /// The native code of an OAuth error code; [`OAUTH_OTHER`] where it has none of its own.
    #[must_use]
    pub fn of_oauth_error(code: &str) -> i32 {
        match code {
            "invalid_request" => OAUTH_INVALID_REQUEST,
            "invalid_client" => OAUTH_INVALID_CLIENT,
            "invalid_grant" => OAUTH_INVALID_GRANT,
            "unauthorized_client" => OAUTH_UNAUTHORIZED_CLIENT,
            "unsupported_grant_type" => OAUTH_UNSUPPORTED_GRANT_TYPE,
            "invalid_scope" => OAUTH_INVALID_SCOPE,
            "access_denied" => OAUTH_ACCESS_DENIED,
            "unsupported_response_type" => OAUTH_UNSUPPORTED_RESPONSE_TYPE,
            "server_error" => OAUTH_SERVER_ERROR,
            "temporarily_unavailable" => OAUTH_TEMPORARILY_UNAVAILABLE,
            _ => OAUTH_OTHER,
        }
    }
}

/// One diagnostic record: an error, or (class 01) a warning.
///
/// The message says what happened, to what, and what to do next. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The SQLSTATE.
    pub sqlstate: SqlState,
    /// The HTTP status, one of [`native`], or 0.
    pub native: i32,
    /// The text for a person.
    pub message: String,
}

impl Diagnostic {
    /// A record without a native code.
    #[must_use]
    pub fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self {
            sqlstate,
            native: native::NONE,
            message: message.into(),
        }
    }

    /// The same record with a native code.
    #[must_use]
    pub fn with_native(mut self, native: i32) -> Self {
        self.native = native;
        self
    }

    /// HY008 for an operation that was cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(
            SqlState::CANCELLED,
            "The call was cancelled. The connection can be used further.",
        )
    }

    /// HY024 for a value that is not allowed.
    #[must_use]
    pub fn invalid_value(message: impl Into<String>) -> Self {
        Self::new(SqlState::INVALID_VALUE, message)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.sqlstate, self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// A length of time in the words of messages: to the millisecond below ten seconds, and to the
/// second above.
pub(crate) fn in_seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let text = if seconds < 9.9995 {
        format!("{}", (seconds * 1000.0).round() / 1000.0)
    } else {
        format!("{seconds:.0}")
    };
    let unit = if text == "1" { "second" } else { "seconds" };
    format!("{text} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_as_exact_as_is_of_use() {
        for (milliseconds, expected) in [
            (0, "0 seconds"),
            (1, "0.001 seconds"),
            (250, "0.25 seconds"),
            (1000, "1 second"),
            (1500, "1.5 seconds"),
            (9999, "9.999 seconds"),
            (10_000, "10 seconds"),
            (60_400, "60 seconds"),
            (316_600, "317 seconds"),
        ] {
            assert_eq!(in_seconds(Duration::from_millis(milliseconds)), expected);
        }
        assert_eq!(in_seconds(Duration::from_micros(1_000_400)), "1 second");
    }
}
