//! What there is to be asked for: all tables that the sandbox has, from the profile.

use std::cell::RefCell;
use std::collections::HashMap;

use apilink_core::profile::Profile;
use apilink_core::profile::tables::{ColumnType, Table};
use apilink_sql::Value;
use clio_sandbox::Sandbox;

use crate::oracle::Oracle;

/// Tables, and what connects them.
pub struct Model {
    pub tables: Vec<Entry>,
    /// Table, column, and the table whose key it holds.
    pub references: Vec<(usize, usize, usize)>,
    pub oracle: Oracle,
    samples: RefCell<HashMap<(usize, usize), Vec<String>>>,
}

/// A table.
pub struct Entry {
    pub name: String,
    pub columns: Vec<Column>,
    /// The position of its only key column.
    pub key: Option<usize>,
    /// It can only be read with the key of its parent, which is this column.
    pub needs: Option<usize>,
    pub weight: usize,
}

/// A column.
pub struct Column {
    /// In quotes where it needs them.
    pub name: String,
    pub kind: Kind,
    pub weight: usize,
}

/// What kind of values a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key that is a whole number.
    Key,
    /// A key that is a text.
    TextKey,
    Integer,
    Decimal,
    Boolean,
    Date,
    Timestamp,
    Text,
}

/// Tables that people ask most about.
const FAVOURITES: &[&str] = &[
    "matters",
    "contacts",
    "activities",
    "tasks",
    "bills",
    "users",
    "documents",
    "notes",
    "calendar_entries",
    "relationships",
    "contacts_email_addresses",
    "bills_matters",
    "matters_custom_field_values",
];

/// Columns that are the account's own.
const CUSTOM: &[(&str, &str, Kind)] = &[
    ("matters", "Amount in dispute", Kind::Decimal),
    ("matters", "Jurisdiction", Kind::Text),
    ("matters", "Referring lawyer", Kind::Text),
    ("matters", "Referring lawyer_id", Kind::Key),
    ("contacts", "Second email", Kind::Text),
    ("contacts", "Introduced by", Kind::Text),
    ("contacts", "Introduced by_id", Kind::Key),
];

impl Model {
    pub fn of(sandbox: &Sandbox) -> Self {
        let profile = Profile::built_in_clio();
        let tables = profile.tables();
        let not_built = sandbox.not_built();
        let is_built = |table: &&Table| {
            table.list.as_ref().is_none_or(|list| {
                let name = format!("/{}.json", list.path);
                let is_missing = not_built.iter().any(|path| path.ends_with(&name));
                !is_missing && list.required.iter().all(|one| !one.values.is_empty())
            })
        };
        let tables: Vec<&Table> = tables.iter().filter(is_built).collect();
        let words = tables.iter().flat_map(|table| {
            let columns = table.columns.iter().map(|column| column.name.as_str());
            columns.chain([table.name.as_str()])
        });
        let oracle = Oracle::of(sandbox, words);
        let entries: Vec<Entry> = tables
            .iter()
            .map(|table| Entry::of(table, &tables, &oracle))
            .collect();
        let position = |name: &str| tables.iter().position(|table| table.name == name);
        let mut references = Vec::new();
        for (from, table) in tables.iter().enumerate() {
            for column in &table.columns {
                let to = column.reference.as_ref().and_then(|to| position(&to.table));
                let at = entries[from].column(&column.name);
                if let (Some(to), Some(at)) = (to, at)
                    && entries[to].key.is_some()
                {
                    references.push((from, at, to));
                }
            }
        }
        Self {
            tables: entries,
            references,
            oracle,
            samples: RefCell::default(),
        }
    }

    /// Values that a column has, as literals.
    pub fn samples(&self, table: usize, column: usize) -> Vec<String> {
        let mut samples = self.samples.borrow_mut();
        let kept = samples.entry((table, column)).or_insert_with(|| {
            let (table, column) = (&self.tables[table], &self.tables[table].columns[column]);
            let sql = format!(
                "SELECT DISTINCT quote({0}) FROM {1} WHERE {0} IS NOT NULL LIMIT 60",
                column.name, table.name
            );
            let rows = self.oracle.query(&sql, &[]).unwrap();
            rows.into_iter()
                .filter_map(|mut row| match row.pop() {
                    Some(Value::Text(text)) => Some(text),
                    _ => None,
                })
                .collect()
        });
        kept.clone()
    }
}

impl Entry {
    fn of(table: &Table, tables: &[&Table], oracle: &Oracle) -> Self {
        let count = |what: &str| {
            let sql = format!("SELECT {what} FROM {}", table.name);
            match oracle.query(&sql, &[]).unwrap()[0][0] {
                Value::Integer(count) => count,
                ref other => panic!("{other:?}"),
            }
        };
        let rows = count("count(*)");
        let own = table.columns.iter().filter(|column| !column.parameter);
        let mut columns: Vec<Column> = own
            .map(|column| {
                let is_key = table.key.contains(&column.name) || column.reference.is_some();
                let has_filter = table
                    .filters
                    .iter()
                    .any(|filter| filter.column == column.name);
                let has_values = count(&format!("count(\"{}\")", column.name)) > 0;
                Column {
                    name: quoted(&column.name),
                    kind: kind(column.kind, is_key),
                    weight: match (has_values, has_filter || is_key) {
                        (true, true) => 8,
                        (true, false) => 3,
                        (false, true) => 2,
                        (false, false) => 1,
                    },
                }
            })
            .collect();
        let mine = CUSTOM.iter().filter(|(of, ..)| *of == table.name);
        columns.extend(mine.map(|(_, name, kind)| Column {
            name: format!("\"{name}\""),
            kind: *kind,
            weight: 4,
        }));
        let position = |name: &str| table.columns.iter().position(|column| column.name == name);
        let parent = table.columns.iter().find(|column| column.parent);
        let needs = parent.filter(|_| table.array.is_none());
        let holder = table.array.as_ref().and_then(|array| {
            let holder = tables.iter().find(|holder| holder.name == array.table)?;
            holder.columns.iter().find(|column| column.parent)
        });
        let is_reachable = holder.is_none();
        let is_favourite = FAVOURITES.contains(&table.name.as_str());
        let weight = match (rows, is_favourite) {
            _ if !is_reachable => 0,
            (_, true) => 30,
            (0, _) => 1,
            _ => 3,
        };
        Self {
            name: table.name.clone(),
            key: match &table.key[..] {
                [key] => position(key),
                _ => None,
            },
            needs: needs.and_then(|parent| position(&parent.name)),
            columns,
            weight,
        }
    }

    pub fn column(&self, name: &str) -> Option<usize> {
        let name = quoted(name);
        self.columns.iter().position(|column| column.name == name)
    }
}

fn quoted(name: &str) -> String {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain
        && ![
            "group",
            "order",
            "default",
            "primary",
            "references",
            "index",
        ]
        .contains(&name)
    {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    }
}

fn kind(kind: ColumnType, is_key: bool) -> Kind {
    match kind {
        ColumnType::Bigint if is_key => Kind::Key,
        ColumnType::Text if is_key => Kind::TextKey,
        ColumnType::Bigint | ColumnType::Integer => Kind::Integer,
        ColumnType::Decimal | ColumnType::Double => Kind::Decimal,
        ColumnType::Boolean => Kind::Boolean,
        ColumnType::Date => Kind::Date,
        ColumnType::Timestamp => Kind::Timestamp,
        ColumnType::Text | ColumnType::Json => Kind::Text,
    }
}
