//! Exact numbers in doubles: rounding as decimal does it, and sums without error.

use apilink_core::{Diagnostic, Result, SqlState};
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::ValueRef;

use super::arguments::{from_integer, number_of, shape};

/// The places behind the point that a sum keeps of each number.
const SUM_SCALE: u32 = 10;
/// Those of an average: what `SQL Server` gives for `DECIMAL(19,4)`.
pub(super) const AVERAGE_SCALE: u32 = 6;

/// Up to here a double holds every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Powers of ten up to here are doubles.
const LARGEST_POWER: i32 = 22;

/// Rounds to `scale` places behind the point, halves away from zero, as decimal arithmetic on what
/// was written does: 1.005 becomes 1.01, though the double is a little less. Numbers that are equal
/// as decimals come out as the same double, which is the nearest one to the decimal. A negative
/// scale rounds before the point.
#[must_use]
pub fn round(number: f64, scale: i32) -> f64 {
    let scaled = if (0..=LARGEST_POWER).contains(&scale) {
        number * 10_f64.powi(scale)
    } else if (-LARGEST_POWER..0).contains(&scale) {
        number / 10_f64.powi(-scale)
    } else {
        return round_text(number, scale);
    };
    // Beyond, the tolerance below is too large a part of a unit.
    if scaled.abs() >= EXACT / 16.0 || !scaled.is_finite() {
        return round_text(number, scale);
    }
    let whole = round_half_away(scaled);
    if scale >= 0 {
        // A quotient of two exact numbers is rounded correctly: the nearest double.
        positive_zero(whole / 10_f64.powi(scale))
    } else {
        positive_zero(whole * 10_f64.powi(-scale))
    }
}

/// What is within the error of one multiplication of a half counts as a half: two inputs that are
/// off by half a unit in the last place each, their product, and the scaling.
fn round_half_away(scaled: f64) -> f64 {
    let magnitude = scaled.abs();
    let tolerance = magnitude * f64::EPSILON * 2.0;
    let below = magnitude.floor();
    let rounded = if magnitude - below >= 0.5 - tolerance {
        below + 1.0
    } else {
        below
    };
    rounded.copysign(scaled)
}

/// -0.0 is not an amount.
fn positive_zero(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number }
}

/// Rounds the shortest decimal that stands for the number.
fn round_text(number: f64, scale: i32) -> f64 {
    if !number.is_finite() || scale > 400 {
        return number;
    }
    let text = format!("{}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let Ok(kept) = usize::try_from(i64::try_from(whole.len()).unwrap_or(0) + i64::from(scale))
    else {
        return 0.0;
    };
    if kept >= digits.len() {
        return number;
    }
    let rounds_up = digits.get(kept).is_some_and(|digit| *digit >= b'5');
    let mut kept_digits: Vec<u8> = digits.iter().copied().take(kept).collect();
    if rounds_up {
        increment(&mut kept_digits);
    }
    let mantissa = String::from_utf8(kept_digits).unwrap_or_default();
    let mantissa = if mantissa.is_empty() { "0" } else { &mantissa };
    let rounded: f64 = format!("{mantissa}e{}", -scale).parse().unwrap_or(number);
    positive_zero(rounded.copysign(number))
}

/// Adds one to a number written in digits.
fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit == b'9' {
            *digit = b'0';
        } else {
            *digit += 1;
            return;
        }
    }
    digits.insert(0, b'1');
}

/// A sum that is exact: in units of 10^-10.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactSum {
    units: i128,
    /// The numbers in it.
    count: i64,
}

impl ExactSum {
    const UNIT: i128 = 10_i128.pow(SUM_SCALE);

    fn value(self) -> Option<f64> {
        (self.count > 0).then(|| to_double(self.units, SUM_SCALE))
    }

    fn average(self) -> Option<f64> {
        if self.count <= 0 {
            return None;
        }
        let to_scale = 10_i128.pow(SUM_SCALE - AVERAGE_SCALE);
        let divisor = i128::from(self.count).saturating_mul(to_scale);
        Some(to_double(divide(self.units, divisor), AVERAGE_SCALE))
    }

    fn add(&mut self, value: ValueRef<'_>, sign: i128) -> Result<()> {
        if value == ValueRef::Null {
            return Ok(());
        }
        let units = units_of(value)?;
        self.units = (sign * units)
            .checked_add(self.units)
            .ok_or_else(sum_out_of_range)?;
        self.count += if sign > 0 { 1 } else { -1 };
        Ok(())
    }
}

/// The quotient, halves away from zero.
fn divide(units: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    let shifted = if units < 0 {
        units.saturating_sub(half)
    } else {
        units.saturating_add(half)
    };
    shifted / divisor
}

/// The nearest double to a number of units of 10^-scale.
fn to_double(mut units: i128, mut scale: u32) -> f64 {
    while scale > 0 && units % 10 == 0 {
        units /= 10;
        scale -= 1;
    }
    if units.unsigned_abs() <= 1 << 53 {
        #[expect(clippy::cast_precision_loss, reason = "a double holds it")]
        let whole = units as f64;
        // A quotient of two exact numbers is rounded correctly.
        return whole / 10_f64.powi(scale.cast_signed());
    }
    format!("{units}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// A number in units of 10^-10, from the decimal that its double stands for.
fn units_of(value: ValueRef<'_>) -> Result<i128> {
    if let ValueRef::Integer(number) = value {
        return Ok(i128::from(number) * ExactSum::UNIT);
    }
    let Some(number) = number_of(value) else {
        let message = format!(
            "A sum of DECIMAL needs numbers and was given {}.",
            shape(value)
        );
        return Err(Diagnostic::new(SqlState::INVALID_CAST, message));
    };
    units_at_four_places(number).map_or_else(|| units_of_text(number), Ok)
}

/// The quick way for what is usual: money.
fn units_at_four_places(number: f64) -> Option<i128> {
    let scaled = (number * 10_000.0).round();
    #[expect(
        clippy::float_cmp,
        reason = "the double that is nearest to the decimal, or another"
    )]
    let is_decimal = scaled.abs() < EXACT && scaled / 10_000.0 == number;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and below 2^53"
    )]
    is_decimal.then(|| i128::from(scaled as i64) * 10_i128.pow(SUM_SCALE - 4))
}

fn units_of_text(number: f64) -> Result<i128> {
    // Larger than any sum that fits.
    if !number.is_finite() || number.abs() >= 1e28 {
        return Err(sum_out_of_range());
    }
    let rounded = round_text(number, SUM_SCALE.cast_signed());
    let text = format!("{rounded}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let width = usize::try_from(SUM_SCALE).unwrap_or_default();
    format!("{whole}{fraction:0<width$}")
        .parse()
        .map_err(|_| sum_out_of_range())
}

fn sum_out_of_range() -> Diagnostic {
    Diagnostic::new(
        SqlState::OUT_OF_RANGE,
        "A sum of DECIMAL is out of range: it must be less than 10^28.",
    )
}

/// `apilink_sum_decimal` and `apilink_avg_decimal`, also over windows.
#[derive(Clone, Copy)]
pub(super) enum DecimalAggregate {
    Sum,
    Average,
}

impl DecimalAggregate {
    fn result(self, sum: ExactSum) -> Option<f64> {
        match self {
            Self::Sum => sum.value(),
            Self::Average => sum.average(),
        }
    }
}

fn user_error(problem: Diagnostic) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(Box::new(problem))
}

impl Aggregate<ExactSum, Option<f64>> for DecimalAggregate {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<ExactSum> {
        Ok(ExactSum::default())
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut ExactSum) -> rusqlite::Result<()> {
        sum.add(context.get_raw(0), 1).map_err(user_error)
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        sum: Option<ExactSum>,
    ) -> rusqlite::Result<Option<f64>> {
        Ok(sum.and_then(|sum| self.result(sum)))
    }
}

impl WindowAggregate<ExactSum, Option<f64>> for DecimalAggregate {
    fn value(&self, sum: Option<&mut ExactSum>) -> rusqlite::Result<Option<f64>> {
        Ok(sum.and_then(|sum| self.result(*sum)))
    }

    fn inverse(&self, context: &mut Context<'_>, sum: &mut ExactSum) -> rusqlite::Result<()> {
        sum.add(context.get_raw(0), -1).map_err(user_error)
    }
}

/// The rest of a division of two numbers of at most four places; `None` for others.
pub(super) fn remainder(number: f64, divisor: f64) -> Option<f64> {
    let (number, divisor) = (
        units_at_four_places(number)?,
        units_at_four_places(divisor)?,
    );
    Some(to_double(number.checked_rem(divisor)?, SUM_SCALE))
}

/// Cuts off all behind `scale` places.
#[must_use]
pub(super) fn truncate(number: f64, scale: i32) -> f64 {
    let rounded = round(number, scale);
    if rounded.abs() <= number.abs() {
        return rounded;
    }
    // One unit less, on the decimal.
    let unit = 10_f64.powi(-scale);
    round(rounded - unit.copysign(number), scale)
}

/// Whether a number is within the range of `DECIMAL(precision, scale)`.
pub(crate) fn fits(number: f64, precision: i64, scale: i64) -> bool {
    let digits = i32::try_from((precision - scale).clamp(0, 40)).unwrap_or(40);
    number.abs() < 10_f64.powi(digits)
}

/// Rounds a whole number before the point, halves away from zero.
pub(super) fn round_integer(number: i64, scale: i32) -> Option<i64> {
    if scale >= 0 {
        return Some(number);
    }
    let Some(unit) = 10_i128.checked_pow(scale.unsigned_abs()) else {
        return Some(0);
    };
    i64::try_from(divide(number.into(), unit) * unit).ok()
}

/// The double of a value that is a number.
pub(super) fn double(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Integer(number) => Some(from_integer(number)),
        ValueRef::Real(number) => Some(number),
        _ => None,
    }
}
