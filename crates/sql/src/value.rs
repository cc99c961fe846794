//! Values of rows and parameters.

/// A value. Its SQL type is the column's ([`crate::ResultColumn`]); how each type is held is said in
/// [`crate::types`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// BIGINT, INTEGER, and BOOLEAN as 0 or 1.
    Integer(i64),
    /// DECIMAL and DOUBLE.
    Real(f64),
    /// VARCHAR, DATE, TIME and TIMESTAMP.
    Text(String),
    /// VARBINARY.
    Bytes(Vec<u8>),
}
