//! The page of all functions, `docs/sql-functions.md`.

use std::fmt::Write;

use super::table::{Function, Group, Nulls, Rule, all};

const INTRODUCTION: &str = "# SQL functions

<!-- Generated from crates/sql/src/functions/rows.rs:
     UPDATE_DOCS=1 cargo test -p apilink-sql the_page_of_functions -->

The functions that a statement can call: those of ODBC, also as `{fn NAME(…)}`, those of SQLite, and
some of other databases that reports use.

- An argument that is NULL makes the result NULL, if nothing else is said.
- Dates and times are in UTC. A *moment* is a DATE, a TIMESTAMP or text in ISO form: `2026-06-30`,
  `2026-06-30 15:04:05.678`, `2026-06-30T17:04:05+02:00`. Text that is none is an error (22007),
  but in SQLite's own functions, where it gives NULL.
- An *interval* is year, quarter, month, week, day, hour, minute, second, millisecond, microsecond or
  nanosecond, also as `SQL_TSI_DAY` or in the short forms of SQL Server (`yy`, `qq`, `mm`, `wk`, `dd`,
  `hh`, `mi`, `ss`, `ms`, `mcs`, `ns`), and for parts also dayofyear, weekday and iso_week.
- A number outside the domain of a function (`SQRT(-1)`, `LN(0)`) gives NULL, text that is no number
  an error (22018).
- `CAST(x AS type)`, `CONVERT(x, SQL_TYPE)` and `CONVERT(type, x)` convert to BIGINT, INTEGER,
  DECIMAL(p,s), DOUBLE, BOOLEAN, DATE, TIME, TIMESTAMP, VARCHAR(n) and VARBINARY, and to the names that
  ODBC, SQL Server and MySQL have for them. A value that does not fit is an error (22003, 22007,
  22018). VARCHAR(n) cuts; DECIMAL without numbers is DECIMAL(19,4).
";

const GROUPS: [(Group, &str); 8] = [
    (Group::Text, "Text"),
    (Group::Numeric, "Numbers"),
    (Group::DateTime, "Dates and times"),
    (Group::Conditional, "Conditions and NULL"),
    (Group::System, "System"),
    (Group::Aggregate, "Aggregates, also over windows"),
    (Group::Window, "Windows"),
    (Group::Json, "JSON"),
];

/// The text of `docs/sql-functions.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (group, title) in GROUPS {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| Function | Type | NULL | What it gives |\n|---|---|---|---|\n"
        );
        for function in all().iter().filter(|function| function.group == group) {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                function.form.replace('|', "\\|"),
                type_cell(function),
                null_cell(function),
                function.description.replace('|', "\\|")
            );
        }
    }
    page
}

fn type_cell(function: &Function) -> String {
    match function.result {
        Rule::Is(sql_type) => sql_type.name().to_owned(),
        Rule::Text => "VARCHAR, as the argument".to_owned(),
        Rule::Number => "as the argument".to_owned(),
        Rule::WholeNumber => "as the argument, scale 0".to_owned(),
        Rule::First => "as the value".to_owned(),
        Rule::Common | Rule::Branches | Rule::Shifted => "common to the values".to_owned(),
        Rule::Moment(_) => "DATE of a DATE, else TIMESTAMP".to_owned(),
        Rule::Sum => "BIGINT, DECIMAL(38,s) or DOUBLE".to_owned(),
        Rule::Average => "DECIMAL(38,6) or DOUBLE".to_owned(),
    }
}

fn null_cell(function: &Function) -> &'static str {
    match function.nulls {
        Nulls::Never => "never",
        Nulls::IfAny => "if an argument is",
        Nulls::IfAll => "if all arguments are",
        Nulls::IfFirst => "if the first argument is",
        Nulls::Always => "possible",
        Nulls::Extremum => "of nothing, or if an argument is",
        Nulls::Branches => "if the value is",
    }
}
