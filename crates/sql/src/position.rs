//! Places in the text of a statement, and how messages name them: `Line 2, column 6: There is no
//! table maters.`

use std::fmt;

use apilink_core::{Diagnostic, SqlState};

use crate::dialect::lexer;
use crate::functions;

/// A place in a text: its line, and the character within the line. Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line. A line ends with `\n`.
    pub line: usize,
    /// The character, not the byte.
    pub column: usize,
}

impl Position {
    /// The place of a byte of a text; that of its end for one beyond it.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line_start = before.iter().rposition(|byte| *byte == b'\n');
        let line_start = line_start.map_or(0, |newline| newline + 1);
        // The first byte of each character.
        let is_first = |byte: &&u8| **byte & 0xC0 != 0x80;
        let columns = before.iter().skip(line_start).filter(is_first).count();
        Self {
            line: before.split(|byte| *byte == b'\n').count(),
            column: columns + 1,
        }
    }

    /// The place that a message of this crate names, if it names one.
    #[must_use]
    pub fn named_in(message: &str) -> Option<Self> {
        let (line, rest) = message.strip_prefix("Line ")?.split_once(", column ")?;
        let (column, _) = rest.split_once(": ")?;
        Some(Self {
            line: line.parse().ok()?,
            column: column.parse().ok()?,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// An error about a place in a statement: `Line 1, column 8: ` and the message, which is a sentence.
#[must_use]
pub fn error_at(
    sqlstate: SqlState,
    sql: &str,
    offset: usize,
    message: impl fmt::Display,
) -> Diagnostic {
    let Position { line, column } = Position::of(sql, offset);
    error(sqlstate, format!("Line {line}, column {column}: {message}"))
}

/// An error whose message may quote the statement, which may hold anything: a message is one line.
#[must_use]
pub fn error(sqlstate: SqlState, message: impl fmt::Display) -> Diagnostic {
    let message = message.to_string().replace(char::is_control, " ");
    Diagnostic::new(sqlstate, message)
}

/// Where the token at an offset of a text that was made of the original stands in the original. It
/// is known where both hold the token equally often: the third of one is the third of the other.
pub(crate) fn in_original(made: &str, offset: usize, original: &str) -> Option<usize> {
    let made_tokens = lexer::tokens(made);
    let at = made_tokens.iter().position(|token| token.start == offset)?;
    let is_call = is_text(made, made_tokens.get(at + 1), "(");
    let name = known(made.get(made_tokens.get(at)?.range())?, is_call);
    let here = places(made, &made_tokens, name, is_call);
    let there = places(original, &lexer::tokens(original), name, is_call);
    let number = here.iter().position(|place| *place == offset)?;
    there
        .get(number)
        .copied()
        .filter(|_| here.len() == there.len())
}

/// The name that a function has in statements, where others of ours are written for it.
fn known(text: &str, is_call: bool) -> &str {
    if is_call {
        functions::known_name(text)
    } else {
        text
    }
}

/// Where a name stands, or the calls of a function.
fn places(sql: &str, tokens: &[lexer::Token], name: &str, is_call: bool) -> Vec<usize> {
    let next = tokens.iter().skip(1).map(Some).chain([None]);
    tokens
        .iter()
        .zip(next)
        .filter(|(_, next)| !is_call || is_text(sql, *next, "("))
        .filter(|(token, _)| {
            sql.get(token.range())
                .is_some_and(|text| known(text, is_call).eq_ignore_ascii_case(name))
        })
        .map(|(token, _)| token.start)
        .collect()
}

fn is_text(sql: &str, token: Option<&lexer::Token>, text: &str) -> bool {
    let here = token.and_then(|token| sql.get(token.range()));
    here.is_some_and(|here| here.eq_ignore_ascii_case(text))
}

/// Where these words stand one after another, if they do so in one place only.
pub(crate) fn only(sql: &str, words: &[&str]) -> Option<usize> {
    let tokens = lexer::tokens(sql);
    let mut found = tokens.windows(words.len().max(1)).filter(|window| {
        window
            .iter()
            .zip(words)
            .all(|(token, word)| is_text(sql, Some(token), word))
    });
    match (found.next(), found.next()) {
        (Some(window), None) => Some(window.first()?.start),
        _ => None,
    }
}

/// Where a name first stands in a statement.
pub(crate) fn first(sql: &str, name: &str) -> Option<usize> {
    let is_name = |token: &&lexer::Token| {
        sql.get(token.range())
            .is_some_and(|text| text.eq_ignore_ascii_case(name))
    };
    let tokens = lexer::tokens(sql);
    tokens.iter().find(is_name).map(|token| token.start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_and_characters_count_from_one() {
        let position = |text, offset| {
            let Position { line, column } = Position::of(text, offset);
            (line, column)
        };
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("é\nab", 4), (2, 2));
        assert_eq!(position("a\r\nb", 3), (2, 1));
        assert_eq!(position("ab\n", 99), (2, 1));
    }

    #[test]
    fn a_message_without_a_place_names_none() {
        for message in [
            "",
            "Line 1",
            "Line 1, column 2",
            "Line x, column 2: wrong.",
            "The value of line 1, column 2: is wrong.",
            "Line 1, column 99999999999999999999999: wrong.",
        ] {
            assert_eq!(Position::named_in(message), None, "{message}");
        }
    }

    #[test]
    fn a_place_is_found_again_where_it_is_certain() {
        let original = "SELECT SUM(x), 'sum' FROM t WHERE Sum(x) > 1";
        let made = "SELECT apilink_left(sum(x)), 'sum' AS y FROM t WHERE sum(x) > 1 LIMIT 5";
        let second = made.rfind("sum").unwrap();
        assert_eq!(in_original(made, second, original), original.find("Sum"));
        // It is there once more than in the original, or not at all, or no token begins there.
        assert_eq!(in_original("sum(sum(sum(x)))", 4, original), None);
        assert_eq!(
            in_original(made, made.find("LIMIT").unwrap(), original),
            None
        );
        assert_eq!(in_original(made, second + 1, original), None);
    }

    proptest! {
        #[test]
        fn what_is_named_is_read_back(sql in "[a-zé\n(]{0,30}", offset in 0_usize..40, message in ".*") {
            let record = error_at(SqlState::SYNTAX, &sql, offset, &message);
            prop_assert_eq!(
                Position::named_in(&record.message),
                Some(Position::of(&sql, offset))
            );
            prop_assert!(!record.message.contains(char::is_control));
        }

        #[test]
        fn any_text_can_be_looked_through(made in ".*", offset in 0_usize..40, original in ".*") {
            if let Some(place) = in_original(&made, offset, &original) {
                prop_assert!(original.is_char_boundary(place));
            }
            let _ = Position::named_in(&made);
        }
    }
}
