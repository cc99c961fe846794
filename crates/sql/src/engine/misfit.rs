//! Values that do not fit their columns, and records without their keys.

use apilink_core::{Diagnostic, Result, SqlState};

use super::fetch::{Job, Misfits};
use super::layout::Layout;
use super::page::{Misfit, Page};
use super::reply;
use super::row::Row;
use crate::catalog::TableShape;
use crate::value::ValueRef;

impl Job {
    /// Refuses values that do not fit their columns, or warns of them.
    pub(super) fn judge(&self, page: &Page, warnings: &mut Vec<Diagnostic>) -> Result<()> {
        let mut problems = Vec::new();
        self.tell_misfits(
            &page.misfits,
            &page.rows,
            &self.shape,
            &self.layout,
            &mut problems,
        );
        for (extra, read) in self.layout.extras.iter().zip(&page.extras) {
            let (shape, layout) = (&extra.shape, &extra.layout);
            self.tell_misfits(&read.misfits, &read.rows, shape, layout, &mut problems);
        }
        self.check_keys(page)?;
        for problem in problems {
            if self.fetcher.misfits == Misfits::Refused {
                return Err(problem);
            }
            warnings.push(Diagnostic::new(SqlState::GENERAL_WARNING, problem.message));
        }
        Ok(())
    }

    /// Refuses a record without its key: what cannot be told apart cannot be read reliably.
    fn check_keys(&self, page: &Page) -> Result<()> {
        if page.lacks_parent {
            return Err(reply::wrong(
                &self.shape.name,
                "has a record without the key that its rows are found by",
            ));
        }
        if self.layout.array.is_some() {
            return Ok(());
        }
        for &key in &self.shape.key {
            let Some(slot) = self.layout.slot(key) else {
                continue;
            };
            if page
                .rows
                .iter()
                .any(|row| row.get(slot) == Some(ValueRef::Null))
            {
                let name = self
                    .shape
                    .columns
                    .get(key)
                    .map_or("?", |column| &column.name);
                return Err(Diagnostic::new(
                    SqlState::INVALID_CAST,
                    format!(
                        "Table {}: the service sent a record without its key {name}.",
                        self.shape.name
                    ),
                ));
            }
        }
        Ok(())
    }

    fn tell_misfits(
        &self,
        misfits: &[Misfit],
        rows: &[Row],
        shape: &TableShape,
        layout: &Layout,
        problems: &mut Vec<Diagnostic>,
    ) {
        problems.extend(misfits.iter().filter_map(|misfit| {
            let row = rows.get(misfit.row)?;
            Some(self.misfit(shape, layout, row, misfit.slot, misfit.what))
        }));
    }

    fn misfit(
        &self,
        shape: &TableShape,
        layout: &Layout,
        row: &Row,
        slot: usize,
        what: &str,
    ) -> Diagnostic {
        let column = layout
            .columns
            .get(slot)
            .and_then(|&at| shape.columns.get(at));
        let (name, kind) = column.map_or(("?", "?"), |column| {
            (column.name.as_str(), column.sql_type.name())
        });
        let key: Vec<String> = shape
            .key
            .iter()
            .filter_map(|&key| {
                let value = row.get(layout.slot(key)?)?;
                let name = &shape.columns.get(key)?.name;
                match value {
                    ValueRef::Integer(number) => Some(format!("{name} {number}")),
                    ValueRef::Text(text) => Some(format!("{name} {text}")),
                    _ => None,
                }
            })
            .collect();
        let key = if key.is_empty() {
            String::new()
        } else {
            format!(", row with {}", key.join(", "))
        };
        let advice = match self.fetcher.misfits {
            Misfits::Refused => "Set InvalidValues=NULL to read such values as NULL.",
            Misfits::Null => "It is read as NULL.",
        };
        Diagnostic::new(
            SqlState::INVALID_CAST,
            format!(
                "Table {}{key}, column {name} ({kind}): the service sent {what}. {advice}",
                shape.name
            ),
        )
    }
}
