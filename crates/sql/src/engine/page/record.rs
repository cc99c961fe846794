//! One record: the fields that are wanted, into the slots of a row.

use serde_json::Value as Tree;

use super::CustomNames;
use super::building::{ExtraSheet, Sheet, Target};
use crate::catalog::{CustomColumn, CustomShow};
use crate::engine::cell::{self, Cell};
use crate::engine::json::{Found, Json, Name, Value as Read, Wrong};
use crate::engine::layout::{Extra, Field, Form, Layout, Object, Slot};
use crate::types::SqlType;

/// What reading an object needs to know beside the object.
#[derive(Clone, Copy)]
pub(super) struct Context<'r> {
    pub(super) custom: CustomNames<'r>,
    pub(super) extras: &'r [Extra],
}

/// Reads an object into the last row.
pub(super) fn read_object(
    json: &mut Json<'_>,
    object: &Object,
    context: Context<'_>,
    into: &mut Target<'_>,
) -> Result<(), Wrong> {
    let fields = object.fields();
    // Where the next one is, if they come in the order in which they were asked for.
    let mut expected = 0;
    let mut members = json.object()?;
    while let Some(found) = members.next_expected(json, name_of(fields.get(expected)))? {
        let at = match found {
            Found::Expected => Some(expected),
            Found::Other(name) => object.position(&name),
        };
        match at.and_then(|at| Some((at, fields.get(at)?))) {
            Some((at, field)) => {
                expected = at + 1;
                read_field(json, field, context, into)?;
            }
            None => json.skip()?,
        }
    }
    Ok(())
}

fn name_of(field: Option<&Field>) -> Option<&Name> {
    field.map(|field| &field.name)
}

/// Reads a field into the slots that want something of it.
fn read_field(
    json: &mut Json<'_>,
    field: &Field,
    context: Context<'_>,
    into: &mut Target<'_>,
) -> Result<(), Wrong> {
    match field.form() {
        Form::Value(slot) => {
            let cell = cell::of_value(json.value()?, slot.sql_type);
            into.rows.put(slot.at, cell);
            Ok(())
        }
        Form::Object => read_inner(json, field, into.rows),
        Form::Mixed => {
            let begin = *json;
            let value = json.tree()?;
            spread(&value, begin, field, context, into)
        }
    }
}

/// Reads the fields of an object that is nothing but an object.
fn read_inner(json: &mut Json<'_>, field: &Field, rows: &mut Sheet) -> Result<(), Wrong> {
    if json.peek()? != b'{' {
        let value = json.value()?;
        if value != Read::Null {
            put_misfits(rows, &field.inner, value.kind());
        }
        return Ok(());
    }
    let (mut expected, mut is_redacted) = (0, false);
    let mut members = json.object()?;
    loop {
        let name = field.inner.get(expected).map(|(name, _)| name);
        let Some(found) = members.next_expected(json, name)? else {
            break;
        };
        let at = match &found {
            Found::Expected => Some(expected),
            Found::Other(name) => {
                let is_it = |(inner, _): &(Name, Slot)| inner.as_str() == name;
                field.inner.iter().position(is_it)
            }
        };
        match (at.and_then(|at| Some((at, field.inner.get(at)?))), found) {
            (Some((at, (_, slot))), _) => {
                expected = at + 1;
                rows.put(slot.at, cell::of_value(json.value()?, slot.sql_type));
            }
            (None, Found::Other(name)) if name == REDACTED => {
                is_redacted = json.value()? == Read::Bool(true);
            }
            (None, _) => json.skip()?,
        }
    }
    if let Some(at) = field.marker.filter(|_| !is_redacted) {
        rows.put(at, Cell::Integer(1));
    }
    Ok(())
}

/// What is no object has none of the fields that are wanted of one.
fn put_misfits(rows: &mut Sheet, inner: &[(Name, Slot)], what: &'static str) {
    for (_, slot) in inner {
        rows.put(slot.at, Cell::Misfit(what));
    }
}

/// The field that says that an object is hidden from the user.
const REDACTED: &str = "redacted";

/// Puts all that is wanted of a field, whose value begins at `begin`, into its slots.
fn spread(
    value: &Tree,
    begin: Json<'_>,
    field: &Field,
    context: Context<'_>,
    into: &mut Target<'_>,
) -> Result<(), Wrong> {
    let Target { rows, extras } = into;
    if let Some(slot) = field.value {
        rows.put(slot.at, cell::of_json(value, slot.sql_type));
    }
    if let Some(at) = field.json {
        rows.put(at, json_cell(value));
    }
    if let Some(at) = field.marker.filter(|_| shows_all(value)) {
        rows.put(at, Cell::Integer(1));
    }
    if !value.is_object() && !value.is_null() && field.value.is_none() {
        put_misfits(rows, &field.inner, cell::kind_of(value));
    }
    for (name, slot) in &field.inner {
        // A redacted object holds its id only; what is not there is NULL.
        if let Some(inner) = value.get(name.as_str()) {
            let cell = if slot.is_json {
                json_cell(inner)
            } else {
                cell::of_json(inner, slot.sql_type)
            };
            rows.put(slot.at, cell);
        }
    }
    for &at in &field.extras {
        if let Some((extra, into)) = context.extras.get(at).zip(extras.get_mut(at)) {
            read_array(begin, into, &extra.layout, context)?;
        }
    }
    for (custom, slot) in &field.custom {
        let shown = match custom_value(value, custom, context.custom) {
            Ok(Some(found)) => show_custom(found, custom, context.custom, slot.sql_type),
            Ok(None) => continue,
            Err(what) => Shown::Cell(Cell::Misfit(what)),
        };
        match shown {
            Shown::Cell(cell) => rows.put(slot.at, cell),
            Shown::Unnamed(id) => rows.put_unnamed(slot.at, id),
        }
    }
    Ok(())
}

/// Reads the rows of another table in an array.
fn read_array(
    mut json: Json<'_>,
    into: &mut ExtraSheet,
    layout: &Layout,
    context: Context<'_>,
) -> Result<(), Wrong> {
    let Some(array) = &layout.array else {
        return Ok(());
    };
    if json.peek()? == b'n' {
        return Ok(());
    }
    let context = Context {
        extras: &[],
        ..context
    };
    let mut elements = json.array()?;
    while elements.next_element(&mut json)? {
        into.rows.batch.add_row();
        let mut target = Target {
            rows: &mut into.rows,
            extras: &mut [],
        };
        read_object(&mut json, &array.element, context, &mut target)?;
    }
    Ok(())
}

/// JSON as text; NULL for `null`.
fn json_cell(value: &Tree) -> Cell<'static> {
    match value {
        Tree::Null => Cell::Null,
        value => Cell::Text(value.to_string().into()),
    }
}

/// Whether an object is there, and not hidden from the user (its `id` and `redacted` are all that is
/// sent then).
fn shows_all(value: &Tree) -> bool {
    value.is_object() && value.get(REDACTED) != Some(&Tree::Bool(true))
}

/// The value of one of the account's own fields in a record; what stands in place of values where
/// they are none.
fn custom_value<'j>(
    values: &'j Tree,
    custom: &CustomColumn,
    names: CustomNames<'_>,
) -> Result<Option<&'j Tree>, &'static str> {
    let values = match values {
        Tree::Null => return Ok(None),
        Tree::Array(values) => values,
        other => return Err(cell::kind_of(other)),
    };
    for value in values {
        let definition = match value.get(names.definition) {
            // A field that is no more.
            Some(Tree::Null) => continue,
            Some(definition) => definition.get("id").and_then(Tree::as_i64),
            None => None,
        };
        match definition {
            Some(id) if id == custom.definition => return Ok(Some(value)),
            Some(_) => {}
            None => return Err("a value without the field that it is of"),
        }
    }
    Ok(None)
}

/// What a column shows of a custom field.
enum Shown<'j> {
    Cell(Cell<'j>),
    /// The name of the record with this `id`, which did not come.
    Unnamed(i64),
}

fn show_custom<'j>(
    found: &'j Tree,
    custom: &'j CustomColumn,
    names: CustomNames<'_>,
    sql_type: SqlType,
) -> Shown<'j> {
    let value = found.get(names.value).unwrap_or(&Tree::Null);
    if let CustomShow::Object { field, text, .. } = &custom.show {
        return show_name(found.get(field), text, value, sql_type);
    }
    // What was never filled in may come as an empty text.
    let is_empty = value.as_str().is_some_and(str::is_empty);
    Shown::Cell(match &custom.show {
        CustomShow::ObjectId { field } => {
            let id = found.get(field).and_then(|object| object.get("id"));
            match id.unwrap_or(value) {
                Tree::String(text) if text.is_empty() => Cell::Null,
                id => cell::of_json(id, sql_type),
            }
        }
        _ if is_empty && !matches!(sql_type, SqlType::Varchar { .. }) => Cell::Null,
        CustomShow::Option(options) => match whole(value).and_then(|id| options.get(&id)) {
            Some(text) => Cell::Text(text.into()),
            // An option that is no longer defined.
            None => cell::of_json(value, sql_type),
        },
        CustomShow::Value | CustomShow::Object { .. } => cell::of_json(value, sql_type),
    })
}

/// The name of the record that a value stands for. An object within an object may show no more
/// than its `id`.
fn show_name<'j>(
    object: Option<&'j Tree>,
    text: &str,
    value: &'j Tree,
    sql_type: SqlType,
) -> Shown<'j> {
    let object = object.unwrap_or(&Tree::Null);
    if let Some(name) = object.get(text) {
        return Shown::Cell(cell::of_json(name, sql_type));
    }
    if object.is_object() && !shows_all(object) {
        return Shown::Cell(Cell::Null);
    }
    match object.get("id").and_then(whole).or_else(|| whole(value)) {
        Some(id) => Shown::Unnamed(id),
        None if value.as_str().is_some_and(str::is_empty) => Shown::Cell(Cell::Null),
        // Not the number of a record, so it may be its name.
        None => Shown::Cell(cell::of_json(value, sql_type)),
    }
}

/// A whole number, as one or in a text.
fn whole(value: &Tree) -> Option<i64> {
    let in_text = || value.as_str()?.trim().parse().ok();
    value.as_i64().or_else(in_text)
}
