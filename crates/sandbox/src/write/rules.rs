//! What the service does by itself when a record is made or changed.

use serde_json::{Map, Value};

use super::{Writer, is_table};
use crate::api::Call;
use crate::clock::{self, Second};
use crate::documents;
use crate::firm;
use crate::record::{Cell, Database, Key, Record};

impl Writer<'_, '_> {
    /// What a new record has without being told.
    pub(super) fn before_create(&mut self, record: &mut Record) {
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
    pub(super) fn settle(&mut self, record: &mut Record, data: &Map<String, Value>) {
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
pub(super) fn after_create(call: &Call<'_>, database: &mut Database, key: Key) {
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
