//! One record: the fields that are wanted, into the slots of a row.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value as Json;

use super::CustomNames;
use super::building::{ExtraSheet, Sheet, Target};
use crate::catalog::{CustomColumn, CustomShow};
use crate::engine::cell::{self, Cell, CellSeed};
use crate::engine::layout::{Extra, Field, Form, Layout, Object, Slot};
use crate::types::SqlType;

/// What reading an object needs to know beside the object.
#[derive(Clone, Copy)]
pub(super) struct Context<'r> {
    pub(super) custom: CustomNames<'r>,
    pub(super) extras: &'r [Extra],
}

/// Reads an object as a row.
pub(super) struct ObjectSeed<'r, 'b> {
    pub(super) object: &'r Object,
    pub(super) context: Context<'r>,
    pub(super) into: Target<'b>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        self.into.rows.batch.add_row();
        read_object(self.object, self.context, &mut self.into, map)
    }
}

pub(super) fn read_object<'de, A: MapAccess<'de>>(
    object: &Object,
    context: Context<'_>,
    into: &mut Target<'_>,
    mut map: A,
) -> Result<(), A::Error> {
    let mut expected = 0;
    while let Some(name) = map.next_key_seed(FieldName { object, expected })? {
        let Some(at) = name else {
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        expected = at + 1;
        if let Some(field) = object.fields().get(at) {
            map.next_value_seed(FieldSeed {
                field,
                context,
                into: Target {
                    rows: &mut *into.rows,
                    extras: &mut *into.extras,
                },
            })?;
        }
    }
    Ok(())
}

/// Looks a name up without keeping it: the position of the field.
struct FieldName<'r> {
    object: &'r Object,
    /// Where it is, if records come in the order in which they were asked for.
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.object.position(name, self.expected))
    }
}

/// Reads a field into the slots that want something of it.
struct FieldSeed<'r, 'b> {
    field: &'r Field,
    context: Context<'r>,
    into: Target<'b>,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.field.form() {
            Form::Value(slot) => {
                let rows = self.into.rows;
                CellSeed {
                    sql_type: slot.sql_type,
                    put: |cell: Cell<'_>| rows.put(slot.at, cell),
                }
                .deserialize(deserializer)
            }
            Form::Object => deserializer.deserialize_any(InnerFields {
                field: self.field,
                rows: self.into.rows,
            }),
            Form::Mixed => {
                let value = <Json as serde::Deserialize>::deserialize(deserializer)?;
                self.spread(&value).map_err(D::Error::custom)
            }
        }
    }
}

/// Reads the fields of an object that is nothing but an object.
struct InnerFields<'r, 'b> {
    field: &'r Field,
    rows: &'b mut Sheet,
}

impl InnerFields<'_, '_> {
    /// What is no object has none of the fields that are wanted of one.
    #[allow(clippy::unnecessary_wraps, reason = "what the visitor returns")]
    fn misfit<E>(self, what: &'static str) -> Result<(), E> {
        put_misfits(self.rows, &self.field.inner, what);
        Ok(())
    }
}

fn put_misfits(rows: &mut Sheet, inner: &[(String, Slot)], what: &'static str) {
    for (_, slot) in inner {
        rows.put(slot.at, Cell::Misfit(what));
    }
}

impl<'de> Visitor<'de> for InnerFields<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.misfit("a boolean")
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.misfit("a number")
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.misfit("a number")
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.misfit("a number")
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.misfit("a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.misfit("an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut expected, mut is_redacted) = (0, false);
        while let Some(name) = map.next_key_seed(InnerName {
            inner: &self.field.inner,
            expected,
        })? {
            match name {
                InnerFound::Redacted => is_redacted = map.next_value::<Json>()? == Json::Bool(true),
                InnerFound::Nothing => {
                    map.next_value::<IgnoredAny>()?;
                }
                InnerFound::At(at, slot) => {
                    expected = at + 1;
                    let rows = &mut *self.rows;
                    map.next_value_seed(CellSeed {
                        sql_type: slot.sql_type,
                        put: |cell: Cell<'_>| rows.put(slot.at, cell),
                    })?;
                }
            }
        }
        if let Some(at) = self.field.marker.filter(|_| !is_redacted) {
            self.rows.put(at, Cell::Integer(1));
        }
        Ok(())
    }
}

/// Looks up the name of a field of an object.
struct InnerName<'r> {
    inner: &'r [(String, Slot)],
    expected: usize,
}

/// What a name in an object stands for.
enum InnerFound {
    /// A field that is wanted.
    At(usize, Slot),
    /// Whether the object is hidden from the user.
    Redacted,
    /// Nothing of interest.
    Nothing,
}

impl<'de> DeserializeSeed<'de> for InnerName<'_> {
    type Value = InnerFound;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for InnerName<'_> {
    type Value = InnerFound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let expected = self
            .inner
            .get(self.expected)
            .filter(|(inner, _)| inner == name);
        if let Some((_, slot)) = expected {
            return Ok(InnerFound::At(self.expected, *slot));
        }
        let at = self.inner.iter().position(|(inner, _)| inner == name);
        Ok(match at.and_then(|at| Some((at, self.inner.get(at)?.1))) {
            Some((at, slot)) => InnerFound::At(at, slot),
            None if name == REDACTED => InnerFound::Redacted,
            None => InnerFound::Nothing,
        })
    }
}

/// The field that says that an object is hidden from the user.
const REDACTED: &str = "redacted";

impl FieldSeed<'_, '_> {
    fn spread(self, value: &Json) -> Result<(), serde_json::Error> {
        let field = self.field;
        let Target { rows, extras } = self.into;
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
            if let Some(inner) = value.get(name) {
                let cell = if slot.is_json {
                    json_cell(inner)
                } else {
                    cell::of_json(inner, slot.sql_type)
                };
                rows.put(slot.at, cell);
            }
        }
        for &at in &field.extras {
            if let Some((extra, into)) = self.context.extras.get(at).zip(extras.get_mut(at)) {
                read_array(into, &extra.layout, value, self.context)?;
            }
        }
        for (custom, slot) in &field.custom {
            let cell = match custom_value(value, custom, self.context.custom) {
                Ok(Some(found)) => show_custom(found, custom, self.context.custom, slot.sql_type),
                Ok(None) => continue,
                Err(what) => Cell::Misfit(what),
            };
            rows.put(slot.at, cell);
        }
        Ok(())
    }
}

/// Reads the rows of another table in an array.
fn read_array(
    into: &mut ExtraSheet,
    layout: &Layout,
    value: &Json,
    context: Context<'_>,
) -> Result<(), serde_json::Error> {
    let Some(array) = &layout.array else {
        return Ok(());
    };
    let elements = match value {
        Json::Null => return Ok(()),
        Json::Array(elements) => elements,
        other => return Err(serde_json::Error::custom(cell::kind_of(other))),
    };
    for element in elements {
        ObjectSeed {
            object: &array.element,
            context: Context {
                extras: &[],
                ..context
            },
            into: Target {
                rows: &mut into.rows,
                extras: &mut [],
            },
        }
        .deserialize(element)?;
    }
    Ok(())
}

/// JSON as text; NULL for `null`.
fn json_cell(value: &Json) -> Cell<'static> {
    match value {
        Json::Null => Cell::Null,
        value => Cell::Text(value.to_string().into()),
    }
}

/// Whether an object is there, and not hidden from the user (its `id` and `redacted` are all that is
/// sent then).
fn shows_all(value: &Json) -> bool {
    value.is_object() && value.get(REDACTED) != Some(&Json::Bool(true))
}

/// The value of one of the account's own fields in a record; what stands in place of values where
/// they are none.
fn custom_value<'j>(
    values: &'j Json,
    custom: &CustomColumn,
    names: CustomNames<'_>,
) -> Result<Option<&'j Json>, &'static str> {
    let values = match values {
        Json::Null => return Ok(None),
        Json::Array(values) => values,
        other => return Err(cell::kind_of(other)),
    };
    for value in values {
        let definition = match value.get(names.definition) {
            // A field that is no more.
            Some(Json::Null) => continue,
            Some(definition) => definition.get("id").and_then(Json::as_i64),
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

fn show_custom<'j>(
    found: &'j Json,
    custom: &'j CustomColumn,
    names: CustomNames<'_>,
    sql_type: SqlType,
) -> Cell<'j> {
    let value = found.get(names.value).unwrap_or(&Json::Null);
    // What was never filled in may come as an empty text.
    if value.as_str().is_some_and(str::is_empty) && !matches!(sql_type, SqlType::Varchar { .. }) {
        return Cell::Null;
    }
    match &custom.show {
        CustomShow::Value => cell::of_json(value, sql_type),
        CustomShow::Option(options) => {
            let id = value
                .as_i64()
                .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
            match id.and_then(|id| options.get(&id)) {
                Some(text) => Cell::Text(text.into()),
                // An option that is no longer defined.
                None => cell::of_json(value, sql_type),
            }
        }
        CustomShow::Object { field, text } => {
            let shown = found.get(field).and_then(|object| object.get(text));
            cell::of_json(shown.unwrap_or(value), sql_type)
        }
        CustomShow::ObjectId { field } => {
            let id = found.get(field).and_then(|object| object.get("id"));
            cell::of_json(id.unwrap_or(&Json::Null), sql_type)
        }
    }
}
