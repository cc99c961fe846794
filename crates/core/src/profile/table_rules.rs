//! What must be true of a profile's tables, with the JSON path of what is not.

use std::collections::{HashMap, HashSet};

use super::rules::is_plain_path;
use super::tables::{
    Array, Column, ColumnType, CustomFieldsProfile, Filter, FilterOperator, List, Table,
};

type Check = Result<(), String>;

/// Checks tables, each by itself and what they say about each other.
///
/// # Errors
/// The JSON path of the first thing that is wrong, and what is wanted there.
pub(super) fn check(tables: &[Table]) -> Check {
    let mut by_name = HashMap::new();
    for (index, table) in tables.iter().enumerate() {
        let place = format!("/tables/{index}/name");
        want(is_identifier(&table.name), &place, IDENTIFIER)?;
        let fresh = by_name.insert(table.name.as_str(), table).is_none();
        want(fresh, &place, "unlike the names of other tables")?;
    }
    for (index, table) in tables.iter().enumerate() {
        let place = format!("/tables/{index}");
        let checked = Checked {
            table,
            tables: &by_name,
            place: &place,
        };
        checked.check()?;
    }
    Ok(())
}

/// Checks what a profile says about the fields of accounts against its tables.
///
/// # Errors
/// As [`check`].
pub(super) fn check_custom_fields(fields: Option<&CustomFieldsProfile>, tables: &[Table]) -> Check {
    let by_name = tables
        .iter()
        .map(|table| (table.name.as_str(), table))
        .collect();
    if let Some(fields) = fields.filter(|_| !tables.is_empty()) {
        return check_definitions(fields, &by_name);
    }
    for (index, table) in tables.iter().enumerate() {
        let place = format!("/tables/{index}/custom_fields");
        want(
            table.custom_fields.is_none(),
            &place,
            "absent without /custom_fields",
        )?;
    }
    Ok(())
}

fn check_definitions(fields: &CustomFieldsProfile, tables: &HashMap<&str, &Table>) -> Check {
    let known = tables.contains_key(fields.table.as_str());
    want(known, "/custom_fields/table", "the name of a table")?;
    for (name, kind) in &fields.types {
        let place = format!("/custom_fields/types/{name}");
        let target = kind.object.as_ref();
        let known = target.is_none_or(|object| tables.contains_key(object.table.as_str()));
        want(
            known,
            &format!("{place}/object/table"),
            "the name of a table",
        )?;
        for (operator, template) in &kind.filters {
            use FilterOperator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
            let compares = [Equal, Less, LessOrEqual, Greater, GreaterOrEqual].contains(operator);
            let met = compares && template.matches("{}").count() == 1;
            let wanted = "=, <, <=, > or >= with a text with one \"{}\" for each";
            want(met, &format!("{place}/filters"), wanted)?;
        }
    }
    Ok(())
}

const IDENTIFIER: &str = "lower-case letters, digits and \"_\", beginning with a letter";

fn is_identifier(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn want(met: bool, place: &str, wanted: &str) -> Check {
    if met {
        Ok(())
    } else {
        Err(format!("{place} must be {wanted}"))
    }
}

/// A table that is being checked.
struct Checked<'a> {
    table: &'a Table,
    tables: &'a HashMap<&'a str, &'a Table>,
    place: &'a str,
}

impl Checked<'_> {
    fn check(&self) -> Check {
        let table = self.table;
        let place = self.place;
        let has_rows = table.list.is_some() || table.array.is_some();
        want(has_rows, place, "a table with a list or an array")?;
        self.columns()?;
        for (at, name) in table.key.iter().enumerate() {
            let usable = self.find(name).is_some_and(|column| !column.parameter);
            let place = format!("{place}/key/{at}");
            want(usable, &place, "the name of a column that records have")?;
        }
        if let Some(list) = &table.list {
            self.list(list)?;
        }
        if let Some(array) = &table.array {
            self.array(array)?;
        }
        let records = [
            (&table.get, "get"),
            (&table.create, "create"),
            (&table.update, "update"),
            (&table.delete, "delete"),
        ];
        for (path, member) in records {
            if let Some(path) = path {
                self.path(path, &format!("{place}/{member}"), |column| {
                    column.parent || table.key.contains(&column.name)
                })?;
            }
        }
        for (at, filter) in table.filters.iter().enumerate() {
            let place = format!("{place}/filters/{at}");
            self.filter(filter, &place)?;
            // Whole records come, with all that their arrays hold.
            let met = table.list.is_some() || filter.wider;
            want(met, &format!("{place}/wider"), "true without a list")?;
        }
        let place = format!("{place}/custom_fields");
        let filter = table
            .custom_fields
            .as_ref()
            .and_then(|fields| fields.filter.as_ref());
        let met = filter.is_none_or(|name| name.matches("{}").count() == 1 && table.list.is_some());
        want(
            met,
            &format!("{place}/filter"),
            "the name of a list's parameter with one \"{}\"",
        )
    }

    fn find(&self, name: &str) -> Option<&Column> {
        self.table.columns.iter().find(|column| column.name == name)
    }

    fn columns(&self) -> Check {
        let mut names = HashSet::new();
        let place = format!("{}/columns", self.place);
        want(
            !self.table.columns.is_empty(),
            &place,
            "a list with at least one column",
        )?;
        for (at, column) in self.table.columns.iter().enumerate() {
            let place = format!("{place}/{at}");
            let name = format!("{place}/name");
            want(is_identifier(&column.name), &name, IDENTIFIER)?;
            let fresh = names.insert(&column.name);
            want(fresh, &name, "unlike the names of other columns")?;
            self.column(column, &place)?;
        }
        for (at, column) in self.table.columns.iter().enumerate() {
            self.reference(column, &format!("{place}/{at}"))?;
        }
        Ok(())
    }

    fn column(&self, column: &Column, place: &str) -> Check {
        let held = !column.parent && !column.parameter;
        let one = !(column.parent && column.parameter);
        want(one, place, "either of a parent or a parameter")?;
        let own_field = column.field.is_none() || held;
        let field = format!("{place}/field");
        want(
            own_field,
            &field,
            "absent where the record does not hold the column",
        )?;
        let (outer, inner) = column.path();
        let plain =
            !outer.is_empty() && inner.is_none_or(|name| !name.is_empty() && !name.contains('.'));
        want(
            plain,
            &field,
            "a field, or a field of an object as in \"client.name\"",
        )?;
        if column.parameter {
            let used = self
                .table
                .filters
                .iter()
                .any(|filter| filter.column == column.name);
            want(used, place, "compared by a filter, as a parameter is")?;
        }
        let text = column.kind == ColumnType::Text || !column.ignore_case;
        want(
            text,
            &format!("{place}/ignore_case"),
            "absent where the type is not text",
        )
    }

    fn reference(&self, column: &Column, place: &str) -> Check {
        let Some(reference) = &column.reference else {
            return Ok(());
        };
        let target = self.tables.get(reference.table.as_str()).copied();
        let key = target.and_then(key_column);
        let table = format!("{place}/reference/table");
        want(
            key.is_some_and(|key| key.kind == column.kind),
            &table,
            "the name of a table whose key is one column of the same type",
        )?;
        let object = reference.object.as_deref();
        let needed = object.is_none() || reference.same_record;
        let place = format!("{place}/reference");
        want(
            needed,
            &format!("{place}/object"),
            "absent without same_record",
        )?;
        let shown = object.or(column.path().1.and(Some(column.path().0)));
        let Some((target, shown)) = target.zip(shown).filter(|_| reference.same_record) else {
            return Ok(());
        };
        let agrees = self.table.columns.iter().all(|other| match other.path() {
            (outer, Some(inner)) if outer == shown => has_field(target, inner, other.kind),
            _ => true,
        });
        let wanted = "absent where the table lacks a field of the object, or has it with another \
                      type";
        want(agrees, &format!("{place}/same_record"), wanted)
    }

    /// A path whose names in braces are columns that `usable` accepts.
    fn path(&self, path: &str, place: &str, usable: impl Fn(&Column) -> bool) -> Check {
        let plain = !path.is_empty() && !path.starts_with('/') && is_plain_path(path);
        want(
            plain,
            place,
            "a path without \"/\" at its beginning and without query",
        )?;
        for part in path.split('/') {
            let name = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            let braces = part.contains(['{', '}']);
            let met = match name {
                Some(name) => self.find(name).is_some_and(&usable),
                None => !braces,
            };
            want(met, place, "a path with the names of key columns in braces")?;
        }
        Ok(())
    }

    fn list(&self, list: &List) -> Check {
        let place = format!("{}/list", self.place);
        self.path(&list.path, &format!("{place}/path"), |column| column.parent)?;
        let size = (1..=100_000).contains(&list.page_size);
        want(size, &format!("{place}/page_size"), "1 to 100000")?;
        for (at, order) in list.orders.iter().enumerate() {
            let known = self
                .find(&order.column)
                .is_some_and(|column| !column.parent && !column.parameter);
            let place = format!("{place}/orders/{at}");
            want(
                known,
                &format!("{place}/column"),
                "the name of a column that records have",
            )?;
            want(
                !order.name.is_empty(),
                &format!("{place}/name"),
                "the name of an order",
            )?;
        }
        for (at, required) in list.required.iter().enumerate() {
            let filtered = self.table.filters.iter().any(|filter| {
                filter.parameter == required.parameter && filter.operator == FilterOperator::Equal
            });
            let place = format!("{place}/required/{at}/parameter");
            want(filtered, &place, "the parameter of a filter with \"=\"")?;
        }
        if list.values {
            let held = self
                .table
                .columns
                .iter()
                .filter(|column| !column.parent && !column.parameter);
            want(
                held.count() == 1,
                &format!("{place}/values"),
                "absent with several columns",
            )?;
        }
        Ok(())
    }

    fn array(&self, array: &Array) -> Check {
        let place = format!("{}/array", self.place);
        let target = self.tables.get(array.table.as_str()).copied();
        let key = target
            .filter(|table| table.list.is_some())
            .and_then(key_column);
        let wanted = "the name of a table with a list and one key column";
        let Some(key) = key else {
            return want(false, &format!("{place}/table"), wanted);
        };
        want(
            !array.field.is_empty(),
            &format!("{place}/field"),
            "the name of a field",
        )?;
        let parent = self
            .find(&array.parent_column)
            .is_some_and(|column| column.parent && column.kind == key.kind);
        let wanted = "the name of a column that is of a parent, with the type of its key";
        want(parent, &format!("{place}/parent_column"), wanted)
    }

    fn filter(&self, filter: &Filter, place: &str) -> Check {
        let column = self.find(&filter.column).filter(|column| !column.parent);
        let name = format!("{place}/column");
        want(
            column.is_some(),
            &name,
            "the name of a column that is not of a parent",
        )?;
        let parameter = format!("{place}/parameter");
        want(
            !filter.parameter.is_empty(),
            &parameter,
            "the name of a parameter",
        )?;
        let wanted = "a text with \"{}\", \"{-1 day}\" or \"{+1 day}\"; or without any for one \
                      value, or for NULL";
        want(
            is_template(filter, column),
            &format!("{place}/template"),
            wanted,
        )?;
        let spelled = filter.values.iter().all(|value| !value.is_empty());
        want(
            spelled,
            &format!("{place}/values"),
            "a list of texts that are not empty",
        )?;
        let some = filter.max_values != Some(0);
        want(some, &format!("{place}/max_values"), "at least 1")?;
        let known = !column.is_some_and(|column| column.ignore_case)
            || filter.operator != FilterOperator::Equal
            || !filter.values.is_empty();
        let wanted = "a list of all values where case is ignored, as the service may not ignore it";
        want(known, &format!("{place}/values"), wanted)
    }
}

fn is_template(filter: &Filter, column: Option<&Column>) -> bool {
    let template = filter.template.as_deref().unwrap_or("{}");
    let shifted = template.matches("{-1 day}").count() + template.matches("{+1 day}").count();
    let plain = template.matches("{}").count();
    let braces = template.matches(['{', '}']).count();
    let is_date = column.is_some_and(|column| column.kind == ColumnType::Date);
    match filter.operator {
        FilterOperator::IsNull | FilterOperator::IsNotNull => {
            filter.template.is_some() && braces == 0 && !template.is_empty()
        }
        _ if braces == 0 => filter.values.len() == 1 && !template.is_empty(),
        _ => shifted + plain == 1 && braces == 2 && (shifted == 0 || is_date),
    }
}

/// The only key column of a table.
fn key_column(table: &Table) -> Option<&Column> {
    let [key] = table.key.as_slice() else {
        return None;
    };
    table.columns.iter().find(|column| &column.name == key)
}

fn has_field(table: &Table, name: &str, kind: ColumnType) -> bool {
    table
        .columns
        .iter()
        .any(|column| column.name == name && column.path() == (name, None) && column.kind == kind)
}

#[cfg(test)]
mod tests;
