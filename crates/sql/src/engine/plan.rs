//! Plans of scans: `SQLite`'s constraints on a table, and what is to become of each.

use std::hash::{Hash, Hasher};

use crate::value::Value;

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
    /// The comparisons that are made here, on the rows received: column and operator, and whether
    /// the service makes a wider one before.
    pub(crate) compared: Vec<(Option<usize>, Operator, bool)>,
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
