//! The columns of a record.

use std::collections::{BTreeMap, HashSet};

use apilink_core::profile::tables::{Column, ColumnType};

use super::document::{Document, Object, Scalar, Shape};
use super::names::column_name;
use super::overlay::{ColumnOrder, Overlay};

/// The columns of a record, and what is needed to relate them.
#[derive(Debug, Default)]
pub struct RecordColumns<'a> {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The values of columns that have listed ones.
    pub values: BTreeMap<String, Vec<&'a str>>,
    /// The objects of a record, with the names of their schemas.
    pub objects: Vec<(String, &'a str)>,
    /// The arrays of objects of a record.
    pub arrays: Vec<(&'a str, Object<'a>)>,
}

/// How much of the objects in a record can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// All their fields.
    Whole,
    /// Their `id`: the record is itself a part of another one.
    Key,
}

/// Where columns come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a, 'o> {
    /// The document.
    pub document: Document<'a>,
    /// What it does not say.
    pub overlay: &'o Overlay,
}

impl<'a> Source<'a, '_> {
    /// The columns of a record. `taken` are the names of columns that are in front of them.
    ///
    /// # Errors
    /// A text, if two fields would be one column.
    pub fn columns(
        self,
        record: &Object<'a>,
        objects: Objects,
        taken: &[String],
        prefix: &str,
    ) -> Result<RecordColumns<'a>, String> {
        let mut found = RecordColumns::default();
        let mut names: HashSet<String> = taken.iter().cloned().collect();
        let mut nested = Vec::new();
        for (field, schema) in &record.fields {
            if self.is_ignored(record, field) {
                continue;
            }
            let kind = match self.document.shape(schema) {
                Shape::Scalar(scalar) => self.scalar(record, field, scalar, &mut found.values),
                Shape::Object(object) => {
                    nested.push((*field, object));
                    continue;
                }
                Shape::Array(element) => match *element {
                    Shape::Object(object) => {
                        found.arrays.push((*field, object));
                        continue;
                    }
                    Shape::Scalar(_) => ColumnType::Json,
                    // Of an object in an element, nothing but its key can be had.
                    _ if objects == Objects::Key => continue,
                    _ => ColumnType::Json,
                },
                Shape::Unknown if objects == Objects::Key => continue,
                Shape::Unknown => ColumnType::Json,
            };
            let name = column_name(field);
            if names.insert(name.clone()) {
                found
                    .columns
                    .push(self.column(name, kind, record, field, None));
            }
        }
        self.sort(&mut found.columns);
        // A field of the record itself wins over one of an object.
        let own = names.clone();
        nested.sort_by_key(|(field, _)| *field);
        for (field, object) in nested {
            let (columns, values) = self.nested(field, &object, objects);
            for mut column in columns {
                if taken.contains(&column.name) && objects == Objects::Key {
                    column.name = format!("{prefix}_{}", column.name);
                }
                if own.contains(&column.name) {
                    continue;
                }
                if !names.insert(column.name.clone()) {
                    return Err(format!("two fields would be the column {}", column.name));
                }
                found.columns.push(column);
            }
            found.values.extend(values);
            if let Some(schema) = object.name {
                found.objects.push((field.to_owned(), schema));
            }
        }
        Ok(found)
    }

    /// The columns of an object in a record, in order.
    fn nested(
        self,
        object_field: &str,
        object: &Object<'a>,
        objects: Objects,
    ) -> (Vec<Column>, BTreeMap<String, Vec<&'a str>>) {
        let mut columns = Vec::new();
        let mut values = BTreeMap::new();
        for (field, schema) in &object.fields {
            if self.is_ignored(object, field) || (objects == Objects::Key && *field != "id") {
                continue;
            }
            let mut own_values = BTreeMap::new();
            let kind = match self.document.shape(schema) {
                Shape::Scalar(scalar) => self.scalar(object, field, scalar, &mut own_values),
                Shape::Array(element) if matches!(*element, Shape::Scalar(_)) => ColumnType::Json,
                _ => continue,
            };
            let column = self.column(column_name(field), kind, object, field, Some(object_field));
            columns.push(column);
            for (_, listed) in own_values {
                values.insert(column_name(&format!("{object_field}_{field}")), listed);
            }
        }
        self.sort(&mut columns);
        for column in &mut columns {
            column.name = column_name(&format!("{object_field}_{}", column.name));
        }
        (columns, values)
    }

    fn column(
        self,
        name: String,
        kind: ColumnType,
        record: &Object<'a>,
        field: &str,
        object_field: Option<&str>,
    ) -> Column {
        let place = match object_field {
            Some(object) => Some(format!("{object}.{field}")),
            None => (name != field).then(|| field.to_owned()),
        };
        let unit = self.overlay.units.get(&field_key(record, field)).cloned();
        let ignore_case = kind == ColumnType::Text && self.has_values(record, field);
        Column {
            field: place,
            unit,
            ignore_case,
            ..plain_column(name, kind)
        }
    }

    fn has_values(self, record: &Object<'a>, field: &str) -> bool {
        record.field(field).is_some_and(|schema| {
            matches!(self.document.shape(schema), Shape::Scalar(scalar) if !scalar.values.is_empty())
        })
    }

    fn scalar(
        self,
        record: &Object<'_>,
        field: &str,
        scalar: Scalar<'a>,
        values: &mut BTreeMap<String, Vec<&'a str>>,
    ) -> ColumnType {
        let kind = self.overlay.types.get(&field_key(record, field));
        let kind = kind.copied().unwrap_or(scalar.kind);
        if kind == ColumnType::Text && !scalar.values.is_empty() {
            values.insert(column_name(field), scalar.values);
        }
        kind
    }

    fn is_ignored(self, record: &Object<'_>, field: &str) -> bool {
        let ignored = &self.overlay.ignored_fields;
        ignored.contains_key(&field_key(record, field)) || column_name(field).is_empty()
    }

    fn sort(self, columns: &mut [Column]) {
        columns.sort_by_cached_key(|column| place(&self.overlay.column_order, &column.name));
    }
}

/// Where a column stands: the first ones, the others by name, the last ones.
fn place(order: &ColumnOrder, name: &str) -> (usize, usize, String) {
    let position = |names: &[String]| names.iter().position(|known| known == name);
    match (position(&order.first), position(&order.last)) {
        (Some(at), _) => (0, at, String::new()),
        (None, Some(at)) => (2, at, String::new()),
        (None, None) => (1, 0, name.to_owned()),
    }
}

/// How the overlay names a field.
fn field_key(record: &Object<'_>, field: &str) -> String {
    format!("{}.{field}", record.name.map_or("", base_name))
}

/// The name of a schema without the ending of those that lack objects.
pub fn base_name(schema: &str) -> &str {
    schema.strip_suffix("_base").unwrap_or(schema)
}

/// A column of which nothing but name and type is known.
pub fn plain_column(name: String, kind: ColumnType) -> Column {
    Column {
        name,
        kind,
        field: None,
        parent: false,
        parameter: false,
        reference: None,
        ignore_case: false,
        unit: None,
        writable: Vec::new(),
        description: None,
    }
}
