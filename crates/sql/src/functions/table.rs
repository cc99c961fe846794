//! What is known about each function: its form, its result type, when it can be NULL.

use super::decimal::AVERAGE_SCALE;
use super::rows::ROWS;
use crate::types::{SUM_PRECISION, SqlType, TEXT_SIZE};

/// A function that a statement can call.
#[derive(Debug)]
pub struct Function {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// How it is called.
    pub form: &'static str,
    /// What it gives.
    pub description: &'static str,
    pub(super) result: Rule,
    pub(super) nulls: Nulls,
}

/// What a function is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Text.
    Text,
    /// Numbers.
    Numeric,
    /// Dates and times.
    DateTime,
    /// Conditions and NULL.
    Conditional,
    /// The connection.
    System,
    /// Of groups of rows; also over windows.
    Aggregate,
    /// Over windows only.
    Window,
    /// JSON.
    Json,
    /// Written by apilink, or of `SQLite` and without use here: not documented.
    Internal,
}

/// How the result type follows from the arguments.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// Always this one.
    Is(SqlType),
    /// VARCHAR of the size of the first argument.
    Text,
    /// That of the first argument, if it is a number, else DOUBLE.
    Number,
    /// As `Number`, without places behind the point.
    WholeNumber,
    /// That of the first argument.
    First,
    /// The common type of all arguments.
    Common,
    /// The common type of the values of `IIF`.
    Branches,
    /// DATE if this argument is one, else TIMESTAMP.
    Moment(usize),
    /// Of the first and the third argument.
    Shifted,
    Sum,
    Average,
}

/// When the result can be NULL.
#[derive(Clone, Copy, Debug)]
pub(super) enum Nulls {
    Never,
    /// When any argument can.
    IfAny,
    /// When all arguments can.
    IfAll,
    /// When the first argument can.
    IfFirst,
    /// Also when no argument is.
    Always,
    /// As an aggregate always, of several arguments when any can.
    Extremum,
    /// When a value of `IIF` can.
    Branches,
}

/// All functions, by group and name.
#[must_use]
pub fn all() -> &'static [Function] {
    ROWS
}

/// A function by its name, without regard to case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

/// The type of what a function gives, from the types of its arguments. A literal NULL should be
/// left out of the arguments of COALESCE, IIF and their like, where it has a type of its own.
/// `None` for a function that does not exist.
///
/// - SUM of whole numbers and BOOLEAN is BIGINT, of `DECIMAL(p,s)` is `DECIMAL(38,s)`.
/// - AVG of DECIMAL is `DECIMAL(38,6)`, of everything else DOUBLE.
/// - ROUND and TRUNCATE keep the type; lengths and positions are INTEGER.
#[must_use]
pub fn result_type(name: &str, arguments: &[SqlType]) -> Option<SqlType> {
    let first = arguments.first().copied();
    Some(match find(name)?.result {
        Rule::Is(sql_type) => sql_type,
        Rule::Text => match first {
            Some(text @ SqlType::Varchar { .. }) => text,
            _ => SqlType::TEXT,
        },
        Rule::Number => number_or_double(first),
        Rule::WholeNumber => match number_or_double(first) {
            SqlType::Decimal { precision, .. } => SqlType::Decimal {
                precision,
                scale: 0,
            },
            other => other,
        },
        Rule::First => first.unwrap_or(SqlType::TEXT),
        Rule::Common => common_type(arguments.iter().copied()),
        Rule::Branches => common_type(branches(arguments).copied()),
        Rule::Moment(index) => match arguments.get(index) {
            Some(SqlType::Date) => SqlType::Date,
            _ => SqlType::Timestamp,
        },
        Rule::Shifted => common_type(first.into_iter().chain(arguments.get(2).copied())),
        Rule::Sum => sum_type(first),
        Rule::Average => average_type(first),
    })
}

/// Whether a function can give NULL, from whether its arguments can be. `true` for one that does not
/// exist.
#[must_use]
pub fn result_nullable(name: &str, arguments: &[bool]) -> bool {
    let any = || arguments.contains(&true);
    match find(name).map_or(Nulls::Always, |function| function.nulls) {
        Nulls::Never => false,
        Nulls::IfAny => any(),
        Nulls::IfAll => !arguments.contains(&false),
        Nulls::IfFirst => arguments.first().is_none_or(|first| *first),
        Nulls::Always => true,
        Nulls::Extremum => arguments.len() < 2 || any(),
        // Without an `otherwise` there is nothing for when no condition is true.
        Nulls::Branches => {
            arguments.len().is_multiple_of(2) || branches(arguments).any(|nullable| *nullable)
        }
    }
}

/// The values of `IIF(condition, value, …, otherwise)`.
fn branches<T>(arguments: &[T]) -> impl Iterator<Item = &T> {
    let last = arguments.len().saturating_sub(1);
    arguments
        .iter()
        .enumerate()
        .filter(move |(index, _)| index % 2 == 1 || *index == last)
        .map(|(_, argument)| argument)
}

fn number_or_double(sql_type: Option<SqlType>) -> SqlType {
    sql_type
        .filter(|sql_type| sql_type.is_number())
        .unwrap_or(SqlType::Double)
}

fn sum_type(sql_type: Option<SqlType>) -> SqlType {
    match sql_type {
        Some(SqlType::Bigint | SqlType::Integer | SqlType::Boolean) => SqlType::Bigint,
        Some(SqlType::Decimal { scale, .. }) => SqlType::Decimal {
            precision: SUM_PRECISION,
            scale,
        },
        _ => SqlType::Double,
    }
}

fn average_type(sql_type: Option<SqlType>) -> SqlType {
    match sql_type {
        Some(SqlType::Decimal { .. }) => SqlType::Decimal {
            precision: SUM_PRECISION,
            scale: AVERAGE_SCALE,
        },
        _ => SqlType::Double,
    }
}

/// The type that has a place for values of all these types; text where there is no other, and for
/// none.
#[must_use]
pub fn common_type(types: impl IntoIterator<Item = SqlType>) -> SqlType {
    types.into_iter().reduce(common).unwrap_or(SqlType::TEXT)
}

fn common(left: SqlType, right: SqlType) -> SqlType {
    use SqlType::{Bigint, Boolean, Date, Decimal, Double, Integer, Timestamp, Varchar};
    match (left, right) {
        _ if left == right => left,
        (Varchar { size: left }, Varchar { size: right }) => Varchar {
            size: left.max(right),
        },
        (Varchar { size }, _) | (_, Varchar { size }) => Varchar {
            size: size.max(TEXT_SIZE),
        },
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (Double, other) | (other, Double) if other.is_number() || other == Boolean => Double,
        (
            Decimal { precision, scale },
            Decimal {
                precision: other_precision,
                scale: other_scale,
            },
        ) => decimal(precision, scale, other_precision, other_scale),
        (Decimal { precision, scale }, other) | (other, Decimal { precision, scale }) => {
            match other {
                Bigint => decimal(precision, scale, 19, 0),
                Integer => decimal(precision, scale, 10, 0),
                Boolean => decimal(precision, scale, 1, 0),
                _ => SqlType::TEXT,
            }
        }
        (Bigint, Integer | Boolean) | (Integer | Boolean, Bigint) => Bigint,
        (Integer, Boolean) | (Boolean, Integer) => Integer,
        _ => SqlType::TEXT,
    }
}

fn decimal(precision: u32, scale: u32, other_precision: u32, other_scale: u32) -> SqlType {
    let places = scale.max(other_scale);
    let whole = precision
        .saturating_sub(scale)
        .max(other_precision.saturating_sub(other_scale));
    SqlType::Decimal {
        precision: (whole + places).min(SUM_PRECISION),
        scale: places,
    }
}
