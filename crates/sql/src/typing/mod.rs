//! The types of every result column and parameter of a statement, before it runs; and the statement
//! rewritten so that money, dates and truth values compare and compute as their types say.
//!
//! # Types of expressions
//!
//! - `+ - *` of whole numbers is BIGINT, `/` and `%` of INTEGER by INTEGER are INTEGER; a division
//!   can be NULL. DOUBLE makes DOUBLE.
//! - With a DECIMAL: `+` and `-` have the larger scale; `*` has the sum of the scales, but at most 6
//!   or the larger of the two; `/` and AVG have 6 places, or the larger scale. SUM keeps the scale.
//!   Each step is rounded to its scale by `apilink_decimal`; ROUND of a product or a quotient rounds
//!   once. The values are doubles inside: a product or a quotient
//!   is exact as long as it has at most 15 digits, places behind the point included.
//! - DATE ± a number is the DATE so many days on; TIMESTAMP likewise, where a fraction counts. DATE −
//!   DATE is an INTEGER of days; with a TIMESTAMP on a side it is a DOUBLE of days. No other
//!   arithmetic of dates has a meaning; it is an error.
//! - Where several expressions make one (CASE, COALESCE, UNION, …): NULL and parameters take the
//!   type of the others; a text literal does, where it is a value of that type; DATE and TIMESTAMP
//!   are TIMESTAMP; what has nothing in common is VARCHAR.
//!
//! # Comparisons
//!
//! A text or a parameter beside a DATE, a TIME or a TIMESTAMP is read as one; a text that is none is
//! an error (22007). A DATE beside a TIMESTAMP means its midnight, as in SQL Server: `created_at =
//! '2026-06-30'` is true for midnight only, and `BETWEEN … AND '2026-06-30'` ends at its beginning.
//! A bare column is changed only where the other side cannot be. Which texts compare without regard
//! to case is said in `collation`.

mod arithmetic;
mod call;
mod cast;
mod collation;
mod common_tables;
mod compare;
mod expression;
mod failure;
mod from;
mod literals;
mod order;
mod parameters;
mod query;
mod scope;
mod select;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod typed;

use apilink_core::SqlState;
use sqlite3_parser::ast::{Cmd, Select, Stmt};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator as _};

use crate::catalog::Catalog;
use crate::database::{Parameter, ResultColumn};

use failure::Outcome;
pub use failure::{Failure, Problem};
use order::Order;
use parameters::Parameters;
use scope::{Column, Ctes, Scope};
use source::Source;
pub use source::Written;

/// What is known of a statement before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The statement for `SQLite`. Where it was rewritten, its parameters are numbered (`?1`), in the
    /// order of `parameters`; otherwise it is the text as it was.
    pub sql: String,
    /// The columns of the result.
    pub columns: Vec<ResultColumn>,
    /// The parameters, by the number that `SQLite` gives them.
    pub parameters: Vec<Parameter>,
    /// The tables that it reads, as the catalogue names them, each once.
    pub tables: Vec<String>,
}

/// Finds the types of a statement and rewrites it. Makes no request.
///
/// # Errors
/// [`Failure::NeedsCustomFields`] where a table's columns are not all known and the statement may use
/// those that are not; otherwise [`Failure::Wrong`] with 42000 wrong SQL, 42S02 an unknown table,
/// 42S22 an unknown column, 22007 a text that is no date, 22018 one that is no number, HYC00 a statement
/// that is not SELECT.
pub fn analyze(sql: &str, catalog: &Catalog) -> Result<Analysis, Failure> {
    analyze_source(&Source::new(sql)?, catalog)
}

/// The same for a statement that was made of another text: a column without a name of its own has
/// the text of its expression there for a name.
///
/// # Errors
/// As [`analyze`]. Places are those in `sql`.
pub fn analyze_translated(
    sql: &str,
    written: Written<'_>,
    catalog: &Catalog,
) -> Result<Analysis, Failure> {
    analyze_source(&Source::new(sql)?.with_names_of(written), catalog)
}

fn analyze_source(source: &Source, catalog: &Catalog) -> Result<Analysis, Failure> {
    let numbered = source.numbered()?;
    let arena = Bump::new();
    let mut parser = Parser::new(&arena, numbered.sql.as_bytes());
    let command = match parser.next() {
        Ok(command) => command,
        Err(error) => return Err(syntax::wrong(source, &numbered.sql, &error)),
    };
    if let Some(place) = source.second_statement() {
        return Err(
            Problem::syntax("Only one statement can be prepared at a time.")
                .at(place)
                .into(),
        );
    }
    let select = the_select(command.as_ref())?;
    let analyzer = Analyzer {
        catalog,
        source,
        order: Order::of(select)?,
        parameters: Parameters::new(numbered.names),
        tables: Vec::new(),
        named: 0,
        rewritten: false,
    };
    analyzer.analysis(select)
}

/// A statement with a literal in place of each of its parameters, in the order of
/// [`Analysis::parameters`].
///
/// # Errors
/// [`Failure::Wrong`] with 42000, as [`analyze`].
pub fn with_literals(sql: &str, literals: &[String]) -> Result<String, Failure> {
    Source::new(sql)?.with_literals(literals)
}

/// The state of one analysis.
struct Analyzer<'a> {
    catalog: &'a Catalog,
    source: &'a Source<'a>,
    order: Order,
    parameters: Parameters,
    tables: Vec<String>,
    /// The subqueries that were given a name.
    named: usize,
    rewritten: bool,
}

impl Analyzer<'_> {
    fn analysis(mut self, select: &Select) -> Outcome<Analysis> {
        let ctes = Ctes {
            known: Vec::new(),
            parent: None,
        };
        let query = self.select(select, None, &ctes)?;
        let columns = query.columns.iter().map(result_column).collect();
        let sql = if self.rewritten {
            query.into_text()
        } else {
            self.source.sql.to_owned()
        };
        Ok(Analysis {
            sql,
            columns,
            parameters: self.parameters.into_vec(),
            tables: self.tables,
        })
    }

    fn use_table(&mut self, name: &str) {
        if !self.tables.iter().any(|table| table == name) {
            self.tables.push(name.to_owned());
        }
    }

    /// A name for a subquery that has none.
    fn new_qualifier(&mut self) -> String {
        self.named += 1;
        format!("apilink_{}", self.named)
    }

    /// 42S22, with the nearest names; or the request for the custom fields that may hold the column.
    fn unknown_column(&self, name: &str, place: &str, scope: &Scope) -> Failure {
        let incomplete = scope
            .outward()
            .flat_map(|scope| &scope.relations)
            .find_map(|relation| relation.incomplete());
        if let Some(table) = incomplete {
            return Failure::NeedsCustomFields {
                table: table.name.clone(),
            };
        }
        let mut problem = Problem::new(
            SqlState::NO_SUCH_COLUMN,
            format!(
                "There is no column {name} in {place}.{}",
                suggestion(&scope.nearest_columns(name))
            ),
        );
        problem.place = self.source.find_column(name);
        problem.into()
    }

    /// 42S02 for `name.column` where FROM has no such table.
    fn unknown_qualifier(&self, name: &str, column: &str, scope: &Scope) -> Failure {
        let relations = || scope.outward().flat_map(|scope| &scope.relations);
        let flat = format!("{name}_{column}");
        let renamed = relations().find(|relation| relation.is_alias_of(name));
        let nearest = if let Some(renamed) = renamed {
            vec![format!("{}.{column}", renamed.name)]
        } else if relations().any(|relation| relation.position(&flat).is_some()) {
            // The field of an object is a column of the record that holds it.
            vec![flat]
        } else {
            scope::nearest(name, relations().map(|relation| relation.name.as_str()))
        };
        let mut problem = Problem::new(
            SqlState::NO_SUCH_TABLE,
            format!(
                "FROM has no table {name}, which {name}.{column} asks for.{}",
                suggestion(&nearest)
            ),
        );
        problem.place = self.source.find(&[name, ".", column]);
        problem.into()
    }
}

fn result_column(column: &Column) -> ResultColumn {
    ResultColumn {
        name: column.name.clone(),
        sql_type: column.sql_type.unwrap_or(crate::types::SqlType::TEXT),
        nullable: column.nullable,
        origin: column.origin.clone(),
    }
}

/// ` Did you mean a, b or c?`, or nothing.
fn suggestion(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!(" Did you mean {one}?"),
        [first @ .., last] => format!(" Did you mean {} or {last}?", first.join(", ")),
    }
}

fn the_select<'c, 'b>(command: Option<&'c Cmd<'b>>) -> Outcome<&'c Select<'b>> {
    match command {
        Some(Cmd::Stmt(Stmt::Select(select))) => Ok(select),
        None => Err(Problem::syntax("The statement is empty.").into()),
        Some(Cmd::Explain(_) | Cmd::ExplainQueryPlan(_)) => Err(Problem::new(
            SqlState::NOT_IMPLEMENTED,
            "EXPLAIN has no columns of its own to analyse.",
        )
        .into()),
        Some(Cmd::Stmt(_)) => Err(Problem::new(
            SqlState::NOT_IMPLEMENTED,
            "Only SELECT, VALUES and WITH … SELECT can be run.",
        )
        .into()),
    }
}
