//! The `fields` parameter: which fields of a record a reply shows, and showing them.

use crate::facts::{Kind, Schema};
use crate::record::{Cell, Database, Record, etag_text};
use crate::{clock, facts};

/// The fields to show of a record.
#[derive(Debug, Clone)]
pub struct Selection {
    schema: &'static Schema,
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
struct Item {
    position: usize,
    /// What to show of an object, or of the objects of a list.
    nested: Option<Selection>,
}

impl Selection {
    /// Reads `fields=id,client{id,name}` for records of a schema.
    ///
    /// # Errors
    /// A name that the schema does not have, a second level of braces, or braces that do not
    /// match, in words.
    pub fn parse(schema: &'static Schema, text: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        for part in split(text)? {
            items.push(Item::parse(schema, part)?);
        }
        Ok(Self { schema, items })
    }

    /// What is shown when nothing is asked.
    #[must_use]
    pub fn defaults(schema: &'static Schema) -> Self {
        let names: &[&str] = match schema.name.as_str() {
            "Matter" => &["id", "etag", "display_number"],
            "CustomFieldValue" | "CustomFieldValue_base" => &["id", "value"],
            _ => &["id", "etag"],
        };
        let mut items: Vec<Item> = names
            .iter()
            .filter_map(|name| Item::plain(schema, name))
            .collect();
        if items.is_empty() {
            // Objects without an identity: all that is not itself an object.
            items = (0..schema.columns.len())
                .filter(|&at| {
                    schema
                        .columns
                        .get(at)
                        .is_some_and(|found| found.kind.schema().is_none())
                })
                .map(|position| Item {
                    position,
                    nested: None,
                })
                .collect();
        }
        Self { schema, items }
    }

    /// Shows `names` of a schema.
    #[must_use]
    pub fn of(schema: &'static Schema, names: &[&str]) -> Self {
        Self {
            schema,
            items: names
                .iter()
                .filter_map(|name| Item::plain(schema, name))
                .collect(),
        }
    }

    /// Writes the record as a JSON object.
    pub fn write(&self, out: &mut Vec<u8>, view: &View<'_>, record: &Record) {
        out.push(b'{');
        for (at, item) in self.items.iter().enumerate() {
            let Some(column) = self.schema.columns.get(item.position) else {
                continue;
            };
            if at > 0 {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(column.name.as_bytes());
            out.extend_from_slice(b"\":");
            // A row can be shown through a schema that is not quite its own.
            let cell = if std::ptr::eq(record.schema, self.schema) {
                record.at(item.position)
            } else {
                record.get(&column.name)
            };
            let nested = item.nested.as_ref();
            match cell {
                _ if view.redacts_amount(record, &column.name) => out.extend_from_slice(b"null"),
                Cell::Inlines(values) if column.name == "custom_field_values" => {
                    write_list(
                        out,
                        values.iter().filter(|value| view.shows(value)),
                        |out, value| {
                            write_nested(out, view, nested, value);
                        },
                    );
                }
                _ => write_cell(out, view, cell, &column.kind, nested),
            }
        }
        out.push(b'}');
    }
}

impl Item {
    fn plain(schema: &'static Schema, name: &str) -> Option<Self> {
        let position = schema.position(name)?;
        let nested = schema
            .columns
            .get(position)
            .and_then(|column| column.kind.schema())
            // Defaults of an object within an object end at its plain fields.
            .map(Selection::defaults);
        Some(Self { position, nested })
    }

    fn parse(schema: &'static Schema, part: &str) -> Result<Self, String> {
        let unknown = |name: &str| format!("{name} is not a field of {}", schema.name);
        let Some((name, rest)) = part.split_once('{') else {
            return Self::plain(schema, part).ok_or_else(|| unknown(part));
        };
        let inner = rest.strip_suffix('}').unwrap_or(rest);
        let position = schema.position(name).ok_or_else(|| unknown(name))?;
        let nested = schema
            .columns
            .get(position)
            .and_then(|column| column.kind.schema())
            .ok_or_else(|| format!("{name} of {} has no fields of its own", schema.name))?;
        if inner.contains('{') {
            return Err(format!("{name} is nested more than one level deep"));
        }
        Ok(Self {
            position,
            nested: Some(Selection::parse(nested, inner)?),
        })
    }
}

/// Splits at the commas that are not within braces.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or("a brace closes that was not opened")?;
            }
            b',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a brace is not closed".to_owned());
    }
    parts.push(text.get(start..).unwrap_or_default().trim());
    Ok(parts)
}

/// What rendering needs beside the record.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Where referenced rows are.
    pub database: &'a Database,
    /// Custom field values are limited to these fields, unless there are none.
    pub custom_field_ids: &'a [i64],
    /// Every matter whose id divides by this is redacted; 0 for none.
    pub redact_every: u32,
}

impl View<'_> {
    fn redacts(&self, matter: i64) -> bool {
        matter
            .checked_rem(i64::from(self.redact_every))
            .is_some_and(|rest| rest == 0)
    }

    /// Whether a record that is shown within another is redacted there.
    fn redacts_record(&self, record: &Record) -> bool {
        record.schema.name == "Matter" && self.redacts(record.id())
    }

    /// Whether a value is an amount of work on a redacted matter.
    fn redacts_amount(&self, record: &Record, column: &str) -> bool {
        record.schema.name == "Activity"
            && matches!(column, "price" | "total" | "non_billable_total")
            && record
                .get("matter")
                .key()
                .is_some_and(|key| self.redacts(key.id))
    }

    fn shows(&self, value: &Record) -> bool {
        self.custom_field_ids.is_empty()
            || value
                .get("custom_field")
                .key()
                .is_some_and(|key| self.custom_field_ids.contains(&key.id))
    }
}

fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn write_nested(out: &mut Vec<u8>, view: &View<'_>, nested: Option<&Selection>, record: &Record) {
    if view.redacts_record(record) {
        out.extend_from_slice(format!(r#"{{"id":{},"redacted":true}}"#, record.id()).as_bytes());
        return;
    }
    match nested {
        Some(selection) => selection.write(out, view, record),
        None => Selection::defaults(record.schema).write(out, view, record),
    }
}

fn write_cell(
    out: &mut Vec<u8>,
    view: &View<'_>,
    cell: &Cell,
    kind: &facts::Kind,
    nested: Option<&Selection>,
) {
    match cell {
        Cell::Null if matches!(kind, Kind::List(_)) => out.extend_from_slice(b"[]"),
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Cell::Int(value) if matches!(kind, Kind::Text) => write_text(out, &value.to_string()),
        Cell::Int(value) if matches!(kind, Kind::Number) => {
            out.extend_from_slice(format!("{value}.0").as_bytes());
        }
        Cell::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        #[allow(clippy::cast_possible_truncation, reason = "money, far below 2^63")]
        Cell::Num(value) if matches!(kind, Kind::Integer) => {
            out.extend_from_slice((value.round() as i64).to_string().as_bytes());
        }
        // Debug formatting keeps the .0 of whole numbers, as the service does.
        Cell::Num(value) => out.extend_from_slice(format!("{value:?}").as_bytes()),
        Cell::Text(text) => write_text(out, text),
        Cell::Date(day) => quoted(out, |out| clock::write_date(out, *day)),
        Cell::Time(second) => quoted(out, |out| clock::write_time(out, *second)),
        Cell::Etag(revision) => write_text(out, &etag_text(*revision)),
        Cell::Ref(key) => match view.database.row(*key) {
            Some(row) => write_nested(out, view, nested, row),
            None => out.extend_from_slice(b"null"),
        },
        Cell::Refs(keys) => {
            let rows = keys.iter().filter_map(|key| view.database.row(*key));
            write_list(out, rows, |out, row| write_nested(out, view, nested, row));
        }
        Cell::Inline(record) => write_nested(out, view, nested, record),
        Cell::Inlines(records) => {
            write_list(out, records.iter(), |out, record| {
                write_nested(out, view, nested, record);
            });
        }
        Cell::Json(value) => out.extend_from_slice(value.to_string().as_bytes()),
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    if text
        .bytes()
        .any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    } else {
        quoted(out, |out| out.extend_from_slice(text.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::FACTS;

    fn shown(fields: &str) -> Result<String, String> {
        let database = Database::new();
        let matter = FACTS.schema("Matter").unwrap();
        let mut record = Record::new(matter);
        record
            .set("id", 5)
            .set("description", "a \"b\"")
            .set("open_date", Cell::Date(0));
        let mut client = Record::new(FACTS.schema("Contact").unwrap());
        client.set("id", 7).set("name", "Ada");
        record.set("client", client);
        let view = View {
            database: &database,
            custom_field_ids: &[],
            redact_every: 0,
        };
        let mut out = Vec::new();
        Selection::parse(matter, fields)?.write(&mut out, &view, &record);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn only_what_is_asked_is_shown() {
        assert_eq!(
            shown("id,description, client{name,company},group,relationships,open_date").unwrap(),
            r#"{"id":5,"description":"a \"b\"","client":{"name":"Ada","company":null},"group":null,"relationships":[],"open_date":"1970-01-01"}"#
        );
        assert_eq!(
            shown("client").unwrap(),
            r#"{"client":{"id":7,"etag":null}}"#
        );
    }

    #[test]
    fn bad_fields_are_refused() {
        for fields in [
            "nonsense",
            "",
            "id,",
            "id{x}",
            "client{nonsense}",
            "client{company{name}}",
            "client{id",
            "client}id{",
            "client{}",
        ] {
            assert!(shown(fields).is_err(), "{fields}");
        }
    }
}
