//! Functions of dates and times. All times are UTC.

use apilink_core::{Diagnostic, Result, SqlState};
use rusqlite::types::Value;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::arguments::Arguments;
use super::interval::{Interval, last_day};
use super::moment::{Moment, date_text, time_text, timestamp_text};
use super::{Scalar, scalar};

/// The functions of this module. Those of the current time count as deterministic: as SQL demands,
/// they have one value during a run of a statement.
pub(super) const SCALARS: &[Scalar] = &[
    scalar("apilink_date", 1, to_date),
    scalar("apilink_time", 1, to_time),
    scalar("apilink_timestamp", 1, to_timestamp),
    scalar("apilink_timestamp_today", 1, to_timestamp_today),
    scalar("apilink_timestampadd", 3, timestamp_add),
    scalar("curdate", 0, current_date),
    scalar("curtime", 0, current_time),
    scalar("now", 0, current_timestamp),
    scalar("getdate", 0, current_timestamp),
    scalar("getutcdate", 0, current_timestamp),
    scalar("sysdatetime", 0, current_timestamp),
    scalar("sysutcdatetime", 0, current_timestamp),
    scalar("dayname", 1, day_name),
    scalar("monthname", 1, month_name),
    scalar("dayofmonth", 1, |a| part(a, Interval::Day)),
    scalar("day", 1, |a| part(a, Interval::Day)),
    scalar("dayofweek", 1, |a| part(a, Interval::Weekday)),
    scalar("dayofyear", 1, |a| part(a, Interval::DayOfYear)),
    scalar("hour", 1, |a| part_of_time(a, Interval::Hour)),
    scalar("minute", 1, |a| part_of_time(a, Interval::Minute)),
    scalar("second", 1, |a| part_of_time(a, Interval::Second)),
    scalar("month", 1, |a| part(a, Interval::Month)),
    scalar("quarter", 1, |a| part(a, Interval::Quarter)),
    scalar("week", 1, |a| part(a, Interval::Week)),
    scalar("year", 1, |a| part(a, Interval::Year)),
    scalar("extract", 2, extract),
    scalar("datepart", 2, extract),
    scalar("datename", 2, date_name),
    scalar("timestampadd", 3, date_add),
    scalar("dateadd", 3, date_add),
    scalar("timestampdiff", 3, timestamp_diff),
    scalar("datediff", 3, date_diff),
    scalar("datediff", 2, days_between),
    scalar("date_trunc", 2, date_trunc),
    scalar("datetrunc", 2, date_trunc),
    scalar("last_day", 1, end_of_month),
    scalar("eomonth", 1, end_of_month),
    scalar("eomonth", 2, end_of_month),
    scalar("datefromparts", 3, date_from_parts),
];

fn moment(value: Moment) -> Value {
    Value::Text(value.to_string())
}

fn to_date(arguments: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(date_text(arguments.moment(0)?.date)))
}

fn to_time(arguments: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(time_text(arguments.time(0)?)))
}

fn to_timestamp(arguments: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(timestamp_text(
        arguments.moment(0)?.timestamp(),
    )))
}

fn to_timestamp_today(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let moment = moment_today(arguments, 0)?;
    Ok(Value::Text(timestamp_text(moment.timestamp())))
}

/// The current time in UTC, in whole seconds as `CURRENT_TIMESTAMP` has it.
fn now() -> PrimitiveDateTime {
    let now = OffsetDateTime::now_utc();
    let (hour, minute, second) = now.to_hms();
    let time = Time::from_hms(hour, minute, second).unwrap_or(Time::MIDNIGHT);
    PrimitiveDateTime::new(now.date(), time)
}

#[expect(clippy::unnecessary_wraps, reason = "the type of all functions")]
fn current_date(_: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(date_text(now().date())))
}

#[expect(clippy::unnecessary_wraps, reason = "the type of all functions")]
fn current_time(_: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(time_text(now().time())))
}

#[expect(clippy::unnecessary_wraps, reason = "the type of all functions")]
fn current_timestamp(_: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(timestamp_text(now())))
}

fn day_name(arguments: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(arguments.moment(0)?.date.weekday().to_string()))
}

fn month_name(arguments: &Arguments<'_, '_>) -> Result<Value> {
    Ok(Value::Text(arguments.moment(0)?.date.month().to_string()))
}

fn part(arguments: &Arguments<'_, '_>, interval: Interval) -> Result<Value> {
    Ok(Value::Integer(interval.extract(arguments.moment(0)?)))
}

/// Of a timestamp or of a time of day.
fn part_of_time(arguments: &Arguments<'_, '_>, interval: Interval) -> Result<Value> {
    Ok(Value::Integer(interval.extract(with_time(arguments, 0)?)))
}

/// A time of day alone counts as that of any day.
fn with_time(arguments: &Arguments<'_, '_>, index: usize) -> Result<Moment> {
    moment_on(Date::MIN, arguments, index)
}

/// A time of day alone is one of today, as in ODBC.
fn moment_today(arguments: &Arguments<'_, '_>, index: usize) -> Result<Moment> {
    moment_on(now().date(), arguments, index)
}

fn moment_on(date: Date, arguments: &Arguments<'_, '_>, index: usize) -> Result<Moment> {
    arguments.moment(index).or_else(|problem| {
        let time = arguments.time(index).map_err(|_| problem)?;
        Ok(Moment {
            date,
            time: Some(time),
        })
    })
}

fn extract(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let interval = Interval::find(&arguments.text(0))?;
    let moment = if interval.is_part_of_day() {
        with_time(arguments, 1)?
    } else {
        arguments.moment(1)?
    };
    Ok(Value::Integer(interval.extract(moment)))
}

fn date_name(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let interval = Interval::find(&arguments.text(0))?;
    let moment = arguments.moment(1)?;
    Ok(Value::Text(match interval {
        Interval::Month => moment.date.month().to_string(),
        Interval::Weekday => moment.date.weekday().to_string(),
        _ => interval.extract(moment).to_string(),
    }))
}

/// A date stays one as long as whole days are added.
fn date_add(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let interval = Interval::find(&arguments.text(0))?;
    interval
        .add(arguments.integer(1)?, moment_today(arguments, 2)?)
        .map(moment)
        .ok_or_else(|| arguments.out_of_range())
}

/// Always a timestamp.
fn timestamp_add(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let interval = Interval::find(&arguments.text(0))?;
    interval
        .add(arguments.integer(1)?, moment_today(arguments, 2)?)
        .map(|sum| Value::Text(timestamp_text(sum.timestamp())))
        .ok_or_else(|| arguments.out_of_range())
}

fn timestamp_diff(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let interval = Interval::find(&arguments.text(0))?;
    interval
        .elapsed(moment_today(arguments, 1)?, moment_today(arguments, 2)?)
        .map(Value::Integer)
        .ok_or_else(|| arguments.out_of_range())
}

fn date_diff(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let interval = Interval::find(&arguments.text(0))?;
    interval
        .boundaries(moment_today(arguments, 1)?, moment_today(arguments, 2)?)
        .map(Value::Integer)
        .ok_or_else(|| arguments.out_of_range())
}

/// `DATEDIFF(later, earlier)`, as `MySQL` has it.
fn days_between(arguments: &Arguments<'_, '_>) -> Result<Value> {
    Interval::Day
        .boundaries(arguments.moment(1)?, arguments.moment(0)?)
        .map(Value::Integer)
        .ok_or_else(|| arguments.out_of_range())
}

fn date_trunc(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let interval = Interval::find(&arguments.text(0))?;
    interval
        .truncate(arguments.moment(1)?)
        .map(moment)
        .ok_or_else(|| arguments.out_of_range())
}

fn end_of_month(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let months = if arguments.count() > 1 {
        arguments.integer(1)?
    } else {
        0
    };
    Interval::Month
        .add(months, arguments.moment(0)?)
        .and_then(|moment| last_day(moment.date))
        .map(|date| Value::Text(date_text(date)))
        .ok_or_else(|| arguments.out_of_range())
}

fn date_from_parts(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let part = |index| arguments.integer(index);
    let (year, month, day) = (part(0)?, part(1)?, part(2)?);
    let date = || {
        let year = i32::try_from(year).ok().filter(|year| *year >= 1)?;
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()
    };
    let no_date = || {
        let message = "DATEFROMPARTS was given a year, a month and a day that are no date.";
        Diagnostic::new(SqlState::INVALID_DATETIME, message)
    };
    let date = date().ok_or_else(no_date)?;
    Ok(Value::Text(date_text(date)))
}
