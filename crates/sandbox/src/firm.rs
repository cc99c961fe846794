//! Founds a law firm: generated records that a seed fixes for good.
//!
//! Amounts are reckoned in cents, so that totals add up exactly, and shown as the doubles that
//! Clio sends.

mod billing;
mod contacts;
mod matters;
mod office;
mod record_fields;

use std::collections::HashMap;

use crate::clock::{self, Day, Second};
use crate::facts::{FACTS, Kind};
use crate::names;
use crate::random::{Stream, mix, uuid};
use crate::record::{Cell, DOCUMENT_VERSIONS, Database, Key, Record, table_of_schema};
use crate::storage::{Content, Storage};

/// Rows of a table that nothing more particular fills.
const FILLER_ROWS: usize = 25;

/// Work is billed by periods of so many days.
const BILLING_PERIOD: Day = 182;

/// Sales tax on services and expenses, in percent.
const TAX_RATE: i64 = 13;

/// Fills an empty database: `matters` matters and what belongs to them, as of `today`.
pub fn found(
    database: &mut Database,
    storage: &mut Storage,
    seed: u64,
    matters: usize,
    today: Day,
) {
    let mut founder = Founder {
        database,
        storage,
        stream: Stream::new(seed),
        today,
        founded: today - 6 * 365,
        inline_id: 900_000_000,
        office: Office::default(),
    };
    founder.open_office(matters);
    for at in 0..matters {
        founder.open_matter(at, matters);
    }
    founder.sum_up();
    founder.fill_the_rest();
    founder.record_fields(seed);
}

/// Adds a fully uploaded document with generated content to the first matter.
pub fn add_document(
    database: &mut Database,
    storage: &mut Storage,
    length: u64,
    now: Second,
) -> i64 {
    let matter = database.rows("matters").first().map(Record::id);
    let key = |table, id| database.id(table).map(|table| Key { table, id });
    let matter = matter.and_then(|id| key("matters", id));
    let creator = database.rows("users").first().map(Record::id);
    let creator = creator.and_then(|id| key("users", id));
    let folder = matter.and_then(|key| database.row(key)?.get("folder").key());
    let place = Place {
        matter,
        folder,
        creator,
    };
    let seed = database.version();
    document(database, storage, &place, "large.bin", length, seed, now).id
}

struct Place {
    matter: Option<Key>,
    folder: Option<Key>,
    creator: Option<Key>,
}

/// A document, its one version and its content.
fn document(
    database: &mut Database,
    storage: &mut Storage,
    place: &Place,
    filename: &str,
    length: u64,
    seed: u64,
    at: Second,
) -> Key {
    let (Some(documents), Some(versions)) =
        (database.id("documents"), database.id(DOCUMENT_VERSIONS))
    else {
        return Key::default();
    };
    let content_type = names::content_type(filename);
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    let uuid = uuid(&format!("{:016x}{:016x}", mix(seed), mix(!seed)));
    storage.put(&uuid, Content::Generated { seed, length });
    let mut record = database.blank(documents);
    record
        .set("name", filename)
        .set("filename", filename)
        .set("type", "Document")
        .set("content_type", content_type)
        .set("size", size)
        .set("locked", false)
        .set("received_at", Cell::Time(at))
        .set("matter", place.matter)
        .set("parent", place.folder)
        .set("creator", place.creator);
    let key = database.insert(documents, record, at);
    let mut version = database.blank(versions);
    version
        .set("document_id", key.id)
        .set("filename", filename)
        .set("content_type", content_type)
        .set("size", size)
        .set("fully_uploaded", true)
        .set("received_at", Cell::Time(at))
        .set("uuid", uuid)
        .set("version_number", 1)
        .set("creator", place.creator);
    let version = database.insert(versions, version, at);
    database.amend(key, |row| {
        row.set("latest_document_version", version);
    });
    key
}

/// An amount in cents as the double that Clio sends.
#[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^52")]
fn money(cents: i64) -> Cell {
    Cell::Num(cents as f64 / 100.0)
}

/// What the firm has before it has a case.
#[derive(Default)]
struct Office {
    users: Vec<Key>,
    attorneys: Vec<Key>,
    staff: Vec<Key>,
    /// The hourly rate of each user, in cents.
    rates: HashMap<i64, i64>,
    areas: Vec<Key>,
    /// The stages of each practice area.
    stages: Vec<Vec<Key>>,
    work: Vec<Key>,
    expenses: Vec<Key>,
    task_types: Vec<Key>,
    categories: Vec<Key>,
    event_types: Vec<Key>,
    calendars: Vec<Key>,
    group: Key,
    currency: Key,
    operating: Key,
    trust: Key,
    matter_fields: Vec<Key>,
    contact_fields: Vec<Key>,
    clients: Vec<Key>,
    others: Vec<Key>,
    next_bill: i64,
}

struct Founder<'a> {
    database: &'a mut Database,
    storage: &'a mut Storage,
    stream: Stream,
    today: Day,
    founded: Day,
    inline_id: i64,
    office: Office,
}

impl Founder<'_> {
    fn add(&mut self, table: &str, at: Second, fill: impl FnOnce(&mut Record)) -> Key {
        let Some(id) = self.database.id(table) else {
            return Key::default();
        };
        let mut record = self.database.blank(id);
        fill(&mut record);
        self.database.insert(id, record, at)
    }

    /// A record that lives within another.
    fn inline(&mut self, schema: &str, at: Second, fill: impl FnOnce(&mut Record)) -> Cell {
        self.inline_record(schema, at, fill)
            .map_or(Cell::Null, Cell::from)
    }

    fn inline_record(
        &mut self,
        schema: &str,
        at: Second,
        fill: impl FnOnce(&mut Record),
    ) -> Option<Record> {
        self.inline_id += 1;
        let mut record = Record::inline(FACTS.full_schema(schema)?, self.inline_id, at);
        fill(&mut record);
        Some(record)
    }

    fn inlines(&mut self, schema: &str, at: Second, fill: impl FnOnce(&mut Record)) -> Cell {
        Cell::Inlines(self.inline_record(schema, at, fill).into_iter().collect())
    }

    fn pick(&mut self, from: &[Key]) -> Key {
        self.stream.pick(from)
    }

    fn text(&self, key: Key, field: &str) -> String {
        let row = self.database.row(key);
        row.and_then(|row| row.get(field).text())
            .unwrap_or_default()
            .to_owned()
    }

    /// A working day from `least` to `most`.
    fn working_day(&mut self, least: Day, most: Day) -> Day {
        let day = self
            .stream
            .between(i64::from(least), i64::from(most.max(least)));
        let day = Day::try_from(day).unwrap_or(least);
        match clock::weekday(day) {
            5 if day > least => day - 1,
            6 if day > least + 1 => day - 2,
            _ => day,
        }
    }

    fn office_hour(&mut self, day: Day) -> Second {
        let (hour, minute) = (self.stream.between(8, 17), self.stream.between(0, 59));
        clock::local_time(day, hour, minute)
    }

    /// Rows for the tables that nothing above fills, so that each list has something to show.
    fn fill_the_rest(&mut self) {
        let empty: Vec<(String, &'static crate::facts::Schema)> = self
            .database
            .tables()
            .filter(|table| table.rows.is_empty())
            .filter(|table| !left_empty(&table.name))
            .map(|table| (table.name.clone(), table.schema))
            .collect();
        for (table, schema) in empty {
            for nth in 1..=FILLER_ROWS {
                let day = self.working_day(self.founded, self.today);
                let at = self.office_hour(day);
                let cells: Vec<(&str, Cell)> = schema
                    .columns
                    .iter()
                    .filter(|column| !matches!(column.name.as_str(), "id" | "etag"))
                    .map(|column| {
                        let cell = self.filler(&schema.name, &column.name, &column.kind, nth, at);
                        (column.name.as_str(), cell)
                    })
                    .collect();
                self.add(&table, at, |row| {
                    for (name, cell) in cells {
                        row.set(name, cell);
                    }
                });
            }
        }
    }

    fn filler(&mut self, schema: &str, column: &str, kind: &Kind, nth: usize, at: Second) -> Cell {
        let number = i64::try_from(nth).unwrap_or(0);
        match (column, kind) {
            ("created_at" | "updated_at", _) => Cell::Time(at),
            (_, Kind::Boolean) => self.stream.chance(50).into(),
            (_, Kind::Integer) => number.into(),
            (_, Kind::Number) => money(self.stream.between(100, 1_000_000)),
            ("name" | "title" | "display_name", Kind::Text) => format!("{schema} {nth}").into(),
            (_, Kind::Text) => format!("{} {nth}", column.replace('_', " ")).into(),
            (_, Kind::Choice(values)) => values.get(nth % values.len().max(1)).cloned().into(),
            (_, Kind::Date) => Cell::Date(clock::day_of(at)),
            (name, Kind::DateTime) if !matches!(name, "deleted_at" | "voided_at") => Cell::Time(at),
            (_, Kind::Record(_)) => {
                let table = kind
                    .schema()
                    .and_then(|schema| table_of_schema(&schema.name));
                let table = table.and_then(|name| self.database.id(name));
                let Some(table) = table else {
                    return Cell::Null;
                };
                let rows = self
                    .database
                    .table(table)
                    .map_or(&[][..], |table| &table.rows);
                let row = rows.get(self.stream.below(rows.len()));
                row.map(|row| Key {
                    table,
                    id: row.id(),
                })
                .into()
            }
            // Nothing is deleted; objects and lists are left to what fills them on purpose.
            (_, Kind::DateTime | Kind::Object | Kind::List(_)) => Cell::Null,
        }
    }
}

/// Tables that stay empty: those whose rows are found in others when they are asked for, and
/// those that a firm may well not have.
fn left_empty(table: &str) -> bool {
    table.contains('{')
        || matches!(
            table,
            "timer" | "webhooks" | "folders/list" | "billable_matters/ids"
        )
}

/// A user or contact as a `Participant`.
pub fn participant(database: &Database, key: Key, at: Second) -> Option<Record> {
    let row = database.row(key)?;
    let mut record = Record::inline(FACTS.schema("Participant")?, key.id, at);
    let is_user = database.id("users") == Some(key.table);
    let kind = if is_user {
        Cell::from("User")
    } else {
        row.get("type").clone()
    };
    let email = if is_user {
        "email"
    } else {
        "primary_email_address"
    };
    record
        .set("name", row.get("name").clone())
        .set("type", kind)
        .set("initials", row.get("initials").clone())
        .set("identifier", row.get(email).clone())
        .set("enabled", true);
    Some(record)
}

/// An amount in cents.
#[allow(
    clippy::cast_possible_truncation,
    reason = "amounts are far below 2^52"
)]
fn cents(cell: &Cell) -> i64 {
    (cell.number().unwrap_or(0.0) * 100.0).round() as i64
}

fn initials(first: &str, last: &str) -> String {
    first.chars().take(1).chain(last.chars().take(1)).collect()
}

/// Letters fit for an address.
fn ascii(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn firm(seed: u64) -> Database {
        let (mut database, mut storage) = (Database::new(), Storage::new());
        let today = clock::parse_date("2026-06-30").unwrap();
        found(&mut database, &mut storage, seed, 40, today);
        database
    }

    #[test]
    fn a_seed_gives_the_same_firm() {
        let text = |database: &Database| {
            let rows = database
                .rows("matters")
                .iter()
                .chain(database.rows("contacts"));
            format!("{:?}", rows.collect::<Vec<_>>())
        };
        assert_eq!(text(&firm(3)), text(&firm(3)));
        assert_ne!(text(&firm(3)), text(&firm(4)));
    }

    #[test]
    fn bills_add_up() {
        let database = firm(7);
        assert!(!database.rows("bills").is_empty());
        for bill in database.rows("bills") {
            let of_bill = |row: &&Record| row.get("bill").key().unwrap().id == bill.id();
            let lines: i64 = database
                .rows("line_items")
                .iter()
                .filter(of_bill)
                .map(|line| cents(line.get("total")))
                .sum();
            let amount = |name: &str| cents(bill.get(name));
            assert_eq!(amount("sub_total"), lines);
            assert_eq!(amount("total"), amount("sub_total") + amount("tax_sum"));
            if bill.get("state").text() != Some("void") {
                assert_eq!(amount("balance"), amount("total") - amount("paid"));
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let database = firm(7);
        for table in database.tables() {
            for row in &table.rows {
                for (at, column) in row.schema.columns.iter().enumerate() {
                    match row.at(at) {
                        Cell::Ref(key) => {
                            assert!(
                                database.row(*key).is_some(),
                                "{}.{}",
                                table.name,
                                column.name
                            );
                        }
                        Cell::Refs(keys) => {
                            for key in keys {
                                assert!(database.row(*key).is_some(), "{}", table.name);
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn every_list_has_rows() {
        let database = firm(7);
        for table in database.tables() {
            assert_eq!(
                table.rows.is_empty(),
                left_empty(&table.name),
                "{}",
                table.name
            );
        }
    }
}
