//! JSON values as values of SQL types.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use crate::types::SqlType;
use crate::value::Value;

/// A value, or that there was one which is none of its column's type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Fits(Value),
    /// What was there, for a message: never the value itself, which is a client's.
    Misfit(&'static str),
}

/// Reads a JSON value as a value of a type.
#[derive(Clone, Copy)]
pub(crate) struct CellSeed(pub(crate) SqlType);

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Fits(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(match self.0 {
            SqlType::Boolean => Cell::Fits(Value::Integer(value.into())),
            SqlType::Varchar { .. } => Cell::Fits(Value::Text(value.to_string())),
            _ => Cell::Misfit("a boolean"),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(of_integer(value, self.0))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => of_integer(value, self.0),
            #[allow(
                clippy::cast_precision_loss,
                reason = "doubles are what it is asked for"
            )]
            Err(_) => of_real(value as f64, self.0),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(of_real(value, self.0))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(of_text(text, self.0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Misfit("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Misfit("an object"))
    }
}

/// A JSON value that was read before.
pub(crate) fn of_json(value: &serde_json::Value, sql_type: SqlType) -> Cell {
    CellSeed(sql_type)
        .deserialize(value)
        .unwrap_or(Cell::Misfit("no value"))
}

fn of_integer(value: i64, sql_type: SqlType) -> Cell {
    match sql_type {
        SqlType::Bigint => Cell::Fits(Value::Integer(value)),
        SqlType::Integer if i32::try_from(value).is_ok() => Cell::Fits(Value::Integer(value)),
        #[allow(
            clippy::cast_precision_loss,
            reason = "a double is what holds such a column"
        )]
        SqlType::Decimal { .. } | SqlType::Double => Cell::Fits(Value::Real(value as f64)),
        SqlType::Boolean if matches!(value, 0 | 1) => Cell::Fits(Value::Integer(value)),
        SqlType::Varchar { .. } => Cell::Fits(Value::Text(value.to_string())),
        _ => Cell::Misfit("a number"),
    }
}

fn of_real(value: f64, sql_type: SqlType) -> Cell {
    /// Whole doubles up to here are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match sql_type {
        SqlType::Decimal { .. } | SqlType::Double => Cell::Fits(Value::Real(value)),
        SqlType::Bigint | SqlType::Integer if value.fract() == 0.0 && value.abs() <= EXACT =>
        {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "whole, and within the range"
            )]
            of_integer(value as i64, sql_type)
        }
        SqlType::Varchar { .. } => Cell::Fits(Value::Text(value.to_string())),
        _ => Cell::Misfit("a number"),
    }
}

fn of_text(text: &str, sql_type: SqlType) -> Cell {
    let fits = |value: Option<Value>, otherwise| value.map_or(Cell::Misfit(otherwise), Cell::Fits);
    match sql_type {
        SqlType::Varchar { .. } => Cell::Fits(Value::Text(text.to_owned())),
        SqlType::Bigint | SqlType::Integer => match text.trim().parse::<i64>() {
            Ok(value) => of_integer(value, sql_type),
            Err(_) => Cell::Misfit("a text that is no whole number"),
        },
        SqlType::Decimal { .. } | SqlType::Double => {
            let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
            fits(number.map(Value::Real), "a text that is no number")
        }
        SqlType::Boolean => {
            let flag = match text.trim() {
                "true" => Some(Value::Integer(1)),
                "false" => Some(Value::Integer(0)),
                _ => None,
            };
            fits(flag, "a text that is neither true nor false")
        }
        SqlType::Date => fits(date(text).map(Value::Text), "a text that is no date"),
        SqlType::Timestamp => fits(
            timestamp(text).map(Value::Text),
            "a text that is no point in time",
        ),
        SqlType::Time => fits(time_of_day(text).map(Value::Text), "a text that is no time"),
        SqlType::Varbinary => Cell::Misfit("a text"),
    }
}

/// `2026-06-30`; a point in time only at midnight.
fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let day = text.get(..10)?;
    time::Date::parse(day, &Iso8601::DATE).ok()?;
    let rest = text.get(10..)?;
    let is_midnight =
        rest.is_empty() || rest.starts_with("T00:00:00") || rest.starts_with(" 00:00:00");
    is_midnight.then(|| day.to_owned())
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
