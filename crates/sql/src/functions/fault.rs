//! What `SQLite` says, as a diagnostic record.

use apilink_core::{Diagnostic, SqlState};

use super::arguments;
use super::table::{Group, find};
use crate::position::{error, error_at, in_original, only};

/// The diagnostic record of an error of `SQLite`: the one that a function of ours has raised, as it
/// was, and 42000 or HY000 for what `SQLite` says itself.
#[must_use]
pub fn diagnostic_of(error: &rusqlite::Error) -> Diagnostic {
    diagnostic_in("", error)
}

/// The same for an error about a statement that was made of `written`: with its place there, where
/// `SQLite` knows it and it can be found again.
#[must_use]
pub fn diagnostic_in(written: &str, problem: &rusqlite::Error) -> Diagnostic {
    if let rusqlite::Error::UserFunctionError(source) = problem
        && let Some(diagnostic) = source.downcast_ref::<Diagnostic>()
    {
        return diagnostic.clone();
    }
    let (text, place) = match problem {
        rusqlite::Error::SqlInputError {
            msg, sql, offset, ..
        } => {
            let offset = usize::try_from(*offset).ok();
            let place = offset.and_then(|offset| in_original(sql, offset, written));
            (msg.clone(), place)
        }
        other => (other.to_string(), None),
    };
    if let Some(raised) = raised(&text) {
        return raised;
    }
    if text == "integer overflow" {
        return arguments::too_large_for_bigint();
    }
    let sqlstate = general_state(problem);
    let sentence = sentence(&text);
    match place.or_else(|| named_place(&text, written)) {
        Some(place) => error_at(sqlstate, written, place, sentence),
        None => error(sqlstate, sentence),
    }
}

/// The record of a function of ours, which wrote it as text.
fn raised(text: &str) -> Option<Diagnostic> {
    const RAISED: [SqlState; 5] = [
        SqlState::INVALID_DATETIME,
        SqlState::OUT_OF_RANGE,
        SqlState::INVALID_CAST,
        SqlState::INVALID_VALUE,
        SqlState::NOT_IMPLEMENTED,
    ];
    RAISED.into_iter().find_map(|state| {
        let rest = text.strip_prefix('[')?.strip_prefix(state.as_str())?;
        Some(Diagnostic::new(state, rest.strip_prefix("] ")?))
    })
}

/// `SQLITE_ERROR` without more is what a wrong statement gives.
fn general_state(error: &rusqlite::Error) -> SqlState {
    match error {
        rusqlite::Error::SqlInputError { .. } => SqlState::SYNTAX,
        rusqlite::Error::SqliteFailure(code, _) if code.extended_code == 1 => SqlState::SYNTAX,
        _ => SqlState::GENERAL_ERROR,
    }
}

/// The place of what `SQLite` names without saying where, if the statement has it once.
fn named_place(text: &str, written: &str) -> Option<usize> {
    let called = text.strip_suffix("()").and_then(|text| {
        let (start, name) = text.rsplit_once(' ')?;
        FUNCTION_FAULTS.contains(&start).then(|| known_name(name))
    });
    if let Some(name) = called {
        return only(written, &[name, "("]);
    }
    if let Some(name) = text.strip_prefix("no such window: ") {
        return only(written, &["OVER", name]);
    }
    if text.starts_with(WIDE_SUBQUERY) {
        return only(written, &["(", "SELECT"]);
    }
    (text == HAVING_ALONE)
        .then(|| only(written, &["HAVING"]))
        .flatten()
}

const WRONG_ARGUMENTS: &str = "wrong number of arguments to function";
const MISUSED_AGGREGATES: [&str; 2] = ["misuse of aggregate function", "misuse of aggregate:"];
const MISUSED_WINDOW: &str = "misuse of window function";
/// What `SQLite` says of a function, which it names behind it.
const FUNCTION_FAULTS: [&str; 4] = [
    WRONG_ARGUMENTS,
    MISUSED_AGGREGATES[0],
    MISUSED_AGGREGATES[1],
    MISUSED_WINDOW,
];
const HAVING_ALONE: &str = "HAVING clause on a non-aggregate query";
const WIDE_SUBQUERY: &str = "sub-select returns ";

/// What `SQLite` says, as a sentence that says what to do, too, where it is a mistake that is often
/// made.
fn sentence(text: &str) -> String {
    let function_of = |start: &str| {
        let name = text.strip_prefix(start)?.strip_prefix(' ')?;
        name.strip_suffix("()")
    };
    if let Some(name) = function_of(WRONG_ARGUMENTS) {
        return wrong_arguments(name);
    }
    if let Some(name) = MISUSED_AGGREGATES.into_iter().find_map(function_of) {
        let name = known_name(name);
        return format!(
            "The aggregate {name}() cannot stand here: not in WHERE, GROUP BY or ON, nor within \
             another aggregate. Conditions on aggregates go into HAVING."
        );
    }
    if let Some(name) = function_of(MISUSED_WINDOW) {
        return format!(
            "{name}() is written with OVER (…), in the list of columns or in ORDER BY. To compare \
             it, give it a name in a subquery."
        );
    }
    if let Some(name) = text.strip_prefix("no such window: ") {
        return format!("There is no window {name}. WINDOW {name} AS (…) defines it.");
    }
    if let Some(rest) = text.strip_prefix(WIDE_SUBQUERY) {
        let count = rest.split(' ').next().unwrap_or_default();
        return format!(
            "A subquery in place of a single value has one column, and this one has {count}."
        );
    }
    if text == HAVING_ALONE {
        return "HAVING needs GROUP BY, or an aggregate in the list of columns. Conditions on rows \
                go into WHERE."
            .to_owned();
    }
    if text == "row value misused" {
        return "A row value, such as (1, 2), stands where a single value is expected.".to_owned();
    }
    format!("SQLite says: {text}.")
}

fn wrong_arguments(name: &str) -> String {
    let form = find(name).map(|function| format!(" It is written {}.", function.form));
    format!(
        "{}() has too many arguments, or too few.{}",
        known_name(name),
        form.unwrap_or_default()
    )
}

/// The name by which a function is known to who writes statements.
pub(crate) fn known_name(name: &str) -> &str {
    match find(name) {
        Some(function) if function.group == Group::Internal => {
            function.form.split('(').next().unwrap_or(name)
        }
        _ => name,
    }
}
