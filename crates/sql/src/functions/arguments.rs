//! The arguments of a function of ours, read as what the function needs.

use std::borrow::Cow;

use apilink_core::{Diagnostic, Result, SqlState};
use rusqlite::functions::Context;
use rusqlite::types::ValueRef;
use time::Time;

use super::moment::{Moment, parse_time};

/// The largest text that a function of ours makes, in bytes.
pub(super) const LARGEST_TEXT: usize = 16 << 20;

/// The arguments of a call.
pub(super) struct Arguments<'a, 'c> {
    context: &'a Context<'c>,
    /// The function's name, for messages.
    function: &'static str,
}

impl<'a, 'c> Arguments<'a, 'c> {
    pub(super) fn new(context: &'a Context<'c>, function: &'static str) -> Self {
        Self { context, function }
    }

    /// The name that the function was called by.
    pub(super) fn function(&self) -> &'static str {
        self.function
    }

    pub(super) fn count(&self) -> usize {
        self.context.len()
    }

    pub(super) fn any_is_null(&self) -> bool {
        (0..self.count()).any(|index| self.value(index) == ValueRef::Null)
    }

    /// The value as it is; NULL for an argument that was not given.
    pub(super) fn value(&self, index: usize) -> ValueRef<'_> {
        if index < self.count() {
            self.context.get_raw(index)
        } else {
            ValueRef::Null
        }
    }

    /// The value as text, as `CAST(… AS VARCHAR)` writes it.
    pub(super) fn text(&self, index: usize) -> Cow<'_, str> {
        text_of(self.value(index))
    }

    /// The value as a whole number; a fraction is cut off.
    pub(super) fn integer(&self, index: usize) -> Result<i64> {
        let value = self.value(index);
        if let ValueRef::Integer(number) = value {
            return Ok(number);
        }
        whole(number_of(value).ok_or_else(|| self.not_a_number(value))?)
            .ok_or_else(|| self.out_of_range())
    }

    /// The value as a floating-point number.
    pub(super) fn number(&self, index: usize) -> Result<f64> {
        let value = self.value(index);
        let number = number_of(value).ok_or_else(|| self.not_a_number(value))?;
        if number.is_infinite() {
            return Err(too_large_for_double());
        }
        Ok(number)
    }

    /// The value as a date or a timestamp.
    pub(super) fn moment(&self, index: usize) -> Result<Moment> {
        let value = self.value(index);
        moment_of(value).ok_or_else(|| self.not_a_moment(value, "a date or a timestamp"))
    }

    /// The value as a time of day, which can be that of a timestamp.
    pub(super) fn time(&self, index: usize) -> Result<Time> {
        let value = self.value(index);
        let time = match value {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().and_then(parse_time),
            _ => None,
        };
        time.or_else(|| moment_of(value).map(|moment| moment.timestamp().time()))
            .ok_or_else(|| self.not_a_moment(value, "a time of day or a timestamp"))
    }

    /// 22003 for a result that has no place in its type.
    pub(super) fn out_of_range(&self) -> Diagnostic {
        let message = format!("The result of {} is out of range.", self.function_name());
        Diagnostic::new(SqlState::OUT_OF_RANGE, message)
    }

    fn not_a_number(&self, value: ValueRef<'_>) -> Diagnostic {
        let message = format!(
            "{} needs a number and was given {}.",
            capitalized(&self.function_name()),
            shape(value)
        );
        Diagnostic::new(SqlState::INVALID_CAST, message)
    }

    fn not_a_moment(&self, value: ValueRef<'_>, needed: &str) -> Diagnostic {
        let message = format!(
            "{} needs {needed}, such as '2026-06-30' or '2026-06-30 15:04:05', and was given {}.",
            capitalized(&self.function_name()),
            shape(value)
        );
        Diagnostic::new(SqlState::INVALID_DATETIME, message)
    }

    /// The function as people know it, as it stands within a sentence.
    fn function_name(&self) -> String {
        match self.function {
            "apilink_date" => "a conversion to DATE".to_owned(),
            "apilink_time" => "a conversion to TIME".to_owned(),
            "apilink_timestamp" | "apilink_timestamp_today" => {
                "a conversion to TIMESTAMP".to_owned()
            }
            "apilink_decimal" => "a conversion to DECIMAL".to_owned(),
            name => match name.strip_prefix("apilink_cast_") {
                Some(kind) => format!("a conversion to {}", kind.to_ascii_uppercase()),
                None => name.trim_start_matches("apilink_").to_ascii_uppercase(),
            },
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

/// 22003 for a whole number of more than 64 bits.
pub(super) fn too_large_for_bigint() -> Diagnostic {
    let message = "A result is out of the range of BIGINT. With CAST(x AS DOUBLE) it is \
                   approximate, and has a place.";
    Diagnostic::new(SqlState::OUT_OF_RANGE, message)
}

/// 22003 for a number that is larger than any double.
pub(super) fn too_large_for_double() -> Diagnostic {
    let message = "A number is out of the range of DOUBLE, which ends at 1.8e308.";
    Diagnostic::new(SqlState::OUT_OF_RANGE, message)
}

fn moment_of(value: ValueRef<'_>) -> Option<Moment> {
    match value {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().and_then(Moment::parse),
        _ => None,
    }
}

/// The number that a value is, or that its text says from beginning to end.
pub(super) fn number_of(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Integer(number) => Some(from_integer(number)),
        ValueRef::Real(number) => Some(number),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).ok()?.trim();
            let is_number = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            is_number.then(|| text.parse().ok())?
        }
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "the nearest one is meant")]
pub(super) fn from_integer(number: i64) -> f64 {
    number as f64
}

/// The number without its fraction, if 64 bits hold it.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(super) fn whole(number: f64) -> Option<i64> {
    // -2^63 and 2^63 are doubles; the greatest number of 64 bits is not.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (-LIMIT..LIMIT).contains(&number).then_some(number as i64)
}

/// The value as text.
pub(super) fn text_of(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Null => Cow::Borrowed(""),
        ValueRef::Integer(number) => Cow::Owned(number.to_string()),
        // With a point, as SQLite has it: 5.0.
        ValueRef::Real(number) => Cow::Owned(format!("{number:?}")),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
    }
}

/// What a value looks like, without saying what it is: messages are no place for a firm's data.
pub(super) fn shape(value: ValueRef<'_>) -> String {
    const SHOWN: usize = 40;
    let text = match value {
        ValueRef::Null => return "NULL".to_owned(),
        ValueRef::Integer(_) => return "a whole number".to_owned(),
        ValueRef::Real(_) => return "a number".to_owned(),
        ValueRef::Blob(_) => return "bytes".to_owned(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes),
    };
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    let mask = |character: char| match character {
        '0'..='9' => '9',
        _ if character.is_alphanumeric() => 'x',
        _ if character.is_control() => ' ',
        _ => character,
    };
    let masked: String = text.chars().take(SHOWN).map(mask).collect();
    let more = if text.chars().nth(SHOWN).is_some() {
        "…"
    } else {
        ""
    };
    format!("a text of the shape '{masked}{more}'")
}
