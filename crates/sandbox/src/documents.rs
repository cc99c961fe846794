//! Documents: where they go, their versions, the three steps of an upload.

use serde_json::{Map, Value};

use crate::api::Call;
use crate::error::ApiError;
use crate::facts::FACTS;
use crate::names;
use crate::random::{secret, uuid};
use crate::record::{Cell, DOCUMENT_VERSIONS, Database, Key, Record};
use crate::storage::Content;
use crate::write::{Writer, data_of};

/// Copies a document.
pub fn copy(call: &Call<'_>, database: &mut Database, id: i64) -> Result<Key, ApiError> {
    let data = data_of(call)?;
    let table = database.id("documents").ok_or_else(ApiError::not_found)?;
    let source = database
        .row(Key { table, id })
        .ok_or_else(ApiError::not_found)?;
    let version = source.get("latest_document_version").key();
    let mut record = source.clone();
    record
        .set("id", Cell::Null)
        .set("created_at", Cell::Null)
        .set("updated_at", Cell::Null);
    let version = version.and_then(|key| database.row(key)).cloned();
    let mut writer = Writer::new(call, database);
    writer.require(&data);
    writer.fill(&mut record, &data)?;
    writer.finish()?;
    let now = call.app.clock.now();
    let key = database.insert(table, record, now);
    if let (Some(mut version), Some(versions)) = (version, database.id(DOCUMENT_VERSIONS)) {
        let uuid = new_uuid();
        let mut storage = call.app.storage();
        let content = version
            .get("uuid")
            .text()
            .and_then(|uuid| storage.get(uuid).cloned());
        if let Some(content) = content {
            storage.put(&uuid, content);
        }
        version
            .set("id", Cell::Null)
            .set("created_at", Cell::Null)
            .set("updated_at", Cell::Null)
            .set("document_id", key.id)
            .set("version_number", 1)
            .set("uuid", uuid);
        let version = database.insert(versions, version, now);
        database.amend(key, |row| {
            row.set("latest_document_version", version);
        });
    }
    Ok(key)
}

/// Makes an earlier version of a document its latest again.
pub fn save_as_latest(
    call: &Call<'_>,
    database: &mut Database,
    id: i64,
    version: i64,
) -> Result<Key, ApiError> {
    let versions = database
        .id(DOCUMENT_VERSIONS)
        .ok_or_else(ApiError::not_found)?;
    let table = database.id("documents").ok_or_else(ApiError::not_found)?;
    let key = Key {
        table: versions,
        id: version,
    };
    let mut record = database.row(key).cloned().ok_or_else(ApiError::not_found)?;
    if !matches!(record.get("document_id"), Cell::Int(of) if *of == id) {
        return Err(ApiError::not_found());
    }
    let number = next_version(database, id);
    record
        .set("id", Cell::Null)
        .set("created_at", Cell::Null)
        .set("updated_at", Cell::Null)
        .set("version_number", number);
    let now = call.app.clock.now();
    let latest = database.insert(versions, record, now);
    let document = Key { table, id };
    database.update(document, now, |row| {
        row.set("latest_document_version", latest);
    });
    Ok(document)
}

fn next_version(database: &Database, document: i64) -> i64 {
    i64::try_from(versions_of(database, document).count()).unwrap_or(0) + 1
}

fn new_uuid() -> String {
    uuid(&secret(16))
}

/// The document that a body with a document for a parent is a new version of.
pub fn of_new_version(database: &Database, data: &Map<String, Value>) -> Option<Key> {
    let parent = data.get("parent")?;
    if parent.get("type")?.as_str()? != "Document" {
        return None;
    }
    let table = database.id("documents")?;
    let id = parent.get("id")?.as_i64()?;
    let key = Key { table, id };
    database.row(key).map(|_| key)
}

/// The first step of an upload: a version that waits for its bytes.
pub fn expect_upload(call: &Call<'_>, database: &mut Database, document: Key) {
    let now = call.app.clock.now();
    let (Some(row), Some(versions)) = (database.row(document), database.id(DOCUMENT_VERSIONS))
    else {
        return;
    };
    let text = |name: &str| row.get(name).text().map(str::to_owned);
    let filename = text("filename").or(text("name")).unwrap_or_default();
    let data = data_of(call).unwrap_or_default();
    let given = data.get("content_type").and_then(Value::as_str);
    let content_type = given.unwrap_or(names::content_type(&filename)).to_owned();
    let number = next_version(database, document.id);
    let uuid = new_uuid();
    let path = call.app.storage().sign("PUT", &uuid);
    let mut version = database.blank(versions);
    version
        .set("document_id", document.id)
        .set("filename", filename.as_str())
        .set("content_type", content_type.as_str())
        .set("fully_uploaded", false)
        .set("uuid", uuid)
        .set("version_number", number)
        .set("put_url", format!("{}{path}", call.app.addresses().storage))
        .set("put_headers", put_headers(&content_type));
    let version = database.insert(versions, version, now);
    database.amend(document, |row| {
        row.set("latest_document_version", version)
            .set("filename", filename)
            .set("content_type", content_type);
    });
}

/// The newest version of a document whose bytes are there.
pub fn newest_uploaded(database: &Database, document: i64) -> Option<&Record> {
    let number = |row: &Record| match row.get("version_number") {
        Cell::Int(number) => *number,
        _ => 0,
    };
    versions_of(database, document)
        .filter(|row| row.get("fully_uploaded").is_true())
        .max_by_key(|row| number(row))
}

/// The versions of a document.
pub fn versions_of(database: &Database, document: i64) -> impl Iterator<Item = &Record> {
    database
        .rows(DOCUMENT_VERSIONS)
        .iter()
        .filter(move |row| matches!(row.get("document_id"), Cell::Int(of) if *of == document))
}

/// Where a document or folder goes: `{"id": 1, "type": "Matter"}`.
pub fn place(writer: &mut Writer<'_, '_>, record: &mut Record, parent: &Value) {
    let table = match parent.get("type").and_then(Value::as_str) {
        Some("Matter") => "matters",
        Some("Contact") => "contacts",
        Some("Folder") => "folders",
        Some("Document") => "documents",
        _ => return writer.error("parent", "has an unknown type"),
    };
    let id = parent.get("id").and_then(Value::as_i64);
    let key = writer
        .database
        .id(table)
        .zip(id)
        .map(|(table, id)| Key { table, id });
    let Some((key, row)) = key.and_then(|key| Some((key, writer.database.row(key)?))) else {
        return writer.error("parent", "does not exist");
    };
    let inherited = |name: &str| row.get(name).clone();
    match table {
        "matters" => {
            record.set("matter", key).set("parent", inherited("folder"));
        }
        "contacts" => {
            record.set("contact", key);
        }
        "folders" => {
            record
                .set("parent", key)
                .set("matter", inherited("matter"))
                .set("contact", inherited("contact"));
        }
        _ => {
            for name in ["parent", "matter", "contact"] {
                record.set(name, inherited(name));
            }
        }
    }
}

/// The third step of an upload: `{"uuid": …, "fully_uploaded": true}`.
pub fn uploaded(
    writer: &mut Writer<'_, '_>,
    key: Key,
    record: &mut Record,
    data: &Map<String, Value>,
) {
    let (Some(uuid), Some(done)) = (
        data.get("uuid").and_then(Value::as_str),
        data.get("fully_uploaded").and_then(Value::as_bool),
    ) else {
        return;
    };
    let version = writer.database.rows(DOCUMENT_VERSIONS).iter().find(|row| {
        row.get("uuid").text() == Some(uuid)
            && matches!(row.get("document_id"), Cell::Int(of) if *of == key.id)
    });
    let version = version.map(Record::id);
    let length = writer.call.app.storage().get(uuid).map(Content::length);
    match (version, length, writer.database.id(DOCUMENT_VERSIONS)) {
        (Some(id), Some(length), Some(table)) => {
            let size = i64::try_from(length).unwrap_or(i64::MAX);
            writer
                .database
                .update(Key { table, id }, writer.now, |row| {
                    row.set("fully_uploaded", done).set("size", size);
                });
            record
                .set("size", size)
                .set("latest_document_version", Key { table, id });
        }
        (None, _, _) => writer.error("uuid", "is not a version of this document"),
        _ => writer.error("fully_uploaded", "cannot be true: nothing was uploaded"),
    }
}

/// What an upload must send along.
fn put_headers(content_type: &str) -> Vec<Record> {
    let Some(schema) = FACTS.schema("MultipartHeader_base") else {
        return Vec::new();
    };
    [
        ("x-amz-server-side-encryption", "AES256"),
        ("Content-Type", content_type),
    ]
    .into_iter()
    .map(|(name, value)| {
        let mut header = Record::new(schema);
        header.set("name", name).set("value", value);
        header
    })
    .collect()
}
