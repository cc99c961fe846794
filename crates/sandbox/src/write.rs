//! Creating, changing and deleting records.

mod rules;

use serde_json::{Map, Value, json};

use crate::api::{Call, etag_matches};
use crate::clock::{self, Second};
use crate::documents;
use crate::error::ApiError;
use crate::facts::{Body, Column, FACTS, Kind, Schema};
use crate::record::{Cell, Database, Key, Record, TableId, table_name, table_of_schema};
use rules::after_create;

type Errors = Map<String, Value>;

/// What a change works with.
pub struct Writer<'a, 'b> {
    /// The request.
    pub call: &'a Call<'b>,
    /// The firm's data.
    pub database: &'a mut Database,
    errors: Errors,
    /// The firm's present.
    pub now: Second,
}

/// Creates a row from the request's body.
pub fn create(call: &Call<'_>, database: &mut Database, table: TableId) -> Result<Key, ApiError> {
    let data = data_of(call)?;
    if database.id("documents") == Some(table)
        && let Some(document) = documents::of_new_version(database, &data)
    {
        documents::expect_upload(call, database, document);
        return Ok(document);
    }
    let schema = database
        .table(table)
        .ok_or_else(ApiError::not_found)?
        .schema;
    let mut record = Record::new(schema);
    let mut writer = Writer::new(call, database);
    writer.require(&data);
    writer.fill(&mut record, &data)?;
    writer.before_create(&mut record);
    writer.settle(&mut record, &data);
    writer.finish()?;
    let now = call.app.clock.now();
    let key = database.insert(table, record, now);
    after_create(call, database, key);
    Ok(key)
}

/// Changes a row by the request's body.
pub fn update(call: &Call<'_>, database: &mut Database, key: Key) -> Result<Key, ApiError> {
    let data = data_of(call)?;
    let row = unchanged_row(call, database, key)?;
    let mut record = row.clone();
    if is_locked(database, key, row) {
        return Err(ApiError::invalid_body(
            json!({ "base": ["is billed and cannot be changed"] }),
        ));
    }
    let mut writer = Writer::new(call, database);
    writer.fill(&mut record, &data)?;
    writer.settle(&mut record, &data);
    if is_table(writer.database, key, "documents") {
        documents::uploaded(&mut writer, key, &mut record, &data);
    }
    writer.finish()?;
    let now = call.app.clock.now();
    database.update(key, now, |row| *row = record);
    Ok(key)
}

/// Deletes a row; a document or folder goes to the trash.
pub fn delete(call: &Call<'_>, database: &mut Database, key: Key) -> Result<(), ApiError> {
    let row = unchanged_row(call, database, key)?;
    if is_locked(database, key, row) {
        return Err(ApiError::invalid_body(
            json!({ "base": ["is billed and cannot be deleted"] }),
        ));
    }
    let now = call.app.clock.now();
    if is_table(database, key, "documents") || is_table(database, key, "folders") {
        database.update(key, now, |row| {
            row.set("deleted_at", Cell::Time(now));
        });
    } else {
        database.delete(key);
    }
    Ok(())
}

/// The `data` object of the request's body.
pub fn data_of(call: &Call<'_>) -> Result<Map<String, Value>, ApiError> {
    let is_json = call
        .request
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    if !is_json {
        return Err(ApiError::bad_request(
            "The body must be application/json. (Clio takes forms too; the sandbox does not.)",
        ));
    }
    let body: Value = serde_json::from_slice(&call.request.body)
        .map_err(|_| ApiError::bad_request("The body is not valid JSON."))?;
    match body.get("data") {
        Some(Value::Object(data)) => Ok(data.clone()),
        _ => Err(ApiError::bad_request(
            "data is missing: the body must be {\"data\": {…}}.",
        )),
    }
}

/// The row, if it is what `If-Match` says.
fn unchanged_row<'d>(
    call: &Call<'_>,
    database: &'d Database,
    key: Key,
) -> Result<&'d Record, ApiError> {
    let row = database.row(key).ok_or_else(ApiError::not_found)?;
    match (call.request.header("if-match"), row.etag()) {
        (Some(given), Some(etag)) if !etag_matches(given, &etag) => Err(ApiError::precondition()),
        _ => Ok(row),
    }
}

/// Billed work cannot be changed.
fn is_locked(database: &Database, key: Key, row: &Record) -> bool {
    is_table(database, key, "activities") && row.get("billed").is_true()
}

/// Whether a row is of a table.
pub fn is_table(database: &Database, key: Key, name: &str) -> bool {
    database.id(name) == Some(key.table)
}

impl<'a, 'b> Writer<'a, 'b> {
    /// A writer without errors yet.
    pub fn new(call: &'a Call<'b>, database: &'a mut Database) -> Self {
        Self {
            call,
            database,
            errors: Errors::new(),
            now: call.app.clock.now(),
        }
    }

    fn body(&self) -> Option<&'static Body> {
        self.call
            .operation
            .body
            .as_ref()
            .and_then(|body| body.property("data"))
    }

    fn path(&self) -> &'static str {
        table_name(&self.call.operation.path)
    }

    /// Notes that a field of the body is wrong.
    pub fn error(&mut self, field: &str, what: &str) {
        let list = self
            .errors
            .entry(field.to_owned())
            .or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(what.into());
        }
    }

    /// An error reply, if anything was wrong.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid_body(Value::Object(self.errors)))
        }
    }

    /// Required properties must be there.
    pub fn require(&mut self, data: &Map<String, Value>) {
        let Some(body) = self.body() else { return };
        let given = |name: &str| data.get(name).is_some_and(|value| !value.is_null());
        for name in body.required() {
            // A note is about what its type says, whatever the document requires; a person has a
            // first and last name; a task may do without a description.
            let excused = match (self.path(), name) {
                ("notes", "matter") => data.get("type") != Some(&json!("Matter")),
                ("notes", "contact") => data.get("type") != Some(&json!("Contact")),
                ("contacts", "name") => given("first_name") || given("last_name"),
                ("tasks", "description") => true,
                _ => false,
            };
            if !given(name) && !excused {
                self.error(name, "can't be blank");
            }
        }
    }

    /// Sets the fields that the body names. What the API does not know is ignored, as Clio does.
    pub fn fill(&mut self, record: &mut Record, data: &Map<String, Value>) -> Result<(), ApiError> {
        let Some(body) = self.body() else {
            return Ok(());
        };
        let schema = record.schema;
        for (name, value) in data {
            let (Some(facts), Some(column)) = (body.property(name), schema.column(name)) else {
                continue;
            };
            match name.as_str() {
                "custom_field_values" => {
                    self.custom_values(record, value);
                    continue;
                }
                "parent" if schema.column("locked").is_some() => {
                    documents::place(self, record, value);
                    continue;
                }
                _ => {}
            }
            // The quantity of a line item is accepted and does not change.
            if self.path() == "line_items" && name == "quantity" {
                continue;
            }
            match self.cell(facts, column, record.get(name), value)? {
                Some(cell) => {
                    record.set(name, cell);
                }
                None => self.error(name, "is invalid"),
            }
        }
        Ok(())
    }

    /// A value of the body as a cell; `None` if it is not of the column's type.
    fn cell(
        &mut self,
        facts: &Body,
        column: &Column,
        before: &Cell,
        value: &Value,
    ) -> Result<Option<Cell>, ApiError> {
        Ok(match (&column.kind, value) {
            (Kind::Record(_), Value::Null) => {
                // Clio keeps people and other mandatory references when it is sent a null.
                if column.name.ends_with("attorney") {
                    Some(before.clone())
                } else {
                    Some(Cell::Null)
                }
            }
            (_, Value::Null) => Some(Cell::Null),
            (Kind::Record(_), Value::Object(given)) => self.object(facts, column, before, given)?,
            (Kind::List(inner), Value::Array(items)) => match inner.schema() {
                Some(schema) => Some(self.list(facts, schema, before, items)?),
                None => Some(Cell::Json(Box::new(value.clone()))),
            },
            (kind, value) => plain(kind, value),
        })
    }

    /// A reference to another row, or an object that lives in this one.
    fn object(
        &mut self,
        facts: &Body,
        column: &Column,
        before: &Cell,
        given: &Map<String, Value>,
    ) -> Result<Option<Cell>, ApiError> {
        let Some(schema) = column.kind.schema() else {
            return Ok(None);
        };
        if let Some(table) = table_of_schema(&schema.name).and_then(|name| self.database.id(name)) {
            let id = given.get("id").and_then(Value::as_i64);
            let key = id.map(|id| Key { table, id });
            return Ok(match key {
                Some(key) if self.database.row(key).is_some() => Some(Cell::Ref(key)),
                Some(_) | None => None,
            });
        }
        let mut record = match before {
            Cell::Inline(record) => (**record).clone(),
            _ => Record::inline(schema, self.fresh_id(), self.now),
        };
        self.inline(facts, &mut record, given)?;
        Ok(Some(record.into()))
    }

    /// Sets the fields of a record that lives in another.
    fn inline(
        &mut self,
        facts: &Body,
        record: &mut Record,
        given: &Map<String, Value>,
    ) -> Result<(), ApiError> {
        let schema = record.schema;
        for (name, value) in given {
            if name == "id" {
                continue;
            }
            if let (Some(facts), Some(column)) = (facts.property(name), schema.column(name)) {
                let before = record.get(name).clone();
                match self.cell(facts, column, &before, value)? {
                    Some(cell) => {
                        record.set(name, cell);
                    }
                    None => self.error(&format!("{}.{name}", schema.name), "is invalid"),
                }
            }
        }
        Ok(())
    }

    /// Merges a list: an `id` names one that is there, `_destroy` removes it, anything else is new.
    fn list(
        &mut self,
        facts: &Body,
        schema: &'static Schema,
        before: &Cell,
        items: &[Value],
    ) -> Result<Cell, ApiError> {
        let Body::List(facts) = facts else {
            return Ok(before.clone());
        };
        if let Some(table) = table_of_schema(&schema.name).and_then(|name| self.database.id(name)) {
            let ids = items
                .iter()
                .filter_map(|item| item.get("id").and_then(Value::as_i64));
            let keys = ids.map(|id| Key { table, id });
            return Ok(keys
                .filter(|key| self.database.row(*key).is_some())
                .collect::<Vec<_>>()
                .into());
        }
        let mut records = match before {
            Cell::Inlines(records) => records.clone(),
            _ => Vec::new(),
        };
        for item in items {
            let Some(given) = item.as_object() else {
                continue;
            };
            let id = given.get("id").and_then(Value::as_i64);
            let removed = ["_destroy", "_deleted"]
                .iter()
                .any(|name| given.get(*name).and_then(Value::as_bool) == Some(true));
            match id.and_then(|id| records.iter().position(|record| record.id() == id)) {
                Some(at) if removed => {
                    records.remove(at);
                }
                Some(at) => {
                    if let Some(mut record) = records.get(at).cloned() {
                        self.inline(facts, &mut record, given)?;
                        if let Some(place) = records.get_mut(at) {
                            *place = record;
                        }
                    }
                }
                None if id.is_some() => self.error(&schema.name, "is not a part of the record"),
                None => {
                    let mut record = Record::inline(schema, self.fresh_id(), self.now);
                    self.inline(facts, &mut record, given)?;
                    records.push(record);
                }
            }
        }
        Ok(Cell::Inlines(records))
    }

    /// An id for a record that lives in another: unique as long as the database changes.
    fn fresh_id(&mut self) -> i64 {
        950_000_000 + i64::try_from(self.database.next_inline()).unwrap_or(0)
    }

    /// `{"id": "text_line-1", "value": …}` changes a value, `{"custom_field": {"id": 5}, "value": …}`
    /// makes one.
    fn custom_values(&mut self, record: &mut Record, value: &Value) {
        let mut values = match record.get("custom_field_values") {
            Cell::Inlines(values) => values.clone(),
            _ => Vec::new(),
        };
        for item in value.as_array().into_iter().flatten() {
            let text = item.get("value").map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let field = item.pointer("/custom_field/id").and_then(Value::as_i64);
            let id = item.get("id").and_then(Value::as_str);
            let place = id.and_then(|id| {
                values
                    .iter()
                    .position(|value| value.get("id").text() == Some(id))
            });
            let destroyed = item.get("_destroy").and_then(Value::as_bool) == Some(true);
            match (place, field) {
                (Some(at), _) if destroyed => {
                    values.remove(at);
                }
                (Some(at), _) => {
                    if let Some(value) = values.get_mut(at) {
                        value
                            .set("value", text)
                            .set("updated_at", Cell::Time(self.now));
                        self.refer(value);
                    }
                }
                (None, Some(field)) if id.is_none() => match self.new_value(field, text) {
                    Some(value) => {
                        let same = values.iter().any(|old| {
                            old.get("custom_field").key().is_some_and(|k| k.id == field)
                        });
                        if same {
                            self.error("custom_field_values", "has already been taken");
                        } else {
                            values.push(value);
                        }
                    }
                    None => self.error("custom_field_values", "has no such custom field"),
                },
                _ => self.error("custom_field_values", "has no such value"),
            }
        }
        record.set("custom_field_values", values);
    }

    fn new_value(&mut self, field: i64, text: Option<String>) -> Option<Record> {
        let key = Key {
            table: self.database.id("custom_fields")?,
            id: field,
        };
        let id = self.fresh_id();
        let field = self.database.row(key)?;
        let mut value = Record::inline(FACTS.schema("CustomFieldValue")?, id, self.now);
        let kind = field.get("field_type").text().unwrap_or_default();
        value
            .set("id", format!("{kind}-{id}"))
            .set("field_name", field.get("name").clone())
            .set("field_type", kind)
            .set("field_display_order", field.get("display_order").clone())
            .set("field_displayed", field.get("displayed").clone())
            .set("field_required", field.get("required").clone())
            .set("soft_deleted", false)
            .set("value", text)
            .set("custom_field", key);
        self.refer(&mut value);
        Some(value)
    }

    /// Lets a value that is the id of a contact or a matter refer to it.
    fn refer(&self, value: &mut Record) {
        let (field, table) = match value.get("field_type").text() {
            Some("contact") => ("contact", "contacts"),
            Some("matter") => ("matter", "matters"),
            _ => return,
        };
        let id = value.get("value").text().and_then(|id| id.parse().ok());
        let key = self.database.id(table).zip(id);
        let key = key.map(|(table, id)| Key { table, id });
        value.set(field, key.filter(|key| self.database.row(*key).is_some()));
    }
}

/// A plain value of a type; `None` if it is of another.
fn plain(kind: &Kind, value: &Value) -> Option<Cell> {
    match kind {
        Kind::Boolean => value.as_bool().map(Cell::Bool),
        Kind::Integer => value.as_i64().map(Cell::Int),
        Kind::Number => value.as_f64().map(Cell::Num),
        Kind::Text => value.as_str().map(Cell::from),
        // Bodies say open where records say Open.
        Kind::Choice(values) => {
            let given = value.as_str()?;
            values
                .iter()
                .find(|value| value.eq_ignore_ascii_case(given))
                .cloned()
                .map(Cell::from)
        }
        Kind::Date => {
            let text = value.as_str()?;
            clock::parse_date(text)
                .or_else(|| clock::parse_time(text).map(clock::day_of))
                .map(Cell::Date)
        }
        Kind::DateTime => value.as_str().and_then(clock::parse_time).map(Cell::Time),
        Kind::Object => Some(Cell::Json(Box::new(value.clone()))),
        Kind::Record(_) | Kind::List(_) => None,
    }
}
