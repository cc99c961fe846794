//! Custom fields whose values stand for records: a contact, or a matter.

use super::Founder;
use crate::clock::{self, Second};
use crate::names;
use crate::random::Stream;
use crate::record::{Cell, Key};

/// What sets the numbers of this file apart from those of the rest of the firm.
const APART: u64 = 0x5ec0_4d5f_1e1d_0001;

impl Founder<'_> {
    /// Adds the fields and their values. They come last, with random numbers of their own, so that the
    /// firm that a seed gives is otherwise the same as before there were any.
    pub(super) fn record_fields(&mut self, seed: u64) {
        let mut stream = Stream::new(seed ^ APART);
        let at = clock::local_time(self.founded, 9, 0);
        for (order, &(parent, name, kind)) in (100_i64..).zip(names::RECORD_FIELDS) {
            let field = self.add("custom_fields", at, |row| {
                row.set("name", name)
                    .set("field_type", kind)
                    .set("parent_type", parent)
                    .set("display_order", order)
                    .set("displayed", true)
                    .set("required", false)
                    .set("deleted", false);
            });
            let table = if kind == "contact" {
                "contacts"
            } else {
                "matters"
            };
            let targets = self.keys(table, |_| true);
            let holders = match parent {
                "Matter" => self.keys("matters", |_| true),
                _ => self.keys("contacts", |row| row.get("is_client").is_true()),
            };
            for holder in holders {
                if stream.chance(40) {
                    let target = stream.pick(&targets);
                    self.refer(holder, field, name, kind, target, at);
                }
            }
        }
    }

    fn keys(&self, table: &str, is_wanted: impl Fn(&crate::record::Record) -> bool) -> Vec<Key> {
        let Some(id) = self.database.id(table) else {
            return Vec::new();
        };
        let rows = self.database.rows(table).iter();
        rows.filter(|row| is_wanted(row))
            .map(|row| Key {
                table: id,
                id: row.id(),
            })
            .collect()
    }

    fn refer(
        &mut self,
        holder: Key,
        field: Key,
        name: &str,
        kind: &'static str,
        target: Key,
        at: Second,
    ) {
        let value = self.inline_record("CustomFieldValue", at, |row| {
            let id = format!("{kind}-{}", row.id());
            row.set("id", id)
                .set("field_name", name)
                .set("field_type", kind)
                .set("field_displayed", true)
                .set("field_required", false)
                .set("soft_deleted", false)
                .set("value", target.id.to_string())
                .set("custom_field", field)
                .set(kind, target);
        });
        self.database.amend(holder, |row| {
            let mut values = match row.get("custom_field_values") {
                Cell::Inlines(values) => values.clone(),
                _ => Vec::new(),
            };
            values.extend(value);
            row.set("custom_field_values", values);
        });
    }
}
