//! Literals: the types of numbers, and texts of dates, times and timestamps in their inside form.

use crate::functions::moment::{Moment, date_text, parse_time, time_text, timestamp_text};
use crate::types::{SUM_PRECISION, SqlType};

/// The type of a number as it is written.
pub(super) fn number_type(text: &str) -> SqlType {
    let text = text.replace('_', "");
    if text.starts_with("0x") || text.starts_with("0X") {
        return SqlType::Bigint;
    }
    if text.contains(['e', 'E']) {
        return SqlType::Double;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_whole = !text.contains('.');
    if is_whole && text.parse::<i32>().is_ok() {
        return SqlType::Integer;
    }
    if is_whole && text.parse::<i64>().is_ok() {
        return SqlType::Bigint;
    }
    let digits = whole
        .trim_start_matches('0')
        .len()
        .max(usize::from(fraction.is_empty()));
    decimal(digits + fraction.len(), fraction.len())
}

/// Whether a number is larger than any DOUBLE.
pub(super) fn is_infinite(text: &str) -> bool {
    text.replace('_', "").parse().is_ok_and(f64::is_infinite)
}

/// A DECIMAL for so many digits; DOUBLE where a REAL does not hold them all.
fn decimal(precision: usize, scale: usize) -> SqlType {
    match (u32::try_from(precision), u32::try_from(scale)) {
        (Ok(precision), Ok(scale)) if precision <= 15 => SqlType::Decimal {
            precision: precision.max(1),
            scale,
        },
        _ => SqlType::Double,
    }
}

/// Whether a text is a number, and of which type.
pub(super) fn number_in(text: &str) -> Option<SqlType> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    let one_point = digits.matches('.').count() <= 1;
    let fits = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(plain);
    (fits && one_point && digits.len() < SUM_PRECISION as usize).then(|| number_type(digits))
}

/// Whether a text can be compared with a number or a truth value; `true` beside the other types.
pub(super) fn can_be(text: &str, sql_type: SqlType) -> bool {
    match sql_type {
        SqlType::Boolean => boolean(text).is_some() || is_number(text),
        sql_type if sql_type.is_number() => is_number(text),
        _ => true,
    }
}

/// Whether `SQLite` takes a text for a number where it stands beside one.
fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit())
}

/// The texts of truth values.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let is_one_of = |texts: [&str; 3]| texts.iter().any(|t| t.eq_ignore_ascii_case(text.trim()));
    if is_one_of(["true", "t", "1"]) {
        return Some(true);
    }
    is_one_of(["false", "f", "0"]).then_some(false)
}

/// A text in the inside form of a DATE, a TIME or a TIMESTAMP; `None` if it is none, and for the other
/// types.
pub(super) fn temporal(text: &str, target: SqlType) -> Option<String> {
    match target {
        SqlType::Date => Moment::parse(text).map(|moment| date_text(moment.date)),
        SqlType::Timestamp => Moment::parse(text).map(|moment| timestamp_text(moment.timestamp())),
        SqlType::Time => parse_time(text).map(time_text),
        _ => None,
    }
}

/// The text of a literal in quotes.
pub(super) fn text_of(literal: &str) -> String {
    super::source::unquoted(literal)
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
