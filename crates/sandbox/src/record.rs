//! The firm's records: tables of rows whose cells refer to each other by key.

use std::collections::HashMap;

use serde_json::Value;

use crate::clock::{Day, Second};
use crate::facts::{EMPTY, FACTS, Schema};
use crate::random::mix;

/// A table's position in the [`Database`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TableId(usize);

/// One row of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Key {
    /// The table.
    pub table: TableId,
    /// The row's id.
    pub id: i64,
}

/// One value of a record.
#[derive(Debug, Clone, Default)]
pub enum Cell {
    /// Nothing; an empty list, in a column that is a list.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number. In a text column it is shown in quotes.
    Int(i64),
    /// A number.
    Num(f64),
    /// Text.
    Text(Box<str>),
    /// A date.
    Date(Day),
    /// A date and time.
    Time(Second),
    /// A record's revision: shown as an `ETag`.
    Etag(u64),
    /// Another row.
    Ref(Key),
    /// Several other rows.
    Refs(Vec<Key>),
    /// A record that lives only here.
    Inline(Box<Record>),
    /// Several of those.
    Inlines(Vec<Record>),
    /// Any JSON.
    Json(Box<Value>),
}

impl Cell {
    /// Whether it is [`Cell::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its number, if it is one.
    #[allow(
        clippy::cast_precision_loss,
        reason = "ids and amounts are far below 2^52"
    )]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Num(number) => Some(*number),
            _ => None,
        }
    }

    /// The row it refers to, if it refers to one.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Ref(key) => Some(*key),
            _ => None,
        }
    }

    /// Whether it is true.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Num(value)
    }
}
impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}
impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}
impl From<Key> for Cell {
    fn from(value: Key) -> Self {
        Self::Ref(value)
    }
}
impl From<Vec<Key>> for Cell {
    fn from(value: Vec<Key>) -> Self {
        Self::Refs(value)
    }
}
impl From<Record> for Cell {
    fn from(value: Record) -> Self {
        Self::Inline(Box::new(value))
    }
}
impl From<Vec<Record>> for Cell {
    fn from(value: Vec<Record>) -> Self {
        Self::Inlines(value)
    }
}
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of one schema's fields.
#[derive(Debug, Clone)]
pub struct Record {
    /// The schema.
    pub schema: &'static Schema,
    cells: Box<[Cell]>,
}

static NULL: Cell = Cell::Null;

impl Record {
    /// A record whose fields are all null.
    pub fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            cells: vec![Cell::Null; schema.columns.len()].into(),
        }
    }

    /// A record that lives inside of another: with an etag, if its schema has one.
    pub fn inline(schema: &'static Schema, id: i64, at: Second) -> Self {
        let mut record = Self::new(schema);
        record.set("id", id).stamp(mix(id.unsigned_abs()), at);
        record.set("created_at", Cell::Time(at));
        record
    }

    fn stamp(&mut self, etag: u64, at: Second) {
        self.set("etag", Cell::Etag(etag));
        self.set("updated_at", Cell::Time(at));
    }

    /// The value of a field; null for a field that the schema does not have.
    pub fn get(&self, name: &str) -> &Cell {
        self.schema
            .position(name)
            .map_or(&NULL, |position| self.at(position))
    }

    /// The value at a position of the schema.
    pub fn at(&self, position: usize) -> &Cell {
        self.cells.get(position).unwrap_or(&NULL)
    }

    /// Sets a field. A field that the schema does not have is left out, so that one piece of
    /// code can fill schemas that differ a little.
    pub fn set(&mut self, name: &str, value: impl Into<Cell>) -> &mut Self {
        if let Some(cell) = self
            .schema
            .position(name)
            .and_then(|position| self.cells.get_mut(position))
        {
            *cell = value.into();
        }
        self
    }

    /// The record's id.
    pub fn id(&self) -> i64 {
        match self.get("id") {
            Cell::Int(id) => *id,
            _ => 0,
        }
    }

    /// The record's `ETag` header, with its quotes.
    pub fn etag(&self) -> Option<String> {
        match self.get("etag") {
            Cell::Etag(revision) => Some(etag_text(*revision)),
            _ => None,
        }
    }
}

/// What an etag is made of. Ids and versions are both counted up, so that one is mixed before the
/// other is brought in: else a record's next version would be its neighbour's.
fn revision(id: i64, version: u64) -> u64 {
    mix(mix(id.unsigned_abs()) ^ version)
}

/// An `ETag` with its quotes.
pub fn etag_text(revision: u64) -> String {
    format!("\"{:016x}{:016x}\"", mix(revision), mix(!revision))
}

/// The rows of one kind, ordered by id.
#[derive(Debug)]
pub struct Table {
    /// Its name: the path of its list, such as `matters` or `utbms/codes`.
    pub name: String,
    /// The fields of its rows.
    pub schema: &'static Schema,
    /// The rows.
    pub rows: Vec<Record>,
    next_id: i64,
}

impl Table {
    fn position(&self, id: i64) -> Option<usize> {
        self.rows.binary_search_by_key(&id, Record::id).ok()
    }

    /// A row by its id.
    pub fn row(&self, id: i64) -> Option<&Record> {
        self.position(id)
            .and_then(|position| self.rows.get(position))
    }
}

/// Everything the firm has.
#[derive(Debug)]
pub struct Database {
    tables: Vec<Table>,
    by_name: HashMap<String, TableId>,
    /// Rises with every change.
    version: u64,
}

impl Database {
    /// A database with an empty table for each resource of the API.
    pub fn new() -> Self {
        let mut database = Self {
            tables: Vec::new(),
            by_name: HashMap::new(),
            version: 1,
        };
        for operation in &FACTS.operations {
            if let Some(schema) = operation.schema() {
                database.ensure(table_name(&operation.path), schema);
            }
        }
        if let Some(schema) = FACTS.schema("DocumentVersion") {
            database.ensure(DOCUMENT_VERSIONS, schema);
        }
        database
    }

    fn ensure(&mut self, name: &str, schema: &'static Schema) {
        if !self.by_name.contains_key(name) {
            self.by_name
                .insert(name.to_owned(), TableId(self.tables.len()));
            // Ids of different tables start at different points, so that a mix-up shows.
            let first = 1_000_001 + 10_000_000 * self.tables.len();
            self.tables.push(Table {
                name: name.to_owned(),
                schema,
                rows: Vec::new(),
                next_id: i64::try_from(first).unwrap_or(1),
            });
        }
    }

    /// A table by its name.
    pub fn id(&self, name: &str) -> Option<TableId> {
        self.by_name.get(name).copied()
    }

    /// A table.
    pub fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.get(id.0)
    }

    /// A table by its name.
    pub fn named(&self, name: &str) -> Option<&Table> {
        self.id(name).and_then(|id| self.table(id))
    }

    /// All tables.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    /// The rows of a table.
    pub fn rows(&self, name: &str) -> &[Record] {
        self.named(name).map_or(&[], |table| &table.rows)
    }

    /// A row by its key.
    pub fn row(&self, key: Key) -> Option<&Record> {
        self.table(key.table).and_then(|table| table.row(key.id))
    }

    /// A number that rises with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A record for a table, whose fields are all null.
    pub fn blank(&self, table: TableId) -> Record {
        Record::new(self.table(table).map_or(&*EMPTY, |table| table.schema))
    }

    /// A number that was not given before, for a record that lives within another.
    pub fn next_inline(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Adds a row and returns its key. Gives it an id (unless it brings one), an etag and its
    /// times (likewise).
    pub fn insert(&mut self, table_id: TableId, mut record: Record, at: Second) -> Key {
        self.version += 1;
        let Some(table) = self.tables.get_mut(table_id.0) else {
            return Key::default();
        };
        let id = match record.get("id") {
            Cell::Int(id) => *id,
            _ => table.next_id,
        };
        table.next_id = table.next_id.max(id) + 1;
        record.set("id", id);
        if record.get("created_at").is_null() {
            record.set("created_at", Cell::Time(at));
        }
        let updated = match record.get("updated_at") {
            Cell::Time(updated) => *updated,
            _ => at,
        };
        record.stamp(revision(id, self.version), updated);
        let position = table.rows.partition_point(|row| row.id() < id);
        table.rows.insert(position, record);
        Key {
            table: table_id,
            id,
        }
    }

    /// Changes a row: it gets a new etag and a new time.
    pub fn update(&mut self, key: Key, at: Second, change: impl FnOnce(&mut Record)) {
        self.version += 1;
        let etag = revision(key.id, self.version);
        if let Some(row) = self.row_mut(key) {
            change(row);
            row.stamp(etag, at);
        }
    }

    /// Changes a row without a trace: for data that is being generated.
    pub fn amend(&mut self, key: Key, change: impl FnOnce(&mut Record)) {
        self.version += 1;
        if let Some(row) = self.row_mut(key) {
            change(row);
        }
    }

    fn row_mut(&mut self, key: Key) -> Option<&mut Record> {
        let table = self.tables.get_mut(key.table.0)?;
        let position = table.position(key.id)?;
        table.rows.get_mut(position)
    }

    /// Removes a row.
    pub fn delete(&mut self, key: Key) {
        self.version += 1;
        if let Some(table) = self.tables.get_mut(key.table.0)
            && let Some(position) = table.position(key.id)
        {
            table.rows.remove(position);
        }
    }
}

/// The table of document versions, which Clio lists only below a document.
pub const DOCUMENT_VERSIONS: &str = "document_versions";

/// The table that an operation works on: its path without `.json` and a final id.
pub fn table_name(path: &str) -> &str {
    let path = path.trim_start_matches('/').trim_end_matches(".json");
    match path {
        "users/who_am_i" => "users",
        _ => path.strip_suffix("/{id}").unwrap_or(path),
    }
}

/// The table whose rows a schema describes, where one exists: `contacts` for `Contact`.
pub fn table_of_schema(name: &str) -> Option<&'static str> {
    Some(match name {
        "ActivityDescription" => "activity_descriptions",
        "Activity" => "activities",
        "BankAccount" => "bank_accounts",
        "BillTheme" => "bill_themes",
        "Bill" => "bills",
        "CalendarEntryEventType" => "calendar_entry_event_types",
        "CalendarEntry" | "Activity_CalendarEntry_base" => "calendar_entries",
        "Calendar" => "calendars",
        "Communication" => "communications",
        "Contact" | "SafeCustodyPacket_Contact_base" => "contacts",
        "Currency" => "currencies",
        "CustomFieldSet" => "custom_field_sets",
        "CustomField" => "custom_fields",
        "DocumentCategory" => "document_categories",
        "DocumentTemplate" => "document_templates",
        "Document" => "documents",
        "ExpenseCategory" => "expense_categories",
        "Folder" | "LinkedFolder_base" => "folders",
        "Group" => "groups",
        "MatterStage" => "matter_stages",
        "Matter" => "matters",
        "Note" => "notes",
        "PracticeArea" => "practice_areas",
        "Relationship" => "relationships",
        "Task" | "Activity_Task_base" => "tasks",
        "TaskTemplateList" => "task_template_lists",
        "TaskType" => "task_types",
        "User" | "ClioCreator_base" => "users",
        "UtbmsCode" => "utbms/codes",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_resource_has_a_table() {
        let database = Database::new();
        for name in [
            "matters",
            "users",
            "utbms/codes",
            "documents",
            DOCUMENT_VERSIONS,
        ] {
            assert!(database.named(name).is_some(), "{name}");
        }
        for operation in &FACTS.operations {
            if let Some(schema) = operation.schema()
                && let Some(name) = table_of_schema(&schema.name)
            {
                assert!(database.named(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn rows_are_found_changed_and_deleted() {
        let mut database = Database::new();
        let table = database.id("contacts").unwrap();
        let record = Record::new(database.table(table).unwrap().schema);
        let key = database.insert(table, record, 0);
        let etag = database.row(key).unwrap().etag().unwrap();
        database.update(key, 5, |row| {
            row.set("name", "Ada");
        });
        let row = database.row(key).unwrap();
        assert_eq!(row.get("name").text(), Some("Ada"));
        assert_ne!(row.etag().unwrap(), etag);
        assert!(matches!(row.get("updated_at"), Cell::Time(5)));
        database.delete(key);
        assert!(database.row(key).is_none());
    }
}
