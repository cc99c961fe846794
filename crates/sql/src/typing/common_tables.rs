//! Common table expressions: their order, the names of their columns, and recursion.

use std::rc::Rc;

use sqlite3_parser::ast::{
    CommonTableExpr, FromClause, IndexedColumn, Materialized, OneSelect, Select, SelectTable, With,
};

use super::Analyzer;
use super::failure::{Failure, Outcome, Problem};
use super::query::Query;
use super::scope::{Column, Ctes, Scope};
use super::select::distinct_names;
use super::source::unquoted;
use crate::types::{SUM_PRECISION, SqlType};

impl Analyzer<'_> {
    pub(super) fn with(
        &mut self,
        with: &With,
        parent: Option<&Scope>,
        ctes: &mut Ctes,
    ) -> Outcome<String> {
        let mut texts: Vec<Option<String>> = vec![None; with.ctes.len()];
        let mut postponed = None;
        // A common table expression may read one that stands behind it.
        for _ in 0..with.ctes.len() {
            postponed = None;
            for (cte, text) in with.ctes.iter().zip(&mut texts) {
                if text.is_none() {
                    match self.common_table(cte, parent, ctes) {
                        Ok(done) => *text = Some(done),
                        Err(failure) if is_unknown_table(&failure) => {
                            postponed = postponed.or(Some(failure));
                        }
                        Err(failure) => return Err(failure),
                    }
                }
            }
            if postponed.is_none() {
                break;
            }
        }
        if let Some(failure) = postponed {
            return Err(failure);
        }
        let texts: Vec<String> = texts.into_iter().flatten().collect();
        let recursive = if with.recursive { "RECURSIVE " } else { "" };
        Ok(format!("WITH {recursive}{} ", texts.join(", ")))
    }

    fn common_table(
        &mut self,
        cte: &CommonTableExpr,
        parent: Option<&Scope>,
        ctes: &mut Ctes,
    ) -> Outcome<String> {
        let name = unquoted(cte.tbl_name.0);
        let (query, columns) = if is_recursive(cte.select, &name) {
            self.recursive(cte, &name, parent, ctes)?
        } else {
            let query = self.select(cte.select, parent, ctes)?;
            let columns = self.name_columns(cte, &query.columns)?;
            (query, columns)
        };
        ctes.known.push((name, columns.into()));
        Ok(format!(
            "{}{} AS {}({})",
            cte.tbl_name.0,
            column_list(cte),
            match cte.materialized {
                Materialized::Any => "",
                Materialized::Yes => "MATERIALIZED ",
                Materialized::No => "NOT MATERIALIZED ",
            },
            query.into_text()
        ))
    }

    /// Finds the types of a recursive query: those of its first arm, widened until the rows that
    /// come from them fit.
    fn recursive(
        &mut self,
        cte: &CommonTableExpr,
        name: &str,
        parent: Option<&Scope>,
        ctes: &Ctes,
    ) -> Outcome<(Query, Vec<Column>)> {
        const ENOUGH: usize = 6;
        let (first, _) = self.arm(&cte.select.body.select, "", parent, ctes)?;
        let mut columns = self.name_columns(cte, &first.body.columns())?;
        for round in 0..ENOUGH {
            let own = Ctes {
                known: vec![(name.to_owned(), Rc::from(columns.as_slice()))],
                parent: Some(ctes),
            };
            let query = self.select(cte.select, parent, &own)?;
            let mut found = self.name_columns(cte, &query.columns)?;
            if round > 0 {
                found = widened(found);
            }
            if round > 1 {
                found = without_growing_scales(found, &columns);
            }
            if found == columns {
                return Ok((query, columns));
            }
            columns = found;
        }
        Err(Problem::syntax(format!("The types of {name} cannot be found.")).into())
    }

    /// The columns of a common table expression by the names that its head gives them.
    fn name_columns(&self, cte: &CommonTableExpr, columns: &[Column]) -> Outcome<Vec<Column>> {
        let Some(names) = cte.columns else {
            return Ok(distinct_names(columns));
        };
        if names.len() != columns.len() {
            let mut problem = Problem::syntax(format!(
                "{} names {} columns, but its query has {}.",
                cte.tbl_name.0,
                names.len(),
                columns.len()
            ));
            problem.place = self.source.find_only(&format!("{} (", cte.tbl_name.0));
            return Err(problem.into());
        }
        let rename = |(column, name): (&Column, &IndexedColumn)| Column {
            name: unquoted(name.col_name.0),
            ..column.clone()
        };
        Ok(columns.iter().zip(names).map(rename).collect())
    }
}

/// Precision and size at their limits, where each round would add to them.
fn widened(columns: Vec<Column>) -> Vec<Column> {
    let widen = |mut column: Column| {
        column.sql_type = column.sql_type.map(|sql_type| match sql_type {
            SqlType::Decimal { scale, .. } => SqlType::Decimal {
                precision: SUM_PRECISION,
                scale,
            },
            SqlType::Varchar { .. } => SqlType::TEXT,
            other => other,
        });
        column
    };
    columns.into_iter().map(widen).collect()
}

/// A DECIMAL that gets places with each round, as by a factor of 1.5, has no scale that would do: it
/// is a DOUBLE.
fn without_growing_scales(columns: Vec<Column>, before: &[Column]) -> Vec<Column> {
    let scale = |column: &Column| match column.sql_type {
        Some(SqlType::Decimal { scale, .. }) => Some(scale),
        _ => None,
    };
    let bounded = |(mut column, before): (Column, &Column)| {
        if scale(&column)
            .zip(scale(before))
            .is_some_and(|(now, then)| now > then)
        {
            column.sql_type = Some(SqlType::Double);
        }
        column
    };
    columns.into_iter().zip(before).map(bounded).collect()
}

fn is_unknown_table(failure: &Failure) -> bool {
    matches!(failure, Failure::Wrong(problem) if problem.sqlstate == apilink_core::SqlState::NO_SUCH_TABLE)
}

/// Whether an arm of a SELECT reads the table with a name.
fn is_recursive(select: &Select, name: &str) -> bool {
    select
        .body
        .compounds
        .iter()
        .flatten()
        .any(|arm| match &arm.select {
            OneSelect::Select {
                from: Some(from), ..
            } => reads(from, name),
            _ => false,
        })
}

fn reads(from: &FromClause, name: &str) -> bool {
    let joined = from.joins.iter().flatten().map(|join| &join.table);
    from.select
        .into_iter()
        .chain(joined)
        .any(|table| match table {
            SelectTable::Table(table, ..) => unquoted(table.name.0).eq_ignore_ascii_case(name),
            SelectTable::Sub(from, _) => reads(from, name),
            SelectTable::Select(select, _) => {
                is_recursive(select, name) || reads_first(select, name)
            }
            SelectTable::TableCall(..) => false,
        })
}

fn reads_first(select: &Select, name: &str) -> bool {
    match &select.body.select {
        OneSelect::Select {
            from: Some(from), ..
        } => reads(from, name),
        _ => false,
    }
}

fn column_list(cte: &CommonTableExpr) -> String {
    let Some(columns) = cte.columns else {
        return String::new();
    };
    let names: Vec<&str> = columns.iter().map(|column| column.col_name.0).collect();
    format!("({})", names.join(", "))
}
