//! The contacts, and the values of custom fields.

use super::{Founder, ascii, initials};
use crate::clock::{self, Day, Second};
use crate::names;
use crate::record::{Cell, Key};

impl Founder<'_> {
    /// Values of some of a parent's custom fields.
    pub(super) fn custom_values(&mut self, fields: &[Key], at: Second, day: Day) -> Cell {
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

    pub(super) fn name(&mut self) -> (String, String) {
        let first = self.stream.pick(&names::FIRST).to_owned();
        let last = self.stream.pick(&names::LAST).to_owned();
        (first, last)
    }

    pub(super) fn contact(&mut self, client: bool, day: Day) -> Key {
        let at = self.office_hour(day);
        let company = self.stream.chance(if client { 30 } else { 15 });
        let (first, last) = self.name();
        let key = if company {
            self.company(&last, at)
        } else {
            self.person(&first, &last, at)
        };
        let fields = self.office.contact_fields.clone();
        let custom = client.then(|| self.custom_values(&fields, at, day));
        let currency = self.office.currency;
        self.database.amend(key, |row| {
            row.set("is_client", client)
                .set("is_bill_recipient", client)
                .set("is_clio_for_client_user", false)
                .set("has_clio_for_clients_permission", false)
                .set("is_co_counsel", false)
                .set("locked_clio_connect_email", false)
                .set("require_utbms_codes", false)
                .set("custom_field_values", custom)
                .set("currency", currency);
        });
        key
    }

    pub(super) fn company(&mut self, founder: &str, at: Second) -> Key {
        let trade = self.stream.pick(&names::TRADES);
        let form = self.stream.pick(&names::LEGAL_FORMS);
        let domain = format!("{}.example", ascii(founder));
        let site = self.inlines("WebSite_base", at, |row| {
            row.set("address", format!("https://www.{domain}/"))
                .set("name", "Work")
                .set("default_web_site", true);
        });
        let key = self.add("contacts", at, |row| {
            row.set("name", format!("{founder} {trade} {form}"))
                .set("type", "Company")
                .set("web_sites", site);
        });
        self.reachable(key, "office", &domain, at);
        key
    }

    pub(super) fn person(&mut self, first: &str, last: &str, at: Second) -> Key {
        let age = Day::try_from(self.stream.between(22, 80) * 365).unwrap_or(0);
        let birthday = self.today - age;
        let clients = self.office.clients.clone();
        let employer = Some(self.pick(&clients)).filter(|key| {
            let row = self.database.row(*key);
            row.is_some_and(|row| row.get("type").text() == Some("Company"))
        });
        let key = self.add("contacts", at, |row| {
            row.set("name", format!("{first} {last}"))
                .set("type", "Person")
                .set("initials", initials(first, last))
                .set("first_name", first)
                .set("last_name", last)
                .set("date_of_birth", Cell::Date(birthday))
                .set("company", employer);
        });
        let host = self.stream.pick(&names::MAIL_HOSTS);
        let local = format!("{}.{}", ascii(first), ascii(last));
        self.reachable(key, &local, host, at);
        key
    }

    /// Email, telephone and address of a contact.
    pub(super) fn reachable(&mut self, contact: Key, local: &str, domain: &str, at: Second) {
        let serial = self.stream.between(0, 9999);
        let email = format!("{local}{serial}@{domain}");
        let area = self.stream.pick(&names::AREA_CODES);
        let phone = format!("{area}-555-{serial:04}");
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
        let number = self.stream.between(1, 2400);
        let street = self.stream.pick(&names::STREETS);
        let code = format!("M{}H {}T1", serial % 9 + 1, serial % 8 + 1);
        let address = self.inline_record("Address", at, |row| {
            row.set("street", format!("{number} {street}"))
                .set("city", city)
                .set("province", province)
                .set("country", "CA")
                .set("postal_code", code)
                .set("name", "Work")
                .set("primary", true);
        });
        self.database.amend(contact, |row| {
            row.set("primary_email_address", email)
                .set("primary_phone_number", phone)
                .set("email_addresses", emails)
                .set("phone_numbers", phones)
                .set("primary_address", address.clone())
                .set("addresses", Cell::Inlines(address.into_iter().collect()));
        });
    }

    pub(super) fn client(&mut self, day: Day) -> Key {
        if !self.office.clients.is_empty() && self.stream.chance(40) {
            let clients = self.office.clients.clone();
            return self.pick(&clients);
        }
        let client = self.contact(true, day);
        self.office.clients.push(client);
        client
    }

    pub(super) fn other_party(&mut self, day: Day) -> Key {
        if !self.office.others.is_empty() && self.stream.chance(50) {
            let others = self.office.others.clone();
            return self.pick(&others);
        }
        let other = self.contact(false, day);
        self.office.others.push(other);
        other
    }
}
