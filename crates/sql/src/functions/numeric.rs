//! Functions of numbers. Outside its domain a function is NULL, as in `SQLite`.

use std::hash::{BuildHasher, Hasher, RandomState};

use apilink_core::Result;
use rusqlite::types::{Value, ValueRef};

use super::arguments::{Arguments, too_large_for_bigint, too_large_for_double, whole};
use super::decimal::{self, double};
use super::{Scalar, scalar, volatile};

/// The functions of this module.
pub(super) const SCALARS: &[Scalar] = &[
    scalar("apilink_decimal", 2, to_decimal),
    scalar("apilink_finite", 1, finite_only),
    scalar("apilink_whole", 1, whole_only),
    scalar("abs", 1, absolute),
    scalar("sign", 1, sign),
    scalar("acos", 1, |a| real(a, f64::acos)),
    scalar("acosh", 1, |a| real(a, f64::acosh)),
    scalar("asin", 1, |a| real(a, f64::asin)),
    scalar("asinh", 1, |a| real(a, f64::asinh)),
    scalar("atan", 1, |a| real(a, f64::atan)),
    scalar("atanh", 1, |a| real(a, f64::atanh)),
    scalar("atan2", 2, |a| real2(a, f64::atan2)),
    scalar("ceil", 1, |a| to_whole(a, f64::ceil)),
    scalar("ceiling", 1, |a| to_whole(a, f64::ceil)),
    scalar("cos", 1, |a| real(a, f64::cos)),
    scalar("cosh", 1, |a| real(a, f64::cosh)),
    scalar("cot", 1, |a| real(a, |x| 1.0 / x.tan())),
    scalar("degrees", 1, |a| real(a, f64::to_degrees)),
    scalar("exp", 1, |a| real(a, f64::exp)),
    scalar("floor", 1, |a| to_whole(a, f64::floor)),
    scalar("ln", 1, |a| real(a, f64::ln)),
    scalar("log", 1, |a| real(a, f64::ln)),
    scalar("log10", 1, |a| real(a, f64::log10)),
    scalar("log2", 1, |a| real(a, f64::log2)),
    scalar("mod", 2, modulo),
    scalar("pi", 0, |_| Ok(Value::Real(std::f64::consts::PI))),
    scalar("pow", 2, |a| real2(a, f64::powf)),
    scalar("power", 2, |a| real2(a, f64::powf)),
    scalar("radians", 1, |a| real(a, f64::to_radians)),
    volatile("rand", 0, |_| Ok(Value::Real(fraction(random())))),
    scalar("rand", 1, |a| {
        Ok(Value::Real(fraction(scramble(a.integer(0)?))))
    }),
    scalar("round", 1, round),
    scalar("round", 2, round),
    scalar("sin", 1, |a| real(a, f64::sin)),
    scalar("sinh", 1, |a| real(a, f64::sinh)),
    scalar("sqrt", 1, |a| real(a, f64::sqrt)),
    scalar("square", 1, |a| real(a, |x| x * x)),
    scalar("tan", 1, |a| real(a, f64::tan)),
    scalar("tanh", 1, |a| real(a, f64::tanh)),
    scalar("trunc", 1, truncate),
    scalar("truncate", 1, truncate),
    scalar("truncate", 2, truncate),
];

fn finite(number: f64) -> Value {
    if number.is_finite() {
        Value::Real(number)
    } else {
        Value::Null
    }
}

fn real(arguments: &Arguments<'_, '_>, function: fn(f64) -> f64) -> Result<Value> {
    Ok(finite(function(arguments.number(0)?)))
}

fn real2(arguments: &Arguments<'_, '_>, function: fn(f64, f64) -> f64) -> Result<Value> {
    Ok(finite(function(arguments.number(0)?, arguments.number(1)?)))
}

/// What an operation on doubles gives.
fn finite_only(arguments: &Arguments<'_, '_>) -> Result<Value> {
    match arguments.value(0) {
        ValueRef::Real(number) if number.is_infinite() => Err(too_large_for_double()),
        value => Value::try_from(value).map_err(|_| arguments.out_of_range()),
    }
}

/// What an operation on whole numbers gives: REAL where 64 bits do not hold it.
fn whole_only(arguments: &Arguments<'_, '_>) -> Result<Value> {
    match arguments.value(0) {
        ValueRef::Real(_) => Err(too_large_for_bigint()),
        value => Value::try_from(value).map_err(|_| arguments.out_of_range()),
    }
}

fn absolute(arguments: &Arguments<'_, '_>) -> Result<Value> {
    match arguments.value(0) {
        ValueRef::Integer(number) => number
            .checked_abs()
            .map(Value::Integer)
            .ok_or_else(too_large_for_bigint),
        _ => Ok(Value::Real(arguments.number(0)?.abs())),
    }
}

fn sign(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let number = arguments.number(0)?;
    Ok(Value::Integer(
        i64::from(number > 0.0) - i64::from(number < 0.0),
    ))
}

/// Whole numbers stay as they are, to 64 bits.
fn to_whole(arguments: &Arguments<'_, '_>, function: fn(f64) -> f64) -> Result<Value> {
    match arguments.value(0) {
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        _ => Ok(finite(function(arguments.number(0)?))),
    }
}

/// NULL for a division by zero, as `%` of `SQLite`.
fn modulo(arguments: &Arguments<'_, '_>) -> Result<Value> {
    if let (ValueRef::Integer(number), ValueRef::Integer(divisor)) =
        (arguments.value(0), arguments.value(1))
    {
        let rest = if divisor == -1 {
            Some(0)
        } else {
            number.checked_rem(divisor)
        };
        return Ok(rest.map_or(Value::Null, Value::Integer));
    }
    // 1.0 is ten times 0.1, though a little less than ten times its double.
    match decimal::remainder(arguments.number(0)?, arguments.number(1)?) {
        Some(rest) => Ok(Value::Real(rest)),
        None => real2(arguments, |number, divisor| number % divisor),
    }
}

/// The places of ROUND and TRUNCATE; what is beyond any double changes nothing more.
fn places(arguments: &Arguments<'_, '_>) -> Result<i32> {
    let places = if arguments.count() > 1 {
        arguments.integer(1)?
    } else {
        0
    };
    Ok(i32::try_from(places.clamp(-400, 400)).unwrap_or(0))
}

fn round(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let places = places(arguments)?;
    match arguments.value(0) {
        ValueRef::Integer(number) => decimal::round_integer(number, places)
            .map(Value::Integer)
            .ok_or_else(|| arguments.out_of_range()),
        _ => Ok(finite(decimal::round(arguments.number(0)?, places))),
    }
}

fn truncate(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let places = places(arguments)?;
    match arguments.value(0) {
        ValueRef::Integer(number) => {
            let unit = 10_i64.checked_pow(places.min(0).unsigned_abs());
            Ok(Value::Integer(unit.map_or(0, |unit| number / unit * unit)))
        }
        _ => Ok(finite(decimal::truncate(arguments.number(0)?, places))),
    }
}

/// REAL, whatever the number was.
fn to_decimal(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let number = match double(arguments.value(0)) {
        Some(number) => number,
        None => arguments.number(0)?,
    };
    let scale = i32::try_from(arguments.integer(1)?).map_err(|_| arguments.out_of_range())?;
    Ok(finite(decimal::round(number, scale)))
}

/// Keys that the standard library draws for its hash tables.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// One step of `splitmix64`.
fn scramble(seed: i64) -> u64 {
    let mut state = seed.cast_unsigned().wrapping_add(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// From 0 to below 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A double as a whole number, halves away from zero where `rounds`.
pub(super) fn to_integer(number: f64) -> Option<i64> {
    whole(number.trunc())
}
