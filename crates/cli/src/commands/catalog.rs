//! `tables` and `describe`.

use std::sync::Arc;

use apilink_core::profile::tables::{FilterOperator, Table};
use apilink_core::session::Session;
use apilink_sql::Database;
use apilink_sql::catalog::{Catalog, ColumnShape, Origin, TableShape, TableSource};
use apilink_sql::types::SqlType;

use crate::args::{ConnectionArgs, DescribeArgs, OutputArgs, TablesArgs};
use crate::commands::split_target;
use crate::connection::ConnectionSource;
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::output::{self, Format, Options};
use crate::rows::{ListedRows, RowSource};
use crate::terminal::{Style, tell};

/// `tables`. Makes no request.
pub fn tables(connection: &ConnectionArgs, args: &TablesArgs) -> Outcome {
    let (positional, pattern) = match args.target.as_slice() {
        [] => (None, None),
        // No table has a = in its name, and no connection string is without one.
        [text] if text.contains('=') => (Some(text.as_str()), None),
        [pattern] => (None, Some(pattern.as_str())),
        [connection, pattern, ..] => (Some(connection.as_str()), Some(pattern.as_str())),
    };
    let source = ConnectionSource::find_or_empty(connection, positional)?;
    let catalog = database(source.offline()?)?.catalog();
    write(&mut list(&catalog, pattern)?, &args.output, NAME)
}

/// `describe`. Makes a request only for the fields that the account has added.
pub fn describe(connection: &ConnectionArgs, args: &DescribeArgs) -> Outcome {
    let (positional, name) = split_target(&args.target)?;
    let catalog = if args.custom_fields {
        let source = ConnectionSource::find(connection, positional)?;
        let cancel = interrupt::begin();
        database(source.connect(&cancel)?)?.full_catalog(&cancel)?
    } else {
        let source = ConnectionSource::find_or_empty(connection, positional)?;
        database(source.offline()?)?.catalog()
    };
    let table = find(&catalog, name)?;
    write(&mut columns(table), &args.output, NAME_AND_TYPE)?;
    if table.custom_fields_unknown && args.output.format()? == Format::Table {
        let note =
            "The fields that the account has added are left out; --custom-fields shows them.";
        tell!("{}", Style::of_stderr().dim(note));
    }
    Ok(())
}

fn database(session: Arc<Session>) -> Outcome<Database> {
    Ok(Database::new(session)?)
}

/// What is never cut of a list of tables, as a number of columns.
pub const NAME: usize = 1;
/// What is never cut of a description of columns.
pub const NAME_AND_TYPE: usize = 2;

fn write(rows: &mut dyn RowSource, args: &OutputArgs, whole: usize) -> Outcome {
    let file = args.file.as_deref();
    let options = names_whole(args.listing_options(), whole);
    output::write(rows, args.format()?, &options, file, &|| ())
}

/// Names are what these lists are for.
pub fn names_whole(options: Options, whole: usize) -> Options {
    Options {
        whole,
        null: "",
        ..options
    }
}

/// The tables whose names fit the pattern, with what they hold.
///
/// # Errors
/// If there are none.
pub fn list(catalog: &Catalog, pattern: Option<&str>) -> Outcome<ListedRows> {
    let mut tables: Vec<&Arc<TableShape>> = catalog
        .tables()
        .iter()
        .filter(|table| pattern.is_none_or(|pattern| fits(&table.name, pattern)))
        .collect();
    if let Some(pattern) = pattern.filter(|_| tables.is_empty()) {
        return Err(Failure::Local(format!(
            "No table fits {pattern}. A pattern is a part of the names; * stands for any text."
        )));
    }
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let rows = tables
        .into_iter()
        .map(|table| [Some(table.name.clone()), table.description.clone()])
        .collect();
    Ok(ListedRows::of_texts(["table", "description"], rows))
}

/// A table by its name.
///
/// # Errors
/// With the names that come nearest.
pub fn find<'a>(catalog: &'a Catalog, name: &str) -> Outcome<&'a TableShape> {
    if let Some(table) = catalog.table(name) {
        return Ok(table);
    }
    let names = catalog.tables().iter().map(|table| table.name.as_str());
    let nearest = nearest(name, names);
    let hint = if nearest.is_empty() {
        "The command tables lists them.".to_owned()
    } else {
        format!("Did you mean {}?", nearest.join(" or "))
    };
    Err(Failure::Local(format!("There is no table {name}. {hint}")))
}

/// The names that come near to a misspelt one, the nearest first.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const NEAR: f64 = 0.6;
    const MOST: usize = 3;
    let name = name.to_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .map(|known| (similarity(&name, known), known))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter()
        .take(MOST)
        .map(|(_, known)| known)
        .collect()
}

fn similarity(name: &str, known: &str) -> f64 {
    let alike = strsim::normalized_damerau_levenshtein(name, known);
    // entries for calendar_entries
    let is_part = name.len() >= 4 && known.contains(name);
    if is_part { alike.max(0.75) } else { alike }
}

/// Whether a name fits a pattern: `*` and `%` stand for any text; without them the name has to hold
/// the pattern. Case does not count.
fn fits(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.to_lowercase(), pattern.to_lowercase());
    let pieces: Vec<&str> = pattern.split(['*', '%']).collect();
    let [first, middle @ .., last] = pieces.as_slice() else {
        // There is no star.
        return name.contains(&pattern);
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// The columns of a table.
pub fn columns(table: &TableShape) -> ListedRows {
    let profiled = match &table.source {
        TableSource::Service(profiled) => Some(profiled.as_ref()),
        TableSource::System => None,
    };
    let rows = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| describe_column(table, profiled, index, column))
        .collect();
    ListedRows::of_texts(
        [
            "column",
            "type",
            "key",
            "references",
            "service filters by",
            "unit",
            "description",
        ],
        rows,
    )
}

fn describe_column(
    table: &TableShape,
    profiled: Option<&Table>,
    index: usize,
    column: &ColumnShape,
) -> [Option<String>; 7] {
    let known =
        profiled.and_then(|table| table.columns.iter().find(|known| known.name == column.name));
    [
        Some(column.name.clone()),
        Some(type_text(column.sql_type)),
        table.key.contains(&index).then(|| "key".to_owned()),
        column.references.clone(),
        profiled.and_then(|table| filters(table, column)),
        known.and_then(|known| known.unit.clone()),
        column.description.clone().or_else(|| note(column)),
    ]
}

/// The type with its precision; not with the size of text, which is a guess.
fn type_text(sql_type: SqlType) -> String {
    match sql_type {
        SqlType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        other => other.name().to_owned(),
    }
}

/// What is special about a column that says nothing itself.
fn note(column: &ColumnShape) -> Option<String> {
    let text = match &column.origin {
        Origin::Custom(_) => "a field that the account has added",
        Origin::Parameter => "only in WHERE, with a value; not a part of *",
        Origin::Field { is_json: true, .. } => "JSON text",
        _ => return None,
    };
    Some(text.to_owned())
}

/// The comparisons of a column that the service makes itself, so that it sends only matching
/// records.
fn filters(table: &Table, column: &ColumnShape) -> Option<String> {
    let mut operators: Vec<FilterOperator> = table
        .filters
        .iter()
        .filter(|filter| filter.column.eq_ignore_ascii_case(&column.name))
        .map(|filter| filter.operator)
        .collect();
    operators.sort_unstable();
    operators.dedup();
    let mut texts: Vec<&str> = operators.into_iter().map(operator_text).collect();
    texts.dedup();
    if texts.is_empty() {
        return None;
    }
    let mut of_column = table
        .filters
        .iter()
        .filter(|filter| filter.column.eq_ignore_ascii_case(&column.name));
    // Where the service takes a few values only.
    let values = of_column
        .find(|filter| !filter.values.is_empty())
        .map_or_else(String::new, |filter| {
            format!(": {}", filter.values.join(", "))
        });
    Some(texts.join(", ") + &values)
}

fn operator_text(operator: FilterOperator) -> &'static str {
    match operator {
        FilterOperator::Equal => "=",
        FilterOperator::In | FilterOperator::InJoined => "IN",
        FilterOperator::NotIn => "NOT IN",
        FilterOperator::Less => "<",
        FilterOperator::LessOrEqual => "<=",
        FilterOperator::Greater => ">",
        FilterOperator::GreaterOrEqual => ">=",
        FilterOperator::IsNull => "IS NULL",
        FilterOperator::IsNotNull => "IS NOT NULL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_parts_or_have_stars() {
        for (pattern, expected) in [
            ("entries", true),
            ("ENTRIES", true),
            ("calendar*", true),
            ("*entries", true),
            ("cal%ent*s", true),
            ("entries*", false),
            ("*calendar", false),
            ("", true),
            ("*", true),
            ("calendar_entries*", true),
            ("*a*a*a*a*", false),
        ] {
            assert_eq!(fits("calendar_entries", pattern), expected, "{pattern}");
        }
        // The first and the last piece may not overlap.
        assert!(!fits("aba", "ab*ba"));
    }

    #[test]
    fn the_nearest_names_come_first() {
        let known = ["matters", "contacts", "calendar_entries", "matter_stages"];
        assert_eq!(nearest("maters", known.into_iter()), ["matters"]);
        assert_eq!(nearest("ENTRIES", known.into_iter()), ["calendar_entries"]);
        assert!(nearest("xyz", known.into_iter()).is_empty());
    }
}
