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

/// The digits before and behind the point that nearly all amounts do with.
const AMOUNT_DIGITS: u32 = 11;
const AMOUNT_PLACES: u32 = 4;

/// Whether a number has no more digits than those, so that it is rounded already. This is for speed.
fn is_amount(value: f64) -> bool {
    const BOUND: f64 = 1e11;
    const UNITS: f64 = 1e4;
    let size = value.abs();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "within the range of both, and to be the same double"
    )]
    let is_whole = || (size * UNITS + 0.5) as i64 as f64 / UNITS == size;
    size < BOUND && is_whole()
}

/// A number rounded to the places of its column, if its digits before the point have a place there.
fn decimal(value: f64, precision: u32, scale: u32) -> Cell<'static> {
    if scale >= AMOUNT_PLACES && precision >= scale + AMOUNT_DIGITS && is_amount(value) {
        // -0.0 is not an amount.
        return Cell::Real(value + 0.0);
    }
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
    if !is_plain_day(day.as_bytes()) {
        time::Date::parse(day, &Iso8601::DATE).ok()?;
    }
    let rest = text.get(10..)?;
    let is_midnight =
        rest.is_empty() || rest.starts_with("T00:00:00") || rest.starts_with(" 00:00:00");
    is_midnight.then_some(day)
}

/// Whether it is a day that every month has, written with digits. Most are.
fn is_plain_day(day: &[u8]) -> bool {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = day else {
        return false;
    };
    let are_digits = [y0, y1, y2, y3, m0, m1, d0, d1]
        .iter()
        .all(u8::is_ascii_digit);
    let number = |tens: u8, ones: u8| 10 * (tens - b'0') + (ones - b'0');
    are_digits && matches!(number(m0, m1), 1..=12) && matches!(number(d0, d1), 1..=28)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_is_one_of_the_calendar() {
        for (text, is_day) in [
            ("2026-06-28", true),
            ("2026-06-30", true),
            ("2024-02-29", true),
            ("0000-01-01", true),
            ("2026-12-31", true),
            ("2026-02-29", false),
            ("2026-06-31", false),
            ("2026-00-10", false),
            ("2026-13-10", false),
            ("2026-19-10", false),
            ("2026-06-00", false),
            ("2026-06-32", false),
            ("2026/06/10", false),
            ("2026-6-100", false),
            ("20x6-06-10", false),
            ("2026-06-1", false),
            ("2026-06-1é", false),
        ] {
            assert_eq!(date(text).is_some(), is_day, "{text}");
        }
    }

    /// What a number is without the quick way.
    fn slowly(value: f64) -> f64 {
        rounding::round(value, 4)
    }

    proptest! {
        #[test]
        fn a_plain_day_is_a_day(text in "[0-9]{4}-[0-3][0-9]-[0-3][0-9]") {
            let is_day = time::Date::parse(&text, &Iso8601::DATE).is_ok();
            prop_assert_eq!(date(&text).is_some(), is_day);
        }

        #[test]
        fn the_quick_way_rounds_as_the_other(units in -2_000_000_000_000_000_i64..2_000_000_000_000_000, divisor in 0..7_i32) {
            for number in [units as f64 / 10_f64.powi(divisor), units as f64 * 1e-4] {
                let expected = slowly(number).to_bits();
                match decimal(number, 19, 4) {
                    Cell::Real(rounded) => prop_assert_eq!(rounded.to_bits(), expected),
                    other => prop_assert!(number.abs() >= 1e15, "{:?}", other),
                }
            }
        }

        #[test]
        fn small_amounts_are_rounded_alike(units in -100_000_i64..100_000, noise in -3_i64..4) {
            let number = f64::from_bits((units as f64 / 1e5).to_bits().wrapping_add_signed(noise));
            prop_assume!(number.is_finite());
            let expected = slowly(number).to_bits();
            match decimal(number, 19, 4) {
                Cell::Real(rounded) => prop_assert_eq!(rounded.to_bits(), expected),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
