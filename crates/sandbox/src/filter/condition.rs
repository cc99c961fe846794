//! What a row must fulfil: the conditions that a list is filtered by.

use std::cmp::Ordering;

use super::{Filter, any_value};
use crate::clock::{self, Day, Second};
use crate::record::{Cell, Database, Record};

/// The id of what a cell refers to, or its own number.
fn ids_of(cell: &Cell) -> Vec<i64> {
    match cell {
        Cell::Int(id) => vec![*id],
        Cell::Ref(key) => vec![key.id],
        Cell::Refs(keys) => keys.iter().map(|key| key.id).collect(),
        Cell::Inline(record) => vec![record.id()],
        Cell::Inlines(records) => records.iter().map(Record::id).collect(),
        _ => Vec::new(),
    }
}

#[derive(Debug)]
pub(super) enum Condition {
    /// The row's id is one of these, or is none of these.
    Ids { ids: Vec<i64>, among: bool },
    /// The path leads to this row; to nothing, for `null`.
    Refers { path: String, id: Option<i64> },
    /// The value is one of these words, without regard to case.
    Words { path: String, words: Vec<String> },
    /// The value is, or is not, true.
    Flag { path: String, wanted: bool },
    /// There is, or is not, a value.
    Present { path: String, wanted: bool },
    /// The number compares so.
    Number {
        path: String,
        operator: Operator,
        number: f64,
    },
    /// The date, or the day of the time, compares so.
    Day {
        path: String,
        operator: Operator,
        day: Day,
    },
    /// The time compares so.
    Time {
        path: String,
        operator: Operator,
        time: Second,
    },
    /// The text is part of one of these fields.
    Search {
        paths: &'static [&'static str],
        text: String,
    },
    /// The text starts so.
    Starts { path: String, text: String },
    /// A custom field has a value that compares so.
    CustomField {
        id: i64,
        operator: Operator,
        value: String,
    },
    /// The row is in this folder, or in one below it.
    Below(i64),
    /// One of several groups of conditions holds.
    Any(Vec<Filter>),
    /// No row passes.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Operator {
    /// Splits `>=2024-01-31`; without an operator, equality is meant.
    pub(super) fn split(text: &str) -> (Self, &str) {
        for (sign, operator) in [
            (">=", Self::AtLeast),
            ("<=", Self::AtMost),
            (">", Self::More),
            ("<", Self::Less),
            ("=", Self::Equal),
        ] {
            if let Some(rest) = text.strip_prefix(sign) {
                return (operator, rest);
            }
        }
        (Self::Equal, text)
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::AtLeast => order.is_ge(),
            Self::More => order.is_gt(),
        }
    }
}

impl Condition {
    pub(super) fn holds(&self, database: &Database, row: &Record) -> bool {
        let any =
            |path: &str, test: &mut dyn FnMut(&Cell) -> bool| any_value(database, row, path, test);
        match self {
            Self::Ids { ids, among } => ids.contains(&row.id()) == *among,
            Self::Refers { path, id: Some(id) } => any(path, &mut |cell| ids_of(cell).contains(id)),
            Self::Refers { path, id: None } => !any(path, &mut |cell| !ids_of(cell).is_empty()),
            Self::Words { path, words } => any(path, &mut |cell| {
                let is = |text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
                match cell {
                    Cell::Text(text) => is(text),
                    Cell::Int(number) => is(&number.to_string()),
                    Cell::Json(value) => value
                        .as_array()
                        .is_some_and(|items| items.iter().filter_map(|v| v.as_str()).any(is)),
                    _ => false,
                }
            }),
            Self::Flag { path, wanted } => any(path, &mut Cell::is_true) == *wanted,
            Self::Present { path, wanted } => {
                any(path, &mut |cell| match cell {
                    Cell::Null => false,
                    Cell::Int(count) => *count > 0,
                    Cell::Refs(keys) => !keys.is_empty(),
                    Cell::Inlines(records) => !records.is_empty(),
                    _ => true,
                }) == *wanted
            }
            Self::Number {
                path,
                operator,
                number,
            } => any(path, &mut |cell| {
                cell.number()
                    .is_some_and(|found| operator.holds(found.total_cmp(number)))
            }),
            Self::Day {
                path,
                operator,
                day,
            } => any(path, &mut |cell| {
                let found = match cell {
                    Cell::Date(found) => Some(*found),
                    Cell::Time(second) => Some(clock::day_of(*second)),
                    _ => None,
                };
                found.is_some_and(|found| operator.holds(found.cmp(day)))
            }),
            Self::Time {
                path,
                operator,
                time,
            } => any(path, &mut |cell| {
                let found = match cell {
                    Cell::Time(found) => Some(*found),
                    Cell::Date(day) => Some(clock::start_of(*day)),
                    _ => None,
                };
                found.is_some_and(|found| operator.holds(found.cmp(time)))
            }),
            Self::Search { paths, text } => paths.iter().any(|path| {
                any(path, &mut |cell| match cell {
                    Cell::Text(found) => found.to_lowercase().contains(text.as_str()),
                    Cell::Int(number) => number.to_string().contains(text.as_str()),
                    _ => false,
                })
            }),
            Self::Starts { path, text } => any(path, &mut |cell| {
                cell.text()
                    .is_some_and(|found| found.to_lowercase().starts_with(text.as_str()))
            }),
            Self::CustomField {
                id,
                operator,
                value,
            } => match row.get("custom_field_values") {
                Cell::Inlines(values) => values.iter().any(|found| {
                    ids_of(found.get("custom_field")).contains(id)
                        && custom_value_holds(found, *operator, value)
                }),
                _ => false,
            },
            Self::Below(id) => {
                let mut above = row.get("parent").key();
                // A folder may have been moved below itself: the walk has an end.
                for _ in 0..100 {
                    let Some(key) = above else { return false };
                    if key.id == *id {
                        return true;
                    }
                    above = database
                        .row(key)
                        .and_then(|folder| folder.get("parent").key());
                }
                false
            }
            Self::Any(groups) => groups.iter().any(|group| group.passes(database, row)),
            Self::Nothing => false,
        }
    }
}

/// Values are numbers, dates (which compare as text) or text; some name a picklist option.
fn custom_value_holds(found: &Record, operator: Operator, value: &str) -> bool {
    let text = found.get("value").text().unwrap_or_default();
    let order = match (text.parse::<f64>(), value.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => text.to_lowercase().cmp(&value.to_lowercase()),
    };
    operator.holds(order)
}
