//! Functions whose arguments are not divided by commas only, or whose names are keywords.

use std::ops::Range;

use apilink_core::{Diagnostic, Result};

use super::cast_type::CastType;
use super::keyword::Keyword;
use super::lexer::TokenKind;
use super::names::unquoted;
use super::translator::Translator;
use crate::functions;
use crate::functions::interval::Interval;
use crate::functions::moment::parse_time;

/// Styles of CONVERT that are the form in which dates are written here anyway.
const ISO_STYLES: [&str; 6] = ["20", "21", "23", "25", "120", "121"];

impl Translator<'_, '_> {
    /// Writes the call of a function; `None` if it passes as it is.
    pub(super) fn call(&mut self, index: usize, keyword: Keyword) -> Result<Option<usize>> {
        use Keyword::{
            Cast, Convert, DateTrunc, Dateadd, Datediff, Datename, Datepart, Datetrunc, Extract,
            Insert, Isnull, Left, Nvl, Position, Right, Substr, Substring, Timestampadd,
            Timestampdiff, Trim,
        };
        match keyword {
            Cast => self.cast(index)?,
            Convert => self.convert(index)?,
            Trim => return self.trim(index),
            Substring | Substr => return self.substring(index),
            Position => return self.position(index),
            Extract => return self.extract(index),
            Dateadd | Timestampadd => return self.date_add(index),
            DateTrunc | Datetrunc => return self.date_trunc(index),
            Datediff | Timestampdiff | Datepart | Datename => return self.date_part(index),
            Isnull | Nvl => return self.if_null(index),
            Left => return Ok(Some(self.rename(index, "apilink_left"))),
            Right => return Ok(Some(self.rename(index, "apilink_right"))),
            Insert => return Ok(Some(self.rename(index, "apilink_insert"))),
            _ => return Ok(None),
        }
        Ok(Some(self.source.behind(index + 1)))
    }

    /// The tokens between the parentheses of a call.
    fn content(&self, index: usize) -> Range<usize> {
        index + 2..self.source.partner(index + 1)
    }

    fn arguments(&self, index: usize) -> Vec<Range<usize>> {
        self.source.arguments(self.content(index))
    }

    /// Writes another name, and leaves the arguments to the walk.
    pub(super) fn rename(&mut self, index: usize, name: &str) -> usize {
        self.output.replace(self.source, index, name);
        self.open(index + 1);
        index + 2
    }

    /// Writes a call with these arguments.
    fn write_call(
        &mut self,
        index: usize,
        name: &str,
        arguments: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<usize> {
        self.output.replace(self.source, index, name);
        self.output.insert(self.source, index + 1, "(");
        for (position, argument) in arguments.into_iter().enumerate() {
            if position > 0 {
                self.output.insert(self.source, argument.start, ", ");
            }
            self.emit_expression(argument)?;
        }
        let close = self.source.partner(index + 1);
        self.output.insert(self.source, close, ")");
        Ok(close + 1)
    }

    fn cast(&mut self, index: usize) -> Result<()> {
        let content = self.content(index);
        let Some(split) = self.source.find(content.clone(), Keyword::As) else {
            return Err(self
                .source
                .error(index, "CAST is written CAST(value AS type)."));
        };
        if split + 1 == content.end {
            return Err(self
                .source
                .error(content.end, "A type is missing behind AS."));
        }
        match self.cast_type(split + 1..content.end) {
            Some(kind) => self.write_cast(index, content.start..split, kind),
            None => Err(self.unknown_type(split + 1)),
        }
    }

    /// `CONVERT(value, type)` of ODBC, `CONVERT(type, value[, style])` of `SQL Server`, or
    /// `CONVERT(value USING encoding)` of `MySQL`.
    fn convert(&mut self, index: usize) -> Result<()> {
        let content = self.content(index);
        if let Some(split) = self.source.find(content.clone(), Keyword::Using) {
            return self.write_cast(index, content.start..split, CastType::TEXT);
        }
        let arguments = self.arguments(index);
        let (first, second) = match arguments.as_slice() {
            [first, second] => (first.clone(), second.clone()),
            [first, second, style] => {
                self.check_style(style.clone())?;
                (first.clone(), second.clone())
            }
            _ => {
                let message = "CONVERT is written CONVERT(value, type) or CONVERT(type, value).";
                return Err(self.source.error(index, message));
            }
        };
        // SQL_INTEGER and its like are unmistakable.
        let text = self.source.text(second.start);
        let is_odbc = text
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("SQL_"));
        let type_first = self.cast_type(first.clone()).filter(|_| !is_odbc);
        match (type_first, self.cast_type(second.clone())) {
            (Some(kind), _) => self.write_cast(index, second, kind),
            (None, Some(kind)) => self.write_cast(index, first, kind),
            (None, None) => Err(self.unknown_type(second.start)),
        }
    }

    fn check_style(&self, style: Range<usize>) -> Result<()> {
        let is_iso = style.len() == 1 && ISO_STYLES.contains(&self.source.text(style.start));
        if is_iso {
            return Ok(());
        }
        let message = format!(
            "This style of CONVERT is not available; those are {}. STRFTIME writes other forms.",
            ISO_STYLES.join(", ")
        );
        Err(self.source.error(style.start, message))
    }

    fn write_cast(&mut self, index: usize, value: Range<usize>, kind: CastType) -> Result<()> {
        self.output.replace(self.source, index, "CAST(");
        self.emit_expression(value)?;
        let close = self.source.partner(index + 1);
        self.output
            .insert(self.source, close, &format!(" AS {kind})"));
        Ok(())
    }

    /// Reads the name of a type: words, and numbers in parentheses.
    fn cast_type(&self, range: Range<usize>) -> Option<CastType> {
        let mut name = String::new();
        let mut numbers = Vec::new();
        for index in self.source.outer(range) {
            if self.source.is_parenthesis(index) {
                numbers = self.numbers_in(index)?;
            } else if self.source.kind(index) == Some(TokenKind::Word) {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(self.source.text(index));
            } else {
                return None;
            }
        }
        CastType::find(&name, &numbers)
    }

    /// The numbers in parentheses; VARCHAR(MAX) has none.
    fn numbers_in(&self, index: usize) -> Option<Vec<u32>> {
        let content = index + 1..self.source.partner(index);
        if self.source.text(content.start).eq_ignore_ascii_case("max") && content.len() == 1 {
            return Some(Vec::new());
        }
        let number = |range: Range<usize>| self.source.text(range.start).parse().ok();
        self.source
            .arguments(content)
            .into_iter()
            .map(number)
            .collect()
    }

    fn unknown_type(&self, index: usize) -> Diagnostic {
        let message = format!(
            "{} is not a type. The types are BIGINT, INTEGER, DECIMAL(p,s), DOUBLE, BOOLEAN, DATE, \
             TIME, TIMESTAMP, VARCHAR(n) and VARBINARY, and SQL_INTEGER and its like.",
            self.source.shown(index)
        );
        self.source.error(index, message)
    }

    /// `TRIM([BOTH | LEADING | TRAILING] [characters] FROM text)`
    fn trim(&mut self, index: usize) -> Result<Option<usize>> {
        let content = self.content(index);
        let (name, side) = match self.source.keyword(content.start) {
            Some(Keyword::Leading) => ("ltrim", 1),
            Some(Keyword::Trailing) => ("rtrim", 1),
            Some(Keyword::Both) => ("trim", 1),
            _ => ("trim", 0),
        };
        let Some(from) = self.source.find(content.clone(), Keyword::From) else {
            return Ok(None);
        };
        let characters = content.start + side..from;
        let text = from + 1..content.end;
        let arguments = [text, characters];
        let given = arguments.into_iter().filter(|range| !range.is_empty());
        self.write_call(index, name, given).map(Some)
    }

    /// `SUBSTRING(text FROM start FOR length)`
    fn substring(&mut self, index: usize) -> Result<Option<usize>> {
        let content = self.content(index);
        let from = self.source.find(content.clone(), Keyword::From);
        let length = self.source.find(content.clone(), Keyword::For);
        let end = length.unwrap_or(content.end);
        let rest = length.map(|length| length + 1..content.end);
        let (text, start) = match from {
            Some(from) if from < end => (content.start..from, from + 1..end),
            _ if length.is_none() => return Ok(None),
            _ => {
                let message = "SUBSTRING is written SUBSTRING(text FROM start FOR length).";
                return Err(self.source.error(index, message));
            }
        };
        let arguments = [text, start].into_iter().chain(rest);
        self.write_call(index, "substring", arguments).map(Some)
    }

    /// `POSITION(sought IN text)`
    fn position(&mut self, index: usize) -> Result<Option<usize>> {
        let content = self.content(index);
        let Some(split) = self.source.find(content.clone(), Keyword::In) else {
            return Ok(None);
        };
        let arguments = [content.start..split, split + 1..content.end];
        self.write_call(index, "position", arguments).map(Some)
    }

    /// `ISNULL(value, otherwise)`, of which `MySQL` has one that only tests.
    fn if_null(&mut self, index: usize) -> Result<Option<usize>> {
        if self.arguments(index).len() == 2 {
            return Ok(Some(self.rename(index, "ifnull")));
        }
        let message = format!(
            "{0} is written {0}(value, otherwise). Whether a value is NULL is asked by: value IS \
             NULL.",
            self.source.text(index).to_ascii_uppercase()
        );
        Err(self.source.error(index, message))
    }

    /// `EXTRACT(YEAR FROM moment)`
    fn extract(&mut self, index: usize) -> Result<Option<usize>> {
        let content = self.content(index);
        let Some(from) = self.source.find(content.clone(), Keyword::From) else {
            return Ok(None);
        };
        let Some(interval) = self.interval(&(content.start..from))? else {
            let message = "EXTRACT is written EXTRACT(YEAR FROM x), with one word before FROM.";
            return Err(self.source.error(content.start, message));
        };
        let moment = from + 1..content.end;
        self.call_with_interval(index, "extract", interval, [moment])
    }

    /// The interval of an argument that is a word or a text; `None` for an expression.
    fn interval(&self, argument: &Range<usize>) -> Result<Option<Interval>> {
        let index = argument.start;
        let is_name = matches!(
            self.source.kind(index),
            Some(TokenKind::Word | TokenKind::Text)
        );
        if argument.len() != 1 || !is_name {
            return Ok(None);
        }
        let interval = Interval::parse(&unquoted(self.source.text(index)));
        interval.map(Some).ok_or_else(|| {
            let message = format!(
                "{} is not an interval. The intervals are {}.",
                self.source.shown(index),
                Interval::NAMES
            );
            self.source.error(index, message)
        })
    }

    fn call_with_interval(
        &mut self,
        index: usize,
        name: &str,
        interval: Interval,
        arguments: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<Option<usize>> {
        self.output.replace(self.source, index, name);
        let start = format!("('{}'", interval.name());
        self.output.insert(self.source, index + 1, &start);
        for argument in arguments {
            self.output.insert(self.source, argument.start, ", ");
            self.emit_expression(argument)?;
        }
        let close = self.source.partner(index + 1);
        self.output.insert(self.source, close, ")");
        Ok(Some(close + 1))
    }

    /// `DATEDIFF(interval, from, to)` and its like.
    fn date_part(&mut self, index: usize) -> Result<Option<usize>> {
        let arguments = self.arguments(index);
        // DATEDIFF(later, earlier) has no interval.
        let is_plain = self.source.is(index, Keyword::Datediff) && arguments.len() == 2;
        let Some((first, rest)) = arguments.split_first().filter(|_| !is_plain) else {
            return Ok(None);
        };
        let Some(interval) = self.interval(first)? else {
            return Ok(None);
        };
        let name = self.source.text(index);
        self.call_with_interval(index, name, interval, rest.iter().cloned())
    }

    /// A part of a day makes a timestamp of a date, so it is another function.
    fn date_add(&mut self, index: usize) -> Result<Option<usize>> {
        let arguments = self.arguments(index);
        let [first, count, moment] = arguments.as_slice() else {
            return Err(self.wrong_count(index));
        };
        let Some(interval) = self.interval(first)? else {
            return Ok(None);
        };
        let name = if interval.is_part_of_day() {
            "apilink_timestampadd"
        } else {
            self.source.text(index)
        };
        self.call_of_moment(index, name, interval, Some(count.clone()), moment.clone())
    }

    /// A call with an interval that has too few arguments, or too many.
    fn wrong_count(&self, index: usize) -> Diagnostic {
        let name = self.source.text(index);
        let form = functions::find(name).map_or("", |function| function.form);
        let message = format!("{} is written {form}.", name.to_ascii_uppercase());
        self.source.error(index, message)
    }

    fn date_trunc(&mut self, index: usize) -> Result<Option<usize>> {
        let arguments = self.arguments(index);
        let [first, moment] = arguments.as_slice() else {
            return Err(self.wrong_count(index));
        };
        let Some(interval) = self.interval(first)? else {
            return Ok(None);
        };
        let name = self.source.text(index);
        self.call_of_moment(index, name, interval, None, moment.clone())
    }

    /// A literal or a parameter has no type of its own: it counts as a timestamp, whatever its form.
    fn call_of_moment(
        &mut self,
        index: usize,
        name: &str,
        interval: Interval,
        count: Option<Range<usize>>,
        moment: Range<usize>,
    ) -> Result<Option<usize>> {
        let is_untyped = moment.len() == 1
            && matches!(
                self.source.kind(moment.start),
                Some(TokenKind::Text | TokenKind::Parameter | TokenKind::NamedParameter)
            );
        if !is_untyped {
            return self.call_with_interval(
                index,
                name,
                interval,
                count.into_iter().chain([moment]),
            );
        }
        // A time of day, to which something is added, is one of today.
        let is_time =
            count.is_some() && parse_time(&unquoted(self.source.text(moment.start))).is_some();
        self.output.replace(self.source, index, name);
        let start = format!("('{}', ", interval.name());
        self.output.insert(self.source, index + 1, &start);
        if let Some(count) = count {
            self.emit_expression(count)?;
            self.output.insert(self.source, moment.start, ", ");
        }
        let conversion = if is_time {
            "apilink_timestamp_today("
        } else {
            "apilink_timestamp("
        };
        self.output.insert(self.source, moment.start, conversion);
        self.emit_expression(moment)?;
        let close = self.source.partner(index + 1);
        self.output.insert(self.source, close, "))");
        Ok(Some(close + 1))
    }
}
