//! Values of rows and parameters.

use std::fmt;

use crate::types::SqlType;

/// A value. Its SQL type is the column's ([`crate::ResultColumn`]); how each type is held is said in
/// [`crate::types`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// BIGINT, INTEGER, and BOOLEAN as 0 or 1.
    Integer(i64),
    /// DECIMAL and DOUBLE.
    Real(f64),
    /// VARCHAR, DATE, TIME and TIMESTAMP.
    Text(String),
    /// VARBINARY.
    Bytes(Vec<u8>),
}

/// A value that is held by something else, such as the row that a result is at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'v> {
    /// NULL.
    Null,
    /// BIGINT, INTEGER, and BOOLEAN as 0 or 1.
    Integer(i64),
    /// DECIMAL and DOUBLE.
    Real(f64),
    /// VARCHAR, DATE, TIME and TIMESTAMP.
    Text(&'v str),
    /// VARBINARY; and text that is no UTF-8, which only a CAST of bytes makes.
    Bytes(&'v [u8]),
}

impl<'v> From<&'v Value> for ValueRef<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(*number),
            Value::Real(number) => Self::Real(*number),
            Value::Text(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(text.to_owned()),
            ValueRef::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}

impl<'v> ValueRef<'v> {
    /// The value as text: [`Value::display`].
    #[must_use]
    pub fn display(self, sql_type: SqlType) -> Displayed<'v> {
        Displayed {
            value: self,
            sql_type,
        }
    }
}

impl Value {
    /// The value as text, in the way of its type: amounts without binary noise, BOOLEAN as `true`
    /// and `false`, bytes in hexadecimal; nothing for NULL.
    ///
    /// A DECIMAL shows no more places than its scale, and no zeros at their end: 1234.5 and 1234,
    /// not 1234.5000.
    #[must_use]
    pub fn display(&self, sql_type: SqlType) -> Displayed<'_> {
        ValueRef::from(self).display(sql_type)
    }

    /// The value as a literal of SQL.
    pub(crate) fn literal(&self) -> String {
        let hexadecimal = |bytes: &[u8]| {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{}'", digits.concat())
        };
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) if *number < 0 => format!("({number})"),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) if number.is_nan() => "NULL".to_owned(),
            // A literal that is too large is infinite.
            Self::Real(number) if number.is_infinite() => {
                format!("({}9e999)", if *number < 0.0 { "-" } else { "" })
            }
            Self::Real(number) => format!("({number:?})"),
            // A literal ends at a NUL.
            Self::Text(text) if text.contains('\0') => {
                format!("CAST({} AS TEXT)", hexadecimal(text.as_bytes()))
            }
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Bytes(bytes) => hexadecimal(bytes),
        }
    }
}

/// A value as text: [`Value::display`].
#[derive(Clone, Copy, Debug)]
pub struct Displayed<'a> {
    value: ValueRef<'a>,
    sql_type: SqlType,
}

impl Displayed<'_> {
    /// Adds the text to another, quicker than a formatter does.
    pub fn push_to(self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = self.write_to(text);
    }

    fn write_to(self, out: &mut impl fmt::Write) -> fmt::Result {
        match (self.value, self.sql_type) {
            (ValueRef::Null, _) => Ok(()),
            (ValueRef::Integer(number), SqlType::Boolean) => {
                out.write_str(if number == 0 { "false" } else { "true" })
            }
            (ValueRef::Integer(number), _) => out.write_str(itoa::Buffer::new().format(number)),
            (ValueRef::Real(number), SqlType::Decimal { scale, .. }) => {
                match units(number).filter(|_| scale >= UNIT_PLACES) {
                    Some(units) => write_units(out, units),
                    None => out.write_str(&decimal(number, scale)),
                }
            }
            (ValueRef::Real(number), _) => out.write_str(&double(number)),
            (ValueRef::Text(text), _) => out.write_str(text),
            (ValueRef::Bytes(bytes), _) => {
                bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

/// The places of nearly all amounts, and what they are counted in.
const UNIT_PLACES: u32 = 4;
const UNITS_IN_ONE: i32 = 10_000;

/// An amount in units of its last place, if it has so few digits that the nearest double stands for
/// it alone. This is for speed: most of what is shown are such amounts.
fn units(number: f64) -> Option<i64> {
    /// Decimals of fifteen digits are told apart by doubles.
    const BOUND: f64 = 1e15;
    let units = (number * f64::from(UNITS_IN_ONE)).round();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::float_cmp,
        reason = "whole, within the range, and to be the same double"
    )]
    (units.abs() < BOUND && units / f64::from(UNITS_IN_ONE) == number).then_some(units as i64)
}

fn write_units(out: &mut impl fmt::Write, units: i64) -> fmt::Result {
    let one = u64::from(UNITS_IN_ONE.unsigned_abs());
    let (whole, fraction) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    if units < 0 {
        out.write_char('-')?;
    }
    let mut digits = itoa::Buffer::new();
    out.write_str(digits.format(whole))?;
    if fraction == 0 {
        return Ok(());
    }
    // So that all four places are there: the digits behind a one.
    let places = digits.format(one + fraction).get(1..).unwrap_or_default();
    out.write_char('.')?;
    out.write_str(places.trim_end_matches('0'))
}

/// The shorter of the number as it is and the number rounded to `scale` places. Rounding would
/// bring noise into a number whose digits end before the scale does.
fn decimal(number: f64, scale: u32) -> String {
    let exact = format!("{number}");
    let places = exact.split_once('.').map_or(0, |(_, places)| places.len());
    let scale = scale as usize;
    if places <= scale || !number.is_finite() {
        return without_sign_of_zero(exact);
    }
    let rounded = format!("{number:.scale$}");
    let rounded = if scale == 0 {
        rounded.as_str()
    } else {
        rounded.trim_end_matches('0').trim_end_matches('.')
    };
    without_sign_of_zero(rounded.to_owned())
}

/// The shortest text that reads back as the same number, with an exponent where it is very large
/// or very small.
fn double(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && size.is_finite() && !(1e-5..1e17).contains(&size) {
        return format!("{number:e}");
    }
    without_sign_of_zero(format!("{number}"))
}

fn without_sign_of_zero(text: String) -> String {
    if text == "-0" { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

    use proptest::prelude::*;

    use super::*;

    fn money(number: f64) -> String {
        Value::Real(number).display(SqlType::DECIMAL).to_string()
    }

    #[test]
    fn amounts_have_no_binary_noise() {
        for (number, text) in [
            (0.1 + 0.2, "0.3"),
            (1234.5, "1234.5"),
            (1234.0, "1234"),
            (-0.0, "0"),
            (-0.000_04, "0"),
            (100.0, "100"),
            (2.0 / 3.0, "0.6667"),
            (-1.005, "-1.005"),
            // As far as the digits of a double go.
            (100_000_000_000.01, "100000000000.01"),
            (1_000_000_000_000_000.1, "1000000000000000.1"),
        ] {
            assert_eq!(money(number), text);
        }
        let whole = SqlType::Decimal {
            precision: 19,
            scale: 0,
        };
        assert_eq!(Value::Real(1200.4).display(whole).to_string(), "1200");
    }

    #[test]
    fn each_type_is_shown_in_its_way() {
        for (value, sql_type, text) in [
            (Value::Null, SqlType::TEXT, ""),
            (Value::Integer(1), SqlType::Boolean, "true"),
            (Value::Integer(0), SqlType::Boolean, "false"),
            (
                Value::Integer(i64::MIN),
                SqlType::Bigint,
                "-9223372036854775808",
            ),
            (
                Value::Real(0.1 + 0.2),
                SqlType::Double,
                "0.30000000000000004",
            ),
            (Value::Real(1e300), SqlType::Double, "1e300"),
            (Value::Real(5.0), SqlType::Double, "5"),
            (Value::Integer(5), SqlType::DECIMAL, "5"),
            (Value::Bytes(vec![0, 255]), SqlType::Varbinary, "00ff"),
            (Value::Text("a".into()), SqlType::TEXT, "a"),
        ] {
            assert_eq!(value.display(sql_type).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn an_amount_of_four_places_is_shown_exactly(units in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
            let text = money(units as f64 / 10_000.0);
            let sign = if units < 0 { "-" } else { "" };
            let places = format!("{:04}", units.unsigned_abs() % 10_000);
            let expected = format!("{sign}{}.{places}", units.unsigned_abs() / 10_000);
            let expected = expected.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(text, expected);
        }

        #[test]
        fn a_decimal_never_has_more_places_than_its_scale(number in -1e15..1e15, scale in 0_u32..10) {
            let text = decimal(number, scale);
            let places = text.split_once('.').map_or("", |(_, places)| places);
            prop_assert!(places.len() <= scale as usize && !places.ends_with('0'));
            let read: f64 = text.parse().unwrap();
            prop_assert!((read - number).abs() <= 0.500_001 * 10_f64.powi(-i32::try_from(scale).unwrap()) + number.abs() * 1e-15);
        }

        #[test]
        fn the_quick_way_shows_what_the_other_shows(units in -2_000_000_000_000_000_i64..2_000_000_000_000_000, divisor in 0..6_i32) {
            let number = units as f64 / 10_f64.powi(divisor);
            prop_assert_eq!(money(number), decimal(number, 4));
        }

        #[test]
        fn a_double_reads_back(number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(double(number).parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }
}
