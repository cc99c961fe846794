//! Dates, times of day and timestamps as text: the ISO forms in, the form inside `SQLite` out.

use std::fmt;

use time::{Date, Duration, Month, PrimitiveDateTime, Time, UtcOffset};

/// A day, with a time of day in UTC or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The day.
    pub date: Date,
    /// The time of day, if the text had one.
    pub time: Option<Time>,
}

impl Moment {
    /// Reads `2026-06-30`, `20260630`, or a date and a time of day, with `T` or a blank between
    /// them, with or without seconds, fraction and offset. An offset is converted to UTC. Blanks
    /// around it do no harm. `None` for everything else, and outside the years 1 to 9999.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::new(text);
        let date = reader.date()?;
        if reader.is_at_end() {
            return Some(Self { date, time: None });
        }
        if !reader.skip(b"Tt ") {
            return None;
        }
        let time = reader.time()?;
        let offset = reader.offset()?;
        if !reader.is_at_end() {
            return None;
        }
        let shift = Duration::seconds(offset.whole_seconds().into());
        let utc = PrimitiveDateTime::new(date, time).checked_sub(shift)?;
        (utc.year() >= 1).then(|| Self::from(utc))
    }

    /// The timestamp: midnight where there is no time of day.
    pub(crate) fn timestamp(self) -> PrimitiveDateTime {
        PrimitiveDateTime::new(self.date, self.time.unwrap_or(Time::MIDNIGHT))
    }
}

impl From<PrimitiveDateTime> for Moment {
    fn from(timestamp: PrimitiveDateTime) -> Self {
        Self {
            date: timestamp.date(),
            time: Some(timestamp.time()),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time {
            None => f.write_str(&date_text(self.date)),
            Some(_) => f.write_str(&timestamp_text(self.timestamp())),
        }
    }
}

/// Reads `15:04`, `15:04:05` and `15:04:05.678`.
pub(crate) fn parse_time(text: &str) -> Option<Time> {
    let mut reader = Reader::new(text);
    let time = reader.time()?;
    reader.is_at_end().then_some(time)
}

/// `2026-06-30`
pub(crate) fn date_text(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

/// `15:04:05`, and a fraction without zeros at its end where there is one.
pub(crate) fn time_text(time: Time) -> String {
    let (hour, minute, second, nanosecond) = time.as_hms_nano();
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    if nanosecond != 0 {
        let fraction = format!("{nanosecond:09}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text
}

/// `2026-06-30 15:04:05`, and a fraction where there is one.
pub(crate) fn timestamp_text(timestamp: PrimitiveDateTime) -> String {
    format!(
        "{} {}",
        date_text(timestamp.date()),
        time_text(timestamp.time())
    )
}

/// What remains to be read of a text.
struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            rest: text.trim_ascii().as_bytes(),
        }
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Skips one character, if it is one of these.
    fn skip(&mut self, characters: &[u8]) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if characters.contains(first) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Exactly so many digits.
    fn number(&mut self, digits: usize) -> Option<u16> {
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        number.iter().try_fold(0_u16, |value, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + u16::from(digit - b'0'))
        })
    }

    fn two_digits(&mut self) -> Option<u8> {
        self.number(2).and_then(|number| number.try_into().ok())
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number(4).filter(|year| *year >= 1)?;
        let with_hyphens = self.skip(b"-");
        let month = Month::try_from(self.two_digits()?).ok()?;
        if with_hyphens && !self.skip(b"-") {
            return None;
        }
        let day = self.two_digits()?;
        Date::from_calendar_date(year.into(), month, day).ok()
    }

    fn time(&mut self) -> Option<Time> {
        let hour = self.two_digits()?;
        if !self.skip(b":") {
            return None;
        }
        let minute = self.two_digits()?;
        if !self.skip(b":") {
            return Time::from_hms(hour, minute, 0).ok();
        }
        let second = self.two_digits()?;
        let nanosecond = if self.skip(b".,") {
            self.fraction()?
        } else {
            0
        };
        Time::from_hms_nano(hour, minute, second, nanosecond).ok()
    }

    /// Nanoseconds; further digits are dropped.
    fn fraction(&mut self) -> Option<u32> {
        let mut nanoseconds = 0;
        let mut unit = 100_000_000;
        let mut is_empty = true;
        while let Some((digit, rest)) = self.rest.split_first()
            && digit.is_ascii_digit()
        {
            nanoseconds += u32::from(digit - b'0') * unit;
            unit /= 10;
            self.rest = rest;
            is_empty = false;
        }
        (!is_empty).then_some(nanoseconds)
    }

    /// `Z`, `+02:00`, `+0200`, `+02`, or nothing, which is UTC.
    fn offset(&mut self) -> Option<UtcOffset> {
        // A blank before it is how some programs write it.
        self.skip(b" ");
        if self.is_at_end() || self.skip(b"Zz") {
            return Some(UtcOffset::UTC);
        }
        let sign = if self.skip(b"+") {
            1
        } else if self.skip(b"-") {
            -1
        } else {
            return None;
        };
        let hours = i8::try_from(self.two_digits()?).ok()?;
        let minutes = if self.skip(b":") || !self.is_at_end() {
            i8::try_from(self.two_digits()?).ok()?
        } else {
            0
        };
        if hours > 15 || minutes > 59 {
            return None;
        }
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
    }
}
