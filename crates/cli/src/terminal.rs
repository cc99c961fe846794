//! What the terminal can show.

use std::fmt::Display;
use std::io::IsTerminal;

use console::Term;

/// Writes a line to standard error. That nobody reads it there is no reason to fail.
macro_rules! tell {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use tell;

/// Whether standard output is a terminal.
pub fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether standard error is a terminal.
pub fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether standard input is a terminal.
pub fn stdin_is_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// The width of the terminal that is standard output.
pub fn stdout_width() -> Option<usize> {
    let (_, columns) = Term::stdout().size_checked()?;
    Some(usize::from(columns)).filter(|&columns| columns > 0)
}

/// The width of the terminal that is standard error.
pub fn stderr_width() -> Option<usize> {
    let (_, columns) = Term::stderr().size_checked()?;
    Some(usize::from(columns)).filter(|&columns| columns > 0)
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    coloured: bool,
}

impl Style {
    /// Without colours.
    pub const PLAIN: Self = Self { coloured: false };

    /// For standard output.
    pub fn of_stdout() -> Self {
        Self {
            coloured: stdout_is_terminal() && are_colours_wanted(),
        }
    }

    /// For standard error.
    pub fn of_stderr() -> Self {
        Self {
            coloured: stderr_is_terminal() && are_colours_wanted(),
        }
    }

    /// Bold.
    pub fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    /// Faint.
    pub fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    /// Red and bold.
    pub fn red(self, text: impl Display) -> String {
        self.with("1;31", text)
    }

    /// Yellow and bold.
    pub fn yellow(self, text: impl Display) -> String {
        self.with("1;33", text)
    }

    /// The text between ANSI codes (ECMA-48 section 8.3.117).
    fn with(self, code: &str, text: impl Display) -> String {
        if self.coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// `NO_COLOR` (no-color.org) and a terminal without abilities are heeded.
fn are_colours_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !is_set("NO_COLOR") && !is_dumb && platform_shows_colours()
}

/// On Windows, consoles before Windows 10 do not know ANSI codes; asking turns them on where they
/// are known.
fn platform_shows_colours() -> bool {
    Term::stdout().features().colors_supported() || Term::stderr().features().colors_supported()
}

/// Text on one line, without characters that a terminal would obey: texts come from the service,
/// and from whoever writes into its records.
pub fn on_one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '⏎',
            '\r' | '\t' => ' ',
            c if c.is_control() || turns_the_text_around(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Embeddings, overrides and isolates of UAX #9, which would reorder the rest of the line.
fn turns_the_text_around(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_command_the_terminal() {
        assert_eq!(
            on_one_line("a\r\nb\tc\x1b[31m\u{9b}\u{202e}d"),
            "a ⏎b c\u{fffd}[31m\u{fffd}\u{fffd}d"
        );
    }
}
