//! The SQL types of columns, parameters and expressions.
//!
//! Each type has one form inside `SQLite`, so that values compare and sort as their type says:
//!
//! | type | inside |
//! |---|---|
//! | BIGINT, INTEGER | INTEGER |
//! | BOOLEAN | INTEGER, 0 or 1 |
//! | DECIMAL, DOUBLE | REAL; a DECIMAL is rounded to its scale |
//! | DATE | TEXT, `2026-06-30` |
//! | TIME | TEXT, `15:04:05` |
//! | TIMESTAMP | TEXT in UTC, `2026-06-30 15:04:05`, with a fraction where there is one |
//! | VARCHAR | TEXT |

use apilink_core::profile::tables::ColumnType;

/// The precision of money and other exact numbers.
pub const DECIMAL_PRECISION: u32 = 19;
/// Their places behind the point.
pub const DECIMAL_SCALE: u32 = 4;
/// The precision of sums of them.
pub const SUM_PRECISION: u32 = 38;
/// The size of text of which nothing is known: the characters that an `ODBC` application expects
/// to find in a column before it is a long one.
pub const TEXT_SIZE: u32 = 4000;

/// An SQL type, without its nullability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// A whole number of 64 bits.
    Bigint,
    /// A whole number of 32 bits.
    Integer,
    /// An exact number with `scale` places behind the point.
    Decimal {
        /// Digits in all.
        precision: u32,
        /// Digits behind the point.
        scale: u32,
    },
    /// A floating-point number of 64 bits.
    Double,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A point in time, in UTC.
    Timestamp,
    /// Text of at most `size` characters.
    Varchar {
        /// The largest number of characters, as far as it is known.
        size: u32,
    },
    /// Bytes; the type of `x'…'` and of nothing that a service sends.
    Varbinary,
}

impl SqlType {
    /// `DECIMAL(19,4)`.
    pub const DECIMAL: Self = Self::Decimal {
        precision: DECIMAL_PRECISION,
        scale: DECIMAL_SCALE,
    };
    /// Text of which nothing more is known.
    pub const TEXT: Self = Self::Varchar { size: TEXT_SIZE };

    /// The name of the type, as in `CAST(x AS name)`, without precision and size.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bigint => "BIGINT",
            Self::Integer => "INTEGER",
            Self::Decimal { .. } => "DECIMAL",
            Self::Double => "DOUBLE",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::Timestamp => "TIMESTAMP",
            Self::Varchar { .. } => "VARCHAR",
            Self::Varbinary => "VARBINARY",
        }
    }

    /// Whether it is a number; BOOLEAN is not.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::Bigint | Self::Integer | Self::Decimal { .. } | Self::Double
        )
    }
}

impl From<ColumnType> for SqlType {
    fn from(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Bigint => Self::Bigint,
            ColumnType::Integer => Self::Integer,
            ColumnType::Decimal => Self::DECIMAL,
            ColumnType::Double => Self::Double,
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Date => Self::Date,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::Text | ColumnType::Json => Self::TEXT,
        }
    }
}
