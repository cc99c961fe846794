//! Literals: the types of numbers, and texts of dates, times and timestamps in their inside form.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration, PrimitiveDateTime, Time};

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

/// A point in time that a text names, and whether it names a day only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    at: PrimitiveDateTime,
}

impl Moment {
    /// Reads `2026-06-30`, `2026-06-30 15:04[:05[.123]]`, the same with `T` and with `Z` or an
    /// offset, and the years of four digits only.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (day, rest) = text.split_at_checked(10)?;
        let day = Date::parse(day, DAY).ok()?;
        let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
            return rest.is_empty().then_some(Self {
                at: day.with_time(Time::MIDNIGHT),
            });
        };
        let (clock, offset) = split_offset(rest.trim());
        let at = day.with_time(read_time(clock)?);
        Some(Self {
            at: at.checked_sub(offset?)?,
        })
    }

    /// `2026-06-30 15:04:05`, with a fraction where there is one.
    pub(super) fn timestamp(self) -> String {
        format!("{} {}", self.date(), time_text(self.at.time()))
    }

    /// `2026-06-30`.
    pub(super) fn date(self) -> String {
        date_text(self.at.date())
    }

    /// The day after it.
    pub(super) fn next_date(self) -> Option<String> {
        self.at.date().next_day().map(date_text)
    }

    /// Whether it is a midnight.
    pub(super) fn is_midnight(self) -> bool {
        self.at.time() == Time::MIDNIGHT
    }
}

/// A time of day in its inside form; reads `15:04[:05[.123]]`.
pub(super) fn time_of_day(text: &str) -> Option<String> {
    read_time(text.trim()).map(time_text)
}

const DAY: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day]");
const CLOCK: &[BorrowedFormatItem] =
    format_description!("[hour]:[minute][optional [:[second][optional [.[subsecond digits:1+]]]]]");

fn read_time(text: &str) -> Option<Time> {
    Time::parse(text, CLOCK).ok()
}

/// The clock and its offset from UTC.
fn split_offset(text: &str) -> (&str, Option<Duration>) {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return (clock.trim_end(), Some(Duration::ZERO));
    }
    match text
        .rfind(['+', '-'])
        .and_then(|at| text.split_at_checked(at))
    {
        Some((clock, offset)) => (clock.trim_end(), read_offset(offset)),
        None => (text, Some(Duration::ZERO)),
    }
}

/// `+02:00`, `-0700` and `+02`.
fn read_offset(text: &str) -> Option<Duration> {
    let (sign, digits) = text.split_at_checked(1)?;
    let digits = digits.replace(':', "");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2)?;
    let hours: i64 = hours.parse().ok()?;
    let minutes: i64 = if minutes.is_empty() {
        0
    } else {
        minutes.parse().ok()?
    };
    if hours > 18 || minutes > 59 {
        return None;
    }
    let offset = Duration::hours(hours) + Duration::minutes(minutes);
    Some(if sign == "-" { -offset } else { offset })
}

fn date_text(date: Date) -> String {
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}")
}

fn time_text(time: Time) -> String {
    let (hour, minute, second, nanosecond) = time.as_hms_nano();
    let text = format!("{hour:02}:{minute:02}:{second:02}.{nanosecond:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The text of a literal in quotes.
pub(super) fn text_of(literal: &str) -> String {
    super::source::unquoted(literal)
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
