//! Primary and foreign keys.

use super::{BOOLEAN, CATALOG_NAME, Definition, INTEGER, NAME, View, flag, no_rows, ordinal, text};
use crate::catalog::TableShape;
use crate::value::Value;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "sys_keycolumns",
        description: "The columns that are keys or refer to keys",
        columns: KEY_COLUMNS,
        rows: key_columns,
    },
    Definition {
        name: "sys_primarykeys",
        description: "The columns of the primary keys",
        columns: &[
            ("CatalogName", NAME),
            ("SchemaName", NAME),
            ("TableName", NAME),
            ("ColumnName", NAME),
            ("KeySeq", INTEGER),
            ("KeyName", NAME),
        ],
        rows: primary_keys,
    },
    Definition {
        name: "sys_foreignkeys",
        description: "The columns that refer to the keys of tables",
        columns: &[
            ("CatalogName", NAME),
            ("SchemaName", NAME),
            ("TableName", NAME),
            ("ColumnName", NAME),
            ("PrimaryKeyName", NAME),
            ("ForeignKeyName", NAME),
            ("ReferencedCatalogName", NAME),
            ("ReferencedSchemaName", NAME),
            ("ReferencedTableName", NAME),
            ("ReferencedColumnName", NAME),
            ("ForeignKeyType", NAME),
        ],
        rows: foreign_key_rows,
    },
    Definition {
        name: "sys_indexes",
        description: "The indexes: the service shows none",
        columns: &[
            ("CatalogName", NAME),
            ("SchemaName", NAME),
            ("TableName", NAME),
            ("IndexName", NAME),
            ("ColumnName", NAME),
            ("IsUnique", BOOLEAN),
            ("IsPrimary", BOOLEAN),
            ("Type", INTEGER),
            ("SortOrder", NAME),
            ("OrdinalPosition", INTEGER),
        ],
        rows: no_rows,
    },
];

const KEY_COLUMNS: &[(&str, crate::types::SqlType)] = &[
    ("CatalogName", NAME),
    ("SchemaName", NAME),
    ("TableName", NAME),
    ("ColumnName", NAME),
    ("IsKey", BOOLEAN),
    ("IsForeignKey", BOOLEAN),
    ("PrimaryKeyName", NAME),
    ("ForeignKeyName", NAME),
    ("ReferencedCatalogName", NAME),
    ("ReferencedSchemaName", NAME),
    ("ReferencedTableName", NAME),
    ("ReferencedColumnName", NAME),
];

/// A column of a primary key.
pub(super) struct KeyColumn<'a> {
    pub table: &'a str,
    pub column: &'a str,
    /// Its place in the key, from 0.
    pub place: usize,
}

impl KeyColumn<'_> {
    pub(super) fn name(&self) -> String {
        primary_key_name(self.table)
    }
}

/// A column that refers to the key of a table.
pub(super) struct ForeignKey<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub referenced_table: &'a str,
    pub referenced_column: &'a str,
}

impl ForeignKey<'_> {
    pub(super) fn name(&self) -> String {
        format!("fk_{}_{}", self.table, self.column)
    }

    /// The name of the key that it refers to.
    pub(super) fn unique_name(&self) -> String {
        primary_key_name(self.referenced_table)
    }
}

fn primary_key_name(table: &str) -> String {
    format!("pk_{table}")
}

impl View<'_> {
    /// The columns of all primary keys.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = KeyColumn<'_>> {
        self.tables().flat_map(|table| {
            let positions = table.key.iter().enumerate();
            positions.filter_map(|(place, &at)| {
                Some(KeyColumn {
                    table: &table.name,
                    column: &table.columns.get(at)?.name,
                    place,
                })
            })
        })
    }

    /// The references between tables that are both in the catalogue.
    pub(super) fn foreign_keys(&self) -> impl Iterator<Item = ForeignKey<'_>> {
        self.tables().flat_map(move |table| {
            table.columns.iter().filter_map(move |column| {
                let referenced = self.catalog.table(column.references.as_deref()?)?;
                Some(ForeignKey {
                    table: &table.name,
                    column: &column.name,
                    referenced_table: &referenced.name,
                    referenced_column: only_key(referenced)?,
                })
            })
        })
    }
}

/// The key column of a table that has one only: no reference is made of several columns.
fn only_key(table: &TableShape) -> Option<&str> {
    match table.key.as_slice() {
        &[at] => table.columns.get(at).map(|column| column.name.as_str()),
        _ => None,
    }
}

fn key_columns(view: &View) -> Vec<Vec<Value>> {
    let keys = view.key_columns().map(|key| {
        let names = [
            text(key.table),
            text(key.column),
            flag(true),
            flag(false),
            text(&key.name()),
        ];
        let nothing = [const { Value::Null }; 5];
        view.place()
            .into_iter()
            .chain(names)
            .chain(nothing)
            .collect()
    });
    let references = view.foreign_keys().map(|key| {
        view.row([
            text(key.table),
            text(key.column),
            flag(false),
            flag(true),
            text(&key.unique_name()),
            text(&key.name()),
            text(CATALOG_NAME),
            text(view.connection.schema()),
            text(key.referenced_table),
            text(key.referenced_column),
        ])
    });
    keys.chain(references).collect()
}

fn primary_keys(view: &View) -> Vec<Vec<Value>> {
    let row = |key: KeyColumn| {
        view.row([
            text(key.table),
            text(key.column),
            ordinal(key.place),
            text(&key.name()),
        ])
    };
    view.key_columns().map(row).collect()
}

fn foreign_key_rows(view: &View) -> Vec<Vec<Value>> {
    let row = |key: ForeignKey| {
        view.row([
            text(key.table),
            text(key.column),
            text(&key.unique_name()),
            text(&key.name()),
            text(CATALOG_NAME),
            text(view.connection.schema()),
            text(key.referenced_table),
            text(key.referenced_column),
            text("IMPORT"),
        ])
    };
    view.foreign_keys().map(row).collect()
}
