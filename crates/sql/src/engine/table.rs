//! The virtual table: `SQLite`'s calls, passed on to plans and cursors.
//!
//! A panic must not reach `SQLite`, which would end the process: each call has its own boundary.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use apilink_core::{Diagnostic, Result};
use fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::types::ValueRef;
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexFlags, IndexInfo, Module, VTab, VTabConnection,
    VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error};

use super::plan::{Constraint, Operator, Ordering};
use super::planner;
use super::request::Given;
use super::runtime::{Runtime, internal, lock};
use super::scan::Cursor;
use super::store::affinity;
use crate::catalog::TableShape;
use crate::value::Value;

/// Makes a table known to a connection.
pub(crate) fn register(
    connection: &Connection,
    runtime: &Arc<Runtime>,
    shape: &Arc<TableShape>,
) -> rusqlite::Result<()> {
    const MODULE: &Module<'static, ServiceTable> = &Module::eponymous_only_module();
    let aux = (Arc::clone(runtime), Arc::clone(shape));
    connection.create_module(shape.name.as_str(), MODULE, Some(aux))
}

/// A table of the service.
#[repr(C)]
pub(crate) struct ServiceTable {
    /// What `SQLite` knows of it. Must be first.
    base: sqlite3_vtab,
    runtime: Arc<Runtime>,
    shape: Arc<TableShape>,
}

/// A scan of one.
#[repr(C)]
pub(crate) struct ServiceCursor {
    /// What `SQLite` knows of it. Must be first.
    base: sqlite3_vtab_cursor,
    runtime: Arc<Runtime>,
    cursor: Arc<Mutex<Cursor>>,
}

// SAFETY: the struct is `repr(C)` and begins with a `sqlite3_vtab`, as the trait demands.
unsafe impl VTab<'_> for ServiceTable {
    type Aux = (Arc<Runtime>, Arc<TableShape>);
    type Cursor = ServiceCursor;

    fn connect(
        _: &mut VTabConnection,
        aux: Option<&Self::Aux>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> rusqlite::Result<(Cow<'static, CStr>, Self)> {
        let (runtime, shape) = aux.ok_or_else(|| Error::ModuleError("no table".into()))?;
        let declaration = CString::new(declaration(shape))
            .map_err(|_| Error::ModuleError("a name with a NUL".into()))?;
        let table = Self {
            base: sqlite3_vtab::default(),
            runtime: Arc::clone(runtime),
            shape: Arc::clone(shape),
        };
        Ok((Cow::Owned(declaration), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> rusqlite::Result<bool> {
        guard(&self.runtime, || {
            let constraints = constraints(info, &self.shape, self.runtime.only_set.as_deref())
                .map_err(unreadable)?;
            let ordering: Vec<Ordering> = info
                .order_bys()
                .filter_map(|order| {
                    Some((
                        usize::try_from(order.column()).ok()?,
                        order.is_order_by_desc(),
                    ))
                })
                .collect();
            let is_whole = ordering.len() == info.num_of_order_by();
            let ordering = if is_whole { &ordering[..] } else { &[] };
            let paging = &self.runtime.fetcher.session.settings().profile.paging;
            let Some(choice) =
                planner::choose(&self.shape, &constraints, ordering, paging.offset_end)
            else {
                return Ok(false);
            };
            for (at, usage) in choice.usages.iter().enumerate() {
                let Some(argument) = usage.argument else {
                    continue;
                };
                if constraints
                    .get(at)
                    .is_some_and(|constraint| constraint.is_set)
                {
                    info.set_in_constraint(at, true).map_err(unreadable)?;
                }
                let mut place = info.constraint_usage(at);
                place.set_argv_index(c_int::try_from(argument + 1).unwrap_or(0));
                place.set_omit(usage.omit);
            }
            info.set_order_by_consumed(choice.order_consumed);
            info.set_estimated_cost(choice.cost);
            #[allow(clippy::cast_possible_truncation, reason = "an estimate")]
            info.set_estimated_rows(choice.rows as i64);
            if choice.is_unique {
                info.set_idx_flags(IndexFlags::SQLITE_INDEX_SCAN_UNIQUE);
            }
            let number = self.runtime.number(choice.plan);
            info.set_idx_num(c_int::try_from(number).unwrap_or(c_int::MAX));
            info.set_idx_str(&number.to_string());
            Ok(true)
        })
    }

    fn open(&mut self) -> rusqlite::Result<ServiceCursor> {
        let cursor = Cursor::new(Arc::clone(&self.runtime), Arc::clone(&self.shape));
        Ok(ServiceCursor {
            base: sqlite3_vtab_cursor::default(),
            runtime: Arc::clone(&self.runtime),
            cursor: Arc::new(Mutex::new(cursor)),
        })
    }
}

// SAFETY: the struct is `repr(C)` and begins with a `sqlite3_vtab_cursor`, as the trait demands.
unsafe impl VTabCursor for ServiceCursor {
    fn filter(
        &mut self,
        number: c_int,
        _: Option<&str>,
        arguments: &Filters<'_>,
    ) -> rusqlite::Result<()> {
        guard(&self.runtime, || {
            let number = usize::try_from(number).map_err(|_| internal("a negative plan"))?;
            let plan = self
                .runtime
                .plan(number)
                .ok_or_else(|| internal("a scan without a plan"))?;
            let given = plan
                .arguments
                .iter()
                .enumerate()
                .map(|(at, argument)| given(arguments, at, argument.is_set))
                .collect::<rusqlite::Result<Vec<Given>>>()
                .map_err(unreadable)?;
            self.runtime.register(number, &self.cursor);
            lock(&self.cursor).begin(number, &given)
        })
    }

    fn next(&mut self) -> rusqlite::Result<()> {
        guard(&self.runtime, || lock(&self.cursor).advance())
    }

    fn eof(&self) -> bool {
        lock(&self.cursor).is_at_end()
    }

    fn column(&self, context: &mut Context, column: c_int) -> rusqlite::Result<()> {
        guard(&self.runtime, || {
            let column = usize::try_from(column).map_err(|_| internal("a negative column"))?;
            let cursor = lock(&self.cursor);
            context
                .set_result(cursor.value(column)?)
                .map_err(unreadable)
        })
    }

    fn rowid(&self) -> rusqlite::Result<i64> {
        Ok(lock(&self.cursor).row_id())
    }
}

/// Runs a call; a panic in it is an error.
pub(crate) fn contained<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(internal("a panic")))
}

/// Runs a call; an error or a panic in it ends the statement.
fn guard<T>(runtime: &Runtime, call: impl FnOnce() -> Result<T>) -> rusqlite::Result<T> {
    contained(call).map_err(|problem| {
        let message = problem.message.clone();
        runtime.fail(problem);
        Error::ModuleError(message)
    })
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn unreadable(error: Error) -> Diagnostic {
    internal(&format!("a value that it cannot read ({error})"))
}

/// The table as `SQLite` is told of it.
fn declaration(shape: &TableShape) -> String {
    let columns: Vec<String> = shape
        .columns
        .iter()
        .map(|column| {
            // HIDDEN is a word of the type to `SQLite`.
            let hidden = if column.hidden { " HIDDEN" } else { "" };
            let collation = if column.ignore_case {
                " COLLATE NOCASE"
            } else {
                ""
            };
            // Known to have no NULL, the least of a column is found at its end.
            let nullability = if column.nullable { "" } else { " NOT NULL" };
            format!(
                "\"{}\" {}{hidden}{nullability}{collation}",
                column.name.replace('"', "\"\""),
                affinity(column.sql_type),
            )
        })
        .collect();
    format!("CREATE TABLE x({})", columns.join(","))
}

fn constraints(
    info: &IndexInfo,
    shape: &TableShape,
    only_set: Option<&[Value]>,
) -> rusqlite::Result<Vec<Constraint>> {
    let raw: Vec<(c_int, IndexConstraintOp, bool)> = info
        .constraints()
        .map(|constraint| {
            (
                constraint.column(),
                constraint.operator(),
                constraint.is_usable(),
            )
        })
        .collect();
    raw.into_iter()
        .enumerate()
        .map(|(at, (column, code, is_usable))| {
            let value = info.rhs_value(at)?.map(Value::from);
            let operator = operator(&code, value.as_ref());
            let column = usize::try_from(column).ok();
            let counts = matches!(operator, Operator::Limit | Operator::Offset);
            let own = column.and_then(|column| shape.columns.get(column));
            let collation = if own.is_some_and(|column| column.ignore_case) {
                "NOCASE"
            } else {
                "BINARY"
            };
            let is_set = operator == Operator::Equal && info.is_in_constraint(at)?;
            Ok(Constraint {
                column: if counts { None } else { column },
                operator,
                is_usable,
                is_set,
                set: only_set.filter(|_| is_set).map(<[Value]>::to_vec),
                value,
                has_own_collation: counts || info.collation(at)?.eq_ignore_ascii_case(collation),
            })
        })
        .collect()
}

fn operator(code: &IndexConstraintOp, value: Option<&Value>) -> Operator {
    use IndexConstraintOp as Op;
    match code {
        Op::SQLITE_INDEX_CONSTRAINT_EQ => Operator::Equal,
        Op::SQLITE_INDEX_CONSTRAINT_GT => Operator::Greater,
        Op::SQLITE_INDEX_CONSTRAINT_LE => Operator::LessOrEqual,
        Op::SQLITE_INDEX_CONSTRAINT_LT => Operator::Less,
        Op::SQLITE_INDEX_CONSTRAINT_GE => Operator::GreaterOrEqual,
        Op::SQLITE_INDEX_CONSTRAINT_NE => Operator::NotEqual,
        Op::SQLITE_INDEX_CONSTRAINT_ISNULL => Operator::IsNull,
        Op::SQLITE_INDEX_CONSTRAINT_ISNOTNULL => Operator::IsNotNull,
        Op::SQLITE_INDEX_CONSTRAINT_LIMIT => Operator::Limit,
        Op::SQLITE_INDEX_CONSTRAINT_OFFSET => Operator::Offset,
        Op::SQLITE_INDEX_CONSTRAINT_ISNOT if value == Some(&Value::Null) => Operator::IsNotNull,
        _ => Operator::Other,
    }
}

fn given(arguments: &Filters<'_>, at: usize, is_set: bool) -> rusqlite::Result<Given> {
    if !is_set {
        let value: rusqlite::types::Value = arguments.get(at)?;
        return Ok(Given::One(ValueRef::from(&value).into()));
    }
    let mut values = Vec::new();
    let mut list = arguments.in_values(at)?;
    while let Some(value) = list.next()? {
        values.push(Value::from(ValueRef::from(value)));
    }
    Ok(Given::Many(values))
}
