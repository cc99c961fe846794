//! A page of a list, read into rows as the bytes are parsed: what a scan does not need is never
//! built.
//!
//! This file walks down to the records; [`record`] reads one, and [`building`] keeps the rows.

mod building;
mod record;
mod repair;

use serde_json::Value as Tree;

use super::cell::{self, Cell};
use super::json::{Json, Value as Read, Wrong};
use super::layout::{ArrayRows, Layout, Object};
use super::row::Row;
use crate::types::SqlType;
use crate::value::{Value, ValueRef};
use building::Building;
use record::{Context, read_object};

/// A page of rows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// The records received, which are not the rows where those are elements of arrays.
    pub(crate) records: u64,
    /// Values that did not fit their columns.
    pub(crate) misfits: Vec<Misfit>,
    /// Records that are shown by a name which did not come.
    pub(crate) unnamed: Vec<Unnamed>,
    /// Rows of other tables that the records hold, one for each of [`Layout::extras`].
    pub(crate) extras: Vec<ExtraRows>,
    /// What the reply holds as its records.
    pub(crate) data: Data,
    /// A row in an array has no key of the record that holds it.
    pub(crate) lacks_parent: bool,
    /// All that the reply holds beside its records.
    pub(crate) rest: Tree,
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

/// A record that a value stands for, without the text that its column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unnamed {
    /// The position of the row.
    pub(crate) row: usize,
    /// The slot of the text.
    pub(crate) slot: usize,
    /// The record's `id`.
    pub(crate) id: i64,
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
    /// Where it is not the JSON that it has to be.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Page, Wrong> {
        let read = match std::str::from_utf8(body) {
            Ok(text) => self.read_text(text, false),
            Err(error) => Err(Wrong::behind(error.valid_up_to())),
        };
        read.or_else(|wrong| {
            // One text that is no Unicode is no reason to give all of the page up.
            let repaired = repair::repaired(body).ok_or(wrong)?;
            self.read_text(&repaired, true)
        })
    }

    fn read_text(&self, text: &str, is_marked: bool) -> Result<Page, Wrong> {
        let mut json = Json::new(text);
        let mut building = Building::new(self.layout, is_marked);
        let rest = self.read_envelope(&mut json, self.data, &mut building)?;
        json.end()?;
        Ok(building.into_page(rest))
    }

    /// Walks down to the records; everything beside the way is kept.
    fn read_envelope(
        &self,
        json: &mut Json<'_>,
        path: &[String],
        building: &mut Building,
    ) -> Result<Tree, Wrong> {
        let Some((first, path)) = path.split_first() else {
            self.read_records(json, building)?;
            return Ok(Tree::Null);
        };
        let (mut members, mut rest) = (json.object()?, serde_json::Map::new());
        while let Some(name) = members.next_name(json)? {
            let value = if name == *first {
                self.read_envelope(json, path, building)?
            } else {
                json.tree()?
            };
            rest.insert(name.into_owned(), value);
        }
        Ok(Tree::Object(rest))
    }

    /// Reads an array of records, or one record.
    fn read_records(&self, json: &mut Json<'_>, building: &mut Building) -> Result<(), Wrong> {
        match (json.peek()?, self.expected) {
            (b'{', Expected::Record) => {
                building.data = Data::Right;
                self.read_record(json, building)
            }
            (b'[', Expected::Records | Expected::Values) => {
                building.data = Data::Right;
                let mut records = json.array()?;
                while records.next_element(json)? {
                    self.read_record(json, building)?;
                }
                Ok(())
            }
            _ => {
                building.data = Data::Wrong(json.value()?.kind());
                Ok(())
            }
        }
    }

    /// Reads a record: a row, the array that holds rows, or a plain value that is the only column of
    /// a row.
    fn read_record(&self, json: &mut Json<'_>, building: &mut Building) -> Result<(), Wrong> {
        if json.peek()? == b'{' && self.expected != Expected::Values {
            building.records += 1;
            if let Some(array) = &self.layout.array {
                return self.read_holder(json, array, building);
            }
            building.rows.batch.add_row();
            let mut into = building.target();
            read_object(json, &self.layout.record, self.context(), &mut into)?;
            self.finish_row(building);
            return Ok(());
        }
        let value = json.value()?;
        let is_plain = matches!(
            value,
            Read::Integer(_) | Read::Unsigned(_) | Read::Text(_) if self.expected == Expected::Values
        );
        if !is_plain {
            building.data = Data::WrongRecord(value.kind());
            return Ok(());
        }
        let Building { rows, records, .. } = &mut *building;
        *records += 1;
        rows.batch.add_row();
        for slot in self
            .layout
            .record
            .fields()
            .iter()
            .filter_map(|field| field.value)
        {
            rows.put(slot.at, cell::of_value(value.clone(), slot.sql_type));
        }
        self.finish_row(building);
        Ok(())
    }

    /// Reads a record whose array holds the rows.
    fn read_holder(
        &self,
        json: &mut Json<'_>,
        array: &ArrayRows,
        building: &mut Building,
    ) -> Result<(), Wrong> {
        let first = building.rows.batch.len();
        let mut parent = self.parent.clone();
        let mut members = json.object()?;
        while let Some(name) = members.next_name(json)? {
            if name == array.field {
                self.read_elements(json, &array.element, building)?;
            } else if Some(&*name) == self.parent_key {
                parent = key_of(json.value()?, self.parent_type).or(parent);
            } else {
                json.skip()?;
            }
        }
        let rows = first..building.rows.batch.len();
        let parent = parent.filter(|parent| *parent != Value::Null);
        match (self.layout.parent, parent) {
            (Some(slot), Some(parent)) => {
                for row in rows {
                    building.rows.batch.set(row, slot, ValueRef::from(&parent));
                }
            }
            (Some(_), None) => building.lacks_parent |= !rows.is_empty(),
            (None, _) => {}
        }
        Ok(())
    }

    /// Reads the elements of an array that holds rows.
    fn read_elements(
        &self,
        json: &mut Json<'_>,
        element: &Object,
        building: &mut Building,
    ) -> Result<(), Wrong> {
        if json.peek()? == b'n' {
            return json.skip();
        }
        let mut elements = json.array()?;
        while elements.next_element(json)? {
            building.rows.batch.add_row();
            read_object(json, element, self.context(), &mut building.target())?;
            self.finish_row(building);
        }
        Ok(())
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

/// A key, if it is one.
fn key_of(value: Read<'_>, sql_type: SqlType) -> Option<Value> {
    match cell::of_value(value, sql_type) {
        Cell::Null => Some(Value::Null),
        Cell::Integer(number) => Some(Value::Integer(number)),
        Cell::Real(number) => Some(Value::Real(number)),
        Cell::Text(text) => Some(Value::Text(text.into_owned())),
        Cell::Misfit(_) => None,
    }
}
