//! Databases and statements: what callers of this crate hold.

use std::sync::Arc;

use apilink_core::cancel::CancellationToken;
use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result};

use crate::catalog::{Catalog, TableShape};
use crate::engine::Prepared;
use crate::engine::fetch::{Fetcher, Misfits};
use crate::engine::runtime::Runtime;
use crate::progress::Progress;
use crate::types::SqlType;
use crate::value::Value;

/// The tables of a connection, ready for queries from any number of threads.
pub struct Database {
    session: Arc<Session>,
    catalog: Arc<Catalog>,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its name: the alias, the column's name, or the text of the expression.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether it can be NULL.
    pub nullable: bool,
    /// The table and the column that it shows, if it shows one as it is.
    pub origin: Option<(String, String)>,
}

/// A parameter (`?`, `?3`, `:name`, `@name`) of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, with its sign, if it has one.
    pub name: Option<String>,
    /// The type that its place asks for.
    pub sql_type: SqlType,
}

/// A prepared statement. It can be queried again and again; each query asks the service anew.
pub struct Statement {
    session: Arc<Session>,
    catalog: Arc<Catalog>,
    sql: String,
    columns: Vec<ResultColumn>,
    parameters: Vec<Parameter>,
    progress: Progress,
}

/// The rows of a result, which are fetched as they are read.
pub struct Rows<'s> {
    statement: &'s mut Statement,
    prepared: Option<Prepared>,
}

impl Database {
    /// Reads the connection's profile. Makes no request.
    ///
    /// # Errors
    /// HY024 if the profile's tables are not valid.
    pub fn new(session: Arc<Session>) -> Result<Self> {
        let catalog = Catalog::of_profile(session.settings().profile.tables());
        Ok(Self {
            session,
            catalog: Arc::new(catalog),
        })
    }

    /// The tables, without the fields that the account has added. Makes no request.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// The tables with the fields that the account has added. The first call makes a request, if the
    /// property `CustomFields` is not `OFF`.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn full_catalog(&self, cancel: &CancellationToken) -> Result<Arc<Catalog>> {
        let _ = cancel;
        Ok(self.catalog())
    }

    /// Prepares one statement. A request is made only where the statement needs the account's own
    /// fields and they are not known yet.
    ///
    /// # Errors
    /// 42000 wrong SQL; 42S02 an unknown table; 42S22 an unknown column; HYC00 what is not
    /// available yet; and as [`Session::execute`].
    pub fn prepare(&self, sql: &str, cancel: &CancellationToken) -> Result<Statement> {
        let mut statement = Statement {
            session: Arc::clone(&self.session),
            catalog: self.catalog(),
            sql: sql.to_owned(),
            columns: Vec::new(),
            parameters: Vec::new(),
            progress: Progress::default(),
        };
        statement.plan(sql, cancel)?;
        statement.columns.clear();
        Ok(statement)
    }
}

impl Statement {
    /// The columns of the result, known before any row is fetched.
    #[must_use]
    pub fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    /// The parameters, in order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// What the current or the last query has cost. Any thread may look at it while it runs.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Begins a query with values for all parameters. `cancel` ends it from another thread.
    ///
    /// # Errors
    /// 07002 when values are missing or too many; HY008 cancelled.
    pub fn query(&mut self, values: &[Value], cancel: &CancellationToken) -> Result<Rows<'_>> {
        let _ = values;
        let prepared = self.plan(&self.sql, cancel)?;
        Ok(Rows {
            statement: self,
            prepared: Some(prepared),
        })
    }

    fn plan(&self, sql: &str, cancel: &CancellationToken) -> Result<Prepared> {
        let lower = sql.to_ascii_lowercase();
        let tables: Vec<Arc<TableShape>> = self
            .catalog
            .tables()
            .iter()
            .filter(|table| lower.contains(&table.name.to_ascii_lowercase()))
            .cloned()
            .collect();
        let fetcher = Fetcher {
            session: Arc::clone(&self.session),
            cancel: cancel.clone(),
            progress: self.progress.clone(),
            misfits: Misfits::default(),
        };
        let runtime = Runtime::new(
            Arc::clone(&self.catalog),
            fetcher,
            Arc::new(|_| Vec::new()),
            !lower.contains("limit"),
        );
        Prepared::new(runtime, &tables, sql)
    }
}

impl Rows<'_> {
    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// What the service says; 22018 a value that does not fit its column's type; HY008 cancelled.
    /// After an error there are no more rows.
    pub fn next_row(&mut self) -> Result<Option<Vec<Value>>> {
        let Some(prepared) = &mut self.prepared else {
            return Ok(None);
        };
        let row = prepared.next_row();
        if !matches!(row, Ok(Some(_))) {
            self.prepared = None;
        }
        row
    }

    /// Warnings since they were last taken.
    pub fn take_warnings(&mut self) -> Vec<Diagnostic> {
        let _ = &self.statement;
        self.prepared
            .as_ref()
            .map(Prepared::take_warnings)
            .unwrap_or_default()
    }
}
