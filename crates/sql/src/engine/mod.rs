//! `SQLite` above, the service below: virtual tables that ask for no more than a statement needs.
//!
//! Before a statement runs, [`table`] is asked by `SQLite`: [`planner`] matches constraints with
//! [`filters`] and makes a [`plan`]; [`needs`] says what a table cannot do without. [`bytecode`] and
//! [`constants`] read the program that `SQLite` made of it, which decides on the [`layout`] of rows
//! and on what records [`carry`] of others. [`explain`] says all that in words.
//!
//! While it runs, [`scan`] walks over rows, [`request`] makes requests of plans ([`parameters`],
//! [`text`]), [`choice`] takes those that are fewer, [`lookup`] puts keys together, [`stream`] asks for
//! one page after the other, [`fetch`] sends the requests, and [`page`] reads the replies ([`json`]) into
//! batches of [`row`]s of [`cell`]s; [`reply`] and [`misfit`] say what is wrong with one, and [`names`]
//! asks for what records do not show. [`repeat`], [`part`] and [`store`] keep what is read
//! again, [`runtime`] is what the scans share, and [`sqlite`] runs the statement, of which [`direct`]
//! takes over what it can.

mod bytecode;
pub(crate) mod carry;
pub(crate) mod cell;
mod choice;
mod constants;
mod direct;
pub(crate) mod explain;
pub(crate) mod fetch;
mod filters;
mod json;
pub(crate) mod layout;
mod lookup;
mod misfit;
pub(crate) mod names;
mod needs;
pub(crate) mod page;
mod parameter_columns;
mod parameters;
mod part;
mod plan;
mod planner;
mod repeat;
pub(crate) mod reply;
mod request;
pub(crate) mod row;
pub(crate) mod runtime;
mod scan;
mod sqlite;
mod store;
mod stream;
mod table;
mod text;

use std::sync::Arc;

use apilink_core::{Diagnostic, Result, SqlState};
use rusqlite::Connection;

use bytecode::Instruction;
use direct::{Plain, Walk};
use runtime::Runtime;
use sqlite::Running;

use crate::catalog::TableShape;
use crate::functions;
use crate::rewrite;
use crate::value::ValueRef;

/// A statement that `SQLite` has planned, and that has not run yet.
pub(crate) struct Prepared {
    runtime: Arc<Runtime>,
    running: Running,
    /// What it does, until it has begun, if that is plain.
    plain: Option<Plain>,
    /// What goes on in place of `SQLite` where it is.
    walk: Option<Walk>,
}

impl Prepared {
    /// Plans a statement over tables, which was made of the text `written`.
    pub(crate) fn new(
        mut runtime: Runtime,
        tables: &[Arc<TableShape>],
        sql: &str,
        written: &str,
    ) -> Result<Self> {
        runtime.only_set = rewrite::only_set(sql);
        runtime.may_keep = rewrite::may_have_outer_join(sql);
        let runtime = Arc::new(runtime);
        let mut connection = Connection::open_in_memory().map_err(of_sqlite)?;
        let cancel = runtime.fetcher.cancel.clone();
        connection
            .progress_handler(CHECK_EVERY, Some(move || cancel.is_cancelled()))
            .map_err(of_sqlite)?;
        for shape in tables {
            table::register(&connection, &runtime, shape).map_err(of_sqlite)?;
        }
        functions::register(&connection).map_err(of_sqlite)?;
        let program = program(&connection, sql)
            .map_err(|error| unplanned(&runtime, tables, written, &error))?;
        runtime.learn(bytecode::read(&program));
        if let Some(problem) = parameter_columns::unasked(&runtime, written) {
            return Err(problem);
        }
        let running =
            Running::new(connection, sql).map_err(|error| failed(&runtime, written, &error))?;
        Ok(Self {
            runtime,
            running,
            plain: Plain::of(&program),
            walk: None,
        })
    }

    /// Moves to the next row; `false` after the last.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        if let Some(walk) = &mut self.walk {
            return walk.advance(&self.runtime);
        }
        let moved = self
            .running
            .step()
            .map_err(|error| failed(&self.runtime, "", &error))?;
        if let Some(plain) = self.plain.take().filter(|_| moved) {
            self.walk = Walk::begin(&plain, &self.runtime);
        }
        Ok(moved)
    }

    /// A value of the present row.
    pub(crate) fn value(&self, column: usize) -> ValueRef<'_> {
        match &self.walk {
            Some(walk) => walk.value(column),
            None => self.running.value(column),
        }
    }

    /// What it is going to ask of the service.
    pub(crate) fn steps(&self) -> Vec<explain::Step> {
        explain::steps(&self.runtime)
    }

    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        self.runtime.take_warnings()
    }
}

/// Steps of a program between two looks at whether the statement was cancelled.
const CHECK_EVERY: i32 = 10_000;

/// The program that `SQLite` makes of a statement.
fn program(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<Instruction>> {
    let mut statement = connection.prepare(&format!("EXPLAIN {sql}"))?;
    statement
        .query_map([], |row| {
            // Of a literal of bytes, SQLite makes a text that may be no UTF-8.
            let p4 = match row.get_ref(5)? {
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            };
            Ok(Instruction {
                opcode: row.get(1)?,
                p1: row.get(2)?,
                p2: row.get(3)?,
                p3: row.get(4)?,
                p4,
            })
        })?
        .collect()
}

/// The error of a statement that has no plan.
fn unplanned(
    runtime: &Runtime,
    tables: &[Arc<TableShape>],
    written: &str,
    error: &rusqlite::Error,
) -> Diagnostic {
    let unmet = needs::unmet(tables, written, error);
    unmet.unwrap_or_else(|| failed(runtime, written, error))
}

/// The error behind what `SQLite` said: one of ours, if it came from below.
fn failed(runtime: &Runtime, written: &str, error: &rusqlite::Error) -> Diagnostic {
    if let Some(problem) = runtime.take_failure() {
        return problem;
    }
    if runtime.fetcher.cancel.is_cancelled() {
        return fetch::cancelled();
    }
    functions::diagnostic_in(written, error)
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn of_sqlite(error: rusqlite::Error) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!("SQLite could not be set up: {error}."),
    )
}
