//! The return codes, with the values of ODBC.

/// The call did what was asked.
pub const SUCCESS: i32 = 0;
/// The call did what was asked and left records.
pub const SUCCESS_WITH_INFO: i32 = 1;
/// There is nothing (more) to be had.
pub const NO_DATA: i32 = 100;
/// The call failed.
pub const ERROR: i32 = -1;
/// The handle is not one.
pub const INVALID_HANDLE: i32 = -2;

/// How a call went that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what was asked.
    Done,
    /// There is nothing (more) to be had.
    NoData,
    /// A second handle among the arguments is not one.
    InvalidHandle,
}
