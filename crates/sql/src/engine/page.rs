//! A page of a list, read into rows as the bytes are parsed: what a scan does not need is never
//! built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::cell::{self, Cell, CellSeed};
use super::layout::{Field, Form, Layout, Object, Slot};
use super::row::{Batch, Row};
use crate::catalog::{CustomColumn, CustomShow};
use crate::types::SqlType;
use crate::value::{Value, ValueRef};

/// A page of rows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// The records received, which are not the rows where those are elements of arrays.
    pub(crate) records: u64,
    /// Values that did not fit their columns.
    pub(crate) misfits: Vec<Misfit>,
    /// Rows of other tables that the records hold, one for each of [`Layout::extras`].
    pub(crate) extras: Vec<ExtraRows>,
    /// All that the reply holds beside its records.
    pub(crate) rest: Json,
}

/// Rows of another table that the records of a page hold.
#[derive(Debug, Default)]
pub(crate) struct ExtraRows {
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// Values that did not fit their columns.
    pub(crate) misfits: Vec<Misfit>,
    /// The key of each record, and how many of the rows are its.
    pub(crate) groups: Vec<(Value, usize)>,
}

/// A value that did not fit its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The position of its row.
    pub(crate) row: usize,
    /// Its slot.
    pub(crate) slot: usize,
    /// What was there.
    pub(crate) what: &'static str,
}

/// How a page is read.
pub(crate) struct Reader<'a> {
    pub(crate) layout: &'a Layout,
    /// The segments of the pointer to the records.
    pub(crate) data: &'a [String],
    /// The field with the key of a record that holds an array.
    pub(crate) parent_key: Option<&'a str>,
    /// Its type.
    pub(crate) parent_type: SqlType,
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
        // To look at all bytes once is quicker than at each text on its own.
        match std::str::from_utf8(body) {
            Ok(text) => self.read_from(serde_json::Deserializer::from_str(text)),
            Err(_) => self.read_from(serde_json::Deserializer::from_slice(body)),
        }
    }

    fn read_from<'de>(
        &self,
        mut deserializer: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
    ) -> Result<Page, serde_json::Error> {
        let mut building = Building::new(self.layout);
        let rest = Envelope {
            reader: self,
            path: self.data,
            building: &mut building,
        }
        .deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(building.into_page(rest))
    }

    fn context(&self) -> Context<'_> {
        Context {
            custom: self.custom,
            extras: &self.layout.extras,
        }
    }

    /// Does what is left to do with a row when its record has been read.
    fn finish_row(&self, building: &mut Building) {
        let row = building.rows.last();
        if let (Some(slot), Some(parent)) = (self.layout.parent, &self.parent) {
            building.rows.batch.set(row, slot, parent.into());
        }
        if building.extras.is_empty() {
            return;
        }
        let key = self
            .key_slot
            .and_then(|slot| building.rows.batch.get(row, slot))
            .map_or(Value::Null, Value::from);
        for (extra, read) in self.layout.extras.iter().zip(&mut building.extras) {
            read.end_group(&key, extra.layout.parent);
        }
    }
}

/// A page that is being read.
struct Building {
    rows: Sheet,
    records: u64,
    extras: Vec<ExtraSheet>,
}

/// Rows of one table that are being read.
struct Sheet {
    batch: Batch,
    misfits: Vec<Misfit>,
}

/// Rows of another table that are being read, in the arrays of the records.
struct ExtraSheet {
    rows: Sheet,
    groups: Vec<(Value, usize)>,
    /// The rows that belong to records before this one.
    grouped: usize,
}

impl Building {
    fn new(layout: &Layout) -> Self {
        let extra = |extra: &super::layout::Extra| ExtraSheet {
            rows: Sheet::new(&extra.layout),
            groups: Vec::new(),
            grouped: 0,
        };
        Self {
            rows: Sheet::new(layout),
            records: 0,
            extras: layout.extras.iter().map(extra).collect(),
        }
    }

    fn into_page(self, rest: Json) -> Page {
        let extra = |extra: ExtraSheet| ExtraRows {
            rows: extra.rows.batch.into_rows(),
            misfits: extra.rows.misfits,
            groups: extra.groups,
        };
        Page {
            rows: self.rows.batch.into_rows(),
            records: self.records,
            misfits: self.rows.misfits,
            extras: self.extras.into_iter().map(extra).collect(),
            rest,
        }
    }
}

impl Sheet {
    fn new(layout: &Layout) -> Self {
        Self {
            batch: Batch::new(layout.width()),
            misfits: Vec::new(),
        }
    }

    /// The position of the last row.
    fn last(&self) -> usize {
        self.batch.len().saturating_sub(1)
    }

    /// Puts a value into the last row.
    fn put(&mut self, slot: usize, cell: Cell<'_>) {
        let row = self.last();
        match cell {
            Cell::Null => self.batch.set(row, slot, ValueRef::Null),
            Cell::Integer(number) => self.batch.set(row, slot, ValueRef::Integer(number)),
            Cell::Real(number) => self.batch.set(row, slot, ValueRef::Real(number)),
            Cell::Text(text) => self.batch.set(row, slot, ValueRef::Text(&text)),
            Cell::Misfit(what) => self.misfits.push(Misfit { row, slot, what }),
        }
    }
}

impl ExtraSheet {
    /// Reads the rows in an array.
    fn read(&mut self, layout: &Layout, value: &Json, context: Context<'_>) {
        let Some(array) = &layout.array else {
            return;
        };
        for element in value.as_array().into_iter().flatten() {
            let seed = ObjectSeed {
                object: &array.element,
                context: Context {
                    extras: &[],
                    ..context
                },
                into: Target {
                    rows: &mut self.rows,
                    extras: &mut [],
                },
            };
            // JSON that was read once cannot fail to be read again, unless it is no object: no row.
            let _ = seed.deserialize(element);
        }
    }

    /// Gives the rows since the last record the key of theirs.
    fn end_group(&mut self, key: &Value, parent: Option<usize>) {
        let rows = self.grouped..self.rows.batch.len();
        self.grouped = rows.end;
        self.groups.push((key.clone(), rows.len()));
        if let Some(slot) = parent {
            for row in rows {
                self.rows.batch.set(row, slot, key.into());
            }
        }
    }
}

/// Where the values of a record go.
struct Target<'b> {
    rows: &'b mut Sheet,
    extras: &'b mut [ExtraSheet],
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
    building: &'p mut Building,
}

impl<'de> DeserializeSeed<'de> for Envelope<'_, '_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.path.is_empty() {
            Records {
                reader: self.reader,
                building: self.building,
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
                        building: &mut *self.building,
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
    building: &'p mut Building,
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
                building: &mut *self.building,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Record {
            reader: self.reader,
            building: self.building,
        }
        .visit_map(map)
    }
}

/// A record: a row, the array that holds rows, or a plain value that is the only column of a row.
struct Record<'r, 'p> {
    reader: &'r Reader<'r>,
    building: &'p mut Building,
}

impl Record<'_, '_> {
    fn take_value(self, value: &Json) {
        let Building { rows, records, .. } = self.building;
        *records += 1;
        rows.batch.add_row();
        for slot in self
            .reader
            .layout
            .record
            .fields()
            .iter()
            .filter_map(|field| field.value)
        {
            rows.put(slot.at, cell::of_json(value, slot.sql_type));
        }
        self.reader.finish_row(self.building);
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
        self.building.records += 1;
        let layout = self.reader.layout;
        let Some(array) = &layout.array else {
            self.building.rows.batch.add_row();
            let mut into = Target {
                rows: &mut self.building.rows,
                extras: &mut self.building.extras,
            };
            read_object(&layout.record, self.reader.context(), &mut into, map)?;
            self.reader.finish_row(self.building);
            return Ok(());
        };
        let first = self.building.rows.batch.len();
        let mut parent = self.reader.parent.clone();
        while let Some(name) = map.next_key::<String>()? {
            if name == array.field {
                map.next_value_seed(Elements {
                    reader: self.reader,
                    element: &array.element,
                    building: &mut *self.building,
                })?;
            } else if Some(name.as_str()) == self.reader.parent_key {
                let key: Json = map.next_value()?;
                parent = key_of(&key, self.reader.parent_type).or(parent);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if let (Some(slot), Some(parent)) = (layout.parent, parent) {
            let batch = &mut self.building.rows.batch;
            for row in first..batch.len() {
                batch.set(row, slot, ValueRef::from(&parent));
            }
        }
        Ok(())
    }
}

/// A key, if it is one.
fn key_of(value: &Json, sql_type: SqlType) -> Option<Value> {
    match cell::of_json(value, sql_type) {
        Cell::Null => Some(Value::Null),
        Cell::Integer(number) => Some(Value::Integer(number)),
        Cell::Real(number) => Some(Value::Real(number)),
        Cell::Text(text) => Some(Value::Text(text.into_owned())),
        Cell::Misfit(_) => None,
    }
}

/// The elements of an array that holds rows.
struct Elements<'r, 'p> {
    reader: &'r Reader<'r>,
    element: &'r Object,
    building: &'p mut Building,
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
            let seed = ObjectSeed {
                object: self.element,
                context: self.reader.context(),
                into: Target {
                    rows: &mut self.building.rows,
                    extras: &mut self.building.extras,
                },
            };
            if list.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
            self.reader.finish_row(self.building);
        }
    }
}

/// Reads an object as a row.
struct ObjectSeed<'r, 'b> {
    object: &'r Object,
    context: Context<'r>,
    into: Target<'b>,
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

fn read_object<'de, A: MapAccess<'de>>(
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
                self.spread(&value);
                Ok(())
            }
        }
    }
}

/// Reads the fields of an object that is nothing but an object.
struct InnerFields<'r, 'b> {
    field: &'r Field,
    rows: &'b mut Sheet,
}

impl<'de> Visitor<'de> for InnerFields<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    // What is no object shows none of its fields.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
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
    fn spread(self, value: &Json) {
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
                into.read(&extra.layout, value, self.context);
            }
        }
        for (custom, slot) in &field.custom {
            let Some(found) = custom_value(value, custom, self.context.custom) else {
                continue;
            };
            let cell = show_custom(found, custom, self.context.custom, slot.sql_type);
            rows.put(slot.at, cell);
        }
    }
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
