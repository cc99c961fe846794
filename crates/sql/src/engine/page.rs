//! A page of a list, read into rows as the bytes are parsed: what a scan does not need is never
//! built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::cell::{self, Cell, CellSeed};
use super::layout::{Field, Layout, Object};
use crate::catalog::{CustomColumn, CustomShow};
use crate::value::Value;

/// A row: a value for each slot of its layout.
pub(crate) type Row = Vec<Value>;

/// A page of rows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// The records received, which are not the rows where those are elements of arrays.
    pub(crate) records: u64,
    /// Values that did not fit their columns: row, slot, what was there.
    pub(crate) misfits: Vec<(usize, usize, &'static str)>,
    /// Rows of other tables that the records hold: which of [`Layout::extras`], the key of the record,
    /// and its rows.
    pub(crate) extras: Vec<(usize, Value, Vec<Row>)>,
    /// Values in those that did not fit their columns: the position in `extras`, slot, what was
    /// there.
    pub(crate) extra_misfits: Vec<(usize, usize, &'static str)>,
    /// All that the reply holds beside its records.
    pub(crate) rest: Json,
}

/// How a page is read.
pub(crate) struct Reader<'a> {
    pub(crate) layout: &'a Layout,
    /// The segments of the pointer to the records.
    pub(crate) data: &'a [String],
    /// The field with the key of a record that holds an array.
    pub(crate) parent_key: Option<&'a str>,
    /// Its type.
    pub(crate) parent_type: crate::types::SqlType,
    /// The value of the parent column where the request says it.
    pub(crate) parent: Option<Value>,
    /// The slot with the key of a record, where records hold rows of other tables.
    pub(crate) key_slot: Option<usize>,
    /// Names in the values of the account's own fields.
    pub(crate) custom: CustomNames<'a>,
}

/// Names in the values of the account's own fields.
#[derive(Clone, Copy, Default)]
pub(crate) struct CustomNames<'a> {
    /// The object with the definition.
    pub(crate) definition: &'a str,
    /// The value.
    pub(crate) value: &'a str,
}

impl Reader<'_> {
    /// Reads a reply.
    ///
    /// # Errors
    /// What is wrong with the JSON.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Page, serde_json::Error> {
        let mut page = Page::default();
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let rest = Envelope {
            reader: self,
            path: self.data,
            page: &mut page,
        }
        .deserialize(&mut deserializer)?;
        deserializer.end()?;
        page.rest = rest;
        Ok(page)
    }

    fn context(&self) -> Context<'_> {
        Context {
            custom: self.custom,
            extras: &self.layout.extras,
        }
    }

    fn take_row(&self, page: &mut Page, mut building: Building) {
        if let (Some(slot), Some(parent)) = (self.layout.parent, &self.parent) {
            building.put(slot, Cell::Fits(parent.clone()));
        }
        let key = self
            .key_slot
            .and_then(|slot| building.row.get(slot))
            .cloned()
            .unwrap_or(Value::Null);
        for (extra, mut read) in building.extras.into_iter().enumerate() {
            let parent = self
                .layout
                .extras
                .get(extra)
                .and_then(|extra| extra.layout.parent);
            for row in &mut read.rows {
                if let Some(place) = parent.and_then(|slot| row.get_mut(slot)) {
                    *place = key.clone();
                }
            }
            let at = page.extras.len();
            page.extra_misfits.extend(
                read.misfits
                    .into_iter()
                    .map(|(slot, what)| (at, slot, what)),
            );
            page.extras.push((extra, key.clone(), read.rows));
        }
        let at = page.rows.len();
        page.misfits.extend(
            building
                .misfits
                .into_iter()
                .map(|(slot, what)| (at, slot, what)),
        );
        page.rows.push(building.row);
    }
}

/// A row that is being read.
struct Building {
    row: Row,
    misfits: Vec<(usize, &'static str)>,
    extras: Vec<ExtraRows>,
}

/// Rows of another table in a row that is being read.
#[derive(Default)]
struct ExtraRows {
    rows: Vec<Row>,
    /// Values that did not fit their columns: slot, what was there.
    misfits: Vec<(usize, &'static str)>,
}

impl Building {
    fn new(layout: &Layout) -> Self {
        Self {
            row: vec![Value::Null; layout.width()],
            misfits: Vec::new(),
            extras: layout.extras.iter().map(|_| ExtraRows::default()).collect(),
        }
    }

    fn put(&mut self, slot: usize, cell: Cell) {
        match cell {
            Cell::Fits(value) => {
                if let Some(place) = self.row.get_mut(slot) {
                    *place = value;
                }
            }
            Cell::Misfit(what) => self.misfits.push((slot, what)),
        }
    }
}

impl Building {
    /// Reads the rows of another table in an array.
    fn read_extra(&mut self, at: usize, value: &Json, context: Context<'_>) {
        let Some(layout) = context.extras.get(at).map(|extra| &extra.layout) else {
            return;
        };
        let Some((array, read)) = layout.array.as_ref().zip(self.extras.get_mut(at)) else {
            return;
        };
        for element in value.as_array().into_iter().flatten() {
            let mut building = Self::new(layout);
            let seed = ObjectSeed {
                object: &array.element,
                context: Context {
                    extras: &[],
                    ..context
                },
                building: &mut building,
            };
            // JSON that was read once cannot fail to be read again, unless it is no object.
            if seed.deserialize(element).is_ok() {
                read.misfits.append(&mut building.misfits);
                read.rows.push(building.row);
            }
        }
    }
}

/// What reading an object needs to know beside the object.
#[derive(Clone, Copy)]
struct Context<'r> {
    custom: CustomNames<'r>,
    extras: &'r [super::layout::Extra],
}

/// Walks down to the records; everything beside the way is kept as JSON.
struct Envelope<'r, 'p> {
    reader: &'r Reader<'r>,
    path: &'r [String],
    page: &'p mut Page,
}

impl<'de> DeserializeSeed<'de> for Envelope<'_, '_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.path.is_empty() {
            Records {
                reader: self.reader,
                page: self.page,
            }
            .deserialize(deserializer)?;
            return Ok(Json::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_, '_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object around the records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut rest = serde_json::Map::new();
        while let Some(name) = map.next_key::<String>()? {
            match self.path.split_first() {
                Some((first, path)) if *first == name => {
                    let inner = map.next_value_seed(Envelope {
                        reader: self.reader,
                        path,
                        page: &mut *self.page,
                    })?;
                    rest.insert(name, inner);
                }
                _ => {
                    rest.insert(name, map.next_value()?);
                }
            }
        }
        Ok(Json::Object(rest))
    }
}

/// An array of records, or one record.
struct Records<'r, 'p> {
    reader: &'r Reader<'r>,
    page: &'p mut Page,
}

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("records")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list
            .next_element_seed(Record {
                reader: self.reader,
                page: &mut *self.page,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Record {
            reader: self.reader,
            page: self.page,
        }
        .visit_map(map)
    }
}

/// A record: a row, the array that holds rows, or a plain value that is the only column of a row.
struct Record<'r, 'p> {
    reader: &'r Reader<'r>,
    page: &'p mut Page,
}

impl Record<'_, '_> {
    fn take_value(self, value: &Json) {
        let layout = self.reader.layout;
        let mut building = Building::new(layout);
        for slot in layout
            .record
            .fields()
            .iter()
            .filter_map(|field| field.value)
        {
            building.put(slot.at, cell::of_json(value, slot.sql_type));
        }
        self.page.records += 1;
        self.reader.take_row(self.page, building);
    }
}

impl<'de> DeserializeSeed<'de> for Record<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Record<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.take_value(&Json::from(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.take_value(&Json::from(value));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.take_value(&Json::from(text));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.page.records += 1;
        let layout = self.reader.layout;
        let Some(array) = &layout.array else {
            let mut building = Building::new(layout);
            read_object(&layout.record, self.reader.context(), &mut building, map)?;
            self.reader.take_row(self.page, building);
            return Ok(());
        };
        let first = self.page.rows.len();
        let mut parent = self.reader.parent.clone();
        while let Some(name) = map.next_key::<String>()? {
            if name == array.field {
                map.next_value_seed(Elements {
                    reader: self.reader,
                    element: &array.element,
                    page: &mut *self.page,
                })?;
            } else if Some(name.as_str()) == self.reader.parent_key {
                if let Cell::Fits(value) = map.next_value_seed(CellSeed(self.reader.parent_type))? {
                    parent = Some(value);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if let (Some(slot), Some(parent)) = (layout.parent, parent) {
            for row in self.page.rows.iter_mut().skip(first) {
                if let Some(place) = row.get_mut(slot) {
                    *place = parent.clone();
                }
            }
        }
        Ok(())
    }
}

/// The elements of an array that holds rows.
struct Elements<'r, 'p> {
    reader: &'r Reader<'r>,
    element: &'r Object,
    page: &'p mut Page,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let mut building = Building::new(self.reader.layout);
            let seed = ObjectSeed {
                object: self.element,
                context: self.reader.context(),
                building: &mut building,
            };
            if list.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
            self.reader.take_row(self.page, building);
        }
    }
}

struct ObjectSeed<'r, 'b> {
    object: &'r Object,
    context: Context<'r>,
    building: &'b mut Building,
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

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        read_object(self.object, self.context, self.building, map)
    }
}

fn read_object<'de, A: MapAccess<'de>>(
    object: &Object,
    context: Context<'_>,
    building: &mut Building,
    mut map: A,
) -> Result<(), A::Error> {
    while let Some(name) = map.next_key_seed(FieldName(object))? {
        match name {
            None => {
                map.next_value::<IgnoredAny>()?;
            }
            Some(field) => map.next_value_seed(FieldSeed {
                field,
                context,
                building,
            })?,
        }
    }
    Ok(())
}

/// Looks a name up without keeping it.
struct FieldName<'r>(&'r Object);

impl<'de, 'r> DeserializeSeed<'de> for FieldName<'r> {
    type Value = Option<&'r Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'r> Visitor<'_> for FieldName<'r> {
    type Value = Option<&'r Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.get(name))
    }
}

/// Reads a field into the slots that want something of it.
struct FieldSeed<'r, 'b> {
    field: &'r Field,
    context: Context<'r>,
    building: &'b mut Building,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let field = self.field;
        let is_plain = field.inner.is_empty()
            && field.custom.is_empty()
            && field.marker.is_none()
            && field.extras.is_empty();
        if let (Some(slot), None, true) = (field.value, field.json, is_plain) {
            let cell = CellSeed(slot.sql_type).deserialize(deserializer)?;
            self.building.put(slot.at, cell);
            return Ok(());
        }
        let value = <Json as serde::Deserialize>::deserialize(deserializer)?;
        self.spread(&value);
        Ok(())
    }
}

impl FieldSeed<'_, '_> {
    fn spread(self, value: &Json) {
        let field = self.field;
        if let Some(slot) = field.value {
            self.building
                .put(slot.at, cell::of_json(value, slot.sql_type));
        }
        if let Some(at) = field.json {
            self.building.put(at, json_cell(value));
        }
        if let Some(at) = field.marker.filter(|_| shows_all(value)) {
            self.building.put(at, Cell::Fits(Value::Integer(1)));
        }
        for (name, slot) in &field.inner {
            // A redacted object holds its id only; what is not there is NULL.
            if let Some(inner) = value.get(name) {
                let cell = if slot.is_json {
                    json_cell(inner)
                } else {
                    cell::of_json(inner, slot.sql_type)
                };
                self.building.put(slot.at, cell);
            }
        }
        for &at in &field.extras {
            self.building.read_extra(at, value, self.context);
        }
        for (custom, slot) in &field.custom {
            let Some(found) = custom_value(value, custom, self.context.custom) else {
                continue;
            };
            let cell = show_custom(found, custom, self.context.custom, slot.sql_type);
            self.building.put(slot.at, cell);
        }
    }
}

/// JSON as text; NULL for `null`.
fn json_cell(value: &Json) -> Cell {
    Cell::Fits(match value {
        Json::Null => Value::Null,
        value => Value::Text(value.to_string()),
    })
}

/// Whether an object is there, and not hidden from the user (its `id` and `redacted` are all that is
/// sent then).
fn shows_all(value: &Json) -> bool {
    value.is_object() && value.get("redacted") != Some(&Json::Bool(true))
}

/// The value of one of the account's own fields in a record.
fn custom_value<'j>(
    values: &'j Json,
    custom: &CustomColumn,
    names: CustomNames<'_>,
) -> Option<&'j Json> {
    values.as_array()?.iter().find(|value| {
        value
            .get(names.definition)
            .and_then(|definition| definition.get("id"))
            .and_then(Json::as_i64)
            == Some(custom.definition)
    })
}

fn show_custom(
    found: &Json,
    custom: &CustomColumn,
    names: CustomNames<'_>,
    sql_type: crate::types::SqlType,
) -> Cell {
    let value = found.get(names.value).unwrap_or(&Json::Null);
    // What was never filled in may come as an empty text.
    if value.as_str().is_some_and(str::is_empty)
        && !matches!(sql_type, crate::types::SqlType::Varchar { .. })
    {
        return Cell::Fits(Value::Null);
    }
    match &custom.show {
        CustomShow::Value => cell::of_json(value, sql_type),
        CustomShow::Option(options) => {
            let id = value
                .as_i64()
                .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
            match id.and_then(|id| options.get(&id)) {
                Some(text) => Cell::Fits(Value::Text(text.clone())),
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
