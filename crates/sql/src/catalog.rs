//! What a connection can be asked about: its tables and their columns, found by name without
//! regard to case.

use std::collections::HashMap;
use std::sync::Arc;

use apilink_core::profile::tables::Table;

use crate::types::SqlType;

/// A table as SQL sees it.
#[derive(Clone, Debug)]
pub struct TableShape {
    /// Its name.
    pub name: String,
    /// What it holds, for people.
    pub description: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<ColumnShape>,
    /// The positions of the columns that identify a row.
    pub key: Vec<usize>,
    /// Where its rows come from.
    pub source: TableSource,
    /// It has columns for fields that the account has added, which are not known yet.
    pub custom_fields_unknown: bool,
}

/// Where a table's rows come from.
#[derive(Clone, Debug)]
pub enum TableSource {
    /// From the service, as the profile says.
    Service(Arc<Table>),
    /// From what apilink knows itself, without a request.
    System,
}

/// A column as SQL sees it.
#[derive(Clone, Debug)]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether it can be NULL.
    pub nullable: bool,
    /// Not a part of `SELECT *`.
    pub hidden: bool,
    /// Texts that differ in case only are equal.
    pub ignore_case: bool,
    /// The table whose key it holds.
    pub references: Option<String>,
    /// What it holds, for people.
    pub description: Option<String>,
    /// Where a row holds it.
    pub origin: Origin,
}

/// Where a row holds a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A field of the record, or of an object in it.
    Field {
        /// The field.
        field: String,
        /// The field of the object that `field` is.
        inner: Option<String>,
        /// An array or an object, shown as JSON text.
        is_json: bool,
    },
    /// The value that the request was made with.
    Parent,
    /// The value that a filter passes to the service.
    Parameter,
    /// A field that the account has added.
    Custom(CustomColumn),
    /// A value that apilink knows itself.
    System,
}

/// A column for a field that the account has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomColumn {
    /// The `id` of the field's definition.
    pub definition: i64,
    /// How the value is shown.
    pub show: CustomShow,
}

/// How the value of a custom field is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomShow {
    /// As it is, in the column's type.
    Value,
    /// The text of the option that the value names.
    Option(Arc<HashMap<i64, String>>),
    /// A field of the object that the value stands for.
    Object {
        /// The object in the value.
        field: String,
        /// The field of the object.
        text: String,
        /// The table of the object, which is asked where the object does not show that field.
        table: String,
    },
    /// The `id` of the object that the value stands for.
    ObjectId {
        /// The object in the value.
        field: String,
    },
}

impl TableShape {
    /// The position of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// The tables of a connection.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tables: Vec<Arc<TableShape>>,
    by_name: HashMap<String, usize>,
}

impl Catalog {
    /// The tables of a profile, without the fields that an account has added.
    #[must_use]
    pub fn of_profile(tables: &[Table]) -> Self {
        let mut catalog = Self::default();
        for table in tables {
            catalog.add(TableShape::of_profile(table));
        }
        catalog
    }

    /// Says that the tables which have fields of the account's own do not show them yet.
    pub fn expect_custom_fields(&mut self) {
        for table in &mut self.tables {
            if let TableSource::Service(source) = &table.source
                && source.custom_fields.is_some()
            {
                Arc::make_mut(table).custom_fields_unknown = true;
            }
        }
    }

    /// Adds a table, in place of one of the same name.
    pub fn add(&mut self, table: TableShape) {
        let name = table.name.to_ascii_lowercase();
        let table = Arc::new(table);
        let known = self.by_name.get(&name).copied();
        if let Some(known) = known.and_then(|at| self.tables.get_mut(at)) {
            *known = table;
        } else {
            self.by_name.insert(name, self.tables.len());
            self.tables.push(table);
        }
    }

    /// A table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Arc<TableShape>> {
        let at = *self.by_name.get(&name.to_ascii_lowercase())?;
        self.tables.get(at)
    }

    /// All tables, in the order in which they were added.
    #[must_use]
    pub fn tables(&self) -> &[Arc<TableShape>] {
        &self.tables
    }
}

impl TableShape {
    fn of_profile(table: &Table) -> Self {
        let columns: Vec<ColumnShape> = table
            .columns
            .iter()
            .map(|column| ColumnShape::of_profile(column, table))
            .collect();
        let key = table
            .key
            .iter()
            .filter_map(|name| table.columns.iter().position(|column| &column.name == name))
            .collect();
        Self {
            name: table.name.clone(),
            description: table.description.clone(),
            columns,
            key,
            source: TableSource::Service(Arc::new(table.clone())),
            custom_fields_unknown: false,
        }
    }
}

impl ColumnShape {
    fn of_profile(column: &apilink_core::profile::tables::Column, table: &Table) -> Self {
        use apilink_core::profile::tables::ColumnType;
        let origin = if column.parent {
            Origin::Parent
        } else if column.parameter {
            Origin::Parameter
        } else {
            let (field, inner) = column.path();
            Origin::Field {
                field: field.to_owned(),
                inner: inner.map(str::to_owned),
                is_json: column.kind == ColumnType::Json,
            }
        };
        Self {
            name: column.name.clone(),
            sql_type: column.kind.into(),
            nullable: !table.key.contains(&column.name),
            hidden: column.parameter,
            ignore_case: column.ignore_case,
            references: column
                .reference
                .as_ref()
                .map(|reference| reference.table.clone()),
            description: column.description.clone(),
            origin,
        }
    }
}
