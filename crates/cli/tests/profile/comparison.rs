//! Comparisons as SQL makes them.

use std::cmp::Ordering;

use apilink_core::profile::tables::{Column, ColumnType, FilterOperator};
use serde_json::Value;

/// Whether a comparison of a record's value is true.
pub fn holds(column: &Column, operator: FilterOperator, found: &Value, value: &Value) -> bool {
    match operator {
        FilterOperator::IsNull => return found.is_null(),
        FilterOperator::IsNotNull => return !found.is_null(),
        _ if found.is_null() => return false,
        _ => {}
    }
    let order = order(column, found, value);
    match operator {
        FilterOperator::Equal | FilterOperator::In | FilterOperator::InJoined => order.is_eq(),
        FilterOperator::NotIn => order.is_ne(),
        FilterOperator::Less => order.is_lt(),
        FilterOperator::LessOrEqual => order.is_le(),
        FilterOperator::Greater => order.is_gt(),
        FilterOperator::GreaterOrEqual => order.is_ge(),
        FilterOperator::IsNull | FilterOperator::IsNotNull => unreachable!(),
    }
}

fn order(column: &Column, found: &Value, value: &Value) -> Ordering {
    match (found, value) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) if column.ignore_case => {
            a.to_lowercase().cmp(&b.to_lowercase())
        }
        (Value::String(a), Value::String(b)) if column.kind == ColumnType::Timestamp => {
            second(a).cmp(&second(b))
        }
        // Dates are in the order of their texts.
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => panic!("{found} and {value} cannot be compared"),
    }
}

/// Whether a value has the type of a column.
pub fn fits(kind: ColumnType, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    value.is_null()
        || match kind {
            // The service may send a whole number as 1.0 where its document has a fraction.
            ColumnType::Bigint => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            ColumnType::Integer => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            ColumnType::Decimal | ColumnType::Double => value.is_number(),
            ColumnType::Boolean => value.is_boolean(),
            ColumnType::Date => text.len() == 10 && day_number(text).is_some(),
            ColumnType::Timestamp => text.len() >= 20 && day_number(&text[..10]).is_some(),
            ColumnType::Text => value.is_string(),
            ColumnType::Json => value.is_array() || value.is_object(),
        }
}

/// The Unix time of `2026-01-15T10:00:00-04:00`, or of one that ends with `Z`.
fn second(time: &str) -> i64 {
    let number = |from: usize| time[from..from + 2].parse::<i64>().unwrap();
    let offset = match &time[19..20] {
        "Z" => 0,
        sign => {
            let offset = number(20) * 60 + number(23);
            if sign == "-" { -offset } else { offset }
        }
    };
    let minutes = (day_number(&time[..10]).unwrap() * 24 + number(11)) * 60 + number(14);
    (minutes - offset) * 60 + number(17)
}

/// The date so many days later.
pub fn shifted(date: &str, days: i64) -> String {
    let Some(day) = day_number(date) else {
        return date.to_owned();
    };
    date_of(day + days)
}

/// Days since 1970-01-01 in the Gregorian calendar.
fn day_number(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn date_of(day: i64) -> String {
    let from_march = day + 719_468;
    let era = from_march.div_euclid(146_097);
    let of_era = from_march.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{date:02}", year + era * 400 + later)
}

#[test]
fn days_are_counted_over_the_ends_of_months_and_years() {
    for (date, days, other) in [
        ("2024-05-01", -1, "2024-04-30"),
        ("2024-02-28", 1, "2024-02-29"),
        ("2023-02-28", 1, "2023-03-01"),
        ("2025-12-31", 1, "2026-01-01"),
    ] {
        assert_eq!(shifted(date, days), other);
    }
}
