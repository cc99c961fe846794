//! The command-line tool of apilink.

mod args;
mod commands;
mod connection;
mod failure;
mod interrupt;
mod live_check;
mod meter;
mod output;
mod platform;
mod profile;
mod rows;
mod shell;
mod terminal;

use std::process::ExitCode;

use args::{Cli, Command, ShellArgs};
use commands::{account, catalog, get, query};
use failure::{Failure, Outcome};

fn main() -> ExitCode {
    let outcome = match Cli::of_arguments(std::env::args_os().collect()) {
        Ok(cli) => run(cli),
        Err(problem) => match args::unknown_command(&problem) {
            Some(message) => Err(Failure::Usage(message)),
            None => problem.exit(),
        },
    };
    let code = match outcome {
        Ok(()) => 0,
        Err(failure) => {
            failure.tell();
            failure.exit_code()
        }
    };
    ExitCode::from(code)
}

fn run(cli: Cli) -> Outcome {
    let connection = &cli.connection;
    let Some(command) = cli.command else {
        return start_shell(cli.shell_connection, connection);
    };
    match command {
        Command::Login(args) => account::login(connection, &args),
        Command::Token(args) => account::token(connection, &args),
        Command::Logout(args) => account::logout(connection, &args),
        Command::Get(args) => get::get(connection, &args),
        Command::Tables(args) => catalog::tables(connection, &args),
        Command::Describe(args) => catalog::describe(connection, &args),
        Command::Query(args) => query::query(connection, &args),
        Command::Explain(args) => query::explain(connection, &args),
        Command::Shell(args) => shell::shell(connection, &args),
        Command::Profile(command) => profile::run(&command, &mut std::io::stdout().lock()),
        Command::LiveCheck(args) => live_check::live_check(connection, &args),
    }
}

/// The shell without its name: what stands in the place of a command has to be a connection string.
fn start_shell(target: Option<String>, connection: &args::ConnectionArgs) -> Outcome {
    if let Some(word) = target.as_ref().filter(|text| !text.contains('=')) {
        return Err(Failure::Usage(args::no_command(word)));
    }
    let args = ShellArgs {
        target,
        ..ShellArgs::default()
    };
    shell::shell(connection, &args)
}
