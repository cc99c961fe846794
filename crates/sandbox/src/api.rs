//! The API's operations over the firm's data.

use crate::app::App;
use crate::documents;
use crate::error::ApiError;
use crate::facts::{FACTS, Operation, Schema};
use crate::http::{Reply, Request};
use crate::query::{ListRequest, Parameters};
use crate::record::{Cell, DOCUMENT_VERSIONS, Database, Key, Record, TableId, table_name};
use crate::select::View;
use crate::storage::Content;
use crate::write;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Lists a table.
    List(TableId),
    /// Lists the ids of a table.
    Ids(TableId),
    /// Lists records that are kept within another: its table, their field.
    Within(TableId, &'static str),
    /// Lists the versions of a document.
    Versions,
    /// Lists documents and folders together.
    Items,
    /// The client, or the contacts, of a matter.
    MatterClient,
    MatterContacts,
    RelatedContacts,
    /// Shows a row.
    Show(TableId),
    /// Shows the only row.
    Only(TableId),
    WhoAmI,
    Download,
    /// Leads to the file of a row: its table, and the table's name.
    File(TableId, &'static str),
    /// Shows a row as a page.
    Preview(TableId),
    Create(TableId),
    Update(TableId),
    Delete(TableId),
    Copy,
    SaveAsLatest,
    /// Clio has it, the sandbox does not.
    NotBuilt,
}

/// The bytes of a report and its like.
const FILE_LENGTH: u64 = 2_000;

/// The operations of the API, by their position in the facts.
#[derive(Debug)]
pub struct Api(Vec<Action>);

impl Api {
    /// Finds for each operation what it does.
    pub fn new(database: &Database) -> Self {
        Self(
            FACTS
                .operations
                .iter()
                .map(|operation| action(database, operation))
                .collect(),
        )
    }

    /// Whether a path is that of a plain list, which looks the same to everyone.
    pub fn is_list(&self, path: &str) -> bool {
        path.strip_prefix("/api/v4")
            .and_then(|below| FACTS.route("GET", below))
            .and_then(|at| self.0.get(at))
            .is_some_and(|action| matches!(action, Action::List(_)))
    }

    /// Operations that Clio has and the sandbox does not, such as `GET /timer.json`.
    pub fn not_built(&self) -> impl Iterator<Item = &'static Operation> {
        FACTS
            .operations
            .iter()
            .zip(&self.0)
            .filter(|(_, action)| **action == Action::NotBuilt)
            .map(|(operation, _)| operation)
    }

    /// Carries out a request in the name of a user.
    pub fn call(&self, app: &App, request: &Request, user: i64) -> Result<Reply, ApiError> {
        let below = request.path.strip_prefix("/api/v4").unwrap_or_default();
        let at = FACTS
            .route(&request.method, below)
            .ok_or_else(ApiError::not_found)?;
        let (Some(operation), Some(action)) = (FACTS.operations.get(at), self.0.get(at)) else {
            return Err(ApiError::not_found());
        };
        let resource = below
            .trim_start_matches('/')
            .split(['/', '.'])
            .next()
            .unwrap_or_default();
        if app
            .options
            .without_permissions
            .iter()
            .any(|name| name == resource)
        {
            return Err(ApiError::forbidden());
        }
        Call {
            app,
            request,
            operation,
            user,
            ids: operation
                .path_values(below)
                .into_iter()
                .filter_map(|(_, value)| value.parse().ok())
                .collect(),
            parameters: Parameters::parse(request.query.as_bytes()),
        }
        .run(*action)
    }
}

fn action(database: &Database, operation: &Operation) -> Action {
    let path = operation.path.trim_end_matches(".json");
    let within = |table, field| {
        database
            .id(table)
            .map_or(Action::NotBuilt, |table| Action::Within(table, field))
    };
    let file = |name| {
        database
            .id(name)
            .map_or(Action::NotBuilt, |table| Action::File(table, name))
    };
    let table = database.id(table_name(&operation.path));
    let plain = |make: fn(TableId) -> Action| table.map_or(Action::NotBuilt, make);
    match (operation.method.as_str(), path) {
        (_, "/timer") => Action::NotBuilt,
        ("GET", "/users/who_am_i") => Action::WhoAmI,
        ("GET", "/billable_matters/ids") => database
            .id("billable_matters")
            .map_or(Action::NotBuilt, Action::Ids),
        ("GET", "/contacts/{contact_id}/email_addresses") => within("contacts", "email_addresses"),
        ("GET", "/contacts/{contact_id}/phone_numbers") => within("contacts", "phone_numbers"),
        ("GET", "/documents/{id}/versions") => Action::Versions,
        ("GET", "/documents/{id}/download") => Action::Download,
        ("GET", "/reports/{id}/download") => file("reports"),
        ("GET", "/document_templates/{id}/download") => file("document_templates"),
        ("GET", "/document_archives/{id}/download") => file("document_archives"),
        ("GET", "/bills/{id}/preview") => database
            .id("bills")
            .map_or(Action::NotBuilt, Action::Preview),
        ("POST", "/documents/{id}/copy") => Action::Copy,
        ("POST", "/documents/{id}/versions/{document_version_id}/save_as_latest_version") => {
            Action::SaveAsLatest
        }
        ("GET", "/folders/list") => Action::Items,
        ("GET", "/matters/{matter_id}/client") => Action::MatterClient,
        ("GET", "/matters/{matter_id}/contacts") => Action::MatterContacts,
        ("GET", "/matters/{matter_id}/related_contacts") => Action::RelatedContacts,
        ("GET", "/matters/{id}/protected_funds") => within("matters", "protected_funds"),
        ("GET", "/settings/billing") => plain(Action::Only),
        ("GET", _) if operation.limit.is_some() => plain(Action::List),
        ("GET", _) if path.ends_with("/{id}") => plain(Action::Show),
        ("POST", _) if operation.body.is_some() && !path.contains("/{") => plain(Action::Create),
        ("PATCH", _) if path.ends_with("/{id}") => plain(Action::Update),
        ("DELETE", _) if path.ends_with("/{id}") => plain(Action::Delete),
        _ => Action::NotBuilt,
    }
}

/// One request to the API.
pub struct Call<'a> {
    /// The sandbox.
    pub app: &'a App,
    /// The request.
    pub request: &'a Request,
    /// The operation it asks for.
    pub operation: &'static Operation,
    /// The id of the user whose token it carries.
    pub user: i64,
    /// The numbers in the path.
    pub ids: Vec<i64>,
    /// The query parameters.
    pub parameters: Parameters,
}

impl Call<'_> {
    fn run(&self, action: Action) -> Result<Reply, ApiError> {
        let id = self.ids.first().copied().unwrap_or_default();
        let database = self.app.database();
        match action {
            Action::List(table) => {
                let rows = database.table(table).map_or(&[][..], |table| &table.rows);
                self.list(&database, rows)
            }
            Action::Ids(table) => {
                let rows = database.table(table).map_or(&[][..], |table| &table.rows);
                let ids: Vec<i64> = rows.iter().map(Record::id).collect();
                let body = serde_json::json!({ "data": ids, "meta": { "records": ids.len() } });
                Ok(Reply::json(200, body.to_string()))
            }
            Action::Within(table, field) => {
                let owner = row(&database, Key { table, id })?;
                match owner.get(field) {
                    Cell::Inlines(records) => self.list(&database, records),
                    _ => self.list(&database, &[]),
                }
            }
            Action::Versions => {
                Self::row_of(&database, "documents", id)?;
                let rows: Vec<Record> = documents::versions_of(&database, id).cloned().collect();
                self.list(&database, &rows)
            }
            Action::Items => self.list(&database, &items(&database, self.schema()?)),
            Action::MatterClient => {
                let matter = Self::row_of(&database, "matters", id)?;
                let client = matter.get("client").key().ok_or_else(ApiError::not_found)?;
                self.show(
                    &database,
                    &as_client(row(&database, client)?, self.schema()?),
                )
            }
            Action::MatterContacts | Action::RelatedContacts => {
                let matter = Self::row_of(&database, "matters", id)?;
                self.list(&database, &contacts_of(&database, matter, self.schema()?))
            }
            Action::Show(table) => {
                let row = row(&database, Key { table, id })?;
                self.conditional(&database, row)
            }
            Action::Only(table) => {
                let row = database.table(table).and_then(|table| table.rows.first());
                self.show(&database, row.ok_or_else(ApiError::not_found)?)
            }
            Action::WhoAmI => {
                let user = Self::row_of(&database, "users", self.user)?;
                self.conditional(&database, user)
            }
            Action::Download => self.download(&database, id),
            Action::File(table, name) => {
                row(&database, Key { table, id })?;
                Ok(self.file(name, id))
            }
            Action::Preview(table) => {
                let bill = row(&database, Key { table, id })?;
                let number = bill.get("number").text().unwrap_or_default();
                Ok(Reply::html(
                    200,
                    format!("<!DOCTYPE html><title>{number}</title>\n"),
                ))
            }
            Action::NotBuilt => Err(ApiError::not_built(
                &self.operation.path,
                &self.operation.method,
            )),
            Action::Create(_)
            | Action::Update(_)
            | Action::Delete(_)
            | Action::Copy
            | Action::SaveAsLatest => {
                drop(database);
                self.change(action, id)
            }
        }
    }

    fn change(&self, action: Action, id: i64) -> Result<Reply, ApiError> {
        // Wrong fields must not come to light when the change is already made.
        self.parameters.selection(self.operation)?;
        let mut database = self.app.database_mut();
        let (status, key) = match action {
            Action::Create(table) => (201, write::create(self, &mut database, table)?),
            Action::Update(table) => (200, write::update(self, &mut database, Key { table, id })?),
            Action::Copy => (201, documents::copy(self, &mut database, id)?),
            Action::SaveAsLatest => {
                let version = self.ids.get(1).copied().unwrap_or_default();
                (
                    200,
                    documents::save_as_latest(self, &mut database, id, version)?,
                )
            }
            Action::Delete(table) => {
                let key = Key { table, id };
                // The one DELETE whose reply has a body is answered with the row as it was.
                let mut reply = Reply::empty(204);
                if self.operation.replies.contains_key(&200) {
                    reply = self.show(&database, row(&database, key)?)?;
                }
                write::delete(self, &mut database, key)?;
                return Ok(reply);
            }
            _ => return Err(ApiError::not_found()),
        };
        let mut reply = match self.operation.schema() {
            Some(_) => self.show(&database, row(&database, key)?)?,
            None => Reply::empty(status),
        };
        reply.status = status;
        Ok(reply)
    }

    fn schema(&self) -> Result<&'static Schema, ApiError> {
        self.operation.schema().ok_or_else(ApiError::not_found)
    }

    fn row_of<'d>(database: &'d Database, table: &str, id: i64) -> Result<&'d Record, ApiError> {
        database
            .named(table)
            .and_then(|table| table.row(id))
            .ok_or_else(ApiError::not_found)
    }

    fn list(&self, database: &Database, rows: &[Record]) -> Result<Reply, ApiError> {
        let address = format!("{}{}", self.app.origin(self.request), self.request.path);
        let list = ListRequest {
            operation: self.operation,
            parameters: &self.parameters,
            address: &address,
            now: self.app.clock.now(),
            redact_every: self.app.options.redact_every,
        };
        Ok(Reply::json(200, list.answer(database, rows)?))
    }

    fn show(&self, database: &Database, row: &Record) -> Result<Reply, ApiError> {
        let selection = self
            .parameters
            .selection(self.operation)?
            .ok_or_else(ApiError::not_found)?;
        let custom_field_ids = self.parameters.custom_field_ids();
        let view = View {
            database,
            custom_field_ids: &custom_field_ids,
            redact_every: self.app.options.redact_every,
        };
        let mut out = b"{\"data\":".to_vec();
        selection.write(&mut out, &view, row);
        out.push(b'}');
        let mut reply = Reply::json(200, out);
        if let Some(etag) = row.etag() {
            reply = reply.with("etag", &etag);
        }
        if let Cell::Time(second) = row.get("updated_at") {
            reply = reply.with("last-modified", &http_date(*second));
        }
        Ok(reply)
    }

    /// Shows a row, or says that it did not change.
    fn conditional(&self, database: &Database, row: &Record) -> Result<Reply, ApiError> {
        let reply = self.show(database, row)?;
        let unchanged = match (self.request.header("if-none-match"), row.etag()) {
            (Some(given), Some(etag)) => etag_matches(given, &etag),
            // Looked at only if there is no If-None-Match (RFC 9110, 13.1.3).
            _ => match (
                self.request.header("if-modified-since"),
                row.get("updated_at"),
            ) {
                (Some(given), Cell::Time(second)) => httpdate::parse_http_date(given)
                    .is_ok_and(|since| system_time(*second) <= since),
                _ => false,
            },
        };
        if !unchanged {
            return Ok(reply);
        }
        let mut unchanged = Reply::empty(304);
        for name in ["etag", "last-modified"] {
            if let Some(value) = reply.headers.get(name) {
                unchanged.headers.insert(name, value.clone());
            }
        }
        Ok(unchanged)
    }

    fn download(&self, database: &Database, id: i64) -> Result<Reply, ApiError> {
        Self::row_of(database, "documents", id)?;
        let asked = self.parameters.get("document_version_id");
        let version = match asked.and_then(|text| text.parse().ok()) {
            Some(version) => Some(Self::row_of(database, DOCUMENT_VERSIONS, version)?),
            None => documents::newest_uploaded(database, id),
        };
        let version = version.ok_or_else(ApiError::not_found)?;
        let mine = matches!(version.get("document_id"), Cell::Int(of) if *of == id);
        if !mine || !version.get("fully_uploaded").is_true() {
            return Err(ApiError::not_found());
        }
        let uuid = version.get("uuid").text().unwrap_or_default();
        Ok(self.stored(uuid))
    }

    /// The file of a report and its like, which is made when it is asked for.
    fn file(&self, table: &str, id: i64) -> Reply {
        let name = format!("{table}-{id}");
        let content = Content::Generated {
            seed: id.unsigned_abs(),
            length: FILE_LENGTH,
        };
        self.app.storage().put(&name, content);
        self.stored(&name)
    }

    /// Leads to what the storage host keeps.
    fn stored(&self, uuid: &str) -> Reply {
        let path = self.app.storage().sign("GET", uuid);
        let address = format!("{}{path}", self.app.addresses().storage);
        Reply::redirect(303, &address)
    }
}

fn row(database: &Database, key: Key) -> Result<&Record, ApiError> {
    database.row(key).ok_or_else(ApiError::not_found)
}

/// Whether an `If-Match` or `If-None-Match` header names an `ETag` (weakly compared).
pub fn etag_matches(header: &str, etag: &str) -> bool {
    header.trim() == "*"
        || header
            .split(',')
            .any(|given| given.trim().trim_start_matches("W/") == etag)
}

fn system_time(second: i64) -> std::time::SystemTime {
    let second = u64::try_from(second).unwrap_or(0);
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(second)
}

fn http_date(second: i64) -> String {
    httpdate::fmt_http_date(system_time(second))
}

/// Copies the fields that two schemas share.
fn seen_as(record: &Record, schema: &'static Schema) -> Record {
    let mut copy = Record::new(schema);
    for column in &schema.columns {
        copy.set(&column.name, record.get(&column.name).clone());
    }
    copy
}

fn as_client(contact: &Record, schema: &'static Schema) -> Record {
    let mut client = seen_as(contact, schema);
    client.set("is_matter_client", true);
    client
}

/// The contacts of a matter, client first: as `MatterContacts` or `RelatedContacts`.
fn contacts_of(database: &Database, matter: &Record, schema: &'static Schema) -> Vec<Record> {
    let client = matter.get("client").key();
    let mut rows = Vec::new();
    let mut add = |contact: Key, relationship: Option<(Key, &Record)>| {
        let Some(record) = database.row(contact) else {
            return;
        };
        let is_client = client == Some(contact);
        let mut row = seen_as(record, schema);
        row.set("is_client", is_client)
            .set("is_matter_client", is_client)
            .set("contact_id", contact.id)
            .set("matter_id", matter.id())
            .set("matter_number", matter.get("display_number").clone())
            .set("contact_created_at", record.get("created_at").clone())
            .set("contact_updated_at", record.get("updated_at").clone());
        if let Some((key, relationship)) = relationship {
            row.set("relationship", key)
                .set("relationship_name", relationship.get("description").clone())
                .set("description", relationship.get("description").clone());
        }
        rows.push(row);
    };
    // Only /contacts lists the client too.
    if schema.column("is_client").is_some()
        && let Some(client) = client
    {
        add(client, None);
    }
    if let Cell::Refs(keys) = matter.get("relationships") {
        for key in keys {
            if let Some(relationship) = database.row(*key)
                && let Some(contact) = relationship.get("contact").key()
            {
                add(contact, Some((*key, relationship)));
            }
        }
    }
    // Lists are ordered by id before any other order is applied.
    rows.sort_by_key(Record::id);
    rows.dedup_by_key(|row| row.id());
    rows
}

/// Documents and folders, as `Item`s.
fn items(database: &Database, schema: &'static Schema) -> Vec<Record> {
    let mut rows: Vec<Record> = database
        .rows("folders")
        .iter()
        .chain(database.rows("documents"))
        .map(|row| seen_as(row, schema))
        .collect();
    rows.sort_by_key(Record::id);
    rows
}
