//! The names of types in CAST and CONVERT: those of standard SQL, of ODBC, of `SQL Server`, of
//! `MySQL` and of `SQLite`.

use std::fmt;

use crate::types::{DECIMAL_PRECISION, DECIMAL_SCALE, SUM_PRECISION};

/// A type to convert to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CastType {
    Bigint,
    Integer,
    Decimal {
        precision: u32,
        scale: u32,
    },
    Double,
    Boolean,
    Date,
    Time,
    Timestamp,
    /// Text, cut to a length where one is given.
    Varchar(Option<u32>),
    Binary,
}

impl CastType {
    /// Finds a type by its name, the words of which are divided by single blanks, and the numbers
    /// in parentheses behind it.
    pub(super) fn find(name: &str, numbers: &[u32]) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let (plain, is_odbc) = match upper.strip_prefix("SQL_") {
            Some(plain) => (plain, true),
            None => (upper.as_str(), false),
        };
        let found = Self::by_name(plain, numbers)?;
        // SQL_TYPE_DATE and the wide characters are names of ODBC only.
        let is_odbc_only = plain.starts_with("TYPE_") || plain.starts_with('W');
        (is_odbc || !is_odbc_only).then_some(found)
    }

    fn by_name(name: &str, numbers: &[u32]) -> Option<Self> {
        Some(match name {
            "BIGINT" | "INT8" | "SIGNED" | "UNSIGNED" | "SIGNED INTEGER" | "UNSIGNED INTEGER"
            | "UNSIGNED BIG INT" => Self::Bigint,
            "INTEGER" | "INT" | "INT2" | "INT4" | "MEDIUMINT" | "SMALLINT" | "TINYINT" => {
                Self::Integer
            }
            "DECIMAL" | "NUMERIC" | "DEC" | "NUMBER" => return Self::decimal(numbers),
            "MONEY" | "SMALLMONEY" => Self::Decimal {
                precision: DECIMAL_PRECISION,
                scale: DECIMAL_SCALE,
            },
            "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" | "REAL" => Self::Double,
            "BOOLEAN" | "BOOL" | "BIT" => Self::Boolean,
            "DATE" | "TYPE_DATE" => Self::Date,
            "TIME" | "TYPE_TIME" | "TIME WITHOUT TIME ZONE" => Self::Time,
            "TIMESTAMP"
            | "TYPE_TIMESTAMP"
            | "DATETIME"
            | "DATETIME2"
            | "SMALLDATETIME"
            | "DATETIMEOFFSET"
            | "TIMESTAMP WITH TIME ZONE"
            | "TIMESTAMP WITHOUT TIME ZONE" => Self::Timestamp,
            "VARCHAR"
            | "CHAR"
            | "CHARACTER"
            | "NCHAR"
            | "NVARCHAR"
            | "WCHAR"
            | "WVARCHAR"
            | "WLONGVARCHAR"
            | "LONGVARCHAR"
            | "LONG VARCHAR"
            | "VARCHAR2"
            | "NVARCHAR2"
            | "CHARACTER VARYING"
            | "NATIONAL CHARACTER"
            | "NATIONAL CHARACTER VARYING"
            | "NATIVE CHARACTER"
            | "VARYING CHARACTER"
            | "TEXT"
            | "NTEXT"
            | "CLOB"
            | "STRING" => Self::Varchar(numbers.first().copied()),
            "GUID" | "UNIQUEIDENTIFIER" => Self::Varchar(Some(36)),
            "BINARY" | "VARBINARY" | "LONGVARBINARY" | "BLOB" | "IMAGE" => Self::Binary,
            _ => return None,
        })
    }

    /// Without numbers the type of money: a conversion in ODBC's form has no place for them.
    fn decimal(numbers: &[u32]) -> Option<Self> {
        let (precision, scale) = match *numbers {
            [] => (DECIMAL_PRECISION, DECIMAL_SCALE),
            [precision] => (precision, 0),
            [precision, scale] => (precision, scale),
            _ => return None,
        };
        let is_valid = (1..=SUM_PRECISION).contains(&precision) && scale <= precision;
        is_valid.then_some(Self::Decimal { precision, scale })
    }
}

/// As `typing` reads it; there the conversion becomes exact.
impl fmt::Display for CastType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bigint => "BIGINT",
            Self::Integer => "INTEGER",
            Self::Decimal { precision, scale } => {
                return write!(f, "DECIMAL({precision},{scale})");
            }
            Self::Double => "DOUBLE",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::Timestamp => "TIMESTAMP",
            Self::Varchar(None) => "VARCHAR",
            Self::Varchar(Some(length)) => return write!(f, "VARCHAR({length})"),
            Self::Binary => "VARBINARY",
        })
    }
}
