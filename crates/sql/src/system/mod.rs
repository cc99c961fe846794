//! Tables about the connection itself: `sys_…` as the established provider has them, and the views
//! of `information_schema` as `information_schema_…`. Their rows are computed from the catalogue
//! and the connection's settings; no request is made.
//!
//! They describe the service's tables, not themselves.

mod connection;
mod information_schema;
mod keys;
mod tables;
#[cfg(test)]
mod tests;

use apilink_core::settings::Settings;

use crate::catalog::{Catalog, ColumnShape, Origin, TableShape, TableSource};
use crate::types::SqlType;
use crate::value::Value;

/// The name of the one catalogue.
pub const CATALOG_NAME: &str = "apilink";

/// What is known of a connection, without its secrets.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    schema: String,
    region: String,
    version: Option<String>,
    properties: Vec<(&'static str, String)>,
}

impl ConnectionFacts {
    /// What `settings` say. Secrets are masked in it.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            schema: settings.profile.name.clone(),
            region: settings.region.origin.to_string(),
            version: settings
                .profile
                .api
                .version_header
                .as_ref()
                .map(|header| header.value.clone()),
            properties: settings.describe().to_vec(),
        }
    }

    /// The name of the one schema: the profile's.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The value in force of a property, for people; `None` where there is none.
    fn property(&self, name: &str) -> Option<&str> {
        self.properties
            .iter()
            .find(|(known, value)| *known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

/// The system tables, to be added to a catalogue.
#[must_use]
pub fn shapes() -> Vec<TableShape> {
    definitions().map(Definition::shape).collect()
}

/// The rows of a system table, with a value for each of its columns, in order; none for a table
/// that is not one.
#[must_use]
pub fn rows(table: &str, catalog: &Catalog, connection: &ConnectionFacts) -> Vec<Vec<Value>> {
    let view = View {
        catalog,
        connection,
    };
    definitions()
        .find(|definition| definition.name.eq_ignore_ascii_case(table))
        .map(|definition| (definition.rows)(&view))
        .unwrap_or_default()
}

fn definitions() -> impl Iterator<Item = &'static Definition> {
    tables::DEFINITIONS
        .iter()
        .chain(keys::DEFINITIONS)
        .chain(connection::DEFINITIONS)
        .chain(information_schema::DEFINITIONS)
}

/// What the rows are computed from.
struct View<'a> {
    catalog: &'a Catalog,
    connection: &'a ConnectionFacts,
}

impl View<'_> {
    /// The tables that have rows of the service.
    fn tables(&self) -> impl Iterator<Item = &TableShape> {
        let tables = self.catalog.tables().iter().map(AsRef::as_ref);
        tables.filter(|table| matches!(table.source, TableSource::Service(_)))
    }

    /// The two values with which most rows begin: catalogue and schema.
    fn place(&self) -> [Value; 2] {
        [text(CATALOG_NAME), text(&self.connection.schema)]
    }

    /// A row that begins with catalogue and schema.
    fn row<const N: usize>(&self, values: [Value; N]) -> Vec<Value> {
        self.place().into_iter().chain(values).collect()
    }
}

/// A system table: its shape and how its rows come about.
struct Definition {
    name: &'static str,
    description: &'static str,
    columns: &'static [(&'static str, SqlType)],
    rows: fn(&View) -> Vec<Vec<Value>>,
}

impl Definition {
    fn shape(&self) -> TableShape {
        let columns = self.columns.iter().map(|&(name, sql_type)| ColumnShape {
            name: name.to_owned(),
            sql_type,
            nullable: true,
            hidden: false,
            // Names are found without regard to case here too.
            ignore_case: matches!(sql_type, SqlType::Varchar { .. }),
            references: None,
            description: None,
            origin: Origin::System,
        });
        TableShape {
            name: self.name.to_owned(),
            description: Some(self.description.to_owned()),
            columns: columns.collect(),
            key: Vec::new(),
            source: TableSource::System,
            custom_fields_unknown: false,
        }
    }
}

/// A name: text as long as a name gets.
const NAME: SqlType = SqlType::Varchar { size: 128 };
const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const BOOLEAN: SqlType = SqlType::Boolean;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::Null, self::text)
}

fn flag(flag: bool) -> Value {
    Value::Integer(flag.into())
}

fn number(number: u32) -> Value {
    Value::Integer(number.into())
}

/// A position, counted from 1.
fn ordinal(position: usize) -> Value {
    Value::Integer(i64::try_from(position + 1).unwrap_or(i64::MAX))
}

fn no_rows(_: &View) -> Vec<Vec<Value>> {
    Vec::new()
}
