//! The office: people, accounts, practice areas, custom fields.

use serde_json::json;

use super::{Founder, TAX_RATE, ascii, initials, money};
use crate::clock::{self, Second};
use crate::names;
use crate::record::{Cell, Key, Record};

impl Founder<'_> {
    pub(super) fn open_office(&mut self, matters: usize) {
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

    pub(super) fn people(&mut self, count: usize, at: Second) {
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
        self.groups(at);
    }

    pub(super) fn groups(&mut self, at: Second) {
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

    pub(super) fn money_matters(&mut self, at: Second) {
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

    pub(super) fn practice(&mut self, at: Second) {
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

    pub(super) fn custom_fields(&mut self, at: Second) {
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
}
