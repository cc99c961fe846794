//! The names of types in CAST and CONVERT: those of standard SQL, of ODBC, of `SQL Server`, of
//! `MySQL` and of `SQLite`.

use std::fmt;

use crate::types::{DECIMAL_PRECISION, DECIMAL_SCALE, SUM_PRECISION, SqlType, TEXT_SIZE};

/// A type to convert to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CastType {
    pub(crate) sql_type: SqlType,
    /// VARCHAR with a length, to which a text is cut.
    pub(crate) is_cut: bool,
}

impl CastType {
    /// VARCHAR without a length.
    pub(super) const TEXT: Self = Self {
        sql_type: SqlType::TEXT,
        is_cut: false,
    };

    /// Finds a type by its name, the words of which are divided by single blanks, and the numbers
    /// in parentheses behind it.
    pub(crate) fn find(name: &str, numbers: &[u32]) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let (plain, is_odbc) = match upper.strip_prefix("SQL_") {
            Some(plain) => (plain, true),
            None => (upper.as_str(), false),
        };
        let sql_type = by_name(plain, numbers)?;
        // SQL_TYPE_DATE and the wide characters are names of ODBC only.
        let is_odbc_only = plain.starts_with("TYPE_") || plain.starts_with('W');
        let is_text = matches!(sql_type, SqlType::Varchar { .. });
        (is_odbc || !is_odbc_only).then_some(Self {
            sql_type,
            // GUID has one of its own.
            is_cut: is_text && (sql_type != SqlType::TEXT || !numbers.is_empty()),
        })
    }
}

fn by_name(name: &str, numbers: &[u32]) -> Option<SqlType> {
    Some(match name {
        "BIGINT" | "INT8" | "LONG" | "SIGNED" | "UNSIGNED" | "SIGNED INTEGER"
        | "UNSIGNED INTEGER" | "UNSIGNED BIG INT" => SqlType::Bigint,
        "INTEGER" | "INT" | "INT2" | "INT4" | "MEDIUMINT" | "SMALLINT" | "TINYINT" => {
            SqlType::Integer
        }
        "DECIMAL" | "NUMERIC" | "DEC" | "NUMBER" => return decimal(numbers),
        "MONEY" | "SMALLMONEY" | "CURRENCY" => SqlType::DECIMAL,
        "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" | "REAL" => SqlType::Double,
        "BOOLEAN" | "BOOL" | "BIT" => SqlType::Boolean,
        "DATE" | "TYPE_DATE" => SqlType::Date,
        "TIME" | "TYPE_TIME" | "TIME WITHOUT TIME ZONE" => SqlType::Time,
        "TIMESTAMP"
        | "TYPE_TIMESTAMP"
        | "DATETIME"
        | "DATETIME2"
        | "SMALLDATETIME"
        | "DATETIMEOFFSET"
        | "TIMESTAMP WITH TIME ZONE"
        | "TIMESTAMP WITHOUT TIME ZONE" => SqlType::Timestamp,
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
        | "STRING" => SqlType::Varchar {
            size: numbers.first().copied().unwrap_or(TEXT_SIZE).max(1),
        },
        "GUID" | "UNIQUEIDENTIFIER" => SqlType::Varchar { size: 36 },
        "BINARY" | "VARBINARY" | "LONGVARBINARY" | "BLOB" | "IMAGE" => SqlType::Varbinary,
        _ => return None,
    })
}

/// Without numbers the type of money: a conversion in ODBC's form has no place for them.
fn decimal(numbers: &[u32]) -> Option<SqlType> {
    let (precision, scale) = match *numbers {
        [] => (DECIMAL_PRECISION, DECIMAL_SCALE),
        [precision] => (precision, 0),
        [precision, scale] => (precision, scale),
        _ => return None,
    };
    let is_valid = (1..=SUM_PRECISION).contains(&precision) && scale <= precision;
    is_valid.then_some(SqlType::Decimal { precision, scale })
}

/// As `typing` reads it; there the conversion becomes exact.
impl fmt::Display for CastType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql_type.name())?;
        match self.sql_type {
            SqlType::Decimal { precision, scale } => write!(f, "({precision},{scale})"),
            SqlType::Varchar { size } if self.is_cut => write!(f, "({size})"),
            _ => Ok(()),
        }
    }
}
