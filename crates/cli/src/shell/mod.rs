//! The interactive shell. Where standard input is not a terminal, it runs the statements that come
//! from there.

mod complete;
mod dot;
mod statement;

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use apilink_sql::Database;
use rustyline::config::CompletionType;
use rustyline::error::ReadlineError;
use rustyline::history::{FileHistory, History};
use rustyline::{Config, Editor};

use crate::args::{ConnectionArgs, ShellArgs};
use crate::commands::{catalog, query};
use crate::connection::ConnectionSource;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format, Options};
use crate::rows::RowSource;
use crate::{interrupt, platform, terminal};
use complete::SqlHelper;
use dot::DotCommand;

/// The statements that the history holds.
const HISTORY: usize = 2_000;

/// `shell`, and no command at all.
pub fn shell(connection: &ConnectionArgs, args: &ShellArgs) -> Outcome {
    let source = ConnectionSource::find(connection, args.target.as_deref())?;
    if source.took_stdin() {
        return Err(Failure::Usage(
            "Standard input cannot hold both the connection string and the statements.".to_owned(),
        ));
    }
    let session = {
        let cancel = interrupt::begin();
        source.connect(&cancel)?
    };
    let mut shell = Shell {
        database: Database::new(session)?,
        format: Format::for_stdout(),
        file: None,
        has_stats: terminal::stdin_is_terminal() && terminal::stderr_is_terminal(),
    };
    if terminal::stdin_is_terminal() {
        shell.converse()
    } else {
        shell.run_stdin(args.keep_going)
    }
}

struct Shell {
    database: Database,
    format: Format,
    file: Option<PathBuf>,
    has_stats: bool,
}

/// Whether to go on.
#[derive(PartialEq)]
enum Next {
    Continue,
    End,
}

impl Shell {
    /// Reads from a person. Errors are told, and end nothing.
    fn converse(&mut self) -> Outcome {
        let failed =
            |error: ReadlineError| Failure::Local(format!("The terminal cannot be used: {error}."));
        let config = editor_config().map_err(failed)?;
        let history = FileHistory::with_config(&config);
        let mut editor: Editor<SqlHelper, FileHistory> =
            Editor::with_history(config, history).map_err(failed)?;
        editor.set_helper(Some(SqlHelper::new(self.database.catalog())));
        let history_file = history_file();
        if let Some(file) = &history_file {
            // There is none the first time.
            let _ = editor.load_history(file);
        }
        writeln!(
            std::io::stdout(),
            "apilink {}: SQL ends with a semicolon; .help lists other commands.",
            apilink_core::VERSION
        )?;
        loop {
            match editor.readline("apilink> ") {
                Ok(text) => {
                    remember(editor.history_mut(), &text);
                    if self.run_text(&text) == Next::End {
                        break;
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(failed(error)),
            }
            if let Some(file) = &history_file {
                // A history that cannot be kept is no reason to stop. The editor makes the file
                // private.
                let _ = editor.append_history(file);
            }
        }
        Ok(())
    }

    /// Runs all that a person has entered.
    fn run_text(&mut self, text: &str) -> Next {
        if text.trim_start().starts_with('.') {
            return self.run_dot(text).unwrap_or_else(|failure| {
                failure.tell();
                Next::Continue
            });
        }
        let mut rest = text;
        while !statement::is_blank(rest) {
            let end = statement::end(rest).unwrap_or(rest.len());
            let (sql, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = after;
            if let Err(failure) = self.run_sql(sql) {
                failure.tell();
                break;
            }
        }
        Next::Continue
    }

    /// Runs the statements of standard input, each as soon as it is complete.
    fn run_stdin(&mut self, keep_going: bool) -> Outcome {
        let mut waiting = String::new();
        let mut code = 0;
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| {
                Failure::Local(format!("Standard input cannot be read: {error}."))
            })?;
            if statement::is_blank(&waiting) && line.trim_start().starts_with('.') {
                waiting.clear();
                match settle(self.run_dot(&line), keep_going, &mut code)? {
                    Some(Next::End) => return finished(code),
                    _ => continue,
                }
            }
            waiting.push_str(&line);
            waiting.push('\n');
            while let Some(end) = statement::end(&waiting) {
                let after = waiting.split_off(end);
                let sql = std::mem::replace(&mut waiting, after);
                settle(self.run_sql(&sql), keep_going, &mut code)?;
            }
        }
        if !statement::is_blank(&waiting) {
            settle(self.run_sql(&waiting), keep_going, &mut code)?;
        }
        finished(code)
    }

    fn run_sql(&self, sql: &str) -> Outcome {
        self.run_with(sql, query::Purpose::Run, &Options::default())
    }

    fn run_with(&self, sql: &str, purpose: query::Purpose, options: &Options) -> Outcome {
        let sql = sql.trim();
        if sql.trim_end_matches(';').trim().is_empty() {
            return Ok(());
        }
        let cancel = interrupt::begin();
        let output = query::Output {
            format: self.format,
            options,
            file: self.file.as_deref(),
            stats: self.has_stats,
        };
        let asked = query::Asked {
            sql,
            parameters: &[],
            purpose,
        };
        query::run(&self.database, &asked, &output, &cancel)
    }

    fn run_dot(&mut self, line: &str) -> Outcome<Next> {
        match DotCommand::parse(line)? {
            DotCommand::Tables(pattern) => {
                let catalog = self.database.catalog();
                self.write(
                    &mut catalog::list(&catalog, pattern.as_deref())?,
                    catalog::NAME,
                )?;
            }
            DotCommand::Describe(name) => {
                let cancel = interrupt::begin();
                let catalog = self.database.full_catalog(&cancel)?;
                let mut columns = catalog::columns(catalog::find(&catalog, &name)?);
                self.write(&mut columns, catalog::NAME_AND_TYPE)?;
            }
            DotCommand::Explain(sql) => {
                let options = query::explaining(Options::default());
                self.run_with(&sql, query::Purpose::Explain, &options)?;
            }
            DotCommand::Output(None) => {
                self.format = Format::for_stdout();
                self.file = None;
            }
            DotCommand::Output(Some((format, file))) => {
                self.format = format;
                self.file = file;
            }
            DotCommand::Stats(on) => self.has_stats = on,
            DotCommand::Help => writeln!(std::io::stdout(), "{}", dot::HELP)?,
            DotCommand::Quit => return Ok(Next::End),
        }
        Ok(Next::Continue)
    }

    /// What the shell itself lists goes to standard output.
    fn write(&self, rows: &mut dyn RowSource, whole: usize) -> Outcome {
        let format = match self.format {
            Format::Sqlite => Format::Table,
            format => format,
        };
        let options = catalog::names_whole(Options::default(), whole);
        output::write(rows, format, &options, None, &|| ())
    }
}

fn editor_config() -> rustyline::Result<Config> {
    let builder = Config::builder()
        .completion_type(CompletionType::List)
        .history_ignore_space(true)
        .max_history_size(HISTORY)?;
    Ok(builder.build())
}

/// Keeps what a person has entered. The history leaves out what begins with a blank, so blanks at
/// the beginning are handed to it.
fn remember(history: &mut impl History, text: &str) {
    // What cannot be kept is no reason to stop.
    let _ = history.add(text.trim_end());
}

/// Ends at a failure, or tells it, remembers its code and goes on.
fn settle<T>(outcome: Outcome<T>, keep_going: bool, code: &mut u8) -> Outcome<Option<T>> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        // Nobody reads any more, or Ctrl-C was pressed: there is no point in going on.
        Err(failure)
            if keep_going && !matches!(failure.exit_code(), 0 | crate::failure::INTERRUPTED) =>
        {
            failure.tell();
            *code = failure.exit_code();
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

fn finished(code: u8) -> Outcome {
    if code == 0 {
        Ok(())
    } else {
        Err(Failure::Told(code))
    }
}

/// The file of the history, in a directory that is there.
fn history_file() -> Option<PathBuf> {
    let directory = platform::state_directory()?;
    fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history.txt"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_line_that_begins_with_a_blank_is_not_kept() {
        let mut history = FileHistory::with_config(&editor_config().unwrap());
        for text in [
            "SELECT 1; ",
            " SELECT 'secret';",
            "\tSELECT 'secret';",
            "\n SELECT 'secret';",
            "  ",
            "",
            "SELECT\n  2;\n",
        ] {
            remember(&mut history, text);
        }
        let kept: Vec<&str> = history.iter().map(String::as_str).collect();
        assert_eq!(kept, ["SELECT 1;", "SELECT\n  2;"]);
    }
}
