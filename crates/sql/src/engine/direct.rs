//! Statements that do nothing with the rows of their only scan but hand them out: once `SQLite` has
//! come to the first row, the others are taken from the scan itself.
//!
//! `SQLite` takes and gives every value on its own, which is a quarter of what a row costs.

use std::sync::{Arc, Mutex};

use apilink_core::Result;

use super::bytecode::{Instruction, last_write};
use super::fetch::cancelled;
use super::row::Row;
use super::runtime::{Runtime, internal, lock};
use super::scan::Cursor;
use super::table;
use crate::value::ValueRef;

/// A statement that hands out the rows of a scan as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// The scan's plan.
    plan: usize,
    /// The column of the table that each column of the result shows.
    columns: Vec<usize>,
    /// The rows after which it ends.
    limit: Option<u64>,
}

impl Plain {
    /// What a program does, if that is all that it does from the first row on:
    ///
    /// ```text
    /// VFilter       the only one
    /// VColumn …     into the registers of the result, in order
    /// ResultRow
    /// DecrJumpZero  to Halt, where there is a LIMIT
    /// VNext         to the first VColumn
    /// Halt
    /// ```
    pub(crate) fn of(program: &[Instruction]) -> Option<Self> {
        let is_filter = |one: &Instruction| one.opcode == "VFilter";
        let begin = program.iter().position(is_filter)?;
        let filter = program.get(begin)?;
        let body = program.get(begin + 1..)?;
        let reads = |one: &&Instruction| one.opcode == "VColumn" && one.p1 == filter.p1;
        let reading: Vec<&Instruction> = body.iter().take_while(reads).collect();
        let mut rest = (begin + 1..).zip(body).skip(reading.len()).peekable();

        let (_, handing) = rest.next().filter(|(_, one)| one.opcode == "ResultRow")?;
        let registers = reading.iter().map(|one| one.p3);
        let is_handed = registers.eq(handing.p1..handing.p1 + handing.p2);
        let counting = rest.next_if(|(_, one)| one.opcode == "DecrJumpZero");
        let (_, next) = rest.next().filter(|(_, one)| one.opcode == "VNext")?;
        let (end, _) = rest.next().filter(|(_, one)| one.opcode == "Halt")?;

        let leads_to = |one: &Instruction, address| usize::try_from(one.p2) == Ok(address);
        let is_loop = next.p1 == filter.p1 && leads_to(next, begin + 1);
        let ends = counting.is_none_or(|(_, count)| leads_to(count, end));
        let is_only = !program.iter().skip(begin + 1).any(is_filter);
        if !(is_handed && is_loop && ends && is_only) {
            return None;
        }
        Some(Self {
            plan: filter.p4.trim().parse().ok()?,
            columns: reading
                .iter()
                .map(|one| usize::try_from(one.p2).ok())
                .collect::<Option<_>>()?,
            limit: match counting {
                Some((_, count)) => constant_limit(program, begin, count.p1)?,
                None => None,
            },
        })
    }
}

/// The LIMIT that a register holds when the scan begins; none below zero. `None` where it is not
/// written as a number.
fn constant_limit(program: &[Instruction], begin: usize, register: i64) -> Option<Option<u64>> {
    let is_computed = |one: &Instruction| one.opcode == "MustBeInt" && one.p1 == register;
    if program.iter().any(is_computed) {
        return None;
    }
    let limit = last_write(program, begin, register).filter(|one| one.opcode == "Integer")?;
    Some(u64::try_from(limit.p1).ok())
}

/// A plain statement from its first row on.
pub(crate) struct Walk {
    cursor: Arc<Mutex<Cursor>>,
    /// The slot of each column of the result.
    slots: Vec<usize>,
    /// The slots that each row must have.
    width: usize,
    row: Row,
    /// Rows that may still come, if there is a bound.
    left: Option<u64>,
    /// Rows until it is looked whether the statement was cancelled.
    until_look: u32,
}

/// As many rows as `SQLite` makes between two looks, with some ten columns.
const LOOK_EVERY: u32 = 1000;

impl Walk {
    /// Goes on from the first row, at which `SQLite` is; `None` where it is `SQLite` that has to.
    pub(crate) fn begin(plain: &Plain, runtime: &Runtime) -> Option<Self> {
        let [cursor] = &runtime.cursors(plain.plan)[..] else {
            return None;
        };
        let (slots, row) = {
            let cursor = lock(cursor);
            let slots = cursor.slots_of(&plain.columns)?;
            (slots, cursor.with_row(Row::clone)?)
        };
        let width = slots.iter().map(|slot| slot + 1).max().unwrap_or(0);
        (width <= row.width()).then(|| Self {
            cursor: Arc::clone(cursor),
            slots,
            width,
            row,
            left: plain.limit.map(|limit| limit.saturating_sub(1)),
            until_look: LOOK_EVERY,
        })
    }

    /// Moves to the next row; `false` after the last.
    pub(crate) fn advance(&mut self, runtime: &Runtime) -> Result<bool> {
        if self.left == Some(0) {
            return Ok(false);
        }
        self.left = self.left.map(|left| left - 1);
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = LOOK_EVERY;
            if runtime.fetcher.cancel.is_cancelled() {
                return Err(cancelled());
            }
        }
        let row = table::contained(|| {
            let mut cursor = lock(&self.cursor);
            cursor.advance()?;
            Ok(cursor.with_row(Row::clone))
        })?;
        let is_there = row.is_some();
        self.row = row.unwrap_or_default();
        if is_there && self.row.width() < self.width {
            return Err(internal("a column that was not fetched"));
        }
        Ok(is_there)
    }

    /// A value of the present row.
    pub(crate) fn value(&self, column: usize) -> ValueRef<'_> {
        let slot = self.slots.get(column);
        match slot.and_then(|&slot| self.row.get(slot)) {
            // To SQLite, that is no number.
            Some(ValueRef::Real(number)) if number.is_nan() => ValueRef::Null,
            Some(value) => value,
            None => ValueRef::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A program in lines of opcode, p1, p2, p3, p4.
    fn program(text: &str) -> Vec<Instruction> {
        let line = |line: &str| {
            let mut words = line.split_whitespace();
            let opcode = words.next().unwrap().to_owned();
            let mut number = || words.next().map_or(0, |word| word.parse().unwrap());
            let (p1, p2, p3) = (number(), number(), number());
            let p4 = words.next().unwrap_or_default().to_owned();
            Instruction {
                opcode,
                p1,
                p2,
                p3,
                p4,
            }
        };
        text.lines()
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(line)
            .collect()
    }

    const PLAIN: &str = "
        Init 0 13 0
        Integer 7 1 0
        VOpen 0 0 0
        Integer 7 4 0
        Integer 0 2 0
        Integer 1 3 0
        VFilter 0 12 2 0
        VColumn 0 3 5
        VColumn 0 0 6
        ResultRow 5 2 0
        DecrJumpZero 1 12 0
        VNext 0 7 0
        Halt 0 0 0
        Transaction 0 0 0
        Goto 0 1 0";

    #[test]
    fn a_scan_that_is_handed_out_is_plain() {
        let plain = |columns: &[usize], limit| {
            Some(Plain {
                plan: 0,
                columns: columns.to_vec(),
                limit,
            })
        };
        assert_eq!(Plain::of(&program(PLAIN)), plain(&[3, 0], Some(7)));
        let without_end = PLAIN.replace("Integer 7 1 0", "Integer -1 1 0");
        assert_eq!(Plain::of(&program(&without_end)), plain(&[3, 0], None));
        let without_limit = PLAIN
            .replace("DecrJumpZero 1 12 0\n", "")
            .replace("VFilter 0 12", "VFilter 0 11");
        assert_eq!(Plain::of(&program(&without_limit)), plain(&[3, 0], None));
    }

    /// The program of a statement over `json_each`, as if it were planned here.
    fn real(sql: &str) -> Vec<Instruction> {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let mut program = crate::engine::program(&connection, sql).unwrap();
        for one in program.iter_mut().filter(|one| one.opcode == "VFilter") {
            one.p4 = "0".to_owned();
        }
        program
    }

    #[test]
    fn programs_are_as_sqlite_makes_them() {
        const KEY: usize = 0;
        const VALUE: usize = 1;
        for (sql, columns, limit) in [
            (
                "SELECT value, key FROM json_each('[1]')",
                vec![VALUE, KEY],
                None,
            ),
            (
                "SELECT key, key FROM json_each('[1]') LIMIT 7",
                vec![KEY, KEY],
                Some(7),
            ),
            (
                "SELECT key k FROM (SELECT * FROM json_each('[1]') LIMIT -1)",
                vec![KEY],
                None,
            ),
        ] {
            let expected = Plain {
                plan: 0,
                columns,
                limit,
            };
            assert_eq!(Plain::of(&real(sql)), Some(expected), "{sql}");
        }
        for sql in [
            "SELECT key + 1 FROM json_each('[1]')",
            "SELECT key, 1 FROM json_each('[1]')",
            "SELECT DISTINCT key FROM json_each('[1]')",
            "SELECT max(key) FROM json_each('[1]')",
            "SELECT key FROM json_each('[1]') WHERE value > 1",
            "SELECT key FROM json_each('[1]') WHERE 1 > random()",
            "SELECT key FROM json_each('[1]') ORDER BY value",
            "SELECT key FROM json_each('[1]') LIMIT 5 OFFSET 2",
            "SELECT key FROM json_each('[1]') LIMIT abs(-5)",
            "SELECT key FROM json_each('[1]') LIMIT CAST('5' AS INTEGER)",
            "SELECT a.key FROM json_each('[1]') a, json_each('[2]') b",
            "SELECT key FROM json_each('[1]') UNION ALL SELECT key FROM json_each('[2]')",
            "SELECT key FROM json_each('[1]') WHERE EXISTS (SELECT 1 FROM json_each('[2]'))",
        ] {
            assert_eq!(Plain::of(&real(sql)), None, "{sql}");
        }
    }

    #[test]
    fn what_does_anything_else_is_not() {
        for (part, other) in [
            // A condition, another column, an expression, a constant.
            ("VColumn 0 0 6", "VColumn 0 0 6\nNe 8 11 6"),
            ("VColumn 0 0 6", "VColumn 1 0 6"),
            ("VColumn 0 0 6", "VColumn 0 0 6\nAdd 6 7 6"),
            ("ResultRow 5 2 0", "ResultRow 5 3 0"),
            ("VColumn 0 3 5", "VColumn 0 3 6"),
            ("ResultRow 5 2 0", "MakeRecord 5 2 7"),
            // A LIMIT that is not known, or does not end the statement.
            ("Integer 7 1 0", "Variable 1 1 0"),
            ("Integer 7 1 0", "Integer 7 1 0\nMustBeInt 1 0 0"),
            ("DecrJumpZero 1 12 0", "DecrJumpZero 1 11 0"),
            // More behind the scan, or around it.
            ("Halt 0 0 0", "Close 0 0 0\nHalt 0 0 0"),
            ("Halt 0 0 0", "Halt 0 0 0\nVFilter 1 12 2 1"),
            ("VNext 0 7 0", "VNext 1 7 0"),
            ("VNext 0 7 0", "VNext 0 8 0"),
        ] {
            let changed = PLAIN.replace(part, other);
            assert_ne!(changed, PLAIN);
            assert_eq!(Plain::of(&program(&changed)), None, "{other}");
        }
    }
}
