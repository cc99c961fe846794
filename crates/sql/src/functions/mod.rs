//! The functions of ODBC, of the tools that use it, and of `SQL Server`, where `SQLite` has none or
//! one of another meaning.
//!
//! [`register`] makes them known to a connection; [`result_type`] says the type of what a function
//! gives, of those that `SQLite` brings too; [`all`] lists them, and `docs/sql-functions.md` is
//! generated from the same table.
//!
//! - A NULL argument makes the result NULL, except where a function's description says otherwise.
//! - An error of a function arrives as an error of `SQLite` whose text begins with the SQLSTATE in
//!   brackets: [`diagnostic_of`] turns it back.
//! - The names that begin with `apilink_` are internal: `dialect` and `typing` write them.

mod arguments;
mod cast;
mod date_time;
pub(crate) mod decimal;
mod fault;
pub(crate) mod interval;
pub(crate) mod moment;
mod numeric;
mod reference;
mod rows;
mod system;
mod table;
mod text;

use std::ffi::c_int;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;

use crate::system::CATALOG_NAME;
use arguments::Arguments;
use decimal::DecimalAggregate;

pub(crate) use fault::known_name;
pub use fault::{diagnostic_in, diagnostic_of};
pub use reference::reference;
pub use table::{Function, Group, all, common_type, find, result_nullable, result_type};

/// What a function of ours does.
type Body = fn(&Arguments<'_, '_>) -> apilink_core::Result<Value>;

/// A scalar function of ours. A NULL argument makes its result NULL.
struct Scalar {
    name: &'static str,
    /// The number of arguments.
    arguments: c_int,
    /// Whether its result depends on its arguments only.
    is_deterministic: bool,
    body: Body,
}

const fn scalar(name: &'static str, arguments: c_int, body: Body) -> Scalar {
    Scalar {
        name,
        arguments,
        is_deterministic: true,
        body,
    }
}

const fn volatile(name: &'static str, arguments: c_int, body: Body) -> Scalar {
    Scalar {
        name,
        arguments,
        is_deterministic: false,
        body,
    }
}

/// Makes all functions known to a connection.
///
/// # Errors
/// What `SQLite` says: memory ran out, or statements of the connection are running.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let modules = [
        cast::SCALARS,
        date_time::SCALARS,
        numeric::SCALARS,
        text::SCALARS,
    ];
    for function in modules.into_iter().flatten() {
        register_scalar(connection, function)?;
    }
    register_names(connection, CATALOG_NAME, "")?;
    let aggregates = [
        ("apilink_sum_decimal", DecimalAggregate::Sum),
        ("apilink_avg_decimal", DecimalAggregate::Average),
    ];
    for (name, aggregate) in aggregates {
        connection.create_window_function(name, 1, flags(true), aggregate)?;
    }
    Ok(())
}

/// Says what `DATABASE()`, `DB_NAME()`, `USER()` and their like give on a connection. After
/// [`register`] they give the name of the catalogue, and an empty text: only a request would tell who
/// the user is.
///
/// # Errors
/// As [`register`].
pub fn register_names(connection: &Connection, database: &str, user: &str) -> rusqlite::Result<()> {
    system::register(connection, database, user)
}

fn flags(is_deterministic: bool) -> FunctionFlags {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    if is_deterministic {
        flags | FunctionFlags::SQLITE_DETERMINISTIC
    } else {
        flags
    }
}

fn register_scalar(connection: &Connection, function: &Scalar) -> rusqlite::Result<()> {
    let (name, body) = (function.name, function.body);
    connection.create_scalar_function(
        name,
        function.arguments,
        flags(function.is_deterministic),
        move |context| {
            let arguments = Arguments::new(context, name);
            if arguments.any_is_null() {
                return Ok(Value::Null);
            }
            body(&arguments)
                .map_err(|problem| rusqlite::Error::UserFunctionError(Box::new(problem)))
        },
    )
}

#[cfg(test)]
mod tests;
