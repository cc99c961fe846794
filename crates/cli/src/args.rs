//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{
    Arg, ArgAction, ArgMatches, Args, CommandFactory as _, FromArgMatches, Parser, Subcommand,
};

use crate::failure::{Failure, Outcome};
use crate::output::{self, Format, SqliteTarget};

/// What is said at the end of `--help`.
const EPILOGUE: &str = "\
The connection string comes from the first of: the argument CONNECTION, --connection,
--connection-file, the environment variables APILINK_CONNECTION and APILINK_CONNECTION_STRING.
Secrets may stay out of it: see APILINK_CLIENT_SECRET and the others in docs/command-line.md, or
write OAuthClientSecret=? to be asked.

Exit codes:
  0    done
  1    the service or the query failed
  2    the command line or the connection string is wrong
  3    not authorized: a login is needed, or the service does not accept it
  4    the service cannot be reached, is silent, or allows no more requests for now
  130  ended by Ctrl-C";

/// SQL and plain requests over the API of a service such as Clio.
#[derive(Debug, Parser)]
#[command(name = "apilink", version, about, after_help = EPILOGUE)]
#[command(subcommand_negates_reqs = true, disable_help_subcommand = true)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// The connection string, for the interactive shell
    #[arg(value_name = "CONNECTION")]
    pub shell_connection: Option<String>,

    /// What to do; without a command, the interactive shell
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How to connect
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

impl Cli {
    /// Reads the command line, the program's name first. SQL that begins with a comment looks like an
    /// option; no option has a blank in its name.
    ///
    /// # Errors
    /// What clap says: a wrong command line, or the help that was asked for.
    pub fn of_arguments(mut arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        loop {
            let error = match Self::try_parse_from(&arguments) {
                Err(error) => error,
                parsed => return parsed,
            };
            let Some(comment) = comment_in(&mut arguments, &error) else {
                return Err(error);
            };
            // A blank before a comment means nothing to SQL.
            let mut sql = OsString::from(" ");
            sql.push(&comment);
            *comment = sql;
        }
    }
}

/// The argument that clap takes for an unknown option, if it can only be a comment of SQL.
fn comment_in<'a>(arguments: &'a mut [OsString], error: &clap::Error) -> Option<&'a mut OsString> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    // What stands before a `=`, where there is one.
    let option = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(option) if option.contains(char::is_whitespace) => option,
        _ => return None,
    };
    let begins = |argument: &OsString| {
        let text = argument.to_str();
        text.is_some_and(|text| text.starts_with("--") && text.starts_with(option.as_str()))
    };
    arguments
        .iter_mut()
        .skip(1)
        .find(|argument| begins(argument))
}

/// Where the connection string comes from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// The connection string. Other programs of this machine can see arguments: keep secrets out
    #[arg(
        short,
        long,
        global = true,
        value_name = "STRING",
        conflicts_with = "connection_file"
    )]
    pub connection: Option<String>,

    /// A file that holds the connection string; - for standard input
    #[arg(long, global = true, value_name = "FILE")]
    pub connection_file: Option<PathBuf>,

    /// Sets a property in place of the connection string's (repeatable)
    #[arg(long = "set", global = true, value_name = "PROPERTY=VALUE")]
    pub set: Vec<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Log in and keep the token
    Login(LoginArgs),
    /// Show until when the token is good; print it with --show, or when the output is not a terminal
    Token(TokenArgs),
    /// Revoke the token at the service and forget it
    Logout(OnlyConnection),
    /// Send a GET request, and write the reply as it comes
    Get(GetArgs),
    /// List the tables; makes no request
    Tables(TablesArgs),
    /// Describe a table's columns; makes no request
    Describe(DescribeArgs),
    /// Run a query and write its rows
    Query(QueryArgs),
    /// Show which requests a query would make, without making them
    Explain(ExplainArgs),
    /// Enter SQL interactively, or run the statements of standard input
    Shell(ShellArgs),
    /// Make profiles of services
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Find out on a real account, by reading only, what Clio's documentation leaves open
    LiveCheck(LiveCheckArgs),
}

/// What is wrong where a misspelt command was taken for a connection string, so that what follows
/// it has no place.
pub fn unknown_command(problem: &clap::Error) -> Option<String> {
    let word = first_word(std::env::args().skip(1))?;
    let is_misplaced = matches!(
        problem.kind(),
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand
    );
    (is_misplaced && !is_command(&word)).then(|| no_command(&word))
}

/// The first argument, if it can only be meant as a command.
fn first_word(mut arguments: impl Iterator<Item = String>) -> Option<String> {
    arguments
        .next()
        .filter(|word| !word.starts_with('-') && !word.contains('='))
}

fn is_command(word: &str) -> bool {
    Cli::command().find_subcommand(word).is_some()
}

/// The message about a word that stands in the place of a command.
pub fn no_command(word: &str) -> String {
    const NEAR: f64 = 0.6;
    // What is no plain word may hold a secret, and is not repeated.
    if !word.chars().all(|c| c.is_ascii_alphabetic() || c == '-') {
        return "The first argument is neither a command nor a connection string.".to_owned();
    }
    let command = Cli::command();
    let near = command
        .get_subcommands()
        .map(|known| {
            let name = known.get_name();
            (strsim::normalized_damerau_levenshtein(word, name), name)
        })
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = near.map_or_else(String::new, |(_, name)| format!(" Did you mean {name}?"));
    format!("There is no command {word}.{hint}")
}

/// `profile`.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// From the description of an API.
    #[command(about = "Write the tables of an OpenAPI 3 document, for a profile's member tables")]
    FromOpenapi {
        /// The document, as JSON
        document: PathBuf,
        /// What the document does not say, as JSON
        #[arg(long, value_name = "FILE")]
        overlay: Option<PathBuf>,
    },
    /// Pack a directory with a profile into one file
    Pack {
        /// The directory with profile.json, and tables.json if there is one
        directory: PathBuf,
        /// The file to write
        file: PathBuf,
    },
    /// Check a profile: a file or a directory
    Check {
        /// The profile
        file: PathBuf,
    },
    /// Print the built-in profile
    Show,
}

/// A command that needs nothing but a connection.
#[derive(Debug, Args)]
pub struct OnlyConnection {
    /// The connection string
    #[arg(value_name = "CONNECTION")]
    pub target: Option<String>,
}

/// `login`.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// The connection string
    #[arg(value_name = "CONNECTION")]
    pub target: Option<String>,

    /// Print the URL to open on any machine, and take the code, or the URL that the browser is sent
    /// to, from standard input
    #[arg(long)]
    pub no_browser: bool,
}

/// `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The connection string
    #[arg(value_name = "CONNECTION")]
    pub target: Option<String>,

    /// Print the access token, also on a terminal
    #[arg(long)]
    pub show: bool,

    /// Refresh it first, whatever its age
    #[arg(long)]
    pub refresh: bool,
}

/// `get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// A connection string, and the path of the request, such as matters or matters/7
    #[arg(value_names = ["CONNECTION", "PATH"], num_args = 1..=2, required = true)]
    pub target: Vec<String>,

    /// A query parameter (repeatable); it is escaped
    #[arg(short, long = "query", value_name = "NAME=VALUE")]
    pub query: Vec<String>,

    /// Follow all pages, and write their records as one JSON array
    #[arg(long)]
    pub all: bool,

    /// Write to this file
    #[arg(short, long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// In which form rows are written.
#[derive(Clone, Debug, Default, Args)]
pub struct OutputArgs {
    /// The form of the rows. Without it: table on a terminal, else what the name of FILE says, else
    /// csv
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// Write to this file. It appears when it is complete
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// csv: without the line of names
    #[arg(long)]
    pub no_header: bool,

    /// csv: what stands between two values, in place of a comma; \t for a tab
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<char>,

    /// table: do not cut long texts to the width of the terminal, nor descriptions of columns
    #[arg(long)]
    pub wide: bool,

    /// sqlite: the table that gets the rows, in place of result. It is replaced
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,

    /// sqlite: add the rows to those that the table holds
    #[arg(long)]
    pub append: bool,
}

impl OutputArgs {
    /// The form of the rows.
    ///
    /// # Errors
    /// Where the ending of the file says none, and for options that the form does not know.
    pub fn format(&self) -> Outcome<Format> {
        let format = match (self.output, &self.file) {
            (Some(format), _) => format,
            (None, Some(file)) => Format::for_file(file)?,
            (None, None) => Format::for_stdout(),
        };
        let options = [
            (self.no_header, "--no-header", Format::Csv),
            (self.delimiter.is_some(), "--delimiter", Format::Csv),
            (self.table.is_some(), "--table", Format::Sqlite),
            (self.append, "--append", Format::Sqlite),
        ];
        for (is_given, option, meant_for) in options {
            if is_given && format != meant_for {
                return Err(Failure::Usage(format!(
                    "{option} is for the output {}, and this is {}. Add --output {0}, or leave \
                     {option} out.",
                    meant_for.name(),
                    format.name()
                )));
            }
        }
        Ok(format)
    }

    /// How rows that the tool makes itself are written: what they do not say is left blank.
    pub fn listing_options(&self) -> output::Options {
        output::Options {
            null: "",
            ..self.options()
        }
    }

    /// How it is written.
    pub fn options(&self) -> output::Options {
        let usual = output::Options::default();
        output::Options {
            header: !self.no_header,
            delimiter: self.delimiter.unwrap_or(usual.delimiter),
            wide: self.wide,
            sqlite: SqliteTarget {
                table: self.table.clone().unwrap_or(usual.sqlite.table),
                append: self.append,
            },
            ..usual
        }
    }
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        _ if text == "\\t" => Ok('\t'),
        (Some('"' | '\r' | '\n'), None) => Err("a quote or a line break cannot be it".to_owned()),
        (Some(character), None) => Ok(character),
        _ => Err("it is one character".to_owned()),
    }
}

/// `tables`.
#[derive(Debug, Args)]
pub struct TablesArgs {
    /// A connection string (it holds a =), and a part of the names; * stands for any text
    #[arg(value_names = ["CONNECTION", "PATTERN"], num_args = 0..=2)]
    pub target: Vec<String>,

    /// How to write them
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// A connection string, and the name of the table
    #[arg(value_names = ["CONNECTION", "TABLE"], num_args = 1..=2, required = true)]
    pub target: Vec<String>,

    /// With the fields that the account has added; takes a request
    #[arg(long)]
    pub custom_fields: bool,

    /// How to write it
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// A connection string, and the SQL text; @FILE reads it from a file, - from standard input
    #[arg(value_names = ["CONNECTION", "SQL"], num_args = 1..=2, required = true)]
    pub target: Vec<String>,

    /// The values of the statement's parameters
    #[command(flatten)]
    pub parameters: Parameters,

    /// Tell rows, calls and time at the end, also when standard error is not a terminal
    #[arg(long)]
    pub stats: bool,

    /// How to write the rows
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The values of a statement's parameters, in the order in which they were given; `None` is NULL.
#[derive(Debug, Default)]
pub struct Parameters(pub Vec<Option<String>>);

/// What `derive` cannot say: two options whose order counts.
impl Args for Parameters {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
            .arg(
                Arg::new(PARAM)
                    .short('p')
                    .long(PARAM)
                    .value_name("VALUE")
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true)
                    .help("The value of a parameter of the statement, in their order (repeatable)"),
            )
            .arg(
                Arg::new(PARAM_NULL)
                    .long(PARAM_NULL)
                    .action(ArgAction::Append)
                    .num_args(0)
                    .default_missing_value("")
                    .help("NULL in place of the next --param (repeatable)"),
            )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

const PARAM: &str = "param";
const PARAM_NULL: &str = "param-null";

impl FromArgMatches for Parameters {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let indices = |name| matches.indices_of(name).into_iter().flatten();
        let values = matches.get_many::<String>(PARAM).into_iter().flatten();
        let values = indices(PARAM).zip(values.cloned().map(Some));
        let nulls = indices(PARAM_NULL).map(|place| (place, None));
        let mut placed: Vec<(usize, Option<String>)> = values.chain(nulls).collect();
        placed.sort_by_key(|(place, _)| *place);
        Ok(Self(placed.into_iter().map(|(_, value)| value).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A connection string, and the SQL text; @FILE reads it from a file, - from standard input
    #[arg(value_names = ["CONNECTION", "SQL"], num_args = 1..=2, required = true)]
    pub target: Vec<String>,

    /// The values of the statement's parameters
    #[command(flatten)]
    pub parameters: Parameters,

    /// Read the fields that the account has added first, which takes a request
    #[arg(long)]
    pub custom_fields: bool,

    /// How to write the steps
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `shell`.
#[derive(Debug, Default, Args)]
pub struct ShellArgs {
    /// The connection string
    #[arg(value_name = "CONNECTION")]
    pub target: Option<String>,

    /// Go on after a statement that fails, when standard input is not a terminal
    #[arg(long)]
    pub keep_going: bool,
}

/// `live-check`.
#[derive(Debug, Args)]
pub struct LiveCheckArgs {
    /// The connection string
    #[arg(value_name = "CONNECTION")]
    pub target: Option<String>,

    /// Only the checks of this name (repeatable)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,

    /// List the checks, and make no request
    #[arg(long)]
    pub list: bool,

    /// How to write what was found
    #[command(flatten)]
    pub output: OutputArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_misspelt_command_has_a_neighbour() {
        assert_eq!(
            no_command("qurey"),
            "There is no command qurey. Did you mean query?"
        );
        assert_eq!(no_command("zzzz"), "There is no command zzzz.");
        assert!(!no_command("canary;x").contains("canary"));
    }

    #[test]
    fn parameters_and_nulls_keep_their_order() {
        let parameters = |arguments: &[&str]| {
            let all = ["apilink", "query", "SELECT 1"].iter().chain(arguments);
            match Cli::try_parse_from(all).map(|cli| cli.command) {
                Ok(Some(Command::Query(query))) => query.parameters.0,
                other => panic!("{other:?}"),
            }
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(parameters(&[]), []);
        assert_eq!(
            parameters(&[
                "--param-null",
                "-p",
                "a",
                "--param",
                "-1",
                "--param-null",
                "-pNULL"
            ]),
            [None, text("a"), text("-1"), None, text("NULL")]
        );
    }

    #[test]
    fn sql_may_begin_with_a_comment() {
        let target = |arguments: &[&str]| {
            let all = ["apilink", "query"].iter().chain(arguments);
            let all = all.map(OsString::from).collect();
            match Cli::of_arguments(all).map(|cli| cli.command) {
                Ok(Some(Command::Query(query))) => Ok((query.target, query.parameters.0)),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.kind()),
            }
        };
        let sql = "-- all = open\nSELECT 1";
        let read = format!(" {sql}");
        assert_eq!(
            target(&["a=b", sql, "--stats"]),
            Ok((vec!["a=b".to_owned(), read.clone()], vec![]))
        );
        // The value of an option stays as it is.
        assert_eq!(
            target(&["-p", "-- x y", "--stats", sql]),
            Ok((vec![read], vec![Some("-- x y".to_owned())]))
        );
        for wrong in ["--stat", "--nosuch=a b", "--"] {
            assert!(target(&[wrong]).is_err(), "{wrong}");
        }
        assert_eq!(target(&["SELECT 1", "--help"]), Err(ErrorKind::DisplayHelp));
    }

    #[test]
    fn delimiters_are_single_characters() {
        assert_eq!(delimiter("\\t"), Ok('\t'));
        assert_eq!(delimiter("|"), Ok('|'));
        for text in ["", "ab", "\"", "\n"] {
            assert!(delimiter(text).is_err(), "{text:?}");
        }
    }
}
