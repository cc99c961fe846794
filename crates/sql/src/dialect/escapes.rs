//! The escapes of ODBC in braces, and the literals of dates and times.

use apilink_core::{Diagnostic, Result, SqlState};

use super::lexer::TokenKind;
use super::names::unquoted;
use super::translator::Translator;
use crate::functions::moment::{Moment, date_text, parse_time, time_text, timestamp_text};

impl Translator<'_, '_> {
    /// Writes what is in braces, and says where the walk goes on.
    pub(super) fn escape(&mut self, index: usize) -> Result<usize> {
        let word = index + 1;
        match self.source.text(word).to_ascii_lowercase().as_str() {
            "d" | "t" | "ts" => {
                let text = self.only_text(index)?;
                self.typed_literal(word, text)?;
                Ok(self.source.behind(index))
            }
            "guid" => {
                let text = self.only_text(index)?;
                self.output.copy_at(self.source, index, text);
                Ok(self.source.behind(index))
            }
            // The walk goes through their content, and drops the closing brace.
            "fn" | "oj" => {
                self.output.begin_at(self.source, index);
                let function = word + 1;
                let is_length = self.source.text(function).eq_ignore_ascii_case("length");
                if is_length && self.source.text(function + 1) == "(" {
                    // ODBC counts no blanks at the end, and SQLite does.
                    return Ok(self.rename(function, "len"));
                }
                Ok(function)
            }
            "limit" => Ok(word),
            "escape" => {
                self.output.replace(self.source, index, "ESCAPE");
                Ok(word + 1)
            }
            "interval" => {
                let message = "Interval literals are not available. Use DATEADD(day, n, x).";
                Err(self
                    .source
                    .error_of(SqlState::NOT_IMPLEMENTED, index, message))
            }
            "call" | "?" => {
                let message = "The call of a procedure is a statement of its own.";
                Err(self.source.error(index, message))
            }
            _ => {
                let message = format!(
                    "{{{} …}} is not an escape. The escapes are {{d}}, {{t}}, {{ts}}, {{fn}}, \
                     {{oj}}, {{escape}}, {{guid}}, {{limit}} and {{call}}.",
                    self.source.shown(word)
                );
                Err(self.source.error(index, message))
            }
        }
    }

    /// The text that is all that is in braces behind the word.
    fn only_text(&self, index: usize) -> Result<usize> {
        let text = index + 2;
        let is_alone = self.source.kind(text) == Some(TokenKind::Text)
            && self.source.partner(index) == text + 1;
        if is_alone {
            return Ok(text);
        }
        let message = format!(
            "{{{} …}} is written with one text in quotes.",
            self.source.text(index + 1)
        );
        Err(self.source.error(index, message))
    }

    /// Writes the literal of a date, a time or a timestamp, which begins with `word`.
    pub(super) fn typed_literal(&mut self, word: usize, text: usize) -> Result<()> {
        let value = unquoted(self.source.text(text));
        let word_text = self.source.text(word).to_ascii_lowercase();
        let (function, form, normal) = match word_text.as_str() {
            "d" | "date" => ("date", "'2026-06-30'", date(&value)),
            "t" | "time" => ("time", "'15:04:05'", parse_time(&value).map(time_text)),
            _ => (
                "timestamp",
                "'2026-06-30 15:04:05'",
                Moment::parse(&value).map(|moment| timestamp_text(moment.timestamp())),
            ),
        };
        let normal = normal.ok_or_else(|| self.not_a_moment(text, function, form))?;
        let literal = format!("apilink_{function}('{normal}')");
        // The brace is before the word.
        let is_escape = word_text.len() < 3;
        let place = word - usize::from(is_escape && word > 0);
        self.output.replace(self.source, place, &literal);
        Ok(())
    }

    fn not_a_moment(&self, text: usize, kind: &str, form: &str) -> Diagnostic {
        let before = text.checked_sub(1).unwrap_or(text);
        let hint = if self.source.text(before).eq_ignore_ascii_case(kind) {
            " If it is meant as a name, write AS before it."
        } else {
            ""
        };
        let message = format!(
            "{} is not a {kind} such as {form}.{hint}",
            self.source.shown(text)
        );
        self.source
            .error_of(SqlState::INVALID_DATETIME, text, message)
    }
}

/// A day without a time.
fn date(text: &str) -> Option<String> {
    let moment = Moment::parse(text)?;
    moment.time.is_none().then(|| date_text(moment.date))
}
