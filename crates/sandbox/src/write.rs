//! Creating, changing and deleting records.

use serde_json::{Map, Value, json};

use crate::api::{Call, etag_matches};
use crate::clock::{self, Second};
use crate::documents;
use crate::error::ApiError;
use crate::facts::{Body, Column, FACTS, Kind, Schema};
use crate::firm;
use crate::record::{Cell, Database, Key, Record, TableId, table_name, table_of_schema};

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

    /// What a new record has without being told.
    fn before_create(&mut self, record: &mut Record) {
        let me = self.database.id("users").map(|table| Key {
            table,
            id: self.call.user,
        });
        for name in ["user", "author", "creator", "assigner"] {
            if record.schema.column(name).is_some() && record.get(name).is_null() {
                record.set(name, me);
            }
        }
        let today = Cell::Date(clock::day_of(self.now));
        let rate = self.rate(record);
        let mut default = |name: &str, value: Cell| {
            if record.get(name).is_null() {
                record.set(name, value);
            }
        };
        match self.path() {
            "matters" => {
                default("status", "Open".into());
                default("billable", true.into());
                default("billing_method", "hourly".into());
                default("open_date", today);
                default("require_utbms_codes", false.into());
                let highest = self.database.rows("matters").iter().filter_map(|row| {
                    match row.get("number") {
                        Cell::Int(number) => Some(*number),
                        _ => None,
                    }
                });
                let number = highest.max().unwrap_or(0) + 1;
                record.set("number", number);
            }
            "activities" => {
                for name in [
                    "non_billable",
                    "no_charge",
                    "billed",
                    "on_bill",
                    "flat_rate",
                ] {
                    default(name, false.into());
                }
                default("quantity", 0.0.into());
                default("price", rate.unwrap_or(Cell::Num(0.0)));
            }
            "contacts" => {
                for name in ["is_client", "is_co_counsel", "is_bill_recipient"] {
                    default(name, false.into());
                }
            }
            "tasks" => {
                default("priority", "Normal".into());
                default("status", "pending".into());
                default("permission", "public".into());
                default("description", "".into());
            }
            "notes" => {
                default("date", today);
                default("detail_text_type", "plain_text".into());
            }
            "calendar_entries" => {
                default("all_day", false.into());
                default("court_rule", false.into());
                if let Some(owner) = record.get("calendar_owner").key() {
                    record
                        .set("calendars", vec![owner])
                        .set("calendar_owner_id", owner.id);
                }
            }
            "communications" => default("date", today),
            "documents" => {
                record.set("type", "Document").set("locked", false);
            }
            "folders" => {
                record
                    .set("type", "Folder")
                    .set("root", false)
                    .set("locked", false);
            }
            _ => {}
        }
    }

    fn rate(&self, record: &Record) -> Option<Cell> {
        let user = self.database.row(record.get("user").key()?)?;
        Some(user.get("rate").clone())
    }

    /// What follows from the fields of a record.
    fn settle(&mut self, record: &mut Record, data: &Map<String, Value>) {
        match self.path() {
            "contacts" => Self::settle_contact(record),
            "matters" => self.settle_matter(record, data),
            "activities" => settle_activity(record),
            "tasks" => {
                if record.get("status").text() == Some("complete") {
                    if record.get("completed_at").is_null() {
                        record.set("completed_at", Cell::Time(self.now));
                    }
                } else {
                    record.set("completed_at", Cell::Null);
                }
                if let Some(assignee) = data.get("assignee") {
                    match self.participant(assignee) {
                        Some(found) => {
                            record.set("assignee", found);
                        }
                        None => self.error("assignee", "does not exist"),
                    }
                }
            }
            "communications" => {
                for name in ["senders", "receivers"] {
                    if let Some(list) = data.get(name).and_then(Value::as_array) {
                        let found: Option<Vec<Record>> =
                            list.iter().map(|one| self.participant(one)).collect();
                        match found {
                            Some(found) => {
                                record.set(name, found);
                            }
                            None => self.error(name, "does not exist"),
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn participant(&self, given: &Value) -> Option<Record> {
        let table = match given.get("type")?.as_str()? {
            "User" => "users",
            "Contact" => "contacts",
            _ => return None,
        };
        let key = Key {
            table: self.database.id(table)?,
            id: given.get("id")?.as_i64()?,
        };
        firm::participant(self.database, key, self.now)
    }

    fn settle_contact(record: &mut Record) {
        let part = |name: &str| record.get(name).text().unwrap_or_default().to_owned();
        if record.get("type").text() == Some("Person") {
            let (first, last) = (part("first_name"), part("last_name"));
            if first.is_empty() && last.is_empty() {
                let name = part("name");
                let (first, last) = name.rsplit_once(' ').unwrap_or(("", &name));
                record.set("first_name", first).set("last_name", last);
            } else {
                record.set("name", format!("{first} {last}").trim());
            }
        }
        for (list, primary, field) in [
            ("email_addresses", "primary_email_address", "address"),
            ("phone_numbers", "primary_phone_number", "number"),
        ] {
            let first = match record.get(list) {
                Cell::Inlines(all) => all.first().map(|one| one.get(field).clone()),
                _ => None,
            };
            record.set(primary, first);
        }
        let address = match record.get("addresses") {
            Cell::Inlines(all) => all.first().cloned(),
            _ => None,
        };
        record.set("primary_address", address);
    }

    fn settle_matter(&mut self, record: &mut Record, data: &Map<String, Value>) {
        let client = record.get("client").key();
        record.set("client_id", client.map(|key| key.id));
        let today = clock::day_of(self.now);
        let status = record.get("status").text().unwrap_or_default().to_owned();
        if status == "Closed" && record.get("close_date").is_null() {
            record.set("close_date", Cell::Date(today));
        }
        if status == "Pending" && record.get("pending_date").is_null() {
            record.set("pending_date", Cell::Date(today));
        }
        let renumber = data.get("reset_matter_number").and_then(Value::as_bool) == Some(true);
        if record.get("display_number").is_null() || renumber {
            let client = client.and_then(|key| self.database.row(key));
            let name = client.map_or("", |client| {
                let last = client
                    .get("last_name")
                    .text()
                    .filter(|name| !name.is_empty());
                last.or(client.get("name").text()).unwrap_or_default()
            });
            let short = name.split(' ').next().unwrap_or_default();
            let number = record.get("number").number().unwrap_or(0.0);
            record.set("display_number", format!("{number:05}-{short}"));
        }
    }
}

fn settle_activity(record: &mut Record) {
    let number = |name: &str| record.get(name).number().unwrap_or(0.0);
    let (quantity, price) = (number("quantity"), number("price"));
    let time = record.get("type").text() == Some("TimeEntry");
    let hours = quantity / 3600.0;
    let total = ((if time { hours } else { quantity }) * price * 100.0).round() / 100.0;
    let billable = !record.get("non_billable").is_true() && !record.get("no_charge").is_true();
    record
        .set("total", if billable { total } else { 0.0 })
        .set("non_billable_total", if billable { 0.0 } else { total })
        .set("rounded_quantity", quantity);
    if time {
        record
            .set("quantity_in_hours", hours)
            .set("rounded_quantity_in_hours", hours);
    }
}

/// What else comes into being with a new record.
fn after_create(call: &Call<'_>, database: &mut Database, key: Key) {
    if is_table(database, key, "matters") {
        open_file(database, key, call.app.clock.now());
    }
    if is_table(database, key, "documents") {
        documents::expect_upload(call, database, key);
    }
}

/// The folder of a new matter; its client is a client now.
fn open_file(database: &mut Database, matter: Key, now: Second) {
    let Some(row) = database.row(matter) else {
        return;
    };
    let (name, client) = (row.get("display_number").clone(), row.get("client").key());
    if let Some(client) = client {
        database.update(client, now, |row| {
            row.set("is_client", true);
        });
    }
    let Some(folders) = database.id("folders") else {
        return;
    };
    let mut folder = database.blank(folders);
    folder
        .set("name", name)
        .set("type", "Folder")
        .set("root", true)
        .set("locked", false)
        .set("matter", matter);
    let folder = database.insert(folders, folder, now);
    database.amend(matter, |row| {
        row.set("folder", folder);
    });
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
