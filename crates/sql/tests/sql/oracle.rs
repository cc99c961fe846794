//! The sandbox's data in plain `SQLite` tables, to check answers against.
//!
//! It is read on a way of its own: from within the sandbox, without the library's code for
//! requests, pages and values. What it shares with the library is the profile's list of tables.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::iter;

use apilink_core::profile::Profile;
use apilink_core::profile::tables::{Column, ColumnType, List, Table};
use apilink_sql::Value;
use clio_sandbox::Sandbox;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

type Row = Vec<Cell>;

/// The sandbox's data.
pub struct Oracle {
    connection: Connection,
}

impl Oracle {
    /// Loads the tables and columns whose names are words of the texts.
    pub fn of<'t>(sandbox: &Sandbox, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let words = words(texts);
        let loader = Loader {
            sandbox,
            profile: &Profile::built_in_clio(),
        };
        let connection = Connection::open_in_memory().unwrap();
        add_functions(&connection);
        let tables = loader.profile.tables().iter();
        for table in tables.filter(|table| words.contains(&table.name)) {
            let mut table = table.clone();
            let key = table.key.clone();
            let columns = &mut table.columns;
            columns.retain(|column| words.contains(&column.name) || key.contains(&column.name));
            loader.load(&table).store(&connection, &table.name);
        }
        Self { connection }
    }

    /// The rows that a query has.
    pub fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, String> {
        let run = || {
            let mut statement = self.connection.prepare(sql)?;
            let width = statement.column_count();
            let values = params_from_iter(values.iter().map(to_cell));
            let rows = statement.query_map(values, |row| {
                (0..width)
                    .map(|at| row.get::<_, Cell>(at).map(from_cell))
                    .collect()
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        run().map_err(|error| format!("{error}: {sql}"))
    }

    /// A number worked out from the data: an SQL expression in which `pages(FROM …)` and
    /// `lookups(SELECT count(DISTINCT …) FROM …)` may stand.
    pub fn number(&self, expression: &str) -> Result<u64, String> {
        let sql = format!("SELECT {}", spell_out(expression));
        let rows = self.query(&sql, &[])?;
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(number)) => Ok(u64::try_from(*number).unwrap()),
            other => Err(format!("not a number: {other:?}: {expression}")),
        }
    }
}

fn words<'t>(texts: impl IntoIterator<Item = &'t str>) -> HashSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    texts
        .into_iter()
        .flat_map(|text| text.split(move |letter| !is_part(letter)))
        .map(str::to_ascii_lowercase)
        .collect()
}

/// `pages(n)`: the calls that a list of n records takes, in pages of 200, and at least one.
/// `pages_1000(n)` and the like: in pages of that size. `lookups(n)`: the calls that n records
/// take that are asked for by their ids.
fn add_functions(connection: &Connection) {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for (name, size, least) in [
        ("pages", 200, 1),
        ("pages_25", 25, 1),
        ("pages_1000", 1000, 1),
        ("pages_2000", 2000, 1),
        ("lookups", 200, 0),
    ] {
        connection
            .create_scalar_function(name, 1, flags, move |context| {
                let count: i64 = context.get(0)?;
                Ok(((count + size - 1) / size).max(least))
            })
            .unwrap();
    }
    // Of all letters, and not only those of ASCII.
    for (name, change) in [
        ("upper", str::to_uppercase as fn(&str) -> String),
        ("lower", str::to_lowercase),
    ] {
        let function = move |context: &mut Context| {
            let text: Option<String> = context.get(0)?;
            Ok(text.map(|text| change(&text)))
        };
        connection
            .create_scalar_function(name, 1, flags, function)
            .unwrap();
    }
}

/// Puts the parentheses and the count into `pages(FROM …)` and `lookups(SELECT …)`.
fn spell_out(expression: &str) -> String {
    let mut out = String::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once("(FROM ") {
        let end = closing(after);
        out.push_str(before);
        out.push_str("((SELECT count(*) FROM ");
        out.push_str(&after[..end]);
        out.push(')');
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Where the parenthesis closes that was open at the beginning.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// A table's columns, with what they are inside `SQLite`, and its rows.
struct Loaded {
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl Loaded {
    fn store(&self, connection: &Connection, name: &str) {
        let create = format!("CREATE TABLE \"{name}\" ({})", self.columns.join(", "));
        connection.execute_batch(&create).unwrap();
        let marks = vec!["?"; self.columns.len()].join(", ");
        let insert = format!("INSERT INTO \"{name}\" VALUES ({marks})");
        let mut statement = connection.prepare(&insert).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for row in &self.rows {
            statement.execute(params_from_iter(row)).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        let names = self
            .columns
            .iter()
            .filter_map(|column| column.split('"').nth(1));
        for column in names.filter(|column| column.ends_with("id")) {
            let index = format!("CREATE INDEX \"{name} by {column}\" ON \"{name}\" (\"{column}\")");
            connection.execute_batch(&index).unwrap();
        }
    }
}

struct Loader<'a> {
    sandbox: &'a Sandbox,
    profile: &'a Profile,
}

impl Loader<'_> {
    fn load(&self, table: &Table) -> Loaded {
        let custom = self.custom_columns(table);
        let own = table.columns.iter().filter(|column| !column.parameter);
        let columns = own.map(declaration);
        let columns = columns.chain(custom.iter().map(|column| column.declaration.clone()));
        Loaded {
            columns: columns.collect(),
            rows: self.rows(table, &custom),
        }
    }

    fn rows(&self, table: &Table, custom: &[CustomColumn]) -> Vec<Row> {
        let fields = field_list(table, custom);
        if let Some(array) = &table.array {
            let holder = self.table(&array.table);
            let list = holder.list.as_ref().unwrap();
            // Objects within an array's objects come as they are: with their ids.
            let fields = without_braces(&fields);
            let fields = format!("{},{}{{{fields}}}", holder.key[0], array.field);
            let records = self.records(list, &list.path, &fields);
            let of_record = |record: &Json| -> Vec<Row> {
                let parent = &record[&holder.key[0]];
                let items = record[&array.field].as_array().cloned().unwrap_or_default();
                items
                    .iter()
                    .map(|item| row(table, custom, item, parent))
                    .collect()
            };
            return records.iter().flat_map(of_record).collect();
        }
        let list = table.list.as_ref().unwrap();
        let Some(parent) = table.columns.iter().find(|column| column.parent) else {
            let mut records = self.records(list, &list.path, &fields);
            if list.values {
                let name = &table.key[0];
                records = records
                    .into_iter()
                    .map(|value| json!({ name: value }))
                    .collect();
            }
            let rows = records.iter();
            return rows
                .map(|record| row(table, custom, record, &Json::Null))
                .collect();
        };
        let holder = self.table(&parent.reference.as_ref().unwrap().table);
        let holders = self.records(
            holder.list.as_ref().unwrap(),
            &holder.list.as_ref().unwrap().path,
            &holder.key[0],
        );
        let mut rows = Vec::new();
        for record in holders {
            let key = &record[&holder.key[0]];
            let path = list
                .path
                .replace(&format!("{{{}}}", parent.name), &key.to_string());
            for item in self.records(list, &path, &fields) {
                rows.push(row(table, custom, &item, key));
            }
        }
        rows
    }

    fn table(&self, name: &str) -> &Table {
        let tables = self.profile.tables();
        tables.iter().find(|table| table.name == name).unwrap()
    }

    /// All records of a list, once for each value of what it requires.
    fn records(&self, list: &List, path: &str, fields: &str) -> Vec<Json> {
        let mut query = vec![];
        if !list.without_fields {
            query.push(format!("fields={fields}"));
        }
        if !list.single && !list.unpaged {
            query.push(format!("limit={}&order=id(asc)", list.page_size));
        }
        let constant = list.constant.iter();
        query.extend(constant.map(|(name, value)| format!("{name}={value}")));
        let mut addresses = vec![format!("/api/v4/{path}.json?{}", query.join("&"))];
        for required in &list.required {
            addresses = addresses
                .iter()
                .flat_map(|address| {
                    let values = required.values.iter();
                    values.map(move |value| format!("{address}&{}={value}", required.parameter))
                })
                .collect();
        }
        addresses
            .iter()
            .flat_map(|address| self.pages(address))
            .collect()
    }

    fn pages(&self, address: &str) -> Vec<Json> {
        let mut records = Vec::new();
        let mut next = Some(address.to_owned());
        while let Some(address) = next {
            let (status, body) = self.sandbox.peek(&address);
            // There may be no such thing for this one parent.
            if status == 404 {
                break;
            }
            assert_eq!(status, 200, "{address}: {}", String::from_utf8_lossy(&body));
            let reply: Json = serde_json::from_slice(&body).unwrap();
            match &reply["data"] {
                Json::Array(page) => records.extend(page.iter().cloned()),
                record => records.push(record.clone()),
            }
            let link = reply.pointer("/meta/paging/next").and_then(Json::as_str);
            next = link.map(|link| link[link.find("/api/").unwrap()..].to_owned());
        }
        records
    }

    /// The names of a table's records, by key.
    fn names(&self, table: &str, text: &str) -> HashMap<String, String> {
        let list = self.table(table).list.as_ref().unwrap();
        let records = self.records(list, &list.path, &format!("id,{text}"));
        let name = |record: &Json| {
            let name = record[text].as_str().unwrap().to_owned();
            (record["id"].to_string(), name)
        };
        records.iter().map(name).collect()
    }

    fn custom_columns(&self, table: &Table) -> Vec<CustomColumn> {
        let (Some(custom), Some(profile)) = (&table.custom_fields, &self.profile.custom_fields)
        else {
            return Vec::new();
        };
        let definitions = self.table(&profile.table).list.as_ref().unwrap();
        let fields = format!(
            "id,{},{},{},{},{}{{id,{}}}",
            profile.name,
            profile.kind,
            profile.parent_type,
            profile.deleted,
            profile.options,
            profile.option_text
        );
        let definitions = self.records(definitions, &definitions.path, &fields);
        let mine = definitions.iter().filter(|definition| {
            definition[&profile.parent_type] == custom.parent_type.as_str()
                && definition[&profile.deleted] != true
        });
        mine.flat_map(|definition| {
            let kind = definition[&profile.kind].as_str().unwrap();
            let kind = &profile.types[kind];
            let options = definition[&profile.options].as_array();
            let options = options.into_iter().flatten().map(|option| {
                let text = option[&profile.option_text].as_str().unwrap();
                (option["id"].to_string(), text.to_owned())
            });
            let name = definition[&profile.name].as_str().unwrap();
            let object = kind.object.as_ref();
            let column = CustomColumn {
                declaration: declare(name, kind.kind, false),
                definition: definition["id"].as_i64().unwrap(),
                array: custom.field.clone(),
                value: profile.value.clone(),
                value_definition: profile.value_definition.clone(),
                kind: kind.kind,
                options: match object {
                    Some(object) => Some(self.names(&object.table, &object.text)),
                    None => kind.option.then(|| options.collect()),
                },
            };
            let id = object.map(|_| CustomColumn {
                declaration: declare(&format!("{name}_id"), ColumnType::Bigint, false),
                kind: ColumnType::Bigint,
                options: None,
                ..column.clone()
            });
            iter::once(column).chain(id)
        })
        .collect()
    }
}

/// A column for a field of the account's own.
#[derive(Clone)]
struct CustomColumn {
    declaration: String,
    definition: i64,
    array: String,
    value: String,
    value_definition: String,
    kind: ColumnType,
    /// What is shown in place of a value.
    options: Option<HashMap<String, String>>,
}

impl CustomColumn {
    fn cell(&self, record: &Json) -> Cell {
        let values = record[&self.array].as_array();
        let mine = values
            .into_iter()
            .flatten()
            .find(|value| value[&self.value_definition]["id"] == self.definition);
        let Some(value) = mine.map(|value| &value[&self.value]) else {
            return Cell::Null;
        };
        match &self.options {
            Some(options) => {
                let option = value.as_str().map(str::to_owned);
                let option = option.unwrap_or_else(|| value.to_string());
                options.get(&option).cloned().map_or(Cell::Null, Cell::Text)
            }
            None => cell(value, self.kind),
        }
    }
}

fn declaration(column: &Column) -> String {
    declare(&column.name, column.kind, column.ignore_case)
}

fn declare(name: &str, kind: ColumnType, ignore_case: bool) -> String {
    let affinity = match kind {
        ColumnType::Bigint | ColumnType::Integer | ColumnType::Boolean => "INTEGER",
        ColumnType::Decimal | ColumnType::Double => "REAL",
        ColumnType::Date | ColumnType::Timestamp | ColumnType::Text | ColumnType::Json => "TEXT",
    };
    let collation = if ignore_case { " COLLATE NOCASE" } else { "" };
    format!("\"{name}\" {affinity}{collation}")
}

/// What a record has to hold: `id,client{id,name}`.
fn field_list(table: &Table, custom: &[CustomColumn]) -> String {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for column in &table.columns {
        if !column.parent && !column.parameter {
            let (field, inner) = column.path();
            fields.entry(field).or_default().extend(inner);
        }
    }
    for column in custom {
        let inner = fields.entry(&column.array).or_default();
        if inner.is_empty() {
            inner.extend([column.value.as_str(), column.value_definition.as_str()]);
        }
    }
    let fields = fields.into_iter().map(|(field, inner)| {
        if inner.is_empty() {
            field.to_owned()
        } else {
            format!("{field}{{{}}}", inner.join(","))
        }
    });
    fields.collect::<Vec<_>>().join(",")
}

fn without_braces(fields: &str) -> String {
    let mut depth = 0;
    let outside = |letter: &char| {
        depth += i32::from(*letter == '{') - i32::from(*letter == '}');
        depth == 0 && *letter != '}'
    };
    fields.chars().filter(outside).collect()
}

fn row(table: &Table, custom: &[CustomColumn], record: &Json, parent: &Json) -> Row {
    let own = table.columns.iter().filter(|column| !column.parameter);
    let own = own.map(|column| {
        if column.parent {
            return cell(parent, column.kind);
        }
        let (field, inner) = column.path();
        let value = &record[field];
        cell(inner.map_or(value, |inner| &value[inner]), column.kind)
    });
    own.chain(custom.iter().map(|column| column.cell(record)))
        .collect()
}

fn cell(value: &Json, kind: ColumnType) -> Cell {
    if value.is_null() {
        return Cell::Null;
    }
    let text = match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match kind {
        ColumnType::Bigint | ColumnType::Integer => {
            let number = text.parse().or_else(|_| text.replace(".0", "").parse());
            Cell::Integer(number.unwrap_or_else(|_| panic!("{text} is no {kind:?}")))
        }
        // Amounts have no more than four places.
        ColumnType::Decimal => Cell::Real((text.parse::<f64>().unwrap() * 1e4).round() / 1e4),
        ColumnType::Double => Cell::Real(text.parse().unwrap()),
        ColumnType::Boolean => Cell::Integer(text.parse::<bool>().unwrap().into()),
        ColumnType::Timestamp => Cell::Text(utc(&text)),
        ColumnType::Date | ColumnType::Text => Cell::Text(text),
        ColumnType::Json => Cell::Text(value.to_string()),
    }
}

/// A time with its offset, as UTC.
fn utc(text: &str) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let time = OffsetDateTime::parse(text, &Rfc3339).unwrap();
    time.to_offset(time::UtcOffset::UTC).format(form).unwrap()
}

fn to_cell(value: &Value) -> Cell {
    match value.clone() {
        Value::Null => Cell::Null,
        Value::Integer(number) => Cell::Integer(number),
        Value::Real(number) => Cell::Real(number),
        Value::Text(text) => Cell::Text(text),
        Value::Bytes(bytes) => Cell::Blob(bytes),
    }
}

fn from_cell(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => Value::Integer(number),
        Cell::Real(number) => Value::Real(number),
        Cell::Text(text) => Value::Text(text),
        Cell::Blob(bytes) => Value::Bytes(bytes),
    }
}

#[test]
fn shorthands_are_spelled_out() {
    assert_eq!(
        spell_out("pages(FROM a WHERE b IN (1, 2)) + lookups((SELECT 1)) + 1"),
        "pages((SELECT count(*) FROM a WHERE b IN (1, 2))) + lookups((SELECT 1)) + 1"
    );
}
