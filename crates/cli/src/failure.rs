//! What can end a command, the exit code for it, and how it is told.

use std::io;

use apilink_core::{Diagnostic, SqlState};
use apilink_sql::position::Position;

use crate::terminal::{self, Style, tell};

/// The result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Exit code: the service or the query failed.
pub const FAILED: u8 = 1;
/// Exit code: the command line or the connection string is wrong.
pub const USAGE: u8 = 2;
/// Exit code: not authorized.
pub const UNAUTHORIZED: u8 = 3;
/// Exit code: the service cannot be reached, is silent, or allows no more requests for now.
pub const UNREACHABLE: u8 = 4;
/// Exit code: Ctrl-C, as 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// What the library says.
    Diagnostic(Diagnostic),
    /// The same about a statement, which is shown where the message names a place in it.
    Statement {
        /// What is wrong.
        diagnostic: Diagnostic,
        /// The SQL text.
        sql: String,
    },
    /// The command line is wrong.
    Usage(String),
    /// Something on this machine: a file, the terminal.
    Local(String),
    /// Whoever reads the output has gone. Not an error: `| head` does it.
    Unread,
    /// It was told already; only the exit code is left.
    Told(u8),
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Diagnostic(diagnostic)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Unread
        } else {
            Self::Local(format!("The output cannot be written: {error}."))
        }
    }
}

impl Failure {
    /// For something that a file or a directory refused.
    pub fn file(path: &std::path::Path, problem: impl std::fmt::Display) -> Self {
        Self::Local(format!("{}: {problem}.", path.display()))
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Diagnostic(diagnostic) | Self::Statement { diagnostic, .. } => {
                code_of(diagnostic)
            }
            Self::Usage(_) => USAGE,
            Self::Local(_) => FAILED,
            Self::Unread => 0,
            Self::Told(code) => *code,
        }
    }

    /// Tells it on standard error.
    pub fn tell(&self) {
        let style = Style::of_stderr();
        let error = style.red("error:");
        match self {
            Self::Diagnostic(diagnostic) => {
                tell!("{error} {} [{}]", diagnostic.message, diagnostic.sqlstate);
            }
            Self::Statement { diagnostic, sql } => {
                tell!("{error} {} [{}]", diagnostic.message, diagnostic.sqlstate);
                if let Some(excerpt) = excerpt(sql, &diagnostic.message, terminal::stderr_width()) {
                    tell!("{excerpt}");
                }
            }
            Self::Usage(message) => {
                tell!("{error} {message}\n\nFor more information, try 'apilink --help'.");
            }
            Self::Local(message) => tell!("{error} {message}"),
            Self::Unread | Self::Told(_) => {}
        }
    }
}

fn code_of(diagnostic: &Diagnostic) -> u8 {
    match diagnostic.sqlstate {
        SqlState::INVALID_VALUE => USAGE,
        SqlState::AUTHORIZATION => UNAUTHORIZED,
        SqlState::CANNOT_CONNECT | SqlState::LINK_FAILURE | SqlState::TIMEOUT => UNREACHABLE,
        SqlState::CANCELLED => INTERRUPTED,
        _ => match diagnostic.native {
            401 => UNAUTHORIZED,
            429 => UNREACHABLE,
            _ => FAILED,
        },
    }
}

/// Tells warnings on standard error.
pub fn warn(records: &[Diagnostic]) {
    let style = Style::of_stderr();
    for record in records {
        let warning = style.yellow("warning:");
        tell!("{warning} {} [{}]", record.message, record.sqlstate);
    }
}

/// The line of a statement that a message is about, with a mark under the place. Of a line that is
/// wider than the terminal, the part around the place.
fn excerpt(sql: &str, message: &str, width: Option<usize>) -> Option<String> {
    let Position { line, column } = Position::named_in(message)?;
    let line = sql.lines().nth(line.checked_sub(1)?)?;
    let at = column.checked_sub(1)?;
    // The indent, and the mark behind the end of the line.
    let room = width.map(|width| width.saturating_sub(3).max(NARROWEST));
    let (text, at) = match room {
        Some(room) if line.chars().count() > room => part(line, at, room),
        _ => (line.to_owned(), at),
    };
    // Tabs stay, so that the mark stands where the terminal shows the place.
    let before = text.chars().take(at);
    let indent: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
    Some(format!("  {text}\n  {indent}^"))
}

/// No less than this is shown of a line.
const NARROWEST: usize = 10;

/// So many characters of a line around one of them, and where that is among them. Dots stand for what
/// is left out.
fn part(line: &str, at: usize, room: usize) -> (String, usize) {
    let all = line.chars().count();
    let kept = room.saturating_sub(2);
    let start = at.saturating_sub(kept / 2).min(all.saturating_sub(kept));
    let characters = line.chars().skip(start).take(kept);
    let characters = characters.map(|c| if c == '\t' { ' ' } else { c });
    let mut text = String::new();
    if start > 0 {
        text.push('…');
    }
    text.extend(characters);
    if start + kept < all {
        text.push('…');
    }
    (text, at - start + usize::from(start > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_follows_from_the_record() {
        for (sqlstate, native, code) in [
            (SqlState::GENERAL_ERROR, 0, 1),
            (SqlState::GENERAL_WARNING, 404, 1),
            (SqlState::GENERAL_WARNING, 401, 3),
            (SqlState::GENERAL_WARNING, 429, 4),
            (SqlState::INVALID_VALUE, 0, 2),
            (SqlState::AUTHORIZATION, 1003, 3),
            (SqlState::TIMEOUT, 0, 4),
            (SqlState::CANCELLED, 0, 130),
        ] {
            let failure = Failure::from(Diagnostic::new(sqlstate, "x").with_native(native));
            assert_eq!(failure.exit_code(), code, "{sqlstate} {native}");
        }
        let broken_pipe = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(broken_pipe.exit_code(), 0);
    }

    #[test]
    fn the_place_of_an_error_is_marked() {
        let sql = "SELECT id\nFROM\tmaters";
        assert_eq!(
            excerpt(sql, "Line 2, column 6: There is no table maters.", None).as_deref(),
            Some("  FROM\tmaters\n      \t^")
        );
        assert_eq!(excerpt(sql, "no place", None), None);
        assert_eq!(excerpt(sql, "Line 9, column 1: x", None), None);
        assert_eq!(excerpt(sql, "Line 1, column 0: x", None), None);
    }

    #[test]
    fn of_a_line_wider_than_the_terminal_the_part_around_the_place_is_shown() {
        let shown = |sql: &str, column, width| {
            let message = format!("Line 1, column {column}: x");
            excerpt(sql, &message, Some(width)).unwrap_or_default()
        };
        let sql = "SELECT id, display_number, statuss, client_name FROM matters";
        assert_eq!(
            shown(sql, 28, 90),
            format!("  {sql}\n  {}^", " ".repeat(27))
        );
        assert_eq!(
            shown(sql, 28, 30),
            "  …lay_number, statuss, clie…\n               ^"
        );
        assert_eq!(shown(sql, 1, 20), "  SELECT id, disp…\n  ^");
        let end = sql.len() + 1;
        assert_eq!(
            shown(sql, end, 20),
            "  …me FROM matters\n                  ^"
        );
        for width in 0..70 {
            for column in 1..=end {
                let text = shown(sql, column, width);
                let (line, mark) = text.split_once('\n').unwrap_or_default();
                let fits = line.chars().count().max(mark.chars().count());
                assert!(
                    fits <= width.max(NARROWEST + 3),
                    "{width}, {column}: {text}"
                );
                // What the mark points at is what stands at the column.
                let pointed = line.chars().nth(mark.chars().count() - 1);
                assert_eq!(
                    pointed,
                    sql.chars().nth(column - 1),
                    "{width}, {column}: {text}"
                );
            }
        }
    }
}
