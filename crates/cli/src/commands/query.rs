//! `query` and `explain`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use apilink_core::cancel::CancellationToken;
use apilink_sql::types::SqlType;
use apilink_sql::{Database, Parameter, Statement, UNREAD, Value};

use crate::args::{ConnectionArgs, ExplainArgs, QueryArgs};
use crate::commands::{split_target, sql_text};
use crate::connection::ConnectionSource;
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::meter::{self, Meter};
use crate::output::{self, Format, Options};
use crate::rows::QueryRows;
use crate::terminal::{self, Style, tell};

/// `query`.
pub fn query(connection: &ConnectionArgs, args: &QueryArgs) -> Outcome {
    let (positional, argument) = split_target(&args.target)?;
    let source = ConnectionSource::find(connection, positional)?;
    let sql = sql_text(argument, source.took_stdin())?;
    let output = Output {
        format: args.output.format()?,
        options: &args.output.options(),
        file: args.output.file.as_deref(),
        stats: args.stats || terminal::stderr_is_terminal(),
    };
    let cancel = interrupt::begin();
    let database = Database::new(source.connect(&cancel)?)?;
    let asked = Asked {
        sql: &sql,
        parameters: &args.parameters.0,
        purpose: Purpose::Run,
    };
    run(&database, &asked, &output, &cancel)
}

/// `explain`. Asks for no token and makes no request, except for the fields that the account has
/// added, if they are asked for.
pub fn explain(connection: &ConnectionArgs, args: &ExplainArgs) -> Outcome {
    let (positional, argument) = split_target(&args.target)?;
    let source = ConnectionSource::find_or_empty(connection, positional)?;
    let sql = sql_text(argument, source.took_stdin())?;
    let output = Output {
        format: args.output.format()?,
        options: &explaining(args.output.listing_options()),
        file: args.output.file.as_deref(),
        stats: false,
    };
    let cancel = interrupt::begin();
    let database = if args.custom_fields {
        let database = Database::new(source.connect(&cancel)?)?;
        database.full_catalog(&cancel)?;
        database
    } else {
        Database::new(source.offline()?)?
    };
    let asked = Asked {
        sql: &sql,
        parameters: &args.parameters.0,
        purpose: Purpose::Explain,
    };
    run(&database, &asked, &output, &cancel).map_err(with_hint)
}

/// How a field that the account has added becomes known, where a column may be one.
fn with_hint(mut failure: Failure) -> Failure {
    if let Failure::Statement { diagnostic, .. } = &mut failure
        && diagnostic.message.ends_with(UNREAD)
    {
        diagnostic
            .message
            .push_str(" --custom-fields reads them first.");
    }
    failure
}

/// Requests and reasons are long, and worth nothing when they are cut.
pub fn explaining(options: Options) -> Options {
    Options {
        null: "",
        cut: false,
        ..options
    }
}

/// A statement, and what is to be done with it.
pub struct Asked<'a> {
    /// The SQL text.
    pub sql: &'a str,
    /// The values of its parameters as text; `None` is NULL.
    pub parameters: &'a [Option<String>],
    /// What is to be done.
    pub purpose: Purpose,
}

/// What is to be done with a statement.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// To write its rows.
    Run,
    /// To write which requests it would make.
    Explain,
}

/// Where the rows of a query go.
pub struct Output<'a> {
    /// In which form.
    pub format: Format,
    /// How it is written.
    pub options: &'a Options,
    /// The file; standard output where there is none.
    pub file: Option<&'a Path>,
    /// Tell the costs at the end.
    pub stats: bool,
}

/// Runs or explains one statement and writes the rows.
pub fn run(
    database: &Database,
    asked: &Asked<'_>,
    output: &Output<'_>,
    cancel: &CancellationToken,
) -> Outcome {
    let begun = Instant::now();
    let about = |diagnostic| Failure::Statement {
        diagnostic,
        sql: asked.sql.to_owned(),
    };
    let prepared = match asked.purpose {
        Purpose::Run => database.prepare(asked.sql, cancel),
        Purpose::Explain => database.explain(asked.sql, cancel),
    };
    let mut statement = prepared.map_err(about)?;
    let values = values(statement.parameters(), asked.parameters)?;
    let progress = statement.progress();
    let count = Arc::<AtomicU64>::default();
    let meter = Meter::start(database.session(), progress.clone(), Arc::clone(&count));
    let written = write(&mut statement, &values, &count, output, &meter, cancel);
    meter.stop();
    if output.stats {
        let rows = count.load(Ordering::Relaxed);
        let line = meter::summary(&progress.costs(), rows, begun.elapsed());
        tell!("{}", Style::of_stderr().dim(line));
    }
    match written {
        Err(Failure::Diagnostic(diagnostic)) => Err(about(diagnostic)),
        written => written,
    }
}

fn write(
    statement: &mut Statement,
    values: &[Value],
    count: &Arc<AtomicU64>,
    output: &Output<'_>,
    meter: &Meter,
    cancel: &CancellationToken,
) -> Outcome {
    let columns = statement.columns().to_vec();
    let rows = statement.query(values, cancel)?;
    let mut source = QueryRows::new(columns, rows, Arc::clone(count));
    // Rows and the line of the meter would overwrite each other on one terminal.
    let is_shared = output.file.is_none() && terminal::stdout_is_terminal();
    let before_first = || {
        if is_shared {
            meter.stop();
        }
    };
    output::write(
        &mut source,
        output.format,
        output.options,
        output.file,
        &before_first,
    )
}

/// The values of the parameters, each read in the type that its place asks for.
fn values(parameters: &[Parameter], texts: &[Option<String>]) -> Outcome<Vec<Value>> {
    if parameters.len() != texts.len() {
        return Err(Failure::Usage(format!(
            "The statement has {}, and {} given. Each --param gives one, in their order, and each \
             --param-null gives NULL.",
            counted(parameters.len(), "parameter", "parameters"),
            counted(texts.len(), "value is", "values are"),
        )));
    }
    parameters
        .iter()
        .zip(texts)
        .enumerate()
        .map(|(index, (parameter, text))| {
            let Some(text) = text else {
                return Ok(Value::Null);
            };
            value(text, parameter.sql_type).ok_or_else(|| {
                Failure::Usage(format!(
                    "The value '{text}' of parameter {} is no {}.",
                    index + 1,
                    parameter.sql_type.name()
                ))
            })
        })
        .collect()
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn value(text: &str, sql_type: SqlType) -> Option<Value> {
    let trimmed = text.trim();
    match sql_type {
        SqlType::Bigint | SqlType::Integer => trimmed.parse().ok().map(Value::Integer),
        SqlType::Decimal { .. } | SqlType::Double => trimmed
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Value::Real),
        SqlType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(Value::Integer(1)),
            "false" | "0" => Some(Value::Integer(0)),
            _ => None,
        },
        SqlType::Date
        | SqlType::Time
        | SqlType::Timestamp
        | SqlType::Varchar { .. }
        | SqlType::Varbinary => Some(Value::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_in_their_type() {
        for (text, sql_type, expected) in [
            ("7", SqlType::Bigint, Some(Value::Integer(7))),
            ("7.5", SqlType::Bigint, None),
            (" 7.5 ", SqlType::DECIMAL, Some(Value::Real(7.5))),
            ("inf", SqlType::Double, None),
            ("True", SqlType::Boolean, Some(Value::Integer(1))),
            ("yes", SqlType::Boolean, None),
            (" a", SqlType::TEXT, Some(Value::Text(" a".to_owned()))),
        ] {
            assert_eq!(value(text, sql_type), expected, "{text}");
        }
        let parameter = Parameter {
            name: None,
            sql_type: SqlType::Bigint,
        };
        let parameters = [parameter];
        assert!(values(&parameters, &[]).is_err());
        assert!(matches!(
            values(&parameters, &[None]).as_deref(),
            Ok([Value::Null])
        ));
    }
}
