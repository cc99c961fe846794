//! Databases and statements: what callers of this crate hold.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use apilink_core::cancel::CancellationToken;
use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result, SqlState};

use crate::catalog::{Catalog, TableShape, TableSource};
use crate::custom_fields;
use crate::dialect::{self, Qualifiers, Translated};
use crate::engine::Prepared;
use crate::engine::explain::Step;
use crate::engine::fetch::{Fetcher, Misfits};
use crate::engine::names::Names;
use crate::engine::runtime::Runtime;
use crate::position;
use crate::progress::Progress;
use crate::rewrite;
use crate::system::{self, ConnectionFacts};
use crate::types::SqlType;
use crate::typing::{self, Analysis, Failure, Written};
use crate::value::{Value, ValueRef};

/// The tables of a connection, ready for queries from any number of threads.
pub struct Database {
    session: Arc<Session>,
    facts: Arc<ConnectionFacts>,
    /// Made when a statement first names a table: a profile holds many.
    catalog: OnceLock<Arc<Catalog>>,
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
    /// As it was given.
    written: String,
    /// As `SQLite` understands it, with its parameters.
    sql: String,
    analysis: Analysis,
    /// The columns of the plan, where the plan is what was asked for.
    explained: Option<Vec<ResultColumn>>,
    /// What the plan leaves out, because it is not known without a request.
    unread: Option<Step>,
    progress: Progress,
}

/// The rows of a result, which are fetched as they are read.
pub struct Rows<'s> {
    /// A statement has one result at a time.
    _statement: PhantomData<&'s mut Statement>,
    /// The number of columns.
    width: usize,
    source: RowSource,
    /// Rows that may still be handed out, if there is a bound.
    left: Option<u64>,
    warnings: Vec<Diagnostic>,
}

/// Where the rows of a result come from.
enum RowSource {
    Query(Box<Prepared>),
    Listed {
        rows: std::vec::IntoIter<Vec<Value>>,
        row: Option<Vec<Value>>,
    },
    Done,
}

impl Database {
    /// Reads the connection's profile. Makes no request.
    ///
    /// # Errors
    /// HY024 if the profile's tables are not valid.
    pub fn new(session: Arc<Session>) -> Result<Self> {
        Ok(Self {
            facts: Arc::new(ConnectionFacts::of(session.settings())),
            session,
            catalog: OnceLock::new(),
            full: Mutex::new(None),
        })
    }

    /// The connection that the tables are read through.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The tables, without the fields that the account has added. Makes no request.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        let make = || Arc::new(self.make_catalog(true));
        Arc::clone(self.catalog.get_or_init(make))
    }

    fn make_catalog(&self, expects_custom_fields: bool) -> Catalog {
        let settings = self.session.settings();
        let mut catalog = Catalog::of_profile(settings.profile.tables());
        if expects_custom_fields
            && settings.custom_fields
            && settings.profile.custom_fields.is_some()
        {
            catalog.expect_custom_fields();
        }
        for shape in system::shapes() {
            catalog.add(shape);
        }
        catalog
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
        let loaded = custom_fields::load(&self.catalog(), &self.session, progress, cancel)?;
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
    /// fields and they are not known yet; EXPLAIN makes none, and leaves them out.
    ///
    /// # Errors
    /// 42000 wrong SQL; 42S02 an unknown table; 42S22 an unknown column; HYC00 what is not
    /// available yet; and as [`Session::execute`].
    pub fn prepare(&self, sql: &str, cancel: &CancellationToken) -> Result<Statement> {
        let translated = dialect::translate(sql, &self.qualifiers())?;
        self.prepare_translated(sql, translated, cancel)
    }

    /// Prepares one statement to show its plan, as EXPLAIN before it does: that may be left out.
    /// Makes no request.
    ///
    /// # Errors
    /// As [`Database::prepare`].
    pub fn explain(&self, sql: &str, cancel: &CancellationToken) -> Result<Statement> {
        let mut translated = dialect::translate(sql, &self.qualifiers())?;
        translated.explain = true;
        self.prepare_translated(sql, translated, cancel)
    }

    fn prepare_translated(
        &self,
        sql: &str,
        mut translated: Translated,
        cancel: &CancellationToken,
    ) -> Result<Statement> {
        let progress = Progress::default();
        translated.kind.check_available()?;
        translated.sql = rewrite::without_stars(&translated.sql).into_owned();
        let in_original = |failure| match failure {
            Failure::Wrong(mut problem) => {
                problem.place = problem.place.map(|place| {
                    let position = |offset| translated.positions.original(offset);
                    position(place.start)..position(place.end)
                });
                problem.into_diagnostic(sql)
            }
            Failure::NeedsCustomFields { table } => incomplete(&table),
        };
        // Statements without tables need no catalogue. Another thread may make it meanwhile.
        let is_made = self.catalog.get().is_some();
        let mut catalog = if is_made {
            self.known_catalog()
        } else {
            Arc::default()
        };
        let written = Written {
            sql,
            positions: &translated.positions,
        };
        let analyze =
            |catalog: &Catalog| typing::analyze_translated(&translated.sql, written, catalog);
        let mut outcome = analyze(&catalog);
        if outcome.is_err() && !is_made {
            catalog = self.known_catalog();
            outcome = analyze(&catalog);
        }
        let mut unread = None;
        if let Err(Failure::NeedsCustomFields { .. }) = outcome {
            catalog = if translated.explain {
                unread = custom_fields::unread(&catalog, &self.session);
                Arc::new(self.make_catalog(false))
            } else {
                self.load_custom_fields(&progress, cancel)?
            };
            outcome = analyze(&catalog);
        }
        let mut analysis = outcome.map_err(in_original);
        if let Err(problem) = &mut analysis
            && unread.is_some()
        {
            problem.message.push_str(UNREAD);
        }
        let analysis = analysis?;
        let statement = Statement {
            session: Arc::clone(&self.session),
            facts: Arc::clone(&self.facts),
            catalog,
            written: sql.to_owned(),
            sql: translated.sql,
            analysis,
            explained: translated.explain.then(plan_columns),
            unread,
            progress,
        };
        if statement.parameters().is_empty() {
            // `SQLite` may know better what is wrong.
            statement.plan(&statement.analysis, cancel)?;
        }
        Ok(statement)
    }

    /// What may stand before the name of a table.
    fn qualifiers(&self) -> Qualifiers {
        Qualifiers::new([self.facts.schema(), system::CATALOG_NAME, "CData"])
    }
}

impl Statement {
    /// The columns of the result, known before any row is fetched.
    #[must_use]
    pub fn columns(&self) -> &[ResultColumn] {
        self.explained.as_deref().unwrap_or(&self.analysis.columns)
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
        self.progress.reset();
        let with_values;
        let analysis = if values.is_empty() {
            &self.analysis
        } else {
            with_values = self.with_values(values)?;
            &with_values
        };
        let prepared = self.plan(analysis, cancel)?;
        let (source, left) = if self.explained.is_some() {
            let steps = self.unread.iter().cloned().chain(prepared.steps());
            let steps: Vec<Step> = steps.collect();
            let listed = RowSource::Listed {
                rows: plan_rows(&steps).into_iter(),
                row: None,
            };
            (listed, None)
        } else {
            let left = self.bounded(analysis).map(|(_, most)| most);
            (RowSource::Query(Box::new(prepared)), left)
        };
        Ok(Rows {
            _statement: PhantomData,
            width: self.columns().len(),
            source,
            left,
            warnings: Vec::new(),
        })
    }

    /// The statement with the bound of the property `MaxRows`, and that; `None` if none holds for it.
    fn bounded(&self, analysis: &Analysis) -> Option<(String, u64)> {
        let most = self.session.settings().max_rows?;
        let is_system = |name: &String| {
            let shape = self.catalog.table(name);
            shape.is_some_and(|shape| matches!(shape.source, TableSource::System))
        };
        if analysis.tables.iter().all(is_system) {
            return None;
        }
        Some((rewrite::bounded(&analysis.sql, most)?, most))
    }

    /// The statement with these values in place of its parameters: so planned, a value that the
    /// service can compare is passed to it.
    fn with_values(&self, values: &[Value]) -> Result<Analysis> {
        let literals: Vec<String> = values.iter().map(Value::literal).collect();
        // What is wrong now is a value, whose place in the text says nothing.
        let wrong = |failure| match failure {
            Failure::Wrong(problem) => position::error(problem.sqlstate, problem.message),
            Failure::NeedsCustomFields { table } => incomplete(&table),
        };
        let sql = typing::with_literals(&self.sql, &literals).map_err(wrong)?;
        typing::analyze(&sql, &self.catalog).map_err(wrong)
    }

    fn plan(&self, analysis: &Analysis, cancel: &CancellationToken) -> Result<Prepared> {
        let tables: Vec<Arc<TableShape>> = analysis
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
            names: Arc::new(Names::new(Arc::clone(&self.catalog))),
        };
        let (catalog, facts) = (Arc::clone(&self.catalog), Arc::clone(&self.facts));
        let runtime = Runtime::new(
            Arc::clone(&self.catalog),
            fetcher,
            Arc::new(move |table| system::rows(table, &catalog, &facts)),
        );
        let bounded = self.bounded(analysis).map(|(sql, _)| sql);
        let sql = bounded.as_deref().unwrap_or(&analysis.sql);
        let sql = rewrite::rewrite(sql, &self.catalog);
        Prepared::new(runtime, &tables, &sql, &self.written)
    }
}

impl Rows<'_> {
    /// Moves to the next row, before the first one at the beginning; `false` after the last.
    ///
    /// # Errors
    /// What the service says; 22018 a value that does not fit its column's type; HY008 cancelled.
    /// After an error there are no more rows.
    pub fn advance(&mut self) -> Result<bool> {
        if self.left == Some(0) {
            self.finish();
        }
        let moved = match &mut self.source {
            RowSource::Query(prepared) => prepared.advance(),
            RowSource::Listed { rows, row } => {
                *row = rows.next();
                Ok(row.is_some())
            }
            RowSource::Done => Ok(false),
        };
        if matches!(moved, Ok(true)) {
            self.left = self.left.map(|left| left.saturating_sub(1));
        } else {
            self.finish();
        }
        moved
    }

    /// The value of a column, counted from 0, in the row moved to. NULL where there is no such
    /// column or row.
    #[must_use]
    pub fn value(&self, column: usize) -> ValueRef<'_> {
        match &self.source {
            RowSource::Query(prepared) => prepared.value(column),
            RowSource::Listed { row: Some(row), .. } => {
                row.get(column).map_or(ValueRef::Null, ValueRef::from)
            }
            RowSource::Listed { row: None, .. } | RowSource::Done => ValueRef::Null,
        }
    }

    /// Moves to the next row and takes its values; `None` after the last.
    ///
    /// # Errors
    /// As [`Rows::advance`].
    pub fn next_row(&mut self) -> Result<Option<Vec<Value>>> {
        if !self.advance()? {
            return Ok(None);
        }
        let values = (0..self.width).map(|column| self.value(column).into());
        Ok(Some(values.collect()))
    }

    /// Keeps the warnings of a query that is over, and nothing else of it.
    fn finish(&mut self) {
        if let RowSource::Query(prepared) = &self.source {
            self.warnings.extend(prepared.take_warnings());
        }
        self.source = RowSource::Done;
    }

    /// Warnings since they were last taken.
    pub fn take_warnings(&mut self) -> Vec<Diagnostic> {
        let mut warnings = std::mem::take(&mut self.warnings);
        if let RowSource::Query(prepared) = &self.source {
            warnings.extend(prepared.take_warnings());
        }
        warnings
    }
}

/// What a message about EXPLAIN ends with, if it may be for want of the fields that the account has
/// added.
pub const UNREAD: &str = " It may be a field that the account has added: EXPLAIN makes no request, and no \
                      statement of the connection has read those yet.";

/// The columns of a plan.
fn plan_columns() -> Vec<ResultColumn> {
    let column = |name: &str, sql_type, nullable| ResultColumn {
        name: name.to_owned(),
        sql_type,
        nullable,
        origin: None,
    };
    vec![
        column("step", SqlType::Integer, false),
        column("table", SqlType::TEXT, false),
        column("request", SqlType::TEXT, true),
        column("calls", SqlType::Bigint, true),
        column("reason", SqlType::TEXT, false),
    ]
}

fn plan_rows(steps: &[Step]) -> Vec<Vec<Value>> {
    let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    let number = |number: u64| i64::try_from(number).map_or(Value::Null, Value::Integer);
    steps
        .iter()
        .zip(1..)
        .map(|(step, at)| {
            vec![
                Value::Integer(at),
                Value::Text(step.table.clone()),
                text(&step.request),
                step.calls.map_or(Value::Null, number),
                Value::Text(step.reason.clone()),
            ]
        })
        .collect()
}

fn incomplete(table: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!("The fields that the account has added to \"{table}\" stayed unknown."),
    )
}
