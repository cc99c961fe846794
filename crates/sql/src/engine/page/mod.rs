//! A page of a list, read into rows as the bytes are parsed: what a scan does not need is never
//! built.
//!
//! This file walks down to the records; [`record`] reads one, and [`building`] keeps the rows.

mod building;
mod record;
mod repair;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::cell::{self, Cell};
use super::layout::{Layout, Object};
use super::row::Row;
use crate::types::SqlType;
use crate::value::{Value, ValueRef};
use building::Building;
use record::{Context, ObjectSeed, read_object};

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
    /// What the reply holds as its records.
    pub(crate) data: Data,
    /// A row in an array has no key of the record that holds it.
    pub(crate) lacks_parent: bool,
    /// All that the reply holds beside its records.
    pub(crate) rest: Json,
}

/// What a reply holds as its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Data {
    /// Nothing.
    #[default]
    Missing,
    /// What belongs there.
    Right,
    /// Something else.
    Wrong(&'static str),
    /// Among its records, something else.
    WrongRecord(&'static str),
}

/// What a reply has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// An array of records.
    Records,
    /// An array of plain values: those of the only column that a record holds.
    Values,
    /// One record.
    Record,
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
    /// What the reply has to hold.
    pub(crate) expected: Expected,
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
        let read = match std::str::from_utf8(body) {
            Ok(text) => self.read_from(serde_json::Deserializer::from_str(text), false),
            Err(_) => self.read_from(serde_json::Deserializer::from_slice(body), false),
        };
        read.or_else(|error| {
            // One text that is no Unicode is no reason to give all of the page up.
            let repaired = repair::repaired(body).ok_or(error)?;
            self.read_from(serde_json::Deserializer::from_str(&repaired), true)
        })
    }

    fn read_from<'de>(
        &self,
        mut deserializer: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
        is_marked: bool,
    ) -> Result<Page, serde_json::Error> {
        let mut building = Building::new(self.layout, is_marked);
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

impl Records<'_, '_> {
    #[allow(clippy::unnecessary_wraps, reason = "what the visitor returns")]
    fn wrong<E>(self, what: &'static str) -> Result<(), E> {
        self.building.data = Data::Wrong(what);
        Ok(())
    }
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
        self.wrong("null")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.wrong("a boolean")
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.wrong("a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.reader.expected == Expected::Record {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return self.wrong("an array");
        }
        self.building.data = Data::Right;
        while list
            .next_element_seed(Record {
                reader: self.reader,
                building: &mut *self.building,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.reader.expected != Expected::Record {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.wrong("an object");
        }
        self.building.data = Data::Right;
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
    #[allow(clippy::unnecessary_wraps, reason = "what the visitor returns")]
    fn wrong<E>(self, what: &'static str) -> Result<(), E> {
        self.building.data = Data::WrongRecord(what);
        Ok(())
    }

    fn take_value<E>(self, value: &Json) -> Result<(), E> {
        if self.reader.expected != Expected::Values {
            return self.wrong(cell::kind_of(value));
        }
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
        Ok(())
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

    fn visit_unit<E>(self) -> Result<(), E> {
        self.wrong("null")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.wrong("a boolean")
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.wrong("an array")
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.take_value(&Json::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.take_value(&Json::from(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.take_value(&Json::from(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.reader.expected == Expected::Values {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.wrong("an object");
        }
        self.building.records += 1;
        let layout = self.reader.layout;
        let Some(array) = &layout.array else {
            self.building.rows.batch.add_row();
            let mut into = self.building.target();
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
        let rows = first..self.building.rows.batch.len();
        let parent = parent.filter(|parent| *parent != Value::Null);
        match (layout.parent, parent) {
            (Some(slot), Some(parent)) => {
                let batch = &mut self.building.rows.batch;
                for row in rows {
                    batch.set(row, slot, ValueRef::from(&parent));
                }
            }
            (Some(_), None) => self.building.lacks_parent |= !rows.is_empty(),
            (None, _) => {}
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
                into: self.building.target(),
            };
            if list.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
            self.reader.finish_row(self.building);
        }
    }
}
