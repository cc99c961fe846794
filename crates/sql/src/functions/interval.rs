//! The parts of a date and a time that functions count in, and arithmetic with them.

use apilink_core::{Diagnostic, Result, SqlState};
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

use super::moment::Moment;

/// A part of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    /// Can be extracted, and counts as a day elsewhere.
    DayOfYear,
    /// From 1, which is Sunday; counts as a day elsewhere.
    Weekday,
    /// The week of ISO 8601; counts as a week elsewhere.
    IsoWeek,
}

const NANOSECONDS_OF_DAY: i128 = 86_400_000_000_000;

impl Interval {
    /// The names that messages list.
    pub(crate) const NAMES: &'static str = "year, quarter, month, week, day, hour, minute, second, millisecond, microsecond, \
         nanosecond, dayofyear, weekday and iso_week";

    /// Finds an interval by its name: plain, with `SQL_TSI_`, or as `SQL Server` shortens it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        let plain = lower.strip_prefix("sql_tsi_").unwrap_or(&lower);
        Some(match plain {
            "year" | "years" | "yyyy" | "yy" => Self::Year,
            "quarter" | "quarters" | "qq" | "q" => Self::Quarter,
            "month" | "months" | "mm" | "m" => Self::Month,
            "week" | "weeks" | "wk" | "ww" => Self::Week,
            "day" | "days" | "dd" | "d" => Self::Day,
            "hour" | "hours" | "hh" => Self::Hour,
            "minute" | "minutes" | "mi" | "n" => Self::Minute,
            "second" | "seconds" | "ss" | "s" => Self::Second,
            "millisecond" | "milliseconds" | "ms" => Self::Millisecond,
            "microsecond" | "microseconds" | "mcs" => Self::Microsecond,
            // ODBC counts fractions of a second in billionths.
            "nanosecond" | "nanoseconds" | "ns" | "frac_second" => Self::Nanosecond,
            "dayofyear" | "doy" | "dy" | "y" => Self::DayOfYear,
            "weekday" | "dayofweek" | "dow" | "dw" | "w" => Self::Weekday,
            "iso_week" | "isoweek" | "isowk" | "isoww" => Self::IsoWeek,
            _ => return None,
        })
    }

    /// As [`Self::parse`], with an error that names what there is (HY024).
    pub(crate) fn find(name: &str) -> Result<Self> {
        Self::parse(name).ok_or_else(|| {
            let message = format!(
                "There is no interval of this name. The intervals are {}, also with SQL_TSI_ \
                 before them.",
                Self::NAMES
            );
            Diagnostic::new(SqlState::INVALID_VALUE, message)
        })
    }

    /// The plain name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::Millisecond => "millisecond",
            Self::Microsecond => "microsecond",
            Self::Nanosecond => "nanosecond",
            Self::DayOfYear => "dayofyear",
            Self::Weekday => "weekday",
            Self::IsoWeek => "iso_week",
        }
    }

    /// Whether it is a part of a day: a date that it is added to becomes a timestamp.
    pub(crate) fn is_part_of_day(self) -> bool {
        matches!(self.length(), Some(length) if length < NANOSECONDS_OF_DAY)
    }

    /// The months in it, if it is one of those.
    fn months(self) -> Option<i64> {
        match self {
            Self::Year => Some(12),
            Self::Quarter => Some(3),
            Self::Month => Some(1),
            _ => None,
        }
    }

    /// Its length in nanoseconds, if it always has the same.
    fn length(self) -> Option<i128> {
        Some(match self {
            Self::Year | Self::Quarter | Self::Month => return None,
            Self::Week | Self::IsoWeek => 7 * NANOSECONDS_OF_DAY,
            Self::Day | Self::DayOfYear | Self::Weekday => NANOSECONDS_OF_DAY,
            Self::Hour => 3_600_000_000_000,
            Self::Minute => 60_000_000_000,
            Self::Second => 1_000_000_000,
            Self::Millisecond => 1_000_000,
            Self::Microsecond => 1_000,
            Self::Nanosecond => 1,
        })
    }

    /// Adds so many of it. A day that the month does not have becomes its last one. `None` outside
    /// the years 1 to 9999.
    pub(crate) fn add(self, count: i64, to: Moment) -> Option<Moment> {
        let timestamp = to.timestamp();
        let sum = match self.months() {
            Some(months) => add_months(timestamp, count.checked_mul(months)?)?,
            None => add_nanoseconds(timestamp, i128::from(count) * self.length()?)?,
        };
        if !(1..=9999).contains(&sum.year()) {
            return None;
        }
        let keeps_date = to.time.is_none() && !self.is_part_of_day();
        Some(Moment {
            date: sum.date(),
            time: (!keeps_date).then_some(sum.time()),
        })
    }

    /// How many boundaries of it lie between the two, as `DATEDIFF` counts. Weeks begin on Sunday.
    pub(crate) fn boundaries(self, from: Moment, to: Moment) -> Option<i64> {
        Some(self.ordinal(to)? - self.ordinal(from)?)
    }

    /// Which one of its kind a moment lies in, counted from somewhere.
    fn ordinal(self, moment: Moment) -> Option<i64> {
        let timestamp = moment.timestamp();
        let date = timestamp.date();
        if let Some(months) = self.months() {
            return Some(month_number(date).div_euclid(months));
        }
        let day = i64::from(date.to_julian_day());
        match self {
            // Julian day 0 is a Monday.
            Self::Week => Some((day + 1).div_euclid(7)),
            Self::IsoWeek => Some(day.div_euclid(7)),
            Self::Day | Self::DayOfYear | Self::Weekday => Some(day),
            _ => {
                let length = self.length()?;
                i64::try_from(nanoseconds(timestamp).div_euclid(length)).ok()
            }
        }
    }

    /// How many whole ones fit between the two, as `TIMESTAMPDIFF` counts.
    pub(crate) fn elapsed(self, from: Moment, to: Moment) -> Option<i64> {
        let (from, to) = (from.timestamp(), to.timestamp());
        match self.months() {
            Some(months) => Some(whole_months(from, to) / months),
            None => i64::try_from((nanoseconds(to) - nanoseconds(from)) / self.length()?).ok(),
        }
    }

    /// The part of a moment, as `DATEPART` and `EXTRACT` give it.
    pub(crate) fn extract(self, moment: Moment) -> i64 {
        let timestamp = moment.timestamp();
        let (date, time) = (timestamp.date(), timestamp.time());
        match self {
            Self::Year => date.year().into(),
            Self::Quarter => i64::from((u8::from(date.month()) - 1) / 3 + 1),
            Self::Month => u8::from(date.month()).into(),
            Self::Week => week_of_year(date),
            Self::Day => date.day().into(),
            Self::Hour => time.hour().into(),
            Self::Minute => time.minute().into(),
            Self::Second => time.second().into(),
            Self::Millisecond => time.millisecond().into(),
            Self::Microsecond => time.microsecond().into(),
            Self::Nanosecond => time.nanosecond().into(),
            Self::DayOfYear => date.ordinal().into(),
            Self::Weekday => date.weekday().number_from_sunday().into(),
            Self::IsoWeek => date.iso_week().into(),
        }
    }

    /// The beginning of the interval that a moment lies in. A date stays one. Weeks begin on Monday, as
    /// in ISO 8601.
    pub(crate) fn truncate(self, moment: Moment) -> Option<Moment> {
        let date = moment.date;
        let month = u8::from(date.month());
        let start = match self {
            Self::Year => date.replace_ordinal(1).ok()?,
            Self::Quarter => first_of_month(date.year(), (month - 1) / 3 * 3 + 1)?,
            Self::Month => date.replace_day(1).ok()?,
            Self::Week | Self::IsoWeek => {
                let since = date.weekday().number_days_from_monday();
                date.checked_sub(Duration::days(since.into()))?
            }
            _ => date,
        };
        if start.year() < 1 {
            return None;
        }
        let time = match moment.time {
            Some(time) if self.is_part_of_day() => Some(truncate_time(time, self.length()?)?),
            time => time.map(|_| Time::MIDNIGHT),
        };
        Some(Moment { date: start, time })
    }
}

fn truncate_time(time: Time, unit: i128) -> Option<Time> {
    let since_midnight = (time - Time::MIDNIGHT).whole_nanoseconds();
    let start = i64::try_from(since_midnight / unit * unit).ok()?;
    Some(Time::MIDNIGHT + Duration::nanoseconds(start))
}

/// The last day of a date's month.
pub(crate) fn last_day(date: Date) -> Option<Date> {
    date.replace_day(date.month().length(date.year())).ok()
}

/// Weeks begin on Sunday, and week 1 holds the first of January.
fn week_of_year(date: Date) -> i64 {
    let since_sunday = i64::from(date.weekday().number_days_from_sunday());
    let day = i64::from(date.ordinal()) - 1;
    (day + 6 - since_sunday) / 7 + 1
}

fn first_of_month(year: i32, month: u8) -> Option<Date> {
    Date::from_calendar_date(year, Month::try_from(month).ok()?, 1).ok()
}

/// Months since the year 0.
fn month_number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1
}

fn add_months(timestamp: PrimitiveDateTime, months: i64) -> Option<PrimitiveDateTime> {
    let number = month_number(timestamp.date()).checked_add(months)?;
    let year = i32::try_from(number.div_euclid(12)).ok()?;
    let month = u8::try_from(number.rem_euclid(12) + 1).ok()?;
    let first = first_of_month(year, month)?;
    let day = timestamp.day().min(last_day(first)?.day());
    Some(PrimitiveDateTime::new(
        first.replace_day(day).ok()?,
        timestamp.time(),
    ))
}

fn add_nanoseconds(timestamp: PrimitiveDateTime, count: i128) -> Option<PrimitiveDateTime> {
    let seconds = i64::try_from(count.div_euclid(1_000_000_000)).ok()?;
    let rest = i32::try_from(count.rem_euclid(1_000_000_000)).ok()?;
    timestamp.checked_add(Duration::new(seconds, rest))
}

/// Nanoseconds since Julian day 0.
fn nanoseconds(timestamp: PrimitiveDateTime) -> i128 {
    let day = i128::from(timestamp.date().to_julian_day());
    day * NANOSECONDS_OF_DAY + (timestamp.time() - Time::MIDNIGHT).whole_nanoseconds()
}

fn whole_months(from: PrimitiveDateTime, to: PrimitiveDateTime) -> i64 {
    let months = month_number(to.date()) - month_number(from.date());
    let within = |moment: PrimitiveDateTime| (moment.day(), moment.time());
    if months > 0 && within(to) < within(from) {
        months - 1
    } else if months < 0 && within(to) > within(from) {
        months + 1
    } else {
        months
    }
}
