//! CAST: the types of SQL by their names, where `SQLite` knows affinities only.

use sqlite3_parser::ast::{Expr, Type, TypeSize};

use super::Analyzer;
use super::failure::{Outcome, Problem};
use super::typed::{Form, Typed};
use crate::dialect::cast_type::CastType;
use crate::types::SqlType;

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
        if matches!(value.form, Form::Parameter(_)) && value.sql_type.is_none() {
            let value = self.convert(value, target.sql_type)?;
            return self.cast_typed(value, target);
        }
        self.cast_typed(value, target)
    }

    fn cast_typed(&mut self, value: Typed, cast_type: CastType) -> Outcome<Typed> {
        let target = cast_type.sql_type;
        // What the names of types mean to `SQLite` is another thing: STRING is a number there.
        self.rewritten = true;
        let collation = value.collation;
        let mut cast = match target {
            SqlType::Varchar { .. } if !cast_type.is_cut => cast_as(self.shown(value), "TEXT"),
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

/// The type with a name.
fn named_type(name: &Type) -> Option<CastType> {
    let numbers: Vec<u32> = match &name.size {
        None => Vec::new(),
        Some(TypeSize::MaxSize(size)) => vec![number(size)?],
        Some(TypeSize::TypeSize(first, second)) => vec![number(first)?, number(second)?],
    };
    CastType::find(name.name, &numbers)
}

fn number(expr: &Expr) -> Option<u32> {
    expr.is_integer()
        .and_then(|number| u32::try_from(number).ok())
}
