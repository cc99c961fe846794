//! Values as the service writes them.

use apilink_core::profile::tables::{Filter, FilterOperator};

use crate::functions::decimal;
use crate::types::SqlType;
use crate::value::{Value, ValueRef};

/// A whole number, as `SQLite` compares one with a column of such.
pub(crate) fn whole<'v>(value: impl Into<ValueRef<'v>>) -> Option<i64> {
    let of_real = |number: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "whole, and within the range"
        )]
        (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
    };
    match value.into() {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) => of_real(number),
        ValueRef::Text(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .or_else(|| text.parse::<f64>().ok().and_then(of_real))
        }
        ValueRef::Null | ValueRef::Bytes(_) => None,
    }
}

/// A value for a filter. Services compare moments by whole seconds, or may: one within a second is
/// passed as that end of it at which the filter leaves no row out.
pub(super) fn rounded(
    sql_type: SqlType,
    value: &Value,
    operator: FilterOperator,
) -> Option<String> {
    let text = render(sql_type, value)?;
    if !has_fraction(sql_type, value) {
        return Some(text);
    }
    let (second, _) = text.split_once('.')?;
    match operator {
        FilterOperator::Greater | FilterOperator::GreaterOrEqual => Some(format!("{second}Z")),
        FilterOperator::Less | FilterOperator::LessOrEqual => second_after(second),
        _ => Some(text),
    }
}

/// Whether a value is a moment within a second.
pub(super) fn has_fraction(sql_type: SqlType, value: &Value) -> bool {
    sql_type == SqlType::Timestamp && render(sql_type, value).is_some_and(|text| text.contains('.'))
}

/// The second after one without its `Z`.
pub(super) fn second_after(second: &str) -> Option<String> {
    use time::format_description::well_known::Iso8601;
    let moment = time::PrimitiveDateTime::parse(second, &Iso8601::DATE_TIME).ok()?;
    let next = moment.checked_add(time::Duration::SECOND)?;
    let text = next.format(&Iso8601::DATE_TIME).ok()?;
    render(SqlType::Timestamp, &Value::Text(text))
}

/// A value as the service writes values of this type; `None` if it is none.
pub(crate) fn render(sql_type: SqlType, value: &Value) -> Option<String> {
    match sql_type {
        SqlType::Bigint | SqlType::Integer => whole(value).map(|number| number.to_string()),
        SqlType::Decimal { .. } | SqlType::Double => match value {
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Text(text) => text.trim().parse::<f64>().ok().map(|n| n.to_string()),
            Value::Null | Value::Bytes(_) => None,
        },
        SqlType::Boolean => match whole(value)? {
            0 => Some("false".to_owned()),
            1 => Some("true".to_owned()),
            _ => None,
        },
        SqlType::Timestamp => match value {
            Value::Text(text) => {
                super::cell::timestamp(text).map(|text| format!("{}Z", text.replacen(' ', "T", 1)))
            }
            _ => None,
        },
        SqlType::Date | SqlType::Time | SqlType::Varchar { .. } => match value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        },
        SqlType::Varbinary => None,
    }
}

/// A DECIMAL is rounded when it is read, and the service compares what it was before: where it may have
/// more places than a DECIMAL, it is asked for one unit of the last place more.
pub(super) fn widened(filter: &Filter, sql_type: SqlType, value: &Value) -> Value {
    let SqlType::Decimal { scale, .. } = sql_type else {
        return value.clone();
    };
    let unit = 10_f64.powi(-scale.cast_signed());
    let shift = match filter.operator {
        FilterOperator::GreaterOrEqual if filter.wider => -unit,
        FilterOperator::LessOrEqual if filter.wider => unit,
        _ => return value.clone(),
    };
    let number = match value {
        #[allow(clippy::cast_precision_loss, reason = "a DECIMAL is a double, too")]
        Value::Integer(number) => *number as f64,
        Value::Real(number) => *number,
        other => return other.clone(),
    };
    Value::Real(decimal::round(number + shift, scale.cast_signed()))
}

/// The day `days` after a day; what is no day is left as it is.
pub(super) fn day_after(text: &str, days: i64) -> String {
    time::Date::parse(text, &time::format_description::well_known::Iso8601::DATE)
        .ok()
        .and_then(|day| day.checked_add(time::Duration::days(days)))
        .map_or_else(
            || text.to_owned(),
            |day| {
                format!(
                    "{:04}-{:02}-{:02}",
                    day.year(),
                    u8::from(day.month()),
                    day.day()
                )
            },
        )
}

#[cfg(test)]
mod tests {
    use apilink_core::profile::tables::FilterOperator;

    use super::{SqlType, Value, rounded};

    #[test]
    fn a_moment_within_a_second_is_passed_as_the_end_that_leaves_nothing_out() {
        let passed = |text: &str, operator| {
            rounded(SqlType::Timestamp, &Value::Text(text.to_owned()), operator)
        };
        let within = "2026-06-30 23:59:59.500";
        let (before, after) = ("2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z");
        for (operator, expected) in [
            (FilterOperator::Greater, before),
            (FilterOperator::GreaterOrEqual, before),
            (FilterOperator::Less, after),
            (FilterOperator::LessOrEqual, after),
        ] {
            assert_eq!(passed(within, operator).as_deref(), Some(expected));
            let whole = passed("2026-06-30 23:59:59", operator);
            assert_eq!(whole.as_deref(), Some(before));
        }
    }
}
