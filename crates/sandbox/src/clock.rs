//! Dates and times as Clio writes them, and the clock that the firm's records live by.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, UtcOffset};

/// Days since 1970-01-01.
pub type Day = i32;

/// Seconds since 1970-01-01T00:00:00Z.
pub type Second = i64;

const EPOCH_JULIAN_DAY: i32 = 2_440_588;

/// Seconds of a day.
pub const DAY: Second = 86_400;

/// Reads `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<Day> {
    let mut parts = text.splitn(3, '-');
    let year = parts.next().filter(|part| part.len() == 4)?.parse().ok()?;
    let month: u8 = parts.next().filter(|part| part.len() == 2)?.parse().ok()?;
    let day = parts.next().filter(|part| part.len() == 2)?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    Some(date.to_julian_day() - EPOCH_JULIAN_DAY)
}

/// Reads an ISO 8601 date-time; a bare date is its midnight, a time without an offset is UTC.
pub fn parse_time(text: &str) -> Option<Second> {
    if let Some(day) = parse_date(text) {
        return Some(start_of(day));
    }
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let found = parse(text)
        // A + that was not percent-encoded arrives as a blank.
        .or_else(|| parse(&text.replace(' ', "+")))
        .or_else(|| parse(&format!("{text}Z")))?;
    Some(found.unix_timestamp())
}

/// The first second of a day, in UTC.
pub fn start_of(day: Day) -> Second {
    Second::from(day) * DAY
}

/// The day a second falls on in the firm's time zone.
pub fn day_of(second: Second) -> Day {
    let local = second + firm_offset(second);
    Day::try_from(local.div_euclid(DAY)).unwrap_or(Day::MAX)
}

/// The year, month and day of a day.
pub fn calendar(day: Day) -> (i32, u8, u8) {
    let date = Date::from_julian_day(day.saturating_add(EPOCH_JULIAN_DAY)).unwrap_or(Date::MIN);
    (date.year(), u8::from(date.month()), date.day())
}

/// The day of a year, month and day of month; the last day of the month if it has fewer.
pub fn day(year: i32, month: u8, day_of_month: u8) -> Day {
    let month = Month::try_from(month).unwrap_or(Month::January);
    let date = Date::from_calendar_date(year, month, day_of_month.min(month.length(year)));
    date.map_or(0, |date| date.to_julian_day() - EPOCH_JULIAN_DAY)
}

/// 0 for Monday to 6 for Sunday.
pub fn weekday(day: Day) -> i32 {
    (day + 3).rem_euclid(7)
}

/// Writes `YYYY-MM-DD`.
pub fn write_date(out: &mut Vec<u8>, day: Day) {
    let (year, month, day) = calendar(day);
    write_padded(out, year.unsigned_abs(), 4);
    out.push(b'-');
    write_padded(out, u32::from(month), 2);
    out.push(b'-');
    write_padded(out, u32::from(day), 2);
}

/// Writes a time with the firm's offset, as the live service was seen to do:
/// `2025-08-17T00:15:35-04:00`.
pub fn write_time(out: &mut Vec<u8>, second: Second) {
    let offset = firm_offset(second);
    let local = second + offset;
    write_date(out, Day::try_from(local.div_euclid(DAY)).unwrap_or(0));
    let in_day = u32::try_from(local.rem_euclid(DAY)).unwrap_or(0);
    out.push(b'T');
    for (value, end) in [
        (in_day / 3600, b':'),
        (in_day / 60 % 60, b':'),
        (in_day % 60, b'-'),
    ] {
        write_padded(out, value, 2);
        out.push(end);
    }
    write_padded(out, u32::try_from(-offset / 3600).unwrap_or(0), 2);
    out.extend_from_slice(b":00");
}

fn write_padded(out: &mut Vec<u8>, value: u32, width: usize) {
    let text = format!("{value:0width$}");
    out.extend_from_slice(text.as_bytes());
}

/// The firm sits in Toronto: −5 h, and −4 h from the second Sunday of March to the first of
/// November (at whole days, which is exact enough for generated data).
fn firm_offset(second: Second) -> Second {
    let today = Day::try_from(second.div_euclid(DAY)).unwrap_or(0);
    let (year, _, _) = calendar(today);
    let sunday = |from: Day, nth: i32| from + (6 - weekday(from)) + 7 * (nth - 1);
    let summer = sunday(day(year, 3, 1), 2)..sunday(day(year, 11, 1), 1);
    if summer.contains(&today) {
        -4 * 3600
    } else {
        -5 * 3600
    }
}

/// A time with the offset that the firm has then.
pub fn local_time(day: Day, hour: i64, minute: i64) -> Second {
    let utc = start_of(day) + hour * 3600 + minute * 60;
    utc - firm_offset(utc)
}

/// The firm's clock: noon of its "today" when the sandbox starts, and running from there.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Second,
    since: Instant,
}

impl Clock {
    /// A clock that shows noon of `today`.
    pub fn new(today: Day) -> Self {
        Self {
            start: local_time(today, 12, 0),
            since: Instant::now(),
        }
    }

    /// The firm's present.
    pub fn now(&self) -> Second {
        self.start + Second::try_from(self.since.elapsed().as_secs()).unwrap_or(0)
    }
}

/// The real time, for tokens and rate limits.
pub fn unix_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Today's date in UTC by the machine's clock.
pub fn real_today() -> Day {
    let now = OffsetDateTime::now_utc().to_offset(UtcOffset::UTC);
    now.date().to_julian_day() - EPOCH_JULIAN_DAY
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(second: Second) -> String {
        let mut out = Vec::new();
        write_time(&mut out, second);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_go_both_ways() {
        for text in ["1970-01-01", "2024-02-29", "2026-12-31"] {
            let mut out = Vec::new();
            write_date(&mut out, parse_date(text).unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        assert_eq!(parse_date("2023-02-29"), None);
        assert_eq!(parse_date("24-1-1"), None);
        assert_eq!(weekday(parse_date("2026-06-29").unwrap()), 0);
    }

    #[test]
    fn times_carry_the_offset_of_the_season() {
        let winter = parse_time("2026-01-15T17:00:00Z").unwrap();
        assert_eq!(written(winter), "2026-01-15T12:00:00-05:00");
        let summer = parse_time("2026-07-15T17:00:00Z").unwrap();
        assert_eq!(written(summer), "2026-07-15T13:00:00-04:00");
        assert_eq!(parse_time(&written(summer)), Some(summer));
    }

    #[test]
    fn times_are_read_in_all_their_forms() {
        let instant = parse_time("2026-01-15T12:00:00-05:00").unwrap();
        assert_eq!(parse_time("2026-01-15T17:00:00Z"), Some(instant));
        assert_eq!(parse_time("2026-01-15T17:00:00"), Some(instant));
        assert_eq!(parse_time("2026-01-15T17:00:00 00:00"), Some(instant));
        assert_eq!(parse_time("2026-01-15"), Some(instant - 17 * 3600));
        assert_eq!(parse_time("soon"), None);
    }
}
