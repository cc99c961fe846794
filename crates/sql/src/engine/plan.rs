//! Plans of scans: `SQLite`'s constraints on a table, and what is to become of each.

use std::hash::{Hash, Hasher};

use super::text::whole;
use crate::catalog::{Origin, TableShape};
use crate::value::{Value, ValueRef};

/// How a constraint compares a column with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    NotEqual,
    IsNull,
    IsNotNull,
    Limit,
    Offset,
    /// LIKE, GLOB, MATCH and others, which no service answers as `SQLite` does.
    Other,
}

impl Operator {
    /// It compares with nothing but NULL.
    pub(crate) fn has_no_value(self) -> bool {
        matches!(self, Self::IsNull | Self::IsNotNull)
    }
}

/// One of `SQLite`'s constraints on a scan.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    /// The column; `None` is the row id.
    pub(crate) column: Option<usize>,
    pub(crate) operator: Operator,
    /// Its value is known when the scan begins.
    pub(crate) is_usable: bool,
    /// `column IN (…)`: the value is a set.
    pub(crate) is_set: bool,
    /// The value, where it is a literal.
    pub(crate) value: Option<Value>,
    /// The values of a set, where they are literals.
    pub(crate) set: Option<Vec<Value>>,
    /// It compares with the collation of the column.
    pub(crate) has_own_collation: bool,
}

/// A scan of a table: what is asked of the service, and in which order the values come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    /// The name of the table.
    pub(crate) table: String,
    pub(crate) access: Access,
    /// What each value given to the scan is for.
    pub(crate) arguments: Vec<Argument>,
    /// The order asked of the service: a position in its list's orders, and whether descending.
    pub(crate) order: Option<(usize, bool)>,
    /// Every comparison is made exactly by the service: the number of records is the number of
    /// rows.
    pub(crate) is_exact: bool,
    /// The comparisons that are made here, on the rows received.
    pub(crate) compared: Vec<Compared>,
}

/// A comparison that `SQLite` makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Compared {
    pub(crate) column: Option<usize>,
    pub(crate) operator: Operator,
    /// The service makes a wider one before.
    pub(crate) is_passed: bool,
    /// The values that it is made with, where the statement says them: one, or those of a set.
    pub(crate) values: Vec<Constant>,
    /// Texts that differ in case only are equal.
    pub(crate) ignore_case: bool,
}

impl Compared {
    pub(crate) fn new(constraint: &Constraint, shape: &TableShape, is_passed: bool) -> Self {
        let column = constraint.column.and_then(|at| shape.columns.get(at));
        let set = constraint.set.iter().flatten();
        let values = set.chain(&constraint.value);
        let is_parameter = column.is_some_and(|column| column.origin == Origin::Parameter);
        Self {
            column: constraint.column,
            operator: constraint.operator,
            is_passed,
            values: values
                // A parameter has no collation of its own.
                .filter(|_| constraint.has_own_collation || is_parameter)
                .cloned()
                .map(Constant)
                .collect(),
            ignore_case: column.is_some_and(|column| column.ignore_case),
        }
    }

    /// Whether a row with this value is surely left out. Where it is not sure, it is not.
    pub(crate) fn refuses(&self, value: &Value) -> bool {
        match self.operator {
            Operator::IsNull => *value != Value::Null,
            Operator::IsNotNull => *value == Value::Null,
            Operator::Limit | Operator::Offset | Operator::Other => false,
            Operator::Equal
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::NotEqual => {
                let is_unequal = |constant: &Constant| self.is_false(value, &constant.0);
                *value == Value::Null
                    || (!self.values.is_empty() && self.values.iter().all(is_unequal))
            }
        }
    }

    fn is_false(&self, value: &Value, constant: &Value) -> bool {
        let order = match (value, constant) {
            (Value::Integer(value), Value::Integer(constant)) => Some(value.cmp(constant)),
            (Value::Real(value), Value::Real(constant)) => value.partial_cmp(constant),
            (Value::Real(value), Value::Integer(constant)) => i32::try_from(*constant)
                .ok()
                .and_then(|constant| value.partial_cmp(&f64::from(constant))),
            (Value::Text(value), Value::Text(constant)) if self.ignore_case => Some(
                value
                    .to_ascii_lowercase()
                    .cmp(&constant.to_ascii_lowercase()),
            ),
            (Value::Text(value), Value::Text(constant)) => Some(value.cmp(constant)),
            _ => None,
        };
        order.is_some_and(|order| match self.operator {
            Operator::Equal => order.is_ne(),
            Operator::NotEqual => order.is_eq(),
            Operator::Less => order.is_ge(),
            Operator::LessOrEqual => order.is_gt(),
            Operator::Greater => order.is_le(),
            Operator::GreaterOrEqual => order.is_lt(),
            _ => false,
        })
    }
}

/// A literal that a column is compared with. Unlike a [`Value`], it can be compared itself: numbers
/// by their bits.
#[derive(Clone, Debug)]
pub(crate) struct Constant(pub(crate) Value);

impl Constant {
    fn key(&self) -> (u8, u64, &[u8]) {
        match &self.0 {
            Value::Null => (0, 0, &[]),
            Value::Integer(number) => (1, number.cast_unsigned(), &[]),
            Value::Real(number) => (2, number.to_bits(), &[]),
            Value::Text(text) => (3, 0, text.as_bytes()),
            Value::Bytes(bytes) => (4, 0, bytes),
        }
    }
}

impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Constant {}

impl Hash for Constant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Where the rows of a scan come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    /// Rows that apilink knows itself.
    System,
    /// The records whose keys are given.
    Keys,
    /// The list, filtered.
    List,
    /// The arrays in the records of the parent table, filtered by the parent's key, if at all.
    Array,
}

/// What a value given to a scan is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Argument {
    pub(crate) column: Option<usize>,
    pub(crate) operator: Operator,
    pub(crate) is_set: bool,
    pub(crate) role: Role,
    /// Its value, where the statement says it.
    pub(crate) constant: Option<Constant>,
    /// The values of a set, where the statement says them.
    pub(crate) set: Option<Vec<Constant>>,
    /// The service compares with one of the set's values at a time, and there are many: what is listed
    /// may be more, of which the scan gives no more than the rows with these values.
    pub(crate) is_many: bool,
}

impl Argument {
    /// Whether a value is one of those that a scan is to give.
    pub(crate) fn has(&self, value: ValueRef<'_>) -> bool {
        let value = whole(value);
        value.is_some() && self.set.iter().flatten().any(|one| whole(&one.0) == value)
    }
}

/// What a value given to a scan is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The key of a record, or several.
    Key,
    /// The key of the parent, which is a part of the path.
    Parent,
    /// Passed to the service by these of the table's filters.
    Filters(Vec<usize>),
    /// Compared with stored rows only, when there are such: no service can do it.
    Local,
    Limit,
    Offset,
    /// A bound of the key, beyond which the list need not be read.
    Bound,
    /// An OFFSET that `SQLite` counts: a list of no more records than that need not be read.
    Skipped,
}

/// What the plan does with a constraint, in the order of the constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The position of its value among the arguments.
    pub(crate) argument: Option<usize>,
    /// `SQLite` need not compare again.
    pub(crate) omit: bool,
}

/// A plan with what `SQLite` wants to know about it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) plan: Plan,
    pub(crate) usages: Vec<Usage>,
    pub(crate) order_consumed: bool,
    pub(crate) cost: f64,
    pub(crate) rows: f64,
    pub(crate) is_unique: bool,
}

/// One part of an ORDER BY: a column, and whether descending.
pub(crate) type Ordering = (usize, bool);

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{Compared, Constant, Operator};
    use crate::value::Value;

    /// What is refused, `SQLite` leaves out as well, whatever is compared with what.
    #[test]
    fn what_is_refused_is_left_out() {
        let connection = Connection::open_in_memory().unwrap();
        let values = [
            Value::Null,
            Value::Integer(-1),
            Value::Integer(2000),
            Value::Integer(i64::MAX),
            Value::Real(0.5),
            Value::Real(2000.0),
            Value::Text("Open".to_owned()),
            Value::Text("open".to_owned()),
            Value::Text("2000".to_owned()),
            Value::Text("2026-06-30".to_owned()),
        ];
        let operators = [
            (Operator::Equal, "="),
            (Operator::NotEqual, "<>"),
            (Operator::Less, "<"),
            (Operator::LessOrEqual, "<="),
            (Operator::Greater, ">"),
            (Operator::GreaterOrEqual, ">="),
        ];
        let mut refused = 0;
        for (affinity, ignore_case) in [
            ("INTEGER", false),
            ("REAL", false),
            ("TEXT", false),
            ("TEXT COLLATE NOCASE", true),
        ] {
            connection
                .execute_batch(&format!(
                    "DROP TABLE IF EXISTS t; CREATE TABLE t (x {affinity})"
                ))
                .unwrap();
            for value in &values {
                connection.execute("DELETE FROM t", []).unwrap();
                let insert = format!("INSERT INTO t VALUES ({})", value.literal());
                connection.execute(&insert, []).unwrap();
                let stored = |row: &rusqlite::Row| row.get_ref(0).map(Value::from);
                let stored = connection.query_row("SELECT x FROM t", [], stored).unwrap();
                for (operator, sign) in operators {
                    for (constant, other) in values.iter().zip(values.iter().skip(1)) {
                        let compared = Compared {
                            column: None,
                            operator,
                            is_passed: false,
                            values: vec![Constant(constant.clone())],
                            ignore_case,
                        };
                        let set = Compared {
                            values: vec![Constant(constant.clone()), Constant(other.clone())],
                            ..compared.clone()
                        };
                        let (one, two) = (constant.literal(), other.literal());
                        let cases = [
                            (&compared, format!("x {sign} {one}")),
                            (&set, format!("x IN ({one}, {two})")),
                        ];
                        let most = if sign == "=" { 2 } else { 1 };
                        for (compared, condition) in cases.into_iter().take(most) {
                            let sql = format!("SELECT count(*) FROM t WHERE {condition}");
                            let found: i64 =
                                connection.query_row(&sql, [], |row| row.get(0)).unwrap();
                            if compared.refuses(&stored) {
                                refused += 1;
                                assert_eq!(found, 0, "{stored:?}: {condition} ({affinity})");
                            }
                        }
                    }
                }
            }
        }
        assert!(refused > 500, "{refused}");
    }
}
