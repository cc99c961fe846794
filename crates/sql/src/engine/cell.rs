//! JSON values as values of SQL types.

use std::borrow::Cow;

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use super::json::Value as Read;
use crate::functions::decimal as rounding;
use crate::types::SqlType;

/// A value, or that there was one which is none of its column's type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'t> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'t, str>),
    /// What was there, for a message: never the value itself, which is a client's.
    Misfit(&'static str),
}

/// A JSON value as a value of a type.
pub(crate) fn of_value(value: Read<'_>, sql_type: SqlType) -> Cell<'_> {
    match value {
        Read::Null => Cell::Null,
        Read::Bool(value) => of_bool(value, sql_type),
        Read::Integer(value) => of_integer(value, sql_type),
        Read::Unsigned(value) => of_unsigned(value, sql_type),
        Read::Real(value) => of_real(value, sql_type),
        Read::Text(Cow::Borrowed(text)) => of_text(text, sql_type),
        Read::Text(Cow::Owned(text)) => match of_text(&text, sql_type) {
            Cell::Text(part) => Cell::Text(part.into_owned().into()),
            Cell::Null => Cell::Null,
            Cell::Integer(number) => Cell::Integer(number),
            Cell::Real(number) => Cell::Real(number),
            Cell::Misfit(what) => Cell::Misfit(what),
        },
        Read::Array | Read::Object => Cell::Misfit(value.kind()),
    }
}

/// A JSON value that was read before.
pub(crate) fn of_json(value: &Json, sql_type: SqlType) -> Cell<'_> {
    match value {
        Json::Null => Cell::Null,
        Json::Bool(value) => of_bool(*value, sql_type),
        Json::Number(number) => of_number(number, sql_type),
        Json::String(text) => of_text(text, sql_type),
        Json::Array(_) => Cell::Misfit("an array"),
        Json::Object(_) => Cell::Misfit("an object"),
    }
}

/// What a JSON value is, for a message.
pub(crate) fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

fn of_number(number: &serde_json::Number, sql_type: SqlType) -> Cell<'static> {
    if let Some(value) = number.as_i64() {
        return of_integer(value, sql_type);
    }
    if let Some(value) = number.as_u64() {
        return of_unsigned(value, sql_type);
    }
    number
        .as_f64()
        .map_or(Cell::Misfit("a number"), |value| of_real(value, sql_type))
}

fn of_bool(value: bool, sql_type: SqlType) -> Cell<'static> {
    match sql_type {
        SqlType::Boolean => Cell::Integer(value.into()),
        SqlType::Varchar { .. } => Cell::Text(if value { "true" } else { "false" }.into()),
        _ => Cell::Misfit("a boolean"),
    }
}

fn of_unsigned(value: u64, sql_type: SqlType) -> Cell<'static> {
    match i64::try_from(value) {
        Ok(value) => of_integer(value, sql_type),
        #[allow(
            clippy::cast_precision_loss,
            reason = "doubles are what it is asked for"
        )]
        Err(_) => of_real(value as f64, sql_type),
    }
}

fn of_integer(value: i64, sql_type: SqlType) -> Cell<'static> {
    match sql_type {
        SqlType::Bigint => Cell::Integer(value),
        SqlType::Integer if i32::try_from(value).is_ok() => Cell::Integer(value),
        #[allow(
            clippy::cast_precision_loss,
            reason = "a double is what holds such a column"
        )]
        SqlType::Decimal { precision, scale } => decimal(value as f64, precision, scale),
        #[allow(
            clippy::cast_precision_loss,
            reason = "a double is what holds such a column"
        )]
        SqlType::Double => Cell::Real(value as f64),
        SqlType::Boolean if matches!(value, 0 | 1) => Cell::Integer(value),
        SqlType::Varchar { .. } => Cell::Text(value.to_string().into()),
        _ => Cell::Misfit("a number"),
    }
}

fn of_real(value: f64, sql_type: SqlType) -> Cell<'static> {
    /// Whole doubles up to here are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match sql_type {
        SqlType::Decimal { precision, scale } => decimal(value, precision, scale),
        SqlType::Double => Cell::Real(value),
        SqlType::Bigint | SqlType::Integer if value.fract() == 0.0 && value.abs() <= EXACT =>
        {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "whole, and within the range"
            )]
            of_integer(value as i64, sql_type)
        }
        SqlType::Varchar { .. } => Cell::Text(value.to_string().into()),
        _ => Cell::Misfit("a number"),
    }
}

/// A number rounded to the places of its column, if its digits before the point have a place there.
fn decimal(value: f64, precision: u32, scale: u32) -> Cell<'static> {
    let rounded = rounding::round(value, scale.cast_signed());
    if rounding::fits(rounded, precision.into(), scale.into()) {
        Cell::Real(rounded)
    } else {
        Cell::Misfit("a number of more digits than DECIMAL(19,4) has")
    }
}

fn of_text(text: &str, sql_type: SqlType) -> Cell<'_> {
    let (cell, otherwise) = match sql_type {
        SqlType::Varchar { .. } => return Cell::Text(text.into()),
        SqlType::Bigint | SqlType::Integer => {
            let number = text.trim().parse::<i64>().ok();
            let cell = number.map(|number| of_integer(number, sql_type));
            (cell, "a text that is no whole number")
        }
        SqlType::Decimal { .. } | SqlType::Double => {
            let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
            let cell = number.map(|number| of_real(number, sql_type));
            (cell, "a text that is no number")
        }
        SqlType::Boolean => {
            let flag = match text.trim() {
                "true" => Some(Cell::Integer(1)),
                "false" => Some(Cell::Integer(0)),
                _ => None,
            };
            (flag, "a text that is neither true nor false")
        }
        SqlType::Date => {
            let day = date(text).map(|day| Cell::Text(day.into()));
            (day, "a text that is no date")
        }
        SqlType::Timestamp => {
            let moment = timestamp(text).map(|moment| Cell::Text(moment.into()));
            (moment, "a text that is no point in time")
        }
        SqlType::Time => {
            let time = time_of_day(text).map(|time| Cell::Text(time.into()));
            (time, "a text that is no time")
        }
        SqlType::Varbinary => (None, "a text"),
    };
    cell.unwrap_or(Cell::Misfit(otherwise))
}

/// `2026-06-30`; a point in time only at midnight.
fn date(text: &str) -> Option<&str> {
    let text = text.trim();
    let day = text.get(..10)?;
    time::Date::parse(day, &Iso8601::DATE).ok()?;
    let rest = text.get(10..)?;
    let is_midnight =
        rest.is_empty() || rest.starts_with("T00:00:00") || rest.starts_with(" 00:00:00");
    is_midnight.then_some(day)
}

/// `2026-06-30 15:04:05` in UTC, whatever offset the text has; UTC where it has none.
pub(crate) fn timestamp(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() == 10 {
        return date(text).map(|day| format!("{day} 00:00:00"));
    }
    let separated = match text.as_bytes().get(10) {
        Some(b' ') => text.replacen(' ', "T", 1),
        _ => text.to_owned(),
    };
    if let Ok(moment) = OffsetDateTime::parse(&separated, &Iso8601::PARSING) {
        return Some(show(moment));
    }
    let moment = time::PrimitiveDateTime::parse(&separated, &Iso8601::PARSING).ok()?;
    Some(show(moment.assume_utc()))
}

fn show(moment: OffsetDateTime) -> String {
    let moment = moment.to_offset(time::UtcOffset::UTC);
    let (hour, minute, second, nanosecond) = moment.to_hms_nano();
    let mut text = format!(
        "{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}",
        moment.year(),
        u8::from(moment.month()),
        moment.day()
    );
    if nanosecond != 0 {
        let fraction = format!("{nanosecond:09}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text
}

fn time_of_day(text: &str) -> Option<String> {
    let parsed = time::Time::parse(text.trim(), &Iso8601::TIME).ok()?;
    let (hour, minute, second) = parsed.as_hms();
    Some(format!("{hour:02}:{minute:02}:{second:02}"))
}
