//! CAST: the types of SQL by their names, where `SQLite` knows affinities only.

use sqlite3_parser::ast::{Expr, Type, TypeSize};

use super::Analyzer;
use super::failure::{Outcome, Problem};
use super::typed::{Form, Typed, literals_boolean};
use crate::types::{DECIMAL_SCALE, SUM_PRECISION, SqlType, TEXT_SIZE};

impl Analyzer<'_> {
    pub(super) fn cast(&mut self, value: Typed, type_name: Option<&Type>) -> Outcome<Typed> {
        let Some(target) = type_name.and_then(named_type) else {
            let name = type_name.map_or("", |name| name.name);
            return Err(Problem::syntax(format!(
                "There is no type {name}; the types are BIGINT, INTEGER, DECIMAL, DOUBLE, BOOLEAN, \
                 DATE, TIME, TIMESTAMP, VARCHAR and VARBINARY."
            ))
            .into());
        };
        let has_size = type_name.is_some_and(|name| name.size.is_some());
        if matches!(value.form, Form::Parameter(_)) && value.sql_type.is_none() {
            let value = self.convert(value, target)?;
            return self.cast_typed(value, target, has_size);
        }
        self.cast_typed(value, target, has_size)
    }

    fn cast_typed(&mut self, value: Typed, target: SqlType, has_size: bool) -> Outcome<Typed> {
        let is_plain = !matches!(
            target,
            SqlType::Decimal { .. }
                | SqlType::Boolean
                | SqlType::Date
                | SqlType::Time
                | SqlType::Timestamp
        );
        self.rewritten |= !is_plain || has_size;
        let nullable = value.nullable;
        let mut cast = match target {
            SqlType::Bigint | SqlType::Integer => cast_as(value, "INTEGER"),
            SqlType::Double => cast_as(value, "REAL"),
            SqlType::Varbinary => cast_as(value, "BLOB"),
            SqlType::Decimal { .. } => {
                let text = cast_as(value, "REAL").into_text();
                Typed::to_be_rounded(text, target, nullable)
            }
            SqlType::Varchar { size } if has_size => {
                cast_as(value, "TEXT").rewritten(|text| format!("substr({text}, 1, {size})"))
            }
            SqlType::Varchar { .. } => cast_as(value, "TEXT"),
            SqlType::Boolean => cast_boolean(value),
            SqlType::Date | SqlType::Time | SqlType::Timestamp => {
                if value
                    .sql_type
                    .is_some_and(|from| from.is_number() || from == SqlType::Boolean)
                {
                    return Err(Problem::syntax(format!(
                        "A {} cannot be cast to {}.",
                        value.shown_type().name(),
                        target.name()
                    ))
                    .into());
                }
                self.convert(value, target)?
            }
        };
        cast.sql_type = Some(target);
        cast.form = Form::Other;
        cast.origin = None;
        Ok(cast)
    }
}

fn cast_as(value: Typed, name: &str) -> Typed {
    value.rewritten(|text| format!("CAST({text} AS {name})"))
}

fn cast_boolean(value: Typed) -> Typed {
    if let Form::Text(text) = &value.form
        && let Some(truth) = literals_boolean(text)
    {
        return value.rewritten(|_| if truth { "1" } else { "0" }.to_owned());
    }
    if value.is_text() {
        return value.rewritten(|text| format!("(lower(trim({text})) IN ('true', 't', '1'))"));
    }
    value.rewritten(|text| format!("({text} <> 0)"))
}

/// The type with a name, in the spellings of `ODBC`, SQL Server, MySQL and PostgreSQL.
fn named_type(name: &Type) -> Option<SqlType> {
    let (first, second) = match &name.size {
        None => (None, None),
        Some(TypeSize::MaxSize(size)) => (number(size), None),
        Some(TypeSize::TypeSize(first, second)) => (number(first), number(second)),
    };
    Some(match name.name.to_ascii_uppercase().as_str() {
        "BIGINT" | "INT8" | "LONG" => SqlType::Bigint,
        "INTEGER" | "INT" | "SMALLINT" | "TINYINT" | "MEDIUMINT" | "INT2" | "INT4" | "SIGNED"
        | "UNSIGNED" => SqlType::Integer,
        "DECIMAL" | "NUMERIC" | "DEC" | "NUMBER" => match first {
            Some(precision) => SqlType::Decimal {
                precision: precision.clamp(1, SUM_PRECISION),
                scale: second.unwrap_or(0).min(precision).min(SUM_PRECISION),
            },
            None => SqlType::DECIMAL,
        },
        "MONEY" | "SMALLMONEY" | "CURRENCY" => SqlType::Decimal {
            precision: crate::types::DECIMAL_PRECISION,
            scale: DECIMAL_SCALE,
        },
        "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" | "REAL" => SqlType::Double,
        "BOOLEAN" | "BOOL" | "BIT" => SqlType::Boolean,
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time,
        "TIMESTAMP" | "DATETIME" | "DATETIME2" | "SMALLDATETIME" => SqlType::Timestamp,
        "VARCHAR" | "CHAR" | "NVARCHAR" | "NCHAR" | "WVARCHAR" | "WCHAR" | "TEXT" | "NTEXT"
        | "CHARACTER" | "CHARACTER VARYING" | "STRING" | "LONGVARCHAR" | "CLOB" => {
            SqlType::Varchar {
                size: first.unwrap_or(TEXT_SIZE).max(1),
            }
        }
        "BLOB" | "BINARY" | "VARBINARY" | "LONGVARBINARY" => SqlType::Varbinary,
        _ => return None,
    })
}

fn number(expr: &Expr) -> Option<u32> {
    expr.is_integer()
        .and_then(|number| u32::try_from(number).ok())
}
