//! Conversions whose meaning in `SQLite` is another: there a text that is no number becomes 0, a
//! length is ignored, and a date becomes its year.

use apilink_core::{Diagnostic, Result, SqlState};
use rusqlite::types::{Value, ValueRef};

use super::arguments::{Arguments, shape};
use super::decimal::{self, double};
use super::numeric::to_integer;
use super::{Scalar, scalar};
use crate::types::{SUM_PRECISION, SqlType};

/// The functions of this module.
pub(super) const SCALARS: &[Scalar] = &[
    scalar("apilink_cast_bigint", 1, to_bigint),
    scalar("apilink_cast_integer", 1, to_int32),
    scalar("apilink_cast_decimal", 3, to_decimal),
    scalar("apilink_cast_double", 1, |a| Ok(Value::Real(a.number(0)?))),
    scalar("apilink_cast_boolean", 1, to_boolean),
    scalar("apilink_cast_varchar", 2, to_varchar),
    scalar("apilink_decimal_text", 2, decimal_to_text),
];

fn bigint(arguments: &Arguments<'_, '_>) -> Result<i64> {
    match arguments.value(0) {
        ValueRef::Integer(number) => Ok(number),
        // Not by way of a double, which has no place for 64 bits.
        ValueRef::Text(bytes) => {
            let exact = std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            exact.map_or_else(|| bigint_of_number(arguments), Ok)
        }
        _ => bigint_of_number(arguments),
    }
}

fn bigint_of_number(arguments: &Arguments<'_, '_>) -> Result<i64> {
    to_integer(arguments.number(0)?).ok_or_else(|| arguments.out_of_range())
}

fn to_bigint(arguments: &Arguments<'_, '_>) -> Result<Value> {
    bigint(arguments).map(Value::Integer)
}

fn to_int32(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let number = bigint(arguments)?;
    if i32::try_from(number).is_ok() {
        return Ok(Value::Integer(number));
    }
    let message = "A number does not fit into an INTEGER of 32 bits. Use BIGINT.";
    Err(Diagnostic::new(SqlState::OUT_OF_RANGE, message))
}

/// `apilink_cast_decimal(x, precision, scale)`
fn to_decimal(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let (precision, scale) = (arguments.integer(1)?, arguments.integer(2)?);
    let places = i32::try_from(scale).map_err(|_| arguments.out_of_range())?;
    let rounded = decimal::round(arguments.number(0)?, places);
    if decimal::fits(rounded, precision, scale) {
        return Ok(Value::Real(rounded));
    }
    let message = format!("A number does not fit into DECIMAL({precision},{scale}).");
    Err(Diagnostic::new(SqlState::OUT_OF_RANGE, message))
}

/// A number is true unless it is 0; of texts, `true`, `false` and numbers.
fn to_boolean(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let value = arguments.value(0);
    let text = arguments.text(0);
    let is_true = if text.eq_ignore_ascii_case("true") {
        true
    } else if text.eq_ignore_ascii_case("false") {
        false
    } else {
        let number = arguments.number(0).map_err(|_| {
            let message = format!(
                "A conversion to BOOLEAN needs true, false or a number and was given {}.",
                shape(value)
            );
            Diagnostic::new(SqlState::INVALID_CAST, message)
        })?;
        number != 0.0
    };
    Ok(Value::Integer(is_true.into()))
}

/// `apilink_cast_varchar(x, length)`: what is longer is cut.
fn to_varchar(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let length = usize::try_from(arguments.integer(1)?).unwrap_or(0);
    Ok(Value::Text(
        arguments.text(0).chars().take(length).collect(),
    ))
}

/// `apilink_decimal_text(x, scale)`: what is shown of a DECIMAL.
fn decimal_to_text(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let scale = u32::try_from(arguments.integer(1)?).map_err(|_| arguments.out_of_range())?;
    let sql_type = SqlType::Decimal {
        precision: SUM_PRECISION,
        scale,
    };
    Ok(Value::Text(match double(arguments.value(0)) {
        Some(number) => crate::ValueRef::Real(number).display(sql_type).to_string(),
        None => arguments.text(0).into_owned(),
    }))
}
