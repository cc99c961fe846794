//! Founds a law firm: generated records that a seed fixes for good.
//!
//! Amounts are reckoned in cents, so that totals add up exactly, and shown as the doubles that
//! Clio sends.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use crate::clock::{self, Day, Second};
use crate::facts::{FACTS, Kind};
use crate::names;
use crate::random::{Stream, mix};
use crate::record::{Cell, DOCUMENT_VERSIONS, Database, Key, Record, TableId, table_of_schema};
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
    let uuid = uuid(seed);
    storage.put(&uuid, Content::Generated { seed, length });
    let mut record = blank(database, documents);
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
    let mut version = blank(database, versions);
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

/// A UUID that follows from a seed.
fn uuid(seed: u64) -> String {
    let text = format!("{:016x}{:016x}", mix(seed), mix(!seed));
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    format!(
        "{}-{}-4{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

fn blank(database: &Database, table: TableId) -> Record {
    match database.table(table) {
        Some(table) => Record::new(table.schema),
        // There is a table for every id that a database gives out.
        None => Record::new(FACTS.schemas().next().unwrap_or_else(|| unreachable!())),
    }
}

/// An amount in cents as the double that Clio sends.
#[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^52")]
fn money(cents: i64) -> Cell {
    Cell::Num(cents as f64 / 100.0)
}

fn percent(cents: i64, rate: i64) -> i64 {
    (cents * rate + 50).div_euclid(100)
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

/// An activity on its way to a bill.
#[derive(Clone, Copy)]
struct Work {
    key: Key,
    date: Day,
    cents: i64,
    service: bool,
    /// Hundredths of an hour, or pieces times 100.
    quantity: i64,
    price: i64,
    user: Key,
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
        let mut record = blank(self.database, id);
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

    fn open_office(&mut self, matters: usize) {
        let at = clock::local_time(self.founded, 9, 0);
        self.office.next_bill = 1001;
        self.office.currency = self.add("currencies", at, |row| {
            row.set("code", "CAD").set("sign", "$");
        });
        self.people(12 + (matters / 100).min(48), at);
        self.money_matters(at);
        self.practice(at);
        self.custom_fields(at);
        for (name, rate) in names::WORK {
            let currency = self.office.currency;
            let key = self.add("activity_descriptions", at, |row| {
                row.set("name", *name)
                    .set("description", *name)
                    .set("accessible_to_user", true)
                    .set("default", false)
                    .set("visible_to_co_counsel", false)
                    .set("type", "time")
                    .set("currency", currency);
            });
            let rate = self.inline("ActivityDescriptionRate_base", at, |row| {
                row.set("amount", *rate)
                    .set("rate", *rate)
                    .set("type", "FlatRate");
            });
            self.database.amend(key, |row| {
                row.set("rate", rate);
            });
            self.office.work.push(key);
        }
        let named = |founder: &mut Self, table: &str, all: &[&str]| -> Vec<Key> {
            all.iter()
                .map(|name| {
                    founder.add(table, at, |row| {
                        row.set("name", *name);
                    })
                })
                .collect()
        };
        self.office.task_types = named(self, "task_types", &names::TASK_TYPES);
        self.office.categories = named(self, "document_categories", &names::DOCUMENT_CATEGORIES);
        self.office.expenses = named(self, "expense_categories", &names::EXPENSES);
        for key in self.office.expenses.clone() {
            let currency = self.office.currency;
            self.database.amend(key, |row| {
                row.set("accessible_to_user", true)
                    .set("entry_type", "hard_cost")
                    .set("currency", currency);
            });
        }
        for (name, color) in names::EVENT_TYPES {
            let key = self.add("calendar_entry_event_types", at, |row| {
                row.set("name", *name).set("color", *color);
            });
            self.office.event_types.push(key);
        }
        self.add("settings/billing", at, |row| {
            row.set("currency", "CAD")
                .set("currency_sign", "$")
                .set("tax_name", "HST")
                .set("tax_rate", TAX_RATE)
                .set("rounding", 6)
                .set("rounded_duration", 0.1)
                .set("apply_tax_by_default", true)
                .set("apply_secondary_tax_by_default", false)
                .set("multi_currency_billing", false)
                .set("use_utbms_codes", false)
                .set("use_secondary_tax", false)
                .set("use_decimal_rounding", true);
        });
    }

    fn people(&mut self, count: usize, at: Second) {
        let account = self.inline("Account_base", at, |row| {
            row.set("name", "Hartwell Lindqvist LLP")
                .set("address", "120 Adelaide Street West")
                .set("city", "Toronto")
                .set("province", "ON")
                .set("state", "ON")
                .set("country", "CA")
                .set("postal_code", "M5H 1T1")
                .set("phone", "416-555-0100");
        });
        for nth in 0..count {
            let (first, last) = self.name();
            let name = format!("{first} {last}");
            let attorney = nth % 5 < 3;
            let rate = if attorney {
                self.stream.between(24, 60) * 1000
            } else {
                15_000
            };
            let admin = nth == 0;
            let account = account.clone();
            let email = format!("{}.{}{nth}@hartwell.example", ascii(&first), ascii(&last));
            let calendar = self.add("calendars", at, |row| {
                row.set("name", name.clone())
                    .set("type", "UserCalendar")
                    .set("permission", "owner")
                    .set("source", "web")
                    .set("visible", true)
                    .set("court_rules_default_calendar", false)
                    .set(
                        "color",
                        names::COLORS.get(nth % 8).copied().unwrap_or("#367B9C"),
                    );
            });
            let job = self.inline("JobTitle_base", at, |row| {
                row.set("name", if attorney { "Lawyer" } else { "Paralegal" });
            });
            let key = self.add("users", at, |row| {
                row.set("first_name", first.as_str())
                    .set("last_name", last.as_str())
                    .set("name", name)
                    .set("initials", initials(&first, &last))
                    .set("email", email)
                    .set("enabled", nth % 11 != 10)
                    .set("account_owner", admin)
                    .set("clio_connect", false)
                    .set("court_rules_default_attendee", false)
                    .set("default_calendar_id", calendar.id)
                    .set("locale", "en-CA")
                    .set("phone_number", format!("416-555-{:04}", 110 + nth))
                    .set("rate", money(rate))
                    .set(
                        "subscription_type",
                        if attorney { "Attorney" } else { "NonAttorney" },
                    )
                    .set("time_zone", "America/Toronto")
                    .set("account", account)
                    .set("job_title", job);
                let roles = if admin {
                    json!(["Admin", "Billing", "Reports"])
                } else {
                    json!(["Reports"])
                };
                row.set("roles", Cell::Json(Box::new(roles)));
            });
            self.database.amend(calendar, |row| {
                row.set("creator", key);
            });
            self.office.rates.insert(key.id, rate);
            self.office.users.push(key);
            self.office.calendars.push(calendar);
            if attorney {
                &mut self.office.attorneys
            } else {
                &mut self.office.staff
            }
            .push(key);
        }
        for (name, kind, members) in [
            ("Everyone", "AccountGroup", self.office.users.clone()),
            ("Lawyers", "AdhocGroup", self.office.attorneys.clone()),
            ("Staff", "AdhocGroup", self.office.staff.clone()),
        ] {
            let group = self.add("groups", at, |row| {
                row.set("name", name)
                    .set("type", kind)
                    .set("client_connect_user", false)
                    .set("users", members.clone());
            });
            if kind == "AccountGroup" {
                self.office.group = group;
            }
            for member in members {
                self.database.amend(member, |row| {
                    let groups = match row.get("groups") {
                        Cell::Refs(groups) => groups.iter().copied().chain([group]).collect(),
                        _ => vec![group],
                    };
                    row.set("groups", groups);
                });
            }
        }
    }

    fn money_matters(&mut self, at: Second) {
        let currency = self.office.currency.id;
        let owner = self.stream.pick(&self.office.users);
        let mut account = |name: &str, kind: &str| {
            self.add("bank_accounts", at, |row| {
                row.set("name", name)
                    .set("type", kind)
                    .set(
                        "account_number",
                        if kind == "Trust" {
                            "000-4471"
                        } else {
                            "000-4470"
                        },
                    )
                    .set("institution", "Bank of the Lakes")
                    .set("holder", "Hartwell Lindqvist LLP")
                    .set("currency", "CAD")
                    .set("currency_symbol", "$")
                    .set("currency_id", currency)
                    .set("default_account", true)
                    .set("controlled_account", false)
                    .set("clio_payments_enabled", false)
                    .set("compliance_region", "no_region")
                    .set("balance", 0.0)
                    .set("bank_transactions_count", 0)
                    .set("user", owner);
            })
        };
        let (operating, trust) = (
            account("Operating", "Operating"),
            account("Pooled trust", "Trust"),
        );
        self.office.operating = operating;
        self.office.trust = trust;
        self.add("bill_themes", at, |row| {
            row.set("name", "Standard").set("default", true);
        });
    }

    fn practice(&mut self, at: Second) {
        for (name, category, stages) in names::AREAS {
            let area = self.add("practice_areas", at, |row| {
                row.set("name", name)
                    .set("category", category)
                    .set("code", name.get(..3).unwrap_or_default().to_uppercase());
            });
            self.office.areas.push(area);
            let mut keys = Vec::new();
            for (order, stage) in (0_i64..).zip(stages) {
                keys.push(self.add("matter_stages", at, |row| {
                    row.set("name", *stage)
                        .set("order", order)
                        .set("practice_area_id", area.id.to_string());
                }));
            }
            self.office.stages.push(keys);
        }
    }

    fn custom_fields(&mut self, at: Second) {
        for (parent, fields) in [
            ("Matter", names::MATTER_FIELDS),
            ("Contact", names::CONTACT_FIELDS),
        ] {
            let mut keys = Vec::new();
            for (order, (name, kind, options)) in (0_i64..).zip(fields) {
                let choices: Vec<Record> = options
                    .iter()
                    .filter_map(|option| {
                        self.inline_record("PicklistOption", at, |row| {
                            row.set("option", *option);
                        })
                    })
                    .collect();
                keys.push(self.add("custom_fields", at, |row| {
                    row.set("name", *name)
                        .set("field_type", *kind)
                        .set("parent_type", parent)
                        .set("display_order", order)
                        .set("displayed", true)
                        .set("required", order == 0)
                        .set("deleted", false)
                        .set("picklist_options", choices);
                }));
            }
            self.add("custom_field_sets", at, |row| {
                row.set("name", format!("{parent} file"))
                    .set("parent_type", parent)
                    .set("displayed", true)
                    .set("custom_fields", keys.clone());
            });
            if parent == "Matter" {
                self.office.matter_fields = keys;
            } else {
                self.office.contact_fields = keys;
            }
        }
    }

    /// Values of some of a parent's custom fields.
    fn custom_values(&mut self, fields: &[Key], at: Second, day: Day) -> Cell {
        let mut values = Vec::new();
        for (nth, &field) in fields.iter().enumerate() {
            // Required ones are always there.
            if nth > 0 && !self.stream.chance(60) {
                continue;
            }
            let Some(row) = self.database.row(field) else {
                continue;
            };
            let (name, kind) = (row.get("name").clone(), row.get("field_type").clone());
            let order = row.get("display_order").clone();
            let options = match row.get("picklist_options") {
                Cell::Inlines(options) => options.clone(),
                _ => Vec::new(),
            };
            let kind_text = kind.text().unwrap_or_default().to_owned();
            let mut option = None;
            let value = match kind_text.as_str() {
                "checkbox" => self.stream.chance(70).to_string(),
                "currency" => format!("{}.00", self.stream.between(10, 500) * 100),
                "numeric" => self.stream.between(1, 40).to_string(),
                "date" => {
                    let mut out = Vec::new();
                    clock::write_date(&mut out, day + 30);
                    String::from_utf8(out).unwrap_or_default()
                }
                "email" => "registry@court.example".to_owned(),
                "url" => "https://court.example/files".to_owned(),
                "picklist" => {
                    let at = self.stream.below(options.len());
                    option = options.get(at).cloned();
                    option
                        .as_ref()
                        .map(|option| option.id().to_string())
                        .unwrap_or_default()
                }
                _ => format!("CV-{:06}", self.stream.between(1, 999_999)),
            };
            values.extend(self.inline_record("CustomFieldValue", at, |row| {
                let id = format!("{kind_text}-{}", row.id());
                row.set("id", id)
                    .set("field_name", name)
                    .set("field_type", kind)
                    .set("field_display_order", order)
                    .set("field_displayed", true)
                    .set("field_required", nth == 0)
                    .set("soft_deleted", false)
                    .set("value", value)
                    .set("custom_field", field)
                    .set("picklist_option", option);
            }));
        }
        Cell::Inlines(values)
    }

    fn name(&mut self) -> (String, String) {
        let first = self.stream.pick(&names::FIRST).to_owned();
        let last = self.stream.pick(&names::LAST).to_owned();
        (first, last)
    }

    fn contact(&mut self, client: bool, day: Day) -> Key {
        let at = self.office_hour(day);
        let company = self.stream.chance(if client { 30 } else { 15 });
        let (first, last) = self.name();
        let (name, domain) = if company {
            let name = format!(
                "{} {} {}",
                last,
                self.stream.pick(&names::TRADES),
                self.stream.pick(&names::LEGAL_FORMS)
            );
            let domain = format!("{}.example", ascii(&last));
            (name, domain)
        } else {
            (
                format!("{first} {last}"),
                self.stream.pick(&names::MAIL_HOSTS).to_owned(),
            )
        };
        let serial = self.stream.between(0, 9999);
        let local = if company {
            "office".to_owned()
        } else {
            ascii(&first)
        };
        let email = format!("{local}.{}{serial}@{domain}", ascii(&last));
        let phone = format!(
            "{}-555-{serial:04}",
            self.stream
                .pick(&["416", "647", "905", "613", "514", "604"])
        );
        let emails = self.inlines("EmailAddress", at, |row| {
            row.set("address", email.as_str())
                .set("name", "Work")
                .set("primary", true);
        });
        let phones = self.inlines("PhoneNumber", at, |row| {
            row.set("number", phone.as_str())
                .set("name", "Work")
                .set("primary", true);
        });
        let (city, province) = self.stream.pick(&names::CITIES);
        let street = format!(
            "{} {}",
            self.stream.between(1, 2400),
            self.stream.pick(&names::STREETS)
        );
        let address = self.inline_record("Address", at, |row| {
            row.set("street", street)
                .set("city", city)
                .set("province", province)
                .set("country", "CA")
                .set(
                    "postal_code",
                    format!("M{}H {}T1", serial % 9 + 1, serial % 8 + 1),
                )
                .set("name", "Work")
                .set("primary", true);
        });
        let fields = self.office.contact_fields.clone();
        let custom = if client {
            self.custom_values(&fields, at, day)
        } else {
            Cell::Null
        };
        let site = format!("https://www.{domain}/");
        let sites = if company {
            self.inlines("WebSite_base", at, |row| {
                row.set("address", site)
                    .set("name", "Work")
                    .set("default_web_site", true);
            })
        } else {
            Cell::Null
        };
        let employer = if !company && self.stream.chance(20) {
            let clients = self.office.clients.clone();
            let picked = self.pick(&clients);
            let row = self.database.row(picked);
            row.is_some_and(|row| row.get("type").text() == Some("Company"))
                .then_some(picked)
        } else {
            None
        };
        let birthday = self.today - Day::try_from(self.stream.between(22, 80) * 365).unwrap_or(0);
        let currency = self.office.currency;
        self.add("contacts", at, |row| {
            row.set("name", name)
                .set("type", if company { "Company" } else { "Person" })
                .set("is_client", client)
                .set("is_bill_recipient", client)
                .set("is_clio_for_client_user", false)
                .set("has_clio_for_clients_permission", false)
                .set("is_co_counsel", false)
                .set("locked_clio_connect_email", false)
                .set("require_utbms_codes", false)
                .set("primary_email_address", email)
                .set("primary_phone_number", phone)
                .set("email_addresses", emails)
                .set("phone_numbers", phones)
                .set("primary_address", address.clone())
                .set("addresses", Cell::Inlines(address.into_iter().collect()))
                .set("web_sites", sites)
                .set("custom_field_values", custom)
                .set("currency", currency)
                .set("company", employer);
            if !company {
                row.set("initials", initials(&first, &last))
                    .set("first_name", first)
                    .set("last_name", last)
                    .set("date_of_birth", Cell::Date(birthday));
            }
        })
    }

    fn client(&mut self, day: Day) -> Key {
        if !self.office.clients.is_empty() && self.stream.chance(40) {
            let clients = self.office.clients.clone();
            return self.pick(&clients);
        }
        let client = self.contact(true, day);
        self.office.clients.push(client);
        client
    }

    fn other_party(&mut self, day: Day) -> Key {
        if !self.office.others.is_empty() && self.stream.chance(50) {
            let others = self.office.others.clone();
            return self.pick(&others);
        }
        let other = self.contact(false, day);
        self.office.others.push(other);
        other
    }

    fn open_matter(&mut self, at: usize, of: usize) {
        let number = i64::try_from(at).unwrap_or(0) + 1;
        let total = i64::try_from(of).unwrap_or(1).max(1);
        let span = i64::from(self.today - self.founded - 10);
        let opened = self.founded + Day::try_from(span * number / total).unwrap_or(0);
        let opened = self.working_day(opened, opened + 3);
        let client = self.client(opened);
        let age = self.today - opened;
        let status = match self.stream.below(100) {
            _ if age < 30 && self.stream.chance(40) => "Pending",
            chance if age > 400 && chance < 70 => "Closed",
            chance if age > 120 && chance < 25 => "Closed",
            _ => "Open",
        };
        let closed = (status == "Closed").then(|| self.working_day(opened + 60, self.today - 1));
        let created = self.office_hour(opened);
        let key = self.matter(number, opened, closed, status, client, created);
        let end = closed.unwrap_or(self.today);
        self.file(key, client, opened, end, created);
        if status != "Pending" {
            let work = self.work(key, opened, end);
            self.bill_matter(key, client, &work);
        }
        self.schedule(key, opened, end, status);
        self.correspondence(key, client, opened, end);
        self.trust(key, client, opened);
    }

    fn matter(
        &mut self,
        number: i64,
        opened: Day,
        closed: Option<Day>,
        status: &str,
        client: Key,
        created: Second,
    ) -> Key {
        let area = self.stream.below(self.office.areas.len());
        let practice_area = self.office.areas.get(area).copied();
        let stages = self.office.stages.get(area).cloned().unwrap_or_default();
        let stage = if closed.is_some() {
            stages.last().copied()
        } else {
            Some(self.pick(&stages))
        };
        let responsible = self.stream.pick(&self.office.attorneys);
        let originating = self.stream.pick(&self.office.attorneys);
        let staff = self.stream.pick(&self.office.staff);
        let short = match self.text(client, "last_name") {
            name if name.is_empty() => self
                .text(client, "name")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
            name => name,
        };
        let display_number = format!("{number:05}-{short}");
        let cases = names::CASES
            .get(area % names::CASES.len())
            .copied()
            .unwrap_or_default();
        let title = self.stream.pick(&cases);
        let (area_name, _, _) = names::AREAS.get(area).copied().unwrap_or_default();
        let fields = self.office.matter_fields.clone();
        let custom = self.custom_values(&fields, created, opened);
        let method = match self.stream.below(10) {
            0 => "contingency",
            1 | 2 => "flat",
            _ => "hourly",
        };
        let location = self.stream.pick(&names::CITIES).0;
        let (group, currency) = (self.office.group, self.office.currency);
        let updated = closed.map_or(created, |day| clock::local_time(day, 17, 0));
        let reference = self
            .stream
            .chance(30)
            .then(|| format!("REF/{number}/{}", opened % 97));
        self.add("matters", created, |row| {
            row.set("number", number)
                .set("display_number", display_number.as_str())
                .set("description", format!("{area_name}: {title}"))
                .set("status", status)
                .set("billable", true)
                .set("billing_method", method)
                .set("client", client)
                .set("client_id", client.id)
                .set("client_reference", reference)
                .set(
                    "open_date",
                    (status != "Pending").then_some(Cell::Date(opened)),
                )
                .set(
                    "pending_date",
                    (status == "Pending").then_some(Cell::Date(opened)),
                )
                .set("close_date", closed.map(Cell::Date))
                .set("location", location)
                .set(
                    "maildrop_address",
                    format!("matter-{number}@maildrop.example"),
                )
                .set("matter_stage", stage)
                .set("matter_stage_updated_at", Cell::Time(created))
                .set("practice_area", practice_area)
                .set("responsible_attorney", responsible)
                .set("originating_attorney", originating)
                .set("responsible_staff", staff)
                .set("user", responsible)
                .set("group", group)
                .set("currency", currency)
                .set("require_utbms_codes", false)
                .set("shared", false)
                .set("has_tasks", true)
                .set("custom_field_values", custom)
                .set("updated_at", Cell::Time(updated));
        })
    }

    /// The matter's folder, documents and other parties.
    fn file(&mut self, matter: Key, client: Key, opened: Day, end: Day, created: Second) {
        let name = self.text(matter, "display_number");
        let creator = self.stream.pick(&self.office.users);
        let folder = self.add("folders", created, |row| {
            row.set("name", name)
                .set("type", "Folder")
                .set("root", true)
                .set("locked", false)
                .set("matter", matter)
                .set("creator", creator);
        });
        let mut parties = Vec::new();
        for _ in 0..self.stream.below(3) {
            let contact = self.other_party(opened);
            if contact == client {
                continue;
            }
            let role = self.stream.pick(&names::ROLES);
            parties.push(self.add("relationships", created, |row| {
                row.set("description", role)
                    .set("contact", contact)
                    .set("matter", matter);
            }));
        }
        self.database.amend(matter, |row| {
            row.set("folder", folder).set("relationships", parties);
        });
        for nth in 0..=self.stream.below(3) {
            let at = {
                let day = self.working_day(opened, end);
                self.office_hour(day)
            };
            let filename = format!(
                "{} {nth}.{}",
                self.stream.pick(&names::DOCUMENTS),
                self.stream.pick(&["pdf", "docx", "txt", "eml"])
            );
            let length = self.stream.next() % 200_000 + 500;
            let seed = self.stream.next();
            let place = Place {
                matter: Some(matter),
                folder: Some(folder),
                creator: Some(creator),
            };
            let key = document(
                self.database,
                self.storage,
                &place,
                &filename,
                length,
                seed,
                at,
            );
            let category = self.stream.pick(&self.office.categories);
            self.database.amend(key, |row| {
                row.set("document_category", category);
            });
        }
    }

    /// Time and expenses, in the order of their dates.
    fn work(&mut self, matter: Key, opened: Day, end: Day) -> Vec<Work> {
        let mut days: Vec<Day> = (0..4 + self.stream.below(17))
            .map(|_| self.working_day(opened, end))
            .collect();
        days.sort_unstable();
        let mut done = Vec::new();
        for date in days {
            let at = clock::local_time(date, 18, self.stream.between(0, 59));
            let user = if self.stream.chance(70) {
                self.stream.pick(&self.office.attorneys)
            } else {
                self.stream.pick(&self.office.staff)
            };
            let service = self.stream.chance(85);
            let non_billable = service && self.stream.chance(8);
            let (quantity, price) = if service {
                // Tenths of an hour, as lawyers bill.
                let rate = self.office.rates.get(&user.id).copied().unwrap_or(30_000);
                (self.stream.between(1, 60) * 10, rate)
            } else {
                (100, self.stream.between(500, 90_000))
            };
            let cents = quantity * price / 100;
            let work = self.stream.pick(&self.office.work);
            let expense = self.stream.pick(&self.office.expenses);
            let note = if service {
                self.stream.pick(&names::NOTES).to_owned()
            } else {
                format!(
                    "{}, receipt {}",
                    self.text(expense, "name"),
                    self.stream.between(100, 999)
                )
            };
            let currency = self.office.currency;
            let key = self.add("activities", at, |row| {
                row.set("type", if service { "TimeEntry" } else { "ExpenseEntry" })
                    .set("date", Cell::Date(date))
                    .set("note", note)
                    .set("price", money(price))
                    .set("total", money(if non_billable { 0 } else { cents }))
                    .set("non_billable", non_billable)
                    .set(
                        "non_billable_total",
                        money(if non_billable { cents } else { 0 }),
                    )
                    .set("no_charge", false)
                    .set("flat_rate", false)
                    .set("contingency_fee", false)
                    .set("billed", false)
                    .set("on_bill", false)
                    .set("quantity_redacted", false)
                    .set("tax_setting", "tax_1_only")
                    .set("currency", currency)
                    .set("matter", matter)
                    .set("user", user);
                if service {
                    // Hundredths of an hour to seconds.
                    row.set("quantity", Cell::Int(quantity * 36))
                        .set("rounded_quantity", Cell::Int(quantity * 36))
                        .set("quantity_in_hours", money(quantity))
                        .set("rounded_quantity_in_hours", money(quantity))
                        .set("activity_description", work);
                } else {
                    row.set("quantity", 1.0)
                        .set("rounded_quantity", 1.0)
                        .set("expense_category", expense);
                }
            });
            self.database.amend(matter, |row| {
                row.set("last_activity_date", Cell::Date(date));
            });
            if !non_billable {
                done.push(Work {
                    key,
                    date,
                    cents,
                    service,
                    quantity,
                    price,
                    user,
                });
            }
        }
        done
    }

    /// Bills for the work of each period but the last weeks.
    fn bill_matter(&mut self, matter: Key, client: Key, work: &[Work]) {
        let mut periods: BTreeMap<Day, Vec<Work>> = BTreeMap::new();
        for entry in work.iter().filter(|entry| entry.date < self.today - 20) {
            periods
                .entry(entry.date.div_euclid(BILLING_PERIOD))
                .or_default()
                .push(*entry);
        }
        for (period, entries) in periods {
            let issued = ((period + 1) * BILLING_PERIOD + 7).min(self.today - 1);
            self.bill(matter, client, issued, &entries);
        }
    }

    fn bill(&mut self, matter: Key, client: Key, issued: Day, entries: &[Work]) {
        let at = clock::local_time(issued, 10, 0);
        let number = self.office.next_bill;
        self.office.next_bill += 1;
        let services: i64 = entries.iter().filter(|e| e.service).map(|e| e.cents).sum();
        let sub_total: i64 = entries.iter().map(|entry| entry.cents).sum();
        let tax = percent(sub_total, TAX_RATE);
        let services_tax = percent(services, TAX_RATE);
        let total = sub_total + tax;
        let age = self.today - issued;
        let state = match self.stream.below(100) {
            _ if age < 15 && self.stream.chance(60) => "draft",
            chance if age > 40 && chance < 80 => "paid",
            chance if chance > 97 => "void",
            _ => "awaiting_payment",
        };
        let paid = match state {
            "paid" => total,
            "awaiting_payment" if self.stream.chance(25) => total / 2,
            _ => 0,
        };
        let due = if state == "void" { 0 } else { total - paid };
        let first = entries.first().map_or(issued, |entry| entry.date);
        let last = entries.last().map_or(issued, |entry| entry.date);
        let user = self.stream.pick(&self.office.attorneys);
        let (currency, account) = (self.office.currency, self.office.operating);
        let shared = state == "paid" || state == "awaiting_payment";
        let paid_on = (issued + 21).min(self.today);
        let balance = self.inlines("Balance", at, |row| {
            row.set("id", matter.id)
                .set("amount", money(total))
                .set("due", money(due))
                .set("interest_amount", 0.0)
                .set("type", "Matter");
        });
        let next_states = match state {
            "draft" => json!(["awaiting_approval", "awaiting_payment", "deleted"]),
            "awaiting_payment" => json!(["void"]),
            _ => json!([]),
        };
        let bill = self.add("bills", at, |row| {
            row.set("number", number.to_string())
                .set("type", "MatterBill")
                .set("kind", "revenue_kind")
                .set("state", state)
                .set("subject", format!("Invoice {number}"))
                .set("issued_at", Cell::Date(issued))
                .set("due_at", Cell::Date(issued + 30))
                .set("start_at", Cell::Date(first))
                .set("end_at", Cell::Date(last))
                .set("sub_total", money(sub_total))
                .set("services_sub_total", money(services))
                .set("taxable_sub_total", money(sub_total))
                .set("services_taxable_sub_total", money(services))
                .set("tax_rate", TAX_RATE)
                .set("tax_sum", money(tax))
                .set("total_tax", money(tax))
                .set("services_tax", money(services_tax))
                .set("secondary_tax_rate", 0.0)
                .set("secondary_tax_sum", 0.0)
                .set("services_secondary_tax", 0.0)
                .set("secondary_taxable_sub_total", 0)
                .set("services_secondary_taxable_sub_total", 0)
                .set("total", money(total))
                .set("paid", money(paid))
                .set("due", money(due))
                .set("balance", money(due))
                .set("pending", 0.0)
                .set("credits_issued", 0.0)
                .set("discount_services_only", false)
                .set("can_update", state == "draft")
                .set("shared", shared)
                .set("last_sent_at", shared.then_some(Cell::Time(at + 3600)))
                .set("matters", vec![matter])
                .set("client", client)
                .set("user", user)
                .set("currency", currency)
                .set("destination_account", account)
                .set("balances", balance)
                .set(
                    "available_state_transitions",
                    Cell::Json(Box::new(next_states)),
                );
            if state == "paid" {
                row.set("paid_at", Cell::Time(clock::local_time(paid_on, 11, 0)));
            }
        });
        for entry in entries {
            self.line_item(bill, matter, entry, at);
            self.database.amend(entry.key, |row| {
                row.set("bill", bill)
                    .set("on_bill", true)
                    .set("billed", state != "draft" && state != "void");
            });
        }
        if paid > 0 {
            self.payment(bill, matter, client, paid, paid_on);
        }
    }

    fn line_item(&mut self, bill: Key, matter: Key, entry: &Work, at: Second) {
        let note = self.text(entry.key, "note");
        let tax = percent(entry.cents, TAX_RATE);
        self.add("line_items", at, |row| {
            row.set("type", "ActivityLineItem")
                .set("kind", if entry.service { "Service" } else { "Expense" })
                .set("date", Cell::Date(entry.date))
                .set("description", note.as_str())
                .set("note", note.as_str())
                .set("quantity", money(entry.quantity))
                .set("price", money(entry.price))
                .set("sub_total", money(entry.cents))
                .set("tax", money(tax))
                .set("secondary_tax", 0.0)
                .set("total", money(entry.cents))
                .set("taxable", true)
                .set("secondary_taxable", false)
                .set("group_ordering", 0)
                .set("bill", bill)
                .set("matter", matter)
                .set("activity", entry.key)
                .set("user", entry.user);
        });
    }

    fn payment(&mut self, bill: Key, matter: Key, client: Key, cents: i64, day: Day) {
        let at = clock::local_time(day, 11, 0);
        let account = self.office.operating;
        self.add("allocations", at, |row| {
            row.set("amount", money(cents))
                .set("date", Cell::Date(day))
                .set("description", "Payment")
                .set("payment_type", "Check")
                .set("destroyable", true)
                .set("has_online_payment", false)
                .set("interest", false)
                .set("bill", bill)
                .set("contact", client)
                .set("matter", matter)
                .set("destination_bank_account", account);
        });
        self.transaction(account, Some(bill), matter, client, cents, day);
    }

    fn transaction(
        &mut self,
        account: Key,
        bill: Option<Key>,
        matter: Key,
        client: Key,
        cents: i64,
        day: Day,
    ) {
        let currency = self.office.currency.id;
        let payer = self.text(client, "name");
        let mut balance = 0.0;
        self.database.amend(account, |row| {
            let before = row.get("balance").number().unwrap_or(0.0);
            #[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^52")]
            let after = ((before * 100.0).round() + cents as f64) / 100.0;
            balance = after;
            let count = row.get("bank_transactions_count").number().unwrap_or(0.0) + 1.0;
            row.set("balance", after)
                .set("bank_transactions_count", count);
        });
        self.add("bank_transactions", clock::local_time(day, 11, 5), |row| {
            row.set("amount", money(cents))
                .set("funds_in", money(cents))
                .set("funds_out", 0.0)
                .set("date", Cell::Date(day))
                .set(
                    "description",
                    if bill.is_some() {
                        "Bill payment"
                    } else {
                        "Retainer"
                    },
                )
                .set("payer_payee", payer)
                .set("source", "Check")
                .set("transaction_type", "Deposit")
                .set("type", "Deposit")
                .set("currency", "CAD")
                .set("currency_id", currency)
                .set("exchange_rate", 1.0)
                .set("current_account_balance", balance)
                .set("clio_payments_transaction", false)
                .set("read_only_confirmation", false)
                .set("bank_account_id", account.id)
                .set("bank_account", account)
                .set("bill", bill)
                .set("client", client)
                .set("matter", matter);
        });
    }

    /// A retainer in trust, for some matters.
    fn trust(&mut self, matter: Key, client: Key, opened: Day) {
        if !self.stream.chance(35) {
            return;
        }
        let cents = self.stream.between(5, 100) * 10_000;
        let (account, currency) = (self.office.trust, self.office.currency.id);
        let day = (opened + 2).min(self.today);
        self.transaction(account, None, matter, client, cents, day);
        let at = clock::local_time(day, 11, 0);
        let balance = self.inlines("AccountBalance_base", at, |row| {
            row.set("id", account.id)
                .set("name", "Pooled trust")
                .set("type", "Trust")
                .set("currency_id", currency)
                .set("balance", money(cents));
        });
        self.database.amend(matter, |row| {
            row.set("account_balances", balance);
        });
        self.add("trust_line_items", at, |row| {
            row.set("date", Cell::Date(day))
                .set("note", "Retainer received in trust")
                .set("total", money(cents))
                .set("client", client)
                .set("matter", matter);
        });
    }

    /// Tasks and calendar entries, some of them still to come.
    fn schedule(&mut self, matter: Key, opened: Day, end: Day, status: &str) {
        let last = if status == "Closed" {
            end
        } else {
            self.today + 60
        };
        for _ in 0..2 + self.stream.below(4) {
            let due = self.working_day(opened + 3, last);
            let created = {
                let day = (due - 14).clamp(opened, self.today);
                self.office_hour(day)
            };
            let done = due < self.today && (status == "Closed" || self.stream.chance(85));
            let assignee = self.stream.pick(&self.office.users);
            let assigner = self.stream.pick(&self.office.attorneys);
            let name = self.stream.pick(&names::TASKS);
            let number = self.text(matter, "display_number");
            let priority = self.stream.pick(&["High", "Normal", "Normal", "Low"]);
            let state = if done {
                "complete"
            } else {
                self.stream
                    .pick(&["pending", "pending", "in_progress", "in_review"])
            };
            let kind = self.stream.pick(&self.office.task_types);
            let estimate = self.stream.between(1, 12) * 1800;
            let completed = done.then(|| clock::local_time(due, 16, 30));
            let participant = self.participant(assignee, created);
            self.add("tasks", created, |row| {
                row.set("name", name)
                    .set("description", format!("{name} for {number}"))
                    .set("description_text_type", "plain_text")
                    .set("due_at", Cell::Date(due))
                    .set("completed_at", completed.map(Cell::Time))
                    .set("status", state)
                    .set("priority", priority)
                    .set("permission", "public")
                    .set("notify_completion", false)
                    .set("statute_of_limitations", false)
                    .set("time_entries_count", 0)
                    .set("time_estimated", estimate)
                    .set("assignee", participant)
                    .set("assigner", assigner)
                    .set("task_type", kind)
                    .set("matter", matter);
            });
        }
        for _ in 0..1 + self.stream.below(3) {
            let day = self.working_day(opened + 1, last);
            let hour = self.stream.between(9, 16);
            let (start, finish) = (
                clock::local_time(day, hour, 0),
                clock::local_time(day, hour + 1, 0),
            );
            let created = {
                let day = (day - 10).clamp(opened, self.today);
                self.office_hour(day)
            };
            let calendar = self.stream.pick(&self.office.calendars);
            let kind = self.stream.pick(&self.office.event_types);
            let number = self.text(matter, "display_number");
            let summary = format!("{} {number}", self.stream.pick(&names::EVENTS));
            let location = self.stream.pick(&names::PLACES);
            self.add("calendar_entries", created, |row| {
                row.set("summary", summary)
                    .set("location", location)
                    .set("description", "")
                    .set("all_day", false)
                    .set("court_rule", false)
                    .set("permission", "owner")
                    .set("start_at", Cell::Time(start))
                    .set("end_at", Cell::Time(finish))
                    .set("start_date", Cell::Date(day))
                    .set("end_date", Cell::Date(day))
                    .set("start_time", format!("{hour:02}:00"))
                    .set("end_time", format!("{:02}:00", hour + 1))
                    .set("start_at_time_zone", "America/Toronto")
                    .set("time_entries_count", 0)
                    .set("calendar_owner", calendar)
                    .set("calendar_owner_id", calendar.id)
                    .set("calendars", vec![calendar])
                    .set("calendar_entry_event_type", kind)
                    .set("matter", matter);
            });
        }
    }

    /// A user or contact as a participant.
    fn participant(&mut self, key: Key, at: Second) -> Cell {
        participant(self.database, key, at).map_or(Cell::Null, Cell::from)
    }

    fn correspondence(&mut self, matter: Key, client: Key, opened: Day, end: Day) {
        for _ in 0..1 + self.stream.below(3) {
            let day = self.working_day(opened, end);
            let at = self.office_hour(day);
            let author = self.stream.pick(&self.office.users);
            let (subject, detail) = self.stream.pick(&names::MEMOS);
            let about_client = self.stream.chance(20);
            self.add("notes", at, |row| {
                row.set("type", if about_client { "Contact" } else { "Matter" })
                    .set("subject", subject)
                    .set("detail", detail)
                    .set("detail_text_type", "plain_text")
                    .set("date", Cell::Date(day))
                    .set("time_entries_count", 0)
                    .set("author", author);
                if about_client {
                    row.set("contact", client);
                } else {
                    row.set("matter", matter);
                }
            });
        }
        for _ in 0..1 + self.stream.below(4) {
            let day = self.working_day(opened, end);
            let at = self.office_hour(day);
            let user = self.stream.pick(&self.office.users);
            let incoming = self.stream.chance(50);
            let email = self.stream.chance(70);
            let (subject, body) = self.stream.pick(&names::LETTERS);
            let (us, them) = (self.participant(user, at), self.participant(client, at));
            let (from, to) = if incoming { (them, us) } else { (us, them) };
            let several = |cell: Cell| match cell {
                Cell::Inline(record) => Cell::Inlines(vec![*record]),
                _ => Cell::Null,
            };
            self.add("communications", at, |row| {
                row.set(
                    "type",
                    if email {
                        "EmailCommunication"
                    } else {
                        "PhoneCommunication"
                    },
                )
                .set("subject", subject)
                .set("body", body)
                .set("date", Cell::Date(day))
                .set("received_at", Cell::Time(at))
                .set("time_entries_count", 0)
                .set("user", user)
                .set("matter", matter)
                .set("senders", several(from))
                .set("receivers", several(to));
            });
        }
    }

    /// The lists that sum up others: what is unbilled, what is owed.
    fn sum_up(&mut self) {
        let now = clock::local_time(self.today, 9, 0);
        let mut unbilled: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for activity in self.database.rows("activities") {
            let open =
                !activity.get("on_bill").is_true() && !activity.get("non_billable").is_true();
            if let Some(matter) = activity.get("matter").key().filter(|_| open) {
                let entry = unbilled.entry(matter.id).or_default();
                entry.0 += cents(activity.get("total"));
                entry.1 += cents(activity.get("quantity_in_hours"));
            }
        }
        let mut clients: BTreeMap<i64, (i64, i64, i64, i64, Vec<Key>)> = BTreeMap::new();
        for (id, (amount, hours)) in unbilled {
            let Some(matter) = self
                .database
                .named("matters")
                .and_then(|table| table.row(id))
            else {
                continue;
            };
            let number = matter.get("display_number").clone();
            let client = matter.get("client").key();
            let trust = match matter.get("account_balances") {
                Cell::Inlines(all) => all.iter().map(|one| cents(one.get("balance"))).sum(),
                _ => 0,
            };
            let currency = self.office.currency.id;
            let key = self.add("billable_matters", now, |row| {
                row.set("id", id)
                    .set("display_number", number)
                    .set("unbilled_amount", money(amount))
                    .set("unbilled_hours", money(hours))
                    .set("amount_in_trust", money(trust))
                    .set("currency_code", "CAD")
                    .set("currency_id", currency)
                    .set("client", client);
            });
            if let Some(client) = client {
                let entry = clients.entry(client.id).or_default();
                entry.0 += amount;
                entry.1 += hours;
                entry.2 += trust;
                entry.3 += 1;
                entry.4.push(key);
            }
        }
        for (id, (amount, hours, trust, count, keys)) in clients {
            let name = self
                .database
                .named("contacts")
                .and_then(|table| table.row(id));
            let name = name.map(|row| row.get("name").clone()).unwrap_or_default();
            self.add("billable_clients", now, |row| {
                row.set("id", id)
                    .set("name", name)
                    .set("unbilled_amount", money(amount))
                    .set("unbilled_hours", money(hours))
                    .set("amount_in_trust", money(trust))
                    .set("billable_matters_count", count)
                    .set("billable_matters", keys);
            });
        }
        self.outstanding(now);
    }

    fn outstanding(&mut self, now: Second) {
        let Some(bills) = self.database.id("bills") else {
            return;
        };
        let mut owed: BTreeMap<i64, (i64, Vec<Key>, Day)> = BTreeMap::new();
        for bill in self.database.rows("bills") {
            if bill.get("state").text() != Some("awaiting_payment") {
                continue;
            }
            if let (Some(client), Cell::Date(due)) = (bill.get("client").key(), bill.get("due_at"))
            {
                let entry = owed.entry(client.id).or_default();
                entry.0 += cents(bill.get("due"));
                entry.1.push(Key {
                    table: bills,
                    id: bill.id(),
                });
                entry.2 = entry.2.max(*due);
            }
        }
        let Some(contacts) = self.database.id("contacts") else {
            return;
        };
        let currency = self.office.currency;
        for (id, (cents, keys, due)) in owed {
            self.add("outstanding_client_balances", now, |row| {
                row.set("total_outstanding_balance", money(cents))
                    .set("pending_payments_total", 0.0)
                    .set("newest_issued_bill_due_date", Cell::Date(due))
                    .set("last_shared_date", Cell::Date(due - 30))
                    .set("reminders_enabled", false)
                    .set(
                        "contact",
                        Key {
                            table: contacts,
                            id,
                        },
                    )
                    .set("currency", currency)
                    .set("outstanding_bills", keys);
            });
        }
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
            ("deleted_at" | "voided_at", _) => Cell::Null,
            (_, Kind::Boolean) => self.stream.chance(50).into(),
            (_, Kind::Integer) => number.into(),
            (_, Kind::Number) => money(self.stream.between(100, 1_000_000)),
            ("name" | "title" | "display_name", Kind::Text) => format!("{schema} {nth}").into(),
            (_, Kind::Text) => format!("{} {nth}", column.replace('_', " ")).into(),
            (_, Kind::Choice(values)) => values.get(nth % values.len().max(1)).cloned().into(),
            (_, Kind::Date) => Cell::Date(clock::day_of(at)),
            (_, Kind::DateTime) => Cell::Time(at),
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
            (_, Kind::Object | Kind::List(_)) => Cell::Null,
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
            rows.map(|row| format!("{row:?}")).collect::<String>()
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
