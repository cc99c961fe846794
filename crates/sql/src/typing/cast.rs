//! CAST: the types of SQL by their names, where `SQLite` knows affinities only.

use sqlite3_parser::ast::{Expr, Type, TypeSize};

use super::Analyzer;
use super::failure::{Outcome, Problem};
use super::typed::{Form, Typed};
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
        // What the names of types mean to `SQLite` is another thing: STRING is a number there.
        self.rewritten = true;
        let collation = value.collation;
        let mut cast = match target {
            SqlType::Varchar { .. } if !has_size => cast_as(self.shown(value), "TEXT"),
            SqlType::Varchar { .. } => {
                let text = self.shown(value);
                text.rewritten(|text| exact_cast(&text, target))
            }
            SqlType::Varbinary => cast_as(value, "BLOB"),
            SqlType::Date | SqlType::Time | SqlType::Timestamp => {
                if value
                    .sql_type
                    .is_some_and(|from| from.is_number() || from == SqlType::Boolean)
                {
                    let mut problem = Problem::syntax(format!(
                        "The type {} cannot be cast to {}.",
                        value.shown_type().name(),
                        target.name()
                    ));
                    let text = value.into_text();
                    problem.place = self.source.find_only(&format!("CAST({text} AS"));
                    return Err(problem.into());
                }
                self.convert(value, target)?
            }
            _ => value.rewritten(|text| exact_cast(&text, target)),
        };
        cast.sql_type = Some(target);
        cast.form = Form::Other;
        cast.origin = None;
        if cast.is_text() {
            cast.collation = collation;
        }
        Ok(cast)
    }
}

fn cast_as(value: Typed, name: &str) -> Typed {
    value.rewritten(|text| format!("CAST({text} AS {name})"))
}

/// The function that converts as SQL does: a text that is no number is an error, not 0.
fn exact_cast(text: &str, target: SqlType) -> String {
    match target {
        SqlType::Bigint => format!("apilink_cast_bigint({text})"),
        SqlType::Integer => format!("apilink_cast_integer({text})"),
        SqlType::Decimal { precision, scale } => {
            format!("apilink_cast_decimal({text}, {precision}, {scale})")
        }
        SqlType::Double => format!("apilink_cast_double({text})"),
        SqlType::Boolean => format!("apilink_cast_boolean({text})"),
        SqlType::Varchar { size } => format!("apilink_cast_varchar({text}, {size})"),
        _ => text.to_owned(),
    }
}

/// The type with a name, in the spellings of `ODBC` and of the usual databases.
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
