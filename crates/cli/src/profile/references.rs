//! What columns refer to.

use std::collections::BTreeMap;

use apilink_core::profile::tables::{Column, ColumnType, Reference, Table};

use super::columns::base_name;
use super::generate::Draft;
use super::overlay::Overlay;

/// What nested objects, and elements of arrays, refer to.
pub fn set_references(drafts: &mut [Draft<'_>], overlay: &Overlay) {
    let targets = targets(drafts, overlay);
    for draft in drafts {
        let is_array = draft.table.list.is_none();
        for (object, schema) in draft.record.objects.clone() {
            if let Some(target) = targets.get(base_name(schema)) {
                set_reference(&mut draft.table, &object, target, is_array);
            }
        }
        let element = draft.schema.filter(|_| is_array);
        if let Some(target) = element.and_then(|schema| targets.get(schema)) {
            set_element_reference(&mut draft.table, target);
        }
    }
}

/// The tables by the schemas of their records.
fn targets(drafts: &[Draft<'_>], overlay: &Overlay) -> BTreeMap<String, Target> {
    let mut targets = BTreeMap::new();
    let by_name: BTreeMap<_, _> = drafts.iter().map(|d| (d.table.name.as_str(), d)).collect();
    for draft in drafts {
        let is_list = draft
            .table
            .list
            .as_ref()
            .is_some_and(|list| !list.single && !list.values);
        let (true, Some(schema), [_]) = (is_list, draft.schema, draft.table.key.as_slice()) else {
            continue;
        };
        targets
            .entry(schema.to_owned())
            .or_insert_with(|| target(&draft.table, overlay));
    }
    for (schema, table) in &overlay.references {
        if let Some(draft) = by_name.get(table.as_str()) {
            targets.insert(schema.clone(), target(&draft.table, overlay));
        }
    }
    targets
}

fn target(table: &Table, overlay: &Overlay) -> Target {
    let own = table
        .columns
        .iter()
        .filter(|column| !column.parent && !column.parameter && column.path().1.is_none());
    Target {
        table: table.name.clone(),
        complete: !overlay.incomplete_lists.contains_key(&table.name),
        columns: own
            .map(|column| (column.name.clone(), column.kind))
            .collect(),
    }
}

/// Keys of other tables, known by the names of their columns.
pub fn set_key_columns(drafts: &mut [Draft<'_>], overlay: &Overlay) {
    let kinds = key_kinds(drafts);
    for column in drafts.iter_mut().flat_map(|draft| &mut draft.table.columns) {
        let target = overlay.key_columns.get(&column.name);
        let Some(target) = target.filter(|target| kinds.get(*target) == Some(&column.kind)) else {
            continue;
        };
        if column.reference.is_none() && column.path().1.is_none() {
            column.reference = Some(key_of(target));
        }
    }
}

/// A table that is referred to.
struct Target {
    table: String,
    complete: bool,
    columns: BTreeMap<String, ColumnType>,
}

/// Says what an object in a record refers to.
fn set_reference(table: &mut Table, object: &str, target: &Target, only_key: bool) {
    let shown = |column: &Column| match column.path() {
        (found, Some(field)) if found == object => Some(field.to_owned()),
        _ => None,
    };
    let agrees = table.columns.iter().all(|column| {
        shown(column).is_none_or(|field| target.columns.get(&field) == Some(&column.kind))
    });
    let key = format!("{object}.id");
    let name = format!("{object}_id");
    let column = table.columns.iter_mut().find(|column| {
        let held = !column.parent && !column.parameter;
        let scalar = column.name == name && column.field.is_none();
        held && (column.field.as_deref() == Some(&key) || scalar)
    });
    let Some(column) = column else {
        return;
    };
    if target.columns.get("id") == Some(&column.kind) {
        let same_record = agrees && target.complete && !only_key;
        let elsewhere = column.field.is_none() && same_record;
        column.reference = Some(Reference {
            table: target.table.clone(),
            same_record,
            object: elsewhere.then(|| object.to_owned()),
        });
    }
}

/// Says what the elements of an array are records of.
fn set_element_reference(table: &mut Table, target: &Target) {
    let own = |column: &&Column| !column.parent && column.path().1.is_none();
    let agrees = table
        .columns
        .iter()
        .filter(own)
        .all(|column| target.columns.get(&column.name) == Some(&column.kind));
    let column = table.columns.iter_mut().find(|column| column.name == "id");
    if let Some(column) = column.filter(|column| target.columns.get("id") == Some(&column.kind)) {
        column.reference = Some(Reference {
            table: target.table.clone(),
            same_record: agrees && target.complete,
            object: None,
        });
    }
}

/// The types of keys of tables with a key of one column.
pub fn key_kinds(drafts: &[Draft<'_>]) -> BTreeMap<String, ColumnType> {
    drafts
        .iter()
        .filter_map(|draft| {
            let [key] = draft.table.key.as_slice() else {
                return None;
            };
            let column = draft
                .table
                .columns
                .iter()
                .find(|column| &column.name == key)?;
            Some((draft.table.name.clone(), column.kind))
        })
        .collect()
}

/// A reference to the key of a table.
pub fn key_of(table: &str) -> Reference {
    Reference {
        table: table.to_owned(),
        same_record: false,
        object: None,
    }
}
