//! Databases and statements: what callers of this crate hold.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use apilink_core::cancel::CancellationToken;
use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result, SqlState};

use crate::catalog::{Catalog, TableShape};
use crate::custom_fields;
use crate::engine::Prepared;
use crate::engine::fetch::{Fetcher, Misfits};
use crate::engine::runtime::Runtime;
use crate::progress::Progress;
use crate::system::{self, ConnectionFacts};
use crate::types::SqlType;
use crate::typing::{self, Analysis, Failure};
use crate::value::Value;

/// The tables of a connection, ready for queries from any number of threads.
pub struct Database {
    session: Arc<Session>,
    facts: Arc<ConnectionFacts>,
    catalog: Arc<Catalog>,
    /// With the fields that the account has added, once they are known.
    full: Mutex<Option<Arc<Catalog>>>,
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
    facts: Arc<ConnectionFacts>,
    catalog: Arc<Catalog>,
    analysis: Analysis,
    progress: Progress,
}

/// The rows of a result, which are fetched as they are read.
pub struct Rows<'s> {
    /// A statement has one result at a time.
    _statement: PhantomData<&'s mut Statement>,
    prepared: Prepared,
    is_done: bool,
}

impl Database {
    /// Reads the connection's profile. Makes no request.
    ///
    /// # Errors
    /// HY024 if the profile's tables are not valid.
    pub fn new(session: Arc<Session>) -> Result<Self> {
        let settings = session.settings();
        let mut catalog = Catalog::of_profile(settings.profile.tables());
        if settings.custom_fields && settings.profile.custom_fields.is_some() {
            catalog.expect_custom_fields();
        }
        for shape in system::shapes() {
            catalog.add(shape);
        }
        Ok(Self {
            facts: Arc::new(ConnectionFacts::of(settings)),
            session,
            catalog: Arc::new(catalog),
            full: Mutex::new(None),
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
        self.load_custom_fields(&Progress::default(), cancel)
    }

    fn load_custom_fields(
        &self,
        progress: &Progress,
        cancel: &CancellationToken,
    ) -> Result<Arc<Catalog>> {
        // Held during the request, so that statements prepared side by side make one.
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full) = &*full {
            return Ok(Arc::clone(full));
        }
        if !self.session.settings().custom_fields {
            return Ok(self.catalog());
        }
        let loaded = custom_fields::load(&self.catalog, &self.session, progress, cancel)?;
        let loaded = Arc::new(loaded);
        *full = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// The catalogue as far as it is known now.
    fn known_catalog(&self) -> Arc<Catalog> {
        let full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        full.clone().unwrap_or_else(|| self.catalog())
    }

    /// Prepares one statement. A request is made only where the statement needs the account's own
    /// fields and they are not known yet.
    ///
    /// # Errors
    /// 42000 wrong SQL; 42S02 an unknown table; 42S22 an unknown column; HYC00 what is not
    /// available yet; and as [`Session::execute`].
    pub fn prepare(&self, sql: &str, cancel: &CancellationToken) -> Result<Statement> {
        let progress = Progress::default();
        let mut catalog = self.known_catalog();
        let mut outcome = typing::analyze(sql, &catalog);
        if let Err(Failure::NeedsCustomFields { .. }) = outcome {
            catalog = self.load_custom_fields(&progress, cancel)?;
            outcome = typing::analyze(sql, &catalog);
        }
        let analysis = match outcome {
            Ok(analysis) => analysis,
            Err(Failure::Wrong(problem)) => return Err(problem.into_diagnostic(sql)),
            Err(Failure::NeedsCustomFields { table }) => return Err(incomplete(&table)),
        };
        let statement = Statement {
            session: Arc::clone(&self.session),
            facts: Arc::clone(&self.facts),
            catalog,
            analysis,
            progress,
        };
        if statement.parameters().is_empty() {
            // `SQLite` may know better what is wrong.
            statement.plan(&statement.analysis.sql, cancel)?;
        }
        Ok(statement)
    }
}

impl Statement {
    /// The columns of the result, known before any row is fetched.
    #[must_use]
    pub fn columns(&self) -> &[ResultColumn] {
        &self.analysis.columns
    }

    /// The parameters, in order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.analysis.parameters
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
        if values.len() != self.parameters().len() {
            return Err(Diagnostic::new(
                SqlState::WRONG_PARAMETERS,
                format!(
                    "The statement has {} parameters, and {} values were given.",
                    self.parameters().len(),
                    values.len()
                ),
            ));
        }
        self.progress = Progress::default();
        let prepared = self.plan(&self.analysis.sql, cancel)?;
        Ok(Rows {
            _statement: PhantomData,
            prepared,
            is_done: false,
        })
    }

    fn plan(&self, sql: &str, cancel: &CancellationToken) -> Result<Prepared> {
        let tables: Vec<Arc<TableShape>> = self
            .analysis
            .tables
            .iter()
            .filter_map(|name| self.catalog.table(name).cloned())
            .collect();
        let misfits = if self.session.settings().invalid_values_are_null {
            Misfits::Null
        } else {
            Misfits::Refused
        };
        let fetcher = Fetcher {
            session: Arc::clone(&self.session),
            cancel: cancel.clone(),
            progress: self.progress.clone(),
            misfits,
        };
        let (catalog, facts) = (Arc::clone(&self.catalog), Arc::clone(&self.facts));
        let runtime = Runtime::new(
            Arc::clone(&self.catalog),
            fetcher,
            Arc::new(move |table| system::rows(table, &catalog, &facts)),
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
        if self.is_done {
            return Ok(None);
        }
        let row = self.prepared.next_row();
        self.is_done = !matches!(row, Ok(Some(_)));
        row
    }

    /// Warnings since they were last taken.
    pub fn take_warnings(&mut self) -> Vec<Diagnostic> {
        self.prepared.take_warnings()
    }
}

fn incomplete(table: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!("The fields that the account has added to \"{table}\" stayed unknown."),
    )
}
